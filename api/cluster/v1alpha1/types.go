package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterSyncMode says which side moves Works to a member.
// +kubebuilder:validation:Enum=Push;Pull
type ClusterSyncMode string

const (
	// Push means the control plane writes to the member.
	Push ClusterSyncMode = "Push"
	// Pull means an agent in the member fetches its Works.
	Pull ClusterSyncMode = "Pull"
)

// Cluster is one member of the federation.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster
type Cluster struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is how the member is reached and what it is.
	Spec ClusterSpec `json:"spec"`

	// Status is what was last seen of the member.
	// +optional
	Status ClusterStatus `json:"status,omitempty"`
}

// ClusterSpec says how a member is reached and what it is.
type ClusterSpec struct {
	// ID identifies the member for its whole life: the ClusterProperty
	// cluster.clusterset.k8s.io if the member has one, else the UID of its
	// kube-system namespace.
	// +kubebuilder:validation:MaxLength=128000
	// +optional
	ID string `json:"id,omitempty"`

	// SyncMode is Push or Pull.
	// +required
	SyncMode ClusterSyncMode `json:"syncMode"`

	// APIEndpoint is the URL of the member's API server.
	// +optional
	APIEndpoint string `json:"apiEndpoint,omitempty"`

	// SecretRef names the Secret that holds the credentials for the member:
	// "token" and "caBundle".
	// +optional
	SecretRef *LocalSecretReference `json:"secretRef,omitempty"`

	// ImpersonatorSecretRef names the Secret with the token that may impersonate
	// callers in the member.
	// +optional
	ImpersonatorSecretRef *LocalSecretReference `json:"impersonatorSecretRef,omitempty"`

	// InsecureSkipTLSVerification turns off the check of the member's
	// certificate. Any CA bundle is ignored then.
	// +optional
	InsecureSkipTLSVerification bool `json:"insecureSkipTLSVerification,omitempty"`

	// ProxyURL is the http, https or socks5 proxy in front of the member.
	// +optional
	ProxyURL string `json:"proxyURL,omitempty"`

	// ProxyHeader holds headers for the proxy. A comma separates several values
	// of one header.
	// +optional
	ProxyHeader map[string]string `json:"proxyHeader,omitempty"`

	// Provider is the cloud or site operator of the member.
	// +optional
	Provider string `json:"provider,omitempty"`

	// Region is the region of the member.
	// +optional
	Region string `json:"region,omitempty"`

	// Zone is the deprecated single form of Zones; it is moved there on write.
	// +optional
	Zone string `json:"zone,omitempty"`

	// Zones are the failure zones the member's nodes lie in.
	// +optional
	Zones []string `json:"zones,omitempty"`

	// Taints keep away, or evict, what does not tolerate them.
	// +optional
	Taints []corev1.Taint `json:"taints,omitempty"`

	// ResourceModels are the grades nodes are counted in.
	// +optional
	ResourceModels []ResourceModel `json:"resourceModels,omitempty"`
}

// LocalSecretReference names a Secret of the control plane.
type LocalSecretReference struct {
	// Namespace of the Secret.
	Namespace string `json:"namespace"`
	// Name of the Secret.
	Name string `json:"name"`
}

// ResourceModel is one grade of nodes.
type ResourceModel struct {
	// Grade is the index of the model.
	// +required
	Grade uint `json:"grade"`
	// Ranges bound the free resources of a node of this grade.
	// +required
	Ranges []ResourceModelRange `json:"ranges"`
}

// ResourceModelRange is the half-open range [Min, Max) of one resource.
type ResourceModelRange struct {
	// Name of the resource.
	// +required
	Name corev1.ResourceName `json:"name"`
	// Min is the least amount that belongs to the grade.
	// +required
	Min resource.Quantity `json:"min"`
	// Max is the first amount above the grade.
	// +required
	Max resource.Quantity `json:"max"`
}

// ClusterStatus is what was last seen of a member.
type ClusterStatus struct {
	// KubernetesVersion of the member's API server.
	// +optional
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`

	// APIEnablements are the resources the member serves.
	// +optional
	APIEnablements []APIEnablement `json:"apiEnablements,omitempty"`

	// Conditions of the member; not all have the same owner.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// NodeSummary counts nodes.
	// +optional
	NodeSummary *NodeSummary `json:"nodeSummary,omitempty"`

	// ResourceSummary adds up resources.
	// +optional
	ResourceSummary *ResourceSummary `json:"resourceSummary,omitempty"`

	// RemedyActions are the actions the matching Remedies ask for.
	// +optional
	RemedyActions []string `json:"remedyActions,omitempty"`
}

// APIEnablement is one group and version a member serves.
type APIEnablement struct {
	// GroupVersion as in apiVersion.
	GroupVersion string `json:"groupVersion"`
	// Resources of that group and version.
	// +optional
	Resources []APIResource `json:"resources,omitempty"`
}

// APIResource is one resource a member serves.
type APIResource struct {
	// Name is the plural name.
	// +required
	Name string `json:"name"`
	// Kind of the resource.
	// +required
	Kind string `json:"kind"`
}

// NodeSummary counts the nodes of a member.
type NodeSummary struct {
	// TotalNum counts all nodes.
	// +optional
	TotalNum int32 `json:"totalNum,omitempty"`
	// ReadyNum counts the Ready nodes.
	// +optional
	ReadyNum int32 `json:"readyNum,omitempty"`
}

// ResourceSummary adds up the resources of a member.
type ResourceSummary struct {
	// Allocatable is what all nodes offer.
	// +optional
	Allocatable corev1.ResourceList `json:"allocatable,omitempty"`
	// Allocating is what pods still to be placed ask for.
	// +optional
	Allocating corev1.ResourceList `json:"allocating,omitempty"`
	// Allocated is what placed pods ask for.
	// +optional
	Allocated corev1.ResourceList `json:"allocated,omitempty"`
	// AllocatableModelings counts nodes per grade.
	// +optional
	AllocatableModelings []AllocatableModeling `json:"allocatableModelings,omitempty"`
}

// AllocatableModeling counts the nodes of one grade.
type AllocatableModeling struct {
	// Grade as in ResourceModel.
	// +required
	Grade uint `json:"grade"`
	// Count of nodes whose free resources are of that grade.
	// +required
	Count int `json:"count"`
}

// ClusterList is a list of Clusters.
//
// +kubebuilder:object:root=true
type ClusterList struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Cluster `json:"items"`
}
