// Package deschedule looks, every so often, for replicas that no node of their cluster takes, and lowers
// what the cluster is assigned by them, so that the scheduler places them elsewhere. What may be taken is
// decided by controllers/core/deschedule; how many pods hang is asked of a function, cluster by cluster.
//
// It is optional and not part of any path that somebody waits for. A pass reads the cache, asks only
// clusters in which fewer replicas are ready than assigned, and is spread over part of its interval. A
// cluster that does not answer is not asked again in the same pass. When replicas come back to a cluster
// they were taken from, because the scheduler believes in room that is not there, they are left there
// for longer each time.
package deschedule
