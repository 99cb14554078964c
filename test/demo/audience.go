//go:build linux

package demo

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/seaway-io/seaway/test/fleet"
)

// The audience: so many clients, together with so many requests a second.
const (
	listeners    = 50
	audienceRate = 500
)

// audience are many clients near one place that send requests at a steady rate. Each has a cache of its
// own that holds an answer for as long as its TTL says and not a moment longer; the caches run out at
// different times. A request is sent on a connection of its own, since one that is kept open would hide
// or prolong what the answers do, and is given a second. Nothing is sent twice.
type audience struct {
	from    *fleet.Host
	servers []*fleet.Host
	host    string
	subnet  netip.Prefix

	mu       sync.Mutex
	counted  turnout
	stop     context.CancelFunc
	visitors sync.WaitGroup
}

// turnout is what became of the requests.
type turnout struct {
	Sent, Failed int
	// FirstFail and LastFail are when requests that failed were sent.
	FirstFail, LastFail time.Time
}

func startAudience(ctx context.Context, from *fleet.Host, servers []*fleet.Host, host string, subnet netip.Prefix) *audience {
	ctx, cancel := context.WithCancel(ctx)
	a := &audience{from: from, servers: servers, host: host, subnet: subnet, stop: cancel}
	for i := range listeners {
		a.visitors.Go(func() { a.visit(ctx, i) })
	}
	return a
}

// end stops the clients and waits for what is under way.
func (a *audience) end() turnout {
	a.stop()
	a.visitors.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counted
}

// cached is an answer and how long it may be used.
type cached struct {
	address netip.Addr
	until   time.Time
}

// visit is one of the clients.
func (a *audience) visit(ctx context.Context, number int) {
	const every = time.Second * listeners / audienceRate
	select {
	case <-ctx.Done():
		return
	case <-time.After(every * time.Duration(number) / listeners):
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	known := a.resolve(ctx, number)
	// As if it had been asked for some time ago.
	known.until = known.until.Add(-time.Until(known.until) * time.Duration(number) / listeners)
	for asked := number; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !time.Now().Before(known.until) {
			asked++
			known = a.resolve(ctx, asked)
		}
		at := known.address
		a.visitors.Go(func() { a.request(ctx, at) })
	}
}

// resolve asks one name server and, if it says nothing, the others.
func (a *audience) resolve(ctx context.Context, first int) cached {
	for i := range a.servers {
		server := a.servers[(first+i)%len(a.servers)]
		answer, err := Ask(ctx, a.from, Port53(server), a.host, a.subnet, time.Second)
		if err == nil && answer.Address.IsValid() {
			return cached{answer.Address, time.Now().Add(time.Duration(answer.TTL) * time.Second)}
		}
	}
	return cached{}
}

// request sends one request. Without an address it has failed.
func (a *audience) request(ctx context.Context, address netip.Addr) {
	began := time.Now()
	failed := !address.IsValid()
	if !failed {
		_, err := Get(ctx, a.from, address, a.host, time.Second)
		failed = err != nil
	}
	if ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counted.Sent++
	if !failed {
		return
	}
	a.counted.Failed++
	if a.counted.FirstFail.IsZero() || began.Before(a.counted.FirstFail) {
		a.counted.FirstFail = began
	}
	if began.After(a.counted.LastFail) {
		a.counted.LastFail = began
	}
}
