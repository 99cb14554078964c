// Package sim is the whole loop of Seaway in virtual time: clusters with pods and gateways, name
// servers that probe and answer, a hub that judges, plans and moves, clients, and the messages between
// them, which may be late, lost, repeated and out of order.
//
// What decides is the product's own: cluster.Ready and Taints, health.Reports, traffic.Plan,
// failover.Survey, placement.Place and Due, and render's targets at the hub; verdict.Watch, Network and
// Peers, held.Objects, and the compiled zones with their steering at the name servers. What only
// gathers and carries out is written here in a few lines for each, in the order in which the
// reconcilers, the engine and the feed do it.
//
// A [World] goes in steps of half a second. Within a step there are four phases: what happens to the
// world (faults, pods), what is seen of it (probes, samples of API servers), what is heard (messages),
// and what is decided and carried out. What falls into one phase of one step is simultaneous: it is
// handled in a fixed order or in one drawn from a seed, and must lead to the same.
//
// The safety invariants of the design are checkers: see [Invariants]. They look at the world as it
// really is, at what was written and at what is answered, after every step, and ask none of the
// product's code whether it was right.
//
// What is not here: sockets, caches and queues of the reconcilers, the scheduler's queue and ledger,
// meshes. Those have their own tests, and the same faults happen to real processes in test/e2e.
package sim
