package kwok

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// stage is the part of kwok's Stage that this project uses, so that a misspelt field fails.
type stage struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		ResourceRef struct {
			APIGroup string `json:"apiGroup"`
			Kind     string `json:"kind"`
		} `json:"resourceRef"`
		Selector struct {
			MatchExpressions []struct {
				Key      string   `json:"key"`
				Operator string   `json:"operator"`
				Values   []string `json:"values"`
			} `json:"matchExpressions"`
		} `json:"selector"`
		Next struct {
			StatusTemplate string            `json:"statusTemplate"`
			Event          map[string]string `json:"event"`
			Delete         bool              `json:"delete"`
		} `json:"next"`
	} `json:"spec"`
}

func stages(t *testing.T) map[string]stage {
	t.Helper()
	all := map[string]stage{}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(Stages)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		var s stage
		if err := yaml.UnmarshalStrict(document, &s); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if _, twice := all[s.Metadata.Name]; twice {
			t.Errorf("two stages are called %s", s.Metadata.Name)
		}
		all[s.Metadata.Name] = s
	}
}

func TestStagesAreWellFormed(t *testing.T) {
	all := stages(t)
	if len(all) != 7 {
		t.Errorf("%d stages", len(all))
	}
	for name, s := range all {
		if s.APIVersion != "kwok.x-k8s.io/v1alpha1" || s.Kind != "Stage" || s.Spec.ResourceRef.APIGroup != "v1" {
			t.Errorf("%s: %s %s of %v", name, s.APIVersion, s.Kind, s.Spec.ResourceRef)
		}
		if len(s.Spec.Selector.MatchExpressions) == 0 {
			t.Errorf("%s would match everything", name)
		}
		for _, e := range s.Spec.Selector.MatchExpressions {
			exists := e.Operator == "Exists" || e.Operator == "DoesNotExist"
			if exists == (len(e.Values) > 0) {
				t.Errorf("%s: %s with values %v", name, e.Operator, e.Values)
			}
		}
		if (s.Spec.Next.StatusTemplate == "") != s.Spec.Next.Delete {
			t.Errorf("%s neither changes nor deletes", name)
		}
	}
}

// TestTemplatesGiveTheStatus renders each template with stand-ins for kwok's functions and reads the
// result back as the status it is for.
func TestTemplatesGiveTheStatus(t *testing.T) {
	functions := template.FuncMap{
		"Now":         func() string { return "2026-11-23T05:00:00Z" },
		"Quote":       func(v any) string { return fmt.Sprintf("%q", fmt.Sprint(v)) },
		"NodeIP":      func() string { return "10.77.1.1" },
		"NodeName":    func() string { return "fra-0" },
		"NodeIPsWith": func(string) []string { return []string{"10.77.1.1"} },
		"PodIPsWith":  func(...any) []string { return []string{"10.101.0.5"} },
		"NodeConditions": func() any {
			return []map[string]string{{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "m"}}
		},
	}
	pod := map[string]any{
		"metadata": map[string]any{"name": "web", "namespace": "shop", "uid": "1"},
		"spec": map[string]any{
			"nodeName":       "fra-0",
			"containers":     []any{map[string]any{"name": "c", "image": "shop:1"}},
			"initContainers": []any{map[string]any{"name": "i", "image": "init:1", "restartPolicy": ""}},
			"readinessGates": []any{map[string]any{"conditionType": "example.org/gate"}},
		},
	}
	for name, s := range stages(t) {
		if s.Spec.Next.Delete {
			continue
		}
		t.Run(name, func(t *testing.T) {
			parsed, err := template.New(name).Funcs(functions).Parse(s.Spec.Next.StatusTemplate)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := parsed.Execute(&out, pod); err != nil {
				t.Fatal(err)
			}
			if s.Spec.ResourceRef.Kind == "Node" {
				err = yaml.UnmarshalStrict([]byte(out.String()), &corev1.NodeStatus{})
			} else {
				err = yaml.UnmarshalStrict([]byte(out.String()), &corev1.PodStatus{})
			}
			if err != nil {
				t.Errorf("%v in\n%s", err, out.String())
			}
		})
	}
}

func TestNode(t *testing.T) {
	node := Node(NodeSpec{
		Name: "fra-0", Region: "eu-central-1", Zone: "eu-central-1a", Provider: "aws",
		Pods: netip.MustParsePrefix("10.101.0.0/24"), Capacity: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")},
	})
	if diff := cmp.Diff("aws:///eu-central-1a/fra-0", node.Spec.ProviderID); diff != "" {
		t.Error(diff)
	}
	if node.Labels[corev1.LabelTopologyRegion] != "eu-central-1" || node.Labels[corev1.LabelTopologyZone] != "eu-central-1a" {
		t.Errorf("labels %v", node.Labels)
	}
	if cpu := node.Status.Allocatable.Cpu().String(); cpu != "2" {
		t.Errorf("cpu %s", cpu)
	}
	if pods := node.Status.Allocatable.Pods().String(); pods != "110" {
		t.Errorf("pods %s", pods)
	}
	if _, labelled := Node(NodeSpec{Name: "n"}).Labels[corev1.LabelTopologyZone]; labelled {
		t.Error("a node of no zone has a zone label")
	}
}
