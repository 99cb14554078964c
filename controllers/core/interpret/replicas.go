package interpret

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func podTemplateReplicas(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error) {
	replicas, err := replicaField(obj, 1, "spec", "replicas")
	if err != nil {
		return 0, nil, err
	}
	requirements, err := podRequirements(obj, "spec", "template", "spec")
	return replicas, requirements, err
}

// jobReplicas counts the pods that may run at the same time: the parallelism, but never more than
// there are completions to reach.
func jobReplicas(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error) {
	replicas, err := replicaField(obj, 1, "spec", "parallelism")
	if err != nil {
		return 0, nil, err
	}
	completions, err := replicaField(obj, replicas, "spec", "completions")
	if err != nil {
		return 0, nil, err
	}
	requirements, err := podRequirements(obj, "spec", "template", "spec")
	return min(replicas, completions), requirements, err
}

func podReplicas(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error) {
	requirements, err := podRequirements(obj, "spec")
	return 1, requirements, err
}

func reviseField(path ...string) func(*unstructured.Unstructured, int32) (*unstructured.Unstructured, error) {
	return func(obj *unstructured.Unstructured, replicas int32) (*unstructured.Unstructured, error) {
		if err := unstructured.SetNestedField(obj.Object, int64(replicas), path...); err != nil {
			return nil, fmt.Errorf("%s: %w", strings.Join(path, "."), err)
		}
		return obj, nil
	}
}

// podRequirements returns what a pod asks of a cluster, nil if nothing: requests (a limit without a
// request is one), node selector, required node affinity, tolerations.
func podRequirements(obj *unstructured.Unstructured, path ...string) (*workv1alpha2.ReplicaRequirements, error) {
	pod, found, err := section[corev1.PodSpec](obj, path...)
	if err != nil || !found {
		return nil, err
	}
	claim, requests := nodeClaim(&pod), podRequests(&pod)
	if claim == nil && len(requests) == 0 {
		return nil, nil
	}
	return &workv1alpha2.ReplicaRequirements{
		NodeClaim:         claim,
		ResourceRequest:   requests,
		Namespace:         obj.GetNamespace(),
		PriorityClassName: pod.PriorityClassName,
	}, nil
}

func nodeClaim(pod *corev1.PodSpec) *workv1alpha2.NodeClaim {
	claim := &workv1alpha2.NodeClaim{NodeSelector: pod.NodeSelector, Tolerations: pod.Tolerations}
	if pod.Affinity != nil && pod.Affinity.NodeAffinity != nil {
		claim.HardNodeAffinity = pod.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	}
	if len(claim.NodeSelector) == 0 && len(claim.Tolerations) == 0 && claim.HardNodeAffinity == nil {
		return nil
	}
	return claim
}

// podRequests computes what the scheduler of Kubernetes reserves for a pod: the containers and the
// sidecars (init containers that go on running) together, or more if an earlier step of the
// initialisation needs more, plus the overhead.
func podRequests(pod *corev1.PodSpec) corev1.ResourceList {
	running, starting := corev1.ResourceList{}, corev1.ResourceList{}
	for i := range pod.InitContainers {
		container := &pod.InitContainers[i]
		needs := containerRequests(container)
		if container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			add(running, needs)
			raise(starting, running)
			continue
		}
		// while it runs, the sidecars before it run as well
		add(needs, running)
		raise(starting, needs)
	}
	for i := range pod.Containers {
		add(running, containerRequests(&pod.Containers[i]))
	}
	raise(running, starting)
	if pod.Resources != nil {
		// pod-level requests replace those of the containers
		for name, quantity := range requestsOrLimits(pod.Resources.Requests, pod.Resources.Limits) {
			running[name] = quantity
		}
	}
	add(running, pod.Overhead)
	for name, quantity := range running {
		if quantity.IsZero() {
			delete(running, name)
		}
	}
	return running
}

func containerRequests(container *corev1.Container) corev1.ResourceList {
	return requestsOrLimits(container.Resources.Requests, container.Resources.Limits)
}

func requestsOrLimits(requests, limits corev1.ResourceList) corev1.ResourceList {
	out := corev1.ResourceList{}
	add(out, requests)
	for name, limit := range limits {
		if _, requested := requests[name]; !requested {
			out[name] = limit.DeepCopy()
		}
	}
	return out
}

func add(sum, more corev1.ResourceList) {
	for name, quantity := range more {
		total, ok := sum[name]
		if !ok {
			total = resource.Quantity{Format: quantity.Format}
		}
		total.Add(quantity)
		sum[name] = total
	}
}

func raise(floor, other corev1.ResourceList) {
	for name, quantity := range other {
		if present, ok := floor[name]; !ok || quantity.Cmp(present) > 0 {
			floor[name] = quantity.DeepCopy()
		}
	}
}
