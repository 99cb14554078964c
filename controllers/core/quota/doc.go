// Package quota decides about FederatedResourceQuotas: what a binding uses, whether one may use more,
// what the quota's share in a cluster looks like and how the use of the clusters adds up.
//
// The use of a namespace is the sum over its bindings of requests × replicas assigned. It can not be
// read from the bindings when one of them is to grow: others may have been allowed to grow a moment ago
// and not be written yet, or be written and not be seen yet. So every quota has a Ledger: what the bindings
// that were seen use, and a reservation for each growth that was allowed and is not among them yet. Each
// step, Admit and Recount, makes a new ledger of the last one, and whoever writes it names the version it was
// made of: of two concurrent steps one is made again. Anybody may Admit; only one may Recount at a time,
// for what it has once seen written must not be unseen by another.
//
// A write that was allowed and never came about is forgotten when the API server has given it up for
// certain. Until then only its own binding may use what is reserved: trying again reserves nothing twice.
package quota
