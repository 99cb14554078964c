// Package validation fills in and checks what users write: policies, Clusters and
// Works. It is pure and has no state; webhooks and the aggregated API server call it
// at admission, and reconcilers call it again, since admission may have been down.
//
// Default functions change their argument and may be called any number of times.
// Validate functions return every fault with the field and the way to mend it; old is
// nil at creation. What a CRD's own schema checks is not checked here again.
package validation
