// Package dns puts the DNS server together: geo databases, the feed from the hub, the engine that
// holds what is served, the probes, the sockets and the metrics. What each of them does is in their
// own packages; dns/core decides.
package dns
