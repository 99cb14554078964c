package placement

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// drawMore adds to a scene what other workloads, algorithms and constraints of all kinds may add.
func drawMore(t *rapid.T) Input {
	s := drawScene(t)
	for _, c := range s.clusters {
		in(rapid.SampledFrom([]string{"", "aws", "gcp"}).Draw(t, "provider"), c.Spec.Region,
			rapid.SampledFrom([][]string{nil, {"za"}, {"zb"}, {"za", "zb"}}).Draw(t, "zones")...)(c)
		if rack := rapid.SampledFrom([]string{"", "r1", "r2"}).Draw(t, "rack"); rack != "" {
			label("rack", rack)(c)
		}
	}
	for _, by := range []string{"zone", "provider", "label"} {
		if !rapid.Bool().Draw(t, by) {
			continue
		}
		lo := rapid.IntRange(1, 2).Draw(t, "at least")
		hi := rapid.SampledFrom([]int{0, lo, lo + 1}).Draw(t, "at most")
		switch {
		case by == "label":
			s.policy = spreadByLabel(s.policy, "rack", lo, hi)
		case len(s.policy.SpreadConstraints) > 0:
			s.policy = spreadBy(s.policy, policyv1alpha1.SpreadFieldValue(by), lo, hi)
		}
	}
	out := s.input()
	name := rapid.SampledFrom([]string{"m1", "m2", "m3", "m4", "m5", "m6"})
	for _, plugin := range rapid.SliceOfN(rapid.SampledFrom([]string{"cost", "green"}), 0, 2).Draw(t, "plugins") {
		opinions := map[string]Opinion{}
		for _, n := range rapid.SliceOfN(name, 0, 4).Draw(t, "on") {
			opinions[n] = Opinion{Excluded: rapid.IntRange(0, 3).Draw(t, "excluded") == 0, Score: rapid.Int64Range(0, 100).Draw(t, "score")}
		}
		advises(plugin, rapid.Int64Range(1, 3).Draw(t, "weight"), opinions)(&out)
	}
	if rapid.Bool().Draw(t, "peers") {
		out.Groups.AntiAffinity = []Peer{{Name: "batch", Clusters: rapid.SliceOfN(name, 0, 2).Draw(t, "batch runs in")}}
	}
	if rapid.Bool().Draw(t, "assumed") {
		out.Assumed = map[string]corev1.ResourceList{name.Draw(t, "in"): resources("pods=3 cpu=2")}
	}
	return out
}

// With everything a placement may depend on, too: what is placed is within bounds, and placing it again
// changes nothing.
func TestEverythingSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawMore(t)
		result, d := Place(in)
		if !d.Fits() {
			checkKept(t, in, result)
			return
		}
		checkTargets(t, in, result)
		checkSum(t, in, result)
		checkVerdicts(t, in, result, d)
		checkRests(t, in, result)
	})
}
