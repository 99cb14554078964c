// Package drill rehearses the loss of clusters. Predict says beforehand who would get which requests,
// where more than an application takes in a cluster, and who would be left in no other; Check and Watch
// say what keeps a drill from starting and from going on; Step leads a Drill from phase to phase.
//
//	Pending ──► Draining     it is due and nothing speaks against it: the clusters are marked
//	Pending ──► Failed       something does: a drill that waited would begin when nobody expects it
//	Draining ──► Observing   all name servers answer without the clusters
//	Observing ──► Restoring  the time is over
//	Draining, Observing ──► Restoring  something is wrong, or a person took a mark away: aborted
//	Restoring ──► Succeeded, Failed, Aborted  requests are back, or should have been
//
// A mark is the annotation traffic.seaway.dev/drain of a Cluster, with the name of the drill. All that
// follows from it is decided by the planner (controllers/core/traffic), for a prediction as in earnest.
//
// It is pure: it marks nothing, and time is given to it. It moves no workloads, and says nothing about
// where they would go.
package drill
