package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Propagation is a PropagationPolicy or ClusterPropagationPolicy. Code for both is
// written once over it.
//
// +kubebuilder:object:generate=false
type Propagation interface {
	metav1.Object
	runtime.Object
	// GetPropagationSpec returns the spec itself, not a copy.
	GetPropagationSpec() *PropagationSpec
}

// Override is an OverridePolicy or ClusterOverridePolicy. Code for both is written
// once over it.
//
// +kubebuilder:object:generate=false
type Override interface {
	metav1.Object
	runtime.Object
	// GetOverrideSpec returns the spec itself, not a copy.
	GetOverrideSpec() *OverrideSpec
}

var (
	_ Propagation = (*PropagationPolicy)(nil)
	_ Propagation = (*ClusterPropagationPolicy)(nil)
	_ Override    = (*OverridePolicy)(nil)
	_ Override    = (*ClusterOverridePolicy)(nil)
)

// GetPropagationSpec implements Propagation.
func (p *PropagationPolicy) GetPropagationSpec() *PropagationSpec { return &p.Spec }

// GetPropagationSpec implements Propagation.
func (p *ClusterPropagationPolicy) GetPropagationSpec() *PropagationSpec { return &p.Spec }

// GetOverrideSpec implements Override.
func (p *OverridePolicy) GetOverrideSpec() *OverrideSpec { return &p.Spec }

// GetOverrideSpec implements Override.
func (p *ClusterOverridePolicy) GetOverrideSpec() *OverrideSpec { return &p.Spec }

// GetPriority returns the explicit priority, 0 when unset.
func (s *PropagationSpec) GetPriority() int32 {
	if s.Priority == nil {
		return 0
	}
	return *s.Priority
}
