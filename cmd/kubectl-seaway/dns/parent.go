package dns

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"

	mdns "github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// delegation asks every server of the parent zone for the delegation, and compares it with the Zone.
func (s *survey) delegation(ctx context.Context, w io.Writer, zone *trafficv1alpha1.Zone) (faults int, err error) {
	parents := s.parents
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nPARENT SERVER\tDELEGATION")
	if len(parents) == 0 {
		if parents, err = s.parentServers(ctx, zone.Spec.Domain); err != nil {
			fmt.Fprintf(tw, "-\t! %v\n", err)
			return 1, tw.Flush()
		}
	}
	for _, server := range parents {
		wrong := s.referral(ctx, zone, server)
		faults += len(wrong)
		if len(wrong) == 0 {
			fmt.Fprintf(tw, "%s\tis that of the Zone\n", server)
		}
		for _, what := range wrong {
			fmt.Fprintf(tw, "%s\t! %s\n", server, what)
		}
	}
	return faults, tw.Flush()
}

// parentServers finds the addresses of all servers of the zone above a domain.
func (s *survey) parentServers(ctx context.Context, domain string) ([]string, error) {
	_, above, _ := strings.Cut(domain, ".")
	r, err := s.recursive(ctx, above, mdns.TypeSOA)
	if err != nil {
		return nil, err
	}
	parent := ""
	for _, rr := range slices.Concat(r.Answer, r.Ns) {
		if _, ok := rr.(*mdns.SOA); ok {
			parent = rr.Header().Name
		}
	}
	if parent == "" {
		return nil, fmt.Errorf("the resolver does not know in which zone %s lies: name the parent's servers with --parent-server", mdns.Fqdn(above))
	}
	if r, err = s.recursive(ctx, parent, mdns.TypeNS); err != nil {
		return nil, err
	}
	var out []string
	for _, rr := range r.Answer {
		if ns, ok := rr.(*mdns.NS); ok {
			out = append(out, s.addresses(ctx, ns.Ns)...)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the resolver finds no servers of %s: name them with --parent-server", parent)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// referral asks one server of the parent and says what is wrong with its delegation.
func (s *survey) referral(ctx context.Context, zone *trafficv1alpha1.Zone, server string) []string {
	q := new(mdns.Msg)
	q.SetQuestion(mdns.Fqdn(zone.Spec.Domain), mdns.TypeNS)
	q.RecursionDesired = false
	q.SetEdns0(4096, false) // glue is left out of what does not fit
	r, _, err := s.exchange(ctx, q, withPort(server))
	switch {
	case err != nil:
		return []string{err.Error()}
	case r.Rcode == mdns.RcodeNameError:
		return []string{"none: the parent says that there is no such name"}
	case r.Rcode != mdns.RcodeSuccess:
		return []string{"none: the parent answers " + mdns.RcodeToString[r.Rcode]}
	}
	return compareDelegation(zone, r)
}

// compareDelegation says how the delegation in an answer differs from what a Zone says. A server that
// serves parent and child answers from the child, with authority: that is no delegation, but what
// stands there counts all the same.
func compareDelegation(zone *trafficv1alpha1.Zone, r *mdns.Msg) []string {
	domain := mdns.Fqdn(zone.Spec.Domain)
	delegated := map[string]bool{}
	for _, rr := range slices.Concat(r.Answer, r.Ns) {
		if ns, ok := rr.(*mdns.NS); ok && strings.EqualFold(ns.Hdr.Name, domain) {
			delegated[strings.ToLower(ns.Ns)] = true
		}
	}
	if len(delegated) == 0 {
		return []string{"none: add what `kubectl seaway dns delegation` prints to the parent"}
	}
	var wrong []string
	for _, ns := range zone.Spec.NameServers {
		name := mdns.Fqdn(strings.ToLower(ns.Name))
		if !delegated[name] {
			wrong = append(wrong, "lacks NS "+name)
			continue
		}
		delete(delegated, name)
		if mdns.IsSubDomain(domain, name) {
			wrong = append(wrong, compareGlue(name, ns.Addresses, r)...)
		}
	}
	for name := range delegated {
		wrong = append(wrong, "has NS "+name+", which the Zone has not")
	}
	slices.Sort(wrong)
	return wrong
}

// compareGlue compares the addresses of a server inside the zone.
func compareGlue(name string, wanted []string, r *mdns.Msg) []string {
	found := map[netip.Addr]bool{}
	for _, rr := range slices.Concat(r.Extra, r.Answer) {
		if a := addressOf(rr); a.IsValid() && strings.EqualFold(rr.Header().Name, name) {
			found[a] = true
		}
	}
	var wrong []string
	for _, text := range wanted {
		a, err := netip.ParseAddr(text)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("cannot be compared: %s has the address %q in the Zone, which is none", name, text))
			continue
		}
		if !found[a.Unmap()] {
			wrong = append(wrong, fmt.Sprintf("lacks glue %s for %s", a.Unmap(), name))
		}
		delete(found, a.Unmap())
	}
	for a := range found {
		wrong = append(wrong, fmt.Sprintf("has glue %s for %s, which the Zone has not", a, name))
	}
	return wrong
}

// hexText is what hexadecimal digits spell, or the digits themselves.
func hexText(digits string) string {
	b, err := hex.DecodeString(digits)
	if err != nil || slices.ContainsFunc(b, func(c byte) bool { return c < ' ' || c > '~' }) {
		return digits
	}
	return string(b)
}
