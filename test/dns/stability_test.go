package dns

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
	"k8s.io/client-go/rest"

	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/feed"
)

// cluster is the data path of a cluster: something that listens, or not.
type cluster struct {
	t       *testing.T
	address netip.AddrPort
	l       net.Listener
}

func newCluster(t *testing.T, address string) *cluster {
	c := &cluster{t: t, address: netip.MustParseAddrPort(address + ":0")}
	c.up()
	t.Cleanup(c.down)
	return c
}

func (c *cluster) up() {
	c.t.Helper()
	l, err := net.Listen("tcp", c.address.String())
	if err != nil {
		c.t.Fatal(err)
	}
	c.l, c.address = l, l.Addr().(*net.TCPAddr).AddrPort()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
}

func (c *cluster) down() { c.l.Close() }

const shop = `
kind: Zone
metadata: {name: apps}
spec:
  domain: apps.example.com
  nameServers: [{name: ns1.apps.example.com, addresses: [192.0.2.53]}]
  records: [{name: www, type: A, values: [192.0.2.10]}]
---
kind: TrafficPlan
metadata: {name: shop, namespace: shop}
spec:
  policy: {uid: u, generation: 1}
  hostnames: [shop.apps.example.com]
  ttlSeconds: 5
  maxAnswers: 2
  check: {protocol: TCP, interval: 100ms, timeout: 100ms, unhealthyAfter: 2, healthyAfter: 2}
  endpoints:
  - {cluster: fra, addresses: [%s], port: %d, readyReplicas: 1, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  - {cluster: iad, addresses: [%s], port: %d, readyReplicas: 1, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  tiers:
  - {clusters: [{name: fra, weight: 100}]}
  - {clusters: [{name: iad, weight: 100}]}
`

// until asks until the answer is as wanted, and fails if one is empty on the way or it takes too
// long.
func until(t *testing.T, to netip.AddrPort, want netip.Addr) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		m := ask(t, to, question("shop.apps.example.com", miekg.TypeA))
		if m.Rcode != miekg.RcodeSuccess || len(m.Answer) == 0 {
			t.Fatalf("an empty answer: %v", m)
		}
		if m.Answer[0].(*miekg.A).A.String() == want.String() {
			return time.Since(began)
		}
		if time.Since(began) > patience {
			t.Fatalf("after %v: %v", patience, m.Answer)
		}
	}
	return 0
}

