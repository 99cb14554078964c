package v1alpha2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Binding is a ResourceBinding or ClusterResourceBinding. Code for both is written
// once over it.
//
// +kubebuilder:object:generate=false
type Binding interface {
	metav1.Object
	runtime.Object
	// GetBindingSpec returns the spec itself, not a copy.
	GetBindingSpec() *ResourceBindingSpec
	// GetBindingStatus returns the status itself, not a copy.
	GetBindingStatus() *ResourceBindingStatus
}

var (
	_ Binding = (*ResourceBinding)(nil)
	_ Binding = (*ClusterResourceBinding)(nil)
)

// GetBindingSpec implements Binding.
func (b *ResourceBinding) GetBindingSpec() *ResourceBindingSpec { return &b.Spec }

// GetBindingStatus implements Binding.
func (b *ResourceBinding) GetBindingStatus() *ResourceBindingStatus { return &b.Status }

// GetBindingSpec implements Binding.
func (b *ClusterResourceBinding) GetBindingSpec() *ResourceBindingSpec { return &b.Spec }

// GetBindingStatus implements Binding.
func (b *ClusterResourceBinding) GetBindingStatus() *ResourceBindingStatus { return &b.Status }
