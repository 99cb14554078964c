package dns

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
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
	"github.com/seaway-io/seaway/dns/parent"
)

// survey is a look at a zone from all sides.
type survey struct {
	hub      hubclient.Flags
	resolver string
	parents  []string
	timeout  time.Duration
}

// asker asks DNS servers: a parent.Asker, but for tests.
type asker interface {
	// Delegation is what the servers of the zone above a domain say of it.
	Delegation(ctx context.Context, domain string) (*parent.View, error)
	Addresses(ctx context.Context, name string) ([]netip.Addr, error)
	Ask(ctx context.Context, query *mdns.Msg, server netip.AddrPort) (*mdns.Msg, time.Duration, error)
}

func (s *survey) addFlags(fs *pflag.FlagSet) {
	s.hub.Add(fs)
	fs.StringVar(&s.resolver, "dns-resolver", "", "ADDRESS[:PORT] of the resolver that finds the parent's servers; the first of /etc/resolv.conf when not given")
	fs.StringSliceVar(&s.parents, "parent-server", nil, "ADDRESS[:PORT] of a server of the parent zone; may be repeated (default those that the resolver finds)")
	fs.DurationVar(&s.timeout, "dns-timeout", 3*time.Second, "how long to wait for each answer of a DNS server")
}

// asker is as the flags say. A host without a resolver is no error: it may not be needed.
func (s *survey) asker() (*parent.Asker, error) {
	a, err := parent.System()
	if err != nil {
		a = &parent.Asker{}
	}
	if s.resolver != "" {
		if a.Resolver, err = parent.ParseAddress(s.resolver); err != nil {
			return nil, fmt.Errorf("--dns-resolver: %w", err)
		}
	}
	for _, text := range s.parents {
		at, err := endpoint(text)
		if err != nil {
			return nil, fmt.Errorf("--parent-server: %w", err)
		}
		a.Servers = append(a.Servers, at)
	}
	a.Timeout = s.timeout
	return a, nil
}

// endpoint reads an address with or without a port.
func endpoint(text string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a, 53), nil
	}
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		return at, fmt.Errorf("%q is not an address such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53", text)
	}
	return at, nil
}

