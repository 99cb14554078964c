package failover

import "k8s.io/apimachinery/pkg/util/intstr"

// Isolated says why the hub itself is thought to be cut off; it is empty when it is not.
func (s Survey) Isolated() string { return s.isolated }

// Allowed is how many of so many clusters a limit such as MaxUnavailable lets go: a percentage is rounded
// down, and at least one may always go.
func Allowed(limit intstr.IntOrString, clusters int) int { return atLeastOne(limit, clusters) }
