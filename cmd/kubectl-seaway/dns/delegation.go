// Package dns is `kubectl seaway dns`: what a person has to tell the parent zone and whether it has been
// told, what name servers answer and why, and what they would.
package dns

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
)

// delegationTTL is the TTL suggested to the parent: long, since name servers seldom change.
const delegationTTL = 86400

// Command is `kubectl seaway dns`.
func Command() *cobra.Command {
	cmd := &cobra.Command{Use: "dns", Short: "Work with delegated zones"}
	cmd.AddCommand(delegation(), answered(), previewed(), surveyed())
	return cmd
}

func delegation() *cobra.Command {
	var hub hubclient.Flags
	cmd := &cobra.Command{
		Use:   "delegation ZONE",
		Short: "Print the NS, glue and DS records that the parent zone needs",
		Long:  "Print, as lines of a zone file, the NS, glue and DS records that the parent zone needs to delegate ZONE (a Zone's name or domain).",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := hub.Client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), hub.Timeout)
			defer cancel()
			zone, err := find(ctx, c, args[0])
			if err != nil {
				return err
			}
			return Print(cmd.OutOrStdout(), zone)
		},
	}
	hub.Add(cmd.Flags())
	return cmd
}

func find(ctx context.Context, c client.Client, nameOrDomain string) (*trafficv1alpha1.Zone, error) {
	var zones trafficv1alpha1.ZoneList
	if err := c.List(ctx, &zones); err != nil {
		return nil, fmt.Errorf("list zones: %w", err)
	}
	var known []string
	wanted := strings.ToLower(strings.TrimSuffix(nameOrDomain, "."))
	for i := range zones.Items {
		z := &zones.Items[i]
		if z.Name == nameOrDomain || z.Spec.Domain == wanted {
			return z, nil
		}
		known = append(known, z.Spec.Domain)
	}
	return nil, fmt.Errorf("there is no Zone %q; there are: %s", nameOrDomain, strings.Join(known, ", "))
}

// Print writes the delegation of a zone.
func Print(w io.Writer, zone *trafficv1alpha1.Zone) error {
	domain := zone.Spec.Domain
	_, parent, found := strings.Cut(domain, ".")
	if !found {
		parent = "."
	}
	var b strings.Builder
	fmt.Fprintf(&b, "; for the zone %s, which delegates %s\n", parent, domain)
	var glue strings.Builder
	for _, ns := range zone.Spec.NameServers {
		fmt.Fprintf(&b, "%s. %d IN NS %s.\n", domain, delegationTTL, ns.Name)
		if ns.Name != domain && !strings.HasSuffix(ns.Name, "."+domain) {
			continue
		}
		for _, a := range ns.Addresses {
			addr, err := netip.ParseAddr(a)
			if err != nil {
				return fmt.Errorf("zone %s: nameServers %s: %q is not an IP address: correct the Zone first", zone.Name, ns.Name, a)
			}
			rrType := "AAAA"
			if addr.Unmap().Is4() {
				rrType = "A"
			}
			fmt.Fprintf(&glue, "%s. %d IN %s %s\n", ns.Name, delegationTTL, rrType, addr.Unmap())
		}
	}
	if glue.Len() > 0 {
		b.WriteString("; glue: addresses of name servers inside the zone\n" + glue.String())
	}
	if d := zone.Status.DNSSEC; d != nil && len(d.DS) > 0 {
		b.WriteString("; the key that the zone is signed with\n" + strings.Join(d.DS, "\n") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