func surveyed() *cobra.Command {
	var s survey
	cmd := &cobra.Command{
		Use:   "zone ZONE",
		Short: "Show which state of a zone each name server serves, and check its delegation",
		Long: `Show which generation and serial of ZONE (a Zone's name or domain) each name server reports and
answers with, and compare what every server of the parent zone says with the Zone: the NS records, the
addresses of the servers inside the zone, and the DS records. It ends with an error when a server does
not serve the zone or the parent says something else.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.run(cmd.Context(), cmd.OutOrStdout(), args[0])
		},
	}
	s.addFlags(cmd.Flags())
	return cmd
}

func (s *survey) run(ctx context.Context, w io.Writer, name string) error {
	a, err := s.asker()
	if err != nil {
		return err
	}
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
	return look(ctx, w, a, v, zone)
}

// look shows everything, and returns what is wrong as one error.
func look(ctx context.Context, w io.Writer, a asker, v view.View, zone *trafficv1alpha1.Zone) error {
	fmt.Fprintf(w, "Zone %s (%s), generation %d\n", zone.Name, zone.Spec.Domain, zone.Generation)
	if signed(zone) {
		c := view.Condition(zone.Status.Conditions, trafficv1alpha1.ConditionSecure)
		fmt.Fprintf(w, "%s=%s (%s): %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	fmt.Fprintln(w)
	if err := reports(w, v, zone); err != nil {
		return err
	}
	servers, err := nameServers(ctx, w, a, zone)
	if err != nil {
		return err
	}
	parents, err := delegated(ctx, w, a, zone)
	if err != nil {
		return err
	}
	if faults := servers + parents; faults > 0 {
		return fmt.Errorf("zone %s: %d faults, each marked with an exclamation mark", zone.Spec.Domain, faults)
	}
	return nil
}

// signed says whether a zone is signed, or on the way there or back.
func signed(zone *trafficv1alpha1.Zone) bool {
	return zone.Spec.DNSSEC != nil || zone.Status.DNSSEC != nil
}

// reports shows what the vantage points say that they serve.
func reports(w io.Writer, v view.View, zone *trafficv1alpha1.Zone) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	keys := func(text string) string {
		if !signed(zone) {
			return ""
		}
		return text + "\t"
	}
	fmt.Fprintf(tw, "VANTAGE POINT\tGENERATION\tSERIAL\t%sREPORT\n", keys("KEYS"))
	for _, server := range v.Servers() {
		generation, serial, version := "-", "-", "-"
		for _, z := range server.Zones {
			if z.Domain == zone.Spec.Domain {
				generation, serial, version = fmt.Sprint(z.Generation), fmt.Sprint(z.Serial), cmp.Or(z.KeysVersion, "unsigned")
				if z.Generation != zone.Generation {
					generation += " (behind)"
				}
			}
		}
		state := "fresh"
		if !server.Fresh {
			state = "silent"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s%s, %s old\n", server.Name, generation, serial, keys(version), state, duration.HumanDuration(server.Age))
	}
	return tw.Flush()
}

// place is a name server at one of its addresses, and what it answers there.
type place struct {
	name, address string
	serial        uint32
	// remark goes with the serial, or says why there is none.
	remark string
	wrong  bool
}

// nameServers asks every name server of the zone for its serial.
func nameServers(ctx context.Context, w io.Writer, a asker, zone *trafficv1alpha1.Zone) (faults int, err error) {
	var places []*place
	for _, ns := range zone.Spec.NameServers {
		addresses := slices.Clone(ns.Addresses)
		if len(addresses) == 0 {
			found, _ := a.Addresses(ctx, ns.Name) // what is not found is complained of below
			for _, ip := range found {
				addresses = append(addresses, ip.String())
			}
		}
		if len(addresses) == 0 {
			addresses = []string{""}
		}
		for _, address := range addresses {
			places = append(places, &place{name: ns.Name, address: address})
		}
	}
	var wg sync.WaitGroup
	for _, p := range places {
		wg.Go(func() {
			var err error
			if p.serial, p.remark, err = serial(ctx, a, zone.Spec.Domain, p.address); err != nil {
				p.wrong, p.remark = true, inLine(err)
			}
		})
	}
	wg.Wait()
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nNAME SERVER\tADDRESS\tANSWERS WITH")
	for _, p := range places {
		line := fmt.Sprintf("serial %d%s%s", p.serial, p.remark, others(places, p.serial))
		if p.wrong {
			faults++
			line = "! " + p.remark
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", p.name, orDash(p.address != "", p.address), line)
	}
	return faults, tw.Flush()
}

// others are the serials that other servers have. That is no fault by itself: servers number changes by
// the clock, and one that has seen a change a second later, or has forgotten what it served last, stays
// with another number until the next change.
func others(places []*place, serial uint32) string {
	var other []uint32
	for _, p := range places {
		if !p.wrong && p.serial != serial {
			other = append(other, p.serial)
		}
	}
	if len(other) == 0 {
		return ""
	}
	slices.Sort(other)
	texts := make([]string, 0, len(other))
	for _, s := range slices.Compact(other) {
		texts = append(texts, fmt.Sprint(s))
	}
	return "; others have " + strings.Join(texts, ", ")
}

// serial is the serial that a server answers with, and a remark on who it is and how long it took.
func serial(ctx context.Context, a asker, domain, address string) (uint32, string, error) {
	if address == "" {
		return 0, "", errors.New("its address is not known: the Zone has none, and the resolver finds none")
	}
	at, err := endpoint(address)
	if err != nil {
		return 0, "", err
	}
	q := new(mdns.Msg)
	q.SetQuestion(mdns.Fqdn(domain), mdns.TypeSOA)
	q.RecursionDesired = false
	q.SetEdns0(1232, false)
	q.IsEdns0().Option = append(q.IsEdns0().Option, &mdns.EDNS0_NSID{Code: mdns.EDNS0NSID})
	r, took, err := a.Ask(ctx, q, at)
	switch {
	case err != nil:
		return 0, "", err
	case r.Rcode != mdns.RcodeSuccess:
		return 0, "", errors.New(mdns.RcodeToString[r.Rcode])
	case !r.Authoritative:
		return 0, "", errors.New("an answer without authority: it does not serve the zone")
	}
	for _, rr := range r.Answer {
		if soa, ok := rr.(*mdns.SOA); ok {
			return soa.Serial, fmt.Sprintf("%s, in %v", nsid(r), took.Round(100*time.Microsecond)), nil
		}
	}
	return 0, "", errors.New("no SOA record")
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

// hexText is what hexadecimal digits spell, or the digits themselves.
func hexText(digits string) string {
	b, err := hex.DecodeString(digits)
	if err != nil || slices.ContainsFunc(b, func(c byte) bool { return c < ' ' || c > '~' }) {
		return digits
	}
	return string(b)
}
