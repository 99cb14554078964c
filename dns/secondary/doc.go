// Package secondary keeps copies of the zones that other servers are the primaries of (RFC 1034 section
// 4.3.5, RFC 5936, RFC 1995): fetched when there is none, looked after as the SOA's timers say and when
// a primary notifies, and kept on disk, so that they are served without the primary, and until they
// expire.
//
// What an answer makes of a copy is decided in package dns/core/transfer; serving is the engine's.
package secondary
