package check

import (
	"context"
	"errors"
	"sync"
	"time"
)

// gates bound how many probes go to one address at once: thousands of plans may share the address of
// one gateway.
type gates struct {
	most   int
	mu     sync.Mutex
	byHost map[string]*gate // of those in use
}

// gate is the way to one address.
type gate struct {
	slots   chan struct{}
	users   int
	waiting map[chan error]int32 // with the port that they wait for
}

// unreachable is the error of a probe that got no connection. Whoever waits to try the same at that
// moment need not: else the verdicts on a thousand plans behind one dead address would have to wait
// for as many timeouts in turn.
type unreachable struct{ text string }

func (u *unreachable) Error() string { return u.text }

// enter waits for its turn. leave must be called with the result of the probe.
func (g *gates) enter(ctx context.Context, host string, port int32, late <-chan time.Time) (leave func(error), err error) {
	g.mu.Lock()
	at := g.byHost[host]
	if at == nil {
		at = &gate{slots: make(chan struct{}, g.most), waiting: map[chan error]int32{}}
		g.byHost[host] = at
	}
	at.users++
	g.mu.Unlock()
	if err := g.wait(ctx, at, port, late); err != nil {
		g.left(host, at)
		return nil, err
	}
	return func(result error) {
		if u := (*unreachable)(nil); errors.As(result, &u) {
			g.tell(at, port, result)
		}
		<-at.slots
		g.left(host, at)
	}, nil
}

func (g *gates) wait(ctx context.Context, at *gate, port int32, late <-chan time.Time) error {
	select {
	case at.slots <- struct{}{}:
		return nil
	default:
	}
	told := make(chan error, 1)
	g.mu.Lock()
	at.waiting[told] = port
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		delete(at.waiting, told)
		g.mu.Unlock()
	}()
	select {
	case at.slots <- struct{}{}:
		select {
		case err := <-told:
			<-at.slots
			return err
		default:
			return nil
		}
	case err := <-told:
		return err
	case <-late:
		return errBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell gives those who wait for a port what was found out for them.
func (g *gates) tell(at *gate, port int32, result error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for told, p := range at.waiting {
		if p == port {
			select {
			case told <- result:
			default:
			}
		}
	}
}

// left forgets a gate that nobody uses any more.
func (g *gates) left(host string, at *gate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at.users--; at.users == 0 {
		delete(g.byHost, host)
	}
}
