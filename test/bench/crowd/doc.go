// Package crowd is many member clusters in one handler: each serves, from memory, as much of the
// Kubernetes API as a federation asks of a member: discovery, health, and get, list, watch, create,
// update, patch and delete of a few kinds. So a benchmark or a test has a thousand members at the cost
// of their connections, and members that misbehave on command.
//
// It is not an API server: it validates nothing but names, fills in no defaults, knows no finalizers,
// and keeps no history, so that a watch from the past is told to list again.
package crowd
