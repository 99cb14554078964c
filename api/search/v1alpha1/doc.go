// Package v1alpha1 holds search.karmada.io/v1alpha1: the ResourceRegistry, which says
// what is cached from which clusters. The kind has no CRD; an aggregated API server
// serves it.
//
// +kubebuilder:object:generate=true
// +kubebuilder:skip
// +k8s:openapi-gen=true
// +groupName=search.karmada.io
package v1alpha1
