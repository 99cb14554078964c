package failover

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

var t0 = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

var web = client.ObjectKey{Namespace: "shop", Name: "web-deployment"}

// asked is one question to the placer.
type asked struct {
	Exclude []string
	Only    []string
	Frozen  []string
	Fresh   bool
	Tasks   []string // the clusters that the binding it was asked about has tasks for
}

// world is a reconciler over a fake hub. Place answers with to and why.
type world struct {
	*reconciler
	evacuator  *evacuator
	t          *testing.T
	clock      *clocktesting.FakeClock
	events     *record.FakeRecorder
	writing    sync.Mutex
	writes     []string // "patch" and "status", in order
	asked      []asked
	to         []workv1alpha2.TargetCluster
	why        string
	conflict   bool // the next patch meets one
	surveys    int  // lists of all clusters
	breakAfter int  // from so many writes on nothing is written any more
	broken     error
	reserved   int // placements that are not settled
}

// builderIndexer adds the indexes of a manager's cache to a fake client.
type builderIndexer struct{ *fake.ClientBuilder }

func (b builderIndexer) IndexField(_ context.Context, obj client.Object, field string, extract client.IndexerFunc) error {
	b.WithIndex(obj, field, extract)
	return nil
}

func newWorld(t *testing.T, objs ...client.Object) *world {
	t.Helper()
	w := &world{t: t, clock: clocktesting.NewFakeClock(t0), events: record.NewFakeRecorder(50)}
	builder := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objs...).
		WithStatusSubresource(&workv1alpha2.ResourceBinding{}, &workv1alpha2.ClusterResourceBinding{}).
		WithInterceptorFuncs(interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				if _, ok := list.(*clusterv1alpha1.ClusterList); ok {
					w.surveys++
				}
				return c.List(ctx, list, opts...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
				if !w.wrote("patch") {
					return errors.New("the hub is gone")
				}
				if w.conflict {
					w.conflict = false
					other := w.binding()
					other.Labels = map[string]string{"changed-by": "another"}
					if err := c.Update(ctx, other); err != nil {
						return err
					}
				}
				return c.Patch(ctx, obj, patch, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
				if !w.wrote(sub) {
					return errors.New("the hub is gone")
				}
				return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
			},
		})
	if err := hub.SetupIndexes(context.Background(), builderIndexer{builder}); err != nil {
		t.Fatal(err)
	}
	c := builder.Build()
	h := &hands{client: c, live: c, policies: policies.Finder{Cached: c, Live: c}, recorder: w.events, clock: w.clock, placer: w, workers: 1}
	w.evacuator = newEvacuator(h)
	w.reconciler = &reconciler{hands: h, empty: func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} }}
	// It has watched for long: what conditions say of the time before counts.
	h.started.Do(func() { h.watching = w.clock.Now().Add(-24 * time.Hour) })
	return w
}

// wrote notes a write; false when the hub is gone by then.
func (w *world) wrote(what string) bool {
	w.writing.Lock()
	defer w.writing.Unlock()
	if w.breakAfter > 0 && len(w.writes) >= w.breakAfter {
		return false
	}
	w.writes = append(w.writes, what)
	return true
}

// Place, Take and Free make the world a Placer that answers with to and why.
func (w *world) Place(_ context.Context, b workv1alpha2.Binding, bounds placement.Bounds, fresh bool) (Placement, error) {
	w.asked = append(w.asked, asked{named(bounds.Exclude), named(bounds.Only), named(bounds.Frozen), fresh, tasks(b)})
	if w.broken != nil {
		return Placement{}, w.broken
	}
	if w.why != "" {
		return Placement{To: b.GetBindingSpec().Clusters, Why: w.why}, nil
	}
	w.reserved++
	return Placement{To: w.to, Settle: func(generation int64) { w.reserved-- }}, nil
}

// named is a set as a list; nil when it is empty.
func named(set sets.Set[string]) []string {
	if set.Len() == 0 {
		return nil
	}
	return sets.List(set)
}

func (w *world) Take(workv1alpha2.Binding, []workv1alpha2.TargetCluster) func(int64) {
	return func(int64) {}
}

func (w *world) Free(context.Context) (map[string]corev1.ResourceList, error) { return nil, nil }

// reconcile makes a pass over all, judges the binding, and returns when one of both wants to be asked again.
func (w *world) reconcile() time.Duration {
	w.t.Helper()
	w.writes, w.asked = nil, nil
	leaving, err := w.evacuator.Reconcile(context.Background(), ctrl.Request{})
	if err != nil {
		w.t.Fatal(err)
	}
	returning, err := w.Reconcile(context.Background(), ctrl.Request{NamespacedName: web})
	if err != nil {
		w.t.Fatal(err)
	}
	if w.reserved != 0 {
		w.t.Errorf("%d reservations are not settled", w.reserved)
	}
	again := leaving.RequeueAfter
	if again == 0 || returning.RequeueAfter > 0 && returning.RequeueAfter < again {
		again = returning.RequeueAfter
	}
	return again
}

