// Package scheduler places bindings: when one is due it asks controllers/core/placement, writes the
// clusters in one patch, and says in status and events how it went.
//
// Workers decide in parallel over one snapshot of the clusters, without a lock. What one of them has
// placed, the others see at once, before it is written: room in the ledger, peers of affinity groups
// beside it. A decision that was overtaken by another is made again; the writes of a binding never
// wait for those of others.
//
// A change of a cluster wakes the bindings whose affinity it is in and no others, and those that lack
// room when there is more. A binding that uses a later affinity group than it might is led back, step
// by step; when, is decided by controllers/core/failback.
//
// Placer is the same decision without the writing, for failover.
package scheduler
