package dns

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/nameserver"
	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/decision"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/feed"
)

func TestPrintDecision(t *testing.T) {
	for name, args := range map[string][]string{
		"answer-region":   {"shop.apps.example.com", "A", "203.0.113.9"},
		"answer-server":   {"shop.apps.example.com", "A", "10.3.0.9"},
		"answer-draw":     {"shop.apps.example.com", "A", "10.3.0.9"},
		"answer-nowhere":  {"shop.apps.example.com", "AAAA", "192.168.0.1"},
		"answer-record":   {"docs.apps.example.com", "TXT", "203.0.113.9"},
		"answer-referral": {"www.lab.apps.example.com", "A", "203.0.113.9"},
		"answer-no-name":  {"shoop.apps.example.com", "A", "203.0.113.9"},
		"answer-no-zone":  {"example.org", "A", "203.0.113.9"},
	} {
		t.Run(name, func(t *testing.T) {
			v := goldentest.Federation(t)
			q := inquiry{from: args[2]}
			ask, err := q.question(args[0], args[1])
			if err != nil {
				t.Fatal(err)
			}
			witnesses := nameserver.Witnesses(v)
			if name == "answer-server" {
				witnesses = ofAServer(witnesses)
			}
			d, err := decision.Make(nameserver.Snapshot(v, zonetest.Places()), ask, witnesses)
			if err != nil {
				t.Fatal(err)
			}
			d.Time, d.Source = v.Now, "the hub's objects"
			if name == "answer-server" {
				d.Server, d.Source = "ns1", "hub"
				d.Steering.Client.Databases = []string{"city.mmdb of 2026-04-01"}
			}
			var out bytes.Buffer
			if err := PrintDecision(&out, d); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, name, out.Bytes())
		})
	}
}

// ofAServer is the evidence as a server has it: its own, and that of peers.
func ofAServer(hub decision.Witnesses) decision.Witnesses {
	return func(key verdict.Key) []decision.Evidence {
		all := hub(key)
		for i := range all {
			all[i].Own = true
		}
		if key.Cluster != "iad" {
			return all
		}
		ns2, ns3 := all[0], all[0]
		ns2.VantagePoint, ns2.Own, ns2.FreshSeconds, ns2.Message = "ns2", false, 12.5, "timeout"
		ns3.VantagePoint, ns3.Own, ns3.FreshSeconds, ns3.Message = "ns3", false, -240, ""
		ns3.Verdict, ns3.Since, ns3.Counts = trafficv1alpha1.VerdictHealthy, time.Time{}, false
		return append(all, ns2, ns3)
	}
}

func TestWhatTheDocumentationShows(t *testing.T) {
	goldentest.Documented(t, "explain.md", "answer-server", "preview-brief", "zone-not-everywhere")
}

// running is a name server that runs with what is on its disk.
func running(t *testing.T) *dns.Server {
	t.Helper()
	dir := t.TempDir()
	in := zonetest.Input(t, zonetest.Demo)
	if err := feed.SaveState(dir, &feed.State{Saved: zonetest.Now, Zones: in.Zones, Plans: in.Plans, RegionMaps: in.RegionMaps}); err != nil {
		t.Fatal(err)
	}
	s, err := dns.New(dns.Options{
		Name: "ns1", Listen: []string{"127.0.0.1:0"}, StateDir: dir, MetricsAddress: "127.0.0.1:0", Guard: dns.DefaultGuard(),
		Config: func() (*rest.Config, error) { return &rest.Config{Host: "http://127.0.0.1:1"}, nil },
		Log:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

func TestARunningServerIsAsked(t *testing.T) {
	s := running(t)
	var out bytes.Buffer
	q := inquiry{from: "10.1.2.3", output: outputText, server: remote{url: "http://" + s.MetricsAddress().String()}}
	q.hub.Timeout = patience
	if err := q.run(context.Background(), &out, []string{"shop.apps.example.com", "A"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ns1, serving from: disk; the hub is out of reach", "198.51.100.", "own probes", "shop/shop, generation 7, of policy generation 3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

func TestServersThatAreNotAskedOrDoNotAnswer(t *testing.T) {
	lie := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("name") == "elsewhere.example.com" {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "<html>")
	}))
	defer lie.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		server remote
		name   string
		err    string
	}{
		"no URL":                       {remote{url: "ns1"}, "", "is no URL"},
		"in the clear, to far away":    {remote{url: "http://192.0.2.1:9153", tokenFile: token}, "", "http is for this host only"},
		"a name that only looks local": {remote{url: "http://localhost.example.com"}, "", "http is for this host only"},
		"no token":                     {remote{url: lie.URL, tokenFile: token + "x"}, "", "--server-token-file"},
		"no certificates":              {remote{url: lie.URL, caFile: token}, "", "holds no certificate"},
		"nobody there":                 {remote{url: "http://127.0.0.1:1"}, "", "refused"},
		"not a name server":            {remote{url: lie.URL}, "", "no decision of a Seaway name server"},
		"one that sends elsewhere":     {remote{url: lie.URL}, "elsewhere.example.com", "302 Found"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.server.ask(context.Background(), answer.Question{Name: tc.name, Type: 1, Client: netip.MustParseAddr("192.0.2.1")})
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("error %v, want %s", err, tc.err)
			}
		})
	}
}
