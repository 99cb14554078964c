// Package traffic is the planner: it decides for one application where its requests go. Plan turns a
// TrafficPolicy, the clusters, what was discovered in them and what the vantage points say into the
// TrafficPlan that DNS servers and meshes act on, with a reason for everything it says.
//
// It is a pure function. The same input gives the same plan, byte for byte. All that lasts over time
// (outages, recoveries) is read from the timestamps of the previous plan, so that a planner that was
// away, or another one, goes on where this one stopped. All stored moments are whole seconds, as the
// API keeps them, and are rounded to the careful side: outages look longer and recoveries younger
// than they are, by less than a second.
//
// The states of an endpoint, and what leads from one to the other:
//
//	new ──► Serving        at once when nobody else serves, else on the first good verdict, and
//	                       without one when the vantage points give none for a while
//	Serving ◄─► Suspect    the control plane is lost, the data path is not: requests stay
//	any ──► Down           a quorum can not reach it, or nothing is ready behind it
//	Down ──► Serving       after a blip: an outage shorter than moveWorkloadsAfter, and the first for
//	                       as long as stableFor
//	Down ──► Recovering    after any other outage: nothing for stableFor, then stepPercent more every
//	                       stepEvery; in full at once when nobody else is left
//	Recovering ──► Serving when the last step is made
//	any ──► Draining       the Cluster is being deleted, somebody drains it, or a Remedy asks for
//	                       TrafficControl on it
//	Draining ──► Recovering when nobody asks for it any more; the steps of a drain begin at once
//	any ──► Excluded       the policy does not select the cluster, or it is outside of the wall
//
// What a cluster can not take goes to others: fill says where everybody could go, spill moves there
// in steps, by what was measured and what the previous plan says is spilled already. A hold keeps all of
// this as it is.
//
// Silence is neither an outage nor a recovery: while the vantage points say nothing, an endpoint
// that serves goes on, and one that was down by verdict stays down. While a member can not be asked,
// its addresses and the number of its ready replicas are those that were last known.
//
// What the package does not do: it does not move workloads, resolve names or probe anything.
package traffic
