package names

// Finalizers. Each comment says when it is removed.
const (
	// ClusterFinalizer on a Cluster: its execution namespace is gone and no binding
	// lists it.
	ClusterFinalizer = "karmada.io/cluster-controller"
	// PropagationPolicyFinalizer: the policy's marks are off all templates and
	// bindings.
	PropagationPolicyFinalizer = "karmada.io/propagation-policy-controller"
	// ClusterPropagationPolicyFinalizer: as PropagationPolicyFinalizer.
	ClusterPropagationPolicyFinalizer = "karmada.io/cluster-propagation-policy-controller"
	// BindingFinalizer on a ResourceBinding: all its Works have been deleted.
	BindingFinalizer = "karmada.io/binding-controller"
	// ClusterBindingFinalizer on a ClusterResourceBinding: as BindingFinalizer.
	ClusterBindingFinalizer = "karmada.io/cluster-resource-binding-controller"
	// DependenciesFinalizer on a binding with dependencies: its snapshots are off
	// the attached bindings.
	DependenciesFinalizer = "karmada.io/binding-dependencies-distributor"
	// ExecutionFinalizer on a Work: the member object is deleted or given up.
	ExecutionFinalizer = "karmada.io/execution-controller"
	// EndpointSliceFinalizer on a Work of a ServiceExport's slice: the imported
	// slices are removed.
	EndpointSliceFinalizer = "karmada.io/endpointslice-controller"
	// EndpointSliceDispatchFinalizer on a Work of a MultiClusterService's slice: the
	// dispatched slices are removed.
	EndpointSliceDispatchFinalizer = "karmada.io/mcs-endpointslice-dispatch-controller"
	// MultiClusterServiceFinalizer: the Works and the claim on the Service are
	// removed.
	MultiClusterServiceFinalizer = "karmada.io/multiclusterservice-controller"
	// DrillFinalizer on a Drill: its marks are off all Clusters.
	DrillFinalizer = "traffic.seaway.dev/drill"
)
