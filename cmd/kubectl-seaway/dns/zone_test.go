package dns

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mdns "github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/seaway-io/seaway/api/scheme"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/parent"
)

type told struct {
	view    *parent.View
	err     error
	serials map[string]uint32
}

func (t told) Delegation(context.Context, string) (*parent.View, error) { return t.view, t.err }

func (t told) Serial(_ context.Context, server netip.Addr, _ string) (uint32, error) {
	if s, ok := t.serials[server.String()]; ok {
		return s, nil
	}
	return 0, errors.New("i/o timeout")
}

func TestZone(t *testing.T) {
	const digest = "5CA1AB1E5CA1AB1E5CA1AB1E5CA1AB1E5CA1AB1E5CA1AB1E5CA1AB1E5CA1AB1E"
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	z := zone("apps", "apps.example.com", server("ns1.apps.example.com", "192.0.2.53", "2001:db8::53"), server("ns2.example.net", "198.51.100.53"))
	z.Generation = 4
	z.Status.DNSSEC = &trafficv1alpha1.ZoneDNSSECStatus{DS: []string{"apps.example.com. 3600 IN DS 4711 13 2 " + digest}}
	z.Status.Conditions = []metav1.Condition{{Type: "Secure", Status: "True", Reason: "Secure", Message: "all is well"}}
	health := &trafficv1alpha1.EndpointHealth{ObjectMeta: metav1.ObjectMeta{Name: "ns1"}, Spec: trafficv1alpha1.EndpointHealthSpec{
		RenewTime: metav1.NewMicroTime(now.Add(-5 * time.Second)),
		Zones:     []trafficv1alpha1.ZoneServed{{Domain: "apps.example.com", Generation: 4, Serial: 1772323200, KeysVersion: "abc123"}, {Domain: "other.example"}},
	}}
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(z, health).WithStatusSubresource(z).Build()
	_ = c.Status().Update(t.Context(), z)
	ds := func(tag uint16) *mdns.DS {
		return &mdns.DS{Hdr: mdns.RR_Header{Name: "apps.example.com.", Rrtype: mdns.TypeDS, Class: 1}, KeyTag: tag, Algorithm: 13, DigestType: 2, Digest: strings.ToLower(digest)}
	}
	address := netip.MustParseAddr
	right := parent.Server{Name: "a.example.com.", DS: []*mdns.DS{ds(4711)}, NS: []string{"ns1.apps.example.com.", "ns2.example.net."},
		Glue: map[string][]netip.Addr{"ns1.apps.example.com.": {address("2001:db8::53"), address("192.0.2.53")}}}
	serials := map[string]uint32{"192.0.2.53": 7, "2001:db8::53": 7, "198.51.100.53": 7}
	const head = `Zone apps (apps.example.com)
  Secure=True Secure: all is well

VANTAGE POINT  SERIAL      GENERATION  KEYS    HEARD
ns1            1772323200  4 of 4      abc123  5s ago

NAME SERVER           ADDRESS        SERIAL
`
	for name, tc := range map[string]struct {
		told   told
		want   string
		faults int
	}{
		"as it should be": {told{&parent.View{Zone: "example.com.", Servers: []parent.Server{right}}, nil, serials}, head + `ns1.apps.example.com  192.0.2.53     7
ns1.apps.example.com  2001:db8::53   7
ns2.example.net       198.51.100.53  7

SERVER OF example.com.  DELEGATION  GLUE   DS
a.example.com           right       right  right

Nothing is wrong.
`, 0},
		"all wrong": {told{&parent.View{Zone: "example.com.", Servers: []parent.Server{
			{Name: "b.example.com.", Err: errors.New("REFUSED")},
			{Name: "c.example.com.", DS: []*mdns.DS{ds(1)}, NS: []string{"ns1.apps.example.com."}, Glue: map[string][]netip.Addr{}},
		}}, nil, map[string]uint32{"192.0.2.53": 7, "2001:db8::53": 8}}, head + `ns1.apps.example.com  192.0.2.53     7
ns1.apps.example.com  2001:db8::53   8
ns2.example.net       198.51.100.53  fails

SERVER OF example.com.  DELEGATION  GLUE   DS
b.example.com           fails              
c.example.com           wrong       wrong  wrong

WRONG
- ns2.example.net does not answer at 198.51.100.53: i/o timeout
- the name servers have 2 different serials
- b.example.com, of the parent, does not answer: REFUSED
- c.example.com delegates to ns1.apps.example.com. and not to ns1.apps.example.com. ns2.example.net.
- c.example.com has nothing for ns1.apps.example.com. and not 192.0.2.53 2001:db8::53
- c.example.com has a DS record that it is not to have: 1 13 2 ` + digest + `
- c.example.com lacks the DS record 4711 13 2 ` + digest + `
`, 7},
		"no way to the parent": {told{nil, errors.New("no resolver"), serials}, head + `ns1.apps.example.com  192.0.2.53     7
ns1.apps.example.com  2001:db8::53   7
ns2.example.net       198.51.100.53  7

WRONG
- the parent cannot be asked: no resolver
`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := gather(t.Context(), c, "apps.example.com")
			if err != nil {
				t.Fatal(err)
			}
			s.ask(t.Context(), tc.told)
			var out bytes.Buffer
			if n := s.show(&out, now); n != tc.faults {
				t.Errorf("%d faults", n)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
