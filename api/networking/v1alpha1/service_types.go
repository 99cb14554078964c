package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MultiClusterService makes the Service of the same name reach over clusters.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=multiclusterservices,scope=Namespaced,shortName=mcs,categories={karmada-io}
type MultiClusterService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says which clusters provide and which consume.
	// +required
	Spec MultiClusterServiceSpec `json:"spec"`

	// Status is that of a Service.
	// +optional
	Status corev1.ServiceStatus `json:"status,omitempty"`
}

// MultiClusterServiceList is a list of MultiClusterServices.
//
// +kubebuilder:object:root=true
type MultiClusterServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MultiClusterService `json:"items"`
}

// Condition types of a MultiClusterService.
const (
	// ServiceApplied is True when the Service is in its clusters.
	ServiceApplied = "ServiceApplied"
	// EndpointSliceDispatched is True when the consumers have the slices.
	EndpointSliceDispatched = "EndpointSliceDispatched"
)

// MultiClusterServiceSpec says which clusters provide and which consume.
type MultiClusterServiceSpec struct {
	// Types holds exactly one type; it is immutable.
	// +required
	Types []ExposureType `json:"types"`

	// Ports to expose; none means all.
	// +optional
	Ports []ExposurePort `json:"ports,omitempty"`

	// Range is deprecated; use ProviderClusters and ConsumerClusters.
	// +optional
	Range ExposureRange `json:"range,omitempty"`

	// ServiceProvisionClusters is deprecated; use ProviderClusters.
	// +optional
	ServiceProvisionClusters []string `json:"serviceProvisionClusters,omitempty"`

	// ServiceConsumptionClusters is deprecated; use ConsumerClusters.
	// +optional
	ServiceConsumptionClusters []string `json:"serviceConsumptionClusters,omitempty"`

	// ProviderClusters run the Service; none means all.
	// +optional
	ProviderClusters []ClusterSelector `json:"providerClusters,omitempty"`

	// ConsumerClusters use the Service; none means all.
	// +optional
	ConsumerClusters []ClusterSelector `json:"consumerClusters,omitempty"`
}

// ExposureType says how a Service is exposed.
type ExposureType string

const (
	// ExposureTypeCrossCluster exposes it to other clusters.
	ExposureTypeCrossCluster ExposureType = "CrossCluster"
	// ExposureTypeLoadBalancer exposes it to the outside.
	ExposureTypeLoadBalancer ExposureType = "LoadBalancer"
)

// ExposurePort is one port to expose.
type ExposurePort struct {
	// Name of the Service's port.
	// +optional
	Name string `json:"name,omitempty"`

	// Port is the number.
	// +required
	Port int32 `json:"port"`
}

// ExposureRange is a set of clusters.
type ExposureRange struct {
	// ClusterNames are the clusters.
	// +optional
	ClusterNames []string `json:"clusterNames,omitempty"`
}

// ClusterSelector is one cluster.
type ClusterSelector struct {
	// Name of the cluster.
	// +required
	Name string `json:"name"`
}
