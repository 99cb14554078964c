// Package yield lets the writes of status give way to those that change what runs.
//
// One change of a template is a handful of writes that bring it to the members and about as many that
// tell what became of them. When the hub's API server has no more to give, all of them wait for each
// other, and the change arrives as late as the news of it. So the writes of status share a number of
// places: few while the API server answers late, many while it answers at once. Those that bring a change
// wait for nobody.
package yield

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// There are at least so many places that status comes home however busy the hub is, and at most so many
// that a hub that is not busy is not made so by them.
const (
	least = 4
	most  = 64
)

// late is how long a write takes at least when the API server has more to do than it can; one with time to
// spare needs about a fifth of that.
const late = 50 * time.Millisecond

// Places bounds how many writes of status are under way. It is safe for concurrent use.
type Places struct {
	clock  clock.PassiveClock
	places *semaphore.Weighted // of size most; those that are closed are taken

	mu   sync.Mutex
	open int
}

// New returns places whose number follows how long the writes take.
func New(clock clock.PassiveClock) *Places {
	p := &Places{clock: clock, places: semaphore.NewWeighted(most), open: least}
	p.places.TryAcquire(most - least) // nobody else has it yet
	return p
}

// Do writes when there is a place, in the order of the calls. It ends early only with the context.
func (p *Places) Do(ctx context.Context, write func() error) error {
	if err := p.places.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("wait to write status: %w", err)
	}
	began := p.clock.Now()
	defer func() { p.places.Release(p.free(p.clock.Since(began))) }()
	return write()
}

// free says how many places to free after a write: that of the write, one more when the hub has time, none
// when it has not.
func (p *Places) free(took time.Duration) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case took >= late && p.open > least:
		p.open--
		return 0
	case took < late && p.open < most:
		p.open++
		return 2
	}
	return 1
}

// Client returns a client whose writes of status wait for a place. All else goes straight to c.
// Nil places let all writes pass.
func (p *Places) Client(c client.Client) client.Client {
	if p == nil {
		return c
	}
	return &yielding{Client: c, places: p}
}

type yielding struct {
	client.Client
	places *Places
}

func (y *yielding) Status() client.SubResourceWriter {
	return &writer{SubResourceWriter: y.Client.Status(), places: y.places}
}

type writer struct {
	client.SubResourceWriter
	places *Places
}

func (w *writer) Patch(ctx context.Context, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
	return w.places.Do(ctx, func() error { return w.SubResourceWriter.Patch(ctx, obj, patch, opts...) })
}

func (w *writer) Update(ctx context.Context, obj client.Object, opts ...client.SubResourceUpdateOption) error {
	return w.places.Do(ctx, func() error { return w.SubResourceWriter.Update(ctx, obj, opts...) })
}
