package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/verdict"
)

func plan(name string, endpoints ...trafficv1alpha1.PlanEndpoint) *trafficv1alpha1.TrafficPlan {
	p := &trafficv1alpha1.TrafficPlan{}
	p.Namespace, p.Name = "shop", name
	p.Spec.Check = trafficv1alpha1.Check{
		Protocol: trafficv1alpha1.CheckTCP, UnhealthyAfter: 2, HealthyAfter: 3,
		Interval: metav1.Duration{Duration: time.Second}, Timeout: metav1.Duration{Duration: 800 * time.Millisecond},
	}
	p.Spec.Endpoints = endpoints
	return p
}

func endpoint(cluster string, addresses ...string) trafficv1alpha1.PlanEndpoint {
	return trafficv1alpha1.PlanEndpoint{Cluster: cluster, Addresses: addresses, Port: 80}
}

// world is a set of addresses that are up, and what was reported of them.
type world struct {
	mu      sync.Mutex
	down    map[string]bool
	hang    map[string]bool
	sent    map[string]int
	reports []string
	start   time.Time
}

func newWorld() *world {
	return &world{down: map[string]bool{}, hang: map[string]bool{}, sent: map[string]int{}, start: time.Now()}
}

func (w *world) set(m map[string]bool, host string, v bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m[host] = v
}

func (w *world) probe(ctx context.Context, t *Target, host string) error {
	w.mu.Lock()
	w.sent[host]++
	down, hang := w.down[host], w.hang[host]
	w.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if down {
		return fmt.Errorf("%s: connection refused", host)
	}
	return nil
}

func (w *world) report(k verdict.Key, s verdict.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, fmt.Sprintf("%s/%s %s", k.Plan, k.Cluster, s.Verdict))
}

// take returns what was reported since it was last asked.
func (w *world) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.reports
	w.reports = nil
	return out
}

func TestVerdictsFollowProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := New(Options{Probe: w.probe, Report: w.report})
		defer c.Close()
		step := func(d time.Duration, want ...string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if diff := cmp.Diff(want, w.take()); diff != "" {
				t.Errorf("after %v: %s", time.Since(w.start), diff)
			}
		}
		const jitter = 100*time.Millisecond + time.Millisecond // of a round
		web := plan("web", endpoint("fra", "192.0.2.1", "192.0.2.2"))
		c.SetTargets(Targets(web))
		step(3*time.Second+jitter, "web/fra Healthy")
		w.set(w.down, "192.0.2.1", true)
		step(10 * time.Second) // one address is enough
		w.set(w.down, "192.0.2.2", true)
		step(2*time.Second+jitter, "web/fra Unhealthy")
		step(10 * time.Second) // said once
		w.set(w.down, "192.0.2.1", false)
		step(3*time.Second+jitter, "web/fra Healthy")
		w.set(w.hang, "192.0.2.1", true)
		// Two rounds, the second of which ends after the timeout.
		step(2*time.Second+800*time.Millisecond+jitter, "web/fra Unhealthy")

		// The same plan again, and one that changes thresholds, change nothing that is known.
		c.SetTargets(Targets(web))
		web = web.DeepCopy()
		web.Spec.Check.HealthyAfter = 2
		c.SetTargets(Targets(web))
		step(5 * time.Second)
		w.set(w.hang, "192.0.2.1", false)
		step(3*time.Second+jitter, "web/fra Healthy")

		// An endpoint that shares an address keeps its verdict; one that shares none starts anew.
		w.set(w.down, "192.0.2.1", true)
		w.set(w.down, "192.0.2.3", true)
		step(3*time.Second+jitter, "web/fra Unhealthy")
		c.SetTargets(Targets(plan("web", endpoint("fra", "192.0.2.1", "192.0.2.3"))))
		step(3 * time.Second)
		c.SetTargets(Targets(plan("web", endpoint("fra", "192.0.2.4"))))
		step(0, "web/fra Unknown")
		step(4*time.Second+jitter, "web/fra Healthy")

		// What is no longer wanted is no longer probed.
		c.SetTargets(nil)
		before := w.sent["192.0.2.4"]
		step(10 * time.Second)
		if after := w.sent["192.0.2.4"]; after != before {
			t.Errorf("%d probes after the end", after-before)
		}
	})
}

