// Package parent asks the parent of a zone what it says of the zone: which DS records and which
// delegation each of its servers has. It finds these servers through a resolver and asks them
// themselves, since what matters is what every one of them answers, and not what some cache holds.
//
// The package changes nothing, and draws no conclusions: those are of package dnssec.
package parent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

const (
	tries = 2
	// maxServers and maxAddresses bound what a parent can make us ask.
	maxServers   = 26
	maxAddresses = 8

	// usual is how large an answer over UDP may be (RFC 9715), and large the same for a referral: many
	// servers leave addresses out of what does not fit, without a word.
	usual = 1232
	large = 4096
)

// Asker asks parents.
type Asker struct {
	// Resolver is the address of a recursive resolver, with its port.
	Resolver string
	// Servers of the parent, instead of those that the resolver finds.
	Servers []netip.AddrPort
	// Port of the servers that the resolver finds; 53 if 0.
	Port uint16
	// Timeout of one query; 2 s if 0.
	Timeout time.Duration
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
	// Zone is the parent's name, absolute; empty where the servers were given.
	Zone string
	// Servers of the parent, by name and address: a server is asked at each address it has, as what
	// answers there need not be one machine.
	Servers []Server
}

// Server is a server of a parent zone at one of its addresses, and what it has.
type Server struct {
	// Name of the server; empty where only its address was given.
	Name string
	// Address that was asked; not valid where none is known.
	Address netip.AddrPort
	// DS records of the zone, TTL their time to live; with no records that of the denial.
	DS  []*dns.DS
	TTL time.Duration
	// NS are the names in its referral, lower-case and absolute, and Glue the addresses that come with
	// it. They are only there when they were asked for.
	NS   []string
	Glue map[string][]netip.Addr
	// NoName says that for this server there is no name like the zone's.
	NoName bool
	// Err says why there is no answer; all else is then empty.
	Err error
}

// String is the name of the server, or else its address.
func (s *Server) String() string {
	if s.Name == "" {
		return s.Address.String()
	}
	return strings.TrimSuffix(s.Name, ".")
}

// DS asks every server of the parent for the DS records of a zone.
func (a *Asker) DS(ctx context.Context, domain string) (*View, error) {
	return a.look(ctx, domain, func(ctx context.Context, s *Server) error { return a.readDS(ctx, s, domain) })
}

// Delegation asks for the delegation as well.
func (a *Asker) Delegation(ctx context.Context, domain string) (*View, error) {
	return a.look(ctx, domain, func(ctx context.Context, s *Server) error {
		if err := a.readDS(ctx, s, domain); err != nil {
			return err
		}
		return a.readReferral(ctx, s, domain)
	})
}

func (a *Asker) look(ctx context.Context, domain string, read func(context.Context, *Server) error) (*View, error) {
	v, err := a.find(ctx, dns.CanonicalName(domain))
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	for i := range v.Servers {
		s := &v.Servers[i]
		if s.Err != nil {
			continue
		}
		wg.Go(func() {
			if err := read(ctx, s); err != nil {
				*s = Server{Name: s.Name, Address: s.Address, Err: err}
			}
		})
	}
	wg.Wait()
	return v, nil
}

// find finds the servers that are to be asked.
func (a *Asker) find(ctx context.Context, domain string) (*View, error) {
	if len(a.Servers) > 0 {
		v := &View{}
		for _, at := range a.Servers {
			v.Servers = append(v.Servers, Server{Address: at})
		}
		return v, nil
	}
	zone, err := a.parentOf(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("find the parent zone of %s: %w", domain, err)
	}
	names, err := a.servers(ctx, zone)
	if err != nil {
		return nil, fmt.Errorf("find the servers of %s: %w", zone, err)
	}
	places := make([][]Server, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { places[i] = a.places(ctx, name) })
	}
	wg.Wait()
	return &View{Zone: zone, Servers: slices.Concat(places...)}, nil
}

