//go:build linux

package demo

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/test/fleet"
)

// Answer is what a name server said.
type Answer struct {
	Address netip.Addr // the first address; none when there is none
	Rcode   int
	TTL     uint32
	Scope   uint8
	Message *dns.Msg
}

// Ask sends one A question for name from a host to a server, as a resolver does for a client in subnet
// (none when not valid).
func Ask(ctx context.Context, from *fleet.Host, server netip.AddrPort, name string, subnet netip.Prefix, within time.Duration) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	conn, err := from.DialContext(ctx, "udp", server.String())
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA)
	q.SetEdns0(1232, false)
	if subnet.IsValid() {
		family := uint16(1)
		if subnet.Addr().Is6() {
			family = 2
		}
		q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(subnet.Bits()), Address: net.IP(subnet.Addr().AsSlice()),
		})
	}
	client := dns.Client{Timeout: within}
	answer, _, err := client.ExchangeWithConnContext(ctx, q, &dns.Conn{Conn: conn, UDPSize: 1232})
	if err != nil {
		return Answer{}, err
	}
	out := Answer{Rcode: answer.Rcode, Message: answer}
	for _, rr := range answer.Answer {
		if a, ok := rr.(*dns.A); ok && !out.Address.IsValid() {
			out.Address, _ = netip.AddrFromSlice(a.A.To4())
			out.TTL = a.Hdr.Ttl
		}
	}
	if opt := answer.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if s, ok := o.(*dns.EDNS0_SUBNET); ok {
				out.Scope = s.SourceScope
			}
		}
	}
	if out.Rcode != dns.RcodeSuccess {
		return out, fmt.Errorf("%s answers %s", server, dns.RcodeToString[out.Rcode])
	}
	return out, nil
}

// Port53 is a host's name server.
func Port53(h *fleet.Host) netip.AddrPort { return netip.AddrPortFrom(h.Addr(), 53) }

// Clients of three places, as networks that any country database knows.
var places = []struct {
	Name    string
	Subnet  netip.Prefix
	Nearest string
}{
	{"Frankfurt", netip.MustParsePrefix("46.4.0.0/24"), "fra"},
	{"Virginia", netip.MustParsePrefix("128.143.0.0/24"), "iad"},
	{"Singapore", netip.MustParsePrefix("165.21.83.0/24"), "sin"},
}

// ClientsNear is a network of clients whose nearest cluster of Members it is.
func ClientsNear(cluster string) (subnet netip.Prefix) {
	for _, p := range places {
		if p.Nearest == cluster {
			return p.Subnet
		}
	}
	return subnet
}
