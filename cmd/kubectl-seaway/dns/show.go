package dns

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/decision"
)

// Formats of what is printed.
const (
	outputText = "text"
	outputJSON = "json"
	outputYAML = "yaml"
)

func checkOutput(format string) error {
	if !slices.Contains([]string{outputText, outputJSON, outputYAML}, format) {
		return fmt.Errorf("--output: there is no format %q; there are: text, json, yaml", format)
	}
	return nil
}

// show writes a document in a format.
func show(w io.Writer, format string, doc any, text func(io.Writer) error) error {
	switch format {
	case outputText:
		return text(w)
	case outputYAML:
		data, err := yaml.Marshal(doc)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}

// PrintDecision writes a decision for a person.
func PrintDecision(w io.Writer, d decision.Decision) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if d.Server == "" {
		fmt.Fprintf(tw, "worked out\tfrom %s: no server was asked\n", d.Source)
	} else {
		fmt.Fprintf(tw, "server\t%s, serving from: %s\n", d.Server, d.Source)
	}
	fmt.Fprintf(tw, "answer\t%s %s\n", d.Answer.Rcode, strings.Join(d.Answer.Records, " | "))
	fmt.Fprintf(tw, "ttl\t%d s\n", d.Answer.TTL)
	if d.Zone != nil {
		fmt.Fprintf(tw, "zone\t%s, generation %d, serial %d\n", d.Zone.Domain, d.Zone.Generation, d.Zone.Serial)
	}
	if len(d.Aliases) > 0 {
		fmt.Fprintf(tw, "aliases\t%s\n", strings.Join(d.Aliases, ", "))
	}
	switch d.Kind {
	case answer.KindNoZone:
		fmt.Fprintln(tw, "why\tthe name lies in no Zone that is served")
	case answer.KindNoName:
		fmt.Fprintln(tw, "why\tthe zone has no such name")
	case answer.KindDelegated:
		fmt.Fprintf(tw, "why\tthe zone delegates the name: %s\n", strings.Join(d.Answer.Authority, " | "))
	case answer.KindRecords:
		fmt.Fprintln(tw, "why\tstatic records of the zone")
	case answer.KindHost:
		steering(tw, d)
	}
	return tw.Flush()
}

func steering(w io.Writer, d decision.Decision) {
	s := d.Steering
	if s == nil {
		return // a server that is newer than this command
	}
	fmt.Fprintf(w, "plan\t%s/%s, generation %d, of policy generation %d, host %s\n", s.Namespace, s.Name, s.Generation, s.PolicyGeneration, s.Host)
	whereabouts(w, s.Client)
	tier := ""
	if s.Tier > 0 {
		tier = fmt.Sprintf(" (tier %d)", s.Tier)
	}
	fmt.Fprintf(w, "rule\t%s%s\n", s.Rule, tier)
	if s.Block.IsValid() {
		fmt.Fprintf(w, "draw\tby the network %s: the least wins\n", s.Block)
	}
	fmt.Fprintf(w, "scope\t%s: every client in it is answered the same\n\n", d.Answer.Scope)
	fmt.Fprintln(w, "CLUSTER\tTIER\tWEIGHT\tSHARE\tDRAW\tSTATE\tVERDICT\tANSWERED\tWHY")
	for _, e := range s.Endpoints {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Cluster, orDash(e.Tier > 0, fmt.Sprint(e.Tier)), e.Weight,
			orDash(e.Candidate, fmt.Sprintf("%.1f%%", 100*e.Share)), orDash(e.Draw > 0, fmt.Sprintf("%.4g", e.Draw)),
			e.State, e.Verdict, yes(e.Chosen), e.Why)
	}
	fmt.Fprintln(w, "\nCLUSTER\tREPORTED BY\tVERDICT\tSINCE\tREPORT\tCOUNTS\tMESSAGE")
	for _, e := range s.Endpoints {
		for _, v := range e.Evidence {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Cluster, v.VantagePoint, v.Verdict,
				orDash(!v.Since.IsZero(), duration.HumanDuration(d.Time.Sub(v.Since))), freshness(v), yes(v.Counts), plain(v.Message))
		}
	}
}

func whereabouts(w io.Writer, c decision.Client) {
	fmt.Fprintf(w, "client\t%s (%s)\n", c.Address, c.By)
	if !c.Located {
		fmt.Fprintln(w, "region\tmakes no difference to this plan")
		return
	}
	region := c.Region
	if region == "" {
		region = "none (the tiers for clients of unknown regions)"
	}
	fmt.Fprintf(w, "region\t%s: %s\n", region, strings.TrimSpace(c.Basis+" "+c.Rule))
	by := ""
	if len(c.Databases) > 0 {
		by = ", by " + strings.Join(c.Databases, " and ")
	}
	fmt.Fprintf(w, "location\t%s%s\n", c.Location, by)
	for _, r := range c.Distances {
		fmt.Fprintf(w, "\t%s at %d km\n", r.Region, r.Kilometres)
	}
}

// freshness says for how long a report counts.
func freshness(e decision.Evidence) string {
	if e.Own {
		return "own probes"
	}
	left := time.Duration(e.FreshSeconds * float64(time.Second)).Round(100 * time.Millisecond)
	if left < 0 {
		return "silent for " + duration.HumanDuration(-left)
	}
	return fmt.Sprintf("fresh for %v", left)
}

// plain is text of others without what a terminal would obey.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

func orDash(ok bool, text string) string {
	if !ok {
		return "-"
	}
	return text
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
