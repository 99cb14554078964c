// Package drill runs Drills: it gathers what the federation looks like, lets controllers/core/drill say
// the next step, and carries it out: the status, then the marks on the clusters. Requests follow from the
// marks through the planner, and nothing else is moved.
//
// Marks are always taken away. A Drill has a finalizer for as long as there are any; a run goes on where
// it stopped when the controller starts anew; and a mark of a Drill that is not there, or is not running,
// is removed on sight.
//
// One Drill is handled at a time, so that no two begin at once that must not.
package drill
