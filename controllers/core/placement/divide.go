package placement

import (
	"cmp"
	"container/heap"
	"hash/fnv"
	"math/big"
	"math/bits"
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// Share is one party of a division: its weight, and the replicas it got.
type Share struct {
	Cluster  string
	Weight   int64
	Replicas int32
}

// NamesDescend says in which order names break ties for a template: ascending when its UID is empty
// or hashes (FNV-1a, 32 bits) to an even number, else descending. Otherwise every template would
// favour the same clusters.
func NamesDescend(uid types.UID) bool {
	if uid == "" {
		return false
	}
	h := fnv.New32a()
	h.Write([]byte(uid)) // never fails, says hash.Hash
	return h.Sum32()%2 == 1
}

// Divide gives n seats to the shares by the method of Webster and Sainte-Laguë: one by one, each to
// the greatest weight/(2*seats+1); of equal ones to that with fewer seats, then by name. A weight of
// 0 or less gets none, unless all are such: then all weigh 1. It sets the shares' replicas, and
// leaves their order and weights.
func Divide(n int32, shares []Share, descend bool) {
	h := &seats{descend: descend, byWeight: slices.ContainsFunc(shares, func(s Share) bool { return s.Weight > 0 })}
	for i := range shares {
		shares[i].Replicas = 0
		if !h.byWeight || shares[i].Weight > 0 {
			h.shares = append(h.shares, &shares[i])
		}
	}
	if n <= 0 || len(shares) == 0 {
		return
	}
	n -= h.giveInBulk(n)
	heap.Init(h)
	for ; n > 0; n-- {
		h.shares[0].Replicas++
		heap.Fix(h, 0)
	}
}

// seats is a heap with the share at the top that gets the next seat.
type seats struct {
	shares   []*Share
	byWeight bool
	descend  bool
}

func (h *seats) weight(s *Share) uint64 {
	if !h.byWeight {
		return 1
	}
	return uint64(s.Weight)
}

// giveInBulk gives most of n seats at once: for every share fewer than the method gives it at the
// least. Handing out the rest one by one then ends in the same result, since each seat of a share
// has a fixed place in the order of all seats. It does nothing when it would not pay.
func (h *seats) giveInBulk(n int32) (given int32) {
	parties := int32(len(h.shares))
	if n/8 < parties {
		return 0
	}
	quota := h.quotas(uint64(n - parties))
	for _, s := range h.shares {
		if seats := int32(quota(h.weight(s))) - 1; seats > 0 {
			s.Replicas = seats
			given += seats
		}
	}
	return given
}

// quotas computes weight*seats/sum of weights, rounded down. It is below 2^31, as seats is.
func (h *seats) quotas(seats uint64) func(weight uint64) uint64 {
	var sum, over uint64
	for _, s := range h.shares {
		var carry uint64
		sum, carry = bits.Add64(sum, h.weight(s), 0)
		over += carry
	}
	if over == 0 {
		return func(weight uint64) uint64 {
			hi, lo := bits.Mul64(weight, seats)
			quota, _ := bits.Div64(hi, lo, sum)
			return quota
		}
	}
	total := new(big.Int).SetUint64(over)
	total.Lsh(total, 64).Add(total, new(big.Int).SetUint64(sum))
	return func(weight uint64) uint64 {
		quota := new(big.Int).SetUint64(weight)
		return quota.Mul(quota, new(big.Int).SetUint64(seats)).Quo(quota, total).Uint64()
	}
}

func (h *seats) Len() int { return len(h.shares) }

func (h *seats) Less(i, j int) bool {
	a, b := h.shares[i], h.shares[j]
	if c := compareProducts(h.weight(a), uint64(2*int64(b.Replicas)+1), h.weight(b), uint64(2*int64(a.Replicas)+1)); c != 0 {
		return c > 0
	}
	if a.Replicas != b.Replicas {
		return a.Replicas < b.Replicas
	}
	return (a.Cluster < b.Cluster) != h.descend
}

// compareProducts compares a*b with c*d without overflow.
func compareProducts(a, b, c, d uint64) int {
	hi1, lo1 := bits.Mul64(a, b)
	hi2, lo2 := bits.Mul64(c, d)
	if r := cmp.Compare(hi1, hi2); r != 0 {
		return r
	}
	return cmp.Compare(lo1, lo2)
}

func (h *seats) Swap(i, j int) { h.shares[i], h.shares[j] = h.shares[j], h.shares[i] }

// Push and Pop complete heap.Interface; the number of shares never changes.
func (h *seats) Push(any) {}

// Pop: see Push.
func (h *seats) Pop() any { return nil }
