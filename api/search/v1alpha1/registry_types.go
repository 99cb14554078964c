package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// ResourceRegistry says what is cached from which clusters.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster
type ResourceRegistry struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says what is cached from where.
	// +optional
	Spec ResourceRegistrySpec `json:"spec,omitempty"`

	// Status of the cache.
	// +optional
	Status ResourceRegistryStatus `json:"status,omitempty"`
}

// ResourceRegistryList is a list of ResourceRegistries.
//
// +kubebuilder:object:root=true
type ResourceRegistryList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ResourceRegistry `json:"items"`
}

// ResourceRegistrySpec says what is cached from where.
type ResourceRegistrySpec struct {
	// TargetCluster picks the clusters.
	// +required
	TargetCluster policyv1alpha1.ClusterAffinity `json:"targetCluster"`

	// ResourceSelectors pick the kinds.
	// +required
	ResourceSelectors []ResourceSelector `json:"resourceSelectors"`

	// BackendStore keeps the objects elsewhere too.
	// +optional
	BackendStore *BackendStoreConfig `json:"backendStore,omitempty"`
}

// ResourceSelector picks a kind, in all namespaces or in one.
type ResourceSelector struct {
	// APIVersion of the kind.
	// +required
	APIVersion string `json:"apiVersion"`

	// Kind is the kind.
	// +required
	Kind string `json:"kind"`

	// Namespace of the objects.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// BackendStoreConfig is a store for the objects.
type BackendStoreConfig struct {
	// OpenSearch is an OpenSearch cluster.
	// +optional
	OpenSearch *OpenSearchConfig `json:"openSearch,omitempty"`
}

// OpenSearchConfig is an OpenSearch cluster.
type OpenSearchConfig struct {
	// Addresses are URLs.
	// +required
	Addresses []string `json:"addresses"`

	// SecretRef names the Secret with "username" and "password".
	// +required
	SecretRef clusterv1alpha1.LocalSecretReference `json:"secretRef"`
}

// ResourceRegistryStatus is the state of the cache.
type ResourceRegistryStatus struct {
	// Conditions of the registry.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
