package names

import (
	"hash/fnv"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/rand"
)

// hash is FNV-1a (32 bit) of s in decimal, in the alphabet Kubernetes uses for
// generated names.
func hash(s string) string {
	h := fnv.New32a()
	h.Write([]byte(s)) // never fails, says hash.Hash
	return rand.SafeEncodeString(strconv.FormatUint(uint64(h.Sum32()), 10))
}

// BindingName returns the name of the ResourceBinding or ClusterResourceBinding of a
// template: "nginx-deployment" for the Deployment nginx. There is no hash in it, so
// kinds of the same name in different groups share a binding name.
func BindingName(kind, name string) string {
	return strings.ToLower(withoutColons(name) + "-" + kind)
}

// WorkName returns the name of the Work of a template. The namespace is empty for a
// cluster-scoped template.
func WorkName(kind, name, namespace string) string {
	name = withoutColons(name)
	key := name + "-" + kind
	if namespace != "" {
		key = namespace + "-" + key
	}
	return strings.ToLower(name + "-" + hash(strings.ToLower(key)))
}

// withoutColons makes an RBAC name such as "system:foo" a valid object name.
func withoutColons(name string) string {
	return strings.ReplaceAll(name, ":", ".")
}

// DerivedPolicyName returns the name of the policy made for one object, for example
// when it is promoted. The namespace is empty for a cluster-scoped object.
func DerivedPolicyName(namespace, name string, gvk schema.GroupVersionKind) string {
	return strings.ToLower(name + "-" + hash(namespace+gvk.String()))
}

// DependedByLabelKey returns the label that a binding carries when the binding
// namespace/name requires it. The namespace is empty for a ClusterResourceBinding.
func DependedByLabelKey(namespace, name string) string {
	key := name
	if namespace != "" {
		key = namespace + "/" + name
	}
	return DependedByLabelPrefix + hash(key)
}

// DerivedServiceName returns the name of the Service made for a ServiceImport.
func DerivedServiceName(service string) string {
	return "derived-" + service
}

// ImportedEndpointSliceName returns the name of the EndpointSlice that a cluster
// exported, in the control plane.
func ImportedEndpointSliceName(cluster, slice string) string {
	return "imported-" + cluster + "-" + slice
}

// DispatchedEndpointSliceName returns the name under which a provider's EndpointSlice
// of a MultiClusterService arrives in its consumers.
func DispatchedEndpointSliceName(provider, slice string) string {
	return provider + "-" + slice
}

// EstimatorName returns the name of a cluster's estimator Service and Deployment. An
// empty prefix stands for EstimatorPrefix.
func EstimatorName(prefix, cluster string) string {
	if prefix == "" {
		prefix = EstimatorPrefix
	}
	return prefix + "-" + cluster
}

const (
	// EstimatorPrefix begins the names of estimators.
	EstimatorPrefix = "karmada-scheduler-estimator"
	// EstimatorPort is the gRPC port of an estimator.
	EstimatorPort = 10352
)
