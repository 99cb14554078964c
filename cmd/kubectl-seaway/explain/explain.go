// Package explain is `kubectl seaway explain`: why a client is answered what it is answered, and why
// an application runs where it runs. It reads the hub's objects and walks one question through the
// very code of the name servers, the claim and the placement; it decides nothing of its own and
// writes nothing.
package explain

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"text/tabwriter"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/duration"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/nameserver"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/core/steer"
	"github.com/seaway-io/seaway/dns/geodb"
)

// Command is `kubectl seaway explain`.
func Command() *cobra.Command {
	cmd := &cobra.Command{Use: "explain", Short: "Say why things are as they are"}
	cmd.AddCommand(name(), placed(), failedOver())
	return cmd
}

// question is what is to be explained.
type question struct {
	hub            hubclient.Flags
	from, resolver string
	rrtype         string
	geo            nameserver.Geo
}

func (q *question) addFlags(fs *pflag.FlagSet) {
	q.hub.Add(fs)
	fs.StringVar(&q.from, "from", "", "address of the client")
	fs.StringVar(&q.resolver, "resolver", "", "address of the resolver that forwards the client's subnet; none: the client asks by itself")
	fs.StringVar(&q.rrtype, "type", "A", "record type")
	q.geo.Add(fs)
}

func name() *cobra.Command {
	var q question
	cmd := &cobra.Command{
		Use:     "dns NAME --from ADDRESS",
		Short:   "Say what a client is answered for NAME: its region, the tiers, why each cluster is in or out",
		Example: "  kubectl seaway explain dns shop.apps.example.com --from 193.0.6.1",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return q.explain(cmd.Context(), cmd.OutOrStdout(), args[0])
		},
	}
	q.addFlags(cmd.Flags())
	_ = cmd.MarkFlagRequired("from")
	return cmd
}

func (q *question) explain(ctx context.Context, w io.Writer, name string) error {
	ask := answer.Question{Name: name}
	var err error
	if ask.Client, err = netip.ParseAddr(q.from); err != nil {
		return fmt.Errorf("--from: %q is no IP address", q.from)
	}
	if q.resolver != "" {
		if ask.Resolver, err = netip.ParseAddr(q.resolver); err != nil {
			return fmt.Errorf("--resolver: %q is no IP address", q.resolver)
		}
	}
	var ok bool
	if ask.Type, ok = dns.StringToType[strings.ToUpper(q.rrtype)]; !ok {
		return fmt.Errorf("--type: there is no record type %q", q.rrtype)
	}
	source, databases, err := q.geo.Open()
	if err != nil {
		return err
	}
	c, err := q.hub.Client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, q.hub.Timeout)
	defer cancel()
	v, err := view.Read(ctx, c)
	if err != nil {
		return err
	}
	snapshot := nameserver.Snapshot(v, geo.Compile(source))
	e, err := answer.Explain(snapshot, ask)
	if err != nil {
		return err
	}
	return Print(w, v, databases, e)
}

// Print writes the explanation.
func Print(w io.Writer, v view.View, databases []geodb.Info, e answer.Explanation) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "answer\t%s %s\n", e.Rcode, strings.Join(e.Records, " | "))
	switch e.Kind {
	case answer.KindNoZone:
		fmt.Fprintln(tw, "why\tthe name lies in no Zone that is served")
	case answer.KindNoName:
		fmt.Fprintf(tw, "why\tzone %s has no such name\n", e.Domain)
	case answer.KindDelegated:
		fmt.Fprintf(tw, "why\tzone %s delegates the name: %s\n", e.Domain, strings.Join(e.Authority, " | "))
	case answer.KindRecords:
		fmt.Fprintf(tw, "why\tstatic records of zone %s (serial %d)\n", e.Domain, e.Serial)
	case answer.KindHost:
		host(tw, v, databases, e)
	}
	return tw.Flush()
}

func host(w io.Writer, v view.View, databases []geodb.Info, e answer.Explanation) {
	fmt.Fprintf(w, "zone\t%s, serial %d\n", e.Domain, e.Serial)
	fmt.Fprintf(w, "plan\t%s/%s, generation %d, host %s\n", e.PlanNamespace, e.PlanName, e.Generation, strings.TrimSuffix(e.Host, "."))
	fmt.Fprintf(w, "client\t%s (%s)\n", e.Steered, e.SteeredBy)
	if g := e.Steering.Geo; g != nil {
		region := g.Region
		if region == "" {
			region = "none (the tiers for clients of unknown regions)"
		}
		fmt.Fprintf(w, "region\t%s: %s\n", region, strings.TrimSpace(g.By.String()+" "+g.Rule))
		fmt.Fprintf(w, "location\t%s, by %s\n", g.Location, sources(databases))
		for _, r := range g.Distances {
			if r.Region.HasLocation {
				fmt.Fprintf(w, "\t%s at %.0f km\n", r.Region.Name, r.Kilometres)
			}
		}
	}
	fmt.Fprintf(w, "rule\t%s\n", e.Steering.Rule)
	fmt.Fprintf(w, "scope\t%s: every client in it is answered the same\n\n", e.Scope)
	fmt.Fprintln(w, "CLUSTER\tTIER\tWEIGHT\tSTATE\tSINCE\tPROBES\tANSWERED\tWHY")
	reasons := planned(v, e)
	for _, c := range e.Steering.Endpoints {
		endpoint := reasons[c.Cluster]
		fmt.Fprintf(w, "%s\t%s\t%d\t%s (%s)\t%s\t%s\t%s\t%s\n", c.Cluster, tier(c), c.Weight, c.State, endpoint.Reason,
			duration.HumanDuration(v.Now.Sub(endpoint.Since.Time)), c.Verdict, yes(c.Chosen), c.Why)
	}
}

func planned(v view.View, e answer.Explanation) map[string]trafficv1alpha1.PlanEndpoint {
	out := map[string]trafficv1alpha1.PlanEndpoint{}
	for _, p := range v.Plans {
		if p.Namespace != e.PlanNamespace || p.Name != e.PlanName {
			continue
		}
		for _, endpoint := range p.Spec.Endpoints {
			out[endpoint.Cluster] = endpoint
		}
	}
	return out
}

func sources(databases []geodb.Info) string {
	var out []string
	for _, d := range databases {
		out = append(out, d.Short())
	}
	return strings.Join(out, " and ")
}

func tier(c steer.EndpointExplanation) string {
	if c.Tier < 0 {
		return "-"
	}
	return fmt.Sprint(c.Tier + 1)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
