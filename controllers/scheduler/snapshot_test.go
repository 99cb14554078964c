package scheduler

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
)

func TestSnapshotIsReadAgainOnlyAfterAChange(t *testing.T) {
	lists := 0
	c := clusters{reader: fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(cluster("m1", nil)).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			lists++
			return c.List(ctx, list, opts...)
		},
	}).Build()}
	look := func(want int) {
		t.Helper()
		s, err := c.now(context.Background())
		if err != nil || len(s.all) != 1 {
			t.Fatalf("%v, %v", s, err)
		}
		if lists != want {
			t.Errorf("%d lists, want %d", lists, want)
		}
	}
	look(1)
	look(2) // changes are not followed yet: nothing can be relied on
	c.following.Store(true)
	look(2)
	c.changed()
	look(3)
	look(3)
}

// TestAClusterThatIsReadyIsPlacedInThoughItsTaintsComeOffLater: the write that says Ready and the one that
// takes the taints off are two.
func TestAClusterThatIsReadyIsPlacedInThoughItsTaintsComeOffLater(t *testing.T) {
	own := corev1.Taint{Key: "team", Value: "a", Effect: corev1.TaintEffectNoSchedule}
	notReady := corev1.Taint{Key: names.TaintClusterNotReady, Effect: corev1.TaintEffectNoSchedule}
	for name, tc := range map[string]struct {
		ready metav1.ConditionStatus
		want  []corev1.Taint
	}{
		"Ready":           {metav1.ConditionTrue, []corev1.Taint{own}},
		"not Ready":       {metav1.ConditionFalse, []corev1.Taint{own, notReady}},
		"not known to be": {metav1.ConditionUnknown, []corev1.Taint{own, notReady}},
	} {
		t.Run(name, func(t *testing.T) {
			m := cluster("m1", nil)
			m.Spec.Taints = []corev1.Taint{own, notReady}
			meta.SetStatusCondition(&m.Status.Conditions, metav1.Condition{Type: clusterv1alpha1.ClusterConditionReady, Status: tc.ready, Reason: "Test"})
			c := clusters{reader: fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(m).Build()}
			s, err := c.now(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, s.all[0].Spec.Taints); diff != "" {
				t.Errorf("taints (-want +got):\n%s", diff)
			}
		})
	}
}