// The hub is gone, from before the server starts: it answers from disk, sees an endpoint die, uses
// the next one, and fails open when all are gone.
func TestWithoutTheHub(t *testing.T) {
	fra, iad := newCluster(t, "127.0.1.1"), newCluster(t, "127.0.1.2")
	documents := fmt.Sprintf(shop, fra.address.Addr(), fra.address.Port(), iad.address.Addr(), iad.address.Port())
	s := start(t, documents, func(o *dns.Options) { o.MetricsAddress = "127.0.0.1:0" })
	to := s.Addresses()[0]

	until(t, to, fra.address.Addr())
	if body := get(t, s, "/readyz", http.StatusOK); body != "serving from: disk\nhub: out of reach\n" {
		t.Errorf("readyz: %q", body)
	}
	fra.down()
	t.Logf("fra died: answered with iad after %v", until(t, to, iad.address.Addr()))
	iad.down()
	t.Logf("iad died as well: failed open after %v", until(t, to, fra.address.Addr()))
	iad.up()
	until(t, to, iad.address.Addr())
	fra.up()
	until(t, to, fra.address.Addr())

	metrics := get(t, s, "/metrics", http.StatusOK)
	for _, want := range []string{
		`seaway_dns_answers_total{rcode="NOERROR",transport="udp"}`, `seaway_dns_hub_up 0`, `seaway_dns_source{source="disk"} 1`,
		`seaway_dns_endpoints{verdict="Healthy"} 2`, `seaway_dns_probes_total{result="bad"}`, `seaway_dns_zones 1`, `seaway_dns_peers 0`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	// Zones are objects, and few; host names are asked for.
	if strings.Contains(metrics, ".apps.example.com") {
		t.Error("a name is in the metrics")
	}
}

func get(t *testing.T, s *dns.Server, path string, status int) string {
	t.Helper()
	r, err := http.Get("http://" + s.MetricsAddress().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != status {
		t.Errorf("%s: %s, %v", path, r.Status, err)
	}
	return string(b)
}

// A server that has never heard anything says that it is not ready, rather than that nothing is
// there.
func TestWithNothingToServe(t *testing.T) {
	s, err := dns.New(dns.Options{Name: "ns1", Config: nowhere, Listen: []string{"127.0.0.1:0"}, MetricsAddress: "127.0.0.1:0",
		StateDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	m := ask(t, s.Addresses()[0], edns(question("shop.apps.example.com", miekg.TypeA), 1232))
	if e := option[*miekg.EDNS0_EDE](m); m.Rcode != miekg.RcodeServerFailure || e == nil || e.InfoCode != miekg.ExtendedErrorCodeNotReady {
		t.Errorf("%v", m)
	}
	get(t, s, "/readyz", http.StatusServiceUnavailable)
	get(t, s, "/healthz", http.StatusOK)
}

// A state that is damaged is not used; the one before is.
func TestDamagedState(t *testing.T) {
	dir := t.TempDir()
	in := zonetest.Input(t, fmt.Sprintf(shop, "192.0.2.1", 80, "192.0.2.2", 80))
	for range 2 {
		if err := feed.SaveState(dir, &feed.State{Zones: in.Zones, Plans: in.Plans}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "state")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{
		"a bit":     append(append([]byte{}, content[:len(content)/2]...), append([]byte{content[len(content)/2] ^ 1}, content[len(content)/2+1:]...)...),
		"cut short": content[:len(content)-10],
		"empty":     {},
		"foreign":   []byte("hello\nworld"),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			s, err := dns.New(dns.Options{Name: "ns1", Config: nowhere, Listen: []string{"127.0.0.1:0"}, StateDir: dir,
				Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if !strings.Contains(log.String(), "state") {
				t.Errorf("nothing was logged of it: %s", log.String())
			}
		})
	}
	for _, f := range []string{"state", "state.previous"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("torn"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := dns.New(dns.Options{Name: "ns1", Config: nowhere, Listen: []string{"127.0.0.1:0"}, StateDir: dir,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatalf("with both damaged the hub is waited for: %v", err)
	}
	s.Close()
}

func TestMistakesAtStartNameTheFlag(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.mmdb")
	if err := os.WriteFile(garbage, []byte("not a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		change func(*dns.Options)
		want   []string
	}{
		"name": {func(o *dns.Options) { o.Name = "Not_A_Name" }, []string{"--name", "Not_A_Name"}},
		"kubeconfig": {func(o *dns.Options) {
			o.Config = func() (*rest.Config, error) { return nil, errors.New("no such file") }
		}, []string{"--kubeconfig", "no such file"}},
		"listen":          {func(o *dns.Options) { o.Listen = []string{"localhost:53"} }, []string{"--listen", `"localhost" is not an IP address`}},
		"listen, no port": {func(o *dns.Options) { o.Listen = []string{"192.0.2.53"} }, []string{"--listen", "192.0.2.53", "host:port"}},
		"listen, taken":   {func(o *dns.Options) { o.Listen = []string{taken.Addr().String()} }, []string{"--listen", "address already in use"}},
		"geo database":    {func(o *dns.Options) { o.GeoDatabases = []string{garbage} }, []string{"--geo-database", garbage}},
		"no geo database": {func(o *dns.Options) { o.GeoDatabases = []string{dir + "/none"} }, []string{"--geo-database", dir + "/none"}},
		"nsid":            {func(o *dns.Options) { o.NSID = strings.Repeat("x", 100) }, []string{"--nsid"}},
		"state directory": {func(o *dns.Options) { o.StateDir = garbage + "/x" }, []string{"--state-dir"}},
		"metrics address": {func(o *dns.Options) { o.MetricsAddress = taken.Addr().String() }, []string{"--metrics-address"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := dns.Options{Name: "ns1", Config: nowhere, Listen: []string{"127.0.0.1:0"}, StateDir: t.TempDir(),
				Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
			c.change(&o)
			s, err := dns.New(o)
			if err == nil {
				s.Close()
				t.Fatal("it started")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v does not say %q", err, w)
				}
			}
		})
	}
}
