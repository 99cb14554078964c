// Package decision puts into a Decision what a placement decided and why: each cluster with its
// verdict, before and after, and what the placement says of itself. A Decision stays small however
// large the fleet is.
//
// The package also says whether a Decision is news after the last one of its template. It decides
// nothing about placements and keeps nothing: controllers/decision does that.
package decision
