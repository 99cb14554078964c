package traffic

import (
	"fmt"
	"maps"
	"slices"
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

// BenchmarkPlanSpilling is the same with every region's clients counted and a third of them spilling.
func BenchmarkPlanSpilling(b *testing.B) {
	w := newWorld(b)
	spilling(80)(w)
	var regions []string
	for name := range cloudRegions() {
		if regions = append(regions, name); len(regions) == 30 {
			break
		}
	}
	w.demand = &Demand{At: w.now, Clusters: map[string]float64{}, Clients: map[string]float64{}}
	for i := range 100 {
		name, region := fmt.Sprintf("c%03d", i), regions[i%len(regions)]
		w.members[name] = &Member{Cluster: cluster(name, region), Verdict: v1.VerdictHealthy,
			Discovered: Discovered{Known: true, Exists: true, Addresses: []string{fmt.Sprintf("192.0.2.%d", i)}, Port: 80, ReadyReplicas: 3}}
		w.demand.Clusters[name] = 100
		w.demand.Clients[region] += []float64{60, 60, 150}[i%len(regions)%3]
	}
	w.step()
	in := w.input()
	b.ReportAllocs()
	for b.Loop() {
		if out := Plan(in); out.Spec.Load.Reason != v1.LoadSpilling {
			b.Fatal(out.Spec.Load)
		}
	}
}

// BenchmarkPlanByClusters shows how a plan's time grows with the clusters it has.
func BenchmarkPlanByClusters(b *testing.B) {
	for _, clusters := range []int{3, 10, 30, 100} {
		b.Run(fmt.Sprint(clusters), func(b *testing.B) {
			w := newWorld(b)
			regions := slices.Sorted(maps.Keys(cloudRegions()))
			for i := range clusters {
				name := fmt.Sprintf("c%03d", i)
				w.members[name] = &Member{Cluster: cluster(name, regions[i%min(30, clusters)]), Verdict: v1.VerdictHealthy,
					Discovered: Discovered{Known: true, Exists: true, Addresses: []string{fmt.Sprintf("192.0.2.%d", i)}, Port: 80, ReadyReplicas: 3}}
			}
			w.step()
			in := w.input()
			for b.Loop() {
				Plan(in)
			}
		})
	}
}
