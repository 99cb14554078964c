package explain

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/nameserver"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/geodb"
)

func TestPrint(t *testing.T) {
	databases := []geodb.Info{{Path: "built-in", Built: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Coarse: true}, {Path: "own.mmdb", Built: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}}
	for name, q := range map[string]answer.Question{
		"client-of-a-region":    {Name: "shop.apps.example.com", Client: netip.MustParseAddr("203.0.113.9")},
		"client-by-distance":    {Name: "shop.apps.example.com", Client: netip.MustParseAddr("10.3.0.9")},
		"delegated":             {Name: "www.lab.apps.example.com", Client: netip.MustParseAddr("203.0.113.9")},
		"client-of-nowhere":     {Name: "shop.apps.example.com", Client: netip.MustParseAddr("192.168.0.1")},
		"client-behind-another": {Name: "shop.apps.example.com", Client: netip.MustParseAddr("203.0.113.9"), Resolver: netip.MustParseAddr("192.168.0.1")},
		"no-address-of-family":  {Name: "shop.apps.example.com", Client: netip.MustParseAddr("203.0.113.9"), Type: dns.TypeAAAA},
		"static-record":         {Name: "docs.apps.example.com", Client: netip.MustParseAddr("203.0.113.9"), Type: dns.TypeTXT},
		"no-such-name":          {Name: "shoop.apps.example.com", Client: netip.MustParseAddr("203.0.113.9")},
		"no-zone":               {Name: "example.org", Client: netip.MustParseAddr("203.0.113.9")},
	} {
		t.Run(name, func(t *testing.T) {
			if q.Type == 0 {
				q.Type = dns.TypeA
			}
			v := goldentest.Federation(t)
			e, err := answer.Explain(nameserver.Snapshot(v, zonetest.Places()), q)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := Print(&out, v, databases, e); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, name, out.Bytes())
		})
	}
}

// A server that is silent has no voice, and one that sees the cluster down has.
func TestReportsCountAsTheServersCountThem(t *testing.T) {
	v := goldentest.Federation(t)
	v.Health[0].Spec.Plans[0].Endpoints[0].Verdict = "Unhealthy"
	e, err := answer.Explain(nameserver.Snapshot(v, zonetest.Places()), answer.Question{Name: "shop.apps.example.com", Type: dns.TypeA, Client: netip.MustParseAddr("203.0.113.9")})
	if err != nil || e.Chosen != "sin" {
		t.Errorf("with fra down: %q, %v", e.Chosen, err)
	}
	v.Now = v.Now.Add(time.Hour)
	e, err = answer.Explain(nameserver.Snapshot(v, zonetest.Places()), answer.Question{Name: "shop.apps.example.com", Type: dns.TypeA, Client: netip.MustParseAddr("203.0.113.9")})
	if err != nil || e.Chosen != "fra" {
		t.Errorf("an hour after the last report: %q, %v", e.Chosen, err)
	}
}

func TestAQuestionThatMakesNoSense(t *testing.T) {
	for name, tc := range map[string]struct {
		question question
		err      string
	}{
		"no client":   {question{from: "here", rrtype: "A"}, `--from: "here" is no IP address`},
		"no resolver": {question{from: "192.0.2.1", resolver: "there", rrtype: "A"}, `--resolver: "there" is no IP address`},
		"no type":     {question{from: "192.0.2.1", rrtype: "B"}, `--type: there is no record type "B"`},
		"no database": {question{from: "192.0.2.1", rrtype: "a", geo: nameserver.Geo{Databases: []string{"testdata/none.mmdb"}}}, "testdata/none.mmdb"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.question.explain(context.Background(), &bytes.Buffer{}, "shop.example.com")
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("error %v, want %s", err, tc.err)
			}
		})
	}
}
