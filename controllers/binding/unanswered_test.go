package binding

import (
	"errors"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

// Nothing tells when a webhook that was away is back: a binding it could not be asked about asks again.
func TestWhatCouldNotBeAskedIsAskedAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		answer error
		again  bool
	}{
		"nobody answers":          {fmt.Errorf("webhook: %w", interpret.ErrUnanswered), true},
		"the answer is a refusal": {errors.New("webhook: no"), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, objects(t)...)
			custom := &layer{hooks: interpret.Hooks{ReviseReplica: func(*unstructured.Unstructured, int32) (*unstructured.Unstructured, error) {
				return nil, tc.answer
			}}}
			w.interpreter = interpret.New(custom)
			w.change(func(b *workv1alpha2.ResourceBinding) {
				b.Spec.Replicas = 3
				b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 2}, {Name: "iad", Replicas: 1}}
			})
			for range 2 {
				result, err := w.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
				if again := errors.Is(err, interpret.ErrUnanswered) || result.RequeueAfter > 0; again != tc.again {
					t.Errorf("asks again: %v (%v)", again, err)
				}
			}
			rendered := meta.FindStatusCondition(w.binding().Status.Conditions, ConditionRendered)
			if rendered == nil || rendered.Status != "False" {
				t.Errorf("condition Rendered: %+v", rendered)
			}
			custom.hooks = interpret.Hooks{}
			writes, _, _ := w.sync()
			if len(writes) < 2 {
				t.Errorf("with an answer: %v", writes)
			}
		})
	}
}
