package check

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
)

var update = flag.Bool("update", false, "write the golden files anew")

// federation is the one that all commands are tested with.
func federation(t *testing.T) view.View {
	t.Helper()
	data, err := os.ReadFile("../view/testdata/federation.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var v view.View
	if err := yaml.UnmarshalStrict(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// golden compares with a file, which people review.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(bytes.TrimSpace(want)), string(bytes.TrimSpace(got))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
