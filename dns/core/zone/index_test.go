package zone

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// An index holds what a map would, and no change of one is seen in another.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			index
			want map[wire.Name]*Node
		}
		var x index
		want := map[wire.Name]*Node{}
		var versions []version
		for range rapid.IntRange(1, 6).Draw(t, "versions") {
			c := x.change(rapid.IntRange(0, 3).Draw(t, "changes"))
			next := map[wire.Name]*Node{}
			for k, v := range want {
				next[k] = v
			}
			for range rapid.SampledFrom([]int{1, 5, 500}).Draw(t, "steps") {
				name := wire.Name(fmt.Sprint(rapid.IntRange(0, 700).Draw(t, "name")))
				if rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
					c.remove(name)
					delete(next, name)
				} else {
					n := &Node{Name: name}
					c.set(n)
					next[name] = n
				}
			}
			x, want = c.index, next
			versions = append(versions, version{x, want})
		}
		for _, v := range versions {
			seen := 0
			v.all(func(*Node) { seen++ })
			if v.count != len(v.want) || seen != len(v.want) {
				t.Fatalf("%d names, %d seen, want %d", v.count, seen, len(v.want))
			}
			for i := range 701 {
				name := wire.Name(fmt.Sprint(i))
				if got := v.find([]byte(name)); got != v.want[name] || v.get(name, hashOf(name)) != got {
					t.Fatalf("%s: got %v, want %v", name, got, v.want[name])
				}
			}
		}
	})
}
