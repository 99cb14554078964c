package preview

import (
	"math"
	"slices"
)

// moved is a part of the clients of a pool.
type moved struct {
	from, to string
	share    float64
}

// expected is which part of the clients goes from each cluster of one pool to each of another, over
// all networks that the hash could draw.
//
// Each cluster k draws X, exponential with rate 1 and the same before and after, and asks X/w with its
// weight w; the least wins. So with weights a before and b after,
//
//	P(i before, j after) = P(X_k > max(X_i a_k/a_i, X_j b_k/b_j) for all k),
//
// and with t = X_j/X_i, integrated over X_i, the integral of 1/S(t)² from t = a_j/a_i to b_j/b_i, where
// S(t) is the sum of max(a_k/a_i, t b_k/b_j) over all k. S is piecewise linear.
func expected(before, after []share) []moved {
	if len(before) == 0 || len(after) == 0 {
		return oneSided(before, after)
	}
	var names []string
	for _, s := range slices.Concat(before, after) {
		if !slices.Contains(names, s.cluster) {
			names = append(names, s.cluster)
		}
	}
	slices.Sort(names)
	a, b := weights(names, before), weights(names, after)
	var out []moved
	for i := range names {
		for j := range names {
			if i != j && a[i] > 0 && b[j] > 0 {
				if p := probability(a, b, i, j); p > 0 {
					out = append(out, moved{names[i], names[j], p})
				}
			}
		}
	}
	return out
}

// oneSided is a pool that comes out of nothing, or goes.
func oneSided(before, after []share) []moved {
	sum := 0.0
	for _, s := range slices.Concat(before, after) {
		sum += s.weight
	}
	var out []moved
	for _, s := range before {
		out = append(out, moved{s.cluster, "", s.weight / sum})
	}
	for _, s := range after {
		out = append(out, moved{"", s.cluster, s.weight / sum})
	}
	return out
}

func weights(names []string, pool []share) []float64 {
	out := make([]float64, len(names))
	for _, s := range pool {
		out[slices.Index(names, s.cluster)] = s.weight
	}
	return out
}

// probability that i wins with the weights a and j, another, with the weights b.
func probability(a, b []float64, i, j int) float64 {
	low, high := a[j]/a[i], math.Inf(1)
	if b[i] > 0 {
		high = b[j] / b[i]
	}
	if low >= high {
		return 0
	}
	// Where a term of S goes from its constant to its slope.
	cuts := []float64{low, high}
	for k := range a {
		if b[k] > 0 {
			if t := a[k] / a[i] * b[j] / b[k]; t > low && t < high {
				cuts = append(cuts, t)
			}
		}
	}
	slices.Sort(cuts)
	sum := 0.0
	for n := 1; n < len(cuts); n++ {
		sum += segment(a, b, i, j, cuts[n-1], cuts[n])
	}
	return sum
}

// segment is the integral between two cuts, where S(t) = c + d t.
func segment(a, b []float64, i, j int, from, to float64) float64 {
	middle := from + (to-from)/2
	if math.IsInf(to, 1) {
		middle = 2*from + 1
	}
	c, d := 0.0, 0.0
	for k := range a {
		if constant, slope := a[k]/a[i], b[k]/b[j]; constant > slope*middle {
			c += constant
		} else {
			d += slope
		}
	}
	if math.IsInf(to, 1) {
		return 1 / (d * (c + d*from))
	}
	return (to - from) / ((c + d*from) * (c + d*to))
}
