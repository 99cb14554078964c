package forecast

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/seaway-io/seaway/controllers/core/drill"
)

// most is what an application may get in a cluster, in percent of what it declares to take.
const most = 100

// Print writes a prediction: who would be sent where, and what that makes of those who are left.
func Print(w io.Writer, p *drill.Prediction) error {
	if len(p.Apps) == 0 {
		_, err := fmt.Fprintf(w, "no application is in %s\n", strings.Join(p.Clusters, ", "))
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "APPLICATION\tREQUESTS")
	for _, f := range p.Apps {
		fmt.Fprintf(tw, "%s\t%s\n", f.Application, requests(&f))
	}
	rows := 0
	for _, f := range p.Apps {
		for _, l := range f.Loads {
			if l.Drained || l.Capacity == 0 {
				continue
			}
			if rows == 0 {
				fmt.Fprintln(tw, "\nAPPLICATION\tCLUSTER\tNOW\tTHEN\tCAPACITY\tUSED")
			}
			rows++
			row(tw, f.Application, l, f.Measured)
		}
	}
	if rows > 0 && len(p.Apps) > 1 {
		for _, s := range p.Survivors {
			if s.Capacity > 0 {
				row(tw, "all measured", drill.Load{Cluster: s.Cluster, Before: s.Before, After: s.After, Capacity: s.Capacity}, true)
			}
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, warning := range warnings(p) {
		fmt.Fprintln(w, warning)
	}
	return nil
}

func requests(f *drill.Forecast) string {
	switch {
	case f.Serving && f.NobodyLeft:
		return "stay: no other cluster would answer"
	case f.Moved != "":
		return f.Moved
	case !f.Serving:
		return "none there now"
	}
	return "go where they did"
}

func row(w io.Writer, name string, l drill.Load, measured bool) {
	if !measured {
		fmt.Fprintf(w, "%s\t%s\t-\t-\t%.1f/s\t-\n", name, l.Cluster, l.Capacity)
		return
	}
	fmt.Fprintf(w, "%s\t%s\t%.1f/s\t%.1f/s\t%.1f/s\t%.0f%%\n", name, l.Cluster, l.Before, l.After, l.Capacity, 100*l.After/l.Capacity)
}

func warnings(p *drill.Prediction) []string {
	var out []string
	for _, o := range p.Over(most) {
		out = append(out, fmt.Sprintf("WARNING: %s would get %.1f requests/s in %s, which takes %.1f: %.1f would not fit", o.Application, o.Load, o.Cluster, o.Capacity, o.Load-o.Capacity))
	}
	for _, f := range p.Apps {
		if f.Unserved != "" {
			out = append(out, fmt.Sprintf("WARNING: %s: %s", f.Application, f.Unserved))
		}
	}
	for _, name := range p.NobodyLeft() {
		out = append(out, fmt.Sprintf("WARNING: %s would be in no other cluster", name))
	}
	return out
}

// Refusal says why a person should think twice about a drain; nil when nothing speaks against it.
func Refusal(p *drill.Prediction) error {
	left, over := p.NobodyLeft(), p.Over(most)
	switch {
	case len(left) > 0:
		return fmt.Errorf("no other cluster would answer for %s; --force drains all the same, and their requests stay where they are", some(left))
	case len(over) > 0:
		var all []string
		for _, o := range over {
			all = append(all, fmt.Sprintf("%s in %s", o.Application, o.Cluster))
		}
		return fmt.Errorf("more requests than it takes would come to %s; --force drains all the same", some(all))
	}
	return nil
}

func some(list []string) string {
	const shown = 5
	if more := len(list) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), more)
	}
	return strings.Join(list, ", ")
}

// Dash is a text, or a dash where there is none.
func Dash(text string) string { return cmp.Or(text, "-") }
