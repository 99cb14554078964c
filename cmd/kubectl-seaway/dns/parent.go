package dns

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"

	mdns "github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/parent"
)

// delegated shows what every server of the parent zone says, compared with the Zone.
func delegated(ctx context.Context, w io.Writer, a asker, zone *trafficv1alpha1.Zone) (faults int, err error) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nPARENT SERVER\tDELEGATION")
	v, err := a.Delegation(ctx, zone.Spec.Domain)
	if err != nil {
		fmt.Fprintf(tw, "-\t! %s: name another resolver with --dns-resolver, or the parent's servers with --parent-server\n", inLine(err))
		return 1, tw.Flush()
	}
	slices.SortStableFunc(v.Servers, func(a, b parent.Server) int { return strings.Compare(where(a), where(b)) })
	for _, server := range v.Servers {
		wrong := compareParent(zone, server)
		faults += len(wrong)
		if len(wrong) == 0 {
			fmt.Fprintf(tw, "%s\tis that of the Zone\n", where(server))
		}
		for _, what := range wrong {
			fmt.Fprintf(tw, "%s\t! %s\n", where(server), what)
		}
	}
	return faults, tw.Flush()
}

// inLine are all errors that were joined, in one line.
func inLine(err error) string { return plain(strings.ReplaceAll(err.Error(), "\n", "; ")) }

// where is the address of a server, or its name where it has none.
func where(s parent.Server) string {
	switch {
	case !s.Address.IsValid():
		return s.String()
	case s.Address.Port() == 53:
		return s.Address.Addr().String()
	}
	return s.Address.String()
}

// compareParent says how what a server of the parent has differs from what a Zone says.
func compareParent(zone *trafficv1alpha1.Zone, s parent.Server) []string {
	switch {
	case s.Err != nil:
		return []string{inLine(s.Err)}
	case s.NoName:
		return []string{"none: the parent says that there is no such name"}
	case len(s.NS) == 0:
		return []string{"none: add what `kubectl seaway dns delegation` prints to the parent"}
	}
	var wrong []string
	for _, ns := range zone.Spec.NameServers {
		name := mdns.CanonicalName(ns.Name)
		switch {
		case !slices.Contains(s.NS, name):
			wrong = append(wrong, "lacks NS "+name)
		case mdns.IsSubDomain(mdns.Fqdn(zone.Spec.Domain), name):
			wrong = append(wrong, compareGlue(name, ns.Addresses, s.Glue[name])...)
		}
	}
	for _, name := range s.NS {
		if !slices.ContainsFunc(zone.Spec.NameServers, func(ns trafficv1alpha1.NameServer) bool { return mdns.CanonicalName(ns.Name) == name }) {
			wrong = append(wrong, "has NS "+name+", which the Zone has not")
		}
	}
	wrong = append(wrong, compareDS(zone, s.DS)...)
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

// compareGlue compares the addresses of a server inside the zone.
func compareGlue(name string, wanted []string, found []netip.Addr) []string {
	var wrong []string
	for _, text := range wanted {
		a, err := netip.ParseAddr(text)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("cannot be compared: %s has the address %q in the Zone, which is none", name, text))
			continue
		}
		before := len(found)
		if found = slices.DeleteFunc(slices.Clone(found), func(b netip.Addr) bool { return a.Unmap() == b }); len(found) == before {
			wrong = append(wrong, fmt.Sprintf("lacks glue %s for %s", a.Unmap(), name))
		}
	}
	for _, a := range found {
		wrong = append(wrong, fmt.Sprintf("has glue %s for %s, which the Zone has not", a, name))
	}
	return wrong
}

// compareDS says which DS records a server lacks, and which it has too many. A parent that makes them
// from CDNSKEY records chooses the digest itself: one of another type stands for the key as well, though
// the Zone's status does not tell what it should be.
func compareDS(zone *trafficv1alpha1.Zone, found []*mdns.DS) []string {
	var wanted []*mdns.DS
	if d := zone.Status.DNSSEC; d != nil {
		for _, text := range d.DS {
			if rr, err := mdns.NewRR(text); err == nil {
				if ds, ok := rr.(*mdns.DS); ok {
					wanted = append(wanted, ds)
				}
			}
		}
	}
	var wrong []string
	for _, want := range wanted {
		if !slices.ContainsFunc(found, func(ds *mdns.DS) bool { return standsFor(ds, want) }) {
			wrong = append(wrong, "lacks DS "+digits(want))
		}
	}
	for _, ds := range found {
		if !slices.ContainsFunc(wanted, func(want *mdns.DS) bool { return standsFor(ds, want) }) {
			wrong = append(wrong, "has DS "+digits(ds)+", which the Zone has not")
		}
	}
	return wrong
}

// standsFor says whether a DS record is the one that is wanted, or may be one of the same key.
func standsFor(ds, want *mdns.DS) bool {
	return ds.KeyTag == want.KeyTag && ds.Algorithm == want.Algorithm &&
		(ds.DigestType != want.DigestType || strings.EqualFold(ds.Digest, want.Digest))
}

// digits are a DS record's data, the digest cut short: the tag tells keys apart for a reader.
func digits(ds *mdns.DS) string {
	digest := strings.ToUpper(ds.Digest)
	if len(digest) > 16 {
		digest = digest[:16] + "…"
	}
	return fmt.Sprintf("%d %d %d %s", ds.KeyTag, ds.Algorithm, ds.DigestType, digest)
}
