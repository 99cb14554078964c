package traffic

import (
	"fmt"
	"testing"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// BenchmarkPlan is one application in a hundred clusters in thirty regions, one of which goes up and
// down.
func BenchmarkPlan(b *testing.B) {
	w := newWorld(b)
	var regions []string
	for name := range cloudRegions() {
		if regions = append(regions, name); len(regions) == 30 {
			break
		}
	}
	for i := range 100 {
		name := fmt.Sprintf("c%03d", i)
		w.members[name] = &Member{Cluster: cluster(name, regions[i%len(regions)]), Verdict: v1.VerdictHealthy,
			Discovered: Discovered{Known: true, Exists: true, Addresses: []string{fmt.Sprintf("192.0.2.%d", i)}, Port: 80, ReadyReplicas: 3}}
	}
	w.step()
	in := w.input()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		in.Clusters[0].Verdict = []v1.Verdict{v1.VerdictUnhealthy, v1.VerdictHealthy}[i%2]
		if out := Plan(in); len(out.Spec.Regions) != 30 {
			b.Fatal(len(out.Spec.Regions))
		}
	}
}
