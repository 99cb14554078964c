// Package kwok holds what the simulated nodes of a fleet are made of: the stages that kwok plays on
// nodes and pods, and the Node objects it takes care of. It runs nothing.
package kwok

import (
	_ "embed"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Stages is kwok's configuration, for its flag --config.
//
//go:embed stages.yaml
var Stages []byte

const (
	// ManagedAnnotation and ManagedValue mark the nodes that kwok takes care of.
	ManagedAnnotation = "kwok.x-k8s.io/node"
	ManagedValue      = "fake"
	// HoldUnreadyLabel on a running pod makes it not Ready until the label is taken away.
	HoldUnreadyLabel = "fleet.seaway.dev/hold-unready"
	// BrokenTag is the image tag that cannot be pulled.
	BrokenTag = "broken"
)

// NodeSpec describes a simulated node.
type NodeSpec struct {
	Name string
	// Region, Zone and Provider say where it stands. Provider goes into spec.providerID.
	Region, Zone, Provider string
	// Pods is the node's share of the pod range.
	Pods netip.Prefix
	// Capacity is how large it is. What is absent is taken from DefaultCapacity.
	Capacity corev1.ResourceList
}

// DefaultCapacity is the size of a node: 8 CPUs, 32 GiB, 110 pods.
func DefaultCapacity() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("8"),
		corev1.ResourceMemory:           resource.MustParse("32Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("100Gi"),
		corev1.ResourcePods:             resource.MustParse("110"),
	}
}

// Node builds the Node object. Its status is to be written when it is created, as a kubelet would.
func Node(spec NodeSpec) *corev1.Node {
	capacity := DefaultCapacity()
	for name, quantity := range spec.Capacity {
		capacity[name] = quantity
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        spec.Name,
			Annotations: map[string]string{ManagedAnnotation: ManagedValue},
			Labels: map[string]string{
				corev1.LabelHostname:   spec.Name,
				corev1.LabelOSStable:   "linux",
				corev1.LabelArchStable: "amd64",
				"type":                 "kwok",
			},
		},
		Spec:   corev1.NodeSpec{PodCIDR: spec.Pods.String(), PodCIDRs: []string{spec.Pods.String()}},
		Status: corev1.NodeStatus{Capacity: capacity, Allocatable: capacity},
	}
	for label, value := range map[string]string{corev1.LabelTopologyRegion: spec.Region, corev1.LabelTopologyZone: spec.Zone} {
		if value != "" {
			node.Labels[label] = value
		}
	}
	if spec.Provider != "" {
		node.Spec.ProviderID = fmt.Sprintf("%s:///%s/%s", spec.Provider, spec.Zone, spec.Name)
	}
	return node
}
