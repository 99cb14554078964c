package check

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/seaway-io/seaway/dns/core/verdict"
)

// self is this vantage point's judgement on itself.
type self struct {
	options Options

	mu      sync.Mutex
	network *verdict.Network
	routed  bool // there was a way out once
}

func newSelf(o Options) *self {
	if o.CutOff == nil {
		o.CutOff = func(time.Time) {}
	}
	if o.Heard == nil {
		o.Heard = func() bool { return false }
	}
	if o.Routed == nil {
		o.Routed = hasRoute
	}
	return &self{options: o, network: verdict.NewNetwork(), routed: o.Routed()}
}

func (s *self) Answered(began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.network.Answered(began) {
		s.options.CutOff(time.Time{})
	}
}

func (s *self) Failed(key verdict.Key, ended time.Time) (doubt bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.network.Failed(key, ended)
}

// Fall is called when an endpoint is about to fall.
func (s *self) Fall(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A host that never had a way out, since all it talks to is near, has lost none.
	way := s.options.Routed()
	if s.network.Fall(now, way || !s.routed) {
		s.options.CutOff(now)
	}
	s.routed = s.routed || way
}

func (s *self) Expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.network.CutOff().IsZero() && s.network.Expire(now, s.options.Heard()) {
		s.options.CutOff(time.Time{})
	}
}

func (s *self) Excuses(failed, began time.Time, fell bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.network.Excuses(failed, began, fell)
}

func (s *self) suspects(key verdict.Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.network.Suspects(key)
}

func (s *self) forget(key verdict.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.network.Forget(key)
}

// farAway are addresses that nobody has (RFC 5737, RFC 3849): only a default route leads there.
var farAway = [...]string{"192.0.2.1:9", "[2001:db8::1]:9"}

// hasRoute reports whether the host has a default route. Nothing is sent.
func hasRoute() bool {
	for _, a := range farAway {
		conn, err := net.Dial("udp", a)
		if err == nil {
			conn.Close()
			return true
		}
		if !errors.Is(err, syscall.ENETUNREACH) && !errors.Is(err, syscall.EADDRNOTAVAIL) && !errors.Is(err, syscall.EAFNOSUPPORT) {
			return true // something else is wrong, and nothing was learned
		}
	}
	return false
}
