package dataplane

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// A pod that goes away still takes connections for lingerTime, as one with a preStop hook does, so that
// those which were handed to it a moment before are not reset; then it may finish the requests it has
// for drainTime.
const (
	lingerTime = 200 * time.Millisecond
	drainTime  = time.Second
)

// servers keeps one HTTP server for every address where a pod answers.
type servers struct {
	running map[netip.AddrPort]*server
	leaving map[netip.AddrPort]*server // until another pod wants the address
	after   func(time.Duration, func())
}

func newServers(after func(time.Duration, func())) servers {
	return servers{running: map[netip.AddrPort]*server{}, leaving: map[netip.AddrPort]*server{}, after: after}
}

type server struct {
	identity Identity
	listener net.Listener
	http     *http.Server
	closing  sync.Once
}

// sync closes what is not wanted and opens what is missing. It returns what could not be opened.
func (s *servers) sync(want map[netip.AddrPort]Identity) error {
	for at, running := range s.running {
		if want[at] != running.identity {
			s.after(lingerTime, running.close)
			s.leaving[at] = running
			delete(s.running, at)
		}
	}
	var errs []error
	for at, identity := range want {
		if s.running[at] != nil {
			continue
		}
		if before := s.leaving[at]; before != nil {
			before.close()
			delete(s.leaving, at)
		}
		listener, err := net.Listen("tcp4", at.String())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.running[at] = serve(listener, identity)
	}
	return errors.Join(errs...)
}

func serve(listener net.Listener, identity Identity) *server {
	s := &server{
		identity: identity,
		listener: listener,
		http:     &http.Server{Handler: answer(identity), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute},
	}
	go s.http.Serve(listener)
	return s
}

// close stops listening at once and gives requests under way a moment.
func (s *server) close() {
	s.closing.Do(func() {
		s.listener.Close()
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), drainTime)
			defer cancel()
			if s.http.Shutdown(ctx) != nil {
				s.http.Close()
			}
		}()
	})
}

// answer says who the pod is, on every path.
func answer(identity Identity) http.Handler {
	body, err := json.Marshal(identity)
	if err != nil {
		panic(err) // strings always marshal
	}
	body = append(body, '\n')
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("X-Pod", identity.Pod)
		header.Set("X-Cluster", identity.Cluster)
		_, _ = w.Write(body) // a client that has gone away needs no answer
	})
}
