// Package querylog takes down queries and their answers: as lines of JSON in a file, and as dnstap to
// a collector, each of them or one in so many.
//
// Answering never waits for it. A worker copies what is to be taken down into a ring of its own, which
// is drained aside; where the ring is full, or just being drained, the query is not taken down and
// counted as lost. Without a log nothing is copied at all: a nil Recorder does nothing.
package querylog
