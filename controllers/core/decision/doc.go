// Package decision puts into a Decision what was decided and why: of a placement each cluster with its
// verdict, before and after, and what the placement says of itself; of a new plan each endpoint that is
// in another state, and the signals behind that. A Decision stays small however large the fleet is.
//
// The package also says whether a Decision is news after the last one of its subject. It decides
// nothing about placements and plans and keeps nothing: controllers/decision does that.
package decision
