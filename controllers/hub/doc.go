// Package hub is the one way to write to the hub: compare first, write once, never overwrite what
// somebody else has changed in between. It also holds the cache indexes that controllers share.
package hub
