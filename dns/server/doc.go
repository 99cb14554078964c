// Package server is the sockets of the DNS server: UDP and TCP on any number of addresses, with one
// path for every message, whatever it came by: package answer, applied to the snapshot that is
// current at that moment.
//
// UDP has one socket and one goroutine for each CPU and address (SO_REUSEPORT), which share nothing.
// TCP connections are bounded in number, for each client and altogether, and in how long they may be
// idle, take to send a message, or take to read an answer; what is too much is closed, so that
// accepting never waits and UDP never notices (RFC 7766, RFC 9210).
//
// The package knows no zones and decides no answers.
package server
