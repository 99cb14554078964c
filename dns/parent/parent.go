// Package parent asks the parent of a zone what it says of the zone: which DS records and which
// delegation each of its servers has. It finds these servers through a resolver and asks them
// themselves, since what matters is what every one of them answers, and not what some cache holds.
//
// The package changes nothing, and draws no conclusions: those are of package dnssec.
package parent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	timeout = 2 * time.Second // of one query
	tries   = 2
	// maxServers bounds what a parent can make us ask.
	maxServers = 26
)

// Asker asks parents.
type Asker struct {
	// Resolver is the address of a recursive resolver, with its port.
	Resolver string
	// Port of authoritative servers; 53 if 0.
	Port uint16
}

// System is an Asker that uses the host's first resolver.
func System() (*Asker, error) {
	c, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, fmt.Errorf("find a resolver: %w", err)
	}
	if len(c.Servers) == 0 {
		return nil, errors.New("find a resolver: /etc/resolv.conf names none")
	}
	return &Asker{Resolver: net.JoinHostPort(c.Servers[0], c.Port)}, nil
}

// View is what a parent zone has of a zone.
type View struct {
	// Zone is the parent's name, absolute.
	Zone string
	// Servers of the parent, by name.
	Servers []Server
}

// Server is one server of a parent zone, and what it has.
type Server struct {
	Name    string
	Address netip.Addr // that answered
	// DS records of the zone, TTL their time to live; with no records that of the denial.
	DS  []*dns.DS
	TTL time.Duration
	// NS are the names in its referral, lower-case and absolute, and Glue the addresses that come with
	// it. They are only there when they were asked for.
	NS   []string
	Glue map[string][]netip.Addr
	// Err says why there is no answer; all else is then empty.
	Err error
}

// DS asks every server of the parent for the DS records of a zone.
func (a *Asker) DS(ctx context.Context, domain string) (*View, error) {
	return a.look(ctx, domain, func(ctx context.Context, s *Server, at netip.AddrPort) error {
		return readDS(ctx, s, at, domain)
	})
}

// Delegation asks for the delegation as well.
func (a *Asker) Delegation(ctx context.Context, domain string) (*View, error) {
	return a.look(ctx, domain, func(ctx context.Context, s *Server, at netip.AddrPort) error {
		if err := readDS(ctx, s, at, domain); err != nil {
			return err
		}
		return readReferral(ctx, s, at, domain)
	})
}

func (a *Asker) look(ctx context.Context, domain string, read func(context.Context, *Server, netip.AddrPort) error) (*View, error) {
	domain = dns.CanonicalName(domain)
	zone, err := a.parentOf(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("find the parent zone of %s: %w", domain, err)
	}
	names, err := a.servers(ctx, zone)
	if err != nil {
		return nil, fmt.Errorf("find the servers of %s: %w", zone, err)
	}
	v := &View{Zone: zone, Servers: make([]Server, len(names))}
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { v.Servers[i] = a.ask(ctx, name, read) })
	}
	wg.Wait()
	return v, nil
}

// parentOf is the zone above a zone. Its SOA record says its name, in an answer about any name in it.
func (a *Asker) parentOf(ctx context.Context, domain string) (string, error) {
	if domain == "." {
		return "", errors.New("the root has none")
	}
	next, end := dns.NextLabel(domain, 0)
	above := "."
	if !end {
		above = domain[next:]
	}
	m, err := a.resolve(ctx, above, dns.TypeSOA)
	if err != nil {
		return "", err
	}
	for _, rr := range append(slices.Clone(m.Answer), m.Ns...) {
		if soa, ok := rr.(*dns.SOA); ok && dns.IsSubDomain(soa.Hdr.Name, above) {
			return dns.CanonicalName(soa.Hdr.Name), nil
		}
	}
	return "", fmt.Errorf("nobody says which zone %s is in", above)
}

func (a *Asker) servers(ctx context.Context, zone string) ([]string, error) {
	m, err := a.resolve(ctx, zone, dns.TypeNS)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, rr := range m.Answer {
		if ns, ok := rr.(*dns.NS); ok && dns.CanonicalName(ns.Hdr.Name) == zone {
			names = append(names, dns.CanonicalName(ns.Ns))
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	switch {
	case len(names) == 0:
		return nil, errors.New("there is no NS record")
	case len(names) > maxServers:
		return nil, fmt.Errorf("there are %d, more than %d", len(names), maxServers)
	}
	return names, nil
}

// ask asks a server on its addresses, until one answers.
func (a *Asker) ask(ctx context.Context, name string, read func(context.Context, *Server, netip.AddrPort) error) Server {
	addresses, err := a.addresses(ctx, name)
	if err != nil {
		return Server{Name: name, Err: err}
	}
	var failures []error
	for _, ip := range addresses {
		s := Server{Name: name, Address: ip}
		if err := read(ctx, &s, netip.AddrPortFrom(ip, a.port())); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", ip, err))
			continue
		}
		return s
	}
	return Server{Name: name, Err: errors.Join(failures...)}
}

func (a *Asker) port() uint16 {
	if a.Port == 0 {
		return 53
	}
	return a.Port
}

func (a *Asker) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	var out []netip.Addr
	var failures []error
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		m, err := a.resolve(ctx, name, t)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		for _, rr := range m.Answer {
			out = append(out, address(rr)...)
		}
	}
	if len(out) == 0 {
		return nil, errors.Join(append(failures, fmt.Errorf("%s has no address", name))...)
	}
	return out, nil
}

