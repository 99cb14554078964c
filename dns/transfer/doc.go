// Package transfer answers the messages that no snapshot answers, and keeps copies of zones elsewhere
// up to date: transfers (AXFR, RFC 5936; IXFR, RFC 1995) to those whom the Zone allows them,
// notifications of a new serial (NOTIFY, RFC 1996), and queries that are signed with TSIG (RFC 8945).
// Updates it hands on.
//
// Copies hold the answers to clients of whom nothing is known. Where verdicts change those, the zone
// gets a new serial, a moment later, so that copies follow; see [Handler.Run].
//
// What a copy is made of is decided in package dns/core/transfer; sockets are the server's.
package transfer
