// Package failover moves workloads out of lost clusters and back again. When is decided by
// controllers/core/failover, where to by placement; this package reads, asks both, and writes the
// answer into each binding in one patch.
//
// Leaving is one decision about all bindings of the lost clusters (evacuator): they are placed one
// after the other, the most important first, against one account of the room there is, and written in
// parallel. Who does not fit may take room from less important applications (preempt.go), or waits.
// Everything follows from the objects, so that a pass that broke off in the middle goes on where it
// was.
//
// A binding that leaves a cluster keeps a graceful eviction task for it, and with the task its Work:
// the copies over there, if they still run, are not deleted. When the cluster is back, whole and in
// traffic again, the placement is made anew with it and the task is dropped (reconciler). So pods are
// Ready before requests return to them, and the replicas that stood in for them go last.
//
// Of a singleton nothing is kept: its copy in the lost cluster is known to be stopped, is deleted as
// soon as that can be reached, and does not come back by itself.
package failover
