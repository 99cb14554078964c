package dns

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mdns "github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
)

func message(t *testing.T, answer, authority, additional string) *mdns.Msg {
	t.Helper()
	read := func(text string) (out []mdns.RR) {
		p := mdns.NewZoneParser(strings.NewReader(text), ".", "")
		p.SetDefaultTTL(60)
		for rr, ok := p.Next(); ok; rr, ok = p.Next() {
			out = append(out, rr)
		}
		if err := p.Err(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	return &mdns.Msg{Answer: read(answer), Ns: read(authority), Extra: read(additional)}
}

func TestCompareDelegation(t *testing.T) {
	apps := zone("apps", "apps.example.com", server("ns1.apps.example.com", "192.0.2.53", "2001:db8::53"), server("ns.example.net", "198.51.100.53"))
	const ns1, ns2 = "apps.example.com. NS ns1.apps.example.com.\n", "Apps.Example.com. NS NS.example.net.\n"
	const a, aaaa = "ns1.apps.example.com. A 192.0.2.53\n", "ns1.apps.example.com. AAAA 2001:db8::53\n"
	for name, tc := range map[string]struct {
		authority, additional string
		want                  []string
	}{
		"as the Zone says":                  {ns1 + ns2, a + aaaa, nil},
		"glue for a server outside is none": {ns1 + ns2, a + aaaa + "ns.example.net. A 203.0.113.1\n", nil},
		"no delegation":                     {"example.com. NS ns.example.com.\n", "", []string{"none: add what `kubectl seaway dns delegation` prints to the parent"}},
		"a server is missing":               {ns1, a + aaaa, []string{"lacks NS ns.example.net."}},
		"a server too many":                 {ns1 + ns2 + "apps.example.com. NS old.example.net.\n", a + aaaa, []string{"has NS old.example.net., which the Zone has not"}},
		"glue is missing":                   {ns1 + ns2, a, []string{"lacks glue 2001:db8::53 for ns1.apps.example.com."}},
		"glue is another": {ns1 + ns2, aaaa + "ns1.apps.example.com. A 192.0.2.99\n",
			[]string{"has glue 192.0.2.99 for ns1.apps.example.com., which the Zone has not", "lacks glue 192.0.2.53 for ns1.apps.example.com."}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, compareDelegation(apps, message(t, "", tc.authority, tc.additional))); diff != "" {
				t.Error(diff)
			}
		})
	}
	// A server of both zones answers for the child.
	if wrong := compareDelegation(apps, message(t, ns1+ns2, "", a+aaaa)); len(wrong) > 0 {
		t.Error(wrong)
	}
}

// internet answers as the servers of the world do, by server, name and type.
type internet map[string]*mdns.Msg

func (i internet) exchange(_ context.Context, q *mdns.Msg, server string) (*mdns.Msg, time.Duration, error) {
	key := server + " " + q.Question[0].Name + " " + mdns.TypeToString[q.Question[0].Qtype]
	if r := i[key]; r != nil {
		return r, 1500 * time.Microsecond, nil
	}
	if strings.HasPrefix(server, "192.0.2.1:") {
		return &mdns.Msg{}, 0, nil // the resolver knows nothing of it
	}
	return nil, 0, errors.New("no answer from " + server)
}

func TestAZoneFromAllSides(t *testing.T) {
	authoritative := func(m *mdns.Msg) *mdns.Msg { m.Authoritative = true; return m }
	const soa = "apps.example.com. SOA ns1.apps.example.com. dns.example.com. 41 1 1 1 1\n"
	identified := authoritative(message(t, soa, "", ""))
	identified.SetEdns0(1232, false)
	identified.IsEdns0().Option = []mdns.EDNS0{&mdns.EDNS0_NSID{Code: mdns.EDNS0NSID, Nsid: "6e7331"}}
	const delegation = "apps.example.com. NS ns1.apps.example.com.\napps.example.com. NS ns.example.net.\n"
	const glue = "ns1.apps.example.com. A 192.0.2.53\nns1.apps.example.com. AAAA 2001:db8::53\n"
	world := internet{
		"192.0.2.53:53 apps.example.com. SOA":     identified,
		"[2001:db8::53]:53 apps.example.com. SOA": authoritative(message(t, soa, "", "")),
		"198.51.100.53:53 apps.example.com. SOA":  authoritative(message(t, soa, "", "")),
		"192.0.2.1:53 example.com. SOA":           message(t, "example.com. SOA a.example.com. b.example.com. 1 1 1 1 1\n", "", ""),
		"192.0.2.1:53 example.com. NS":            message(t, "example.com. NS a.example.com.\nexample.com. NS b.example.com.\n", "", ""),
		"192.0.2.1:53 a.example.com. A":           message(t, "a.example.com. A 203.0.113.1\n", "", ""),
		"192.0.2.1:53 b.example.com. AAAA":        message(t, "b.example.com. AAAA 2001:db8::1\n", "", ""),
		"203.0.113.1:53 apps.example.com. NS":     message(t, "", delegation, glue),
		"[2001:db8::1]:53 apps.example.com. NS":   message(t, "", delegation, glue),
	}
	look := func(name string, parents ...string) error {
		v := goldentest.Federation(t)
		s := &survey{resolver: "192.0.2.1", parents: parents, exchange: world.exchange}
		var out bytes.Buffer
		err := s.look(context.Background(), &out, v, &v.Zones[0])
		goldentest.Compare(t, name, out.Bytes())
		return err
	}
	if err := look("zone-good"); err != nil {
		t.Error(err)
	}
	delete(world, "198.51.100.53:53 apps.example.com. SOA")
	world["[2001:db8::53]:53 apps.example.com. SOA"] = message(t, soa, "", "")
	world["203.0.113.1:53 apps.example.com. NS"] = message(t, "", delegation, "")
	world["[2001:db8::1]:53 apps.example.com. NS"] = &mdns.Msg{MsgHdr: mdns.MsgHdr{Rcode: mdns.RcodeNameError}}
	if err := look("zone-bad"); err == nil || err.Error() != "zone apps.example.com: 5 faults, each marked with an exclamation mark" {
		t.Error(err)
	}
	if err := look("zone-other-parent", "203.0.113.7:5353"); err == nil {
		t.Error("a parent that does not answer is a fault")
	}
	delete(world, "192.0.2.1:53 example.com. SOA")
	if err := look("zone-no-parent"); err == nil {
		t.Error("a parent that is not found is a fault")
	}
}

// A real server is asked over real sockets, by TCP where the answer does not fit.
func TestServersAreAskedOverTheNetwork(t *testing.T) {
	s := running(t)
	address := s.Addresses()[0].String()
	q := &survey{timeout: patience}
	q.exchange = q.ask
	if got := q.serial(context.Background(), "apps.example.com", address); !strings.HasPrefix(got, "serial ") {
		t.Error(got)
	}
	if got := q.serial(context.Background(), "example.org", address); got != "! REFUSED" {
		t.Error(got)
	}
	child := zone("child", "child.apps.example.com", trafficv1alpha1.NameServer{Name: "ns.child.apps.example.com", Addresses: []string{"192.0.2.54", "2001:db8::54"}}, server("ns.example.net"))
	if got := q.referral(context.Background(), child, address); len(got) > 0 {
		t.Error(got)
	}
}
