package deschedule

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Shortage is a cluster in which fewer replicas are ready than were assigned to it.
type Shortage struct {
	Cluster         string
	Assigned, Ready int32
	// Surplus is how many pods the cluster has beyond what is assigned: of a rolling update, or since
	// it has yet to follow. The pods that hang are the first of them to go.
	Surplus int32
}

// Shortages are the clusters of a binding from which replicas might be taken, in the order of its
// targets. There are none when the binding is not of one of the kinds, is not divided by the room of
// clusters, or is no scheduler's to place again; nor while its placement is in motion. A cluster that
// has not reported is left out: what is ready there cannot be told.
func Shortages(b workv1alpha2.Binding, kinds []schema.GroupKind) []Shortage {
	spec := b.GetBindingSpec()
	gk := schema.FromAPIVersionAndKind(spec.Resource.APIVersion, spec.Resource.Kind).GroupKind()
	if !slices.Contains(kinds, gk) || !movable(b) || !settled(b) {
		return nil
	}
	var out []Shortage
	for _, target := range spec.Clusters {
		replicas, ready, ok := reported(b.GetBindingStatus().AggregatedStatus, target.Name)
		if ok && ready < int64(target.Replicas) {
			surplus := min(max(replicas-int64(target.Replicas), 0), math.MaxInt32)
			out = append(out, Shortage{Cluster: target.Name, Assigned: target.Replicas, Ready: int32(max(ready, 0)), Surplus: int32(surplus)})
		}
	}
	return out
}

// movable says whether a scheduler divides the binding by the room of clusters, and would find another
// place for what is taken.
func movable(b workv1alpha2.Binding) bool {
	spec := b.GetBindingSpec()
	if b.GetDeletionTimestamp() != nil || !claim.Claimed(b) || claim.Suspended(b) || spec.Placement == nil || len(spec.Components) > 0 {
		return false
	}
	s := placement.StrategyOf(spec.Placement)
	return s == placement.DynamicWeight || s == placement.Aggregated
}

// settled says whether the scheduler has seen the binding as it is, and every replica has a place.
func settled(b workv1alpha2.Binding) bool {
	var sum int64
	for _, target := range b.GetBindingSpec().Clusters {
		sum += int64(target.Replicas)
	}
	return sum == int64(b.GetBindingSpec().Replicas) && b.GetBindingStatus().SchedulerObservedGeneration == b.GetGeneration()
}

// reported reads how many pods a cluster has and how many are ready, from a status that counts them as
// that of a Deployment does. A count that is left out is 0.
func reported(items []workv1alpha2.AggregatedStatusItem, cluster string) (replicas, ready int64, ok bool) {
	i := slices.IndexFunc(items, func(item workv1alpha2.AggregatedStatusItem) bool { return item.ClusterName == cluster })
	if i < 0 || items[i].Status == nil {
		return 0, 0, false
	}
	var status struct {
		Replicas      *int64 `json:"replicas"`
		ReadyReplicas int64  `json:"readyReplicas"`
	}
	if err := json.Unmarshal(items[i].Status.Raw, &status); err != nil || status.Replicas == nil {
		return 0, 0, false
	}
	return *status.Replicas, status.ReadyReplicas, true
}

// Taken is how many replicas a cluster loses.
type Taken struct {
	Cluster  string
	Replicas int32
}

// Lower takes the replicas that hang from the targets, and says from where; both are nil when none are.
// A cluster keeps what is ready in it, and stays a target without replicas when nothing is. Hanging are
// the pods that no node has taken, by cluster; a cluster that is absent, or negative, does not know.
func Lower(targets []workv1alpha2.TargetCluster, shortages []Shortage, hanging map[string]int32) ([]workv1alpha2.TargetCluster, []Taken) {
	var taken []Taken
	to := slices.Clone(targets)
	for _, s := range shortages {
		n := min(max(hanging[s.Cluster], 0)-s.Surplus, s.Assigned-s.Ready)
		i := slices.IndexFunc(to, func(t workv1alpha2.TargetCluster) bool { return t.Name == s.Cluster })
		if n <= 0 || i < 0 {
			continue
		}
		to[i].Replicas -= n
		taken = append(taken, Taken{s.Cluster, n})
	}
	if taken == nil {
		return nil, nil
	}
	return to, taken
}

// Sentence says what was taken: "3 replicas (2 of m1, 1 of m2)".
func Sentence(taken []Taken) string {
	var sum int64
	parts := make([]string, 0, len(taken))
	for _, t := range taken {
		sum += int64(t.Replicas)
		parts = append(parts, fmt.Sprintf("%d of %s", t.Replicas, t.Cluster))
	}
	noun := "replicas"
	if sum == 1 {
		noun = "replica"
	}
	return fmt.Sprintf("%d %s (%s)", sum, noun, strings.Join(parts, ", "))
}
