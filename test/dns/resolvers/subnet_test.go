//go:build linux

package resolvers

import (
	"testing"

	miekg "github.com/miekg/dns"
)

// withSubnets are the options of an Unbound that tells where its clients are.
const withSubnets = "send-client-subnet: 0.0.0.0/0\nsend-client-subnet: ::/0\nqname-minimisation: no\ntarget-fetch-policy: \"0 0 0 0 0\""

// One resolver with clients in three countries: each gets the cluster near to it, and what the resolver
// remembers is good for exactly those for whom the answer is the same.
func TestClientSubnets(t *testing.T) {
	n := newInternet(t, documents(3600, 300))
	r := n.unbound(t, american, "subnetcache iterator", withSubnets)
	r.resolve(t, german, "unrelated.wild.apps.test", miekg.TypeA) // the way to our name servers is known
	r.resolve(t, german, "unrelated.private.test", miekg.TypeA)
	const fra, iad, sin = "A 198.51.100.1", "A 198.51.100.2", "A 198.51.100.3"
	for _, step := range []step{
		{"the first German", "10.1.2.3", "shop.apps.test", miekg.TypeA, fra, 1},
		{"his neighbour", "10.1.2.200", "shop.apps.test", miekg.TypeA, fra, 0},
		{"another within the scope, which is 10.1.0.0/17", "10.1.100.1", "shop.apps.test", miekg.TypeA, fra, 0},
		{"one outside of it", "10.1.128.1", "shop.apps.test", miekg.TypeA, fra, 1},
		{"a Virginian", "10.2.7.8", "shop.apps.test", miekg.TypeA, iad, 1},
		{"one within his scope", "10.2.200.8", "shop.apps.test", miekg.TypeA, iad, 0},
		{"a Singaporean", "10.3.0.1", "shop.apps.test", miekg.TypeA, sin, 1},
		{"the German again", "10.1.2.3", "shop.apps.test", miekg.TypeA, fra, 0},

		{"a name under a wildcard, for a German", "10.1.2.3", "x.tenants.apps.test", miekg.TypeA, fra, 1},
		{"and for a Virginian", "10.2.7.8", "x.tenants.apps.test", miekg.TypeA, iad, 1},
		{"and for his neighbour", "10.2.7.9", "x.tenants.apps.test", miekg.TypeA, iad, 0},

		{"an alias of the shop, for a German", "10.1.2.3", "toshop.apps.test", miekg.TypeA, fra + ", CNAME shop.apps.test.", -1},
		{"and for a Virginian", "10.2.7.8", "toshop.apps.test", miekg.TypeA, iad + ", CNAME shop.apps.test.", -1},

		{"a name that is the same for all", "10.1.2.3", "sibling.wild.apps.test", miekg.TypeA, "A 192.0.2.31", 1},
		{"and is not asked for again", "10.2.7.8", "sibling.wild.apps.test", miekg.TypeA, "A 192.0.2.31", 0},
		{"by nobody", "10.3.0.1", "sibling.wild.apps.test", miekg.TypeA, "A 192.0.2.31", 0},
		{"a name that does not exist", "10.1.2.3", "missing.apps.test", miekg.TypeA, "", 1},
		{"for nobody", "10.2.7.8", "missing.apps.test", miekg.TypeA, "", 0},
		{"a type that the shop does not have", "10.1.2.3", "shop.apps.test", miekg.TypeTXT, "", 1},
		{"for nobody either", "10.2.7.8", "shop.apps.test", miekg.TypeTXT, "", 0},

		{"a zone that ignores subnets goes by the resolver", "10.1.2.3", "shop.private.test", miekg.TypeA, iad, 1},
		{"for all", "10.3.0.1", "shop.private.test", miekg.TypeA, iad, 0},
	} {
		step.take(t, r)
	}
	if c := r.complaints(t); len(c) > 0 {
		t.Errorf("the resolver complains: %q", c)
	}
}

// step is a question of a client, its answer, and how often our name servers are asked for that; not
// looked at if below zero.
type step struct {
	what         string
	client, name string
	rrtype       uint16
	want         string
	asked        int
}

func (s step) take(t *testing.T, r *resolver) {
	t.Helper()
	before := r.internet.answered(t)
	got := joined(r.resolve(t, s.client, s.name, s.rrtype))
	if asked := r.internet.answered(t) - before; got != s.want || s.asked >= 0 && asked != s.asked {
		t.Errorf("%s (%s for %s): got %q, want %q; our name servers were asked %d times, want %d", s.what, s.client, s.name, got, s.want, asked, s.asked)
	}
}

// The same with clients that have IPv6, by a resolver that has nothing else.
func TestClientSubnetsOfIPv6(t *testing.T) {
	n := newInternet(t, documents(3600, 300))
	r := n.unbound(t, american6, "subnetcache iterator", withSubnets)
	r.resolve(t, german6, "unrelated.wild.apps.test", miekg.TypeA)
	const shop = "shop.apps.test"
	for _, step := range []step{
		{"a German", german6, shop, miekg.TypeAAAA, "AAAA 2001:db8:f::1", 1},
		{"another", german6Far, shop, miekg.TypeAAAA, "AAAA 2001:db8:f::1", 0},
		{"the address of the other family comes from the same cluster", german6, shop, miekg.TypeA, "A 198.51.100.1", 1},
		{"a Virginian", virginian6, shop, miekg.TypeAAAA, "AAAA 2001:db8:f::2", 1},
		{"a Singaporean", singaporean6, shop, miekg.TypeAAAA, "AAAA 2001:db8:f::3", 1},
		{"the German again", german6, shop, miekg.TypeAAAA, "AAAA 2001:db8:f::1", 0},
		{"a name that is the same for all", german6, "www.apps.test", miekg.TypeAAAA, "AAAA 2001:db8::10", 1},
		{"and is not asked for again", singaporean6, "www.apps.test", miekg.TypeAAAA, "AAAA 2001:db8::10", 0},
	} {
		step.take(t, r)
	}
	if c := r.complaints(t); len(c) > 0 {
		t.Errorf("the resolver complains: %q", c)
	}
}

// Behind a resolver that says nothing of its clients, all of them are where that is.
func TestResolversWithoutClientSubnets(t *testing.T) {
	n := newInternet(t, documents(3600, 300))
	for name, r := range map[string]*resolver{"unbound": n.unbound(t, american, "iterator", ""), "bind": n.bind(t, singaporean, "")} {
		want := map[string]string{american: "A 198.51.100.2", singaporean: "A 198.51.100.3"}[r.addr]
		for i, client := range []string{"10.1.2.3", "10.2.7.8", "10.3.0.1"} {
			before := n.answered(t)
			if got := r.address(t, client, "shop.apps.test"); got != want {
				t.Errorf("%s for %s: got %s, want %s, which is near the resolver", name, client, got, want)
			}
			if asked := n.answered(t) - before; i > 0 && asked > 0 {
				t.Errorf("%s: asked again for %s", name, client)
			}
		}
	}
}
