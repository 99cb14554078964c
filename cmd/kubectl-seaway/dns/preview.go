package dns

import (
	"context"
	"errors"
	"fmt"
	"io"

	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/diff"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/nameserver"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
	"github.com/seaway-io/seaway/dns/core/geo"
	"github.com/seaway-io/seaway/dns/core/preview"
	"github.com/seaway-io/seaway/dns/core/steer"
)

// outlook is what a preview is made of.
type outlook struct {
	hub       hubclient.Flags
	geo       nameserver.Geo
	files     []string
	countries int
	networks  bool
	output    string
}

func (o *outlook) addFlags(fs *pflag.FlagSet) {
	o.hub.Add(fs)
	o.hub.AddNamespace(fs)
	o.geo.Add(fs)
	fs.StringArrayVarP(&o.files, "filename", "f", nil, "file with TrafficPolicies; - is the standard input")
	fs.IntVar(&o.countries, "rows", 20, "how many rows to show, the largest first; 0 for all")
	fs.BoolVar(&o.networks, "networks", false, "list the networks as well")
	fs.StringVarP(&o.output, "output", "o", outputText, "text, json or yaml")
}

func previewed() *cobra.Command {
	var o outlook
	cmd := &cobra.Command{
		Use:   "preview -f POLICY.yaml",
		Short: "Show which part of the address space would get other answers by a policy",
		Long: `Show which part of the address space would get other answers if TrafficPolicies were applied: the
hub's planner makes the new plan, and the plan in force and the new one are compared over the whole
geo database, network by network. Nothing is written.

What members have of the target is what the plan in force says. Clients that several clusters share
are told apart as name servers do, network by network; of large IPv6 networks the shares follow from
the weights.

The exit code is 0 when nobody is answered otherwise, 1 when somebody is, and more when something
went wrong.`,
		Example: `  kubectl seaway dns preview -f policy.yaml
  kubectl seaway dns preview -f policy.yaml --geo-database GeoLite2-City.mmdb --networks`,
		Args: func(cmd *cobra.Command, args []string) error { return wrong(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			return wrong(o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout()))
		},
	}
	o.addFlags(cmd.Flags())
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return wrong(err) })
	return cmd
}

// failure is an error that is no difference.
type failure struct{ error }

// Unwrap is what went wrong.
func (f failure) Unwrap() error { return f.error }

// ExitCode is what the process ends with, as that of `kubectl seaway diff`.
func (failure) ExitCode() int { return 2 }

func wrong(err error) error {
	if err == nil || errors.Is(err, diff.ErrDiffers) {
		return err
	}
	return failure{err}
}

func (o *outlook) run(ctx context.Context, stdin io.Reader, w io.Writer) error {
	if err := checkOutput(o.output); err != nil {
		return err
	}
	if len(o.files) == 0 {
		return errors.New("--filename: name a file with a TrafficPolicy")
	}
	namespace, err := o.hub.Namespace()
	if err != nil {
		return err
	}
	policies, err := readPolicies(o.files, namespace, stdin)
	if err != nil {
		return err
	}
	source, _, err := o.geo.Open()
	if err != nil {
		return err
	}
	c, err := o.hub.Client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 4*o.hub.Timeout) // it asks more than once
	defer cancel()
	v, err := view.Read(ctx, c)
	if err != nil {
		return err
	}
	d := &drafter{c, v}
	var all []Preview
	for _, p := range policies {
		made, err := d.draft(ctx, p)
		if err != nil {
			return err
		}
		all = append(all, compare(v, made, source))
	}
	if err := show(w, o.output, all, func(w io.Writer) error { return o.print(w, all) }); err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(p Preview) bool { return p.Differs() }) {
		return diff.ErrDiffers
	}
	return nil
}

// Preview is what becomes of the answers of one policy.
type Preview struct {
	// Policy as NAMESPACE/NAME, and the generation of its plan in force.
	Policy     string `json:"policy"`
	Generation int64  `json:"generation"`
	// Changes that concern whoever asks.
	Changes []string `json:"changes,omitempty"`
	Notes   []string `json:"notes,omitempty"`
	// Hosts are compared one by one where they are not steered alike.
	Hosts []HostPreview `json:"hosts,omitempty"`
}

// HostPreview is the comparison for host names that are steered alike.
type HostPreview struct {
	Hosts  []string       `json:"hosts"`
	Report preview.Report `json:"report"`
}