func (w *world) binding() *workv1alpha2.ResourceBinding {
	w.t.Helper()
	b := &workv1alpha2.ResourceBinding{}
	if err := w.client.Get(context.Background(), web, b); err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) set(obj client.Object) {
	w.t.Helper()
	if err := w.client.Update(context.Background(), obj); err != nil {
		w.t.Fatal(err)
	}
}

// signals sets the two conditions of a cluster as they have been since ago.
func (w *world) signals(name string, ready, dataPath metav1.ConditionStatus, ago time.Duration) {
	w.t.Helper()
	var c clusterv1alpha1.Cluster
	if err := w.client.Get(context.Background(), client.ObjectKey{Name: name}, &c); err != nil {
		w.t.Fatal(err)
	}
	c.Status = cluster(name, ready, dataPath, w.clock.Now().Add(-ago)).Status
	w.set(&c)
}

func (w *world) wantWrites(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.writes); diff != "" {
		w.t.Errorf("writes (-want +got):\n%s", diff)
	}
}

// wantEvents takes the events and compares how they begin.
func (w *world) wantEvents(want ...string) {
	w.t.Helper()
	var got []string
	for len(w.events.Events) > 0 {
		got = append(got, strings.Join(strings.SplitN(<-w.events.Events, " ", 3)[:2], " "))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("events (-want +got):\n%s", diff)
	}
}

func (w *world) held() *metav1.Condition {
	return meta.FindStatusCondition(w.binding().Status.Conditions, workv1alpha2.ConditionFailoverHeld)
}

func cluster(name string, ready, dataPath metav1.ConditionStatus, since time.Time) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(t0.Add(-24 * time.Hour))}}
	for kind, status := range map[string]metav1.ConditionStatus{clusterv1alpha1.ClusterConditionReady: ready, trafficv1alpha1.ClusterConditionDataPath: dataPath} {
		c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{Type: kind, Status: status, Reason: "R", LastTransitionTime: metav1.NewTime(since)})
	}
	return c
}

func whole(name string) *clusterv1alpha1.Cluster {
	return cluster(name, metav1.ConditionTrue, metav1.ConditionTrue, t0.Add(-time.Hour))
}

func lost(name string, ago time.Duration) *clusterv1alpha1.Cluster {
	return cluster(name, metav1.ConditionFalse, metav1.ConditionFalse, t0.Add(-ago))
}

// on is a placement: on("fra", 2, "iad", 4).
func on(text ...any) []workv1alpha2.TargetCluster {
	var out []workv1alpha2.TargetCluster
	for i := 0; i < len(text); i += 2 {
		out = append(out, workv1alpha2.TargetCluster{Name: text[i].(string), Replicas: int32(text[i+1].(int))})
	}
	return out
}

// deployment is the binding of a Deployment that is placed so.
func deployment(to []workv1alpha2.TargetCluster) *workv1alpha2.ResourceBinding {
	b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: web.Namespace, Name: web.Name}}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	b.Spec.Replicas = 6
	b.Spec.Clusters = to
	return b
}

// away adds the task of an earlier failover.
func awayFrom(b *workv1alpha2.ResourceBinding, name string) *workv1alpha2.ResourceBinding {
	b.Spec.GracefulEvictionTasks = append(b.Spec.GracefulEvictionTasks, workv1alpha2.GracefulEvictionTask{
		FromCluster: name, Producer: workv1alpha2.EvictionProducerFailover, Reason: workv1alpha2.EvictionReasonClusterLost, PurgeMode: policyv1alpha1.PurgeModeGracefully})
	return b
}

func healthy(b *workv1alpha2.ResourceBinding, clusters ...string) *workv1alpha2.ResourceBinding {
	b.Status.AggregatedStatus = nil
	for _, c := range clusters {
		b.Status.AggregatedStatus = append(b.Status.AggregatedStatus, workv1alpha2.AggregatedStatusItem{ClusterName: c, Health: workv1alpha2.ResourceHealthy})
	}
	return b
}

func away(b workv1alpha2.Binding) []string { return failover.Away(b.GetBindingSpec()) }

func tasks(b workv1alpha2.Binding) []string {
	var out []string
	for _, t := range b.GetBindingSpec().GracefulEvictionTasks {
		out = append(out, t.FromCluster)
	}
	return out
}

// application is a TrafficPolicy, its Service and the Deployment behind it.
func application(policy string, terms trafficv1alpha1.Failover, selector map[string]string) []client.Object {
	p := &trafficv1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: policy}}
	p.Spec.TargetRefs = []trafficv1alpha1.TargetRef{{Kind: "Service", Name: policy + "-svc"}}
	p.Spec.Failover = terms
	svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: policy + "-svc"}}
	svc.Spec.Selector = selector
	return []client.Object{p, svc}
}

func webTemplate() *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	d.Spec.Template.Labels = map[string]string{"app": "web", "tier": "front"}
	return d
}

func plan(name string, endpoints ...trafficv1alpha1.PlanEndpoint) *trafficv1alpha1.TrafficPlan {
	p := &trafficv1alpha1.TrafficPlan{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	p.Spec.Endpoints = endpoints
	return p
}

func endpoint(cluster string, state trafficv1alpha1.EndpointState, share int32) trafficv1alpha1.PlanEndpoint {
	return trafficv1alpha1.PlanEndpoint{Cluster: cluster, State: state, SharePercent: share}
}
