package yield

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
)

// underWay counts how many writes are under way, and the most there were.
type underWay struct {
	mu        sync.Mutex
	now, peak int
}

func (u *underWay) add(n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.now += n
	u.peak = max(u.peak, u.now)
}

// write is a write that takes a time, that of the bubble.
func (u *underWay) write(takes time.Duration) func() error {
	return func() error {
		u.add(1)
		time.Sleep(takes)
		u.add(-1)
		return nil
	}
}

func peakOf(t *testing.T, p *Places, writes int, takes time.Duration) int {
	t.Helper()
	var u underWay
	for range writes {
		go func() {
			if err := p.Do(t.Context(), u.write(takes)); err != nil {
				t.Error(err)
			}
		}()
	}
	time.Sleep(time.Duration(writes) * takes)
	synctest.Wait()
	if u.now != 0 {
		t.Fatalf("%d writes have not ended", u.now)
	}
	return u.peak
}

func TestFewStatusesAreWrittenAtATimeWhileTheHubIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if peak := peakOf(t, New(clock.RealClock{}), 1000, late); peak != least {
			t.Errorf("%d writes were under way at a time, want %d", peak, least)
		}
	})
}

func TestManyStatusesAreWrittenAtATimeWhileTheHubIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(clock.RealClock{})
		if peak := peakOf(t, p, 1000, late/10); peak != most {
			t.Errorf("%d writes were under way at a time, want %d", peak, most)
		}
		peakOf(t, p, 1000, 2*late)
		if peak := peakOf(t, p, 1000, late); peak != least {
			t.Errorf("%d writes were under way at a time after the hub had become late, want %d", peak, least)
		}
	})
}

func TestAWriteThatHasToWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(clock.RealClock{})
		for range least {
			go func() { _ = p.Do(t.Context(), func() error { time.Sleep(time.Hour); return nil }) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := p.Do(ctx, func() error { t.Error("it wrote"); return nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Hour)
	})
}

func TestTheErrorOfAWriteIsReturnedAndItsPlaceIsFree(t *testing.T) {
	p := New(clock.RealClock{})
	want := errors.New("refused")
	for range 2 * most {
		if err := p.Do(t.Context(), func() error { return want }); !errors.Is(err, want) {
			t.Fatalf("error %v", err)
		}
	}
}
