package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	mdns "github.com/miekg/dns"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/duration"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
)

// survey is a look at a zone from all sides.
type survey struct {
	hub      hubclient.Flags
	resolver string
	parents  []string
	timeout  time.Duration
	// exchange asks a server; tests have their own.
	exchange exchanger
}

// exchanger sends one query to an address, such as 192.0.2.53:53.
type exchanger func(ctx context.Context, query *mdns.Msg, server string) (*mdns.Msg, time.Duration, error)

func (s *survey) addFlags(fs *pflag.FlagSet) {
	s.hub.Add(fs)
	fs.StringVar(&s.resolver, "dns-resolver", "", "ADDRESS[:PORT] of the resolver that finds the parent's servers; the first of /etc/resolv.conf when not given")
	fs.StringSliceVar(&s.parents, "parent-server", nil, "ADDRESS[:PORT] of a server of the parent zone; may be repeated (default those that the resolver finds)")
	fs.DurationVar(&s.timeout, "dns-timeout", 3*time.Second, "how long to wait for each answer of a DNS server")
}

func surveyed() *cobra.Command {
	var s survey
	cmd := &cobra.Command{
		Use:   "zone ZONE",
		Short: "Show which state of a zone each name server serves, and check its delegation",
		Long: `Show which generation and serial of ZONE (a Zone's name or domain) each name server reports and
answers with, and compare the delegation in every server of the parent zone with the Zone: the NS
records, and the addresses of the servers inside the zone. It ends with an error when a server does
not serve the zone or the delegation is another.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.run(cmd.Context(), cmd.OutOrStdout(), args[0])
		},
	}
	s.addFlags(cmd.Flags())
	return cmd
}

func (s *survey) run(ctx context.Context, w io.Writer, name string) error {
	c, err := s.hub.Client()
	if err != nil {
		return err
	}
	read, cancel := context.WithTimeout(ctx, s.hub.Timeout)
	defer cancel()
	zone, err := find(read, c, name)
	if err != nil {
		return err
	}
	v, err := view.Read(read, c)
	if err != nil {
		return err
	}
	s.exchange = s.ask
	return s.look(ctx, w, v, zone)
}

// look shows everything, and returns what is wrong as one error.
func (s *survey) look(ctx context.Context, w io.Writer, v view.View, zone *trafficv1alpha1.Zone) error {
	fmt.Fprintf(w, "Zone %s (%s), generation %d\n\n", zone.Name, zone.Spec.Domain, zone.Generation)
	if err := reports(w, v, zone); err != nil {
		return err
	}
	servers, err := s.servers(ctx, w, zone)
	if err != nil {
		return err
	}
	parents, err := s.delegation(ctx, w, zone)
	if err != nil {
		return err
	}
	if faults := servers + parents; faults > 0 {
		return fmt.Errorf("zone %s: %d faults, each marked with an exclamation mark", zone.Spec.Domain, faults)
	}
	return nil
}

// reports shows what the vantage points say that they serve.
func reports(w io.Writer, v view.View, zone *trafficv1alpha1.Zone) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "VANTAGE POINT\tGENERATION\tSERIAL\tREPORT")
	for _, server := range v.Servers() {
		generation, serial := "-", "-"
		for _, z := range server.Zones {
			if z.Domain == zone.Spec.Domain {
				generation, serial = fmt.Sprint(z.Generation), fmt.Sprint(z.Serial)
				if z.Generation != zone.Generation {
					generation += " (behind)"
				}
			}
		}
		state := "fresh"
		if !server.Fresh {
			state = "silent"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s, %s old\n", server.Name, generation, serial, state, duration.HumanDuration(server.Age))
	}
	return tw.Flush()
}

// servers asks every name server of the zone for its serial.
func (s *survey) servers(ctx context.Context, w io.Writer, zone *trafficv1alpha1.Zone) (faults int, err error) {
	type place struct{ name, address string }
	var places []place
	for _, ns := range zone.Spec.NameServers {
		addresses := slices.Clone(ns.Addresses)
		if len(addresses) == 0 {
			addresses = s.addresses(ctx, ns.Name)
		}
		if len(addresses) == 0 {
			addresses = []string{""} // to be complained of
		}
		for _, a := range addresses {
			places = append(places, place{ns.Name, a})
		}
	}
	lines := make([]string, len(places))
	var wg sync.WaitGroup
	for i, p := range places {
		wg.Go(func() { lines[i] = s.serial(ctx, zone.Spec.Domain, p.address) })
	}
	wg.Wait()
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nNAME SERVER\tADDRESS\tANSWERS WITH")
	for i, p := range places {
		if strings.HasPrefix(lines[i], "!") {
			faults++
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", p.name, orDash(p.address != "", p.address), lines[i])
	}
	return faults, tw.Flush()
}

// serial is the serial that a server answers with, or what is wrong with it after an exclamation mark.
func (s *survey) serial(ctx context.Context, domain, address string) string {
	if address == "" {
		return "! its address is not known: the Zone has none, and the resolver finds none"
	}
	q := new(mdns.Msg)
	q.SetQuestion(mdns.Fqdn(domain), mdns.TypeSOA)
	q.RecursionDesired = false
	q.SetEdns0(1232, false)
	q.IsEdns0().Option = append(q.IsEdns0().Option, &mdns.EDNS0_NSID{Code: mdns.EDNS0NSID})
	r, took, err := s.exchange(ctx, q, withPort(address))
	switch {
	case err != nil:
		return "! " + err.Error()
	case r.Rcode != mdns.RcodeSuccess:
		return "! " + mdns.RcodeToString[r.Rcode]
	case !r.Authoritative:
		return "! an answer without authority: it does not serve the zone"
	}
	for _, rr := range r.Answer {
		if soa, ok := rr.(*mdns.SOA); ok {
			return fmt.Sprintf("serial %d%s, in %v", soa.Serial, nsid(r), took.Round(100*time.Microsecond))
		}
	}
	return "! no SOA record"
}

// nsid is who a server says that it is.
func nsid(r *mdns.Msg) string {
	opt := r.IsEdns0()
	if opt == nil {
		return ""
	}
	for _, o := range opt.Option {
		if id, ok := o.(*mdns.EDNS0_NSID); ok && id.Nsid != "" {
			return " of " + hexText(id.Nsid)
		}
	}
	return ""
}

// ask asks by UDP, and by TCP what does not fit.
func (s *survey) ask(ctx context.Context, q *mdns.Msg, server string) (*mdns.Msg, time.Duration, error) {
	for _, network := range []string{"udp", "tcp"} {
		ctx, cancel := context.WithTimeout(ctx, s.timeout)
		r, took, err := (&mdns.Client{Net: network, Timeout: s.timeout}).ExchangeContext(ctx, q, server)
		cancel()
		if err != nil {
			return nil, 0, err
		}
		if !r.Truncated || network == "tcp" {
			return r, took, nil
		}
	}
	return nil, 0, errors.New("no answer")
}

// withPort is an address with the port of DNS, unless it has one.
func withPort(address string) string {
	if a, err := netip.ParseAddr(address); err == nil {
		return net.JoinHostPort(a.String(), "53")
	}
	return address
}

// recursive asks the resolver and returns the answer records.
func (s *survey) recursive(ctx context.Context, name string, rrtype uint16) (*mdns.Msg, error) {
	resolver := s.resolver
	if resolver == "" {
		config, err := mdns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil || len(config.Servers) == 0 {
			return nil, errors.New("--dns-resolver: this host has no resolver in /etc/resolv.conf: give one")
		}
		resolver = net.JoinHostPort(config.Servers[0], config.Port)
	}
	q := new(mdns.Msg)
	q.SetQuestion(mdns.Fqdn(name), rrtype)
	r, _, err := s.exchange(ctx, q, withPort(resolver))
	if err != nil {
		return nil, fmt.Errorf("ask the resolver %s for %s: %w", resolver, name, err)
	}
	return r, nil
}

// addresses are those that the resolver has for a name.
func (s *survey) addresses(ctx context.Context, name string) []string {
	var out []string
	for _, rrtype := range []uint16{mdns.TypeA, mdns.TypeAAAA} {
		r, err := s.recursive(ctx, name, rrtype)
		if err != nil {
			continue
		}
		for _, rr := range r.Answer {
			if a := addressOf(rr); a.IsValid() {
				out = append(out, a.String())
			}
		}
	}
	return out
}

// addressOf is the address in an A or AAAA record.
func addressOf(rr mdns.RR) netip.Addr {
	var a netip.Addr
	switch rr := rr.(type) {
	case *mdns.A:
		a, _ = netip.AddrFromSlice(rr.A)
	case *mdns.AAAA:
		a, _ = netip.AddrFromSlice(rr.AAAA)
	}
	return a.Unmap()
}
