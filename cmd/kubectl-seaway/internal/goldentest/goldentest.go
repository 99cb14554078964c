// Package goldentest compares what a command prints with files that people review. It is for tests
// only; `go test -update` writes the files anew.
package goldentest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Compare compares with testdata/NAME.golden of the package under test.
func Compare(t *testing.T, name string, got []byte) {
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

// Documented checks that a page of docs shows what the golden files of the package under test hold.
func Documented(t *testing.T, page string, names ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		golden, err := os.ReadFile(filepath.Join("testdata", name+".golden"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(flush(text), flush(golden)) {
			t.Errorf("docs/%s does not show testdata/%s.golden as it stands", page, name)
		}
	}
}

// flush is text without what nobody sees: blanks at the ends of lines, and empty lines around it.
func flush(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Federation is the one that all commands are tested with.
func Federation(t *testing.T) view.View {
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
