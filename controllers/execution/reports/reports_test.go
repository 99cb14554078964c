package reports

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

// world is a hub with one Work.
type world struct {
	*Desk
	t      *testing.T
	client client.Client

	mu     sync.Mutex
	writes int
	// fails is what writes end with.
	fails error
}

func (w *world) wrote() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	return w.fails
}

func (w *world) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails = nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	work := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-es-fra", Name: "web", UID: "w1", Generation: 1}}
	w.client = fake.NewClientBuilder().WithScheme(scheme.New()).WithStatusSubresource(work).WithObjects(work).
		WithInterceptorFuncs(interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				if err := w.wrote(); err != nil {
					return err
				}
				return c.SubResource(sub).Patch(ctx, obj, p, opts...)
			},
		}).Build()
	w.Desk = New(w.client, w.client, record.NewFakeRecorder(100), nil)
	return w
}

func (w *world) work() *workv1alpha1.Work {
	w.t.Helper()
	work := &workv1alpha1.Work{}
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: "karmada-es-fra", Name: "web"}, work); err != nil {
		w.t.Fatal(err)
	}
	return work
}

// told is what the Work says: how its condition Applied is, and the health of its objects.
func (w *world) told() []string {
	w.t.Helper()
	work := w.work()
	var out []string
	if c := meta.FindStatusCondition(work.Status.Conditions, workv1alpha1.WorkApplied); c != nil {
		out = append(out, "Applied="+string(c.Status))
	}
	for _, s := range work.Status.ManifestStatuses {
		out = append(out, string(s.Health))
	}
	return out
}

func applied(status metav1.ConditionStatus) []metav1.Condition {
	return []metav1.Condition{{Type: workv1alpha1.WorkApplied, Status: status, Reason: "Test"}}
}

func health(h workv1alpha1.ResourceHealth) []workv1alpha1.ManifestStatus {
	return []workv1alpha1.ManifestStatus{{Identifier: workv1alpha1.ResourceIdentifier{Kind: "Pod", Name: "p"}, Health: h}}
}

func TestWhatIsWritten(t *testing.T) {
	const yes, no = metav1.ConditionTrue, metav1.ConditionFalse
	const healthy, unhealthy = workv1alpha1.ResourceHealthy, workv1alpha1.ResourceUnhealthy
	for name, tc := range map[string]struct {
		reports []Report
		want    []string
		writes  int
	}{
		"a condition": {[]Report{{Conditions: applied(yes)}}, []string{"Applied=True"}, 1},
		"what two tell of different things, in one write": {
			[]Report{{Conditions: applied(yes)}, {Statuses: health(healthy), Reflected: true}}, []string{"Applied=True", "Healthy"}, 1},
		"the newer condition of two": {
			[]Report{{Conditions: applied(yes)}, {Conditions: applied(no)}}, []string{"Applied=False"}, 1},
		"the newer statuses of two": {
			[]Report{{Statuses: health(healthy), Reflected: true}, {Statuses: health(unhealthy), Reflected: true}}, []string{"Unhealthy"}, 1},
		"that there are no objects any more": {
			[]Report{{Statuses: health(healthy), Reflected: true}, {Reflected: true}}, nil, 0},
		"statuses aside, with the condition": {
			[]Report{{Conditions: applied(yes), Statuses: health(healthy), Reflected: true, Aside: true}}, []string{"Applied=True", "Healthy"}, 1},
		"nothing of statuses aside alone": {
			[]Report{{Statuses: health(healthy), Reflected: true, Aside: true}}, nil, 0},
		"statuses, though others were seen aside later": {
			[]Report{{Statuses: health(unhealthy), Reflected: true}, {Conditions: applied(yes), Statuses: health(healthy), Reflected: true, Aside: true}},
			[]string{"Applied=True", "Unhealthy"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for _, r := range tc.reports {
				w.Put(w.work(), r)
			}
			for range 2 {
				if err := w.Drain(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tc.want, w.told()); diff != "" {
				t.Errorf("the Work says (-want +got):\n%s", diff)
			}
			if w.writes != tc.writes {
				t.Errorf("%d writes, want %d", w.writes, tc.writes)
			}
		})
	}
}

func TestStatusesAsideAreNotWrittenOverThoseThatWereToldSince(t *testing.T) {
	w := newWorld(t)
	looked := w.work()
	w.Put(looked, Report{Statuses: health(workv1alpha1.ResourceUnhealthy), Reflected: true})
	if err := w.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Put(looked, Report{Conditions: applied(metav1.ConditionTrue), Statuses: health(workv1alpha1.ResourceHealthy), Reflected: true, Aside: true})
	if err := w.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Applied=True", "Unhealthy"}, w.told()); diff != "" {
		t.Errorf("the Work says (-want +got):\n%s", diff)
	}
}

func TestAReportReachesNoOtherWorkOfThatName(t *testing.T) {
	w := newWorld(t)
	other := w.work()
	other.UID = "w0"
	w.Put(other, Report{Conditions: applied(metav1.ConditionFalse)})
	if err := w.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.writes != 0 {
		t.Error("it was written")
	}
	w.Put(other, Report{Conditions: applied(metav1.ConditionFalse), Statuses: health(workv1alpha1.ResourceUnhealthy), Reflected: true})
	w.Put(w.work(), Report{Conditions: applied(metav1.ConditionTrue)})
	if err := w.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Applied=True"}, w.told()); diff != "" {
		t.Errorf("the Work says (-want +got):\n%s", diff)
	}
	gone := w.work()
	if err := w.client.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	w.Put(gone, Report{Conditions: applied(metav1.ConditionFalse)})
	if err := w.Drain(t.Context()); err != nil || len(w.open) > 0 {
		t.Errorf("about a Work that is gone: %v, %d left", err, len(w.open))
	}
}

// TestWhatCouldNotBeWrittenIsWrittenLater: together with what was reported meanwhile, before the desk was
// started or after.
func TestWhatCouldNotBeWrittenIsWrittenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fails = errors.New("the hub is away")
		w.Put(w.work(), Report{Conditions: applied(metav1.ConditionTrue)})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Start(ctx) }()
		time.Sleep(time.Second)
		w.Put(w.work(), Report{Statuses: health(workv1alpha1.ResourceHealthy), Reflected: true})
		time.Sleep(time.Second)
		synctest.Wait()
		if tries := w.writes; tries < 3 || tries > 20 {
			t.Errorf("%d tries in two seconds", tries)
		}
		w.mend()
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"Applied=True", "Healthy"}, w.told()); diff != "" {
			t.Errorf("the Work says (-want +got):\n%s", diff)
		}
		stop()
		if err := <-ended; err != nil || len(w.waiting()) > 0 {
			t.Errorf("%v, left: %v", err, w.waiting())
		}
	})
}

func TestConditionsAreOfTheGenerationThatWasLookedAt(t *testing.T) {
	w := newWorld(t)
	looked := w.work()
	changed := w.work()
	changed.Generation = 2
	if err := w.client.Update(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	w.Put(looked, Report{Conditions: applied(metav1.ConditionTrue)})
	if err := w.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(w.work().Status.Conditions, func(c metav1.Condition) bool { return c.ObservedGeneration == 1 })
	if i < 0 {
		t.Errorf("conditions %+v", w.work().Status.Conditions)
	}
}
