// Package v1alpha1 holds config.karmada.io/v1alpha1: how users teach the federation
// what a kind means, by Lua scripts or by webhooks.
//
// +kubebuilder:object:generate=true
// +groupName=config.karmada.io
package v1alpha1
