package explain

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/interpret/bundled"
)

// policy is a policy with its defaults, and what is wrong with it. It is the embedded one that goes
// by its type with others.
type policy struct {
	policyv1alpha1.Propagation
	errs field.ErrorList
	// ready is what decides; it holds the same object.
	ready *claim.Policy
	// live is the one of the same name on the hub, if this one is of a file.
	live policyv1alpha1.Propagation
	file bool
}

func newPolicy(p policyv1alpha1.Propagation) *policy {
	ready := claim.Prepare(p)
	return &policy{Propagation: ready.Propagation, errs: ready.Errors, ready: ready}
}

// String names a policy as the rest of the product does.
func (p *policy) String() string {
	if p.GetNamespace() != "" {
		return "PropagationPolicy/" + p.GetNamespace() + "/" + p.GetName()
	}
	return "ClusterPropagationPolicy/" + p.GetName()
}

// policies are those of the hub, with those of files in their place.
type policies struct {
	hub   *hub
	files []*policy
	known map[string][]*policy // by namespace; those of "" are cluster-scoped
}

func (h *hub) policies(files ...*policy) *policies {
	return &policies{hub: h, files: files, known: map[string][]*policy{}}
}

// newID stands for the permanent id of a policy that is not applied yet.
const newID = "not-applied-yet"

// in are the policies of a namespace, or those that are cluster-scoped.
func (p *policies) in(ctx context.Context, namespace string) ([]*policy, error) {
	if known, ok := p.known[namespace]; ok {
		return known, nil
	}
	var all []*policy
	if namespace == "" {
		var list policyv1alpha1.ClusterPropagationPolicyList
		if err := p.hub.List(ctx, &list); err != nil {
			return nil, fmt.Errorf("list cluster propagation policies: %w", err)
		}
		for i := range list.Items {
			all = append(all, newPolicy(&list.Items[i]))
		}
	} else {
		var list policyv1alpha1.PropagationPolicyList
		if err := p.hub.List(ctx, &list, client.InNamespace(namespace)); err != nil {
			return nil, fmt.Errorf("list propagation policies: %w", err)
		}
		for i := range list.Items {
			all = append(all, newPolicy(&list.Items[i]))
		}
	}
	for _, f := range p.files {
		if f.GetNamespace() == namespace {
			all = f.replace(all)
		}
	}
	p.known[namespace] = all
	return all, nil
}

// replace puts a policy of a file in the place of the one of its name, whose identity it takes over
// and which it may not change in every respect.
func (p *policy) replace(all []*policy) []*policy {
	i := slices.IndexFunc(all, func(q *policy) bool { return q.GetName() == p.GetName() })
	if i < 0 {
		return append(all, p)
	}
	p.live = all[i].Propagation
	if id := claim.IDOf(p.live); id != "" {
		labels := p.GetLabels()
		labels[validation.PropagationIDLabel(p.Propagation)] = id
		p.SetLabels(labels)
	}
	p.errs = validation.ValidatePropagation(p.Propagation, p.live)
	p.ready.Errors = p.errs
	return append(slices.Delete(all, i, i+1), p)
}

// ruling is what becomes of a template.
type ruling struct {
	claim.Action
	// policy is the one to apply; nil with Wait, Release and Hold.
	policy *policy
	// owner is the one that has the template now; nil when none has.
	owner *policy
}

// decide finds the owner of a template among all policies.
func (p *policies) decide(ctx context.Context, t claim.Template) (ruling, error) {
	in := claim.Input{Template: t}
	global, err := p.in(ctx, "")
	if err != nil {
		return ruling{}, err
	}
	own := []*policy{}
	if t.GetNamespace() != "" {
		if own, err = p.in(ctx, t.GetNamespace()); err != nil {
			return ruling{}, err
		}
	}
	all := slices.Concat(own, global)
	find := func(same func(*policy) bool) *policy {
		if i := slices.IndexFunc(all, same); i >= 0 {
			return all[i]
		}
		return nil
	}
	in.Policies, in.ClusterPolicies = ready(own), ready(global)
	var v ruling
	if marks, ok := claim.MarksOf(t); ok {
		if v.owner = find(func(p *policy) bool { return marks.Names(p.Propagation) }); v.owner != nil {
			in.Owner = v.owner.ready
		}
	}
	in.PolicyChanged = p.stir(t, v.owner)
	d := claim.Decide(in)
	v.Action = d.Action
	if d.Policy != nil {
		v.policy = find(func(p *policy) bool { return p.ready == d.Policy })
	}
	return v, nil
}

// stir says whether applying the policies of the files makes the hub look at the template again: its
// owner is one of them, or one may take it.
func (p *policies) stir(t claim.Template, owner *policy) bool {
	return slices.ContainsFunc(p.files, func(f *policy) bool {
		return f == owner || f.GetPropagationSpec().Preemption == policyv1alpha1.PreemptAlways && f.ready.Match(t) != claim.NoMatch
	})
}

func ready(in []*policy) (out []*claim.Policy) {
	for _, p := range in {
		out = append(out, p.ready)
	}
	return out
}

func templateOf(obj *unstructured.Unstructured) claim.Template {
	return claim.Template{GVK: obj.GroupVersionKind(), Object: obj}
}

// bind makes the binding that a policy asks for, from the present one where there is one.
func bind(present workv1alpha2.Binding, template *unstructured.Unstructured, p *policy) (workv1alpha2.Binding, error) {
	b := present.DeepCopyObject().(workv1alpha2.Binding)
	if owner := metav1.GetControllerOf(b); owner != nil && owner.UID != template.GetUID() {
		return nil, fmt.Errorf("the binding %s belongs to another object, %s %s of %s; it has to be deleted first", b.GetName(), owner.Kind, owner.Name, owner.APIVersion)
	}
	source := claim.Source{Template: template, Policy: p.ready}
	var err error
	if source.Replicas, source.Requirements, err = interpret.New(bundled.Table()).Replicas(template); err != nil {
		return nil, err
	}
	claim.Bind(b, source)
	return b, nil
}
