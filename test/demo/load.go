//go:build linux

package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/seaway-io/seaway/test/fleet"
)

// Pod is what a pod of the fleet answers.
type Pod struct {
	Pod     string `json:"pod"`
	Cluster string `json:"cluster"`
	Image   string `json:"image"`
}

// Get fetches the page of host at an address and says which pod answered.
func Get(ctx context.Context, from *fleet.Host, address netip.Addr, host string, within time.Duration) (Pod, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address.String()+"/", nil)
	if err != nil {
		return Pod{}, err
	}
	req.Host = host
	transport := from.Transport()
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return Pod{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return Pod{}, err
	}
	var pod Pod
	if resp.StatusCode != http.StatusOK {
		return Pod{}, fmt.Errorf("status %d", resp.StatusCode)
	}
	return pod, json.Unmarshal(body, &pod)
}

// pace is the rhythm of the steady client.
const pace = 50 * time.Millisecond

// Steady is a client in one place that asks every name server before every request, at a steady pace, and
// remembers what went wrong. It keeps no answer: what it sees is what the name servers say at that moment.
type Steady struct {
	from    *fleet.Host
	servers []*fleet.Host
	host    string
	subnet  netip.Prefix

	mu       sync.Mutex
	sent     int
	failed   int
	empty    int
	errors   []string // the first few and the last, with the time and the address
	lastFail time.Time
	// changed is, for each server, when it was first seen to answer with something else than avoid.
	avoid   netip.Addr
	changed map[string]time.Time

	stop context.CancelFunc
	done sync.WaitGroup
}

// StartSteady starts a client on a host, which asks for a host name as a resolver does for clients in subnet.
func StartSteady(ctx context.Context, from *fleet.Host, servers []*fleet.Host, host string, subnet netip.Prefix) *Steady {
	ctx, cancel := context.WithCancel(ctx)
	s := &Steady{from: from, servers: servers, host: host, subnet: subnet, stop: cancel, changed: map[string]time.Time{}}
	for _, server := range servers {
		s.done.Add(1)
		go s.run(ctx, server)
	}
	return s
}

// Watch starts to look for answers other than address.
func (s *Steady) Watch(address netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.avoid, s.changed = address, map[string]time.Time{}
}

// run asks one server. Requests are sent in their own goroutine, so that one that hangs on a dead
// cluster does not slow the questions that follow.
func (s *Steady) run(ctx context.Context, server *fleet.Host) {
	defer s.done.Done()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		answer, err := Ask(ctx, s.from, Port53(server), s.host, s.subnet, time.Second)
		if ctx.Err() != nil {
			return
		}
		if answer.Message == nil && err != nil { // lost on the way: every resolver asks again
			answer, err = Ask(ctx, s.from, Port53(server), s.host, s.subnet, time.Second)
		}
		if ctx.Err() != nil {
			return
		}
		s.answered(server.Name, answer, err)
		if !answer.Address.IsValid() {
			continue
		}
		s.done.Add(1)
		go func() {
			defer s.done.Done()
			began := time.Now()
			_, err := Get(ctx, s.from, answer.Address, s.host, time.Second)
			if ctx.Err() == nil {
				s.requested(began, answer.Address, err)
			}
		}()
	}
}

func (s *Steady) answered(server string, a Answer, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || !a.Address.IsValid() {
		s.empty++
		s.remember(time.Now(), server, fmt.Errorf("no address: %w", cmp.Or(err, errNoAddress)))
		return
	}
	if _, seen := s.changed[server]; !seen && s.avoid.IsValid() && a.Address != s.avoid {
		s.changed[server] = time.Now()
	}
}

// errNoAddress is an answer that holds no address.
var errNoAddress = errors.New("the answer is empty")

// rememberedErrors is how many errors are kept to be shown, besides the last.
const rememberedErrors = 5

func (s *Steady) remember(at time.Time, where string, err error) {
	s.errors = append(s.errors[:min(len(s.errors), rememberedErrors)], fmt.Sprintf("%s %s: %v", at.Format("15:04:05.000"), where, err))
}

func (s *Steady) requested(began time.Time, address netip.Addr, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent++
	if err != nil {
		s.failed++
		s.remember(began, address.String(), err)
		if began.After(s.lastFail) {
			s.lastFail = began
		}
	}
}

// Tally is what a steady client has seen.
type Tally struct {
	// Sent and Failed count requests, Empty questions without an address in the answer.
	Sent, Failed, Empty int
	// LastFail is when the last request that failed was sent.
	LastFail time.Time
	// Changed is, for each server, when it was first seen to answer without the address of Watch.
	Changed map[string]time.Time
	// Errors are the first few and the last, in order.
	Errors []string
}

// Tally is what was seen so far.
func (s *Steady) Tally() Tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := make(map[string]time.Time, len(s.changed))
	for k, v := range s.changed {
		changed[k] = v
	}
	return Tally{Sent: s.sent, Failed: s.failed, Empty: s.empty, LastFail: s.lastFail, Changed: changed, Errors: slices.Clone(s.errors)}
}

// End stops the client and waits for what is under way.
func (s *Steady) End() Tally {
	s.stop()
	s.done.Wait()
	return s.Tally()
}
