// Package v1alpha1 holds cluster.karmada.io/v1alpha1: the Cluster, one member of
// the federation as the control plane knows it. The kind has no CRD; an
// aggregated API server serves and stores it, with the status and proxy
// subresources.
//
// +kubebuilder:object:generate=true
// +kubebuilder:skip
// +k8s:openapi-gen=true
// +groupName=cluster.karmada.io
package v1alpha1
