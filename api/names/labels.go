package names

import "strings"

// Permanent ids. Admission sets each at creation, a UUID that never changes. They,
// not UIDs, join objects, so that a restored backup keeps its links.
const (
	// PropagationPolicyPermanentID marks a PropagationPolicy, the templates it
	// claimed and their bindings.
	PropagationPolicyPermanentID = "propagationpolicy.karmada.io/permanent-id"
	// ClusterPropagationPolicyPermanentID marks a ClusterPropagationPolicy, the
	// templates it claimed and their bindings.
	ClusterPropagationPolicyPermanentID = "clusterpropagationpolicy.karmada.io/permanent-id"
	// ResourceBindingPermanentID marks a ResourceBinding, its Works and the
	// objects in members.
	ResourceBindingPermanentID = "resourcebinding.karmada.io/permanent-id"
	// ClusterResourceBindingPermanentID marks a ClusterResourceBinding, its Works
	// and the objects in members.
	ClusterResourceBindingPermanentID = "clusterresourcebinding.karmada.io/permanent-id"
	// WorkPermanentID marks a Work and the objects it made in its member.
	WorkPermanentID = "work.karmada.io/permanent-id"
	// MultiClusterServicePermanentID marks a MultiClusterService and what it made.
	MultiClusterServicePermanentID = "multiclusterservice.karmada.io/permanent-id"
)

// IsOwnershipLabel reports whether a label key says who owns an object: ManagedLabel, ClaimedByLabel,
// every permanent id and whatever else is of Works. Users may not change such a label in a member.
func IsOwnershipLabel(key string) bool {
	return key == ManagedLabel || key == ClaimedByLabel || strings.HasPrefix(key, workPrefix) || strings.HasSuffix(key, ".karmada.io/permanent-id")
}

// IsOwnershipAnnotation is IsOwnershipLabel for annotations: those of Works, those that name the
// policy and the binding, and the bookkeeping about the template.
func IsOwnershipAnnotation(key string) bool {
	switch key {
	case PropagationPolicyNamespaceAnnotation, PropagationPolicyNameAnnotation, ClusterPropagationPolicyNameAnnotation,
		ResourceBindingNamespaceAnnotation, ResourceBindingNameAnnotation, ClusterResourceBindingNameAnnotation,
		TemplateUIDAnnotation, TemplateGenerationAnnotation, ManagedAnnotationsAnnotation, ManagedLabelsAnnotation:
		return true
	}
	return strings.HasPrefix(key, workPrefix)
}

// workPrefix begins the labels and annotations that tie an object to its Work.
const workPrefix = "work.karmada.io/"

// Labels.
const (
	// SystemLabel is "true" on what the control plane made for itself.
	SystemLabel = "karmada.io/system"
	// ManagedLabel is "true" on every object we own in a member.
	ManagedLabel = "karmada.io/managed"
	// ClaimedByLabel names what owns a template instead of a policy; the detector
	// leaves such a template alone.
	ClaimedByLabel = "resourcetemplate.karmada.io/claimed-by"
	// RetainReplicasLabel is "true" on a template whose replicas the member decides.
	RetainReplicasLabel = "resourcetemplate.karmada.io/retain-replicas"
	// DeletionProtectedLabel forbids deletion when its value is
	// DeletionProtectionAlways.
	DeletionProtectedLabel = "resourcetemplate.karmada.io/deletion-protected"
	// DeletionProtectionAlways is the one value of DeletionProtectedLabel.
	DeletionProtectionAlways = "Always"
	// BindingManagedByLabel names what made a binding if not a policy.
	BindingManagedByLabel = "binding.karmada.io/managed-by"
	// SkipAutoPropagationLabel is "true" on a Namespace that stays in the control
	// plane.
	SkipAutoPropagationLabel = "namespace.karmada.io/skip-auto-propagation"
	// DependedByLabelPrefix begins the labels DependedByLabelKey makes.
	DependedByLabelPrefix = "resourcebinding.karmada.io/depended-by-"

	// EndpointSliceNameLabel names the slice a Work collected.
	EndpointSliceNameLabel = "endpointslice.karmada.io/name"
	// EndpointSliceNamespaceLabel is the namespace of that slice.
	EndpointSliceNamespaceLabel = "endpointslice.karmada.io/namespace"
	// EndpointSliceManagedByLabel says for which API the slice was collected.
	EndpointSliceManagedByLabel = "endpointslice.karmada.io/managed-by"

	// MultiClusterServiceName is a label on Works and an annotation on the Service
	// and its binding.
	MultiClusterServiceName = "multiclusterservice.karmada.io/name"
	// MultiClusterServiceNamespace goes with MultiClusterServiceName.
	MultiClusterServiceNamespace = "multiclusterservice.karmada.io/namespace"

	// FederatedResourceQuotaName marks the Works of a quota.
	FederatedResourceQuotaName = "federatedresourcequota.karmada.io/name"
	// FederatedResourceQuotaNamespace goes with FederatedResourceQuotaName.
	FederatedResourceQuotaNamespace = "federatedresourcequota.karmada.io/namespace"
)

