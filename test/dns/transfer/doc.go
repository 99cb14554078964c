// Package transfer tests copies of zones with real name servers: NSD, Knot and BIND as secondaries of
// ours, and the tools that people use (nsupdate, dig, kdig), against whole sockets on loopback.
package transfer
