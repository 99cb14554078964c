// Package some names a few of many, in sentences for people: an API server refuses a condition of more than
// 32 KiB, and nobody reads that.
package some

import (
	"fmt"
	"strings"
)

// Of names the first of all, as many as most, and counts the others: "a, b and 3 more".
func Of(all []string, most int) string {
	if more := len(all) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), more)
	}
	return strings.Join(all, ", ")
}
