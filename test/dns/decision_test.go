package dns

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/decision"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

const shopDecision = dns.DecisionPath + "?name=shop.apps.example.com&type=a&from=46.4.0.1"

func httpGet(t *testing.T, c *http.Client, url string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// The metrics server tells decisions to its host, and to nobody whom another lets in.
func TestDecisionsAreForTheHostItself(t *testing.T) {
	s := start(t, zonetest.Demo, func(o *dns.Options) { o.MetricsAddress = "127.0.0.1:0" })
	base := "http://" + s.MetricsAddress().String()
	for name, c := range map[string]struct {
		path   string
		header []string
		status int
		body   string
	}{
		"this host":              {shopDecision, nil, 200, `"chosen":"fra"`},
		"by its name":            {shopDecision, []string{"Host", "localhost:9153"}, 200, `"server":"ns1"`},
		"a browser led astray":   {shopDecision, []string{"Host", "attacker.example:9153"}, 403, "this host itself only"},
		"a proxy on this host":   {shopDecision, []string{"X-Forwarded-For", "192.0.2.1"}, 403, "this host itself only"},
		"no type":                {dns.DecisionPath + "?name=shop.apps.example.com&from=46.4.0.1", nil, 400, "name, type"},
		"no client":              {dns.DecisionPath + "?name=shop.apps.example.com&type=A&from=here", nil, 400, "from"},
		"no resolver":            {shopDecision + "&resolver=there", nil, 400, "resolver"},
		"a name that is no name": {dns.DecisionPath + "?name=a..b&type=A&from=46.4.0.1", nil, 400, "label"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := httpGet(t, http.DefaultClient, base+c.path, c.header...); status != c.status || !strings.Contains(body, c.body) {
				t.Errorf("%d: %s", status, body)
			}
		})
	}
}

// A sidecar proxy brings strangers from an address of its own.
func TestDecisionsAreNotForProxiesOnTheHost(t *testing.T) {
	s := start(t, zonetest.Demo, func(o *dns.Options) { o.MetricsAddress = "127.0.0.1:0" })
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 6)}}
	c := &http.Client{Transport: &http.Transport{DialContext: from.DialContext}}
	defer c.CloseIdleConnections()
	if status, body := httpGet(t, c, "http://"+s.MetricsAddress().String()+shopDecision); status != 403 {
		t.Errorf("%d: %s", status, body)
	}
}

// From afar, decisions are told over TLS to who has the token, and a new token counts at once.
func TestDecisionsNeedAToken(t *testing.T) {
	dir := t.TempDir()
	pool, cert, key := certificate(t, dir)
	file := filepath.Join(dir, "token")
	write := func(token string) {
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("0123456789abcdef-old")
	s := start(t, zonetest.Demo, func(o *dns.Options) {
		o.DiagnosticsAddress, o.DiagnosticsTokenFile = "127.0.0.1:0", file
		o.CertificateFile, o.KeyFile = cert, key
	})
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer c.CloseIdleConnections()
	url := "https://" + s.DiagnosticsAddress().String() + shopDecision
	ask := func(token string) int {
		t.Helper()
		status, body := httpGet(t, c, url, "Authorization", token)
		if status != 200 {
			if strings.Contains(body, "fra") {
				t.Errorf("%d, and yet: %s", status, body)
			}
			return status
		}
		var d decision.Decision
		if err := json.Unmarshal([]byte(body), &d); err != nil || d.Steering.Chosen != "fra" || len(d.Steering.Endpoints[0].Evidence) != 1 {
			t.Errorf("%v: %s", err, body)
		}
		return status
	}
	for token, want := range map[string]int{
		"Bearer 0123456789abcdef-old": 200, "Bearer 0123456789abcdef": 401, "0123456789abcdef-old": 401, "": 401, "Bearer ": 401,
	} {
		if got := ask(token); got != want {
			t.Errorf("%q: %d, want %d", token, got, want)
		}
	}
	write("0123456789abcdef-new")
	if a, b := ask("Bearer 0123456789abcdef-old"), ask("Bearer 0123456789abcdef-new"); a != 401 || b != 200 {
		t.Errorf("after a change: %d, %d", a, b)
	}
	write("")
	if got := ask("Bearer "); got != 401 {
		t.Errorf("an empty token lets in: %d", got)
	}
	if status, _ := httpGet(t, c, strings.Replace(url, dns.DecisionPath, "/metrics", 1), "Authorization", "Bearer 0123456789abcdef-new"); status != 404 {
		t.Errorf("there is more: %d", status)
	}
}

func TestDiagnosticsAreConfiguredWhole(t *testing.T) {
	dir := t.TempDir()
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, cert, key := certificate(t, dir)
	for name, c := range map[string]struct {
		change func(*dns.Options)
		err    string
	}{
		"no token":       {func(o *dns.Options) { o.DiagnosticsAddress = "127.0.0.1:0" }, "--diagnostics-token-file"},
		"no address":     {func(o *dns.Options) { o.DiagnosticsTokenFile = short }, "--diagnostics-address"},
		"no certificate": {func(o *dns.Options) { o.DiagnosticsAddress, o.DiagnosticsTokenFile = "127.0.0.1:0", short }, "--tls-cert-file"},
		"a short token": {func(o *dns.Options) {
			o.DiagnosticsAddress, o.DiagnosticsTokenFile, o.CertificateFile, o.KeyFile = "127.0.0.1:0", short, cert, key
		}, "openssl rand"},
	} {
		t.Run(name, func(t *testing.T) {
			o := dns.Options{Name: "ns1", Config: nowhere, Listen: []string{"127.0.0.1:0"}, Guard: dns.DefaultGuard()}
			c.change(&o)
			if _, err := dns.New(o); err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %s", err, c.err)
			}
		})
	}
}
