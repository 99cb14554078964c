package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/nameserver"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
	"github.com/seaway-io/seaway/controllers/core/traffic"
	"github.com/seaway-io/seaway/dns/core/verdict"
)

// readPolicies reads TrafficPolicies from files.
func readPolicies(paths []string, namespace string, stdin io.Reader) ([]*trafficv1alpha1.TrafficPolicy, error) {
	var out []*trafficv1alpha1.TrafficPolicy
	err := hubclient.ReadFiles(paths, stdin, func(obj *unstructured.Unstructured, doc []byte) error {
		if obj.GroupVersionKind() != trafficv1alpha1.GroupVersion.WithKind("TrafficPolicy") {
			return fmt.Errorf("%s %s: only a TrafficPolicy can be previewed", obj.GetKind(), obj.GetName())
		}
		p := &trafficv1alpha1.TrafficPolicy{}
		if err := yaml.UnmarshalStrict(doc, p); err != nil {
			return fmt.Errorf("TrafficPolicy %s: %w", obj.GetName(), err)
		}
		if p.Namespace == "" {
			p.Namespace = namespace
		}
		out = append(out, p)
		return nil
	})
	if err == nil && len(out) == 0 {
		err = errors.New("there is no TrafficPolicy in the files")
	}
	return out, err
}

// drafter makes the plans that the hub would make of policies.
type drafter struct {
	client.Reader
	view view.View
}

// draft is a plan before it is made.
type draft struct {
	policy *trafficv1alpha1.TrafficPolicy
	// before is the plan that the hub makes at this moment of the policy in force, and after that of
	// the new one: what time alone changes is in both.
	before, after *trafficv1alpha1.TrafficPlan
	notes         []string
}

// draft makes the plan of a policy. It takes the place of the one of its name.
func (d *drafter) draft(ctx context.Context, p *trafficv1alpha1.TrafficPolicy) (*draft, error) {
	out := &draft{policy: p.DeepCopy(), before: d.view.Plan(p)}
	policy := out.policy
	old := d.replace(policy)
	if old != nil {
		policy.UID, policy.CreationTimestamp, policy.Generation = old.UID, old.CreationTimestamp, old.Generation+1
	}
	validation.DefaultPolicy(policy)
	if errs := validation.ValidatePolicy(policy, nil); len(errs) > 0 {
		return nil, fmt.Errorf("TrafficPolicy %s/%s is not valid: %w", policy.Namespace, policy.Name, errs.ToAggregate())
	}
	if out.before == nil {
		return nil, fmt.Errorf("TrafficPolicy %s/%s has no TrafficPlan yet, so nobody knows where its target can be reached: apply it under a host name for tests first",
			policy.Namespace, policy.Name)
	}
	in, spec, err := d.plan(ctx, policy, out.before)
	if err != nil {
		return nil, err
	}
	if spec == nil {
		return nil, fmt.Errorf("TrafficPolicy %s/%s: no plan would be made: %s", policy.Namespace, policy.Name, in.Target.Message)
	}
	out.after = out.before.DeepCopy()
	out.after.Spec = *spec
	out.after.Generation++
	if old != nil {
		validation.DefaultPolicy(old)
		if _, spec, err = d.plan(ctx, old, out.before); err != nil {
			return nil, err
		}
		if spec != nil {
			out.before = out.before.DeepCopy()
			out.before.Spec = *spec
		}
	}
	out.note(in)
	return out, nil
}

// plan runs the planner. Without a result there would be no plan.
func (d *drafter) plan(ctx context.Context, p *trafficv1alpha1.TrafficPolicy, inForce *trafficv1alpha1.TrafficPlan) (traffic.Input, *trafficv1alpha1.TrafficPlanSpec, error) {
	in := traffic.Input{Now: d.view.Now, Policy: p, Previous: inForce.Spec.DeepCopy()}
	if errs := validation.ValidatePolicy(p, nil); len(errs) > 0 {
		in.Invalid = errs.ToAggregate().Error()
		return in, nil, nil
	}
	err := d.gather(ctx, &in)
	if err != nil {
		return in, nil, err
	}
	return in, traffic.Plan(in).Spec, nil
}

// replace puts a policy in the place of the one of its name, and returns that.
func (d *drafter) replace(p *trafficv1alpha1.TrafficPolicy) *trafficv1alpha1.TrafficPolicy {
	for i := range d.view.Policies {
		if old := &d.view.Policies[i]; old.Namespace == p.Namespace && old.Name == p.Name {
			found := old.DeepCopy()
			d.view.Policies[i] = *p
			return found
		}
	}
	return nil
}

