package failover

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestOrder(t *testing.T) {
	workload := func(key string, priority int32, age int) Mover {
		return Mover{Key: key, Priority: priority, Created: t0.AddDate(0, 0, -age), Workload: true}
	}
	config := func(key string, requiredBy ...string) Mover {
		return Mover{Key: key, Created: t0.AddDate(-1, 0, 0), RequiredBy: requiredBy}
	}
	for name, tc := range map[string]struct {
		in   []Mover
		want []string
	}{
		"nothing": {nil, nil},
		"the more important first, then the older, then by name": {
			[]Mover{workload("c", 0, 1), workload("b", 0, 1), workload("old", 0, 2), workload("vip", 9, 0), workload("low", -1, 9)},
			[]string{"vip", "old", "b", "c", "low"},
		},
		"what a workload needs goes right before it": {
			[]Mover{workload("web", 5, 1), workload("db", 9, 1), config("web-config", "web"), config("db-secret", "db")},
			[]string{"db-secret", "db", "web-config", "web"},
		},
		"shared by two: before the first of them": {
			[]Mover{workload("web", 5, 1), workload("db", 9, 1), config("ca", "web", "db")},
			[]string{"ca", "db", "web"},
		},
		"needed by what needs it": {
			[]Mover{workload("web", 5, 1), config("account", "web"), config("token", "account")},
			[]string{"token", "account", "web"},
		},
		"loose config last, however important": {
			[]Mover{{Key: "banner", Priority: 100, Created: t0}, workload("web", 0, 1), config("web-config", "web")},
			[]string{"web-config", "web", "banner"},
		},
		"needed by a workload that stays": {
			[]Mover{config("ca", "elsewhere"), workload("web", 1, 1), config("loose")},
			[]string{"web", "ca", "loose"},
		},
		"two that need each other": {
			[]Mover{workload("b", 1, 1), {Key: "a", Workload: true, Created: t0, RequiredBy: []string{"b"}}, {Key: "c", RequiredBy: []string{"a"}}},
			[]string{"c", "a", "b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, i := range Order(tc.in) {
				got = append(got, tc.in[i].Key)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever the list: everybody has one turn, the order of the list does not matter, and no workload
// waits for a less important one that it does not need.
func TestOrderIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "bindings")
		key := rapid.SampledFrom([]string{"b00", "b01", "b02", "b03", "b04", "b05", "b06", "x"})
		in := make([]Mover, n)
		for i := range in {
			in[i] = Mover{
				Key: fmt.Sprintf("b%02d", i), Priority: rapid.Int32Range(-1, 2).Draw(t, "priority"), Workload: rapid.Bool().Draw(t, "workload"),
				Created: t0.AddDate(0, 0, rapid.IntRange(0, 2).Draw(t, "day")), RequiredBy: rapid.SliceOfN(key, 0, 2).Draw(t, "required by"),
			}
		}
		order := Order(in)
		turn := make([]int, n)
		sorted := slices.Sorted(slices.Values(order))
		for i := range in {
			if len(order) != n || sorted[i] != i {
				t.Fatalf("turns %v of %d", order, n)
			}
			turn[order[i]] = i
		}
		needed := map[int]map[int]bool{} // by root, all it needs
		var need func(root, i int)
		need = func(root, i int) {
			for j := range in {
				if slices.Contains(in[j].RequiredBy, in[i].Key) && !needed[root][j] {
					needed[root][j] = true
					need(root, j)
				}
			}
		}
		for i := range in {
			needed[i] = map[int]bool{}
			need(i, i)
		}
		for i := range in {
			for j := range in {
				if !in[i].Workload || in[j].Priority >= in[i].Priority || turn[j] > turn[i] {
					continue
				}
				// j goes first although it is less important: somebody at least as important as i needs it.
				ok := false
				for k := range in {
					ok = ok || needed[k][j] && compare(&in[k], &in[i]) <= 0
				}
				if !ok {
					t.Fatalf("%+v goes before %+v", in[j], in[i])
				}
			}
		}
		again := slices.Clone(in)
		slices.Reverse(again)
		for i, at := range Order(again) {
			if again[at].Key != in[order[i]].Key {
				t.Fatal("the order of the list matters")
			}
		}
	})
}
