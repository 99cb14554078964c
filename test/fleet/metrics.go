//go:build linux

package fleet

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"
)

// Writes counts the write requests that the cluster's API server has had, refused ones included, by
// "VERB resource/subresource".
func (c *Cluster) Writes(ctx context.Context) (map[string]float64, error) {
	client, err := rest.HTTPClientFor(c.InsideConfig())
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	families, err := Scrape(ctx, client, c.Server()+"/metrics")
	if err != nil {
		return nil, err
	}
	counted := map[string]float64{}
	for _, m := range families["apiserver_request_total"].GetMetric() {
		labels := Labels(m)
		if !slices.Contains([]string{"POST", "PUT", "PATCH", "DELETE", "APPLY"}, labels["verb"]) {
			continue
		}
		resource := labels["resource"]
		if sub := labels["subresource"]; sub != "" {
			resource += "/" + sub
		}
		counted[labels["verb"]+" "+resource] += m.GetCounter().GetValue()
	}
	return counted, nil
}

// Scrape reads metrics in Prometheus' text format.
func Scrape(ctx context.Context, client *http.Client, url string) (map[string]*dto.MetricFamily, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(resp.Body)
}

// Labels are a metric's labels by name.
func Labels(m *dto.Metric) map[string]string {
	labels := make(map[string]string, len(m.GetLabel()))
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}
