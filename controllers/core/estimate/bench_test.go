package estimate

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// benched is a member with pods on its nodes, and requests of the kind users write.
func benched(b *testing.B, nodes int) *Cluster {
	c := &Cluster{}
	for i := range nodes {
		n := aNode(fmt.Sprintf("n%04d", i), "cpu=32 memory=128Gi ephemeral-storage=100Gi nvidia.com/gpu=4", labelled("zone", fmt.Sprint("z", i%3)))
		n.Status.Allocatable["pods"] = list("pods=110")["pods"]
		c.SetNode(NodeOf(n))
		p, _ := PodOf(aPod(fmt.Sprint("p", i), n.Name, "cpu=1 memory=2Gi"))
		c.AddPod(p)
	}
	b.ReportAllocs()
	b.ResetTimer()
	return c
}

func BenchmarkReplicas(b *testing.B) {
	req := asking("cpu=500m memory=1Gi")
	req.NodeClaim = &workv1alpha2.NodeClaim{HardNodeAffinity: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"z0", "z1"}}}}}}}
	for _, nodes := range []int{100, 1000, 3000} {
		b.Run(fmt.Sprint("nodes=", nodes), func(b *testing.B) {
			c := benched(b, nodes)
			for b.Loop() {
				c.Replicas(req, Bounds{Assumed: []Assumed{AssumedOf("", list("cpu=10 memory=10Gi pods=10"))}})
			}
		})
	}
}

func BenchmarkSets(b *testing.B) {
	components := []workv1alpha2.Component{component("ps", 2, "cpu=2 memory=4Gi"), component("worker", 8, "cpu=4 memory=16Gi nvidia.com/gpu=1"), component("driver", 1, "cpu=1 memory=1Gi")}
	for _, nodes := range []int{100, 1000, 3000} {
		b.Run(fmt.Sprint("nodes=", nodes), func(b *testing.B) {
			c := benched(b, nodes)
			for b.Loop() {
				c.Sets(components, Bounds{})
			}
		})
	}
}
