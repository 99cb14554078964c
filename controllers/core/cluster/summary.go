package cluster

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// Node is what a summary needs of a node.
type Node struct {
	Name        string
	Ready       bool
	Allocatable corev1.ResourceList
}

// Pod is what a summary needs of a pod that uses, or wants, a part of a node.
type Pod struct {
	// Node is empty while the pod is not scheduled.
	Node string
	// Requests are those of the whole pod, and one of the resource "pods".
	Requests corev1.ResourceList
}

// NodeOf reduces a node.
func NodeOf(node *corev1.Node) Node {
	ready := slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
	return Node{Name: node.Name, Ready: ready, Allocatable: node.Status.Allocatable}
}

// PodOf reduces a pod. It is false for a pod that has ended, which uses nothing.
func PodOf(pod *corev1.Pod) (Pod, bool) {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return Pod{}, false
	}
	requests := podRequests(&pod.Spec)
	requests[corev1.ResourcePods] = *resource.NewQuantity(1, resource.DecimalSI)
	return Pod{Node: pod.Spec.NodeName, Requests: requests}, true
}

// podRequests returns what a scheduler reserves for a pod: the greater of what its
// containers need together and what any init container needs while it runs, beside the
// sidecars started before it; where the pod itself states a resource, that; and the
// overhead. https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
func podRequests(spec *corev1.PodSpec) corev1.ResourceList {
	running, starting, sidecars := corev1.ResourceList{}, corev1.ResourceList{}, corev1.ResourceList{}
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			add(sidecars, c.Resources.Requests)
			add(running, c.Resources.Requests)
			raise(starting, sidecars)
			continue
		}
		alone := corev1.ResourceList{}
		add(alone, sidecars)
		add(alone, c.Resources.Requests)
		raise(starting, alone)
	}
	for i := range spec.Containers {
		add(running, spec.Containers[i].Resources.Requests)
	}
	raise(running, starting)
	if spec.Resources != nil {
		for name, quantity := range spec.Resources.Requests {
			running[name] = quantity.DeepCopy()
		}
	}
	add(running, spec.Overhead)
	return running
}

// add adds b to a.
func add(a, b corev1.ResourceList) {
	for name, quantity := range b {
		sum := a[name]
		sum.Add(quantity)
		a[name] = sum
	}
}

// raise makes every quantity of a at least that of b.
func raise(a, b corev1.ResourceList) {
	for name, quantity := range b {
		if present, ok := a[name]; !ok || present.Cmp(quantity) < 0 {
			a[name] = quantity.DeepCopy()
		}
	}
}

// Summarize adds up nodes and pods. Allocatable counts all nodes, Ready or not;
// Allocated the pods on nodes; Allocating those that wait for one. Byte quantities are
// rounded to whole MiB, what is there downwards and what is used upwards, so that a few
// KiB more or less on a node change nothing.
func Summarize(models []clusterv1alpha1.ResourceModel, nodes []Node, pods []Pod) (*clusterv1alpha1.NodeSummary, *clusterv1alpha1.ResourceSummary) {
	count := &clusterv1alpha1.NodeSummary{}
	allocatable, allocated, allocating := corev1.ResourceList{}, corev1.ResourceList{}, corev1.ResourceList{}
	for _, node := range nodes {
		count.TotalNum++
		if node.Ready {
			count.ReadyNum++
		}
		add(allocatable, node.Allocatable)
	}
	used := make(map[string]corev1.ResourceList, len(nodes))
	for _, pod := range pods {
		if pod.Node == "" {
			add(allocating, pod.Requests)
			continue
		}
		add(allocated, pod.Requests)
		if len(models) > 0 {
			if used[pod.Node] == nil {
				used[pod.Node] = corev1.ResourceList{}
			}
			add(used[pod.Node], pod.Requests)
		}
	}
	return count, &clusterv1alpha1.ResourceSummary{
		Allocatable:          rounded(allocatable, false),
		Allocated:            rounded(allocated, true),
		Allocating:           rounded(allocating, true),
		AllocatableModelings: grades(models, nodes, used),
	}
}

const mebibyte = 1 << 20

// rounded rounds what is measured in bytes to whole MiB.
func rounded(list corev1.ResourceList, up bool) corev1.ResourceList {
	if len(list) == 0 {
		return nil
	}
	for name, quantity := range list {
		if !inBytes(name) {
			continue
		}
		value := quantity.Value()
		if rest := value % mebibyte; rest != 0 {
			value -= rest
			if up {
				value += mebibyte
			}
		}
		list[name] = *resource.NewQuantity(value, resource.BinarySI)
	}
	return list
}

func inBytes(name corev1.ResourceName) bool {
	switch name {
	case corev1.ResourceMemory, corev1.ResourceEphemeralStorage, corev1.ResourceStorage:
		return true
	}
	return strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

// grades counts the nodes of each model by what is free on them.
func grades(models []clusterv1alpha1.ResourceModel, nodes []Node, used map[string]corev1.ResourceList) []clusterv1alpha1.AllocatableModeling {
	if len(models) == 0 {
		return nil
	}
	counts := make([]clusterv1alpha1.AllocatableModeling, len(models))
	for i, model := range models {
		counts[i].Grade = model.Grade
	}
	for _, node := range nodes {
		if i := gradeOf(models, node.Allocatable, used[node.Name]); i >= 0 {
			counts[i].Count++
		}
	}
	return counts
}

// gradeOf returns the index of the highest model whose lower bounds a node reaches in
// every resource, -1 for none. Models are sorted and begin at zero, so -1 means that
// more is used than there is.
func gradeOf(models []clusterv1alpha1.ResourceModel, allocatable, used corev1.ResourceList) int {
	grade := -1
	for i, model := range models {
		for _, bounds := range model.Ranges {
			free := allocatable[bounds.Name].DeepCopy()
			free.Sub(used[bounds.Name])
			if free.Cmp(bounds.Min) < 0 {
				return grade
			}
		}
		grade = i
	}
	return grade
}
