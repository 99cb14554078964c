package objects

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
)

// Whatever the lists, taking out what is gone and putting in what has come leads from one to the other.
func TestDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []*metav1.ObjectMeta
		for range 8 {
			all = append(all, &metav1.ObjectMeta{Name: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name")})
		}
		list := func(label string) []*metav1.ObjectMeta {
			out := rapid.SliceOfN(rapid.SampledFrom(all), 0, 8).Draw(t, label)
			if rapid.Bool().Draw(t, "in order") {
				slices.SortStableFunc(out, ByName)
			}
			return out
		}
		before, after := list("before"), list("after")
		gone, come := Difference(before, after, ByName)
		count := map[*metav1.ObjectMeta]int{}
		for _, o := range before {
			count[o]++
		}
		for _, i := range gone {
			count[before[i]]--
		}
		for _, i := range come {
			count[after[i]]++
		}
		for _, o := range after {
			count[o]--
		}
		for o, n := range count {
			if n != 0 {
				t.Fatalf("%s: %d", o.Name, n)
			}
		}
		if g, c := Difference(before, slices.Clone(before), ByName); len(g)+len(c) > 0 {
			t.Fatalf("a list differs from itself by %v and %v", g, c)
		}
		if !slices.IsSorted(gone) || !slices.IsSorted(come) {
			t.Fatal("out of order")
		}
	})
}
