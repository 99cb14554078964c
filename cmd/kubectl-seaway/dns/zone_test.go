package dns

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mdns "github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/dns/parent"
)

const digest = "5CA1AB1E5CA1AB1E5CA1AB1E5CA1AB1E5CA1AB1E5CA1AB1E5CA1AB1E5CA1AB1E"

func ds(tag uint16, digestType uint8, digest string) *mdns.DS {
	return &mdns.DS{KeyTag: tag, Algorithm: 13, DigestType: digestType, Digest: strings.ToLower(digest)}
}

func TestWhatTheParentSays(t *testing.T) {
	apps := zone("apps", "apps.example.com", server("ns1.apps.example.com", "192.0.2.53", "2001:db8::53"), server("NS.example.net", "198.51.100.53"))
	signed := apps.DeepCopy()
	signed.Status.DNSSEC = &trafficv1alpha1.ZoneDNSSECStatus{DS: []string{"apps.example.com. 3600 IN DS 4711 13 2 " + digest}}
	const ns1, ns2 = "ns1.apps.example.com.", "ns.example.net."
	const other, short = "0000000000000000000000000000000000000000000000000000000000000000", "5CA1AB1E5CA1AB1E…"
	glue := func(more ...string) map[string][]netip.Addr {
		out := map[string][]netip.Addr{"ns.example.net.": {netip.MustParseAddr("203.0.113.1")}} // of a server outside it is none
		for _, a := range more {
			out[ns1] = append(out[ns1], netip.MustParseAddr(a))
		}
		return out
	}
	right := parent.Server{NS: []string{ns1, ns2}, Glue: glue("192.0.2.53", "2001:db8::53")}
	with := func(records ...*mdns.DS) parent.Server { s := right; s.DS = records; return s }
	for name, tc := range map[string]struct {
		zone *trafficv1alpha1.Zone
		says parent.Server
		want []string
	}{
		"as the Zone says":  {apps, right, nil},
		"no delegation":     {apps, parent.Server{}, []string{"none: add what `kubectl seaway dns delegation` prints to the parent"}},
		"no such name":      {apps, parent.Server{NoName: true}, []string{"none: the parent says that there is no such name"}},
		"no answer":         {apps, parent.Server{Err: errors.Join(errors.New("REFUSED"), errors.New("timeout"))}, []string{"REFUSED; timeout"}},
		"a server missing":  {apps, parent.Server{NS: []string{ns1}, Glue: right.Glue}, []string{"lacks NS ns.example.net."}},
		"a server too many": {apps, parent.Server{NS: []string{ns1, ns2, "old.example.net."}, Glue: right.Glue}, []string{"has NS old.example.net., which the Zone has not"}},
		"glue missing":      {apps, parent.Server{NS: right.NS, Glue: glue("192.0.2.53")}, []string{"lacks glue 2001:db8::53 for ns1.apps.example.com."}},
		"other glue": {apps, parent.Server{NS: right.NS, Glue: glue("2001:db8::53", "192.0.2.99")},
			[]string{"has glue 192.0.2.99 for ns1.apps.example.com., which the Zone has not", "lacks glue 192.0.2.53 for ns1.apps.example.com."}},
		"the key":                             {signed, with(ds(4711, 2, digest)), nil},
		"the key by a digest of its choice":   {signed, with(ds(4711, 4, other)), nil},
		"the key by two digests":              {signed, with(ds(4711, 2, digest), ds(4711, 4, other)), nil},
		"no key yet":                          {signed, right, []string{"lacks DS 4711 13 2 " + short}},
		"a key of before too":                 {signed, with(ds(4711, 2, digest), ds(17, 2, other)), []string{"has DS 17 13 2 0000000000000000…, which the Zone has not"}},
		"another key":                         {signed, with(ds(17, 2, other)), []string{"has DS 17 13 2 0000000000000000…, which the Zone has not", "lacks DS 4711 13 2 " + short}},
		"a digest that is not the key's":      {signed, with(ds(4711, 2, other)), []string{"has DS 4711 13 2 0000000000000000…, which the Zone has not", "lacks DS 4711 13 2 " + short}},
		"a key for a zone that is not signed": {apps, with(ds(4711, 2, digest)), []string{"has DS 4711 13 2 " + short + ", which the Zone has not"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, compareParent(tc.zone, tc.says)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// world answers as the servers of the world do.
type world struct {
	servers map[string]*mdns.Msg // by address
	parent  *parent.View
}

func (w *world) Ask(_ context.Context, q *mdns.Msg, server netip.AddrPort) (*mdns.Msg, time.Duration, error) {
	if r := w.servers[server.String()]; r != nil && q.Question[0].Qtype == mdns.TypeSOA && q.IsEdns0() != nil {
		return r, 1500 * time.Microsecond, nil
	}
	return nil, 0, errors.New("no answer from " + server.String())
}

func (w *world) Addresses(context.Context, string) ([]netip.Addr, error) {
	return nil, errors.New("no such name")
}

func (w *world) Delegation(_ context.Context, domain string) (*parent.View, error) {
	if w.parent == nil {
		return nil, errors.New("find the parent zone of " + domain + ".: nobody says which zone example.com. is in")
	}
	return w.parent, nil
}

func TestAZoneFromAllSides(t *testing.T) {
	soa := func(serial uint32, nsid string) *mdns.Msg {
		m := &mdns.Msg{MsgHdr: mdns.MsgHdr{Authoritative: true}, Answer: []mdns.RR{&mdns.SOA{Serial: serial}}}
		if nsid != "" {
			m.SetEdns0(1232, false)
			m.IsEdns0().Option = []mdns.EDNS0{&mdns.EDNS0_NSID{Code: mdns.EDNS0NSID, Nsid: nsid}}
		}
		return m
	}
	servers := func() map[string]*mdns.Msg {
		return map[string]*mdns.Msg{"192.0.2.53:53": soa(41, "6e7331"), "[2001:db8::53]:53": soa(41, ""), "198.51.100.53:53": soa(41, "")}
	}
	parents := func(change func(a, b *parent.Server)) *parent.View {
		of := func(name, address string) parent.Server {
			return parent.Server{Name: name, Address: netip.MustParseAddrPort(address), NS: []string{"ns.example.net.", "ns1.apps.example.com."},
				Glue: map[string][]netip.Addr{"ns1.apps.example.com.": {netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53")}}}
		}
		v := &parent.View{Zone: "example.com.", Servers: []parent.Server{of("a.example.com.", "203.0.113.1:53"), of("b.example.com.", "[2001:db8::1]:53")}}
		change(&v.Servers[0], &v.Servers[1])
		return v
	}
	good := func(*parent.Server, *parent.Server) {}
	secured := func(reason, message string) func(z *trafficv1alpha1.Zone) {
		return func(z *trafficv1alpha1.Zone) {
			z.Spec.DNSSEC = &trafficv1alpha1.ZoneDNSSEC{}
			z.Status.DNSSEC = &trafficv1alpha1.ZoneDNSSECStatus{DS: []string{"apps.example.com. 3600 IN DS 4711 13 2 " + digest}}
			z.Status.Conditions = append(z.Status.Conditions, metav1.Condition{Type: trafficv1alpha1.ConditionSecure, Status: metav1.ConditionTrue,
				Reason: reason, Message: message})
		}
	}
	for name, tc := range map[string]struct {
		world  func(w *world)
		zone   func(*trafficv1alpha1.Zone)
		faults string
	}{
		"zone-good": {world: func(w *world) { w.parent = parents(good) }},
		"zone-bad": {world: func(w *world) {
			delete(w.servers, "198.51.100.53:53")
			w.servers["[2001:db8::53]:53"].Authoritative = false
			w.parent = parents(func(a, b *parent.Server) {
				a.Glue, *b = nil, parent.Server{Name: b.Name, Address: b.Address, NoName: true}
			})
		}, faults: "5 faults"},
		"zone-other-parent": {world: func(w *world) {
			w.parent = &parent.View{Servers: []parent.Server{{Address: netip.MustParseAddrPort("203.0.113.7:5353"), Err: errors.New("no answer from 203.0.113.7:5353")}}}
		}, faults: "1 faults"},
		"zone-no-parent": {world: func(*world) {}, faults: "1 faults"},
		"zone-no-address-of-the-parent": {world: func(w *world) {
			w.parent = parents(func(_, b *parent.Server) {
				*b = parent.Server{Name: b.Name, Err: errors.New("b.example.com has no address")}
			})
		}, faults: "1 faults"},
		"zone-serials": {world: func(w *world) {
			w.servers["198.51.100.53:53"] = soa(42, "")
			w.parent = parents(good)
		}},
		"zone-unknown-address": {world: func(w *world) { w.parent = parents(good) }, zone: func(z *trafficv1alpha1.Zone) { z.Spec.NameServers[1].Addresses = nil }, faults: "1 faults"},
		"zone-secure": {world: func(w *world) {
			w.parent = parents(func(a, b *parent.Server) {
				a.DS, b.DS = []*mdns.DS{ds(4711, 2, digest)}, []*mdns.DS{ds(4711, 2, digest)}
			})
		}, zone: secured(trafficv1alpha1.ReasonSecure, "the parent has the DS record of a key that the zone is signed with")},
		"zone-not-everywhere": {world: func(w *world) {
			w.servers["198.51.100.53:53"] = soa(40, "6e7332")
			delete(w.servers, "[2001:db8::53]:53")
			w.parent = parents(func(a, b *parent.Server) {
				a.DS = []*mdns.DS{ds(4711, 2, digest), ds(17, 2, strings.Repeat("A1", 32))}
				b.DS, b.Glue = []*mdns.DS{ds(4711, 2, digest)}, nil
			})
		}, zone: secured(trafficv1alpha1.ReasonRollingOver, "keys are being replaced: waiting for the parent to drop the DS of the old key"), faults: "4 faults"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{servers: servers()}
			tc.world(w)
			v := goldentest.Federation(t)
			v.Health = slices.Clone(v.Health)
			apps := &v.Zones[0]
			if tc.zone != nil {
				tc.zone(apps)
			}
			if signed(apps) {
				v.Health[0].Spec.Zones[0].KeysVersion = "4c1d9a"
			}
			var out bytes.Buffer
			err := look(t.Context(), &out, w, v, apps)
			goldentest.Compare(t, name, out.Bytes())
			want := "zone apps.example.com: " + tc.faults + ", each marked with an exclamation mark"
			if tc.faults == "" && err != nil || tc.faults != "" && (err == nil || err.Error() != want) {
				t.Error(err)
			}
		})
	}
}

func TestFlagsOfTheSurvey(t *testing.T) {
	s := &survey{resolver: "192.0.2.1", parents: []string{"203.0.113.7:5353", "2001:db8::1"}, timeout: time.Second}
	a, err := s.asker()
	if err != nil || a.Resolver != "192.0.2.1:53" || a.Timeout != time.Second ||
		!slices.Equal(a.Servers, []netip.AddrPort{netip.MustParseAddrPort("203.0.113.7:5353"), netip.MustParseAddrPort("[2001:db8::1]:53")}) {
		t.Errorf("%+v, %v", a, err)
	}
	for want, s := range map[string]survey{"--dns-resolver: ": {resolver: "nobody"}, "--parent-server: ": {parents: []string{"a.example.com"}}} {
		if _, err := s.asker(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Error(err)
		}
	}
}

// A real server is asked over real sockets, as a name server and as the parent of a zone below its own.
func TestServersAreAskedOverTheNetwork(t *testing.T) {
	address := running(t).Addresses()[0].String()
	a, err := (&survey{parents: []string{address}, timeout: patience}).asker()
	if err != nil {
		t.Fatal(err)
	}
	if n, remark, err := serial(t.Context(), a, "apps.example.com", address); n == 0 || !strings.Contains(remark, ", in ") || err != nil {
		t.Error(n, remark, err)
	}
	if _, _, err := serial(t.Context(), a, "example.org", address); err == nil || err.Error() != "REFUSED" {
		t.Error(err)
	}
	child := zone("child", "child.apps.example.com", server("ns.child.apps.example.com", "192.0.2.54", "2001:db8::54"), server("ns.example.net"))
	var out bytes.Buffer
	if faults, err := delegated(t.Context(), &out, a, child); faults > 0 || err != nil || !strings.Contains(out.String(), address+"  is that of the Zone") {
		t.Error(err, out.String())
	}
	child.Spec.Domain = "apps.example.com" // the server is not the parent of its own zone, but what it says of it counts
	out.Reset()
	if faults, err := delegated(t.Context(), &out, a, child); faults == 0 || err != nil {
		t.Error(err, out.String())
	}
}
