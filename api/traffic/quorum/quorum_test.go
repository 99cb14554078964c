package quorum

import (
	"testing"

	"pgregory.net/rapid"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func TestDecide(t *testing.T) {
	const h, u, n = v1.VerdictHealthy, v1.VerdictUnhealthy, v1.VerdictUnknown
	for name, tc := range map[string]struct {
		in   []v1.Verdict
		want v1.Verdict
	}{
		"nobody":                       {nil, n},
		"nobody has an opinion":        {[]v1.Verdict{n, n}, n},
		"one of one":                   {[]v1.Verdict{u}, u},
		"one of two is not enough":     {[]v1.Verdict{u, h}, h},
		"two of two":                   {[]v1.Verdict{u, u}, u},
		"two of three":                 {[]v1.Verdict{u, h, u}, u},
		"one of three":                 {[]v1.Verdict{h, h, u}, h},
		"two of four is not enough":    {[]v1.Verdict{u, u, h, h}, h},
		"those without a view abstain": {[]v1.Verdict{u, n, n}, u},
		"a verdict of another version": {[]v1.Verdict{"Odd", u}, u},
		"healthy needs no majority":    {[]v1.Verdict{h, n, n}, h},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Decide(tc.in); got != tc.want {
				t.Errorf("Decide(%v) = %s, want %s", tc.in, got, tc.want)
			}
		})
	}
}

// A vantage point that changes its mind to healthy can never turn the result unhealthy, and the
// order in which vantage points are asked never matters.
func TestDecideIsMonotonicAndSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.SampledFrom([]v1.Verdict{v1.VerdictHealthy, v1.VerdictUnhealthy, v1.VerdictUnknown})).Draw(t, "verdicts")
		before := Decide(in)
		if got := Decide(rapid.Permutation(in).Draw(t, "permutation")); got != before {
			t.Fatalf("the order matters: %s, then %s", before, got)
		}
		for i, v := range in {
			if v != v1.VerdictUnhealthy {
				continue
			}
			better := append([]v1.Verdict(nil), in...)
			better[i] = v1.VerdictHealthy
			if after := Decide(better); before == v1.VerdictHealthy && after != before {
				t.Fatalf("a better view made it worse: %v: %s, %v: %s", in, before, better, after)
			}
		}
	})
}
