// Package epoch keeps a planner that is late from overwriting what a later one has written.
//
// Of several controller processes one leads. One that has lost the lead and does not know it yet, since
// it hung or its clock stood still, may still have a plan to write that it made from what it knew then.
// The resource version alone does not stop it: its cache of plans may be fresh while its view of the
// members is old. So every leader has an epoch, each later one a higher, and writes it into its plans.
//
// A later leader that has nothing to change leaves a plan as it is, epoch and all: writing every plan at
// every start would be much ado. What a late writer makes of such a plan wakes the leader, which puts it
// right in its own epoch, and that stands.
package epoch

import trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"

// Alone is the epoch of a planner that runs without leader election: there is no other, so that it
// takes over whatever there is.
const Alone = 0

// Late says whether a writer of an epoch is too late for a plan that a writer of another has stored.
func Late(stored, own int64) bool { return own != Alone && stored > own }

// Stamp gives a new plan the epoch in which it is to be stored, and says whether it may be: not when
// the stored plan, nil if there is none, is of a later epoch. A plan that says nothing new keeps the
// epoch that is stored.
func Stamp(next, stored *trafficv1alpha1.TrafficPlanSpec, own int64) bool {
	var before int64
	if stored != nil {
		before = stored.Epoch
	}
	if Late(before, own) {
		return false
	}
	if next.Epoch = before; stored != nil && next.Same(stored) {
		return true
	}
	next.Epoch = max(own, before, 1)
	return true
}
