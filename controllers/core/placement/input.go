package placement

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/residency"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Input is everything a placement depends on. Place changes none of it.
type Input struct {
	// Clusters are all members, in any order.
	Clusters []*clusterv1alpha1.Cluster

	// Snapshot, when it is set, is used instead of Clusters: the same, read once for many placements.
	Snapshot *Snapshot

	// Spec is the binding's. Its resource UID breaks ties between equal weights.
	Spec *workv1alpha2.ResourceBindingSpec

	// Status is the binding's; nil stands for a binding that was never scheduled.
	Status *workv1alpha2.ResourceBindingStatus

	// Wall is around everything in the binding's namespace. A present target outside of it leaves it
	// as soon as there is a place inside.
	Wall residency.Wall

	// Exclude, Only and Frozen are Bounds. Each may be nil.
	Exclude, Only, Frozen sets.Set[string]

	// Estimates are how many more replicas each cluster has room for, from a better source than
	// the cluster's own summary. The smaller of the two counts. A cluster that is absent, or
	// whose estimate is negative, goes by its summary alone.
	Estimates map[string]int32

	// Assumed is what was placed in each cluster and is not yet counted by the report that its room
	// is judged by: requests by resource, and a pod for each replica under "pods".
	Assumed map[string]corev1.ResourceList

	// Groups are where the other bindings of the workload's affinity groups run.
	Groups Groups

	// Advice is what custom algorithms said of the clusters, in the order of their names.
	Advice []Advice

	// Fresh divides from scratch where the present division would otherwise be kept as far as
	// possible. A reschedule triggered on the binding does the same.
	Fresh bool

	// KeepEmpty keeps clusters that get no replicas in the result.
	KeepEmpty bool
}

// Groups are the other bindings that share an affinity group with the workload: in its namespace,
// placed already.
type Groups struct {
	// Affinity and AntiAffinity are the bindings of the group of each kind, sorted by name.
	Affinity, AntiAffinity []Peer
}

// Peer is another binding of a group.
type Peer struct {
	Name     string
	Clusters []string
}

// Advice is what one custom algorithm said.
type Advice struct {
	// Plugin is its name.
	Plugin string
	// Weight multiplies its scores.
	Weight int64
	// Opinions are by cluster. A cluster without one is not excluded and gets no points.
	Opinions map[string]Opinion
	// Failed says why the algorithm was passed over; it then has no opinions.
	Failed string
}

// Opinion is what a custom algorithm said of a cluster.
type Opinion struct {
	// Excluded: the cluster may not be used. A present target stays where it is all the same, unless
	// the placement is made anew.
	Excluded bool
	// Reason says why, after the name of the cluster.
	Reason string
	// Score is from 0 to 100, before the weight.
	Score int64
}

// Result is a placement.
type Result struct {
	// Clusters are sorted by name. When nothing fits they are the present targets.
	Clusters []workv1alpha2.TargetCluster

	// AffinityName is the term of clusterAffinities in use; empty without terms.
	AffinityName string
}

func (in *Input) bounds() Bounds {
	return Bounds{Exclude: in.Exclude, Only: in.Only, Frozen: in.Frozen}
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
