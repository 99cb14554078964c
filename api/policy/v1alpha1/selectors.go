package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ResourceSelector picks templates. A name beats a label selector; with neither
// every object of the kind is picked.
type ResourceSelector struct {
	// APIVersion of the templates.
	// +required
	APIVersion string `json:"apiVersion"`

	// Kind of the templates.
	// +required
	Kind string `json:"kind"`

	// Namespace of the templates. A namespaced policy only picks in its own.
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// Name of the one template.
	// +optional
	Name string `json:"name,omitempty"`

	// LabelSelector over the templates' labels; ignored when Name is set.
	// +optional
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`
}

// ClusterAffinity picks clusters. Everything that is set must hold.
type ClusterAffinity struct {
	// LabelSelector over the clusters' labels.
	// +optional
	LabelSelector *metav1.LabelSelector `json:"labelSelector,omitempty"`

	// FieldSelector over provider, region and zone.
	// +optional
	FieldSelector *FieldSelector `json:"fieldSelector,omitempty"`

	// ClusterNames are the clusters allowed; empty allows all.
	// +optional
	ClusterNames []string `json:"clusterNames,omitempty"`

	// ExcludeClusters are never picked.
	// +optional
	ExcludeClusters []string `json:"exclude,omitempty"`
}

// Keys of a FieldSelector.
const (
	// ProviderField is the key for Cluster.spec.provider.
	ProviderField = "provider"
	// RegionField is the key for Cluster.spec.region.
	RegionField = "region"
	// ZoneField is the key for Cluster.spec.zones.
	ZoneField = "zone"
)

// FieldSelector filters clusters by their fields.
type FieldSelector struct {
	// MatchExpressions are AND-ed. Keys are provider, region and zone, operators
	// In and NotIn.
	// +optional
	MatchExpressions []corev1.NodeSelectorRequirement `json:"matchExpressions,omitempty"`
}
