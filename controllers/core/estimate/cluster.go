// Package estimate knows how much room a member has, node by node: how many more replicas of a kind
// fit, how many whole sets of a workload with several components, and how many replicas of a workload
// wait in vain for a node.
//
// It counts what kube-scheduler would reserve, on the nodes kube-scheduler would take: node selector,
// required node affinity, taints and tolerations, free resources and free places for pods. It knows
// nothing of pod affinity, topology spread, volumes and host ports. Nodes that are cordoned or not
// ready give no room, also to those who tolerate that.
//
// A Cluster is kept up to date event by event and holds one sum per node, not the pods: only pods
// without a node are kept.
package estimate

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	corecluster "github.com/seaway-io/seaway/controllers/core/cluster"
)

// Node is what counts of a node. It is not changed once it is in a Cluster.
type Node struct {
	Name   string
	Labels map[string]string
	// Taints that keep pods away: NoSchedule and NoExecute.
	Taints []corev1.Taint
	// Usable is false for nodes that are cordoned or not ready.
	Usable bool
	// Offers is what pods may take, and Pods how many there may be.
	Offers Amounts
	Pods   int64
}

// NodeOf reduces a node.
func NodeOf(in *corev1.Node) Node {
	n := Node{Name: in.Name, Labels: in.Labels, Offers: offered(in.Status.Allocatable)}
	n.Pods = n.Offers.get(corev1.ResourcePods)
	n.Offers.set(corev1.ResourcePods, 0)
	if len(n.Offers.other) == 0 {
		n.Offers.other = nil
	}
	for _, taint := range in.Spec.Taints {
		if taint.Effect == corev1.TaintEffectNoSchedule || taint.Effect == corev1.TaintEffectNoExecute {
			n.Taints = append(n.Taints, corev1.Taint{Key: taint.Key, Value: taint.Value, Effect: taint.Effect})
		}
	}
	n.Usable = !in.Spec.Unschedulable && slices.ContainsFunc(in.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
	return n
}

// Pod is what counts of a pod that takes, or wants, a part of a node.
type Pod struct {
	types.NamespacedName
	// Node is empty while the pod has none.
	Node string
	// Asks is what it reserves. Huge says that it is more than can be reckoned with.
	Asks Amounts
	Huge bool
	// Waiting is set while the pod has no node.
	Waiting *Waiting
}

// PodOf reduces a pod. It is false for one that has ended, which takes nothing.
func PodOf(in *corev1.Pod) (Pod, bool) {
	reduced, alive := corecluster.PodOf(in)
	if !alive {
		return Pod{}, false
	}
	p := Pod{NamespacedName: types.NamespacedName{Namespace: in.Namespace, Name: in.Name}, Node: reduced.Node}
	p.Asks, p.Huge = asked(reduced.Requests)
	if p.Node == "" {
		p.Waiting = waitingOf(in)
	}
	return p, true
}

// node is a node with the sum of what is taken of it. One that is known only by its pods offers
// nothing.
type node struct {
	Node
	taken Amounts
	pods  int64
	huge  int64
	at    int
}

// mostPods keeps sums of pods' requests in range.
const mostPods = 1 << 18

// places is how many more pods may come; 0 means that nothing fits.
func (n *node) places() int64 {
	if n.huge > 0 || n.pods > mostPods {
		return 0
	}
	return max(n.Pods-n.pods, 0)
}

func (n *node) free(name corev1.ResourceName) int64 { return n.Offers.get(name) - n.taken.get(name) }

// room is how many replicas fit.
func (n *node) room(replica []portion) int64 {
	room := n.places()
	for _, p := range replica {
		if room <= 0 {
			return 0
		}
		room = min(room, n.free(p.name)/p.amount)
	}
	return max(room, 0)
}

// Cluster is what is known of the nodes of a member and of what is taken of them. The zero value is a
// member without nodes. It is for one goroutine at a time; the questions change nothing and may be
// asked from many.
type Cluster struct {
	nodes   []*node
	byName  map[string]*node
	waiting map[types.NamespacedName]Pod
	// inFlight are the waiting pods the scheduler has not looked at yet, counted by what they ask for:
	// there may be many, and they are mostly alike.
	inFlight map[shape]*Assumed
}

// SetNode adds a node, or replaces the one of that name.
func (c *Cluster) SetNode(in Node) { c.node(in.Name).Node = in }

// RemoveNode removes a node. Pods that are still on it keep their sum, should it come back.
func (c *Cluster) RemoveNode(name string) {
	if n := c.byName[name]; n != nil {
		n.Node = Node{Name: name}
		c.forget(n)
	}
}

// AddPod adds a pod that was not there.
func (c *Cluster) AddPod(p Pod) { c.count(p, 1) }

// RemovePod removes a pod, which must be as it was added.
func (c *Cluster) RemovePod(p Pod) { c.count(p, -1) }

func (c *Cluster) count(p Pod, sign int64) {
	if p.Node == "" {
		c.wait(p, sign)
		return
	}
	n := c.node(p.Node)
	n.taken.add(&p.Asks, sign)
	n.pods += sign
	if p.Huge {
		n.huge += sign
	}
	c.forget(n)
}

func (c *Cluster) wait(p Pod, sign int64) {
	if c.waiting == nil {
		c.waiting, c.inFlight = map[types.NamespacedName]Pod{}, map[shape]*Assumed{}
	}
	if sign > 0 {
		c.waiting[p.NamespacedName] = p
	} else {
		delete(c.waiting, p.NamespacedName)
	}
	if p.Waiting == nil || !p.Waiting.InFlight {
		return
	}
	key := shapeOf(&p)
	alike := c.inFlight[key]
	if alike == nil {
		alike = &Assumed{Each: p.Asks, Huge: p.Huge}
		c.inFlight[key] = alike
	}
	if alike.Pods += sign; alike.Pods == 0 {
		delete(c.inFlight, key)
	}
}

// node returns the node of a name, and makes it when there is none.
func (c *Cluster) node(name string) *node {
	n := c.byName[name]
	if n == nil {
		if c.byName == nil {
			c.byName = map[string]*node{}
		}
		n = &node{Node: Node{Name: name}, at: len(c.nodes)}
		c.byName[name] = n
		c.nodes = append(c.nodes, n)
	}
	return n
}

// forget drops a node of which nothing is known any more.
func (c *Cluster) forget(n *node) {
	if n.pods != 0 || n.Usable || n.Pods > 0 || n.Labels != nil {
		return
	}
	last := c.nodes[len(c.nodes)-1]
	c.nodes[n.at], last.at = last, n.at
	c.nodes[len(c.nodes)-1] = nil
	c.nodes = c.nodes[:len(c.nodes)-1]
	delete(c.byName, n.Name)
}

// sorted returns the nodes by name.
func (c *Cluster) sorted() []*node {
	nodes := slices.Clone(c.nodes)
	slices.SortFunc(nodes, func(a, b *node) int { return strings.Compare(a.Name, b.Name) })
	return nodes
}
