// Package traffic runs the planner: for every TrafficPolicy it gathers what the plan depends on, lets
// controllers/core/traffic decide, and writes the TrafficPlan in one request and the policy's status in
// another, each only when something changed. It also says in the status of Zones and RegionMaps what
// became of them.
//
// The way from a verdict to a new plan is kept short: the health view names the policies concerned,
// these go to the head of the queue, and gathering reads the cache and memory only.
//
// What wakes a policy: its own spec; the policies that claim one of its host names; the Zones those
// lie in; the labels of its namespace; its target on the hub; the Clusters in its plan; its target in a
// member; verdicts on its endpoints; somebody's edit of its plan; and time. All of these are found
// through indexes. Only four things, all rare, wake every policy: a RegionMap, a vantage point that
// comes or goes, a member that is connected or disconnected, and a restart. They do so at the lowest
// priority.
package traffic
