// Package v1alpha1 holds autoscaling.karmada.io/v1alpha1: horizontal autoscaling over
// all clusters of a workload, by metrics or by the clock.
//
// +kubebuilder:object:generate=true
// +groupName=autoscaling.karmada.io
package v1alpha1
