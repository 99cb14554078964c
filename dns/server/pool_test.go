package server

import (
	"testing"
	"time"
)

// The fuller the server, the sooner a quiet connection is closed.
func TestIdleTimeShrinks(t *testing.T) {
	s := &Server{options: Options{TCP: TCPLimits{Idle: 10 * time.Second, Total: 100}}, metrics: &metrics{}}
	p := newPool(s)
	for open, want := range map[int64]time.Duration{
		0: 10 * time.Second, 50: 10 * time.Second, 75: 5500 * time.Millisecond, 100: time.Second, 200: time.Second,
	} {
		p.open.Store(open)
		if got := p.idle(); got != want {
			t.Errorf("with %d connections: %v, want %v", open, got, want)
		}
	}
}

// A worker that cannot get through what waits throws it away; one that only has much to do does not.
func TestStaleQueriesAreThrownAway(t *testing.T) {
	for name, c := range map[string]struct {
		perBatch time.Duration
		last     int // size of the last batch
		want     int
	}{
		"slow":                      {10 * time.Millisecond, datagrams.Batch, 1},
		"fast":                      {time.Millisecond / 10, datagrams.Batch, 0},
		"slow, but nothing is left": {10 * time.Millisecond, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			q := &queue{}
			w := &udpWorker{socket: q, count: &counters{}}
			now := time.Unix(1, 0)
			for began := now; now.Sub(began) < tooOld; now = now.Add(c.perBatch) {
				w.catchUp(datagrams.Batch, now)
			}
			w.catchUp(c.last, now)
			if q.discarded != c.want || w.count.counts[atDrops+int(dropStale)].Load() != uint64(7*c.want) {
				t.Errorf("thrown away %d times", q.discarded)
			}
		})
	}
}

// queue is a socket with much waiting in it.
type queue struct {
	batch
	discarded int
}

func (q *queue) Capacity() int { return 10_000 }

func (q *queue) Discard() int {
	q.discarded++
	return 7
}
