package dns

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"

	mdns "github.com/miekg/dns"
	"github.com/spf13/pflag"

	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/decision"
)

// remote is a running name server that tells its decisions.
type remote struct {
	url, tokenFile, caFile string
}

func (r *remote) add(fs *pflag.FlagSet) {
	fs.StringVar(&r.url, "server", "", "the name server: https://HOST:PORT of its --diagnostics-address, or http://127.0.0.1:PORT of its --metrics-address; the hub's objects when not given")
	fs.StringVar(&r.tokenFile, "server-token-file", "", "file with the token of the diagnostics address")
	fs.StringVar(&r.caFile, "server-ca-file", "", "certificates that vouch for the server; those of this host when not given")
}

// mostOfDecision is more than any decision has.
const mostOfDecision = 8 << 20

// ask asks the server.
func (r *remote) ask(ctx context.Context, q answer.Question) (decision.Decision, error) {
	var d decision.Decision
	req, err := r.request(ctx, q)
	if err != nil {
		return d, err
	}
	transport, err := r.transport()
	if err != nil {
		return d, err
	}
	defer transport.CloseIdleConnections()
	// A server that sends elsewhere is none of ours: the token goes nowhere else.
	c := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	if err != nil {
		return d, fmt.Errorf("--server: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostOfDecision))
	if err != nil {
		return d, fmt.Errorf("--server %s: %w", r.url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return d, fmt.Errorf("--server %s: %s: %s", r.url, resp.Status, firstLine(body))
	}
	if err := json.Unmarshal(body, &d); err != nil {
		return d, fmt.Errorf("--server %s: this is no decision of a Seaway name server: %w", r.url, err)
	}
	return d, nil
}

func firstLine(body []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	return plain(line[:min(len(line), 300)])
}

func (r *remote) request(ctx context.Context, q answer.Question) (*http.Request, error) {
	u, err := url.Parse(r.url)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--server: %q is no URL such as https://ns1.example.net:9154 or http://127.0.0.1:9153", r.url)
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, errors.New("--server: http is for this host only, such as the end of a port-forward: use https with the diagnostics address of the server")
	}
	params := url.Values{"name": {q.Name}, "type": {mdns.TypeToString[q.Type]}, "from": {q.Client.String()}}
	if q.Resolver.IsValid() {
		params.Set("resolver", q.Resolver.String())
	}
	u.Path, u.RawQuery = dns.DecisionPath, params.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if r.tokenFile != "" {
		token, err := os.ReadFile(r.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("--server-token-file: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	return req, nil
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (r *remote) transport() (*http.Transport, error) {
	t := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if r.caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(r.caFile)
	if err != nil {
		return nil, fmt.Errorf("--server-ca-file: %w", err)
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--server-ca-file: %s holds no certificate in PEM", r.caFile)
	}
	return t, nil
}