// Values of EndpointSliceManagedByLabel and of Kubernetes'
// endpointslice.kubernetes.io/managed-by.
const (
	// SliceCollectedForServiceExport marks Works of slices of a ServiceExport.
	SliceCollectedForServiceExport = "ServiceExport"
	// SliceCollectedForMultiClusterService marks Works of slices of a
	// MultiClusterService.
	SliceCollectedForMultiClusterService = "MultiClusterService"
	// SliceImportController manages slices imported for a ServiceImport.
	SliceImportController = "endpointslice-controller.karmada.io"
	// SliceDispatchController manages slices dispatched to consumers.
	SliceDispatchController = "endpointslice-dispatch-controller.karmada.io"
)

// Annotations.
const (
	// PropagationPolicyNamespaceAnnotation and PropagationPolicyNameAnnotation name
	// the PropagationPolicy that claimed a template.
	PropagationPolicyNamespaceAnnotation = "propagationpolicy.karmada.io/namespace"
	// PropagationPolicyNameAnnotation: see PropagationPolicyNamespaceAnnotation.
	PropagationPolicyNameAnnotation = "propagationpolicy.karmada.io/name"
	// ClusterPropagationPolicyNameAnnotation names the ClusterPropagationPolicy that
	// claimed a template.
	ClusterPropagationPolicyNameAnnotation = "clusterpropagationpolicy.karmada.io/name"

	// ResourceBindingNamespaceAnnotation and ResourceBindingNameAnnotation name the
	// ResourceBinding of a Work and of the objects in members.
	ResourceBindingNamespaceAnnotation = "resourcebinding.karmada.io/namespace"
	// ResourceBindingNameAnnotation: see ResourceBindingNamespaceAnnotation.
	ResourceBindingNameAnnotation = "resourcebinding.karmada.io/name"
	// ClusterResourceBindingNameAnnotation names the ClusterResourceBinding of a
	// Work and of the objects in members.
	ClusterResourceBindingNameAnnotation = "clusterresourcebinding.karmada.io/name"

	// WorkNamespaceAnnotation and WorkNameAnnotation name the Work of an object in
	// a member.
	WorkNamespaceAnnotation = "work.karmada.io/namespace"
	// WorkNameAnnotation: see WorkNamespaceAnnotation.
	WorkNameAnnotation = "work.karmada.io/name"
	// ConflictResolutionAnnotation is ConflictResolutionOverwrite or
	// ConflictResolutionAbort, on a template, Work or object in a member.
	ConflictResolutionAnnotation = "work.karmada.io/conflict-resolution"
	// ConflictResolutionOverwrite takes over a foreign object.
	ConflictResolutionOverwrite = "overwrite"
	// ConflictResolutionAbort leaves a foreign object.
	ConflictResolutionAbort = "abort"

	// AppliedOverridesAnnotation on a Work is the JSON list of {policyName,
	// overriders} of the OverridePolicies applied, sorted by policy.
	AppliedOverridesAnnotation = "policy.karmada.io/applied-overrides"
	// AppliedClusterOverridesAnnotation is the same for ClusterOverridePolicies.
	AppliedClusterOverridesAnnotation = "policy.karmada.io/applied-cluster-overrides"
	// AppliedPlacementAnnotation on a binding is the JSON of the placement that was
	// scheduled last.
	AppliedPlacementAnnotation = "policy.karmada.io/applied-placement"
	// BuiltFromAnnotation on a binding says of which state of template and policy it
	// was built; see controllers/core/claim.
	BuiltFromAnnotation = "seaway.dev/built-from"
	// DependenciesAnnotation on a binding is the JSON list of what its template
	// refers to.
	DependenciesAnnotation = "resourcebinding.karmada.io/dependencies"

	// TemplateUIDAnnotation on an object in a member is its template's UID.
	TemplateUIDAnnotation = "resourcetemplate.karmada.io/uid"
	// TemplateGenerationAnnotation is the template's generation, if above 0.
	TemplateGenerationAnnotation = "resourcetemplate.karmada.io/generation"
	// ManagedAnnotationsAnnotation lists, sorted and joined by commas, the
	// annotation keys we set; it always lists both bookkeeping keys.
	ManagedAnnotationsAnnotation = "resourcetemplate.karmada.io/managed-annotations"
	// ManagedLabelsAnnotation lists the label keys we set.
	ManagedLabelsAnnotation = "resourcetemplate.karmada.io/managed-labels"

	// ProvisionClusterAnnotation on a dispatched EndpointSlice is its provider.
	ProvisionClusterAnnotation = "endpointslice.karmada.io/provision-cluster"
	// CachedFromClusterAnnotation on a search result is its cluster.
	CachedFromClusterAnnotation = "resource.karmada.io/cached-from-cluster"
	// QueryFromClusterAnnotation on a metric is its cluster.
	QueryFromClusterAnnotation = "resource.karmada.io/query-from-cluster"
)

// Keys of cluster taints.
const (
	// TaintClusterNotReady is set, with NoSchedule, while Ready is False or absent.
	TaintClusterNotReady = "cluster.karmada.io/not-ready"
	// TaintClusterUnreachable is set, with NoSchedule, while Ready is Unknown.
	TaintClusterUnreachable = "cluster.karmada.io/unreachable"
	// TaintClusterUnschedulable is set, with NoSchedule, by cordon.
	TaintClusterUnschedulable = "cluster.karmada.io/unschedulable"
)
