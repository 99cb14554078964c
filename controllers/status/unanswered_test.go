package status

import (
	"errors"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

var answers = map[string]struct {
	answer error
	again  bool
}{
	"nobody answers":          {fmt.Errorf("webhook: %w", interpret.ErrUnanswered), true},
	"the answer is a refusal": {errors.New("webhook: no"), false},
}

// Nothing tells when a webhook that was away is back: a Work it could not be asked about asks again.
func TestTheHealthThatCouldNotBeAskedForIsAskedForAgain(t *testing.T) {
	for name, tc := range answers {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			custom := &layer{hooks: interpret.Hooks{Health: func(*unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
				return workv1alpha2.ResourceUnknown, tc.answer
			}}}
			w.works.interpreter = interpret.New(custom)
			w.applied()
			w.deployment(rolledOut)
			work := types.NamespacedName{Namespace: "karmada-es-fra", Name: "web"}
			for _, writes := range []int{1, 0} {
				w.writes = nil
				w.clock.Step(w.works.pace.window)
				_, err := w.works.Reconcile(t.Context(), ctrl.Request{NamespacedName: work})
				if err := w.works.reports.Drain(t.Context()); err != nil {
					t.Fatal(err)
				}
				if errors.Is(err, interpret.ErrUnanswered) != tc.again || len(w.writes) != writes {
					t.Errorf("%d writes, error %v", len(w.writes), err)
				}
			}
			custom.hooks.Health = nil
			w.sync(w.works, work)
			expect(t, "health", workv1alpha1.ResourceHealthy, w.workStatus().ManifestStatuses[0].Health)
		})
	}
}

func TestTheStatusOfATemplateThatCouldNotBeAskedForIsAskedForAgain(t *testing.T) {
	for name, tc := range answers {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.bindings.interpreter = interpret.New(&layer{hooks: interpret.Hooks{
				AggregateStatus: func(*unstructured.Unstructured, []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
					return nil, tc.answer
				},
			}})
			w.report("fra", rolledOut, workv1alpha1.ResourceHealthy)
			w.report("iad", rolledOut, workv1alpha1.ResourceHealthy)
			_, err := w.bindings.Reconcile(t.Context(), ctrl.Request{NamespacedName: bindingKey})
			if err == nil || errors.Is(err, reconcile.TerminalError(nil)) == tc.again {
				t.Errorf("asks again: %v, want %v: %v", !tc.again, tc.again, err)
			}
		})
	}
}
