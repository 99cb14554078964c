package secondary

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"reflect"
	"sync"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/transfer"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/tsig"
)

// Options of a Keeper.
type Options struct {
	// Zones are all Zone objects at present.
	Zones func() []*trafficv1alpha1.Zone
	// SetCopies puts copies in force, by domain.
	SetCopies func(map[string]*zone.Copy)
	// Keys that requests are signed with.
	Keys *tsig.Ring
	// Dir is where copies are kept; nowhere if empty.
	Dir string
	Log *slog.Logger
}

// fetcher asks a primary for what is newer than a version, or for all. The records are those of the
// answer.
type fetcher func(ctx context.Context, server trafficv1alpha1.TransferServer, apex wire.Name, have *transfer.Version) ([]wire.Record, error)

// Keeper keeps the copies of all zones.
type Keeper struct {
	options Options
	fetch   fetcher
	dirty   chan struct{}
	slots   chan struct{}

	publishing sync.Mutex // held while copies are put in force, so that the newest are last
	mu         sync.Mutex
	copies     map[string]*zone.Copy
	followers  map[string]*follower
}

// atOnce is how many zones are fetched at the same time.
const atOnce = 8

// New returns a keeper of nothing.
func New(o Options) *Keeper {
	k := &Keeper{options: o, dirty: make(chan struct{}, 1), slots: make(chan struct{}, atOnce), copies: map[string]*zone.Copy{}, followers: map[string]*follower{}}
	k.fetch = k.ask
	return k
}

// follower follows one zone.
type follower struct {
	*Keeper
	domain  string
	apex    wire.Name
	spec    *trafficv1alpha1.Secondary
	told    chan struct{}
	cancel  context.CancelFunc
	version *transfer.Version
	heard   time.Time // when the version was last known to be the newest
	trouble string
}

// Changed says that Zones may have changed. It does not block.
func (k *Keeper) Changed() {
	select {
	case k.dirty <- struct{}{}:
	default:
	}
}

// Notified says that a primary has something newer. It does not block.
func (k *Keeper) Notified(domain string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f := k.followers[domain]; f != nil {
		select {
		case f.told <- struct{}{}:
		default:
		}
	}
}

// Load puts in force what is on disk for the zones that are there.
func (k *Keeper) Load() {
	copies := map[string]*zone.Copy{}
	for _, z := range k.options.Zones() {
		if f := k.newFollower(z); f != nil {
			f.restore()
			if f.version != nil {
				copies[f.domain] = f.copy(time.Now())
			}
		}
	}
	if len(copies) > 0 {
		k.mu.Lock()
		k.copies = copies
		k.mu.Unlock()
		k.options.SetCopies(copies)
	}
}

func (k *Keeper) newFollower(z *trafficv1alpha1.Zone) *follower {
	apex, err := wire.ParseName(z.Spec.Domain)
	if z.Spec.Secondary == nil || err != nil {
		return nil
	}
	return &follower{Keeper: k, domain: apex.String(), apex: apex, spec: z.Spec.Secondary, told: make(chan struct{}, 1)}
}

// Run follows all zones until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		k.arrange(ctx, &wg)
		select {
		case <-ctx.Done():
			return
		case <-k.dirty:
		}
	}
}

