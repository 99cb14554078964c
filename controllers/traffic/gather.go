package traffic

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/residency"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

// gathered is what one plan is made from.
type gathered struct {
	// policy is a copy that may be changed and written.
	policy *trafficv1alpha1.TrafficPolicy
	// plan in force, which shares memory with the cache; nil when there is none.
	plan  *trafficv1alpha1.TrafficPlan
	input traffic.Input
}

// notInForce says why name servers answer nothing new for the policy; empty when they do.
func (g *gathered) notInForce() string {
	switch {
	case g.input.Invalid != "":
		return "the policy is not valid"
	case g.input.Target.Reason == trafficv1alpha1.ReasonUnsupportedKind:
		return "the target can not receive requests"
	case len(g.input.Claims.Hostnames) == 0:
		return "no host name is in force"
	}
	return ""
}

// gather reads what the plan of a policy depends on, all of it from the cache and from memory. Lists
// are not copied: nobody changes them. The result is nil when there is nothing to plan.
func (r *policies) gather(ctx context.Context, name types.NamespacedName) (*gathered, error) {
	g := &gathered{policy: &trafficv1alpha1.TrafficPolicy{}, plan: &trafficv1alpha1.TrafficPlan{}}
	if err := r.client.Get(ctx, name, g.policy); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	if g.policy.DeletionTimestamp != nil {
		return nil, nil
	}
	policy := g.policy.DeepCopy()
	validation.DefaultPolicy(policy)
	g.input = traffic.Input{
		Now:           r.clock.Now(),
		Policy:        policy,
		VantagePoints: r.health.VantagePoints(),
		Demand:        r.demand.Of(name),
		Atlas:         &r.atlas,
	}
	if err := r.client.Get(ctx, name, g.plan, client.UnsafeDisableDeepCopy); apierrors.IsNotFound(err) {
		g.plan = nil
	} else if err != nil {
		return nil, fmt.Errorf("get traffic plan: %w", err)
	} else {
		g.input.Previous = &g.plan.Spec
	}
	if errs := validation.ValidatePolicy(policy, nil); len(errs) > 0 {
		g.input.Invalid = errs.ToAggregate().Error()
		return g, nil
	}
	for _, read := range []func(context.Context, *traffic.Input) error{r.wall, r.target, r.claims, r.regions, r.members} {
		if err := read(ctx, &g.input); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// wall reads the wall around the policy's namespace. While it can not be read nobody knows who is inside,
// and the plan stays as it is.
func (r *policies) wall(ctx context.Context, in *traffic.Input) error {
	var ns corev1.Namespace
	if err := r.client.Get(ctx, client.ObjectKey{Name: in.Policy.Namespace}, &ns, client.UnsafeDisableDeepCopy); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get namespace: %w", err)
	}
	wall, err := residency.Of(ns.Annotations)
	if err != nil {
		in.Invalid = fmt.Sprintf("namespace %s: %v", ns.Name, err)
	}
	in.Wall = wall
	return nil
}

func (r *policies) target(ctx context.Context, in *traffic.Input) error {
	ref := in.Policy.Spec.TargetRefs[0]
	service := &corev1.Service{}
	if !traffic.IsService(ref) {
		service = nil
	} else if err := r.client.Get(ctx, client.ObjectKey{Namespace: in.Policy.Namespace, Name: ref.Name}, service); apierrors.IsNotFound(err) {
		service = nil
	} else if err != nil {
		return fmt.Errorf("get service: %w", err)
	}
	in.Target = traffic.ResolveTarget(ref, service)
	return nil
}

// claims resolves the policy's host names among the policies that claim one of them.
func (r *policies) claims(ctx context.Context, in *traffic.Input) error {
	rivals := map[types.NamespacedName]*trafficv1alpha1.TrafficPolicy{}
	zones := map[string]*trafficv1alpha1.Zone{}
	for _, host := range in.Policy.Spec.Hostnames {
		var claiming trafficv1alpha1.TrafficPolicyList
		if err := r.client.List(ctx, &claiming, client.MatchingFields{byHostname: host}, client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("list policies of host name %s: %w", host, err)
		}
		for i := range claiming.Items {
			rivals[client.ObjectKeyFromObject(&claiming.Items[i])] = &claiming.Items[i]
		}
		if err := r.zonesOf(ctx, host, zones); err != nil {
			return err
		}
	}
	me := client.ObjectKeyFromObject(in.Policy)
	rivals[me] = in.Policy
	namespaces, err := r.namespaces(ctx, rivals, zones)
	if err != nil {
		return err
	}
	in.Claims = traffic.ResolveHostnames(values(rivals), values(zones), namespaces)[me]
	return nil
}

// zonesOf adds the Zones in force that a host name may lie in.
func (r *policies) zonesOf(ctx context.Context, host string, zones map[string]*trafficv1alpha1.Zone) error {
	for domain := range traffic.Domains(host) {
		var list trafficv1alpha1.ZoneList
		if err := r.client.List(ctx, &list, client.MatchingFields{byExactDomain: domain}, client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("list zones of %s: %w", domain, err)
		}
		for i := range list.Items {
			if z := &list.Items[i]; inForce(z) {
				zones[z.Name] = z
			}
		}
	}
	return nil
}

// inForce says whether a Zone is served. One with a fault in it is, but for what is at fault. What was
// last found out counts until the Zone is judged again, so that no edit of a Zone lets go of its names
// for a moment.
func inForce(z *trafficv1alpha1.Zone) bool {
	accepted := meta.FindStatusCondition(z.Status.Conditions, trafficv1alpha1.ConditionAccepted)
	return z.DeletionTimestamp == nil && accepted != nil && accepted.Reason != trafficv1alpha1.ReasonOverlap
}

// namespaces reads the labels of the rivals' namespaces, if any Zone asks for labels.
func (r *policies) namespaces(ctx context.Context, rivals map[types.NamespacedName]*trafficv1alpha1.TrafficPolicy, zones map[string]*trafficv1alpha1.Zone) (map[string]labels.Set, error) {
	out := map[string]labels.Set{}
	for _, z := range zones {
		if z.Spec.AllowedNamespaces == nil || z.Spec.AllowedNamespaces.Selector == nil {
			continue
		}
		for key := range rivals {
			if _, read := out[key.Namespace]; read {
				continue
			}
			var ns corev1.Namespace
			if err := r.client.Get(ctx, client.ObjectKey{Name: key.Namespace}, &ns); client.IgnoreNotFound(err) != nil {
				return nil, fmt.Errorf("get namespace: %w", err)
			}
			out[key.Namespace] = ns.Labels
		}
	}
	return out, nil
}

func (r *policies) regions(ctx context.Context, in *traffic.Input) error {
	if in.Policy.Spec.Steering.Strategy != trafficv1alpha1.StrategyGeo {
		return nil
	}
	maps, err := validMaps(ctx, r.client)
	if err != nil {
		return err
	}
	in.Regions, _ = traffic.MergeRegionMaps(maps)
	return nil
}

// members reads every cluster, the target in it and the verdict on it.
func (r *policies) members(ctx context.Context, in *traffic.Input) error {
	if !traffic.IsService(in.Policy.Spec.TargetRefs[0]) {
		return nil
	}
	var clusters clusterv1alpha1.ClusterList
	if err := r.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list clusters: %w", err)
	}
	ref, plan := in.Policy.Spec.TargetRefs[0], client.ObjectKeyFromObject(in.Policy)
	in.Clusters = make([]traffic.Member, 0, len(clusters.Items))
	for i := range clusters.Items {
		c := &clusters.Items[i]
		e, known := r.endpoints.Lookup(c.Name, plan.Namespace, ref.Name)
		opinion := r.health.Verdict(plan, c.Name)
		in.Clusters = append(in.Clusters, traffic.Member{
			Cluster: c,
			Discovered: traffic.Discovered{
				Known: known, Exists: e.Exists, Addresses: e.Addresses, Hostname: e.Hostname,
				Port: e.Port(ref.SectionName), ReadyReplicas: e.ReadyReplicas,
			},
			Verdict:        opinion.Verdict,
			VerdictMessage: opinion.Message,
		})
	}
	return nil
}

func values[K comparable, V any](m map[K]V) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}
