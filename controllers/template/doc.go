// Package template finds templates, the native objects on the hub that a policy sends to clusters,
// and keeps a binding for each: which policy owns it, what is to be placed, and how many replicas.
// Who owns what is decided by controllers/core/claim; this package watches, reads and writes.
//
// Every resource the hub serves is watched, by metadata only; the whole of an object is read when a
// policy owns it and something of it changed. An object that no policy selects costs its metadata
// in memory and nothing else: it waits there until a policy comes.
//
// A new template costs one patch of it, for the marks, and one write of its binding, which is created
// complete; a change of a policy costs one patch of each binding it changes. Nothing is written, nor
// read from the hub, when nothing changed.
//
// A policy that selects a kind the hub does not serve is accepted: the kind may come with a CRD
// later, and its objects are claimed then. Until then an event on the policy says what is missing,
// since policies have no status. A policy that is not valid has no effect: it claims nothing, and
// what it owns stays as it is. An event on the policy names the field.
package template
