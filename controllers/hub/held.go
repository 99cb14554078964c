package hub

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
)

// WriteCondition sets a condition of a binding, with its generation and a message that is not too long.
func WriteCondition(ctx context.Context, c client.Client, b workv1alpha2.Binding, condition metav1.Condition) (changed bool, err error) {
	condition.Message = Brief(condition.Message)
	return PatchStatus(ctx, c, b.(client.Object), func(client.Object) {
		SetCondition(&b.GetBindingStatus().Conditions, b.GetGeneration(), condition)
	})
}

// DropCondition takes a condition off a binding.
func DropCondition(ctx context.Context, c client.Client, b workv1alpha2.Binding, kind string) error {
	if meta.FindStatusCondition(b.GetBindingStatus().Conditions, kind) == nil {
		return nil // and no copy is made to find that out
	}
	_, err := PatchStatus(ctx, c, b.(client.Object), func(client.Object) {
		meta.RemoveStatusCondition(&b.GetBindingStatus().Conditions, kind)
	})
	return err
}

// TellHeld keeps a condition of a binding true to what should leave a cluster and does not: the first of
// held, or nothing. An event says so once for each reason, since messages change all the time; format takes
// the cluster and the message. A binding that is gone is told nothing.
func TellHeld(ctx context.Context, c client.Client, recorder record.EventRecorder, b workv1alpha2.Binding, kind, format string, held []failover.Hold) error {
	if len(held) == 0 {
		return client.IgnoreNotFound(DropCondition(ctx, c, b, kind))
	}
	before := meta.FindStatusCondition(b.GetBindingStatus().Conditions, kind)
	news := before == nil || before.Reason != held[0].Reason
	changed, err := WriteCondition(ctx, c, b, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: held[0].Reason, Message: held[0].Message})
	if changed && news {
		Tell(recorder, b, corev1.EventTypeWarning, names.EventReasonEvictWorkloadFailed, format, held[0].Cluster, held[0].Message)
	}
	return client.IgnoreNotFound(err)
}

// PriorityOf is how important a binding is: higher is more.
func PriorityOf(b workv1alpha2.Binding) int32 {
	return failover.PriorityOf(b.GetBindingSpec())
}
