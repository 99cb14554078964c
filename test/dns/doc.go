// Package dns tests the DNS server from outside: whole servers on loopback sockets, asked by a client
// that shares no code with them.
package dns
