package binding

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/override"
	"github.com/seaway-io/seaway/controllers/hub"
)

const (
	// ConditionRendered is False on a binding while the Work of some cluster cannot be made; the
	// message says why. A binding that never had such trouble does not have the condition.
	ConditionRendered = "Rendered"

	reasonRendered     = "Rendered"
	reasonRenderFailed = "RenderFailed"

	// ReasonRefused of the condition Rendered: the binding speaks of what it may not.
	ReasonRefused = "ResourceRefused"
)

// tell records events on the binding and its template, about what was done or failed and nothing else.
func (r *reconciler) tell(b workv1alpha2.Binding, template runtime.Object, o *outcome) {
	both := []runtime.Object{b, template}
	if err := summary(slices.Concat(o.refused, o.failed)); err != nil {
		for _, obj := range both {
			r.recorder.Eventf(obj, "Warning", names.EventReasonSyncWorkFailed, "Failed to sync Works: %v", err)
		}
	} else if len(o.written) > 0 {
		for _, obj := range both {
			r.recorder.Eventf(obj, "Normal", names.EventReasonSyncWorkSucceed, "Synced the Works of clusters %s", sorted(o.written))
		}
	}
	if len(o.overridden) > 0 {
		r.recorder.Eventf(template, "Normal", names.EventReasonApplyOverridePolicySucceed, "Applied override policies for clusters %s", sorted(o.overridden))
	}
	for _, err := range o.refused {
		if failed := (*override.Error)(nil); errors.As(err, &failed) {
			r.recorder.Eventf(template, "Warning", names.EventReasonApplyOverridePolicyFailed, "%v", err)
		}
	}
}

// report keeps what is refused in a condition, for an error that stays must be readable later than
// its event.
func (r *reconciler) report(ctx context.Context, b workv1alpha2.Binding, o *outcome) error {
	condition := metav1.Condition{Type: ConditionRendered, Status: metav1.ConditionTrue, Reason: reasonRendered, Message: "every Work can be made"}
	if err := summary(o.refused); err != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, reasonRenderFailed, err.Error()
	} else if meta.FindStatusCondition(b.GetBindingStatus().Conditions, ConditionRendered) == nil {
		return nil
	}
	_, err := r.set(ctx, b, condition)
	return err
}

// refuse says why nothing is done for a binding. The event is on the binding alone: what it speaks of is
// not its own.
func (r *reconciler) refuse(ctx context.Context, b workv1alpha2.Binding, fault error) error {
	changed, err := r.set(ctx, b, metav1.Condition{Type: ConditionRendered, Status: metav1.ConditionFalse, Reason: ReasonRefused, Message: hub.Brief(fault.Error())})
	if changed {
		r.recorder.Eventf(b, "Warning", names.EventReasonSyncWorkFailed, "Nothing is sent to any cluster: %v", fault)
	}
	return err
}

func (r *reconciler) set(ctx context.Context, b workv1alpha2.Binding, condition metav1.Condition) (changed bool, err error) {
	return hub.PatchStatus(ctx, r.client, b, func(b workv1alpha2.Binding) {
		present := meta.FindStatusCondition(b.GetBindingStatus().Conditions, ConditionRendered)
		if present != nil && present.Status == metav1.ConditionTrue && condition.Status == metav1.ConditionTrue {
			return // all is well and was; a new generation alone is not worth a write
		}
		hub.SetCondition(&b.GetBindingStatus().Conditions, b.GetGeneration(), condition)
	})
}

// shown is how many errors of one kind are told; what is wrong in many clusters is mostly the same.
const shown = 10

func summary(errs []error) error {
	var brief []error
	for _, err := range errs[:min(len(errs), shown)] {
		brief = append(brief, errors.New(hub.Brief(err.Error())))
	}
	if more := len(errs) - shown; more > 0 {
		brief = append(brief, fmt.Errorf("and %d more", more))
	}
	return errors.Join(brief...)
}

func sorted(clusters []string) string {
	slices.Sort(clusters)
	return strings.Join(clusters, ", ")
}
