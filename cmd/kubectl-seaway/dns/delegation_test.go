package dns

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	mdns "github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/seaway-io/seaway/api/scheme"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func zone(name, domain string, servers ...trafficv1alpha1.NameServer) *trafficv1alpha1.Zone {
	return &trafficv1alpha1.Zone{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: trafficv1alpha1.ZoneSpec{Domain: domain, NameServers: servers}}
}

func server(name string, addresses ...string) trafficv1alpha1.NameServer {
	return trafficv1alpha1.NameServer{Name: name, Addresses: addresses}
}

func TestPrint(t *testing.T) {
	for name, tc := range map[string]struct {
		zone *trafficv1alpha1.Zone
		want []string
	}{
		"servers inside the zone need glue, of both families": {
			zone("apps", "apps.example.com", server("ns1.apps.example.com", "192.0.2.53", "2001:db8::53"), server("ns2.apps.example.com", "198.51.100.53")),
			[]string{
				"; for the zone example.com, which delegates apps.example.com",
				"apps.example.com. 86400 IN NS ns1.apps.example.com.",
				"apps.example.com. 86400 IN NS ns2.apps.example.com.",
				"; glue: addresses of name servers inside the zone",
				"ns1.apps.example.com. 86400 IN A 192.0.2.53",
				"ns1.apps.example.com. 86400 IN AAAA 2001:db8::53",
				"ns2.apps.example.com. 86400 IN A 198.51.100.53",
			},
		},
		"a server outside the zone needs none": {
			zone("apps", "apps.example.com", server("ns.example.net", "192.0.2.53")),
			[]string{
				"; for the zone example.com, which delegates apps.example.com",
				"apps.example.com. 86400 IN NS ns.example.net.",
			},
		},
		"a signed zone has a key that the parent vouches for": {
			func() *trafficv1alpha1.Zone {
				z := zone("apps", "apps.example.com", server("ns.example.net"))
				z.Status.DNSSEC = &trafficv1alpha1.ZoneDNSSECStatus{DS: []string{"apps.example.com. 3600 IN DS 4711 13 2 5CA1AB1E"}}
				return z
			}(),
			[]string{
				"; for the zone example.com, which delegates apps.example.com",
				"apps.example.com. 86400 IN NS ns.example.net.",
				"; the key that the zone is signed with",
				"apps.example.com. 3600 IN DS 4711 13 2 5CA1AB1E",
			},
		},
		"a name that only ends alike is outside": {
			zone("apps", "apps.example.com", server("ns.myapps.example.com", "192.0.2.53")),
			[]string{
				"; for the zone example.com, which delegates apps.example.com",
				"apps.example.com. 86400 IN NS ns.myapps.example.com.",
			},
		},
		"one inside, one outside": {
			zone("apps", "apps.example.com", server("apps.example.com", "2001:db8::1"), server("ns.example.net", "192.0.2.53")),
			[]string{
				"; for the zone example.com, which delegates apps.example.com",
				"apps.example.com. 86400 IN NS apps.example.com.",
				"apps.example.com. 86400 IN NS ns.example.net.",
				"; glue: addresses of name servers inside the zone",
				"apps.example.com. 86400 IN AAAA 2001:db8::1",
			},
		},
		"an IPv4 address in IPv6 clothes is IPv4": {
			zone("apps", "apps.example.com", server("ns.apps.example.com", "::ffff:192.0.2.53")),
			[]string{
				"; for the zone example.com, which delegates apps.example.com",
				"apps.example.com. 86400 IN NS ns.apps.example.com.",
				"; glue: addresses of name servers inside the zone",
				"ns.apps.example.com. 86400 IN A 192.0.2.53",
			},
		},
		"a top-level domain is delegated by the root": {
			zone("tld", "example", server("ns.example.net")),
			[]string{
				"; for the zone ., which delegates example",
				"example. 86400 IN NS ns.example.net.",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Print(&out, tc.zone); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Join(tc.want, "\n")+"\n", out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			records := 0
			parser := mdns.NewZoneParser(&out, ".", "")
			for _, ok := parser.Next(); ok; _, ok = parser.Next() {
				records++
			}
			comments := strings.Count(strings.Join(tc.want, "\n"), ";")
			if err := parser.Err(); err != nil || records != len(tc.want)-comments {
				t.Errorf("as a zone file: %d records, %v", records, err)
			}
		})
	}
}

func TestPrintRefusesAGlueThatIsNoAddress(t *testing.T) {
	var out bytes.Buffer
	err := Print(&out, zone("apps", "apps.example.com", server("ns.apps.example.com", "192.0.2")))
	if err == nil || !strings.Contains(err.Error(), `zone apps: nameServers ns.apps.example.com: "192.0.2" is not an IP address`) || out.Len() > 0 {
		t.Errorf("error %v, output %q", err, out.String())
	}
}

func TestFind(t *testing.T) {
	c := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(zone("apps", "apps.example.com"), zone("other", "example.org")).Build()
	for name, tc := range map[string]struct{ ask, want, err string }{
		"by its name":                    {"apps", "apps", ""},
		"by its domain":                  {"apps.example.com", "apps", ""},
		"by its domain as DNS writes it": {"Apps.Example.COM.", "apps", ""},
		"there is none":                  {"example.com", "", `there is no Zone "example.com"; there are: apps.example.com, example.org`},
	} {
		t.Run(name, func(t *testing.T) {
			z, err := find(context.Background(), c, tc.ask)
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil || z.Name != tc.want {
				t.Errorf("got %v, %v", z, err)
			}
		})
	}
}
