package steer

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"net/netip"
)

// Network blocks by which clients are told apart. Clients of one block are always answered alike.
const (
	BlockIPv4 = 24
	BlockIPv6 = 48
)

// Choice is where a client is sent.
type Choice struct {
	// Endpoint is the index of the endpoint, or -1 where the plan has none to answer with.
	Endpoint int
	// Scope is the number of leading bits of the client's address that decided (RFC 7871).
	Scope uint8
	// Rule by which the endpoints were found among which the client's network is hashed.
	Rule Rule
	// Tier is the tier that was used, counted from 0; -1 where none was.
	Tier int
}

// Pick chooses the endpoint for a client. An address that is not valid is one of which nothing is
// known.
func (p *Plan) Pick(client netip.Addr) Choice {
	v := p.current.Load()
	ranking, scope := p.ranked(client)
	used := &v.pools[ranking]
	candidates := used.candidates
	c := Choice{Endpoint: -1, Scope: scope, Rule: used.rule, Tier: used.tier}
	switch len(candidates) {
	case 0:
		return c
	case 1:
		c.Endpoint = candidates[0].endpoint
		return c
	}
	block, bits := Block(client)
	best, bestCost := 0, math.Inf(1)
	for i := range candidates {
		if cost := candidates[i].cost(block); cost < bestCost {
			best, bestCost = i, cost
		}
	}
	c.Endpoint, c.Scope = candidates[best].endpoint, max(scope, bits)
	return c
}

// Ranked is the number of the ranking for a client, the global one being 0, and how many leading bits
// of the address say so.
func (p *Plan) Ranked(client netip.Addr) (ranking int, scope uint8) {
	r, scope := p.ranked(client)
	return int(r), scope
}

// Pool is among which endpoints the clients of a ranking are divided at present, and by what weights.
func (p *Plan) Pool(ranking int) []Weighted {
	var out []Weighted
	for _, c := range p.current.Load().pools[ranking].candidates {
		out = append(out, Weighted{Endpoint: c.endpoint, Weight: c.weight()})
	}
	return out
}

// ranked is the ranking for a client and the scope of that decision.
func (p *Plan) ranked(client netip.Addr) (ranking uint16, scope uint8) {
	if p.table == nil {
		return 0, 0
	}
	class, scope := p.table.Lookup(client)
	return p.classes[class], scope
}

// cost is what a candidate asks for a block; the cheapest wins. An exponential variable with the
// candidate's weight as its rate makes each win in proportion to its weight, and since no
// candidate's cost depends on the others', nothing moves between those that stay as they are.
func (c *candidate) cost(block uint64) float64 {
	// 53 bits, centred, so that the logarithm is neither of 0 nor of 1.
	u := (float64(mix(block^c.seed)>>11) + 0.5) / (1 << 53)
	return -math.Log(u) * c.inverse
}

// Block is the network block of a client as a number, and its length in bits.
func Block(client netip.Addr) (block uint64, bits uint8) {
	switch {
	case client.Is4():
		b := client.As4()
		// The family is part of the number: 4 where an IPv6 block has its last two octets, zero.
		return uint64(b[0])<<56 | uint64(b[1])<<48 | uint64(b[2])<<40 | 4, BlockIPv4
	case client.IsValid():
		b := client.As16()
		return binary.BigEndian.Uint64(b[:8]) &^ 0xFFFF, BlockIPv6
	}
	return 0, 0
}

// Spread maps a client's block to a number below n, evenly. It divides the addresses of one
// endpoint among clients where not all fit into an answer.
func Spread(block uint64, n int) int { return int(mix(block^spreadSeed) % uint64(n)) }

const spreadSeed = 0x5eaa_0add_7e55

// seed stands for a cluster in the hashes of a plan. It must never change: it decides which clients
// a cluster has.
func seed(plan, cluster string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(plan))
	h.Write([]byte{0})
	h.Write([]byte(cluster))
	return h.Sum64()
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014): every bit of the result depends
// on every bit of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
