// Package claim decides which policy owns a template: which selectors match, which policy wins,
// which claim stands, and the marks a claim leaves. A template has at most one owner, and keeps it
// until the policy lets go or a policy with preemption takes it.
//
// The package also knows which objects are no templates at all (Rules), and what of an edit counts
// (Stamp). It decides; controllers/template reads and writes.
package claim
