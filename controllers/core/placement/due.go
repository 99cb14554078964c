package placement

import (
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Cause is why a binding is placed.
type Cause string

const (
	// NotDue: the placement holds.
	NotDue Cause = ""
	// CausePlacement: the policy asks for something else than was placed.
	CausePlacement Cause = "ReconcileSchedule"
	// CauseReplicas: the number of replicas changed.
	CauseReplicas Cause = "ScaleSchedule"
	// CauseTriggered: somebody asked for a reschedule.
	CauseTriggered Cause = "Reschedule"
	// CauseEvery: all fitting clusters are targets, so every change may matter.
	CauseEvery Cause = "EveryChange"
	// CauseTerminating: a target is being deleted.
	CauseTerminating Cause = "ClusterTerminating"
	// CauseResidency: a target is outside of the namespace's wall.
	CauseResidency Cause = "Residency"
	// CauseRetry: the last attempt failed.
	CauseRetry Cause = "Retry"
)

// Due says whether a binding has to be placed again, and why. Applied is the annotation that
// AppliedPlacement made when it was placed last; terminating are the clusters that are being
// deleted, outside those on the other side of its namespace's wall.
//
// A divided workload that is placed as asked stays where it is, whatever happens to clusters.
func Due(spec *workv1alpha2.ResourceBindingSpec, status *workv1alpha2.ResourceBindingStatus, applied string, terminating, outside sets.Set[string]) Cause {
	switch {
	case placementChanged(spec.Placement, applied, status.SchedulerObservedAffinityName):
		return CausePlacement
	case replicasChanged(spec):
		return CauseReplicas
	case triggered(spec, status):
		return CauseTriggered
	case !IsWorkload(spec) || StrategyOf(spec.Placement) == Duplicated:
		return CauseEvery
	case slices.ContainsFunc(spec.Clusters, func(t workv1alpha2.TargetCluster) bool { return terminating.Has(t.Name) }):
		return CauseTerminating
	case slices.ContainsFunc(spec.Clusters, func(t workv1alpha2.TargetCluster) bool { return outside.Has(t.Name) }):
		return CauseResidency
	}
	if c := meta.FindStatusCondition(status.Conditions, workv1alpha2.Scheduled); c == nil || c.Status != metav1.ConditionTrue {
		return CauseRetry
	}
	return NotDue
}

// AppliedPlacement is the annotation that records a placement when it has been scheduled.
func AppliedPlacement(p *policyv1alpha1.Placement) (string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode placement: %w", err)
	}
	return string(text), nil
}

func placementChanged(p *policyv1alpha1.Placement, applied, observedAffinity string) bool {
	if same, err := AppliedPlacement(p); err == nil && same == applied {
		return false
	}
	var before policyv1alpha1.Placement
	if applied == "" || json.Unmarshal([]byte(applied), &before) != nil {
		return true
	}
	was, is := before.DeepCopy(), p.DeepCopy()
	for _, x := range []*policyv1alpha1.Placement{was, is} {
		x.WorkloadAffinity = nil
		if len(p.ClusterAffinities) > 0 && len(before.ClusterAffinities) > 0 {
			// The other terms count only when this one can no longer be used.
			x.ClusterAffinities = slices.DeleteFunc(x.ClusterAffinities, func(t policyv1alpha1.ClusterAffinityTerm) bool {
				return t.AffinityName != observedAffinity
			})
			if len(x.ClusterAffinities) == 0 {
				return true
			}
		}
	}
	return !equality.Semantic.DeepEqual(was, is)
}

func replicasChanged(spec *workv1alpha2.ResourceBindingSpec) bool {
	if !IsWorkload(spec) || spec.Placement.ReplicaScheduling == nil || len(spec.Components) > 1 {
		return false // what is placed in whole sets has no replicas in its targets
	}
	wanted := replicasOf(spec)
	if StrategyOf(spec.Placement) == Duplicated {
		return slices.ContainsFunc(spec.Clusters, func(t workv1alpha2.TargetCluster) bool { return t.Replicas != wanted })
	}
	var sum int64
	for _, t := range spec.Clusters {
		sum += int64(t.Replicas)
	}
	return sum != int64(wanted)
}
