package demand

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/seaway-io/seaway/api/scheme"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// answer is a vector of Prometheus.
func answer(series ...string) string {
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(series, ",") + `]}}`
}

func series(namespace, service, cluster, value string) string {
	return fmt.Sprintf(`{"metric":{"destination_service_namespace":%q,"destination_service_name":%q,"destination_cluster":%q},"value":[1,%q]}`, namespace, service, cluster, value)
}

func serve(t *testing.T, body string, see func(*http.Request)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		see(r)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestOneQueryForAll(t *testing.T) {
	var queries []string
	url := serve(t, answer(series("shop", "web", "fra", "100.5"), series("shop", "web", "iad", "NaN"), series("shop", "web", "fra", "1"),
		series("shop", "", "fra", "1"), `{"metric":{"namespace":"b.log","service":"api","cluster":"sin"},"value":[1,"7"]}`),
		func(r *http.Request) { queries = append(queries, r.Form.Get("query")) })
	p, err := newPrometheus(Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.rates(context.Background(), []types.NamespacedName{{Namespace: "shop", Name: "web"}, {Namespace: "b.log", Name: "api"}, {Namespace: "shop", Name: "api"}}, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	want := rates{{Namespace: "shop", Name: "web"}: {"fra": 101.5}, {Namespace: "b.log", Name: "api"}: {"sin": 7}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(queries) != 1 || !strings.Contains(queries[0], `destination_service_namespace=~"b\\.log|shop",destination_service_name=~"api|web"`) {
		t.Errorf("asked %q", queries)
	}
}

func TestWhatIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		options Options
		want    string
	}{
		"no URL":                  {Options{URL: "prometheus:9090"}, "--demand-prometheus-url"},
		"another scheme":          {Options{URL: "file:///etc/passwd"}, "--demand-prometheus-url"},
		"a token in plain text":   {Options{URL: "http://prometheus:9090", TokenFile: file}, "--demand-prometheus-token-file"},
		"no certificate":          {Options{URL: "https://prometheus:9090", CAFile: file}, "--demand-prometheus-ca-file"},
		"a template that is none": {Options{URL: "http://prometheus:9090", Query: "{{.Namespace"}, "--demand-query"},
		"an unknown field":        {Options{URL: "http://prometheus:9090", Query: "{{.Cluster}}"}, "--demand-query"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := newPrometheus(tc.options); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestRedirectsAndOtherAnswersAreErrors(t *testing.T) {
	elsewhere := serve(t, answer(), func(*http.Request) { t.Error("the redirect was followed") })
	redirecting := httptest.NewServer(http.RedirectHandler(elsewhere, http.StatusTemporaryRedirect))
	defer redirecting.Close()
	for name, url := range map[string]string{
		"a redirect": redirecting.URL,
		"a scalar":   serve(t, `{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`, func(*http.Request) {}),
		"an error":   serve(t, `{"status":"error","errorType":"bad_data","error":"no"}`, func(*http.Request) {}),
	} {
		t.Run(name, func(t *testing.T) {
			p, err := newPrometheus(Options{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.rates(context.Background(), nil, time.Unix(1, 0)); err == nil {
				t.Errorf("%v", got)
			}
		})
	}
}

// given answers with what a test says.
type given struct {
	rates rates
	err   error
	asked []types.NamespacedName
}

type fakeSource struct{ *given }

func (f fakeSource) rates(_ context.Context, services []types.NamespacedName, _ time.Time) (rates, error) {
	f.asked = services
	return f.given.rates, f.err
}

func TestTheTableKnowsWhatWasMeasured(t *testing.T) {
	policy := func(name string, capacity bool) *v1.TrafficPolicy {
		p := &v1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: v1.TrafficPolicySpec{TargetRefs: []v1.TargetRef{{Kind: "Service", Name: "svc-" + name}}}}
		if capacity {
			p.Spec.Capacity = &v1.Capacity{RequestsPerSecondPerReplica: resource.MustParse("50")}
		}
		return p
	}
	plan := &v1.TrafficPlan{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}, Spec: v1.TrafficPlanSpec{TTLSeconds: 10,
		Tiers: []v1.PlanTier{{Clusters: []v1.WeightedCluster{{Name: "fra", Weight: 1000}}}}}}
	hub := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(policy("web", true), policy("planless", true), policy("plain", false), plan).Build()
	clk := testclock.NewFakeClock(time.Unix(1000, 0))
	table := newTable(hub, clk)
	source := &given{rates: rates{{Namespace: "shop", Name: "svc-web"}: {"fra": 80}, {Namespace: "shop", Name: "svc-planless"}: {"fra": 1}}}
	table.source = fakeSource{source}
	var told []types.NamespacedName
	table.Subscribe(func(policies []types.NamespacedName) { told = policies })
	web := types.NamespacedName{Namespace: "shop", Name: "web"}
	if table.Of(web) != nil || (*Table)(nil).Of(web) != nil {
		t.Error("something is known before it was measured")
	}
	if err := table.measure(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := table.Of(web); got == nil || got.Clusters["fra"] != 80 || got.Clients[""] != 80 || !got.At.Equal(clk.Now()) {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]types.NamespacedName{web}, told); diff != "" {
		t.Error(diff)
	}
	slices.SortFunc(source.asked, func(a, b types.NamespacedName) int { return strings.Compare(a.Name, b.Name) })
	if diff := cmp.Diff([]types.NamespacedName{{Namespace: "shop", Name: "svc-planless"}, {Namespace: "shop", Name: "svc-web"}}, source.asked); diff != "" {
		t.Error(diff)
	}

	at := clk.Now()
	clk.Step(every)
	source.err = fmt.Errorf("away")
	if err := table.measure(context.Background()); err == nil || !table.Of(web).At.Equal(at) {
		t.Errorf("%v, %+v", err, table.Of(web))
	}
	source.err = nil
	if err := hub.Delete(context.Background(), policy("web", true)); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	if err := table.measure(context.Background()); err != nil || table.Of(web) != nil {
		t.Errorf("%v, what is gone is still known: %+v", err, table.Of(web))
	}
}
