package binding

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/core/override"
	"github.com/seaway-io/seaway/controllers/core/render"
	"github.com/seaway-io/seaway/controllers/hub"
)

// template reads what the binding is about; nil when it is gone.
func (r *reconciler) template(ctx context.Context, b workv1alpha2.Binding) (*unstructured.Unstructured, error) {
	ref := b.GetBindingSpec().Resource
	template := &unstructured.Unstructured{}
	template.SetAPIVersion(ref.APIVersion)
	template.SetKind(ref.Kind)
	err := r.live.Get(ctx, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}, template)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the template %s %s/%s: %w", ref.Kind, ref.Namespace, ref.Name, err)
	}
	return template, nil
}

// gather reads what rendering needs besides the template.
func (r *reconciler) gather(ctx context.Context, b workv1alpha2.Binding, template *unstructured.Unstructured, existing map[string]*workv1alpha1.Work) (render.Input, error) {
	in := render.Input{
		Binding: b, Template: template, Interpreter: r.interpreter,
		Clusters: map[string]*clusterv1alpha1.Cluster{},
		WorkID: func(cluster string) string {
			if w := existing[cluster]; w != nil && w.Labels[names.WorkPermanentID] != "" {
				return w.Labels[names.WorkPermanentID]
			}
			return string(uuid.NewUUID())
		},
	}
	for _, name := range render.Clusters(b.GetBindingSpec()) {
		cluster := &clusterv1alpha1.Cluster{}
		err := r.client.Get(ctx, types.NamespacedName{Name: name}, cluster, client.UnsafeDisableDeepCopy)
		switch {
		case err == nil:
			in.Clusters[name] = cluster
		case !apierrors.IsNotFound(err):
			return in, fmt.Errorf("read cluster %s: %w", name, err)
		}
	}
	var err error
	in.Overrides, err = r.overrides(ctx, template)
	return in, err
}

// overrides picks the policies that concern the template.
func (r *reconciler) overrides(ctx context.Context, template *unstructured.Unstructured) (override.Policies, error) {
	var cops []policyv1alpha1.ClusterOverridePolicy
	var ops []policyv1alpha1.OverridePolicy
	for _, kind := range []string{everyKind, kindKey(template.GetAPIVersion(), template.GetKind())} {
		matching := client.MatchingFields{indexSelects: kind}
		var global policyv1alpha1.ClusterOverridePolicyList
		if err := r.client.List(ctx, &global, matching, client.UnsafeDisableDeepCopy); err != nil {
			return override.Policies{}, fmt.Errorf("list ClusterOverridePolicies: %w", err)
		}
		cops = append(cops, global.Items...)
		if template.GetNamespace() == "" {
			continue
		}
		var local policyv1alpha1.OverridePolicyList
		if err := r.client.List(ctx, &local, matching, client.InNamespace(template.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
			return override.Policies{}, fmt.Errorf("list OverridePolicies: %w", err)
		}
		ops = append(ops, local.Items...)
	}
	return override.Select(template, cops, ops), nil
}

// bindingOf maps a Work to its binding.
func (r *reconciler) bindingOf(_ context.Context, work client.Object) []reconcile.Request {
	key, global, ok := works.Binding(work)
	if !ok || global != r.global() {
		return nil
	}
	return []reconcile.Request{{NamespacedName: key}}
}

// placedIn maps a cluster to the bindings that place something in it.
func (r *reconciler) placedIn(ctx context.Context, cluster client.Object) []reconcile.Request {
	return r.requests(ctx, client.MatchingFields{hub.IndexBindingByCluster: cluster.GetName()})
}

// overridden maps an override policy to the bindings whose templates it may select. Labels of
// templates are not known here: a label selector counts as its whole kind.
func (r *reconciler) overridden(ctx context.Context, obj client.Object) []reconcile.Request {
	selectors := obj.(policyv1alpha1.Override).GetOverrideSpec().ResourceSelectors
	own := client.InNamespace(obj.GetNamespace())
	if len(selectors) == 0 {
		return r.requests(ctx, own)
	}
	var out []reconcile.Request
	for _, s := range selectors {
		kind := schema.FromAPIVersionAndKind(s.APIVersion, s.Kind)
		key := hub.TemplateKind(kind)
		if s.Name != "" {
			key = hub.TemplateName(kind, s.Name)
		}
		namespace := own
		if namespace == "" {
			namespace = client.InNamespace(s.Namespace)
		}
		out = append(out, r.requests(ctx, namespace, client.MatchingFields{hub.IndexBindingByTemplate: key})...)
	}
	return out
}

// ofKind are the bindings of all templates of a kind.
func (r *reconciler) ofKind(ctx context.Context, kind schema.GroupVersionKind) ([]reconcile.Request, error) {
	return hub.BindingRequests(ctx, r.client, r.global(), client.MatchingFields{hub.IndexBindingByTemplate: hub.TemplateKind(kind)})
}

func (r *reconciler) requests(ctx context.Context, opts ...client.ListOption) []reconcile.Request {
	out, err := hub.BindingRequests(ctx, r.client, r.global(), opts...)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the bindings that an event is about")
	}
	return out
}
