// Package steer decides which cluster a client is sent to, by a TrafficPlan and the verdicts on its
// endpoints.
//
// A [Plan] is compiled once. What follows from the verdicts, the clusters that may be chosen for
// each client region, is derived when a verdict changes and published with one atomic store, so
// that every worker sees it with its next query. [Plan.Pick] then costs a lookup of the client's
// region and, where several clusters share the requests, one hash for each.
//
// # Which clusters
//
// The tiers are those of the client's region, or the global ones where it is unknown or has none.
// Of these rules the first that yields a cluster with an address is used:
//
//  1. the first tier in which clusters with at least half of its weight are not down by quorum: those,
//     by weight;
//  2. every tier has less than that left: all clusters of positive weight, of any tier, that are not
//     down, together, by weight;
//  3. the first tier in which a cluster of weight zero is not down, evenly;
//  4. any endpoint outside the tiers that is seen healthy and is neither Draining nor Excluded,
//     evenly;
//  5. everything looks down, and no answer would certainly be wrong: as if all were healthy, the
//     first tier with a cluster of positive weight, else with one of weight zero;
//  6. any endpoint that is neither Draining nor Excluded; then any that is not Excluded.
//
// Half is where a tier stops being the right place: its few survivors would get the requests of all,
// while the next tier is whole. And where no tier is whole, sharing what is left is better than
// giving everything to the survivors of the first. Clusters without an address count for nothing.
// A cluster that is down by quorum is answered only when all are.
//
// An Excluded endpoint is never chosen: the policy forbids it, and an empty answer is then what was
// asked for.
//
// # Which of them
//
// Clients are not drawn but hashed, by their network block (/24 for IPv4, /48 for IPv6) and the
// cluster's name: rendezvous hashing with weights, in which a change of weights moves only the
// share of clients that it must, a cluster that goes away moves only its own clients, and all
// servers agree without talking. The scope of the answer says the block.
//
// The package is pure but for the atomic store.
package steer
