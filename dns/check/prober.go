package check

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/seaway-io/seaway/dns/core/verdict"
)

// prober probes one endpoint. What follows done is its goroutine's own until that is closed.
type prober struct {
	checker *Checker
	target  Target
	cancel  context.CancelFunc
	wake    chan struct{} // asks for a round at once
	done    chan struct{} // closed when it will report nothing more

	watch verdict.Watch
}

// inherit takes over what is known, if it is known of the same thing.
func (p *prober) inherit(old *prober) {
	switch {
	case old.target.sharesHost(&p.target):
		p.watch = old.watch
	case old.watch.Said().Verdict != "":
		// What stood there is gone, and of what stands there now nothing is known.
		unknown := p.watch.Reset(time.Now())
		p.checker.self.forget(p.target.Key)
		p.checker.options.Report(p.target.Key, unknown)
	}
}

// jitterPart is the part of the interval within which a round begins at random.
const jitterPart = 10

// run probes every interval. It begins at a random moment of the first, and with every round at a
// random moment of its first tenth, so that probes that fell together once do not stay together: not
// those of one server, and not those of several to one endpoint.
func (p *prober) run(ctx context.Context) {
	check := &p.target.Check
	interval := min(max(check.Interval.Duration, leastInterval), mostInterval)
	timeout := min(max(check.Timeout.Duration, leastInterval), interval)
	due := time.Now().Add(rand.N(interval))
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-p.wake:
		}
		began := time.Now()
		err := p.round(ctx, timeout)
		if ctx.Err() != nil {
			return
		}
		now := time.Now()
		p.observe(err, began, now)
		// Rounds that are past, since one took long, are left out.
		for !due.After(now) {
			due = due.Add(interval)
		}
		timer.Reset(due.Add(rand.N(interval / jitterPart)).Sub(now))
	}
}

// observe takes the result of a round.
func (p *prober) observe(err error, began, ended time.Time) {
	c, round := p.checker, verdict.Round{Began: began, Ended: ended, OK: err == nil}
	switch {
	case err == nil:
		c.good.Add(1)
	case errors.Is(err, errNoResult):
		c.skipped.Add(1)
		return
	default:
		c.bad.Add(1)
		round.Message = err.Error()
	}
	t := verdict.Thresholds{UnhealthyAfter: p.target.Check.UnhealthyAfter, HealthyAfter: p.target.Check.HealthyAfter}
	changed, doubt := p.watch.Observe(c.self, p.target.Key, round, t)
	if doubt {
		c.askOthers()
	}
	if changed {
		c.options.Report(p.target.Key, p.watch.Said())
	}
}

// errNoResult is a round without a result. It says nothing about the endpoint: were it counted as a
// failure, a few hundred dead endpoints, whose probes take their whole time, would take the healthy
// ones with them, and so would a server that has run out of files.
var errNoResult = errors.New("nothing was found out")

var errBusy = fmt.Errorf("%w: too many probes are under way", errNoResult)

// family groups addresses: those of one family stand for each other, and a server that has no IPv6
// says nothing about IPv4.
func family(host string) int {
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return 0 // a name
	case a.Unmap().Is4():
		return 4
	}
	return 6
}

// round probes all addresses at once. It is good when at least half of the addresses of a family
// answer: clients are given any of them, so that an endpoint of which most are dead is better left,
// as long as there is another to go to.
func (p *prober) round(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		family int
		err    error
	}
	results := make(chan result, len(p.target.Hosts))
	all, good, unclear := map[int]int{}, map[int]int{}, map[int]int{}
	for _, host := range p.target.Hosts {
		f := family(host)
		all[f]++
		go func() { results <- result{f, p.probe(ctx, host, timeout)} }()
	}
	var failures []string
	for range p.target.Hosts {
		switch r := <-results; {
		case r.err == nil:
			if good[r.family]++; 2*good[r.family] >= all[r.family] {
				return nil
			}
		case errors.Is(r.err, errNoResult):
			unclear[r.family]++
		default:
			failures = append(failures, r.err.Error())
		}
	}
	for f, n := range unclear {
		if 2*(good[f]+n) >= all[f] {
			return errBusy
		}
	}
	slices.Sort(failures)
	text := strings.Join(slices.Compact(failures), "; ")
	if len(p.target.Hosts) > len(failures) {
		text = fmt.Sprintf("%d of %d addresses: %s", len(failures), len(p.target.Hosts), text)
	}
	return errors.New(text)
}

// probe sends one probe as soon as it may.
func (p *prober) probe(ctx context.Context, host string, timeout time.Duration) (err error) {
	c := p.checker
	wait := time.NewTimer(timeout)
	defer wait.Stop()
	leave, err := c.gates.enter(ctx, host, p.target.Port, wait.C)
	if err != nil {
		return err
	}
	defer func() { leave(err) }()
	select {
	case c.slots <- struct{}{}:
	case <-wait.C:
		return errBusy
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
