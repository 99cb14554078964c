// Package v1alpha1 holds remedy.karmada.io/v1alpha1: the Remedy, which asks for actions
// on clusters whose conditions match.
//
// +kubebuilder:object:generate=true
// +groupName=remedy.karmada.io
package v1alpha1
