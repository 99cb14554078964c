package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OverridePolicy changes templates of its own namespace on their way to clusters.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=overridepolicies,scope=Namespaced,shortName=op,categories={karmada-io}
type OverridePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what changes where.
	// +required
	Spec OverrideSpec `json:"spec"`
}

// OverridePolicyList is a list of OverridePolicies.
//
// +kubebuilder:object:root=true
type OverridePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OverridePolicy `json:"items"`
}

// ClusterOverridePolicy changes templates of any scope on their way to clusters.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=clusteroverridepolicies,scope=Cluster,shortName=cop,categories={karmada-io}
type ClusterOverridePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what changes where.
	// +required
	Spec OverrideSpec `json:"spec"`
}

// ClusterOverridePolicyList is a list of ClusterOverridePolicies.
//
// +kubebuilder:object:root=true
type ClusterOverridePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterOverridePolicy `json:"items"`
}

// OverrideSpec says which templates change, for which clusters, and how.
type OverrideSpec struct {
	// ResourceSelectors pick the templates; none picks all.
	// +optional
	ResourceSelectors []ResourceSelector `json:"resourceSelectors,omitempty"`

	// OverrideRules apply in order.
	// +optional
	OverrideRules []RuleWithCluster `json:"overrideRules,omitempty"`

	// TargetCluster is the deprecated form of a single rule; it excludes
	// OverrideRules.
	// +optional
	TargetCluster *ClusterAffinity `json:"targetCluster,omitempty"`

	// Overriders is the deprecated form of a single rule; it excludes
	// OverrideRules.
	// +optional
	Overriders Overriders `json:"overriders,omitempty"`
}

// RuleWithCluster is a set of changes for some clusters.
type RuleWithCluster struct {
	// TargetCluster picks the clusters; nil picks all.
	// +optional
	TargetCluster *ClusterAffinity `json:"targetCluster,omitempty"`

	// Overriders are the changes.
	// +required
	Overriders Overriders `json:"overriders"`
}

// Overriders are changes. They apply in the order image, command, args, labels,
// annotations, field, plaintext.
type Overriders struct {
	// Plaintext changes any path, as JSON patch does.
	// +optional
	Plaintext []PlaintextOverrider `json:"plaintext,omitempty"`

	// ImageOverrider changes parts of image names.
	// +optional
	ImageOverrider []ImageOverrider `json:"imageOverrider,omitempty"`

	// CommandOverrider changes container commands.
	// +optional
	CommandOverrider []CommandArgsOverrider `json:"commandOverrider,omitempty"`

	// ArgsOverrider changes container arguments.
	// +optional
	ArgsOverrider []CommandArgsOverrider `json:"argsOverrider,omitempty"`

	// LabelsOverrider changes the template's labels.
	// +optional
	LabelsOverrider []LabelAnnotationOverrider `json:"labelsOverrider,omitempty"`

	// AnnotationsOverrider changes the template's annotations.
	// +optional
	AnnotationsOverrider []LabelAnnotationOverrider `json:"annotationsOverrider,omitempty"`

	// FieldOverrider changes JSON or YAML text held in a string field.
	// +optional
	FieldOverrider []FieldOverrider `json:"fieldOverrider,omitempty"`
}

// OverriderOperator is an operation on a value.
type OverriderOperator string

const (
	// OverriderOpAdd adds a value.
	OverriderOpAdd OverriderOperator = "add"
	// OverriderOpRemove removes a value.
	OverriderOpRemove OverriderOperator = "remove"
	// OverriderOpReplace replaces a value.
	OverriderOpReplace OverriderOperator = "replace"
)

// LabelAnnotationOverrider changes labels or annotations.
type LabelAnnotationOverrider struct {
	// Operator: add sets keys, replace and remove act on keys that exist.
	// +kubebuilder:validation:Enum=add;remove;replace
	// +required
	Operator OverriderOperator `json:"operator"`

	// Value holds the keys and values.
	// +required
	Value map[string]string `json:"value"`
}

// ImageComponent is a part of an image name.
type ImageComponent string

const (
	// ImageRegistry is the part before the first slash, if it is a host.
	ImageRegistry ImageComponent = "Registry"
	// ImageRepository is the part between registry and tag.
	ImageRepository ImageComponent = "Repository"
	// ImageTag is the tag or digest.
	ImageTag ImageComponent = "Tag"
)

// ImageOverrider changes a part of image names.
type ImageOverrider struct {
	// Predicate names the one image to change; nil changes all containers.
	// +optional
	Predicate *ImagePredicate `json:"predicate,omitempty"`

	// Component is the part that changes.
	// +kubebuilder:validation:Enum=Registry;Repository;Tag
	// +required
	Component ImageComponent `json:"component"`

	// Operator: add appends, replace sets, remove clears.
	// +kubebuilder:validation:Enum=add;remove;replace
	// +required
	Operator OverriderOperator `json:"operator"`

	// Value for add and replace.
	// +optional
	Value string `json:"value,omitempty"`
}

// ImagePredicate names the place of an image.
type ImagePredicate struct {
	// Path is the JSON pointer to the image.
	// +required
	Path string `json:"path"`
}

// CommandArgsOverrider changes the command or arguments of a container.
type CommandArgsOverrider struct {
	// ContainerName is the container.
	// +required
	ContainerName string `json:"containerName"`

	// Operator: add appends, remove drops equal items.
	// +kubebuilder:validation:Enum=add;remove
	// +required
	Operator OverriderOperator `json:"operator"`

	// Value holds the items.
	// +optional
	Value []string `json:"value,omitempty"`
}

// PlaintextOverrider is one JSON patch operation.
type PlaintextOverrider struct {
	// Path is the JSON pointer to the field.
	// +required
	Path string `json:"path"`

	// Operator is the operation.
	// +kubebuilder:validation:Enum=add;remove;replace
	// +required
	Operator OverriderOperator `json:"operator"`

	// Value for add and replace; any JSON.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Value JSON `json:"value,omitzero"`
}

// FieldOverrider changes a document held as text in a string field. Exactly one of
// JSON and YAML is set.
type FieldOverrider struct {
	// FieldPath is the JSON pointer to the string field.
	// +required
	FieldPath string `json:"fieldPath"`

	// JSON holds operations on JSON text.
	// +optional
	JSON []JSONPatchOperation `json:"json,omitempty"`

	// YAML holds operations on YAML text.
	// +optional
	YAML []YAMLPatchOperation `json:"yaml,omitempty"`
}

// JSONPatchOperation is one operation on JSON text.
type JSONPatchOperation struct {
	// SubPath is the JSON pointer inside the text.
	// +required
	SubPath string `json:"subPath"`

	// Operator is the operation.
	// +kubebuilder:validation:Enum=add;remove;replace
	// +required
	Operator OverriderOperator `json:"operator"`

	// Value for add and replace; any JSON.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Value JSON `json:"value,omitzero"`
}

// YAMLPatchOperation is one operation on YAML text.
type YAMLPatchOperation struct {
	// SubPath is the JSON pointer inside the text.
	// +required
	SubPath string `json:"subPath"`

	// Operator is the operation.
	// +kubebuilder:validation:Enum=add;remove;replace
	// +required
	Operator OverriderOperator `json:"operator"`

	// Value for add and replace; any JSON.
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Value JSON `json:"value,omitzero"`
}