func address(rr dns.RR) []netip.Addr {
	var ip net.IP
	switch rr := rr.(type) {
	case *dns.A:
		ip = rr.A
	case *dns.AAAA:
		ip = rr.AAAA
	}
	if a, ok := netip.AddrFromSlice(ip); ok {
		return []netip.Addr{a.Unmap()}
	}
	return nil
}

// resolve asks the resolver. That a name or type does not exist is no error.
func (a *Asker) resolve(ctx context.Context, name string, rrtype uint16) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, rrtype)
	m.CheckingDisabled = true // a zone that is bogus at present must still be found
	r, err := exchange(ctx, m, a.Resolver)
	switch {
	case err != nil:
		return nil, fmt.Errorf("resolver %s: %s %s: %w", a.Resolver, name, dns.Type(rrtype), err)
	case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
		return nil, fmt.Errorf("resolver %s: %s %s: %s", a.Resolver, name, dns.Type(rrtype), dns.RcodeToString[r.Rcode])
	}
	return r, nil
}

// readDS reads the DS set, or that there is none.
func readDS(ctx context.Context, s *Server, at netip.AddrPort, domain string) error {
	m := new(dns.Msg)
	m.SetQuestion(dns.CanonicalName(domain), dns.TypeDS)
	m.RecursionDesired = false
	r, err := exchange(ctx, m, at.String())
	switch {
	case err != nil:
		return err
	case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
		return errors.New(dns.RcodeToString[r.Rcode])
	case !r.Authoritative:
		return errors.New("not authoritative")
	}
	for _, rr := range r.Answer {
		if ds, ok := rr.(*dns.DS); ok && dns.CanonicalName(ds.Hdr.Name) == dns.CanonicalName(domain) {
			s.DS = append(s.DS, ds)
			s.TTL = max(s.TTL, time.Duration(ds.Hdr.Ttl)*time.Second)
		}
	}
	if len(s.DS) == 0 {
		for _, rr := range r.Ns {
			if soa, ok := rr.(*dns.SOA); ok {
				s.TTL = time.Duration(min(soa.Hdr.Ttl, soa.Minttl)) * time.Second
			}
		}
	}
	return nil
}

// readReferral reads to which servers the zone is delegated.
func readReferral(ctx context.Context, s *Server, at netip.AddrPort, domain string) error {
	m := new(dns.Msg)
	m.SetQuestion(dns.CanonicalName(domain), dns.TypeNS)
	m.RecursionDesired = false
	r, err := exchange(ctx, m, at.String())
	if err != nil {
		return err
	}
	s.Glue = map[string][]netip.Addr{}
	for _, rr := range append(slices.Clone(r.Ns), r.Answer...) { // in the answer where the server has both zones
		if ns, ok := rr.(*dns.NS); ok && dns.CanonicalName(ns.Hdr.Name) == dns.CanonicalName(domain) {
			s.NS = append(s.NS, dns.CanonicalName(ns.Ns))
		}
	}
	slices.Sort(s.NS)
	s.NS = slices.Compact(s.NS)
	for _, rr := range r.Extra {
		name := dns.CanonicalName(rr.Header().Name)
		s.Glue[name] = append(s.Glue[name], address(rr)...)
	}
	return nil
}

// Serial asks a server for the serial of a zone that it is authoritative for.
func (a *Asker) Serial(ctx context.Context, server netip.Addr, domain string) (uint32, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.CanonicalName(domain), dns.TypeSOA)
	m.RecursionDesired = false
	r, err := exchange(ctx, m, netip.AddrPortFrom(server, a.port()).String())
	if err != nil {
		return 0, err
	}
	for _, rr := range r.Answer {
		if soa, ok := rr.(*dns.SOA); ok && r.Authoritative {
			return soa.Serial, nil
		}
	}
	return 0, fmt.Errorf("not authoritative (%s)", dns.RcodeToString[r.Rcode])
}

// exchange asks over UDP, and over TCP where that does not do.
func exchange(ctx context.Context, m *dns.Msg, at string) (*dns.Msg, error) {
	m.SetEdns0(1232, true)
	var last error
	for range tries {
		r, err := once(ctx, m, at, "udp")
		if err == nil && !r.Truncated {
			return r, nil
		}
		last = err
		if err == nil {
			break
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r, err := once(ctx, m, at, "tcp")
	if err != nil {
		return nil, errors.Join(last, err)
	}
	return r, nil
}

func once(ctx context.Context, m *dns.Msg, at, network string) (*dns.Msg, error) {
	c := &dns.Client{Net: network, Timeout: timeout}
	r, _, err := c.ExchangeContext(ctx, m, at)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", network, err)
	}
	if len(r.Question) != 1 || !strings.EqualFold(r.Question[0].Name, m.Question[0].Name) || r.Question[0].Qtype != m.Question[0].Qtype {
		return nil, fmt.Errorf("%s: the answer is to another question", network)
	}
	return r, nil
}

// ParseAddress reads the address of a resolver, with or without a port.
func ParseAddress(text string) (string, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		return net.JoinHostPort(ip.String(), "53"), nil
	}
	host, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || host == "" {
		return "", fmt.Errorf("%q is not the address of a resolver, such as 192.0.2.53 or [2001:db8::53]:53", text)
	}
	return text, nil
}