// gather collects what a plan depends on. What members say of the target is what the plan in force
// says that they said.
func (d *drafter) gather(ctx context.Context, in *traffic.Input) error {
	ref, me := in.Policy.Spec.TargetRefs[0], client.ObjectKeyFromObject(in.Policy)
	service := &corev1.Service{}
	if !traffic.IsService(ref) {
		service = nil
	} else if err := d.Get(ctx, client.ObjectKey{Namespace: me.Namespace, Name: ref.Name}, service); apierrors.IsNotFound(err) {
		service = nil
	} else if err != nil {
		return fmt.Errorf("get service %s: %w", ref.Name, err)
	}
	in.Target = traffic.ResolveTarget(ref, service)
	claims, err := d.claims(ctx, in.Policy)
	if err != nil {
		return err
	}
	in.Claims = claims[me]
	in.Regions, _ = traffic.MergeRegionMaps(d.regionMaps())
	votes := nameserver.Votes(d.view)
	in.VantagePoints = len(votes.Fresh(d.view.Now))
	for i := range d.view.Clusters {
		c := &d.view.Clusters[i]
		in.Clusters = append(in.Clusters, traffic.Member{Cluster: c, Verdict: votes.Decide(trafficv1alpha1.VerdictUnknown,
			verdict.Key{Namespace: me.Namespace, Plan: me.Name, Cluster: c.Name}, d.view.Now)})
	}
	return nil
}

func (d *drafter) claims(ctx context.Context, p *trafficv1alpha1.TrafficPolicy) (map[types.NamespacedName]traffic.HostnameResult, error) {
	var zones []*trafficv1alpha1.Zone
	selective := false
	for i := range d.view.Zones {
		z := &d.view.Zones[i]
		accepted := view.Condition(z.Status.Conditions, trafficv1alpha1.ConditionAccepted)
		if z.DeletionTimestamp == nil && accepted.Reason != trafficv1alpha1.ReasonOverlap && accepted.Reason != "Missing" {
			zones = append(zones, z)
			selective = selective || z.Spec.AllowedNamespaces != nil && z.Spec.AllowedNamespaces.Selector != nil
		}
	}
	rivals := []*trafficv1alpha1.TrafficPolicy{p}
	for i := range d.view.Policies {
		if o := &d.view.Policies[i]; o.Namespace != p.Namespace || o.Name != p.Name {
			rivals = append(rivals, o)
		}
	}
	namespaces := map[string]labels.Set{}
	if selective {
		var list corev1.NamespaceList
		if err := d.List(ctx, &list); err != nil {
			return nil, fmt.Errorf("list namespaces: %w", err)
		}
		for i := range list.Items {
			namespaces[list.Items[i].Name] = list.Items[i].Labels
		}
	}
	return traffic.ResolveHostnames(rivals, zones, namespaces), nil
}

func (d *drafter) regionMaps() []*trafficv1alpha1.RegionMap {
	var out []*trafficv1alpha1.RegionMap
	for i := range d.view.RegionMaps {
		m := &d.view.RegionMaps[i]
		accepted := meta.FindStatusCondition(m.Status.Conditions, trafficv1alpha1.ConditionAccepted)
		if accepted == nil || accepted.Reason != trafficv1alpha1.ReasonInvalid {
			out = append(out, m)
		}
	}
	return out
}

// note says what changes besides the clusters, and what is not known.
func (d *draft) note(in traffic.Input) {
	note := func(format string, args ...any) { d.notes = append(d.notes, fmt.Sprintf(format, args...)) }
	for _, r := range in.Claims.Refused {
		note("not served: %s", r.Message)
	}
	var unknown []string
	for _, m := range in.Clusters {
		has := func(e trafficv1alpha1.PlanEndpoint) bool { return e.Cluster == m.Cluster.Name }
		if !slices.ContainsFunc(d.before.Spec.Endpoints, has) {
			unknown = append(unknown, m.Cluster.Name)
		}
	}
	if len(unknown) > 0 {
		note("left out, since the plan in force has no endpoint there: %s", strings.Join(unknown, ", "))
	}
}

// otherwise lists what of all answers becomes another, whoever asks.
func (d *draft) otherwise() []string {
	var out []string
	change := func(what string, before, after any) {
		if before, after := fmt.Sprint(before), fmt.Sprint(after); before != after {
			out = append(out, fmt.Sprintf("%s: %s → %s", what, before, after))
		}
	}
	b, a := &d.before.Spec, &d.after.Spec
	change("host names", strings.Join(b.Hostnames, ", "), strings.Join(a.Hostnames, ", "))
	change("ttl", fmt.Sprint(b.TTLSeconds, " s"), fmt.Sprint(a.TTLSeconds, " s"))
	change("addresses in an answer", b.MaxAnswers, a.MaxAnswers)
	return out
}
