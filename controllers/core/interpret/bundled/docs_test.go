package bundled

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seaway-io/seaway/controllers/core/interpret/lua"
)

// TestTheDocumentationIsTrue: the table of bundled kinds in docs/interpretation.md is this one.
func TestTheDocumentationIsTrue(t *testing.T) {
	var want []string
	for _, of := range Table().Kinds() {
		row := fmt.Sprintf("| `%s` | %s |", of.GroupVersion(), of.Kind)
		for _, operation := range lua.Operations {
			mark := " "
			if slices.Contains(promised[of], operation) {
				mark = " x "
			}
			row += mark + "|"
		}
		want = append(want, row)
	}
	text, err := os.ReadFile("../../../../docs/interpretation.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `") && strings.Contains(line, "/v") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table has to be:\n%s\n\n(-want +got):\n%s", strings.Join(want, "\n"), diff)
	}
}
