package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// PlacementPlugin adds a filter, a score or both to the scheduler: as CEL expressions, or asked of an
// HTTP endpoint. The next decision uses it. One that fails or is too slow is passed over, and its
// status and the decision say so.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=pplugin,categories=seaway
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Weight",type=integer,JSONPath=`.spec.weight`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type PlacementPlugin struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec PlacementPluginSpec `json:"spec"`
	// +optional
	Status PlacementPluginStatus `json:"status,omitempty"`
}

// PlacementPluginList is a list of PlacementPlugins.
//
// +kubebuilder:object:root=true
type PlacementPluginList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PlacementPlugin `json:"items"`
}

// PlacementPluginSpec is the algorithm.
//
// +kubebuilder:validation:XValidation:rule="has(self.cel) != has(self.http)",message="give either cel or http"
type PlacementPluginSpec struct {
	// ResourceSelectors are the templates it is asked about; all if empty.
	//
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +optional
	ResourceSelectors []policyv1alpha1.ResourceSelector `json:"resourceSelectors,omitempty"`
	// Weight multiplies its scores before they are added to those of others.
	//
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Weight *int32 `json:"weight,omitempty"`
	// Timeout is how long a decision waits for it, at most 200ms.
	//
	// +kubebuilder:default="200ms"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// CEL holds expressions evaluated for each cluster.
	//
	// +optional
	CEL *CELPlugin `json:"cel,omitempty"`
	// HTTP is an endpoint asked once for each decision.
	//
	// +optional
	HTTP *HTTPPlugin `json:"http,omitempty"`
}

// CELPlugin is a plugin written in the Common Expression Language. The expressions see `cluster`, the
// Cluster object; `binding`, the ResourceBinding without its status; and `metrics`, numbers about the
// cluster by name.
//
// +kubebuilder:validation:XValidation:rule="has(self.filter) || has(self.score)",message="give a filter, a score or both"
type CELPlugin struct {
	// Filter is true for clusters that may be used.
	//
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Filter string `json:"filter,omitempty"`
	// Reason is a string that says why a cluster may not be used.
	//
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Reason string `json:"reason,omitempty"`
	// Score is a number from 0 to 100. What is beyond is cut off.
	//
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Score string `json:"score,omitempty"`
}

// HTTPPlugin is an endpoint that gets a POST with the binding and the clusters as JSON, and answers
// which of them may be used and how good they are.
type HTTPPlugin struct {
	// URL is an https URL, or http to a loopback address.
	//
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url"`
	// CABundle is PEM of the authorities trusted for it; those of the system if empty.
	//
	// +optional
	CABundle []byte `json:"caBundle,omitempty"`
	// TokenSecretRef names a Secret in the system namespace whose key token is sent as bearer token.
	//
	// +optional
	TokenSecretRef *SecretKeyRef `json:"tokenSecretRef,omitempty"`
}

// SecretKeyRef names one value of a Secret in the system namespace.
type SecretKeyRef struct {
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// +kubebuilder:default=token
	// +optional
	Key string `json:"key,omitempty"`
}

// PlacementPluginStatus says whether the plugin is in use.
type PlacementPluginStatus struct {
	// Conditions: Accepted (the spec can be used), Ready (the last questions were answered in time).
	//
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