// Differs reports whether anybody is answered otherwise.
func (p *Preview) Differs() bool {
	return len(p.Changes) > 0 || slices.ContainsFunc(p.Hosts, func(h HostPreview) bool { return len(h.Report.Moves) > 0 })
}

// compare compares the two plans of a draft, each among all others.
func compare(v view.View, d *draft, source *geo.Source) Preview {
	places := geo.Compile(source)
	steering := func(plan *trafficv1alpha1.TrafficPlan) map[string]*steer.Plan {
		with := v
		with.Plans = slices.Clone(v.Plans)
		for i := range with.Plans {
			if with.Plans[i].Namespace == plan.Namespace && with.Plans[i].Name == plan.Name {
				with.Plans[i] = *plan
			}
		}
		return nameserver.Steering(nameserver.Snapshot(with, places), plan)
	}
	p := Preview{Policy: d.policy.Namespace + "/" + d.policy.Name, Generation: d.before.Generation, Notes: d.notes, Changes: d.otherwise()}
	old, new := steering(d.before), steering(d.after)
	type pair struct{ before, after *steer.Plan }
	index := map[pair]int{}
	for _, host := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(d.before.Spec.Hostnames, d.after.Spec.Hostnames)))) {
		key := pair{old[host], new[host]}
		if key == (pair{}) {
			continue
		}
		i, ok := index[key]
		if !ok {
			i = len(p.Hosts)
			index[key] = i
			p.Hosts = append(p.Hosts, HostPreview{Report: preview.Compare(source, key.before, key.after)})
		}
		p.Hosts[i].Hosts = append(p.Hosts[i].Hosts, host)
	}
	return p
}

func (o *outlook) print(w io.Writer, all []Preview) error {
	for i, p := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "TrafficPolicy %s, against generation %d of its plan\n", p.Policy, p.Generation)
		for _, c := range p.Changes {
			fmt.Fprintf(w, "for everybody: %s\n", c)
		}
		for _, n := range p.Notes {
			fmt.Fprintf(w, "note: %s\n", n)
		}
		for _, h := range p.Hosts {
			if err := o.printHost(w, h); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *outlook) printHost(w io.Writer, h HostPreview) error {
	r := &h.Report
	fmt.Fprintf(w, "\n%s\n", strings.Join(h.Hosts, ", "))
	if len(r.Moves) == 0 {
		fmt.Fprintln(w, "nobody is sent to another cluster")
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "COUNTRY\tFROM\tTO\tNETWORKS\tIPV4\tIPV6\tOF COUNTRY IPV4\tOF COUNTRY IPV6")
	rows := r.Moves
	if o.countries > 0 && len(rows) > o.countries {
		rows = rows[:o.countries]
	}
	for _, m := range rows {
		of := r.Countries[m.Country]
		v4, v6 := "-", "-"
		if m.Country != "" {
			v4, v6 = percent(m.Size.IPv4, r.Known.IPv4), percent(m.Size.IPv6, r.Known.IPv6)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", country(m.Country), cluster(m.From), cluster(m.To), m.Networks, v4, v6,
			percent(m.Size.IPv4, of.IPv4), percent(m.Size.IPv6, of.IPv6))
	}
	if more := len(r.Moves) - len(rows); more > 0 {
		fmt.Fprintf(tw, "and %d more\n", more)
	}
	moved := r.Moved()
	fmt.Fprintf(tw, "in all\t\t\t%d\t%s\t%s\t\t\n", len(r.Changes), percent(moved.IPv4, r.Known.IPv4), percent(moved.IPv6, r.Known.IPv6))
	if o.networks {
		fmt.Fprintln(tw, "\nFIRST\tLAST\tCOUNTRY\tFROM\tTO\tSHARE\t\t")
		for _, c := range r.Changes {
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t\t\n", c.First, c.Last, country(c.Country), cluster(c.From), cluster(c.To), percent(c.Share, 1))
		}
	}
	return tw.Flush()
}

func country(code string) string { return orDash(code != "", code) }

func cluster(name string) string {
	if name == "" {
		return "nobody"
	}
	return name
}

// percent says how much of a whole a part is.
func percent(part, whole float64) string {
	share := 0.0
	if whole > 0 {
		share = 100 * part / whole
	}
	switch {
	case share == 0:
		return "0%"
	case share < 0.01:
		return "<0.01%"
	case share < 10:
		return fmt.Sprintf("%.2f%%", share)
	}
	return fmt.Sprintf("%.1f%%", share)
}
