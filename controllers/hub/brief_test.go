package hub

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBrief(t *testing.T) {
	for name, tt := range map[string]struct{ text, begins, ends string }{
		"a short one is left as it is": {"spec: is wrong", "spec: is wrong", "spec: is wrong"},
		"of a long one both ends tell": {"spec.template: Invalid value: " + strings.Repeat("ü", 1<<16) + ": field is immutable", "spec.template: Invalid value: ü", "ü: field is immutable"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Brief(tt.text)
			if len(got) > longestText || !utf8.ValidString(got) || !strings.HasPrefix(got, tt.begins) || !strings.HasSuffix(got, tt.ends) {
				t.Errorf("%d bytes: %s", len(got), got)
			}
		})
	}
}
