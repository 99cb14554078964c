package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seaway-io/seaway/dns/core/dnssec"
)

const (
	// perCPU signatures a second take a sixth of a CPU.
	perCPU     = 4000
	refillTick = 20 * time.Millisecond
	// renewAfter keeps clocks that are a little behind from finding nothing due.
	renewAfter = time.Second
)

// signer has a snapshot's signatures made, and made anew. It is guarded by the engine's compiling, but
// for online, which needs no guard.
type signer struct {
	online *dnssec.Online
	rate   int
	tick   time.Duration // between refills
	renew  *time.Timer
	stop   chan struct{} // of the refilling; nil before it has begun
	closed bool
}

func newSigner(rate int) signer {
	if rate <= 0 {
		rate = perCPU * runtime.GOMAXPROCS(0)
	}
	return signer{online: &dnssec.Online{}, rate: rate, tick: refillTick}
}

// each spreads work over all processors but one, which is left to those who answer, if there is anything
// to answer yet.
func (e *Engine) each(n int, do func(i int)) {
	processors := runtime.GOMAXPROCS(0)
	if s := e.snapshot.Load(); s != nil && len(s.Zones) > 0 {
		processors = max(1, processors-1)
	}
	if n == 1 || processors == 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, processors) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	wg.Wait()
}

// renewAt has something done when the first signatures of a snapshot are due, and sees to the budget of
// those that are made for a question while there are any.
func (s *signer) renewAt(at time.Time, do func()) {
	if s.renew != nil {
		s.renew.Stop()
		s.renew = nil
	}
	if at.IsZero() || s.closed {
		return
	}
	if s.stop == nil {
		s.stop = make(chan struct{})
		s.refill()
		go s.refilling(s.stop)
	}
	s.renew = time.AfterFunc(max(time.Until(at), 0)+renewAfter, do)
}

func (s *signer) refill() {
	s.online.Refill(max(1, int64(s.rate)*int64(s.tick)/int64(time.Second)))
}

func (s *signer) refilling(stop chan struct{}) {
	tick := time.NewTicker(s.tick)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			s.refill()
		}
	}
}

func (s *signer) close() {
	s.closed = true
	if s.renew != nil {
		s.renew.Stop()
	}
	if s.stop != nil {
		close(s.stop)
		s.stop = nil
	}
}
