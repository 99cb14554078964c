// Package objects compares lists of API objects that do not change: what has changed is another object.
// It knows nothing of what is in them.
package objects

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Difference goes through two lists of objects in the order of their names, and says where there is an
// object in one that is not in the other. Objects do not change, so that the same one is the same
// pointer, and what is the same costs next to nothing. Lists in another order have more differences.
func Difference[T any](before, after []*T, order func(a, b *T) int) (gone, come []int) {
	i, j := 0, 0
	for i < len(before) && j < len(after) {
		if before[i] == after[j] {
			i, j = i+1, j+1
			continue
		}
		o := order(before[i], after[j])
		if o <= 0 {
			gone = append(gone, i)
			i++
		}
		if o >= 0 {
			come = append(come, j)
			j++
		}
	}
	for ; i < len(before); i++ {
		gone = append(gone, i)
	}
	for ; j < len(after); j++ {
		come = append(come, j)
	}
	return gone, come
}

// ByName is the order of objects in a list: by namespace, then by name.
func ByName[T metav1.Object](a, b T) int {
	if c := strings.Compare(a.GetNamespace(), b.GetNamespace()); c != 0 {
		return c
	}
	return strings.Compare(a.GetName(), b.GetName())
}
