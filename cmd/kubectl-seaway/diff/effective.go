package diff

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/override"
	"github.com/seaway-io/seaway/controllers/core/render"
)

// effective is what the hub wants of an object in a cluster, and what it said last.
type effective struct {
	template *unstructured.Unstructured
	cluster  *clusterv1alpha1.Cluster
	// work is the key of the Work, there or not.
	work types.NamespacedName
	// present is in the Work that there is, desired would be; nil for nothing.
	present, desired *unstructured.Unstructured
	// preserve says that what is no longer wanted stays in the cluster.
	preserve    bool
	interpreter *interpret.Interpreter
	notes       []string
}

func (e *effective) note(format string, args ...any) {
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

// unmade stands for the permanent id of a Work that is not made yet.
const unmade = "not-made-yet"

func (d *differ) effective(ctx context.Context, kind, name, cluster string, files *contents) (*effective, error) {
	live, err := d.Object(ctx, kind, name)
	if err != nil {
		return nil, err
	}
	b, err := d.binding(ctx, live)
	if err != nil {
		return nil, err
	}
	e := &effective{cluster: &clusterv1alpha1.Cluster{}}
	if err := d.Get(ctx, types.NamespacedName{Name: cluster}, e.cluster); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("there is no cluster %q; `kubectl get clusters` lists them", cluster)
		}
		return nil, fmt.Errorf("get cluster %q: %w", cluster, err)
	}
	if err := d.template(ctx, e, live, b.GetBindingSpec().Resource.APIVersion, files); err != nil {
		return nil, err
	}
	template := e.template
	if err := d.interpreter(ctx, e); err != nil {
		return nil, err
	}
	overrides, err := d.overrides(ctx, template, files)
	if err != nil {
		return nil, err
	}
	work, err := d.workOf(ctx, e)
	if err != nil {
		return nil, err
	}
	rendered := render.Works(render.Input{
		Binding: b, Template: template, Overrides: overrides, Interpreter: e.interpreter,
		Clusters: map[string]*clusterv1alpha1.Cluster{cluster: e.cluster},
		WorkID: func(string) string {
			if work != nil && work.Labels[names.WorkPermanentID] != "" {
				return work.Labels[names.WorkPermanentID]
			}
			return unmade
		},
	})
	i := slices.IndexFunc(rendered, func(r render.Rendered) bool { return r.Cluster == cluster })
	if i < 0 {
		return e, e.left(b.GetBindingSpec())
	}
	if rendered[i].Err != nil {
		return nil, fmt.Errorf("its Work cannot be made: %w", rendered[i].Err)
	}
	if e.desired, err = manifestOf(rendered[i].Work); err != nil {
		return nil, err
	}
	e.explain(b, rendered[i], files)
	return e, nil
}

// binding is where the object has been placed.
func (d *differ) binding(ctx context.Context, live *unstructured.Unstructured) (workv1alpha2.Binding, error) {
	var b workv1alpha2.Binding = &workv1alpha2.ResourceBinding{}
	if live.GetNamespace() == "" {
		b = &workv1alpha2.ClusterResourceBinding{}
	}
	key := client.ObjectKey{Namespace: live.GetNamespace(), Name: names.BindingName(live.GetKind(), live.GetName())}
	err := d.Get(ctx, key, b)
	switch ref := b.GetBindingSpec().Resource; {
	case meta.IsNoMatchError(err):
		return nil, fmt.Errorf("the hub serves no bindings: is Seaway installed there? (%w)", err)
	case apierrors.IsNotFound(err) && group(live) == schema.GroupKind{Kind: "Namespace"}:
		return nil, fmt.Errorf("%s has no binding: no policy propagates it, and it goes to every cluster by itself unless it is skipped", what(live))
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%s has no binding: it goes nowhere; `kubectl seaway explain placement` says why", what(live))
	case err != nil:
		return nil, fmt.Errorf("get binding %s: %w", key, err)
	case schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).GroupKind() != group(live) || ref.Name != live.GetName():
		return nil, fmt.Errorf("the binding %s is of another object, %s %s of %s", key, ref.Kind, ref.Name, ref.APIVersion)
	}
	return b, nil
}

// template takes the object in the version in which its binding refers to it, or as the files have it.
func (d *differ) template(ctx context.Context, e *effective, live *unstructured.Unstructured, apiVersion string, files *contents) error {
	e.template = live
	if live.GetAPIVersion() != apiVersion {
		e.template = &unstructured.Unstructured{}
		e.template.SetGroupVersionKind(schema.FromAPIVersionAndKind(apiVersion, live.GetKind()))
		if err := d.Get(ctx, client.ObjectKeyFromObject(live), e.template); err != nil {
			return fmt.Errorf("get %s as %s: %w", what(live), apiVersion, err)
		}
	}
	for _, obj := range files.templates {
		edited := asTemplate(obj, e.template)
		switch {
		case edited == nil:
			e.note("%s of the files is not looked at: it is neither the object asked for nor an override policy", what(obj))
		case edited.GetAPIVersion() != apiVersion:
			return fmt.Errorf("%s is %s in the file and %s on the hub; write it as the latter", what(live), edited.GetAPIVersion(), apiVersion)
		default:
			e.template = edited
			e.note("the object is taken from the file, its placement as it is now")
		}
	}
	return nil
}

