package names

import "strings"

const (
	// SystemNamespace holds the control plane's own objects.
	SystemNamespace = "karmada-system"
	// ClusterNamespace holds the leases of clusters and the Secrets with their
	// credentials. In a member it holds the accounts made on join.
	ClusterNamespace = "karmada-cluster"
	// ExecutionNamespacePrefix begins the name of a cluster's execution namespace.
	ExecutionNamespacePrefix = "karmada-es-"
	// ClusterNameMaxLength bounds a cluster's name, so that its execution
	// namespace is a valid name.
	ClusterNameMaxLength = 48
)

// ExecutionNamespace returns the namespace that holds the Works of a cluster.
func ExecutionNamespace(cluster string) string {
	return ExecutionNamespacePrefix + cluster
}

// ClusterFromExecutionNamespace returns the cluster whose Works a namespace holds. It
// is false for any other namespace.
func ClusterFromExecutionNamespace(namespace string) (cluster string, ok bool) {
	cluster, ok = strings.CutPrefix(namespace, ExecutionNamespacePrefix)
	return cluster, ok && cluster != ""
}

// IsReservedNamespace reports whether a namespace belongs to the control plane: what
// is in it is never detected and never propagated.
func IsReservedNamespace(namespace string) bool {
	return namespace == SystemNamespace || namespace == ClusterNamespace ||
		strings.HasPrefix(namespace, ExecutionNamespacePrefix)
}

// Keys of the Secrets that hold a cluster's credentials.
const (
	// SecretKeyCABundle is the certificate authority of the member's API server.
	SecretKeyCABundle = "caBundle"
	// SecretKeyToken is a bearer token for the member.
	SecretKeyToken = "token"
)

const (
	// ImpersonatorAccount is the ServiceAccount in a member that may impersonate
	// callers, and the ClusterRole and ClusterRoleBinding that allow it.
	ImpersonatorAccount = "karmada-impersonator"
)

// ClusterSecretName returns the Secret in ClusterNamespace with the credentials for a
// cluster.
func ClusterSecretName(cluster string) string {
	return cluster
}

// ImpersonatorSecretName returns the Secret in ClusterNamespace with the token that
// may impersonate callers in a cluster.
func ImpersonatorSecretName(cluster string) string {
	return cluster + "-impersonator"
}

// MemberAccount returns the ServiceAccount made in a member when it joins.
func MemberAccount(cluster string) string {
	return "karmada-" + cluster
}

// MemberRole returns the ClusterRole and ClusterRoleBinding made in a member when it
// joins.
func MemberRole(cluster string) string {
	return "karmada-controller-manager:karmada-" + cluster
}

// AgentUser returns the user name of a cluster's agent in the control plane.
func AgentUser(cluster string) string {
	return "system:karmada:agent:" + cluster
}

// AgentGroup is the group of all agents in the control plane.
const AgentGroup = "system:karmada:agents"

// ClusterPropertyID is the ClusterProperty that identifies a member.
const ClusterPropertyID = "cluster.clusterset.k8s.io"
