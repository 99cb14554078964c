// Package v1alpha2 holds work.karmada.io/v1alpha2: the ResourceBinding and
// ClusterResourceBinding, which tie one template to the clusters that run it.
//
// +kubebuilder:object:generate=true
// +groupName=work.karmada.io
package v1alpha2
