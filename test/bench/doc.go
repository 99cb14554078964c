// Package bench measures what only whole programs on a real API server can show: how many bindings a
// second are scheduled, how that grows, and how long a restart takes; how many Works a second reach
// members, real ones and a crowd in memory, how long a change takes, and what that costs; and how long it takes from a TrafficPlan in the hub to the
// answers of the name servers. It prints figures and asserts no times.
package bench
