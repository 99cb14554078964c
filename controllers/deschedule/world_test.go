package deschedule

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// world is a descheduler over a fake hub, in the time of a synctest bubble. Members answer with hanging.
type world struct {
	*descheduler
	t      *testing.T
	events *record.FakeRecorder
	refuse error                // what the next patches meet
	answer func(string) error   // what a cluster answers instead
	during func(cluster string) // happens while a cluster is asked

	mu         sync.Mutex
	hanging    map[string]int32 // by cluster
	asked      []string         // "cluster workload"
	busy, most int              // clusters asked at a time
	writes     int
}

func newWorld(t *testing.T, o Options, objs ...client.Object) *world {
	t.Helper()
	w := &world{t: t, events: record.NewFakeRecorder(5000), hanging: map[string]int32{}}
	o.Unschedulable = w.unschedulable
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).
		WithStatusSubresource(&workv1alpha2.ResourceBinding{}, &workv1alpha2.ClusterResourceBinding{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
				w.mu.Lock()
				w.writes++
				w.mu.Unlock()
				if w.refuse != nil {
					return w.refuse
				}
				return c.Patch(ctx, obj, patch, opts...)
			},
		}).Build()
	w.descheduler = newDescheduler(c, w.events, o)
	return w
}

func (w *world) unschedulable(ctx context.Context, cluster string, ref workv1alpha2.ObjectReference, longerThan time.Duration) (int32, error) {
	w.mu.Lock()
	w.asked = append(w.asked, cluster+" "+ref.Name)
	w.busy++
	w.most = max(w.most, w.busy)
	n := w.hanging[cluster]
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.busy--
		w.mu.Unlock()
	}()
	if w.during != nil {
		w.during(cluster)
	}
	if longerThan != w.UnschedulableThreshold {
		return 0, fmt.Errorf("asked for %s", longerThan)
	}
	if w.answer != nil {
		if err := w.answer(cluster); err != nil {
			return 0, err
		}
	}
	return n, ctx.Err()
}

var errSilent = errors.New("no route")

func (w *world) binding(name string) *workv1alpha2.ResourceBinding {
	w.t.Helper()
	b := &workv1alpha2.ResourceBinding{}
	if err := w.client.Get(context.Background(), client.ObjectKey{Namespace: "shop", Name: names.BindingName("Deployment", name)}, b); err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) wantPlaced(name, want string) {
	w.t.Helper()
	if got := placement.Targets(w.binding(name).Spec.Clusters); got != want {
		w.t.Errorf("%s is placed %s, want %s", name, got, want)
	}
}

func (w *world) wantEvents(want ...string) {
	w.t.Helper()
	var got []string
	for len(w.events.Events) > 0 {
		got = append(got, <-w.events.Events)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// deployment is a binding divided by room, placed and settled: "m1:5/3 m2:2/2" has 5 replicas in m1 of
// which 3 are ready.
func deployment(name, targets string) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: names.BindingName("Deployment", name), UID: types.UID(name),
		Labels: map[string]string{names.PropagationPolicyPermanentID: "p"}}}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name}
	b.Spec.Placement = &policyv1alpha1.Placement{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
		ReplicaSchedulingType: policyv1alpha1.ReplicaSchedulingTypeDivided, ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceAggregated}}
	for _, text := range strings.Fields(targets) {
		cluster, counts, _ := strings.Cut(text, ":")
		var replicas, ready int32
		if _, err := fmt.Sscanf(counts, "%d/%d", &replicas, &ready); err != nil {
			panic(err)
		}
		b.Spec.Clusters = append(b.Spec.Clusters, workv1alpha2.TargetCluster{Name: cluster, Replicas: replicas})
		b.Spec.Replicas += replicas
		b.Status.AggregatedStatus = append(b.Status.AggregatedStatus, workv1alpha2.AggregatedStatusItem{ClusterName: cluster,
			Status: &runtime.RawExtension{Raw: fmt.Appendf(nil, `{"replicas":%d,"readyReplicas":%d}`, replicas, ready)}})
	}
	return b
}

// giveBack is the scheduler that believes in room which is not there.
func (w *world) giveBack(name, targets string) {
	w.t.Helper()
	b := w.binding(name)
	b.Spec.Clusters = deployment(name, targets).Spec.Clusters
	if err := w.client.Update(context.Background(), b); err != nil {
		w.t.Fatal(err)
	}
}