func TestOneEndpointPerSecondIsOneProbePerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := New(Options{Probe: w.probe, Report: w.report})
		defer c.Close()
		c.SetTargets(Targets(plan("web", endpoint("fra", "192.0.2.1"))))
		time.Sleep(100 * time.Second)
		synctest.Wait()
		if n := w.sent["192.0.2.1"]; n < 99 || n > 101 {
			t.Errorf("%d probes in 100 seconds", n)
		}
	})
}

// Hundreds of dead endpoints, whose probes take all their time, never make a healthy one look dead.
func TestDeadEndpointsDoNotTakeOthersWithThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var under, most atomic.Int64
		probe := func(ctx context.Context, target *Target, host string) error {
			defer under.Add(-1)
			if n := under.Add(1); n > most.Load() {
				most.Store(n)
			}
			return w.probe(ctx, target, host)
		}
		c := New(Options{Probe: probe, Report: w.report, Concurrent: 4})
		defer c.Close()
		endpoints := []trafficv1alpha1.PlanEndpoint{endpoint("alive", "192.0.2.255")}
		for i := range 50 {
			host := fmt.Sprintf("192.0.2.%d", i)
			w.set(w.hang, host, true)
			endpoints = append(endpoints, endpoint(fmt.Sprintf("dead%d", i), host))
		}
		c.SetTargets(Targets(plan("web", endpoints...)))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		for _, r := range w.take() {
			if strings.Contains(r, "alive Unhealthy") {
				t.Error(r)
			}
		}
		if most.Load() > 4 {
			t.Errorf("%d probes at once", most.Load())
		}
		if _, _, skipped := c.Results(); skipped == 0 {
			t.Error("rounds that were left out are not counted")
		}
	})
}

func TestAPanickingProbeIsAFailedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := New(Options{Probe: func(context.Context, *Target, string) error { panic("oh") }, Report: w.report})
		defer c.Close()
		c.SetTargets(Targets(plan("web", endpoint("fra", "192.0.2.1"))))
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]string{"web/fra Unhealthy"}, w.take()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTargets(t *testing.T) {
	p := plan("web",
		endpoint("fra", "192.0.2.1", "2001:db8::1"),
		trafficv1alpha1.PlanEndpoint{Cluster: "named", Hostname: "lb.example.net", Port: 443},
		trafficv1alpha1.PlanEndpoint{Cluster: "empty", Port: 80},
		trafficv1alpha1.PlanEndpoint{Cluster: "portless", Addresses: []string{"192.0.2.9"}})
	type line struct {
		Cluster string
		Hosts   []string
		Port    int32
	}
	lines := func() (out []line) {
		for _, x := range Targets(p) {
			out = append(out, line{x.Key.Cluster, x.Hosts, x.Port})
		}
		return out
	}
	want := []line{{"fra", []string{"192.0.2.1", "2001:db8::1"}, 80}, {"named", []string{"lb.example.net"}, 443}}
	if diff := cmp.Diff(want, lines()); diff != "" {
		t.Error(diff)
	}
	p.Spec.Check.Port = 9000
	if got := lines(); len(got) != 3 || got[0].Port != 9000 || got[2].Port != 9000 {
		t.Errorf("the check's own port: %v", got)
	}
}

