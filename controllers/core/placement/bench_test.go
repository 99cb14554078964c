package placement

import (
	"fmt"
	"testing"
)

func BenchmarkPlace(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		var world clusters
		for i := range n {
			world = append(world, member(fmt.Sprintf("m%04d", i), pods(1000), in("", fmt.Sprintf("r%d", i%5))))
		}
		for name, p := range map[string]policy{"duplicated": dup(), "static": equal(), "dynamic": dynamic()} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				in := scene{clusters: world, policy: p, replicas: 100}.input()
				b.ReportAllocs()
				for b.Loop() {
					Place(in)
				}
			})
		}
	}
}
