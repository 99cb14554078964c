// Package v1alpha1 holds networking.karmada.io/v1alpha1: Services and Ingresses that
// reach over clusters.
//
// +kubebuilder:object:generate=true
// +groupName=networking.karmada.io
package v1alpha1
