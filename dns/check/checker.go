package check

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/objects"
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
	// CutOff is called when the checker finds that it has lost its own network, with the moment, and
	// when that is over, with zero. Calls do not overlap. Verdicts that were reported before stand.
	CutOff func(since time.Time)
	// Heard says whether the hub is in reach; nobody is if nil.
	Heard func() bool
	// Routed says whether there is a way out of this host; if nil the routes are asked.
	Routed func() bool
	// Probe sends one probe; Probe of this package if nil.
	Probe func(ctx context.Context, t *Target, host string) error
	// Concurrent is how many probes may be under way at once; 2048 if 0.
	Concurrent int
	// PerAddress is how many of them may be to one address; 16 if 0.
	PerAddress int
}

// Defaults of the bounds in Options.
const (
	defaultConcurrent = 2048
	defaultPerAddress = 16
)

// Checker probes endpoints. It begins with SetTargets or SetPlans, of which one is used, and ends with Close.
type Checker struct {
	options Options
	slots   chan struct{}
	gates   gates
	self    *self
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	good    atomic.Uint64
	bad     atomic.Uint64
	skipped atomic.Uint64

	mu      sync.Mutex
	running map[verdict.Key]*prober
	plans   []*trafficv1alpha1.TrafficPlan // that are probed
}

// New returns a checker of nothing.
func New(o Options) *Checker {
	if o.Probe == nil {
		o.Probe = Probe
	}
	if o.Concurrent <= 0 {
		o.Concurrent = defaultConcurrent
	}
	if o.PerAddress <= 0 {
		o.PerAddress = defaultPerAddress
	}
	c := &Checker{
		options: o,
		slots:   make(chan struct{}, o.Concurrent),
		gates:   gates{most: o.PerAddress, byHost: map[string]*gate{}},
		self:    newSelf(o),
		running: map[verdict.Key]*prober{},
	}
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
			c.stop(key, p)
		}
	}
}

func (c *Checker) stop(key verdict.Key, p *prober) {
	p.cancel()
	delete(c.running, key)
	c.self.forget(key)
}

// SetPlans is SetTargets with the endpoints of plans, which are in the order of their names. The list must
// not be changed. Only plans that were not in the one before are looked at.
func (c *Checker) SetPlans(plans []*trafficv1alpha1.TrafficPlan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	gone, come := objects.Difference(c.plans, plans, objects.ByName)
	wanted := map[verdict.Key]bool{}
	for _, i := range come {
		targets := Targets(plans[i])
		for j := range targets {
			t := &targets[j]
			if wanted[t.Key] {
				continue
			}
			wanted[t.Key] = true
			if old := c.running[t.Key]; old == nil || !old.target.equal(t) {
				c.start(t, old)
			}
		}
	}
	for _, i := range gone {
		for _, t := range Targets(c.plans[i]) {
			if p := c.running[t.Key]; p != nil && !wanted[t.Key] {
				c.stop(t.Key, p)
			}
		}
	}
	c.plans = plans
}

func (c *Checker) start(t *Target, old *prober) {
	p := &prober{checker: c, target: *t, wake: make(chan struct{}, 1), done: make(chan struct{})}
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

// Bounds of askOthers.
const (
	mostAsked       = 32
	mostAskedOfEach = 4 // cluster
)

// askOthers has some endpoints probed at once that are not known to fail, of as many clusters as
// there are: what they say tells dead endpoints from a network that is gone.
func (c *Checker) askOthers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked, of := 0, map[string]int{}
	for key, p := range c.running {
		if asked == mostAsked {
			return
		}
		if of[key.Cluster] == mostAskedOfEach || c.self.suspects(key) {
			continue
		}
		asked++
		of[key.Cluster]++
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}
