package placement

import (
	"fmt"
	"testing"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// realistic is a fleet as it is reported: hundreds of resources served, several resources counted.
func realistic(n int) (world clusters) {
	for i := range n {
		c := member(fmt.Sprintf("m%04d", i), in("", fmt.Sprintf("r%d", i%5), fmt.Sprintf("z%d", i%15)), label("rack", fmt.Sprint(i%40)),
			label("env", "prod"), offers("pods=1000 cpu=500 memory=2Ti ephemeral-storage=9Ti"))
		c.Status.ResourceSummary.Allocated = resources("pods=300 cpu=200 memory=1Ti")
		c.Status.APIEnablements = nil
		for g := range 40 {
			e := clusterv1alpha1.APIEnablement{GroupVersion: fmt.Sprintf("group%d.example.com/v1", g)}
			if g == 20 {
				e.GroupVersion = "apps/v1"
			}
			for k := range 8 {
				e.Resources = append(e.Resources, clusterv1alpha1.APIResource{Name: fmt.Sprintf("kinds%d", k), Kind: fmt.Sprintf("Kind%d", k)})
			}
			e.Resources = append(e.Resources, clusterv1alpha1.APIResource{Name: "deployments", Kind: "Deployment"})
			c.Status.APIEnablements = append(c.Status.APIEnablements, e)
		}
		world = append(world, c)
	}
	return world
}

func benchPolicies() map[string]policy {
	return map[string]policy{
		"duplicated": dup(), "static": equal(), "dynamic": dynamic(), "aggregated": aggregated(),
		"labels":  only(dynamic(), set{LabelSelector: matchLabels("env", "prod")}),
		"few":     only(dup(), named("m0001 m0002 m0003")),
		"nofit":   only(dup(), named("nowhere")),
		"cluster": spreadBy(dynamic(), "cluster", 1, 5),
		"region":  spreadBy(spreadBy(dynamic(), "cluster", 2, 6), "region", 2, 3),
		"several": spreadByLabel(spreadBy(spreadBy(dup(), "cluster", 3, 9), "zone", 3, 4), "rack", 3, 6),
	}
}

func BenchmarkPlace(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		world := realistic(n)
		snapshot := NewSnapshot(world, nil)
		for name, p := range benchPolicies() {
			s := scene{clusters: world, policy: p, replicas: 100, requests: true}
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				in := s.input()
				in.Snapshot, in.Clusters = snapshot, nil
				b.ReportAllocs()
				for b.Loop() {
					Place(in)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
			})
			if name != "dynamic" {
				continue
			}
			b.Run(fmt.Sprintf("%s/%d/unprepared", name, n), func(b *testing.B) {
				in := s.input()
				b.ReportAllocs()
				for b.Loop() {
					Place(in)
				}
			})
		}
	}
}

func BenchmarkInputHash(b *testing.B) {
	in := scene{policy: dynamic(), replicas: 100, requests: true}.input()
	in.Snapshot = NewSnapshot(realistic(1000), nil)
	b.ReportAllocs()
	for b.Loop() {
		InputHash(in)
	}
}

func BenchmarkCounterfactual(b *testing.B) {
	in := scene{policy: only(dup(), named("m0001 m0002")), replicas: 1}.input()
	in.Snapshot = NewSnapshot(realistic(1000), nil)
	result, d := Place(in)
	b.ReportAllocs()
	for b.Loop() {
		Counterfactual(in, result, d)
	}
}

// Ten thousand rules are looked up, not tried one by one for each of a thousand clusters.
func BenchmarkManyRules(b *testing.B) {
	p := static("")
	p.ClusterAffinity = &set{}
	for i := range 10000 {
		name := fmt.Sprintf("m%04d", 9999-i)
		p.ClusterAffinity.ClusterNames = append(p.ClusterAffinity.ClusterNames, name)
		p.ReplicaScheduling.WeightPreference.StaticWeightList = append(p.ReplicaScheduling.WeightPreference.StaticWeightList,
			policyv1alpha1.StaticClusterWeight{Weight: 1, TargetCluster: set{ClusterNames: []string{name}}})
	}
	in := scene{policy: p, replicas: 100}.input()
	in.Snapshot = NewSnapshot(realistic(1000), nil)
	b.ReportAllocs()
	for b.Loop() {
		Place(in)
	}
}
