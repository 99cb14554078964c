package rebalance

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	appsv1alpha1 "github.com/seaway-io/seaway/api/apps/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

var t0 = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func at(after time.Duration) *metav1.Time { return &metav1.Time{Time: t0.Add(after)} }

// world is a reconciler over a fake hub.
type world struct {
	*reconciler
	t     *testing.T
	clock *clocktesting.FakePassiveClock

	mu          sync.Mutex
	writes      map[string]int // patches by object: "shop/web-deployment", "status of fix"
	busy, most  int            // patches at a time
	refuse      map[string]error
	hideFromGet string // a binding that the cache does not have yet
}

func newWorld(t *testing.T, objs ...client.Object) *world {
	t.Helper()
	w := &world{t: t, clock: clocktesting.NewFakePassiveClock(t0.Add(time.Second)), writes: map[string]int{}, refuse: map[string]error{}}
	direct := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).
		WithStatusSubresource(&workv1alpha2.ResourceBinding{}, &workv1alpha2.ClusterResourceBinding{}, &appsv1alpha1.WorkloadRebalancer{}).Build()
	cached := interceptor.NewClient(direct, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			if key.Name == w.hideFromGet {
				key.Name = "hidden"
			}
			return c.Get(ctx, key, obj, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			defer w.write(client.ObjectKeyFromObject(obj).String())()
			if err := w.refuse[obj.GetName()]; err != nil {
				return err
			}
			return c.Patch(ctx, obj, patch, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			defer w.write(sub + " of " + obj.GetName())()
			return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
		},
	})
	w.reconciler = &reconciler{client: cached, reader: direct, clock: w.clock, parallel: 16}
	return w
}

// write counts a patch and how many are under way.
func (w *world) write(what string) (done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes[strings.TrimPrefix(what, "/")]++
	w.busy++
	w.most = max(w.most, w.busy)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.busy--
	}
}

var fix = client.ObjectKey{Name: "fix"}

func (w *world) reconcile() (time.Duration, error) {
	w.t.Helper()
	clear(w.writes)
	result, err := w.Reconcile(context.Background(), ctrl.Request{NamespacedName: fix})
	return result.RequeueAfter, err
}

// settle reconciles without an error and returns when it wants to be asked again.
func (w *world) settle() time.Duration {
	w.t.Helper()
	after, err := w.reconcile()
	if err != nil {
		w.t.Fatal(err)
	}
	return after
}

func (w *world) wantWrites(want map[string]int) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.writes); diff != "" {
		w.t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func (w *world) get(key client.ObjectKey, obj client.Object) {
	w.t.Helper()
	if err := w.reader.Get(context.Background(), key, obj); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) order() *appsv1alpha1.WorkloadRebalancer {
	w.t.Helper()
	order := &appsv1alpha1.WorkloadRebalancer{}
	w.get(fix, order)
	return order
}

// edit changes the spec as a user does.
func (w *world) edit(change func(*appsv1alpha1.WorkloadRebalancerSpec)) {
	w.t.Helper()
	order := w.order()
	change(&order.Spec)
	order.Generation++ // as the API server does
	if err := w.client.Update(context.Background(), order); err != nil {
		w.t.Fatal(err)
	}
}

// wantStatus compares the results, written as "v1 Kind ns/name: Result Reason".
func (w *world) wantStatus(finished *metav1.Time, want ...string) {
	w.t.Helper()
	order := w.order()
	var got []string
	for _, o := range order.Status.ObservedWorkloads {
		text := o.Workload.Kind + " " + o.Workload.Namespace + "/" + o.Workload.Name
		got = append(got, strings.TrimSpace(text+": "+string(o.Result)+" "+string(o.Reason)))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("status (-want +got):\n%s", diff)
	}
	if order.Status.ObservedGeneration != order.Generation {
		w.t.Errorf("generation %d observed of %d", order.Status.ObservedGeneration, order.Generation)
	}
	if !order.Status.FinishTime.Equal(finished) {
		w.t.Errorf("finished at %v, want %v", order.Status.FinishTime, finished)
	}
}

func (w *world) triggered(name string) *metav1.Time {
	w.t.Helper()
	var b workv1alpha2.ResourceBinding
	w.get(client.ObjectKey{Namespace: "shop", Name: names.BindingName("Deployment", name)}, &b)
	return b.Spec.RescheduleTriggeredAt
}

func (w *world) wantTriggered(name string, want *metav1.Time) {
	w.t.Helper()
	if got := w.triggered(name); !got.Equal(want) {
		w.t.Errorf("%s triggered at %v, want %v", name, got, want)
	}
}

func deployment(name string) appsv1alpha1.ObjectReference {
	return appsv1alpha1.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name}
}

func role(name string) appsv1alpha1.ObjectReference {
	return appsv1alpha1.ObjectReference{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: name}
}

// rebalancer was made at t0.
func rebalancer(workloads ...appsv1alpha1.ObjectReference) *appsv1alpha1.WorkloadRebalancer {
	return &appsv1alpha1.WorkloadRebalancer{
		ObjectMeta: metav1.ObjectMeta{Name: fix.Name, UID: "u", Generation: 1, CreationTimestamp: *at(0)},
		Spec:       appsv1alpha1.WorkloadRebalancerSpec{Workloads: workloads},
	}
}

func binding(name string, triggered *metav1.Time) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: names.BindingName("Deployment", name)}}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name}
	b.Spec.RescheduleTriggeredAt = triggered
	return b
}

func roleBinding(name string) *workv1alpha2.ClusterResourceBinding {
	return &workv1alpha2.ClusterResourceBinding{ObjectMeta: metav1.ObjectMeta{Name: names.BindingName("ClusterRole", name)}}
}
