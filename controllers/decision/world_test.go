package decision

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

func member(name string) *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: clusterv1alpha1.ClusterStatus{
		APIEnablements: []clusterv1alpha1.APIEnablement{{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Kind: "Deployment"}}}},
	}}
}

var fleet = []*clusterv1alpha1.Cluster{member("fra"), member("iad"), member("sin")}

// binding divides replicas equally over the named clusters.
func binding(name string, replicas int32, clusters ...string) *workv1alpha2.ResourceBinding {
	return &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name + "-deployment"},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name, UID: "1"},
			Replicas: replicas, SchedulerName: "mine",
			Placement: &policyv1alpha1.Placement{
				ClusterAffinity: &policyv1alpha1.ClusterAffinity{ClusterNames: clusters},
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
					ReplicaSchedulingType: policyv1alpha1.ReplicaSchedulingTypeDivided, ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceWeighted,
				},
			},
		},
	}
}

// world is a recorder in front of a fake hub.
type world struct {
	*testing.T
	*Recorder
	hub    client.Client
	refuse func() error // of creations, when not nil
	writes int
}

// inWorld runs a test in a bubble, where time passes when everybody waits.
func inWorld(t *testing.T, o Options, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t}
		w.hub = newHub(w)
		w.restart(o)
		test(w)
	})
}

func newHub(w *world, objects ...client.Object) client.Client {
	return fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(objects...).WithIndex(metadataOf(&trafficv1alpha1.Decision{}), indexGroup, groupOf).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
				if w.refuse != nil {
					if err := w.refuse(); err != nil {
						return err
					}
				}
				w.writes++
				obj.SetCreationTimestamp(metav1.NewTime(clock.RealClock{}.Now()))
				return c.Create(ctx, obj, opts...)
			},
			Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
				w.writes++
				return c.Delete(ctx, obj, opts...)
			},
		}).Build()
}

// restart makes a new recorder, which remembers nothing.
func (w *world) restart(o Options) {
	o.complete()
	w.Recorder = newRecorder(w.hub, o)
}

// start lets the recorder write, until the test ends.
func (w *world) start() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.run(ctx); err != nil {
			w.Error(err)
		}
	}()
	w.Cleanup(func() { stop(); <-done })
}

// place decides and records as a scheduler does: afterwards the binding is changed in place.
func (w *world) place(b *workv1alpha2.ResourceBinding, cause placement.Cause) {
	in := placement.Input{Clusters: fleet, Spec: &b.Spec, Status: &b.Status}
	result, d := placement.Place(in)
	w.Record(b, cause, in, result, d)
	b.Spec.Clusters = result.Clusters
}

func metadataOf(d *trafficv1alpha1.Decision) *metav1.PartialObjectMetadata {
	m := &metav1.PartialObjectMetadata{ObjectMeta: d.ObjectMeta}
	m.SetGroupVersionKind(kind)
	return m
}

// decisions are those of the hub, the oldest first.
func (w *world) decisions() []trafficv1alpha1.Decision {
	w.Helper()
	var list trafficv1alpha1.DecisionList
	if err := w.hub.List(context.Background(), &list); err != nil {
		w.Fatal(err)
	}
	slices.SortFunc(list.Items, func(a, b trafficv1alpha1.Decision) int { return a.Spec.Time.Compare(b.Spec.Time.Time) })
	return list.Items
}

func (w *world) after(d time.Duration) { time.Sleep(d); synctest.Wait() }
