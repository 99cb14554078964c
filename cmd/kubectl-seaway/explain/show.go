package explain

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/utils/ptr"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// label is the kind and the name of a template.
func label(s trafficv1alpha1.DecisionSubject) string {
	return s.Kind + " " + strings.TrimPrefix(s.Namespace+"/"+s.Name, "/")
}

func (a *Account) text(w io.Writer, now time.Time, history bool) {
	fmt.Fprintf(w, "template\t%s\n", label(a.Template))
	where := places(a.Clusters, a.Replicas != nil)
	if a.Since != nil {
		where += fmt.Sprintf(", since %s (%s)", a.Since.UTC().Format(time.RFC3339), ago(now, a.Since.Time))
	}
	fmt.Fprintf(w, "placed\t%s\n", where)
	if a.Replicas != nil {
		fmt.Fprintf(w, "wanted\t%d replicas\n", *a.Replicas)
	}
	if len(a.Leaving) > 0 {
		fmt.Fprintf(w, "leaving\t%s\n", strings.Join(a.Leaving, ", "))
	}
	policy := a.Policy
	if policy == "" {
		policy = "none"
	}
	fmt.Fprintf(w, "policy\t%s\n", policy)
	if c := a.Scheduled; c != nil {
		fmt.Fprintf(w, "scheduled\t%s (%s): %s\n", c.Status, c.Reason, c.Message)
	}
	for _, n := range a.Notes {
		fmt.Fprintf(w, "note\t%s\n", n)
	}
	if d := a.Decision; d != nil {
		if a.Computed {
			fmt.Fprintf(w, "decision\tnone is kept; worked out now, from what the clusters report of themselves: %s\n", conclusion(d))
		} else {
			fmt.Fprintf(w, "decision\t%s by %s (%s): %s\n", ago(now, d.Time.Time), d.Controller, orDash(d.Cause), conclusion(d))
		}
		because(w, d)
	}
	if history {
		earlier(w, a.History, now)
	}
}

// because writes what a decision was made of.
func because(w io.Writer, d *trafficv1alpha1.DecisionSpec) {
	if d.Affinity != "" {
		fmt.Fprintf(w, "group\t%s\n", d.Affinity)
	}
	if len(d.Clusters) > 0 {
		fmt.Fprintln(w, "\nCLUSTER\tBEFORE\tAFTER\tSCORE\tROOM\tWHY")
		counted := counts(d)
		for i := range d.Clusters {
			c := &d.Clusters[i]
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Cluster, number(c.Before, counted), number(c.After, counted), score(c.Scores), room(c.Available), why(c, counted))
		}
	}
	if len(d.ClustersOmitted) > 0 {
		var parts []string
		for _, filter := range slices.Sorted(maps.Keys(d.ClustersOmitted)) {
			parts = append(parts, fmt.Sprintf("%d %s", d.ClustersOmitted[filter], filter))
		}
		fmt.Fprintf(w, "and more: %s\n", strings.Join(parts, ", "))
	}
	if len(d.Steps) > 0 {
		fmt.Fprintln(w)
		for i, s := range d.Steps {
			fmt.Fprintf(w, "%d. %s\n", i+1, s)
		}
	}
	if d.Counterfactual != "" {
		fmt.Fprintf(w, "\nOtherwise: %s\n", d.Counterfactual)
	}
}

func earlier(w io.Writer, history []trafficv1alpha1.DecisionSpec, now time.Time) {
	if len(history) == 0 {
		fmt.Fprintln(w, "\nNo earlier decisions are kept.")
		return
	}
	fmt.Fprintln(w, "\nEARLIER\tBY\tCAUSE\tOUTCOME\tPLACED\tMESSAGE")
	for i := range history {
		d := &history[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", ago(now, d.Time.Time), d.Controller, orDash(d.Cause), d.Outcome, moves(d), d.Message)
	}
}

func conclusion(d *trafficv1alpha1.DecisionSpec) string {
	if d.Message == "" {
		return string(d.Outcome)
	}
	return fmt.Sprintf("%s. %s", d.Outcome, d.Message)
}

// counts says whether the template has replicas. Without any, a cluster is a target or it is not.
func counts(d *trafficv1alpha1.DecisionSpec) bool {
	return slices.ContainsFunc(d.Clusters, func(c trafficv1alpha1.DecisionCluster) bool {
		return ptr.Deref(c.Before, 0) > 0 || ptr.Deref(c.After, 0) > 0
	})
}

func number(n *int32, counted bool) string {
	switch {
	case n == nil:
		return "-"
	case !counted:
		return "yes"
	}
	return fmt.Sprint(*n)
}

func score(scores []trafficv1alpha1.DecisionScore) string {
	var sum int64
	for _, s := range scores {
		sum += s.Score
	}
	switch len(scores) {
	case 0:
		return "-"
	case 1:
		return fmt.Sprintf("%d %s", sum, scores[0].Name)
	}
	var parts []string
	for _, s := range scores {
		parts = append(parts, fmt.Sprintf("%d %s", s.Score, s.Name))
	}
	return fmt.Sprintf("%d = %s", sum, strings.Join(parts, " + "))
}

func room(n *int64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

// why says in words what happened to a cluster.
func why(c *trafficv1alpha1.DecisionCluster, counted bool) string {
	excluded := strings.TrimSpace(c.Detail)
	if c.Filter != "" {
		excluded = strings.TrimSpace(fmt.Sprintf("%s (%s)", c.Detail, c.Filter))
	}
	if c.Affinity != "" && excluded != "" {
		excluded += ", in group " + c.Affinity
	}
	switch {
	case c.Before != nil && c.After == nil:
		return "left: " + orDash(excluded)
	case c.After == nil && excluded == "":
		return "passes every filter"
	case c.After == nil:
		return excluded
	case excluded != "":
		return "stays for now: " + excluded
	case c.Before == nil:
		return "is a new target"
	case *c.Before == *c.After || !counted:
		return "stays"
	case *c.Before < *c.After:
		return fmt.Sprintf("gets %d more", *c.After-*c.Before)
	}
	return fmt.Sprintf("gives up %d", *c.Before-*c.After)
}

// places are targets in words.
func places(targets []workv1alpha2.TargetCluster, counted bool) string {
	const most = 12
	if len(targets) == 0 {
		return "nowhere"
	}
	var parts []string
	for _, t := range targets[:min(len(targets), most)] {
		if counted {
			parts = append(parts, fmt.Sprintf("%s %d", t.Name, t.Replicas))
		} else {
			parts = append(parts, t.Name)
		}
	}
	text := strings.Join(parts, ", ")
	if more := len(targets) - most; more > 0 {
		text += fmt.Sprintf(" and %d more clusters", more)
	}
	return text
}

// moves are the targets after a decision.
func moves(d *trafficv1alpha1.DecisionSpec) string {
	var targets []workv1alpha2.TargetCluster
	for _, c := range d.Clusters {
		if c.After != nil {
			targets = append(targets, workv1alpha2.TargetCluster{Name: c.Cluster, Replicas: *c.After})
		}
	}
	return places(targets, counts(d))
}

func ago(now, at time.Time) string { return duration.HumanDuration(now.Sub(at)) + " ago" }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
