// Command dns measures the DNS server beside NSD, Knot and a plain handler of miekg/dns: answers for
// each second of the server's CPU, latency at half of what it can do, what happens far beyond that,
// memory, and allocations. Servers run alone on one core, the load comes from another, and rounds of
// all servers take turns, so that what disturbs the machine disturbs all.
//
// Clients are a hundred thousand addresses of the loopback network, so that the limits on answers,
// which stay on, see what they see in the world. Run it with `make bench-dns`.
package main