// places are a server at all its addresses. There is always one, if only to say that it has none.
func (a *Asker) places(ctx context.Context, name string) (out []Server) {
	addresses, err := a.Addresses(ctx, name)
	if err != nil {
		return []Server{{Name: name, Err: err}}
	}
	port := a.Port
	if port == 0 {
		port = 53
	}
	for _, ip := range addresses {
		out = append(out, Server{Name: name, Address: netip.AddrPortFrom(ip, port)})
	}
	return out
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

// Addresses are those that the resolver has for a name, in order. That there is none is an error.
func (a *Asker) Addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	name = dns.CanonicalName(name)
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
		return nil, errors.Join(append(failures, fmt.Errorf("%s has no address", strings.TrimSuffix(name, ".")))...)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	out = slices.Compact(out)
	return out[:min(len(out), maxAddresses)], nil
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
	if a.Resolver == "" {
		return nil, errors.New("there is no resolver")
	}
	m := new(dns.Msg)
	m.SetQuestion(name, rrtype)
	m.SetEdns0(usual, false)
	m.CheckingDisabled = true // a zone that is bogus at present must still be found
	r, _, err := a.exchange(ctx, m, a.Resolver)
	switch {
	case err != nil:
		return nil, fmt.Errorf("resolver %s: %s %s: %w", a.Resolver, name, dns.Type(rrtype), err)
	case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
		return nil, fmt.Errorf("resolver %s: %s %s: %s", a.Resolver, name, dns.Type(rrtype), dns.RcodeToString[r.Rcode])
	}
	return r, nil
}

// readDS reads the DS set, or that there is none.
func (a *Asker) readDS(ctx context.Context, s *Server, domain string) error {
	m := question(domain, dns.TypeDS)
	m.SetEdns0(usual, true)
	r, _, err := a.Ask(ctx, m, s.Address)
	switch {
	case err != nil:
		return err
	case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
		return errors.New(dns.RcodeToString[r.Rcode])
	case !r.Authoritative:
		return errors.New("not authoritative")
	}
	s.NoName = r.Rcode == dns.RcodeNameError
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

// readReferral reads to which servers the zone is delegated. A server that has both zones answers from
// the child, with authority: that is no delegation, but what stands there counts all the same.
func (a *Asker) readReferral(ctx context.Context, s *Server, domain string) error {
	m := question(domain, dns.TypeNS)
	m.SetEdns0(large, false)
	r, _, err := a.Ask(ctx, m, s.Address)
	switch {
	case err != nil:
		return err
	case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
		return errors.New(dns.RcodeToString[r.Rcode])
	}
	s.Glue = map[string][]netip.Addr{}
	for _, rr := range slices.Concat(r.Ns, r.Answer) {
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

// question is for a server that has the answer itself.
func question(domain string, rrtype uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(dns.CanonicalName(domain), rrtype)
	m.RecursionDesired = false
	return m
}

// Ask asks a server, over TCP where UDP does not do, and says how long the answer took that came.
func (a *Asker) Ask(ctx context.Context, m *dns.Msg, server netip.AddrPort) (*dns.Msg, time.Duration, error) {
	return a.exchange(ctx, m, server.String())
}

func (a *Asker) exchange(ctx context.Context, m *dns.Msg, at string) (*dns.Msg, time.Duration, error) {
	var last error
	for range tries {
		r, took, err := a.once(ctx, m, at, "udp")
		if err == nil && !r.Truncated {
			return r, took, nil
		}
		last = err
		if err == nil || errors.Is(err, syscall.ENETUNREACH) {
			break
		}
	}
	if ctx.Err() != nil {
		return nil, 0, ctx.Err()
	}
	r, took, err := a.once(ctx, m, at, "tcp")
	switch {
	case err == nil:
		return r, took, nil
	case last != nil:
		return nil, 0, last // it says more: most servers that are not there answer neither way
	}
	return nil, 0, err
}

func (a *Asker) once(ctx context.Context, m *dns.Msg, at, network string) (*dns.Msg, time.Duration, error) {
	timeout := cmp.Or(a.Timeout, 2*time.Second)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, took, err := (&dns.Client{Net: network, Timeout: timeout}).ExchangeContext(ctx, m, at)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", network, err)
	}
	if len(r.Question) != 1 || !strings.EqualFold(r.Question[0].Name, m.Question[0].Name) || r.Question[0].Qtype != m.Question[0].Qtype {
		return nil, 0, fmt.Errorf("%s: the answer is to another question", network)
	}
	return r, took, nil
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
