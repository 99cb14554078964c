package deschedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

func TestPass(t *testing.T) {
	for name, tc := range map[string]struct {
		placed  string
		hanging map[string]int32
		want    string
		asked   []string
		events  string // what both say after reason
	}{
		"all is well":                  {placed: "m1:3/3 m2:2/2", want: "{m1:3, m2:2}"},
		"only the short one is asked":  {placed: "m1:5/3 m2:2/2", want: "{m1:5, m2:2}", asked: []string{"m1 web"}},
		"what hangs is taken":          {placed: "m1:5/3 m2:2/2", hanging: map[string]int32{"m1": 2, "m2": 2}, want: "{m1:3, m2:2}", asked: []string{"m1 web"}, events: "2 replicas (2 of m1)"},
		"from several clusters":        {placed: "m1:5/3 m2:2/0", hanging: map[string]int32{"m1": 1, "m2": 2}, want: "{m1:4, m2:0}", asked: []string{"m1 web", "m2 web"}, events: "3 replicas (1 of m1, 2 of m2)"},
		"a cluster that can not tell":  {placed: "m1:5/3", hanging: map[string]int32{"m1": -1}, want: "{m1:5}", asked: []string{"m1 web"}},
		"never what is ready":          {placed: "m1:5/4", hanging: map[string]int32{"m1": 5}, want: "{m1:4}", asked: []string{"m1 web"}, events: "1 replica (1 of m1)"},
		"a workload without a cluster": {want: "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Options{}, deployment("web", tc.placed))
				w.hanging = tc.hanging
				if err := w.pass(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.wantPlaced("web", tc.want)
				slices.Sort(w.asked)
				if diff := cmp.Diff(tc.asked, w.asked); diff != "" {
					t.Errorf("asked (-want +got):\n%s", diff)
				}
				if tc.events == "" {
					w.wantEvents()
				} else {
					event := "Normal DescheduleBindingSucceed Descheduled " + tc.events + ": no node has taken them for 5m0s"
					w.wantEvents(event, event)
				}
				if want := min(1, len(tc.events)); w.writes != want {
					t.Errorf("%d writes, want %d", w.writes, want)
				}
			})
		})
	}
}

func TestBothKindsOfBindings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := deployment("web", "m1:5/3")
		global := &workv1alpha2.ClusterResourceBinding{ObjectMeta: b.ObjectMeta, Spec: b.Spec, Status: b.Status}
		global.Namespace, global.UID, global.Spec.Resource.Namespace = "", "global", ""
		w := newWorld(t, Options{}, b, global)
		w.hanging["m1"] = 1
		if err := w.pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantPlaced("web", "{m1:4}")
		if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(global), global); err != nil {
			t.Fatal(err)
		}
		if got := placement.Targets(global.Spec.Clusters); got != "{m1:4}" {
			t.Errorf("the cluster-scoped one is placed %s", got)
		}
	})
}

func TestOneClusterDoesNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 20
		var objs []client.Object
		for i := range n {
			objs = append(objs, deployment(fmt.Sprintf("web-%02d", i), "m1:5/3 m2:4/2"))
		}
		w := newWorld(t, Options{Workers: 1}, objs...)
		w.hanging = map[string]int32{"m1": 1, "m2": 1}
		w.answer = func(cluster string) error {
			if cluster == "m2" {
				time.Sleep(time.Hour) // no answer; the deadline is the caller's
				return errSilent
			}
			return nil
		}
		w.Options.Unschedulable = deadline(w.Options.Unschedulable)
		start := time.Now()
		err := w.pass(t.Context())
		if !errors.Is(err, context.DeadlineExceeded) || strings.Count(err.Error(), "m2") != 1 {
			t.Errorf("error %v, want one that names m2 once", err)
		}
		for i := range n {
			w.wantPlaced(fmt.Sprintf("web-%02d", i), "{m1:4, m2:4}")
		}
		asked := slices.DeleteFunc(w.asked, func(s string) bool { return !strings.HasPrefix(s, "m2 ") })
		if len(asked) != patience {
			t.Errorf("m2 was asked %d times, want %d", len(asked), patience)
		}
		if took := time.Since(start); took > time.Minute {
			t.Errorf("the pass took %s", took)
		}
		time.Sleep(2 * time.Hour) // those that were asked go home
	})
}

// deadline lets go of a function that does not look at its context.
func deadline(f func(context.Context, string, workv1alpha2.ObjectReference, time.Duration) (int32, error)) func(context.Context, string, workv1alpha2.ObjectReference, time.Duration) (int32, error) {
	return func(ctx context.Context, cluster string, ref workv1alpha2.ObjectReference, d time.Duration) (int32, error) {
		type answer struct {
			n   int32
			err error
		}
		got := make(chan answer, 1)
		go func() {
			n, err := f(ctx, cluster, ref, d)
			got <- answer{n, err}
		}()
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case a := <-got:
			return a.n, a.err
		}
	}
}

func TestAClusterThatAnswersAgainIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Workers: 1}, deployment("a", "m1:5/3"), deployment("b", "m1:5/3"), deployment("c", "m1:5/3"), deployment("d", "m1:5/3"))
		w.hanging["m1"] = 1
		w.answer = func(string) error {
			if len(w.asked)%2 == 1 {
				return errSilent
			}
			return nil
		}
		if err := w.pass(t.Context()); !errors.Is(err, errSilent) {
			t.Errorf("error %v", err)
		}
		if w.writes != 2 || len(w.asked) != 4 {
			t.Errorf("%d writes after %d questions, want 2 after 4", w.writes, len(w.asked))
		}
	})
}

func TestPatchesThatFail(t *testing.T) {
	bindings := schema.GroupResource{Group: "work.karmada.io", Resource: "resourcebindings"}
	for name, tc := range map[string]struct {
		refuse error
		event  string
	}{
		"somebody else was quicker": {apierrors.NewConflict(bindings, "web-deployment", errors.New("changed")), ""},
		"the binding is gone":       {apierrors.NewNotFound(bindings, "web-deployment"), ""},
		"the hub says no":           {errors.New("no space left"), "Warning DescheduleBindingFailed Could not deschedule 1 replica (1 of m1): patch"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Options{}, deployment("web", "m1:5/3"))
				w.hanging["m1"], w.refuse = 1, tc.refuse
				if err := w.pass(t.Context()); (tc.event == "") != (err == nil) {
					t.Errorf("error %v", err)
				}
				for len(w.events.Events) > 0 {
					if e := <-w.events.Events; tc.event == "" || !strings.HasPrefix(e, tc.event) {
						t.Errorf("event %q, want %q", e, tc.event)
					}
				}
				w.refuse = nil
				if err := w.pass(t.Context()); err != nil { // at once: nothing was taken
					t.Fatal(err)
				}
				w.wantPlaced("web", "{m1:4}")
			})
		})
	}
}

// What changes while members are asked is not overwritten.
func TestTheSchedulerIsQuicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{}, deployment("web", "m1:5/3"))
		w.hanging["m1"] = 1
		w.during = func(string) { w.giveBack("web", "m1:1/1 m2:4/4") }
		if err := w.pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantPlaced("web", "{m1:1, m2:4}")
		w.wantEvents()
	})
}

// A scheduler that gives the replicas back each time is left alone for longer and longer.
func TestPingPongSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{}, deployment("web", "m1:5/3"))
		w.hanging["m1"] = 2
		var takenAt []time.Duration
		start := time.Now()
		for range 120 { // four hours
			if err := w.pass(t.Context()); err != nil {
				t.Fatal(err)
			}
			if w.writes > len(takenAt) {
				takenAt = append(takenAt, time.Since(start))
				w.giveBack("web", "m1:5/3")
			}
			time.Sleep(2 * time.Minute)
		}
		m := time.Minute
		if diff := cmp.Diff([]time.Duration{0, 4 * m, 12 * m, 28 * m, 60 * m, 120 * m, 180 * m}, takenAt); diff != "" {
			t.Errorf("taken at (-want +got):\n%s", diff)
		}
		w.hanging["m1"] = 0
		time.Sleep(3 * time.Hour)
		if err := w.pass(t.Context()); err != nil || len(w.taken.of) != 0 {
			t.Errorf("error %v, %d places remembered after hours", err, len(w.taken.of))
		}
	})
}

func TestAPassIsSpreadOut(t *testing.T) {
	for n, most := range map[int]time.Duration{1: 0, 5: time.Second, 2000: time.Minute} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var objs []client.Object
				for i := range n {
					objs = append(objs, deployment(fmt.Sprintf("web-%04d", i), "m1:5/3 m2:5/3 m3:5/3"))
				}
				w := newWorld(t, Options{Workers: 2}, objs...)
				w.during = func(string) { time.Sleep(time.Millisecond) }
				start := time.Now()
				if err := w.pass(t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > most+time.Second || took < most/2 && n > 5 {
					t.Errorf("%d bindings took %s, want up to %s", n, took, most)
				}
				if len(w.asked) != 3*n || w.most > 2*3 {
					t.Errorf("asked %d times, %d at a time", len(w.asked), w.most)
				}
			})
		})
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Interval: time.Minute, UnschedulableThreshold: 7 * time.Minute}, deployment("web", "m1:5/3"))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.run(ctx) }()
		for _, want := range []int{0, 1, 2} {
			synctest.Wait()
			if len(w.asked) != want {
				t.Errorf("asked %d times, want %d", len(w.asked), want)
			}
			time.Sleep(time.Minute)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestOptions(t *testing.T) {
	if err := (&Options{}).complete(); err == nil || !strings.Contains(err.Error(), "Options.Unschedulable") {
		t.Errorf("without a function to ask: %v", err)
	}
	w := &world{}
	if err := (&Options{Unschedulable: w.unschedulable, Interval: -time.Second}).complete(); err == nil || !strings.Contains(err.Error(), "negative") {
		t.Errorf("a negative interval: %v", err)
	}
	o := Options{Unschedulable: w.unschedulable}
	if err := o.complete(); err != nil || o.Interval != 2*time.Minute || o.UnschedulableThreshold != 5*time.Minute || fmt.Sprint(o.Kinds) != "[Deployment.apps]" {
		t.Errorf("%v: %+v", err, o)
	}
}
