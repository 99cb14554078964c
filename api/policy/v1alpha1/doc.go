// Package v1alpha1 holds policy.karmada.io/v1alpha1: which objects go to which
// clusters (propagation), how they differ there (override), how much may be
// asked for (quota) and when clusters are tainted.
//
// +kubebuilder:object:generate=true
// +groupName=policy.karmada.io
package v1alpha1
