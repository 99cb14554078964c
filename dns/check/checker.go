package check

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/verdict"
)

// Bounds of what a plan may ask for. Plans are computed with good defaults; these keep one that was
// not from hurting everybody.
const (
	leastInterval = 100 * time.Millisecond
	mostInterval  = 10 * time.Minute
)

// Target is an endpoint that is probed.
type Target struct {
	Key verdict.Key
	// Hosts are the endpoint's addresses, or its name.
	Hosts []string
	// Port that is probed.
	Port  int32
	Check trafficv1alpha1.Check
}

func (t *Target) equal(o *Target) bool {
	return t.Key == o.Key && t.Port == o.Port && t.Check == o.Check && slices.Equal(t.Hosts, o.Hosts)
}

// sharesHost reports whether a verdict on one target says anything about the other.
func (t *Target) sharesHost(o *Target) bool {
	return t.Port == o.Port && slices.ContainsFunc(t.Hosts, func(h string) bool { return slices.Contains(o.Hosts, h) })
}

// Targets are the endpoints of a plan that can be probed.
func Targets(p *trafficv1alpha1.TrafficPlan) []Target {
	var out []Target
	for _, e := range p.Spec.Endpoints {
		t := Target{
			Key:   verdict.Key{Namespace: p.Namespace, Plan: p.Name, Cluster: e.Cluster},
			Hosts: slices.Clone(e.Addresses),
			Port:  p.Spec.Check.Port,
			Check: p.Spec.Check,
		}
		if len(t.Hosts) == 0 && e.Hostname != "" {
			t.Hosts = []string{e.Hostname}
		}
		if t.Port == 0 {
			t.Port = e.Port
		}
		if len(t.Hosts) > 0 && t.Port > 0 && t.Port < 1<<16 {
			out = append(out, t)
		}
	}
	return out
}

// Options of a Checker.
type Options struct {
	// Report is called with every verdict that changes, at once, by the goroutine of the endpoint.
	// An endpoint that is not probed any more is not reported.
	Report func(verdict.Key, verdict.State)
	// Probe sends one probe; Probe of this package if nil.
	Probe func(ctx context.Context, t *Target, host string) error
	// Concurrent is how many probes may be under way at once; 2048 if 0.
	Concurrent int
}

// Checker probes endpoints. It begins with SetTargets and ends with Close.
type Checker struct {
	options Options
	slots   chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	good    atomic.Uint64
	bad     atomic.Uint64
	skipped atomic.Uint64

	mu      sync.Mutex
	running map[verdict.Key]*prober
}

// New returns a checker of nothing.
func New(o Options) *Checker {
	if o.Probe == nil {
		o.Probe = Probe
	}
	if o.Concurrent <= 0 {
		o.Concurrent = 2048
	}
	c := &Checker{options: o, slots: make(chan struct{}, o.Concurrent), running: map[verdict.Key]*prober{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close stops all probes and waits for them.
func (c *Checker) Close() {
	c.cancel()
	c.wg.Wait()
}

// Results are how many rounds of probes were good and bad so far, and how many were left out
// because too many probes were under way.
func (c *Checker) Results() (good, bad, skipped uint64) {
	return c.good.Load(), c.bad.Load(), c.skipped.Load()
}

// SetTargets says which endpoints are to be probed from now on. Of those that were probed before,
// verdicts are kept where at least one address and the port are as they were.
func (c *Checker) SetTargets(targets []Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	wanted := make(map[verdict.Key]bool, len(targets))
	for i := range targets {
		t := &targets[i]
		if wanted[t.Key] {
			continue
		}
		wanted[t.Key] = true
		old := c.running[t.Key]
		if old != nil && old.target.equal(t) {
			continue
		}
		c.start(t, old)
	}
	for key, p := range c.running {
		if !wanted[key] {
			p.cancel()
			delete(c.running, key)
		}
	}
}

// prober probes one endpoint.
type prober struct {
	checker *Checker
	target  Target
	cancel  context.CancelFunc
	done    chan struct{} // closed when it will report nothing more
	state   verdict.State // its own until done
}

func (c *Checker) start(t *Target, old *prober) {
	p := &prober{checker: c, target: *t, done: make(chan struct{})}
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(c.ctx)
	c.running[t.Key] = p
	if old != nil {
		old.cancel()
	}
	c.wg.Go(func() {
		defer close(p.done)
		if old != nil {
			<-old.done
			p.inherit(old)
		}
		p.run(ctx)
	})
}

// inherit takes over what is known, if it is known of the same thing.
func (p *prober) inherit(old *prober) {
	switch {
	case old.target.sharesHost(&p.target):
		p.state = old.state
	case old.state.Verdict != "":
		// What stood there is gone, and of what stands there now nothing is known.
		p.state = verdict.State{Verdict: trafficv1alpha1.VerdictUnknown, Since: time.Now()}
		p.checker.options.Report(p.target.Key, p.state)
	}
}

// run probes every interval. It begins at a random moment of the first, so that endpoints that
// became known together are not probed together for ever.
func (p *prober) run(ctx context.Context) {
	check := &p.target.Check
	interval := min(max(check.Interval.Duration, leastInterval), mostInterval)
	first := time.NewTimer(rand.N(interval))
	defer first.Stop()
	select {
	case <-ctx.Done():
		return
	case <-first.C:
	}
	every := time.NewTicker(interval)
	defer every.Stop()
	for {
		err := p.round(ctx, min(max(check.Timeout.Duration, leastInterval), interval))
		if ctx.Err() != nil {
			return
		}
		p.observe(err)
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

func (p *prober) observe(err error) {
	c, message := p.checker, ""
	switch {
	case err == nil:
		c.good.Add(1)
	case errors.Is(err, errSkipped):
		c.skipped.Add(1)
		return
	default:
		c.bad.Add(1)
		message = err.Error()
	}
	t := verdict.Thresholds{UnhealthyAfter: p.target.Check.UnhealthyAfter, HealthyAfter: p.target.Check.HealthyAfter}
	var changed bool
	if p.state, changed = p.state.Observe(err == nil, message, time.Now(), t); changed {
		c.options.Report(p.target.Key, p.state)
	}
}

// errSkipped is a round without a result. It says nothing about the endpoint: were it counted as a
// failure, a few hundred dead endpoints, whose probes take their whole time, would take the healthy
// ones with them.
var errSkipped = errors.New("too many probes are under way")

// round probes all addresses at once. One that answers is enough.
func (p *prober) round(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, len(p.target.Hosts))
	for _, host := range p.target.Hosts {
		go func() { results <- p.probe(ctx, host, timeout) }()
	}
	var failures []string
	for range p.target.Hosts {
		switch err := <-results; {
		case err == nil:
			return nil
		case errors.Is(err, errSkipped):
			return err
		default:
			failures = append(failures, err.Error())
		}
	}
	slices.Sort(failures)
	return errors.New(strings.Join(slices.Compact(failures), "; "))
}

// probe sends one probe as soon as there is a slot.
func (p *prober) probe(ctx context.Context, host string, timeout time.Duration) (err error) {
	c := p.checker
	wait := time.NewTimer(timeout)
	defer wait.Stop()
	select {
	case c.slots <- struct{}{}:
	case <-wait.C:
		return errSkipped
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.slots }()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: the probe panicked: %v", host, r)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return c.options.Probe(ctx, &p.target, host)
}
