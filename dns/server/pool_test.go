package server

import (
	"testing"
	"time"
)

// The fuller the server, the sooner a quiet connection is closed.
func TestIdleTimeShrinks(t *testing.T) {
	s := &Server{options: Options{TCP: TCPLimits{Idle: 10 * time.Second, Total: 100}}, metrics: &metrics{}}
	p := newPool(s)
	for open, want := range map[int64]time.Duration{
		0: 10 * time.Second, 50: 10 * time.Second, 75: 5500 * time.Millisecond, 100: time.Second, 200: time.Second,
	} {
		p.open.Store(open)
		if got := p.idle(); got != want {
			t.Errorf("with %d connections: %v, want %v", open, got, want)
		}
	}
}
