package dns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/dns/parent"
)

// errFaults says that something is wrong, which was printed.
var errFaults = errors.New("the zone is not as it should be everywhere")

func zoneCommand() *cobra.Command {
	var hub hubclient.Flags
	var resolver string
	cmd := &cobra.Command{
		Use:   "zone ZONE",
		Short: "Check what all name servers and the parent have of a zone",
		Long: `Show which serial of ZONE (a Zone's name or domain) each name server has, by its report and by what it answers,
and whether every server of the parent zone delegates to the right servers, with the right glue and DS records.
The exit code is 1 when something is wrong.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			asker, err := parent.System()
			if resolver != "" {
				var address string
				if address, err = parent.ParseAddress(resolver); err != nil {
					return fmt.Errorf("--resolver: %w", err)
				}
				asker = &parent.Asker{Resolver: address}
			}
			if err != nil {
				return fmt.Errorf("%w; name one with --resolver", err)
			}
			c, err := hub.Client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), hub.Timeout)
			defer cancel()
			s, err := gather(ctx, c, args[0])
			if err != nil {
				return err
			}
			s.ask(cmd.Context(), asker)
			if s.show(cmd.OutOrStdout(), time.Now()) > 0 {
				return errFaults
			}
			return nil
		},
	}
	hub.Add(cmd.Flags())
	cmd.Flags().StringVar(&resolver, "resolver", "", "recursive resolver, ADDRESS or ADDRESS:PORT, through which the parent is found (default the host's)")
	return cmd
}

// sight is all that was found about a zone.
type sight struct {
	zone    *trafficv1alpha1.Zone
	reports []reported
	answers []answered
	parent  *parent.View
	err     error // of looking at the parent
}

// reported is what a name server has told the hub.
type reported struct {
	name    string
	served  trafficv1alpha1.ZoneServed
	renewed time.Time
}

// answered is what a name server answers at an address.
type answered struct {
	name    string
	address netip.Addr
	serial  uint32
	err     error
}

func gather(ctx context.Context, c client.Client, nameOrDomain string) (*sight, error) {
	zone, err := find(ctx, c, nameOrDomain)
	if err != nil {
		return nil, err
	}
	s := &sight{zone: zone}
	var all trafficv1alpha1.EndpointHealthList
	if err := c.List(ctx, &all); err != nil {
		return nil, fmt.Errorf("list the reports of name servers: %w", err)
	}
	for _, h := range all.Items {
		for _, z := range h.Spec.Zones {
			if z.Domain == zone.Spec.Domain {
				s.reports = append(s.reports, reported{h.Name, z, h.Spec.RenewTime.Time})
			}
		}
	}
	slices.SortFunc(s.reports, func(a, b reported) int { return cmp.Compare(a.name, b.name) })
	for _, ns := range zone.Spec.NameServers {
		for _, text := range ns.Addresses {
			if ip, err := netip.ParseAddr(text); err == nil {
				s.answers = append(s.answers, answered{name: ns.Name, address: ip})
			}
		}
	}
	return s, nil
}

// asker asks name servers.
type asker interface {
	Delegation(ctx context.Context, domain string) (*parent.View, error)
	Serial(ctx context.Context, server netip.Addr, domain string) (uint32, error)
}

func (s *sight) ask(ctx context.Context, a asker) {
	var wg sync.WaitGroup
	for i := range s.answers {
		wg.Go(func() {
			s.answers[i].serial, s.answers[i].err = a.Serial(ctx, s.answers[i].address, s.zone.Spec.Domain)
		})
	}
	wg.Go(func() { s.parent, s.err = a.Delegation(ctx, s.zone.Spec.Domain) })
	wg.Wait()
}

// show writes everything, and returns how many things are wrong.
func (s *sight) show(to io.Writer, now time.Time) (faults int) {
	var wrong []string
	fault := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	fmt.Fprintf(to, "Zone %s (%s)\n", s.zone.Name, s.zone.Spec.Domain)
	for _, c := range s.zone.Status.Conditions {
		fmt.Fprintf(to, "  %s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	w := tabwriter.NewWriter(to, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\nVANTAGE POINT\tSERIAL\tGENERATION\tKEYS\tHEARD")
	for _, r := range s.reports {
		fmt.Fprintf(w, "%s\t%d\t%d of %d\t%s\t%s ago\n", r.name, r.served.Serial, r.served.Generation, s.zone.Generation,
			cmp.Or(r.served.KeysVersion, "unsigned"), duration.HumanDuration(now.Sub(r.renewed)))
	}
	if len(s.reports) == 0 {
		fault("no name server reports that it serves the zone")
	}
	fmt.Fprintln(w, "\nNAME SERVER\tADDRESS\tSERIAL")
	serials := map[uint32]bool{}
	for _, a := range s.answers {
		if a.err != nil {
			fmt.Fprintf(w, "%s\t%s\tfails\n", a.name, a.address)
			fault("%s does not answer at %s: %v", a.name, a.address, a.err)
			continue
		}
		serials[a.serial] = true
		fmt.Fprintf(w, "%s\t%s\t%d\n", a.name, a.address, a.serial)
	}
	if len(serials) > 1 {
		fault("the name servers have %d different serials", len(serials))
	}
	if s.err != nil {
		fault("the parent cannot be asked: %v", s.err)
	} else {
		s.showParent(w, fault)
	}
	w.Flush()
	if len(wrong) == 0 {
		fmt.Fprintln(to, "\nNothing is wrong.")
	}
	for i, text := range wrong {
		if i == 0 {
			fmt.Fprintln(to, "\nWRONG")
		}
		fmt.Fprintln(to, "-", text)
	}
	return len(wrong)
}

// showParent compares what each server of the parent has with what it is to have.
func (s *sight) showParent(w io.Writer, fault func(string, ...any)) {
	fmt.Fprintf(w, "\nSERVER OF %s\tDELEGATION\tGLUE\tDS\n", s.parent.Zone)
	var ns []string
	glue := map[string][]netip.Addr{}
	for _, server := range s.zone.Spec.NameServers {
		name := dns.CanonicalName(server.Name)
		ns = append(ns, name)
		if dns.IsSubDomain(dns.CanonicalName(s.zone.Spec.Domain), name) {
			for _, text := range server.Addresses {
				if ip, err := netip.ParseAddr(text); err == nil {
					glue[name] = append(glue[name], ip.Unmap())
				}
			}
		}
	}
	slices.Sort(ns)
	for _, server := range s.parent.Servers {
		name := strings.TrimSuffix(server.Name, ".")
		if server.Err != nil {
			fmt.Fprintf(w, "%s\tfails\t\t\n", name)
			fault("%s, of the parent, does not answer: %v", name, server.Err)
			continue
		}
		delegation, addresses := "right", "right"
		if !slices.Equal(server.NS, ns) {
			delegation = "wrong"
			fault("%s delegates to %s and not to %s", name, listed(server.NS), listed(ns))
		}
		for _, host := range ns {
			if want, got := sorted(glue[host]), sorted(server.Glue[host]); len(want) > 0 && !slices.Equal(want, got) {
				addresses = "wrong"
				fault("%s has %s for %s and not %s", name, listed(got), host, listed(want))
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", name, delegation, addresses, s.compareDS(name, server, fault))
	}
}

// compareDS says which DS records a server of the parent has too many, and which it lacks.
func (s *sight) compareDS(name string, server parent.Server, fault func(string, ...any)) string {
	want := map[string]bool{}
	if d := s.zone.Status.DNSSEC; d != nil {
		for _, text := range d.DS {
			if rr, err := dns.NewRR(text); err == nil {
				want[data(rr)] = false
			}
		}
	}
	state := "right"
	for _, ds := range server.DS {
		if _, ok := want[data(ds)]; ok {
			want[data(ds)] = true
			continue
		}
		state = "wrong"
		fault("%s has a DS record that it is not to have: %s", name, data(ds))
	}
	for text, found := range want {
		if !found {
			state = "wrong"
			fault("%s lacks the DS record %s", name, text)
		}
	}
	if len(want) == 0 && len(server.DS) == 0 {
		return "none"
	}
	return state
}

// data is a DS record without its name and TTL.
func data(rr dns.RR) string {
	return strings.ToUpper(strings.TrimPrefix(rr.String(), rr.Header().String()))
}

func sorted(all []netip.Addr) []netip.Addr {
	out := slices.Clone(all)
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

func listed[T any](all []T) string {
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Trim(fmt.Sprint(all), "[]")
}
