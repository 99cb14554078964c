// Package failover moves workloads out of lost clusters and back again. When is decided by
// controllers/core/failover, where to by placement; this package reads, asks both, and writes the
// answer into the binding in one patch.
//
// A binding that leaves a cluster keeps a graceful eviction task for it, and with the task its Work:
// the copies over there, if they still run, are not deleted. When the cluster is back, whole and in
// traffic again, the placement is made anew with it and the task is dropped. So pods are Ready
// before requests return to them, and the replicas that stood in for them go last.
package failover
