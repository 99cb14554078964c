package dns

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/seaway-io/seaway/api/scheme"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/diff"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/core/preview"
	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/geodb"
)

const patience = 10 * time.Second

const policyHead = `
apiVersion: traffic.seaway.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: web, namespace: shop}
spec:
  targetRefs: [{kind: Service, name: web}]
`

func previewOf(t *testing.T, policy string) (*outlook, []Preview, error) {
	t.Helper()
	policies, err := readPolicies([]string{"-"}, "shop", strings.NewReader(policy))
	if err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{}
	service.Namespace, service.Name = "shop", "web"
	service.Spec.Ports = []corev1.ServicePort{{Port: 80}}
	d := &drafter{client.Reader(fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(service).Build()), goldentest.Federation(t)}
	v := d.view
	made, err := d.draft(context.Background(), policies[0])
	if err != nil {
		return nil, nil, err
	}
	return &outlook{countries: 20}, []Preview{compare(v, made, zonetest.Places().Source())}, nil
}

func TestPreview(t *testing.T) {
	const ordered = policyHead + "  hostnames: [shop.apps.example.com]\n  steering: {strategy: Ordered, tiers: [{clusterAffinity: {clusterNames: [sin]}}, {clusterAffinity: {clusterNames: [fra]}}, {clusterAffinity: {clusterNames: [iad]}}]}\n  dns: {ttl: 30s}\n"
	for name, policy := range map[string]string{
		"preview-ordered":  ordered,
		"preview-brief":    ordered,
		"preview-equal":    policyHead + "  hostnames: [shop.apps.example.com]\n  steering: {strategy: Equal}\n",
		"preview-hostname": policyHead + "  hostnames: [shop.apps.example.com, other.apps.example.com, www.example.org]\n",
	} {
		t.Run(name, func(t *testing.T) {
			o, all, err := previewOf(t, policy)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			o.networks = name == "preview-ordered"
			if err := o.print(&out, all); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, name, out.Bytes())
		})
	}
}

func TestPoliciesThatCannotBePreviewed(t *testing.T) {
	for name, tc := range map[string]struct{ policy, err string }{
		"one that is not valid":     {policyHead, "spec.hostnames: Required"},
		"one that has no plan yet":  {strings.Replace(policyHead, "name: web", "name: new", 1) + "  hostnames: [new.apps.example.com]\n", "shop/new has no TrafficPlan yet"},
		"one that serves no target": {strings.Replace(policyHead, "kind: Service,", "kind: Widget,", 1) + "  hostnames: [shop.apps.example.com]\n", "Widget"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := previewOf(t, tc.policy); err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("error %v, want %s", err, tc.err)
			}
		})
	}
	for name, text := range map[string]string{
		"only a TrafficPolicy can be previewed": "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n",
		"there is no TrafficPolicy":             "# nothing\n",
		"unknown field":                         policyHead + "  hostnaems: []\n",
	} {
		if _, err := readPolicies([]string{"-"}, "shop", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %s", err, name)
		}
	}
}

// The exit code tells a difference from a failure.
func TestExitCodes(t *testing.T) {
	code := func(err error) int {
		var coded interface{ ExitCode() int }
		if !errors.As(err, &coded) {
			return 0
		}
		return coded.ExitCode()
	}
	if a, b, c := code(wrong(nil)), code(wrong(diff.ErrDiffers)), code(wrong(errors.New("no hub"))); a != 0 || b != 1 || c != 2 {
		t.Errorf("%d, %d, %d", a, b, c)
	}
}

// The whole built-in database, half of it divided among clusters.
func BenchmarkCompare(b *testing.B) {
	source, _ := geodb.BuiltIn()
	table := func() *geo.Table {
		t, _ := geo.Compile(source).Regions([]geo.Region{{Name: "fra", Latitude: 50, Longitude: 8, HasLocation: true}, {Name: "sin", Latitude: 1, Longitude: 103, HasLocation: true}}, nil)
		return t
	}
	plan := func(weight int32) *steer.Plan {
		return steer.New(steer.Config{Name: "shop/web", Table: table,
			Endpoints: []steer.Endpoint{{Cluster: "fra", Usable: true}, {Cluster: "sin", Usable: true}},
			Global:    steer.Ranking{{{Endpoint: 0, Weight: 1}}},
			Regions:   []steer.Ranking{{{{Endpoint: 0, Weight: 95}, {Endpoint: 1, Weight: weight}}}, {{{Endpoint: 1, Weight: 1}}}},
		})
	}
	before, after := plan(5), plan(10)
	for b.Loop() {
		preview.Compare(source, before, after)
	}
}
