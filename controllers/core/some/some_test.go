package some

import "testing"

func TestOf(t *testing.T) {
	for want, all := range map[string][]string{
		"":                nil,
		"a":               {"a"},
		"a, b":            {"a", "b"},
		"a, b and 1 more": {"a", "b", "c"},
		"a, b and 2 more": {"a", "b", "c", "d"},
	} {
		if got := Of(all, 2); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
