//go:build linux

package resolvers

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// With one of two name servers gone all names resolve through the other, whether what is left in the
// first one's place refuses or keeps silent. The first answer may take a resolver seconds: it has to learn
// that one is gone, and Unbound drops an answer that took it longer than 1.9 s, so that the client has to
// ask again.
func TestOneNameServerIsGone(t *testing.T) {
	n := newInternet(t, documents(20, 5))
	for name, start := range map[string]func(*testing.T) *resolver{
		"unbound": func(t *testing.T) *resolver { return n.unbound(t, american, "iterator", "") },
		"unbound with client subnets": func(t *testing.T) *resolver {
			return n.unbound(t, american, "subnetcache iterator", withSubnets)
		},
		"bind": func(t *testing.T) *resolver { return n.bind(t, singaporean, "qname-minimization strict;") },
	} {
		t.Run(name, func(t *testing.T) {
			for how, left := range map[string]func(*testing.T) (gone func()){
				"refuses": func(*testing.T) func() { return func() {} },
				"silent":  n.silence,
			} {
				t.Run(how, func(t *testing.T) {
					r := start(t)
					n.ns2.stop()
					back := left(t)
					before := n.ns1.answered(t)
					var longest time.Duration
					const names = 40
					for i := range names {
						began := time.Now()
						m := r.resolve(t, german, fmt.Sprintf("%s%d.wild.apps.test", how, i), miekg.TypeA)
						longest = max(longest, time.Since(began))
						if joined(m) != "A 192.0.2.30" {
							t.Fatalf("name %d: %v", i, m)
						}
					}
					if asked := n.ns1.answered(t) - before; asked < names {
						t.Errorf("%d names, and the name server that is left was asked %d times", names, asked)
					}
					t.Logf("the longest of %d answers took %v", names, longest.Round(time.Millisecond))
					back()
					n.ns2.start(t, n)
				})
			}
		})
	}
}

// silence takes the place of the second name server and says nothing.
func (n *internet) silence(t *testing.T) (gone func()) {
	t.Helper()
	ctx := context.Background()
	udp, err := n.ListenPacket(ctx, "udp", net.JoinHostPort(ns2Addr, "53"))
	if err != nil {
		t.Fatal(err)
	}
	return func() { udp.Close() }
}
