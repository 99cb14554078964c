// Package transfer is what copies of zones are made of: the records of a zone as a list, the changes
// from one serial to the next, and both as messages of a transfer (AXFR, RFC 5936; IXFR, RFC 1995).
//
// A copy cannot steer. It holds for each host name what a client of whom nothing is known is answered
// at that moment: all addresses of the one cluster that the global ranking and the verdicts lead to.
//
// The package knows no sockets, keys or clocks.
package transfer
