package placement

import (
	"fmt"
	"slices"
	"strings"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// sharesShown bounds the clusters named in one step.
const sharesShown = 20

// Steps tell how the placement came about, a sentence each, in order: what had no say, each affinity
// that was tried, the selection, the division share by share, and what changed.
func (d *Diagnosis) Steps() []string {
	var steps []string
	for _, b := range d.Bypassed {
		steps = append(steps, fmt.Sprintf("%s%s failed and was passed over: %s.", FilterPluginPrefix, b.Plugin, strings.TrimSuffix(b.Reason, ".")))
	}
	if len(d.Terms) == 0 {
		steps = append(steps, "The placement cannot be read: "+strings.TrimSuffix(d.Message, ".")+".")
	}
	runs := len(d.Previous) > 0
	if d.Passing != nil {
		steps = append(steps, fmt.Sprintf("The first choice, %s, would have changed when placed again; it is placed from there.", Targets(d.Passing)))
		runs = true
	}
	for i := range d.Terms {
		steps = append(steps, d.Terms[i].steps(runs)...)
	}
	return append(steps, d.change())
}

func (t *TermDiagnosis) steps(runs bool) []string {
	subject, step := "", "Of %d clusters %d pass the filters%s."
	if t.Affinity != "" {
		subject, step = fmt.Sprintf("Affinity group %q: ", t.Affinity), "of %d clusters %d pass the filters%s."
	}
	steps := []string{subject + fmt.Sprintf(step, len(t.Clusters), t.passed(), t.outBy())}
	if t.Selection != "" {
		steps = append(steps, "Selected: "+t.Selection+".")
	}
	steps = append(steps, t.Division.steps(runs)...)
	if t.Reason != "" {
		steps = append(steps, fmt.Sprintf("%snot used, %s: %s.", subject, t.Reason, strings.TrimSuffix(t.Message, ".")))
	}
	return steps
}

// passed counts the clusters that pass the filters of single clusters.
func (t *TermDiagnosis) passed() (n int) {
	for i := range t.Clusters {
		if !t.Clusters[i].Filter.ofOne() {
			n++
		}
	}
	return n
}

// outBy counts the clusters excluded, by filter.
func (t *TermDiagnosis) outBy() string {
	var parts []string
	for _, f := range filtersIn(t.Clusters) {
		if !f.ofOne() {
			continue
		}
		n := 0
		for i := range t.Clusters {
			if t.Clusters[i].Filter == f {
				n++
			}
		}
		parts = append(parts, fmt.Sprintf("%d out by %s", n, f))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// ofOne says whether a filter excludes single clusters, whatever the others are.
func (f Filter) ofOne() bool { return f != "" && f != FilterSelection && f != FilterDivision }

// steps tell a division in one sentence for the whole, and one for the shares.
func (d *Division) steps(runs bool) []string {
	switch {
	case d == nil:
		return nil
	case d.Strategy == Duplicated:
		return []string{fmt.Sprintf("Every selected cluster gets %d replicas.", d.Replicas)}
	case d.Mode == Unchanged:
		return []string{"The present division holds."}
	}
	mode := d.Mode
	if !runs {
		mode = FromScratch // there is nothing to keep
	}
	steps := []string{fmt.Sprintf("%d replicas are divided by %s, %s; names break ties in %s order.", d.Replicas, d.Strategy, mode.words(), d.order())}
	if len(d.Shares) == 0 {
		return steps
	}
	parts := make([]string, 0, min(len(d.Shares), sharesShown))
	for _, s := range d.Shares[:min(len(d.Shares), sharesShown)] {
		parts = append(parts, fmt.Sprintf("%s weighs %d and gets %d", s.Cluster, s.Weight, s.Replicas))
	}
	return append(steps, list(parts, len(d.Shares))+".")
}

func (d *Division) order() string {
	if d.Descend {
		return "descending"
	}
	return "ascending"
}

// words say what a mode keeps.
func (m Mode) words() string {
	switch m {
	case ScaleUp:
		return "on top of the present ones"
	case ScaleDown:
		return "in proportion to the present ones"
	}
	return "from scratch"
}

// list joins the parts that are shown of so many.
func list(parts []string, of int) string {
	text := strings.Join(parts, ", ")
	if more := of - len(parts); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// change says what is different from the previous placement.
func (d *Diagnosis) change() string {
	before, after := replicasByName(d.Previous), replicasByName(d.Targets)
	var parts []string
	for _, name := range union(d.Previous, d.Targets) {
		had, was := before[name]
		has, is := after[name]
		switch {
		case !was && has > 0:
			parts = append(parts, fmt.Sprintf("%s joins with %d", name, has))
		case !was:
			parts = append(parts, name+" joins")
		case !is && had > 0:
			parts = append(parts, fmt.Sprintf("%s leaves with %d", name, had))
		case !is:
			parts = append(parts, name+" leaves")
		case had != has:
			parts = append(parts, fmt.Sprintf("%s goes from %d to %d", name, had, has))
		}
	}
	switch {
	case len(parts) > 0:
		return "Changed: " + list(parts[:min(len(parts), sharesShown)], len(parts)) + "."
	case d.Fits() || len(d.Previous) == 0:
		return "Nothing changes."
	}
	return "What runs stays where it is."
}

func replicasByName(targets []workv1alpha2.TargetCluster) map[string]int32 {
	out := make(map[string]int32, len(targets))
	for _, t := range targets {
		out[t.Name] = t.Replicas
	}
	return out
}

// union are the names of both, sorted.
func union(a, b []workv1alpha2.TargetCluster) []string {
	names := make([]string, 0, len(a)+len(b))
	for _, t := range a {
		names = append(names, t.Name)
	}
	for _, t := range b {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
