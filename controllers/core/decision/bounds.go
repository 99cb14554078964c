package decision

import (
	"fmt"
	"unicode/utf8"
)

// cut shortens a text to at most size bytes, and shows that it did.
func cut(s string, size int) string {
	const more = "…"
	if len(s) <= size {
		return s
	}
	s = s[:size-len(more)]
	for s != "" { // no half characters
		if r, n := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || n > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s + more
}

// steps keeps the first steps that there is space for, and counts the others.
func steps(all []string) (out []string) {
	size := 0
	for i, s := range all {
		s = cut(s, maxStep)
		if size += len(s); size > maxSteps {
			return append(out, fmt.Sprintf("… and %d more steps", len(all)-i))
		}
		out = append(out, s)
	}
	return out
}
