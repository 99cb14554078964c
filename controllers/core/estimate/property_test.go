package estimate

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// small draws amounts of two resources.
func small(t *rapid.T, what string, least, most int) string {
	return fmt.Sprintf("cpu=%d memory=%d", rapid.IntRange(least, most).Draw(t, what+" cpu"), rapid.IntRange(least, most).Draw(t, what+" memory"))
}

func smallNodes(t *rapid.T, most int) []*corev1.Node {
	var nodes []*corev1.Node
	for i := range rapid.IntRange(1, most).Draw(t, "nodes") {
		n := aNode(fmt.Sprint("n", i), small(t, "node", 0, 6))
		n.Status.Allocatable["pods"] = list(fmt.Sprintf("x=%d", rapid.IntRange(0, 5).Draw(t, "places")))["x"]
		nodes = append(nodes, n)
	}
	return nodes
}

// space is the free cpu, memory and places of nodes, for the brute force.
type space [][3]int64

func spaceOf(nodes []*corev1.Node) space {
	var s space
	for _, n := range nodes {
		a := n.Status.Allocatable
		s = append(s, [3]int64{a.Cpu().Value(), a.Memory().Value(), a.Pods().Value()})
	}
	return s
}

func needOf(l corev1.ResourceList) [3]int64 { return [3]int64{l.Cpu().Value(), l.Memory().Value(), 1} }

// eachPlacement calls do with what is left after every way to place pods, and stops when do is true.
func (s space) eachPlacement(pods [][3]int64, do func() bool) bool {
	if len(pods) == 0 {
		return do()
	}
	for i := range s {
		before := s[i]
		fits := true
		for d := range s[i] {
			s[i][d] -= pods[0][d]
			fits = fits && s[i][d] >= 0
		}
		if fits && s.eachPlacement(pods[1:], do) {
			s[i] = before
			return true
		}
		s[i] = before
	}
	return false
}

// most is how many replicas fit, one by one.
func (s space) most(need [3]int64) int32 {
	var total int32
	for _, free := range s {
		for free[0] >= need[0] && free[1] >= need[1] && free[2] >= 1 {
			for d := range free {
				free[d] -= need[d]
			}
			total++
		}
	}
	return total
}

func repeat[T any](n int, v T) []T {
	var out []T
	for range n {
		out = append(out, v)
	}
	return out
}

func TestReplicasEqualOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := smallNodes(t, 5)
		c := &Cluster{}
		for _, n := range nodes {
			c.SetNode(NodeOf(n))
		}
		each := list(small(t, "replica", 0, 4))
		want := spaceOf(nodes).most(needOf(each))
		if got := c.Replicas(&workv1alpha2.ReplicaRequirements{ResourceRequest: each}, Bounds{}); got != want {
			t.Fatalf("%d replicas fit, one by one %d", got, want)
		}
	})
}

// Wherever assumed pods land, what was promised still fits.
func TestAssumedNeverOvercommits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := smallNodes(t, 3)
		c := &Cluster{}
		for _, n := range nodes {
			c.SetNode(NodeOf(n))
		}
		each := list(small(t, "replica", 0, 3))
		var bounds Bounds
		var pods [][3]int64
		for range rapid.IntRange(0, 2).Draw(t, "kinds of assumed pods") {
			assumed, n := list(small(t, "assumed", 0, 3)), rapid.IntRange(1, 3).Draw(t, "assumed pods")
			bounds.Assumed = append(bounds.Assumed, AssumedPods("", int32(n), assumed))
			pods = append(pods, repeat(n, needOf(assumed))...)
		}
		got := c.Replicas(&workv1alpha2.ReplicaRequirements{ResourceRequest: each}, bounds)
		s := spaceOf(nodes)
		s.eachPlacement(pods, func() bool {
			if most := s.most(needOf(each)); got > most {
				t.Fatalf("%d replicas were promised, and %d fit beside the assumed pods: %v", got, most, s)
			}
			return false
		})
	})
}

func TestSetsNeverMoreThanBruteForce(t *testing.T) {
	reached := 0
	rapid.Check(t, func(t *rapid.T) {
		nodes := smallNodes(t, 3)
		c := &Cluster{}
		for _, n := range nodes {
			c.SetNode(NodeOf(n))
		}
		var components []workv1alpha2.Component
		var set [][3]int64
		for i := range rapid.IntRange(1, 3).Draw(t, "components") {
			replicas := rapid.IntRange(1, 2).Draw(t, "replicas")
			component := component(fmt.Sprint("c", i), int32(replicas), small(t, "component", 0, 4))
			components = append(components, component)
			set = append(set, repeat(replicas, needOf(component.ReplicaRequirements.ResourceRequest))...)
		}
		got := c.Sets(components, Bounds{})
		s := spaceOf(nodes)
		fits := func(sets int) bool {
			var pods [][3]int64
			for range sets {
				pods = append(pods, set...)
			}
			return s.eachPlacement(pods, func() bool { return true })
		}
		if !fits(int(got)) {
			t.Fatalf("%d sets were promised and do not fit: %v", got, s)
		}
		if got > 0 {
			reached++
		}
	})
	if reached == 0 {
		t.Error("no case had room for a set: the test shows nothing")
	}
}

func TestMoreRoomIsNeverLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := smallNodes(t, 4)
		c := &Cluster{}
		for _, n := range nodes {
			c.SetNode(NodeOf(n))
		}
		req := asking(small(t, "replica", 0, 3))
		bounds := Bounds{Assumed: []Assumed{AssumedOf("", list(small(t, "assumed", 0, 3)+" pods=2"))}}
		before := c.Replicas(req, bounds)
		grown := nodes[rapid.IntRange(0, len(nodes)-1).Draw(t, "grown")]
		for name, q := range grown.Status.Allocatable {
			q.Add(list(fmt.Sprintf("x=%d", rapid.IntRange(0, 3).Draw(t, "more")))["x"])
			grown.Status.Allocatable[name] = q
		}
		c.SetNode(NodeOf(grown))
		if rapid.Bool().Draw(t, "another node") {
			c.SetNode(NodeOf(aNode("z", small(t, "node", 0, 6))))
		}
		if after := c.Replicas(req, bounds); after < before {
			t.Fatalf("%d replicas fit, and with more room %d", before, after)
		}
	})
}

// Whatever comes and goes, the sums are those of what is there.
func TestSumsFollowEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &Cluster{}
		nodes, pods := map[string]Node{}, map[string]Pod{}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			name := fmt.Sprint("n", rapid.IntRange(0, 3).Draw(t, "node"))
			switch rapid.IntRange(0, 3).Draw(t, "event") {
			case 0:
				nodes[name] = NodeOf(aNode(name, small(t, "node", 0, 9)))
				c.SetNode(nodes[name])
			case 1:
				delete(nodes, name)
				c.RemoveNode(name)
			default:
				id := fmt.Sprint("p", rapid.IntRange(0, 9).Draw(t, "pod"))
				if old, ok := pods[id]; ok {
					c.RemovePod(old)
					delete(pods, id)
				}
				if rapid.Bool().Draw(t, "gone") {
					break
				}
				if rapid.Bool().Draw(t, "waits") {
					name = ""
				}
				pods[id], _ = PodOf(aPod(id, name, small(t, "pod", 0, 2)+" nvidia.com/gpu=1"))
				c.AddPod(pods[id])
			}
		}
		fresh := &Cluster{}
		for _, n := range nodes {
			fresh.SetNode(n)
		}
		for _, p := range pods {
			fresh.AddPod(p)
		}
		if diff := cmp.Diff(summary(fresh), summary(c)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// summary is what a cluster says, without the order in which it came about.
func summary(c *Cluster) map[string]string {
	out := map[string]string{"waiting": fmt.Sprint(len(c.waiting))}
	for key, alike := range c.inFlight {
		out[fmt.Sprint("in flight ", key)] = fmt.Sprint(alike.Pods)
	}
	for _, n := range c.nodes {
		if c.byName[n.Name] != n || c.nodes[n.at] != n {
			out["broken index"] = n.Name
		}
		taken := n.taken
		out[n.Name] = fmt.Sprint(n.Usable, n.Pods, n.pods, n.huge, n.Offers.cpu, taken.cpu, taken.memory, taken.get("nvidia.com/gpu"))
	}
	return out
}

// FuzzEstimate reads whatever a member and a user may write.
func FuzzEstimate(f *testing.F) {
	f.Add(`{"status":{"allocatable":{"cpu":"4","memory":"8Gi","pods":"110"},"conditions":[{"type":"Ready","status":"True"}]}}`,
		`{"spec":{"nodeName":"","containers":[{"resources":{"requests":{"cpu":"1"}}}]}}`,
		`{"spec":{"scopes":["PriorityClass"]},"status":{"hard":{"cpu":"4"},"used":{"cpu":"1"}}}`,
		`{"resourceRequest":{"cpu":"100m","memory":"-1"},"nodeClaim":{"hardNodeAffinity":{"nodeSelectorTerms":[{"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]}]}}}`, int32(3))
	f.Add(`{"status":{"allocatable":{"cpu":"1e99","memory":"-8Gi","pods":"9E"},"conditions":[{"type":"Ready","status":"True"}]}}`,
		`{"spec":{"nodeName":"n","containers":[{"resources":{"requests":{"cpu":"9E","x/y":"1e18"}}}]}}`,
		`{"status":{"hard":{"pods":"-9E"},"used":{"pods":"9E"}}}`, `{"resourceRequest":{"cpu":"1n"}}`, int32(math.MinInt32))
	f.Fuzz(func(t *testing.T, nodeText, podText, quotaText, requestText string, n int32) {
		var node corev1.Node
		var pod corev1.Pod
		var quota corev1.ResourceQuota
		var req workv1alpha2.ReplicaRequirements
		for text, into := range map[string]any{nodeText: &node, podText: &pod, quotaText: &quota, requestText: &req} {
			if json.Unmarshal([]byte(text), into) != nil {
				return
			}
		}
		c := &Cluster{}
		c.SetNode(NodeOf(&node))
		if p, alive := PodOf(&pod); alive {
			c.AddPod(p)
			defer c.RemovePod(p)
		}
		bounds := Bounds{Quotas: []Quota{QuotaOf(&quota)}, Assumed: []Assumed{AssumedOf("", req.ResourceRequest), AssumedPods("", n, req.ResourceRequest)}}
		both := []workv1alpha2.Component{
			{Replicas: n, ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: req.ResourceRequest, NodeClaim: req.NodeClaim}},
			{Replicas: 1},
		}
		if got := c.Replicas(&req, bounds); got < 0 {
			t.Errorf("%d replicas", got)
		}
		if got := c.Sets(both, bounds); got < 0 {
			t.Errorf("%d sets", got)
		}
	})
}
