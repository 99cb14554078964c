// Package keys runs the life of zones' keys: it makes them, keeps them in Secrets that the name servers
// read, and has each step of their lives decided by dns/core/dnssec. It looks at what it needs for that:
// the parent zone, and in their reports which keys the name servers serve.
//
// Every decision is one write, of one Secret, before anything of it is served. A decision that lost a
// race is decided anew. Private keys are made here and are nowhere but in that Secret: not in a log, an
// event, a status or an error.
//
// No step is taken while any name server reports older keys than those decided last, even one that has
// not reported for long: what is cut off from the hub still answers. The deletion of its EndpointHealth
// says that it is gone.
package keys
