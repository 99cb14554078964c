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
	// ResourceSelectors are the templates it is asked about; all if empty. They pick by apiVersion,
	// kind, namespace and name; a labelSelector is refused, since bindings do not carry the labels of
	// their template.
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
	// Timeout is how long a decision waits for it, from 1ms to 200ms.
	//
	// +kubebuilder:default="200ms"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1ms') && duration(self) <= duration('200ms')",message="must be from 1ms to 200ms"
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
// cluster by name. An expression that fails for one cluster makes the decision pass the plugin over:
// half an answer would send everything to where it is missing.
//
// +kubebuilder:validation:XValidation:rule="has(self.filter) || has(self.score)",message="give a filter, a score or both"
// +kubebuilder:validation:XValidation:rule="!has(self.reason) || has(self.filter)",message="a reason goes with a filter"
type CELPlugin struct {
	// Filter is true for clusters that may be used.
	//
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Filter string `json:"filter,omitempty"`
	// Reason is a string that says why a cluster may not be used, as in "<cluster> <reason>". It is
	// evaluated for the clusters that the filter excludes.
	//
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Reason string `json:"reason,omitempty"`
	// Score is a number from 0 to 100. What is beyond is cut off, and fractions are rounded. It is
	// evaluated for the clusters that the filter lets pass.
	//
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Score string `json:"score,omitempty"`
}

// HTTPPlugin is an endpoint that gets a POST with a PlacementReviewRequest as JSON, and answers with
// a PlacementReviewResponse. Redirects are not followed, and no proxy is used.
type HTTPPlugin struct {
	// URL is an https URL, or http to a loopback address, without user, password or fragment.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url"`
	// CABundle is PEM of the authorities trusted for it; those of the system if empty.
	//
	// +kubebuilder:validation:MaxLength=1048576
	// +optional
	CABundle []byte `json:"caBundle,omitempty"`
	// TokenSecretRef names a value of a Secret in the system namespace that is sent as bearer token. It
	// is read again every minute.
	//
	// +optional
	TokenSecretRef *SecretKeyRef `json:"tokenSecretRef,omitempty"`
}

// SecretKeyRef names one value of a Secret in the system namespace.
type SecretKeyRef struct {
	// Name of the Secret.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Key of the value.
	//
	// +kubebuilder:default=token
	// +kubebuilder:validation:MaxLength=253
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

const (
	// ConditionPluginReady says that a PlacementPlugin answered the last questions in time.
	ConditionPluginReady = "Ready"

	// ReasonPluginInUse goes with Ready=True.
	ReasonPluginInUse = "InUse"
	// ReasonPluginSlow goes with Ready=False: it did not answer in time, or its expressions cost too
	// much.
	ReasonPluginSlow = "Slow"
	// ReasonPluginFailing goes with Ready=False: it answered with an error, or not at all.
	ReasonPluginFailing = "Failing"
	// ReasonPluginNotAccepted goes with Ready=False: see the condition Accepted.
	ReasonPluginNotAccepted = "NotAccepted"
	// ReasonPluginSecretUnavailable goes with Ready=False: its token can not be read.
	ReasonPluginSecretUnavailable = "SecretUnavailable"
	// ReasonPluginNameTaken goes with Accepted=False: an algorithm that is compiled in has the name.
	ReasonPluginNameTaken = "NameTaken"
)

// Reasons of events on a PlacementPlugin.
const (
	// EventPluginPassedOver: decisions are made without the plugin.
	EventPluginPassedOver = "PassedOver"
	// EventPluginInUse: decisions are made with the plugin again.
	EventPluginInUse = "InUse"
)
