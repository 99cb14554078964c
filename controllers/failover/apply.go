package failover

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
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
	var clusters clusterv1alpha1.ClusterList
	if err := r.client.List(ctx, &clusters, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list clusters: %w", err)
	}
	members := sets.New[string]()
	for i := range clusters.Items {
		if clusters.Items[i].DeletionTimestamp == nil {
			members.Insert(clusters.Items[i].Name)
		}
	}
	_, err := hub.Patch(ctx, r.client, b.(clientBinding), func(clientBinding) {
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
func (r *reconciler) comeBack(ctx context.Context, b workv1alpha2.Binding, survey failover.Survey, d failover.Decision) (unplaced bool, err error) {
	home := failover.Homecoming{Return: d.Return, Evict: d.Evict, Spec: b.GetBindingSpec().DeepCopy(), Status: b.GetBindingStatus()}
	spec, bounds := survey.Ask(home)
	asked := b.DeepCopyObject().(workv1alpha2.Binding)
	*asked.GetBindingSpec() = *spec
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
	changed, err := hub.Patch(ctx, r.client, b.(clientBinding), func(clientBinding) {
		home.Rewrite(b.GetBindingSpec(), to, metav1.NewTime(r.clock.Now()))
	})
	if changed {
		if equality.Semantic.DeepEqual(to, placed.To) {
			written = b.GetGeneration()
		}
		placed.Made.Result.Clusters = to
		r.note(b, CauseBack, placed.Made)
		for _, m := range d.Return {
			hub.Tell(r.recorder, b, corev1.EventTypeNormal, names.EventReasonReturnWorkloadSucceed, "%s; placed on %s", m.Message, placement.Targets(to))
		}
		for _, m := range d.Evict {
			hub.Tell(r.recorder, b, corev1.EventTypeWarning, names.EventReasonEvictWorkloadSucceed, "%s; moved to %s", m.Message, placement.Targets(to))
		}
	}
	return false, err
}

// tellHeld keeps the condition FailoverHeld true to what is held, and says so once.
func (h *hands) tellHeld(ctx context.Context, b workv1alpha2.Binding, held []failover.Hold) error {
	status := b.GetBindingStatus()
	if len(held) == 0 && meta.FindStatusCondition(status.Conditions, workv1alpha2.ConditionFailoverHeld) == nil {
		return nil
	}
	before := meta.FindStatusCondition(status.Conditions, workv1alpha2.ConditionFailoverHeld)
	news := len(held) > 0 && (before == nil || before.Reason != held[0].Reason) // how much room there is changes all the time
	changed, err := hub.PatchStatus(ctx, h.client, b.(clientBinding), func(clientBinding) {
		if len(held) == 0 {
			meta.RemoveStatusCondition(&status.Conditions, workv1alpha2.ConditionFailoverHeld)
			return
		}
		hub.SetCondition(&status.Conditions, b.GetGeneration(), metav1.Condition{
			Type: workv1alpha2.ConditionFailoverHeld, Status: metav1.ConditionTrue, Reason: held[0].Reason, Message: hub.Brief(held[0].Message),
		})
	})
	if changed && news {
		hub.Tell(h.recorder, b, corev1.EventTypeWarning, names.EventReasonEvictWorkloadFailed, "workloads stay in %s: %s", held[0].Cluster, held[0].Message)
	}
	return err
}

// note records a decision that was carried out.
func (h *hands) note(b workv1alpha2.Binding, cause placement.Cause, made Made) {
	if h.record != nil && made.Input.Spec != nil {
		h.record(b, cause, made.Input, made.Result, made.Diagnosis)
	}
}

func clusterNames(targets []workv1alpha2.TargetCluster) []string {
	var out []string
	for _, t := range targets {
		out = append(out, t.Name)
	}
	return out
}