// arrange follows the zones that are there, and no others.
func (k *Keeper) arrange(ctx context.Context, wg *sync.WaitGroup) {
	wanted := map[string]*follower{}
	for _, z := range k.options.Zones() {
		if f := k.newFollower(z); f != nil && wanted[f.domain] == nil {
			wanted[f.domain] = f
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for domain, old := range k.followers {
		if f := wanted[domain]; f == nil || !reflect.DeepEqual(f.spec, old.spec) {
			old.cancel()
			delete(k.followers, domain)
		}
		if wanted[domain] == nil {
			delete(k.copies, domain)
		}
	}
	for domain, f := range wanted {
		if k.followers[domain] != nil {
			continue
		}
		var own context.Context
		own, f.cancel = context.WithCancel(ctx)
		k.followers[domain] = f
		wg.Go(func() { f.run(own) })
	}
}

const (
	// first is how long after a failure is tried again where there is no copy that says so, twice as
	// long after each further one, up to most.
	first = 2 * time.Second
	most  = 5 * time.Minute
	// apart is how long notifications are gathered at least.
	apart = time.Second
)

// run keeps the copy of a zone.
func (f *follower) run(ctx context.Context) {
	f.restore()
	f.publish()
	failures := 0
	for {
		err := f.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		f.note(err)
		var wait time.Duration
		switch {
		case f.version == nil:
			wait = min(first<<min(failures, 10), most)
		case err != nil:
			_, wait, _ = f.version.Timers()
		default:
			wait, _, _ = f.version.Timers()
		}
		if failures++; err == nil {
			failures = 0
		}
		// All servers of a zone were started together; they need not ask together for ever.
		f.wait(ctx, wait-rand.N(wait/10+1))
		if ctx.Err() != nil {
			return
		}
	}
}

// wait waits for a time, or for a notification, and sees to it that the copy expires meanwhile.
func (f *follower) wait(ctx context.Context, d time.Duration) {
	var expiry <-chan time.Time
	if f.version != nil && !f.copy(time.Now()).Expired {
		_, _, expire := f.version.Timers()
		t := time.NewTimer(time.Until(f.heard.Add(expire)))
		defer t.Stop()
		expiry = t.C
	}
	again := time.NewTimer(d)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			return
		case <-expiry:
			f.options.Log.Error("a copy has expired: nothing of the zone is answered until a primary is heard", "zone", f.domain, "heard", f.heard)
			f.publish()
		case <-f.told:
			select {
			case <-ctx.Done():
			case <-time.After(apart):
			}
			return
		}
	}
}

// refresh asks the primaries, one after the other.
func (f *follower) refresh(ctx context.Context) error {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var problems []error
	for _, server := range f.spec.Primaries {
		v, err := f.from(ctx, server)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", server.Address, err))
			continue
		}
		before, expired := f.version, f.version != nil && f.copy(time.Now()).Expired
		f.version, f.heard = v, time.Now()
		if v != before {
			f.options.Log.Info("new copy", "zone", f.domain, "serial", v.Serial(), "records", len(v.Records), "primary", server.Address)
		}
		if v != before || expired {
			f.publish()
		}
		f.save()
		return nil
	}
	return errors.Join(problems...)
}

// from is what a primary has: what changed if it says so well, else all.
func (f *follower) from(ctx context.Context, server trafficv1alpha1.TransferServer) (*transfer.Version, error) {
	answer, err := f.fetch(ctx, server, f.apex, f.version)
	if err == nil {
		var v *transfer.Version
		if v, err = transfer.Apply(f.apex, f.version, answer); err == nil {
			return v, nil
		}
	}
	var network net.Error
	if f.version == nil || ctx.Err() != nil || errors.As(err, &network) {
		return nil, err
	}
	answer, whole := f.fetch(ctx, server, f.apex, nil)
	if whole != nil {
		return nil, err
	}
	return transfer.Apply(f.apex, f.version, answer)
}

// copy is what is served of the version at a time.
func (f *follower) copy(now time.Time) *zone.Copy {
	_, _, expire := f.version.Timers()
	return &zone.Copy{SOA: f.version.SOA, Records: f.version.Records, Expired: !now.Before(f.heard.Add(expire))}
}

// publish puts the copy in force.
func (f *follower) publish() {
	if f.version == nil {
		return
	}
	f.publishing.Lock()
	defer f.publishing.Unlock()
	f.mu.Lock()
	if f.followers[f.domain] != f {
		f.mu.Unlock()
		return // another follows the zone now
	}
	f.copies[f.domain] = f.copy(time.Now())
	all := maps.Clone(f.copies)
	f.mu.Unlock()
	f.options.SetCopies(all)
}

// note logs what is wrong when it is new, and that it is over.
func (f *follower) note(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case text == f.trouble:
	case err != nil:
		f.options.Log.Warn("a zone cannot be copied", "zone", f.domain, "error", err)
	default:
		f.options.Log.Info("a zone can be copied again", "zone", f.domain)
	}
	f.trouble = text
}
