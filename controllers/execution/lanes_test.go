package execution

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
)

func name(s string) types.NamespacedName { return types.NamespacedName{Name: s} }

// running starts lanes in a bubble of fake time and ends them with the test.
func running(t *testing.T, workers int, reconcile func(context.Context, types.NamespacedName) (ctrl.Result, error)) *lanes {
	l := &lanes{reconcile: reconcile, workers: workers, log: logr.Discard()}
	ctx, cancel := context.WithCancel(t.Context())
	l.start(ctx)
	ended := make(chan struct{})
	go func() {
		l.wait(ctx)
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return l
}

// TestDeadMember: members that hang, however many, hold up nobody else.
func TestDeadMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		done := map[string]time.Duration{}
		start := time.Now()
		l := running(t, 2, func(ctx context.Context, key types.NamespacedName) (ctrl.Result, error) {
			if key.Name == "stuck" {
				time.Sleep(10 * time.Second)
			}
			mu.Lock()
			defer mu.Unlock()
			done[key.Namespace+"/"+key.Name] = time.Since(start)
			return ctrl.Result{}, nil
		})
		for _, cluster := range []string{"dead1", "dead2", "dead3", "dead4"} {
			for range 3 {
				l.add(cluster, urgent, types.NamespacedName{Namespace: cluster, Name: "stuck"})
			}
		}
		l.add("alive", urgent, name("work"))
		synctest.Wait()
		mu.Lock()
		at, ok := done["/work"]
		mu.Unlock()
		if !ok || at != 0 {
			t.Errorf("the healthy member's Work was done after %v (%v), want at once", at, ok)
		}
		time.Sleep(time.Minute)
	})
}

func TestBoundPerMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		busy, most, count := 0, 0, 0
		l := running(t, 3, func(context.Context, types.NamespacedName) (ctrl.Result, error) {
			mu.Lock()
			busy++
			count++
			most = max(most, busy)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			busy--
			mu.Unlock()
			return ctrl.Result{}, nil
		})
		for _, n := range []string{"a", "b", "c", "d", "e", "f", "g"} {
			l.add("fra", urgent, name(n), name(n))
		}
		time.Sleep(time.Minute)
		if most != 3 || count != 7 {
			t.Errorf("at most %d at a time, %d in all, want 3 and 7", most, count)
		}
	})
}

func TestUrgentFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		l := running(t, 1, func(_ context.Context, key types.NamespacedName) (ctrl.Result, error) {
			order = append(order, key.Name)
			time.Sleep(time.Second)
			return ctrl.Result{}, nil
		})
		l.add("fra", urgent, name("first"))
		synctest.Wait()
		l.add("fra", routine, name("old1"), name("old2"), name("edited"))
		l.add("fra", urgent, name("new"), name("edited"))
		time.Sleep(time.Minute)
		want := []string{"first", "new", "edited", "old1", "old2"}
		expect(t, "order", want, order)
	})
}

// TestFailuresGiveWay: Works that a member refuses, slowly, do not keep a new one waiting behind them.
func TestFailuresGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		took := time.Duration(-1)
		l := running(t, 1, func(_ context.Context, key types.NamespacedName) (ctrl.Result, error) {
			if key.Name == "new" {
				took = time.Since(start)
				return ctrl.Result{}, nil
			}
			time.Sleep(time.Second)
			return ctrl.Result{}, errors.New("refused after a second")
		})
		for i := range 100 {
			l.add("fra", urgent, types.NamespacedName{Namespace: "refused", Name: string(rune('a'+i%26)) + string(rune('a'+i/26))})
		}
		time.Sleep(10 * time.Minute)
		start = time.Now()
		l.add("fra", urgent, name("new"))
		time.Sleep(time.Minute)
		if took < 0 || took > 2*time.Second {
			t.Errorf("the new Work was done after %v, want it next", took)
		}
	})
}

func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		l := running(t, 1, func(context.Context, types.NamespacedName) (ctrl.Result, error) {
			at = append(at, time.Since(start))
			switch len(at) {
			case 1, 2:
				return ctrl.Result{}, errors.New("no")
			case 3:
				panic("on purpose")
			case 4:
				return ctrl.Result{RequeueAfter: time.Second}, nil
			}
			return ctrl.Result{}, nil
		})
		l.add("fra", urgent, name("w"))
		time.Sleep(time.Hour)
		want := []time.Duration{0, 50 * time.Millisecond, 150 * time.Millisecond, 350 * time.Millisecond, 1350 * time.Millisecond}
		expect(t, "tries", want, at)
	})
}

func TestLanesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		count := 0
		l := running(t, 2, func(context.Context, types.NamespacedName) (ctrl.Result, error) {
			count++
			return ctrl.Result{}, nil
		})
		l.add("fra", urgent, name("w"))
		synctest.Wait()
		l.close("fra")
		l.close("fra")
		synctest.Wait()
		if len(l.open) != 0 {
			t.Errorf("open = %v", l.open)
		}
		l.add("fra", urgent, name("w"))
		synctest.Wait()
		if count != 2 {
			t.Errorf("done %d times, want 2: a cluster that comes back gets a new lane", count)
		}
	})
	(&lanes{}).add("fra", urgent, name("w")) // before the start: nothing
}
