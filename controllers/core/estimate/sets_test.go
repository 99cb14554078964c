package estimate

import (
	"math"
	"testing"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestSets(t *testing.T) {
	gpuOnly := component("gpu", 1, "cpu=1")
	gpuOnly.ReplicaRequirements.NodeClaim = &workv1alpha2.NodeClaim{NodeSelector: map[string]string{"gpu": "yes"}}
	urgent := component("urgent", 2, "cpu=1")
	urgent.ReplicaRequirements.PriorityClassName = "high"
	for name, tc := range map[string]struct {
		objects    []any
		components []workv1alpha2.Component
		bounds     Bounds
		want       int32
	}{
		"no nodes":                                {nil, []workv1alpha2.Component{component("a", 1, "cpu=1")}, Bounds{}, 0},
		"of nothing, any number":                  {numbered(1, "cpu=1"), []workv1alpha2.Component{component("a", 0, "cpu=1")}, Bounds{}, math.MaxInt32},
		"no requirements":                         {numbered(1, "cpu=1"), []workv1alpha2.Component{{Name: "a", Replicas: 3}}, Bounds{}, 3},
		"one component is replicas in groups":     {numbered(2, "cpu=5"), []workv1alpha2.Component{component("a", 3, "cpu=1")}, Bounds{}, 3},
		"a part of a set is none":                 {numbered(1, "cpu=5"), []workv1alpha2.Component{component("a", 1, "cpu=2"), component("b", 2, "cpu=1")}, Bounds{}, 1},
		"fragments do not add up":                 {numbered(4, "cpu=3"), []workv1alpha2.Component{component("a", 1, "cpu=2"), component("b", 1, "cpu=2")}, Bounds{}, 2},
		"the small fill what the large leave":     {numbered(4, "cpu=3"), []workv1alpha2.Component{component("b", 1, "cpu=1"), component("a", 1, "cpu=2")}, Bounds{}, 4},
		"the picky component goes first":          {[]any{aNode("a", "cpu=2", labelled("gpu", "yes")), aNode("b", "cpu=2")}, []workv1alpha2.Component{component("big", 1, "cpu=1"), gpuOnly}, Bounds{}, 2},
		"and others keep off its nodes":           {[]any{aNode("a", "cpu=2", labelled("gpu", "yes")), aNode("b", "cpu=4")}, []workv1alpha2.Component{component("big", 2, "cpu=1"), gpuOnly}, Bounds{}, 2},
		"assumed pods are spread first":           {numbered(2, "cpu=4"), []workv1alpha2.Component{component("a", 1, "cpu=2"), component("b", 1, "cpu=2")}, Bounds{Assumed: []Assumed{AssumedOf("", list("cpu=2 pods=2"))}}, 1},
		"assumed pods that do not fit":            {numbered(2, "cpu=4"), []workv1alpha2.Component{component("a", 1, "cpu=1")}, Bounds{Assumed: []Assumed{AssumedOf("", list("cpu=9 pods=2"))}}, 0},
		"assumed pods beyond reckoning":           {numbered(2, "cpu=4"), []workv1alpha2.Component{component("a", 1, "cpu=1")}, Bounds{Assumed: []Assumed{AssumedPods("", 1, list("cpu=1e30"))}}, 0},
		"assumed pods use something else":         {numbered(2, "cpu=4"), []workv1alpha2.Component{component("a", 1, "cpu=1")}, Bounds{Assumed: []Assumed{AssumedPods("", 4, list("nvidia.com/gpu=8"))}}, 8},
		"pods the scheduler has to do":            {append(numbered(2, "cpu=4"), aPod("p", "", "cpu=3")), []workv1alpha2.Component{component("a", 1, "cpu=2")}, Bounds{}, 2},
		"a quota counts all components":           {numbered(9, "cpu=9"), []workv1alpha2.Component{component("a", 1, "cpu=1"), component("b", 2, "cpu=2")}, Bounds{Quotas: []Quota{aQuota("cpu=14", "cpu=1")}}, 2},
		"a quota for a class counts its own":      {numbered(9, "cpu=9"), []workv1alpha2.Component{component("a", 1, "cpu=1"), urgent}, Bounds{Quotas: []Quota{aQuota("cpu=7", "cpu=0", scoped("PriorityClass", "In", "high"))}}, 3},
		"a quota of pods":                         {numbered(9, "cpu=9"), []workv1alpha2.Component{component("a", 1, "cpu=1"), urgent}, Bounds{Quotas: []Quota{aQuota("pods=7", "pods=0")}}, 2},
		"absurd numbers of replicas do not crash": {numbered(2, "cpu=4"), []workv1alpha2.Component{component("a", math.MaxInt32, "cpu=1"), component("b", -5, "cpu=1")}, Bounds{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := aCluster(t, tc.objects...).Sets(tc.components, tc.bounds); got != tc.want {
				t.Errorf("%d sets fit, want %d", got, tc.want)
			}
		})
	}
}
