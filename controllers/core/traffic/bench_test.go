package traffic

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// benched is one application in a number of clusters in up to thirty regions, as it is in force. With
// spillover, the clients of every region are counted and those of a third of the regions spill.
func benched(b *testing.B, clusters int, spills bool) Input {
	w := newWorld(b)
	regions := slices.Sorted(maps.Keys(cloudRegions()))[:min(30, clusters)]
	if spills {
		spilling(80)(w)
		w.demand = &Demand{At: w.now, Clusters: map[string]float64{}, Clients: map[string]float64{}}
	}
	for i := range clusters {
		name, region := fmt.Sprintf("c%03d", i), regions[i%len(regions)]
		w.members[name] = &Member{Cluster: cluster(name, region), Verdict: v1.VerdictHealthy,
			Discovered: Discovered{Known: true, Exists: true, Addresses: []string{fmt.Sprintf("192.0.2.%d", i)}, Port: 80, ReadyReplicas: 3}}
		if spills {
			w.demand.Clusters[name] = 100
			w.demand.Clients[region] += []float64{60, 60, 150}[i%len(regions)%3]
		}
	}
	w.step()
	in := w.input()
	in.Atlas = &Atlas{}
	return in
}

// BenchmarkPlan shows how the time of a plan grows with the clusters: when nothing changes, when one
// cluster goes up and down, and while clients spill.
func BenchmarkPlan(b *testing.B) {
	for _, clusters := range []int{3, 10, 30, 100} {
		b.Run(fmt.Sprintf("steady/clusters=%d", clusters), func(b *testing.B) {
			in := benched(b, clusters, false)
			b.ReportAllocs()
			for b.Loop() {
				if out := Plan(in); len(out.Spec.Regions) != min(30, clusters) {
					b.Fatal(len(out.Spec.Regions))
				}
			}
		})
		b.Run(fmt.Sprintf("flapping/clusters=%d", clusters), func(b *testing.B) {
			in := benched(b, clusters, false)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				in.Clusters[0].Verdict = []v1.Verdict{v1.VerdictUnhealthy, v1.VerdictHealthy}[i%2]
				Plan(in)
			}
		})
		b.Run(fmt.Sprintf("spilling/clusters=%d", clusters), func(b *testing.B) {
			in := benched(b, clusters, true)
			b.ReportAllocs()
			for b.Loop() {
				if out := Plan(in); out.Spec.Load.Reason != v1.LoadSpilling {
					b.Fatal(out.Spec.Load)
				}
			}
		})
	}
}
