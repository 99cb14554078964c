package render

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/override"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is one case: what is in a *.in.yaml file.
type golden struct {
	Binding                 *workv1alpha2.ResourceBinding          `json:"binding"`
	ClusterBinding          *workv1alpha2.ClusterResourceBinding   `json:"clusterBinding"`
	Template                map[string]any                         `json:"template"`
	ClusterOverridePolicies []policyv1alpha1.ClusterOverridePolicy `json:"clusterOverridePolicies"`
	OverridePolicies        []policyv1alpha1.OverridePolicy        `json:"overridePolicies"`
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func clusters(t *testing.T) map[string]*clusterv1alpha1.Cluster {
	var list []clusterv1alpha1.Cluster
	read(t, "testdata/clusters.yaml", &list)
	out := map[string]*clusterv1alpha1.Cluster{}
	for i := range list {
		out[list[i].Name] = &list[i]
	}
	return out
}

func input(t *testing.T, file string) Input {
	t.Helper()
	var g golden
	read(t, file, &g)
	var binding workv1alpha2.Binding = g.Binding
	if g.ClusterBinding != nil {
		binding = g.ClusterBinding
	}
	data, err := utiljson.Marshal(g.Template)
	if err != nil {
		t.Fatal(err)
	}
	template := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(data, &template.Object); err != nil {
		t.Fatal(err)
	}
	return Input{
		Binding:     binding,
		Template:    template,
		Clusters:    clusters(t),
		Overrides:   override.Select(template, g.ClusterOverridePolicies, g.OverridePolicies),
		Interpreter: interpret.New(),
		WorkID:      func(cluster string) string { return "work-in-" + cluster },
	}
}

// TestGolden renders every testdata/*.in.yaml and compares with its *.out.yaml, which people review.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".in.yaml"), func(t *testing.T) {
			in := input(t, file)
			before := in.Template.DeepCopy()
			got := document(t, Works(in))
			if again := document(t, Works(in)); !bytes.Equal(got, again) {
				t.Errorf("a second time renders something else:\n%s", cmp.Diff(string(got), string(again)))
			}
			if diff := cmp.Diff(before.Object, in.Template.Object); diff != "" {
				t.Errorf("the template changed:\n%s", diff)
			}
			out := strings.Replace(file, ".in.", ".out.", 1)
			if *update {
				if err := os.WriteFile(out, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// document writes what was rendered for a person to read.
func document(t *testing.T, rendered []Rendered) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, r := range rendered {
		entry := map[string]any{"cluster": r.Cluster}
		if r.Err != nil {
			entry["error"] = r.Err.Error()
		} else {
			var manifests []any
			for _, m := range r.Work.Spec.Workload.Manifests {
				var decoded any
				if err := utiljson.Unmarshal(m.Raw, &decoded); err != nil {
					t.Fatal(err)
				}
				manifests = append(manifests, decoded)
			}
			entry["metadata"] = map[string]any{"namespace": r.Work.Namespace, "name": r.Work.Name,
				"labels": r.Work.Labels, "annotations": r.Work.Annotations, "finalizers": r.Work.Finalizers}
			entry["suspendDispatching"], entry["preserveResourcesOnDeletion"] = r.Work.Spec.SuspendDispatching, r.Work.Spec.PreserveResourcesOnDeletion
			entry["manifests"] = manifests
		}
		data, err := yaml.Marshal(entry)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("---\n")
		out.Write(data)
	}
	return out.Bytes()
}
