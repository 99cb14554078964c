package scheduler

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

// store is a hub in memory that costs next to nothing: reads hand out what is stored, as a cache does,
// and a patch is encoded as it would be sent, then taken over as it is. It refuses a patch of another
// version than the stored one.
type store struct {
	client.Client // what is not used here is not there
	mu            sync.Mutex
	bindings      map[types.NamespacedName]*workv1alpha2.ResourceBinding
	clusters      []clusterv1alpha1.Cluster
	version       int
	// between is called before each write, with its number.
	between                      func(n int)
	specs, statuses, bytes, lost atomic.Int64
}

func (s *store) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bindings[key]
	if b == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "resourcebindings"}, key.Name)
	}
	*obj.(*workv1alpha2.ResourceBinding) = *b
	return nil
}

func (s *store) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if l, ok := list.(*clusterv1alpha1.ClusterList); ok {
		l.Items = s.clusters
	}
	return nil
}

func (s *store) Patch(_ context.Context, obj client.Object, patch client.Patch, _ ...client.PatchOption) error {
	s.specs.Add(1)
	return s.write(obj, patch, 1)
}

func (s *store) Status() client.SubResourceWriter { return storedStatus{s: s} }

type storedStatus struct {
	client.SubResourceWriter
	s *store
}

func (w storedStatus) Patch(_ context.Context, obj client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	w.s.statuses.Add(1)
	return w.s.write(obj, patch, 0)
}

func (s *store) write(obj client.Object, patch client.Patch, generations int64) error {
	data, err := patch.Data(obj)
	if err != nil {
		return err
	}
	s.bytes.Add(int64(len(data)))
	if s.between != nil {
		s.between(int(s.specs.Load() + s.statuses.Load()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := client.ObjectKeyFromObject(obj)
	if s.bindings[key].ResourceVersion != obj.GetResourceVersion() {
		s.lost.Add(1)
		return apierrors.NewConflict(schema.GroupResource{Resource: "resourcebindings"}, key.Name, nil)
	}
	s.version++
	obj.SetResourceVersion(strconv.Itoa(s.version))
	obj.SetGeneration(obj.GetGeneration() + generations)
	s.bindings[key] = obj.DeepCopyObject().(*workv1alpha2.ResourceBinding)
	return nil
}

// newStore has bindings that differ in name and UID, and clusters with room for a thousand pods each.
func newStore(bindings, clusters int, change func(i int, b *workv1alpha2.ResourceBinding)) *store {
	s := &store{bindings: map[types.NamespacedName]*workv1alpha2.ResourceBinding{}, version: bindings}
	for i := range clusters {
		s.clusters = append(s.clusters, *cluster(fmt.Sprintf("m%03d", i), func(c *clusterv1alpha1.Cluster) { c.Status.ResourceSummary = room(1000) }))
	}
	for i := range bindings {
		b := binding(func(b *workv1alpha2.ResourceBinding) {
			b.Name = fmt.Sprintf("web-%05d", i)
			b.ResourceVersion, b.Spec.Resource.UID = strconv.Itoa(i+1), types.UID(b.Name)
			b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("100m")}}
			if change != nil {
				change(i, b)
			}
		})
		s.bindings[keyOf(b)] = b
	}
	return s
}

func room(pods int64) *clusterv1alpha1.ResourceSummary {
	return &clusterv1alpha1.ResourceSummary{Allocatable: corev1.ResourceList{
		"pods": *resource.NewQuantity(pods, resource.DecimalSI), "cpu": *resource.NewQuantity(1<<20, resource.DecimalSI)}}
}

func dynamic(_ int, b *workv1alpha2.ResourceBinding) {
	b.Spec.Placement.ReplicaScheduling.WeightPreference = &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas}
}

func (s *store) reconciler() *reconciler {
	p := newPlacer(s)
	p.clusters.following.Store(true)
	return &reconciler{
		client: s, live: s, recorder: &record.FakeRecorder{}, placer: p, clock: clock.RealClock{}, name: policyv1alpha1.DefaultSchedulerName,
		empty: func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} },
		own:   newOwn(), returns: newReturns(), policies: policies.Finder{Cached: s, Live: s}, failback: 5 * time.Minute,
	}
}

// all reconciles every binding with some workers.
func (s *store) all(t testing.TB, r *reconciler, workers int) {
	keys := make(chan types.NamespacedName, len(s.bindings))
	for key := range s.bindings {
		keys <- key
	}
	close(keys)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for key := range keys {
				result, err := r.Reconcile(context.Background(), ctrl.Request{NamespacedName: key})
				if err != nil {
					t.Errorf("%s: %v", key, err)
				}
				if result.RequeueAfter > 0 && result.RequeueAfter < time.Second {
					t.Errorf("%s: again in %v", key, result.RequeueAfter)
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkScheduler is what a decision costs besides the API server: from the cached binding to two
// encoded patches.
func BenchmarkScheduler(b *testing.B) {
	for _, clusters := range []int{10, 100, 1000} {
		for name, change := range map[string]func(int, *workv1alpha2.ResourceBinding){"static": nil, "dynamic": dynamic} {
			b.Run(fmt.Sprintf("%s/%d", name, clusters), func(b *testing.B) {
				s := newStore(1, clusters, change)
				r := s.reconciler()
				var original workv1alpha2.ResourceBinding
				for _, x := range s.bindings {
					original = *x
				}
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					fresh := original // each time a binding that nobody has seen
					n++
					fresh.Name = "web-" + strconv.Itoa(n)
					fresh.Spec.Clusters = nil
					s.bindings = map[types.NamespacedName]*workv1alpha2.ResourceBinding{keyOf(&fresh): &fresh}
					if _, err := r.Reconcile(context.Background(), ctrl.Request{NamespacedName: keyOf(&fresh)}); err != nil {
						b.Fatal(err)
					}
					r.placer.ledger.Forget(keyOf(&fresh)) // as if it were reported
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
			})
		}
	}
}

func TestThousandsOfBindingsTakeTwoWritesEachAndARestartNone(t *testing.T) {
	const n = 5000
	s := newStore(n, 5, nil)
	s.all(t, s.reconciler(), 8)
	if specs, statuses := s.specs.Load(), s.statuses.Load(); specs != n || statuses != n {
		t.Errorf("%d patches, %d of the status, want %d of each", specs, statuses, n)
	}
	s.all(t, s.reconciler(), 8)
	if specs, statuses := s.specs.Load(), s.statuses.Load(); specs != n || statuses != n {
		t.Errorf("the restart writes %d patches, %d of the status", specs-n, statuses-n)
	}
	if lost := s.lost.Load(); lost > 0 {
		t.Errorf("%d conflicts", lost)
	}
	for key, b := range s.bindings {
		if b.Status.SchedulerObservedGeneration != b.Generation || !metaTrue(b) {
			t.Fatalf("%s: %+v", key, b.Status)
		}
	}
}

func metaTrue(b *workv1alpha2.ResourceBinding) bool {
	return scheduled(b).Status == metav1.ConditionTrue
}
