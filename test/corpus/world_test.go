package corpus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/manifest/manifesttest"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// world is what all manifests meet: clusters, policies, overrides.
type world struct {
	clusters        []*clusterv1alpha1.Cluster
	policies        []*claim.Policy
	clusterPolicies []*claim.Policy
	overrides       []policyv1alpha1.OverridePolicy
	clusterOverride []policyv1alpha1.ClusterOverridePolicy
}

func readWorld(t *testing.T) world {
	t.Helper()
	var w world
	for _, text := range documents(t, "clusters.yaml") {
		cluster := decode[clusterv1alpha1.Cluster](t, text)
		w.clusters = append(w.clusters, &cluster)
	}
	for _, text := range documents(t, "policies.yaml") {
		if strings.Contains(text, "kind: ClusterPropagationPolicy") {
			p := decode[policyv1alpha1.ClusterPropagationPolicy](t, text)
			w.clusterPolicies = append(w.clusterPolicies, prepared(t, &p))
			continue
		}
		p := decode[policyv1alpha1.PropagationPolicy](t, text)
		w.policies = append(w.policies, prepared(t, &p))
	}
	for _, text := range documents(t, "overrides.yaml") {
		if strings.Contains(text, "kind: ClusterOverridePolicy") {
			w.clusterOverride = append(w.clusterOverride, decode[policyv1alpha1.ClusterOverridePolicy](t, text))
			continue
		}
		w.overrides = append(w.overrides, decode[policyv1alpha1.OverridePolicy](t, text))
	}
	return w
}

func prepared(t *testing.T, p policyv1alpha1.Propagation) *claim.Policy {
	t.Helper()
	out := claim.Prepare(p)
	if len(out.Errors) > 0 {
		t.Fatalf("policy %s: %s", p.GetName(), out.Faults())
	}
	return out
}

// documents are those of a file in testdata.
func documents(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(data), "\n---\n")
}

func decode[T any](t *testing.T, text string) (out T) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), &out); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return out
}

// manifests are the templates by the names of their files.
func manifests(t *testing.T) map[string]*unstructured.Unstructured {
	t.Helper()
	files, err := filepath.Glob("testdata/manifests/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*unstructured.Unstructured{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".yaml")] = manifesttest.Object(t, string(data))
	}
	return out
}
