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
//  1. the first tier in which a cluster of positive weight is not down by quorum, by weight;
//  2. the first tier in which a cluster of weight zero is not down, evenly;
//  3. any endpoint outside the tiers that is seen healthy and is neither Draining nor Excluded,
//     evenly;
//  4. everything looks down, and no answer would certainly be wrong: rules 1 and 2 as if all were
//     healthy;
//  5. any endpoint that is neither Draining nor Excluded; then any that is not Excluded.
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
