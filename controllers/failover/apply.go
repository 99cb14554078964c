package failover

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
)

// forget drops the tasks for clusters that have left the federation, or are leaving it: nothing can
// return to them, and they wait until no binding names them.
func (r *reconciler) forget(ctx context.Context, b workv1alpha2.Binding) error {
	if len(failover.Away(b.GetBindingSpec())) == 0 {
		return nil
	}
	clusters, err := r.clusters(ctx)
	if err != nil {
		return err
	}
	members := sets.New[string]()
	for i := range clusters {
		if clusters[i].DeletionTimestamp == nil {
			members.Insert(clusters[i].Name)
		}
	}
	_, err = hub.Patch(ctx, r.client, b.(clientBinding), func(clientBinding) {
		spec := b.GetBindingSpec()
		spec.GracefulEvictionTasks = slices.DeleteFunc(spec.GracefulEvictionTasks, func(t workv1alpha2.GracefulEvictionTask) bool {
			return t.Producer == workv1alpha2.EvictionProducerFailover && !members.Has(t.FromCluster)
		})
	})
	return err
}

// comeBack places the binding anew with the clusters that are whole again, and drops their tasks; when and
// where to is the core's to say. Unplaced says that nothing fits, with the clusters or without: the way back
// is open until something does.
func (r *reconciler) comeBack(ctx context.Context, b workv1alpha2.Binding, clusters []clusterv1alpha1.Cluster, survey failover.Survey, d failover.Decision, signals []trafficv1alpha1.DecisionInput) (unplaced bool, err error) {
	home := failover.Homecoming{Return: d.Return, Evict: d.Evict, Spec: b.GetBindingSpec().DeepCopy(), Status: b.GetBindingStatus()}
	spec, bounds := survey.Ask(home)
	asked := b.DeepCopyObject().(workv1alpha2.Binding)
	*asked.GetBindingSpec() = *spec
	r.startAt(asked, clusters, sets.New(failover.Clusters(d.Return)...))
	placed, err := r.placer.Place(ctx, asked, bounds, true)
	if err != nil {
		return false, fmt.Errorf("place with %s: %w", strings.Join(failover.Clusters(d.Return), ", "), err)
	}
	written := int64(0)
	defer func() { placed.settle(written) }()
	if placed.Why != "" {
		return true, nil
	}
	to, ok := survey.Settle(home, placed.To)
	if !ok {
		return false, nil // the change of the health, or of a cluster, wakes us
	}
	anew := equality.Semantic.DeepEqual(to, placed.To)
	if !anew { // where it is, it stays: in the group that it is in
		placed.Group = b.GetBindingStatus().SchedulerObservedAffinityName
	}
	placed.Made.Result.Clusters, placed.Made.Result.AffinityName = to, placed.Group
	if err := hub.UseAffinity(ctx, r.client, b, placed.Group); err != nil {
		return false, err
	}
	changed, err := hub.Patch(ctx, r.client, b.(clientBinding), func(clientBinding) {
		home.Rewrite(b.GetBindingSpec(), to, metav1.NewTime(r.clock.Now()))
	})
	if changed {
		if anew {
			written = b.GetGeneration()
		}
		r.note(b, CauseBack, placed.Made, signals)
		for _, m := range d.Return {
			hub.Tell(r.recorder, b, corev1.EventTypeNormal, names.EventReasonReturnWorkloadSucceed, "%s; placed on %s", m.Message, placement.Targets(to))
		}
		for _, m := range d.Evict {
			hub.Tell(r.recorder, b, corev1.EventTypeWarning, names.EventReasonEvictWorkloadSucceed, "%s; moved to %s", m.Message, placement.Targets(to))
		}
	}
	return false, err
}

// startAt has a binding placed from the group of clusterAffinities on that the copies in the clusters that
// are back are of: they run, and wait for it. The group in use may be a later one by now.
func (r *reconciler) startAt(b workv1alpha2.Binding, clusters []clusterv1alpha1.Cluster, back sets.Set[string]) {
	spec, status := b.GetBindingSpec(), b.GetBindingStatus()
	if spec.Placement == nil {
		return
	}
	first := placement.GroupNamed(spec.Placement, status.SchedulerObservedAffinityName)
	for i := range clusters {
		if back.Has(clusters[i].Name) {
			if at := placement.GroupOf(spec.Placement, &clusters[i]); at >= 0 && at < first {
				first = at
				status.SchedulerObservedAffinityName = spec.Placement.ClusterAffinities[at].AffinityName
			}
		}
	}
}

// tellHeld keeps the condition FailoverHeld true to what is held, and says so once.
func (h *hands) tellHeld(ctx context.Context, b workv1alpha2.Binding, held []failover.Hold) error {
	return hub.TellHeld(ctx, h.client, h.recorder, b, workv1alpha2.ConditionFailoverHeld, "workloads stay in %s: %s", held)
}

// note records a decision that was carried out, and the signals that it was made by.
func (h *hands) note(b workv1alpha2.Binding, cause placement.Cause, made Made, signals []trafficv1alpha1.DecisionInput) {
	if h.record != nil && made.Input.Spec != nil {
		h.record(b, cause, made.Input, made.Result, made.Diagnosis, signals)
	}
}

func clusterNames(targets []workv1alpha2.TargetCluster) []string {
	var out []string
	for _, t := range targets {
		out = append(out, t.Name)
	}
	return out
}