func TestProbe(t *testing.T) {
	var host, path atomic.Value
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host.Store(r.Host)
		path.Store(r.RequestURI)
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/hang":
			<-r.Context().Done()
		case "/sick":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/large":
			w.Write(make([]byte, 10<<20))
		default:
			fmt.Fprintln(w, "well")
		}
	})
	plainServer := httptest.NewServer(handler)
	defer plainServer.Close()
	secure := httptest.NewTLSServer(handler) // its certificate is for example.com and 127.0.0.1
	defer secure.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	check := func(protocol, host, path string) trafficv1alpha1.Check {
		return trafficv1alpha1.Check{Protocol: protocol, Host: host, Path: path}
	}
	const h, s, tcp = trafficv1alpha1.CheckHTTP, trafficv1alpha1.CheckHTTPS, trafficv1alpha1.CheckTCP
	insecure := check(s, "wrong.example.org", "/")
	insecure.InsecureSkipVerify = true
	for name, c := range map[string]struct {
		url   string
		check trafficv1alpha1.Check
		want  string // "" is well
		host  string
	}{
		"tcp":                            {plainServer.URL, check(tcp, "", ""), "", ""},
		"tcp, nobody there":              {"http://" + closed.Addr().String(), check(tcp, "", ""), "connection refused", ""},
		"http":                           {plainServer.URL, check(h, "shop.example.com", "/healthz?x=1"), "", "shop.example.com"},
		"http without a path":            {plainServer.URL, check(h, "shop.example.com", ""), "", "shop.example.com"},
		"a redirect is well":             {plainServer.URL, check(h, "shop.example.com", "/moved"), "", ""},
		"a large body is well":           {plainServer.URL, check(h, "shop.example.com", "/large"), "", ""},
		"a sick server":                  {plainServer.URL, check(h, "shop.example.com", "/sick"), "status 503", ""},
		"a server that hangs":            {plainServer.URL, check(h, "shop.example.com", "/hang"), "timed out", ""},
		"http, nobody there":             {"http://" + closed.Addr().String(), check(h, "", "/"), "connection refused", ""},
		"http to a port with TLS":        {secure.URL, check(h, "shop.example.com", "/"), "status 400", ""},
		"https without trust":            {secure.URL, check(s, "example.com", "/"), "TLS handshake", ""},
		"https, not verified":            {secure.URL, insecure, "", "wrong.example.org"},
		"https to a port without":        {plainServer.URL, check(s, "example.com", "/"), "TLS handshake", ""},
		"a protocol that does not exist": {plainServer.URL, check("ICMP", "", ""), "none of", ""},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(c.url)
			if err != nil {
				t.Fatal(err)
			}
			port, err := strconv.Atoi(u.Port())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			host.Store("")
			got := Probe(ctx, &Target{Port: int32(port), Check: c.check}, "127.0.0.1")
			if (got == nil) != (c.want == "") || got != nil && !strings.Contains(got.Error(), c.want) {
				t.Errorf("got %v, want %q", got, c.want)
			}
			if got != nil && !strings.Contains(got.Error(), "127.0.0.1") && !errors.Is(got, context.DeadlineExceeded) {
				t.Errorf("%v does not say where", got)
			}
			if c.host != "" && host.Load() != c.host {
				t.Errorf("the request was for host %v", host.Load())
			}
		})
	}
}

// The certificate must be good for the name that is checked, and the name is sent (SNI).
func TestProbeChecksTheName(t *testing.T) {
	var sni atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		sni.Store(h.ServerName)
		return nil, nil
	}}
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	for name, want := range map[string]bool{"example.com": true, "shop.example.org": false} {
		conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{ServerName: name, RootCAs: roots})
		if (err == nil) != want {
			t.Errorf("the test's own certificate and %s: %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
		_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
		n, _ := strconv.Atoi(port)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		target := &Target{Port: int32(n), Check: trafficv1alpha1.Check{Protocol: trafficv1alpha1.CheckHTTPS, Host: name, Path: "/"}}
		probe := prober{checker: New(Options{Probe: func(ctx context.Context, t *Target, host string) error {
			return probeWith(ctx, t, host, roots)
		}}), target: *target}
		err = probe.probe(ctx, "127.0.0.1", time.Second)
		cancel()
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
		if sni.Load() != name {
			t.Errorf("%s: the server was asked for %v", name, sni.Load())
		}
	}
}
