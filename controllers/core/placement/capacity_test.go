package placement

import (
	"math"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// resources reads "cpu=2 memory=4Gi".
func resources(text string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for _, f := range strings.Fields(text) {
		name, q, _ := strings.Cut(f, "=")
		out[corev1.ResourceName(name)] = resource.MustParse(q)
	}
	return out
}

// grade makes a grade whose nodes have at least what it says.
func grade(n uint, least string) clusterv1alpha1.ResourceModel {
	m := clusterv1alpha1.ResourceModel{Grade: n}
	for name, q := range resources(least) {
		m.Ranges = append(m.Ranges, clusterv1alpha1.ResourceModelRange{Name: name, Min: q})
	}
	return m
}

func TestCapacity(t *testing.T) {
	graded := []clusterv1alpha1.ResourceModel{grade(0, "cpu=0 memory=0"), grade(1, "cpu=2 memory=4Gi"), grade(2, "cpu=8 memory=16Gi")}
	counts := []clusterv1alpha1.AllocatableModeling{{Grade: 0, Count: 5}, {Grade: 1, Count: 3}, {Grade: 2, Count: 1}}
	tests := map[string]struct {
		allocatable, allocated, allocating, request string
		models                                      []clusterv1alpha1.ResourceModel
		counts                                      []clusterv1alpha1.AllocatableModeling
		want                                        int32
	}{
		"free pods bound what requests nothing":    {allocatable: "pods=110", allocated: "pods=10", allocating: "pods=5", want: 95},
		"free CPU":                                 {allocatable: "pods=110 cpu=8", allocated: "cpu=3", allocating: "cpu=1", request: "cpu=1500m", want: 2},
		"the scarcest resource":                    {allocatable: "pods=110 cpu=8 memory=4Gi", request: "cpu=1 memory=1Gi", want: 4},
		"pods are scarcer":                         {allocatable: "pods=3 cpu=8", request: "cpu=1", want: 3},
		"a resource the cluster does not have":     {allocatable: "pods=110 cpu=8", request: "cpu=1 example.com/gpu=1", want: 0},
		"a resource of which nothing is requested": {allocatable: "pods=110", request: "cpu=0", want: 110},
		"more allocated than there is":             {allocatable: "pods=110 cpu=1", allocated: "cpu=4", request: "cpu=1", want: 0},
		"negative amounts":                         {allocatable: "pods=-5", want: 0},
		"amounts beyond any number of replicas":    {allocatable: "pods=9000000000000000000", want: math.MaxInt32},
		"nodes of each grade as small as can be":   {allocatable: "pods=1000 cpu=100", request: "cpu=1 memory=3Gi", models: graded, counts: counts, want: 3*1 + 1*5},
		"a replica larger than any grade":          {allocatable: "pods=1000 cpu=100", request: "cpu=9", models: graded, counts: counts, want: 0},
		"small replicas: so many pods a node":      {allocatable: "pods=1000 cpu=100", request: "cpu=1m", models: []clusterv1alpha1.ResourceModel{grade(1, "cpu=2")}, counts: []clusterv1alpha1.AllocatableModeling{{Grade: 1, Count: 2}}, want: 220},
		"grades that do not know the resource":     {allocatable: "pods=1000 example.com/gpu=4", request: "example.com/gpu=1", models: graded, counts: counts, want: 4},
		"a count of a grade that is not defined":   {allocatable: "pods=1000 cpu=7", request: "cpu=1", models: graded, counts: []clusterv1alpha1.AllocatableModeling{{Grade: 9, Count: 1}}, want: 7},
		"a negative count":                         {allocatable: "pods=1000 cpu=7", request: "cpu=1", models: graded, counts: []clusterv1alpha1.AllocatableModeling{{Grade: 1, Count: -4}}, want: 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := member("m1")
			c.Spec.ResourceModels = tt.models
			c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{
				Allocatable: resources(tt.allocatable), Allocated: resources(tt.allocated), Allocating: resources(tt.allocating),
				AllocatableModelings: tt.counts,
			}
			var req *workv1alpha2.ReplicaRequirements
			if tt.request != "" {
				req = &workv1alpha2.ReplicaRequirements{ResourceRequest: resources(tt.request)}
			}
			if got := Capacity(c, req); got != tt.want {
				t.Errorf("room for %d, want %d", got, tt.want)
			}
		})
	}
	if got := Capacity(member("m1"), nil); got != 0 {
		t.Errorf("a cluster without a summary has room for %d", got)
	}
}
