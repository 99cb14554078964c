package dns

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// victim is a host name with two endpoints, of which the first will die.
type victim struct {
	name       string
	dead, next netip.AddrPort
	server     *http.Server
	hang       atomic.Bool
}

func newVictim(b *testing.B, i int) *victim {
	v := &victim{name: fmt.Sprintf("h%d.apps.example.com", i)}
	serve := func(address string) (*http.Server, netip.AddrPort) {
		l, err := net.Listen("tcp", address+":0")
		if err != nil {
			b.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if l.Addr().String() == v.dead.String() && v.hang.Load() {
				<-r.Context().Done()
			}
		})}
		go s.Serve(l)
		b.Cleanup(func() { s.Close() })
		return s, l.Addr().(*net.TCPAddr).AddrPort()
	}
	v.server, v.dead = serve(fmt.Sprintf("127.1.%d.%d", i/250, i%250+1))
	_, v.next = serve(fmt.Sprintf("127.2.%d.%d", i/250, i%250+1))
	return v
}

func (v *victim) plan() string {
	return fmt.Sprintf(`
---
kind: TrafficPlan
metadata: {name: %q, namespace: shop}
spec:
  policy: {uid: u, generation: 1}
  hostnames: [%s]
  ttlSeconds: 1
  maxAnswers: 2
  check: {protocol: HTTP, path: /, interval: 1s, timeout: 800ms, unhealthyAfter: 2, healthyAfter: 3}
  endpoints:
  - {cluster: fra, addresses: [%s], port: %d, readyReplicas: 1, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  - {cluster: iad, addresses: [%s], port: %d, readyReplicas: 1, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  tiers:
  - {clusters: [{name: fra, weight: 100}]}
  - {clusters: [{name: iad, weight: 100}]}
`, v.name, v.name, v.dead.Addr(), v.dead.Port(), v.next.Addr(), v.next.Port())
}

// held asks until no answer holds the dead address any more, and returns how long that took.
func (v *victim) held(b *testing.B, server netip.AddrPort) time.Duration {
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		m := ask(b, server, question(v.name, miekg.TypeA))
		if len(m.Answer) == 0 {
			b.Errorf("an empty answer: %v", m)
			return 0
		}
		if m.Answer[0].(*miekg.A).A.String() == v.next.Addr().String() {
			return time.Since(began)
		}
		if time.Since(began) > 30*time.Second {
			b.Errorf("%s: still answered with the dead endpoint", v.name)
			return time.Since(began)
		}
	}
	return 0
}

// BenchmarkDeadEndpoint measures, over real sockets, how long a server goes on answering with an
// endpoint that has died, at the default interval of a second and two failures. Endpoints die one
// after the other, at moments that have nothing to do with their probes. It prints figures and judges
// none.
func BenchmarkDeadEndpoint(b *testing.B) {
	for name, die := range map[string]func(*victim){
		"refuses": func(v *victim) { v.server.Close() },
		"hangs":   func(v *victim) { v.hang.Store(true) },
	} {
		b.Run(name, func(b *testing.B) {
			victims := make([]*victim, b.N)
			var documents strings.Builder
			documents.WriteString("kind: Zone\nmetadata: {name: apps}\nspec:\n  domain: apps.example.com\n  nameServers: [{name: ns1.apps.example.com, addresses: [192.0.2.53]}]\n")
			for i := range victims {
				victims[i] = newVictim(b, i)
				documents.WriteString(victims[i].plan())
			}
			s := start(b, documents.String(), nil)
			time.Sleep(5 * time.Second) // until every endpoint has its verdict
			b.ResetTimer()
			took := make([]time.Duration, b.N)
			var wg sync.WaitGroup
			for i, v := range victims {
				time.Sleep(25*time.Millisecond + rand.N(50*time.Millisecond))
				wg.Go(func() {
					die(v)
					took[i] = v.held(b, s.Addresses()[0])
				})
			}
			wg.Wait()
			slices.Sort(took)
			at := func(percent int) float64 { return took[(len(took)-1)*percent/100].Seconds() }
			b.ReportMetric(at(50), "p50-s")
			b.ReportMetric(at(99), "p99-s")
			if b.N > 1 {
				fmt.Printf("\ndns verdict dead endpoint %s: p50 %.2f s, p99 %.2f s, longest %.2f s over %d runs; interval × unhealthyAfter + 1 s = 3.00 s\n",
					name, at(50), at(99), at(100), b.N)
			}
		})
	}
}
