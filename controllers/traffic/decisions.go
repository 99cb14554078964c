package traffic

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/decision"
	"github.com/seaway-io/seaway/controllers/core/health"
	"github.com/seaway-io/seaway/controllers/core/traffic"
	"github.com/seaway-io/seaway/controllers/hub"
)

// witnesses is the part of a health.View that decisions are explained with.
type witnesses interface {
	Witnesses(plan types.NamespacedName, cluster string) []health.Witness
}

// decisions takes note of why plans change. Without it nothing is kept.
type decisions struct {
	keep   hub.KeepFunc
	health witnesses
	// live reads what the cache does not keep: who changed an object.
	live client.Reader
}

// record takes note of a plan that was written, if it moved anything.
func (d *decisions) record(g *gathered, out traffic.Output) {
	if d == nil || d.keep == nil {
		return
	}
	s := decision.Steering{Policy: g.input.Policy, Before: g.input.Previous, After: out.Spec, Now: g.input.Now}
	for _, e := range out.Events {
		if e.Reason == trafficv1alpha1.EventTrafficMoved {
			s.Moved = append(s.Moved, e.Message)
		}
	}
	plan, members := client.ObjectKeyFromObject(g.policy), membersOf(g.input.Clusters)
	s.Evidence = func(cluster string) []trafficv1alpha1.DecisionInput {
		return evidence(members[cluster], cluster, d.health.Witnesses(plan, cluster))
	}
	spec, ok := decision.Steered(s)
	if !ok {
		return
	}
	d.keep(spec, d.actor(g, out.Spec, spec.Cause))
}

func membersOf(all []traffic.Member) map[string]*traffic.Member {
	out := make(map[string]*traffic.Member, len(all))
	for i := range all {
		out[all[i].Cluster.Name] = &all[i]
	}
	return out
}

// evidence is what the planner knew of a cluster.
func evidence(m *traffic.Member, cluster string, seen []health.Witness) []trafficv1alpha1.DecisionInput {
	out := decision.Witnessed(cluster, seen)
	if m == nil {
		return out
	}
	if m.Verdict != "" {
		out = append(out, trafficv1alpha1.DecisionInput{
			Cluster: cluster, Signal: trafficv1alpha1.SignalQuorum, Value: string(m.Verdict), Message: m.VerdictMessage,
		})
	}
	out = append(out, decision.ControlPlane(m.Cluster)...)
	if m.Known {
		out = append(out, trafficv1alpha1.DecisionInput{Cluster: cluster, Signal: trafficv1alpha1.SignalReadyReplicas, Value: fmt.Sprint(m.ReadyReplicas)})
	}
	return out
}

// actor finds out who asked for a change, where a person did: who edited the policy, or else who
// wrote on the cluster that it is to be drained.
func (d *decisions) actor(g *gathered, after *trafficv1alpha1.TrafficPlanSpec, cause string) func(context.Context, *trafficv1alpha1.DecisionSpec) {
	edited := g.input.Previous != nil && g.input.Previous.Policy != after.Policy
	drained := cause == trafficv1alpha1.CauseDrain
	if !edited && !drained {
		return nil
	}
	key := client.ObjectKeyFromObject(g.policy)
	return func(ctx context.Context, spec *trafficv1alpha1.DecisionSpec) {
		if edited {
			spec.Actor = hub.LastEditor(ctx, d.live, key, trafficv1alpha1.GroupVersion.WithKind("TrafficPolicy").GroupVersion().String(), "TrafficPolicy", "f:spec")
			return
		}
		for _, c := range spec.Changes {
			if c.ToState == trafficv1alpha1.EndpointDraining {
				spec.Actor = hub.LastEditor(ctx, d.live, client.ObjectKey{Name: c.Cluster}, clusterv1alpha1.GroupVersion.String(), "Cluster",
					"f:metadata", "f:annotations", "f:"+names.DrainAnnotation)
				return
			}
		}
	}
}
