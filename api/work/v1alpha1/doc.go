// Package v1alpha1 holds work.karmada.io/v1alpha1: the Work, one manifest for one
// cluster, and the first form of the bindings. The bindings are stored as
// v1alpha2; this form is only served.
//
// +kubebuilder:object:generate=true
// +groupName=work.karmada.io
package v1alpha1
