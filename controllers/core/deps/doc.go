// Package deps decides what follows a workload into its clusters: the ConfigMaps, Secrets, claims and
// accounts that its template refers to, or whatever else the interpreter names for its kind.
//
// A binding with spec.propagateDeps is a parent. Each object on the hub that a parent's template refers
// to, by name or by labels, is a dependency and has a binding of its own, the attached one. In its
// spec.requiredBy there is a snapshot of every parent that needs it: the clusters the parent is in, and
// those that it is leaving but not directly, for what still runs there still needs it. Several parents
// share one attached binding. A dependency with a policy of its own has one binding with both: the
// placement of the policy, and the snapshots.
//
// The decision is made once per dependency, from all its parents at once: however many of them move
// together, the attached binding is written once.
//
//   - Only what lies in the parent's own namespace follows it. A reference to anything else is refused:
//     who may write in one namespace must not reach outside of it by naming things.
//   - A dependency that is not on the hub is nothing yet. It is attached when it appears.
//   - Where parents disagree, the attached binding overwrites if one of them does, and preserves if one
//     of them does. A policy of the dependency's own has the last word in both.
//   - An attached binding that nobody needs any more has no clusters and stays until its template goes.
//   - What a dependency itself refers to follows only if it is a parent too, by a policy of its own, and
//     then into the clusters of that policy.
package deps
