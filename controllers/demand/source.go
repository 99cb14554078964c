package demand

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/types"
)

// DefaultQuery asks Istio's proxies, at the side of those who answer.
const DefaultQuery = `sum by (destination_service_namespace, destination_service_name, destination_cluster) (` +
	`rate(istio_requests_total{reporter="destination",destination_service_namespace=~"{{.Namespace}}",destination_service_name=~"{{.Service}}"}[1m]))`

// mostBytes bounds an answer.
const mostBytes = 64 << 20

// The labels by which a series is told, the first that it has.
var (
	namespaceLabels = []model.LabelName{"namespace", "destination_service_namespace"}
	serviceLabels   = []model.LabelName{"service", "destination_service_name"}
	clusterLabels   = []model.LabelName{"cluster", "destination_cluster"}
)

// rates are requests per second by Service and cluster.
type rates map[types.NamespacedName]map[string]float64

// prometheus asks a Prometheus.
type prometheus struct {
	api   promv1.API
	query *template.Template
}

func newPrometheus(o Options) (*prometheus, error) {
	text := o.Query
	if text == "" {
		text = DefaultQuery
	}
	query, err := template.New("query").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--demand-query: %w", err)
	}
	p := &prometheus{query: query}
	if _, err := p.ask([]types.NamespacedName{{Namespace: "n", Name: "s"}}); err != nil {
		return nil, fmt.Errorf("--demand-query: %w", err)
	}
	at, err := url.Parse(o.URL)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, fmt.Errorf("--demand-prometheus-url: want http://HOST:PORT or https://HOST:PORT, not %q", o.URL)
	}
	if o.TokenFile != "" && at.Scheme != "https" {
		return nil, errors.New("--demand-prometheus-token-file: a token is not sent in plain text; use an https URL")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("--demand-prometheus-ca-file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--demand-prometheus-ca-file: no certificate in %s", o.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	client, err := api.NewClient(api.Config{Address: o.URL, Client: &http.Client{
		Transport:     authorized{transport, o.TokenFile},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirects are not followed") },
	}})
	if err != nil {
		return nil, fmt.Errorf("--demand-prometheus-url: %w", err)
	}
	p.api = promv1.NewAPI(client)
	return p, nil
}

// authorized sends a token, read anew each time since tokens are rotated, and reads no endless answer.
type authorized struct {
	next      http.RoundTripper
	tokenFile string
}

func (a authorized) RoundTrip(req *http.Request) (*http.Response, error) {
	if a.tokenFile != "" {
		token, err := os.ReadFile(a.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("read token: %w", err)
		}
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	resp, err := a.next.RoundTrip(req)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, mostBytes)
	}
	return resp, err
}

// ask writes the one query for all Services: their names are put together to regular expressions.
func (p *prometheus) ask(services []types.NamespacedName) (string, error) {
	var namespaces, names []string
	for _, s := range services {
		namespaces, names = append(namespaces, quoted(s.Namespace)), append(names, quoted(s.Name))
	}
	var out strings.Builder
	err := p.query.Execute(&out, struct{ Namespace, Service string }{anyOf(namespaces), anyOf(names)})
	return out.String(), err
}

// quoted is a name as a regular expression inside of a string of the query language.
func quoted(name string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(name), `\`, `\\`)
}

func anyOf(names []string) string {
	slices.Sort(names)
	return strings.Join(slices.Compact(names), "|")
}

// rates are what Services receive. Series that do not say whose they are, and numbers that are none, are
// left out; several series of one cluster are added up.
func (p *prometheus) rates(ctx context.Context, services []types.NamespacedName, at time.Time) (rates, error) {
	query, err := p.ask(services)
	if err != nil {
		return nil, err
	}
	value, _, err := p.api.Query(ctx, query, at)
	if err != nil {
		return nil, err
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("the query gives a %s; want a vector", value.Type())
	}
	out := rates{}
	for _, s := range vector {
		name := types.NamespacedName{Namespace: label(s.Metric, namespaceLabels), Name: label(s.Metric, serviceLabels)}
		cluster, rate := label(s.Metric, clusterLabels), float64(s.Value)
		if name.Namespace == "" || name.Name == "" || cluster == "" || math.IsNaN(rate) || math.IsInf(rate, 0) || rate < 0 {
			continue
		}
		if out[name] == nil {
			out[name] = map[string]float64{}
		}
		out[name][cluster] += rate
	}
	return out, nil
}

func label(m model.Metric, names []model.LabelName) string {
	for _, name := range names {
		if value := m[name]; value != "" {
			return string(value)
		}
	}
	return ""
}
