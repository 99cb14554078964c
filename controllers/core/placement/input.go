package placement

import (
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Input is everything a placement depends on. Place changes none of it.
type Input struct {
	// Clusters are all members, in any order.
	Clusters []*clusterv1alpha1.Cluster

	// Spec is the binding's. Its resource UID breaks ties between equal weights.
	Spec *workv1alpha2.ResourceBindingSpec

	// Status is the binding's; nil stands for a binding that was never scheduled.
	Status *workv1alpha2.ResourceBindingStatus

	// Exclude names clusters that must not be used, whatever the policy says. A present target
	// that is excluded counts as gone.
	Exclude sets.Set[string]

	// Estimates are how many more replicas each cluster has room for, from a better source than
	// the cluster's own summary. The smaller of the two counts. A cluster that is absent, or
	// whose estimate is negative, goes by its summary alone.
	Estimates map[string]int32

	// Fresh divides from scratch where the present division would otherwise be kept as far as
	// possible. A reschedule triggered on the binding does the same.
	Fresh bool

	// KeepEmpty keeps clusters that get no replicas in the result.
	KeepEmpty bool
}

// Result is a placement.
type Result struct {
	// Clusters are sorted by name. When nothing fits they are the present targets.
	Clusters []workv1alpha2.TargetCluster

	// AffinityName is the term of clusterAffinities in use; empty without terms.
	AffinityName string
}

func (in *Input) observedAffinity() string {
	if in.Status == nil {
		return ""
	}
	return in.Status.SchedulerObservedAffinityName
}

// triggered says whether somebody asked for a reschedule that has not happened yet.
func triggered(spec *workv1alpha2.ResourceBindingSpec, status *workv1alpha2.ResourceBindingStatus) bool {
	if spec.RescheduleTriggeredAt == nil {
		return false
	}
	return status == nil || status.LastScheduledTime == nil || status.LastScheduledTime.Before(spec.RescheduleTriggeredAt)
}

// IsWorkload says whether a template has replicas to place. A Deployment without replicas and
// without requests is none.
func IsWorkload(spec *workv1alpha2.ResourceBindingSpec) bool {
	return spec.Replicas > 0 || spec.ReplicaRequirements != nil || len(spec.Components) > 0
}