// overrides are the policies of the hub for the template, with those of the files in their places.
func (d *differ) overrides(ctx context.Context, template *unstructured.Unstructured, files *contents) (override.Policies, error) {
	if err := files.complete(d.Namespace); err != nil {
		return override.Policies{}, err
	}
	var cops policyv1alpha1.ClusterOverridePolicyList
	if err := d.List(ctx, &cops); err != nil {
		return override.Policies{}, fmt.Errorf("list cluster override policies: %w", err)
	}
	var ops policyv1alpha1.OverridePolicyList
	if template.GetNamespace() != "" {
		if err := d.List(ctx, &ops, client.InNamespace(template.GetNamespace())); err != nil {
			return override.Policies{}, fmt.Errorf("list override policies: %w", err)
		}
	}
	return override.Select(template, inPlaceOf(cops.Items, files.cops), inPlaceOf(ops.Items, files.ops)), nil
}

// workOf reads the Work of the cluster; nil when there is none.
func (d *differ) workOf(ctx context.Context, e *effective) (*workv1alpha1.Work, error) {
	e.work = types.NamespacedName{
		Namespace: names.ExecutionNamespace(e.cluster.Name),
		Name:      names.WorkName(e.template.GetKind(), e.template.GetName(), e.template.GetNamespace()),
	}
	work := &workv1alpha1.Work{}
	err := d.Get(ctx, e.work, work)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get Work %s: %w", e.work, err)
	}
	if work.DeletionTimestamp != nil {
		e.note("the Work of before is on its way out: a new one is made when it is gone")
	}
	e.preserve = work.Spec.PreserveResourcesOnDeletion != nil && *work.Spec.PreserveResourcesOnDeletion
	if len(work.Spec.Workload.Manifests) == 0 {
		return work, nil
	}
	e.present, err = manifestOf(work)
	return work, err
}

func manifestOf(work *workv1alpha1.Work) (*unstructured.Unstructured, error) {
	obj := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(work.Spec.Workload.Manifests[0].Raw, &obj.Object); err != nil {
		return nil, fmt.Errorf("the manifest of Work %s/%s: %w", work.Namespace, work.Name, err)
	}
	return obj, nil
}

// left says what becomes of an object in a cluster that is none of its targets.
func (e *effective) left(spec *workv1alpha2.ResourceBindingSpec) error {
	switch {
	case e.present == nil:
		return fmt.Errorf("%s is not placed in cluster %q: it is in %s; `kubectl seaway explain placement` says why",
			what(e.template), e.cluster.Name, placed(spec))
	case render.Kept(spec).Has(e.cluster.Name):
		e.desired = e.present
		e.note("it is leaving the cluster and stays there as it is until then")
	case e.preserve:
		e.note("it is no longer placed in the cluster; the policy has the hub let go of it there, not delete it")
	default:
		e.note("it is no longer placed in the cluster: the hub deletes it there")
	}
	return nil
}

func placed(spec *workv1alpha2.ResourceBindingSpec) string {
	clusters := render.Clusters(spec)
	if len(clusters) == 0 {
		return "none"
	}
	slices.Sort(clusters)
	return strings.Join(clusters, ", ")
}

// explain notes what is not seen in a difference.
func (e *effective) explain(b workv1alpha2.Binding, r render.Rendered, files *contents) {
	cluster, namespaced := policiesOf(r.Applied.Cluster), policiesOf(r.Applied.Namespaced)
	for _, p := range files.policies() {
		_, local := p.(*policyv1alpha1.OverridePolicy)
		if local && (!namespaced.Has(p.GetName()) || p.GetNamespace() != e.template.GetNamespace()) || !local && !cluster.Has(p.GetName()) {
			e.note("%s changes nothing here: it does not select the object, or has no rule for the cluster", label(p))
		}
	}
	if len(cluster) > 0 {
		e.note("changed by ClusterOverridePolicies: %s", strings.Join(sets.List(cluster), ", "))
	}
	if len(namespaced) > 0 {
		e.note("changed by OverridePolicies: %s", strings.Join(sets.List(namespaced), ", "))
	}
	if r.Work.Spec.SuspendDispatching != nil && *r.Work.Spec.SuspendDispatching {
		e.note("dispatching to the cluster is suspended: nothing is written until it goes on")
	}
	if leaving := render.LeavingDirectly(b.GetBindingSpec()); len(leaving) > 0 {
		e.note("nothing is written until it has left %s", strings.Join(sets.List(leaving), ", "))
	}
}

func policiesOf(rules []override.AppliedRule) sets.Set[string] {
	out := sets.New[string]()
	for _, r := range rules {
		out.Insert(r.PolicyName)
	}
	return out
}

// what names an object.
func what(obj *unstructured.Unstructured) string {
	if obj.GetNamespace() == "" {
		return obj.GetKind() + " " + obj.GetName()
	}
	return obj.GetKind() + " " + obj.GetNamespace() + "/" + obj.GetName()
}
