package placement

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

// bruteForce sorts all seats that can ever be given, by the rule as it is written.
func bruteForce(n int32, shares []Share, descend bool) map[string]int32 {
	type seat struct {
		share Share
		k     int64
	}
	var seats []seat
	for _, s := range shares {
		for k := range int64(n) {
			if s.Weight > 0 {
				seats = append(seats, seat{s, k})
			}
		}
	}
	slices.SortFunc(seats, func(a, b seat) int {
		names := cmp.Compare(a.share.Cluster, b.share.Cluster)
		if descend {
			names = -names
		}
		return cmp.Or(cmp.Compare(b.share.Weight*(2*a.k+1), a.share.Weight*(2*b.k+1)), cmp.Compare(a.k, b.k), names)
	})
	out := map[string]int32{}
	for _, s := range seats[:min(int(n), len(seats))] {
		out[s.share.Cluster]++
	}
	return out
}

func divide(n int32, shares []Share, descend bool) map[string]int32 {
	shares = slices.Clone(shares)
	Divide(n, shares, descend)
	out := map[string]int32{}
	for _, s := range shares {
		if s.Replicas != 0 {
			out[s.Cluster] = s.Replicas
		}
	}
	return out
}

func sharesOfWeights(weights ...int64) (out []Share) {
	for i, w := range weights {
		out = append(out, Share{Cluster: fmt.Sprintf("m%02d", i), Weight: w})
	}
	return out
}

// All divisions of up to 6 replicas over up to 5 clusters with weights up to 4.
func TestDivideEqualsBruteForce(t *testing.T) {
	var try func(weights []int64)
	try = func(weights []int64) {
		for n := int32(0); n <= 6; n++ {
			for _, descend := range []bool{false, true} {
				shares := sharesOfWeights(weights...)
				if diff := gocmp.Diff(bruteForce(n, shares, descend), divide(n, shares, descend)); diff != "" {
					t.Fatalf("%d over %v, descend %v (-want +got):\n%s", n, weights, descend, diff)
				}
			}
		}
		if len(weights) < 5 {
			for w := int64(1); w <= 4; w++ {
				try(append(slices.Clone(weights), w))
			}
		}
	}
	try(nil)
}

func drawShares(t *rapid.T, most int64) []Share {
	return sharesOfWeights(rapid.SliceOfN(rapid.Int64Range(1, most), 1, 12).Draw(t, "weights")...)
}

// Large numbers take the short cut of giving most seats at once.
func TestDivideInBulkEqualsBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shares := drawShares(t, rapid.SampledFrom([]int64{3, 100, 1_000_000}).Draw(t, "most"))
		n, descend := rapid.Int32Range(0, 600).Draw(t, "n"), rapid.Bool().Draw(t, "descend")
		if diff := gocmp.Diff(bruteForce(n, shares, descend), divide(n, shares, descend)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestDivideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shares := drawShares(t, rapid.SampledFrom([]int64{2, 1000, math.MaxInt64}).Draw(t, "most"))
		n, descend := rapid.Int32Range(0, 1<<20).Draw(t, "n"), rapid.Bool().Draw(t, "descend")
		got := divide(n, shares, descend)

		var sum int32
		for _, r := range got {
			sum += r
		}
		if sum != n {
			t.Fatalf("gave %d of %d", sum, n)
		}
		slices.Reverse(shares)
		if diff := gocmp.Diff(got, divide(n, shares, descend)); diff != "" {
			t.Fatalf("depends on the order:\n%s", diff)
		}
		for name, r := range divide(n+1, shares, descend) {
			if r < got[name] {
				t.Fatalf("%s loses a replica when there is one more", name)
			}
		}
		for _, a := range shares {
			for _, b := range shares {
				if a.Weight > b.Weight && got[a.Cluster] < got[b.Cluster] {
					t.Fatalf("%s is heavier than %s and gets less", a.Cluster, b.Cluster)
				}
			}
		}
	})
}

func TestDivideNeverExceedsRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shares := drawShares(t, 50)
		var room int64
		for _, s := range shares {
			room += s.Weight
		}
		for name, r := range divide(rapid.Int32Range(0, int32(room)).Draw(t, "n"), shares, false) {
			i := slices.IndexFunc(shares, func(s Share) bool { return s.Cluster == name })
			if int64(r) > shares[i].Weight {
				t.Fatalf("%s has room for %d and gets %d", name, shares[i].Weight, r)
			}
		}
	})
}

func TestDivideEdges(t *testing.T) {
	tests := map[string]struct {
		n      int32
		shares []Share
		want   map[string]int32
	}{
		"nobody to give to":                     {5, nil, map[string]int32{}},
		"nothing to give":                       {0, sharesOfWeights(1, 2), map[string]int32{}},
		"a negative number":                     {-3, sharesOfWeights(1, 2), map[string]int32{}},
		"a share without weight gets none":      {4, sharesOfWeights(0, 1), map[string]int32{"m01": 4}},
		"a negative weight gets none":           {4, sharesOfWeights(-7, 1), map[string]int32{"m01": 4}},
		"none has any weight: all are equal":    {4, sharesOfWeights(0, 0), map[string]int32{"m00": 2, "m01": 2}},
		"the most there can be":                 {math.MaxInt32, sharesOfWeights(math.MaxInt64, math.MaxInt64), map[string]int32{"m00": 1 << 30, "m01": 1<<30 - 1}},
		"replicas of an earlier division go":    {1, []Share{{Cluster: "a", Weight: 1, Replicas: 9}}, map[string]int32{"a": 1}},
		"a grain of sand beside a mountain":     {3, sharesOfWeights(1, math.MaxInt64), map[string]int32{"m01": 3}},
		"as many replicas as clusters, equal":   {3, sharesOfWeights(5, 5, 5), map[string]int32{"m00": 1, "m01": 1, "m02": 1}},
		"a large number over very unequal ones": {1000, sharesOfWeights(997, 2, 1), map[string]int32{"m00": 997, "m01": 2, "m02": 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := gocmp.Diff(tt.want, divide(tt.n, tt.shares, false)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The parity of FNV-1a over a UID: computed by hand from the definition for one letter.
func TestNamesDescend(t *testing.T) {
	for uid, want := range map[types.UID]bool{"": false, "a": false, "b": true, "ab": false, "aa": true} {
		if got := NamesDescend(uid); got != want {
			t.Errorf("%q: %v, want %v", uid, got, want)
		}
	}
}
