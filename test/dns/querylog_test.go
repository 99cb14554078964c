package dns

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// What was asked is counted by zone, cluster and rule, over every transport, and taken down.
func TestAnswersAreCountedAndTakenDown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queries")
	s := start(t, zonetest.Demo, func(o *dns.Options) {
		o.MetricsAddress = "127.0.0.1:0"
		o.QueryLog.File = path
	})
	at := s.Addresses()[0]
	for _, q := range []struct {
		name   string
		rrtype uint16
	}{{"single.apps.example.com", miekg.TypeA}, {"nope.apps.example.com", miekg.TypeA}, {"www.example.org", miekg.TypeA}} {
		if udp(t, at, pack(t, question(q.name, q.rrtype))) == nil {
			t.Fatal("no answer")
		}
	}
	tcp(t, at, pack(t, question("single.apps.example.com", miekg.TypeA)))

	wanted := []string{
		`seaway_dns_zone_answers_total{rcode="NOERROR",transport="udp",zone="apps.example.com"} 1`,
		`seaway_dns_zone_answers_total{rcode="NXDOMAIN",transport="udp",zone="apps.example.com"} 1`,
		`seaway_dns_zone_answers_total{rcode="REFUSED",transport="udp",zone=""} 1`,
		`seaway_dns_zone_answers_total{rcode="NOERROR",transport="tcp",zone="apps.example.com"} 1`,
		`seaway_dns_steered_answers_total{cluster="fra",namespace="shop",plan="single"} 2`,
		`seaway_dns_steering_rules_total{rule="FirstHealthyTier",tier="1"} 2`,
		`seaway_dns_query_log_total{result="written"} 4`,
	}
	// The counters are made known, and the lines written, a moment after the answer has gone.
	deadline := time.Now().Add(patience)
	for {
		_, metrics := httpGet(t, http.DefaultClient, "http://"+s.MetricsAddress().String()+"/metrics")
		missing := ""
		for _, w := range wanted {
			if !strings.Contains(metrics, w+"\n") {
				missing = w
			}
		}
		if missing == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s in\n%s", missing, metrics)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), "\n") != 4 || !strings.Contains(string(text), `"transport":"tcp","name":"single.apps.example.com"`) {
		t.Errorf("%v\n%s", err, text)
	}
}
