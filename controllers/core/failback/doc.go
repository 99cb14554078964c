// Package failback moves a workload back to an earlier affinity group of its policy, step by step,
// when that group can take it again. It decides what the next step is; whether the group has room is
// placement's to say, and whether its clusters are whole the caller's.
//
// The rules:
//
//   - nothing is begun before the group could have taken the workload, and its clusters were whole,
//     for as long as the terms say; a break starts that time anew;
//   - replicas are added in the earlier group first, and taken from the later one when the added
//     ones are ready: the placement never holds fewer than are wanted, and taking never leaves fewer
//     ready ones than there were before the step, up to those that are wanted;
//   - what is not divided is added as a whole, and removed elsewhere when it is healthy;
//   - an edit of the workload's scale is followed at once, whatever step is under way;
//   - when the earlier group breaks midway, what it runs stays, and what it does not run yet is given
//     up.
//
// Everything is read from the placement, the reports and the clock, so that a restart in the middle
// goes on where it was.
package failback
