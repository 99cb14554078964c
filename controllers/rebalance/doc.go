// Package rebalance carries out WorkloadRebalancers: each of the workloads named in one is placed anew,
// from scratch and from the first of its affinity groups on, as if it had never been placed. It is how
// a person undoes what failovers, scale-downs and new clusters have left behind. This package only
// gives the order, as spec.rescheduleTriggeredAt of the binding; placing is the scheduler's.
//
// An order is given once. Its time is the creation of the WorkloadRebalancer, so that applying the same
// object again, or adding a workload to it that was placed since, changes nothing. To ask again, create
// another object: under a new name (kubectl create with metadata.generateName), or after deleting the
// old one, which ttlSecondsAfterFinished does by itself.
//
// A workload without a binding fails for good, until the spec is edited: it may not have been claimed by
// a policy yet. What could not be written is tried again, and the object is finished when nothing of
// that is left.
package rebalance
