// Package failover decides when workloads leave a cluster and when they return. It moves nothing
// itself: where the replicas go is placement's decision, and where the requests go is the planner's.
//
// The rules are made so that the feature can be on by default:
//
//   - a cluster is lost only when its data path and its control plane have both been lost, without
//     a break, for as long as the policy says: one alone moves no pod;
//   - a cluster in which nothing is probed is never lost, since nobody can tell;
//   - when too many clusters are lost within ten minutes, or the hub itself seems cut off, no pod
//     is moved: requests are steered and a person is told;
//   - what has moved returns only after the cluster has been whole for as long as the policy says
//     and has its requests back; until then the copies in it and the copies that stand in for
//     them both run;
//   - of a singleton there are never two copies: it leaves a lost cluster only when that is fenced.
//
// It also says in which order bindings are placed that leave together (Order), and which replicas give
// way to more important ones when the survivors lack room (Preempt).
package failover
