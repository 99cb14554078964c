// Package v1alpha1 holds apps.karmada.io/v1alpha1: the WorkloadRebalancer, a one-time
// order to schedule workloads from scratch.
//
// +kubebuilder:object:generate=true
// +groupName=apps.karmada.io
package v1alpha1
