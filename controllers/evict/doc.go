// Package evict makes workloads leave clusters with NoExecute taints and clusters in which their
// application fails, and ends the graceful eviction tasks that come of it. What and when is decided by
// controllers/core/evict, where to by placement; this package reads, asks both, and writes the answer into
// the binding in one patch.
//
// Tasks of lost clusters are written and ended by controllers/failover.
package evict
