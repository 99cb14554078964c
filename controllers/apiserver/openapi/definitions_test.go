package openapi

import (
	"strings"
	"testing"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

func ref(name string) spec.Ref { return spec.MustCreateRef("#/" + ModelName(name)) }

func TestDefinitionsAreComplete(t *testing.T) {
	all := Definitions(ref)
	own := 0
	for name, definition := range all {
		if strings.Contains(name, "seaway") {
			own++
		}
		for _, dependency := range definition.Dependencies {
			if _, ok := all[dependency]; !ok {
				t.Errorf("%s refers to %s, which is not defined", name, dependency)
			}
		}
	}
	if own == 0 {
		t.Error("no definition of our own")
	}
}

func TestModelNames(t *testing.T) {
	for name, want := range map[string]string{
		"github.com/seaway-io/seaway/api/cluster/v1alpha1.Cluster": "com.github.seaway-io.seaway.api.cluster.v1alpha1.Cluster",
		"k8s.io/api/core/v1.Taint":                                 "io.k8s.api.core.v1.Taint",
		"io.k8s.api.core.v1.Taint":                                 "io.k8s.api.core.v1.Taint",
	} {
		if got := ModelName(name); got != want {
			t.Errorf("ModelName(%s) = %s, want %s", name, got, want)
		}
	}
}
