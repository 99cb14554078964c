package server

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/seaway-io/seaway/dns/core/accept"
)

// world is a socket, a clock and the rest of the network in one: queries come at a pace, wait in a
// queue that drops what it has no room for, and cost time to answer.
type world struct {
	clock, end time.Time
	pace       func(time.Time) time.Duration // between two queries
	cost       time.Duration                 // of each answer
	msg        []byte

	next            time.Time // when the next query comes
	queue, taken    []time.Time
	capacity, most  int
	answered, fresh int
	oldest          time.Duration
}

func (w *world) Receive() (int, error) {
	for ; !w.next.After(w.clock); w.next = w.next.Add(w.pace(w.next)) {
		if len(w.queue) < w.capacity {
			w.queue = append(w.queue, w.next)
		}
	}
	if w.clock.After(w.end) {
		return 0, net.ErrClosed
	}
	if len(w.queue) == 0 {
		w.clock = w.next
		return w.Receive()
	}
	n := min(len(w.queue), datagrams.Batch)
	w.taken, w.queue = w.queue[:n], w.queue[n:]
	return n, nil
}

func (w *world) Message(int) ([]byte, netip.Addr) { return w.msg, stranger }
func (w *world) Buffer(int) []byte                { return make([]byte, 0, 1232) }
func (w *world) Reply(i int, _ []byte) {
	w.clock = w.clock.Add(w.cost)
	age := w.clock.Sub(w.taken[i])
	w.answered++
	w.oldest = max(w.oldest, age)
	if age < 350*time.Millisecond {
		w.fresh++
	}
}
func (w *world) Later(int) func([]byte) error { return func([]byte) error { return nil } }
func (w *world) Send() int                    { return 0 }
func (w *world) Waiting() int                 { return len(w.queue) }
func (w *world) Resize(n int)                 { w.capacity = min(n, w.most) }
func (w *world) Discard() int {
	n := len(w.queue)
	w.queue = nil
	return n
}
func (w *world) Address() netip.AddrPort { return netip.AddrPort{} }
func (w *world) Close() error            { return nil }

// Whatever it is asked, a server answers as many as it can while they are still waited for. A queue
// that holds a second of work must not make every answer a second late.
func TestOverload(t *testing.T) {
	s := unheard(t)
	s.options.Rules.Accounts = nil
	begin := time.Unix(1_800_000_000, 0)
	const cost, length = 30 * time.Microsecond, 4 * time.Second
	run := func(pace func(time.Time) time.Duration, most int) *world {
		w := &world{clock: begin, next: begin, end: begin.Add(length), pace: pace, cost: cost, msg: query(t, "www.apps.example.com."), capacity: most, most: most}
		worker := &udpWorker{server: s, socket: w, path: accept.New(s.options.Rules), count: &counters{}, now: func() time.Time { return w.clock }}
		worker.run(context.Background())
		return w
	}
	every := func(d time.Duration) func(time.Time) time.Duration {
		return func(time.Time) time.Duration { return d }
	}
	peak := int(length / cost)
	for name, most := range map[string]int{"a large queue": 40_000, "a small queue": 500} {
		t.Run(name, func(t *testing.T) {
			if w := run(every(cost/5), most); w.fresh < peak*8/10 {
				t.Errorf("five times as much: %d of %d were in time, the oldest was %v", w.fresh, peak, w.oldest)
			}
			if w := run(every(2*cost), most); w.fresh != w.answered || w.fresh < peak/2-1 || w.oldest > 10*time.Millisecond {
				t.Errorf("half as much: %d of %d, the oldest %v", w.fresh, peak/2, w.oldest)
			}
		})
	}
	t.Run("back to normal", func(t *testing.T) {
		calm := begin.Add(length / 2)
		w := run(func(at time.Time) time.Duration {
			if at.Before(calm) {
				return cost / 5
			}
			return 2 * cost
		}, 40_000)
		if want := peak/2*8/10 + peak/4; w.fresh < want {
			t.Errorf("%d in time, want %d", w.fresh, want)
		}
	})
}
