// Package scheduler places bindings: when one is due it asks controllers/core/placement, writes the
// clusters in one patch, and says in status and events how it went. Workers decide in parallel over
// one snapshot of the clusters. A change of a cluster wakes the bindings whose affinity it is in and
// no others.
//
// Placer is the same decision without the writing, for failover.
package scheduler
