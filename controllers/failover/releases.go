package failover

import (
	"encoding/json"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
)

// releases is room that victims leave and that their clusters do not report yet. Without it a second
// look would find it taken by the winner and free nowhere, and take from others once more. What a
// restart forgets is read from what the victims report.
type releases struct {
	mu   sync.Mutex
	made map[release]pending
}

type release struct {
	key     types.NamespacedName
	cluster string
}

type pending struct {
	each     failover.Amounts
	replicas int32
	until    time.Time
}

// reported is how long a cluster may take to report that pods are gone: their grace period, and a look.
const reported = time.Minute

func newReleases() *releases { return &releases{made: map[release]pending{}} }

// note takes note of what a victim has given up.
func (r *releases) note(b workv1alpha2.Binding, takes []failover.Take, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range takes {
		at := release{client.ObjectKeyFromObject(b), t.Cluster}
		was := r.made[at]
		if !now.Before(was.until) {
			was.replicas = 0
		}
		r.made[at] = pending{failover.EachOf(b.GetBindingSpec()), was.replicas + t.Replicas, now.Add(reported)}
	}
}

// add adds to what is free in a cluster what the bindings in it are about to leave.
func (r *releases) add(free failover.Amounts, cluster string, bindings []workv1alpha2.Binding, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for at, p := range r.made {
		switch {
		case !now.Before(p.until):
			delete(r.made, at)
		case at.cluster == cluster:
			free.Add(p.each, int64(p.replicas))
		}
	}
	for _, b := range bindings {
		if !meta.IsStatusConditionTrue(b.GetBindingStatus().Conditions, names.ConditionPreempted) {
			continue
		}
		left := running(b, cluster) - replicasOf(b.GetBindingSpec().Clusters, cluster) - r.made[release{client.ObjectKeyFromObject(b), cluster}].replicas
		free.Add(failover.EachOf(b.GetBindingSpec()), int64(max(left, 0)))
	}
}

// running is how many replicas a binding's status counts in a cluster.
func running(b workv1alpha2.Binding, cluster string) int32 {
	for _, item := range b.GetBindingStatus().AggregatedStatus {
		if item.ClusterName != cluster || item.Status == nil {
			continue
		}
		var status struct {
			Replicas int32 `json:"replicas"`
		}
		if json.Unmarshal(item.Status.Raw, &status) == nil {
			return status.Replicas
		}
	}
	return 0
}
