package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Filter is a step that excludes clusters.
type Filter string

// The filters, in the order in which they are asked.
const (
	FilterExclude       Filter = "Exclude"
	FilterResidency     Filter = "Residency"
	FilterTerminating   Filter = "Terminating"
	FilterAPIEnablement Filter = "APIEnablement"
	FilterAffinity      Filter = "ClusterAffinity"
	FilterSpread        Filter = "SpreadConstraint"
	FilterTaint         Filter = "TaintToleration"
	FilterEviction      Filter = "ClusterEviction"
	// FilterWorkloadAffinity and FilterWorkloadAntiAffinity go by where other workloads run.
	FilterWorkloadAffinity     Filter = "WorkloadAffinity"
	FilterWorkloadAntiAffinity Filter = "WorkloadAntiAffinity"
	// FilterPluginPrefix is followed by the name of a custom algorithm.
	FilterPluginPrefix Filter = "plugin/"
	// FilterSelection is no filter of a single cluster: others were enough, or better.
	FilterSelection Filter = "Selection"
	// FilterDivision: the division left the cluster without replicas.
	FilterDivision Filter = "Division"
)

// Diagnosis says how a placement came about.
type Diagnosis struct {
	// Reason is that of the condition Scheduled: workv1alpha2.ReasonScheduledSuccess when a
	// placement was found, else why not.
	Reason string
	// Message is a sentence for that condition. It does not depend on the order of the input.
	Message string
	// Terms are the affinities that were tried, in order; the last one is in use when one was found.
	Terms []TermDiagnosis
	// Previous are the targets before, Targets those now: equal when none were found.
	Previous, Targets []workv1alpha2.TargetCluster
	// Passing is set when the first choice would not have lasted, and was placed again from there: it
	// is what Terms take for the present targets.
	Passing []workv1alpha2.TargetCluster
	// Bypassed are the custom algorithms that had no say, because they failed.
	Bypassed []Bypass
}

// Bypass is a custom algorithm that failed.
type Bypass struct {
	Plugin string
	// Reason says how it failed.
	Reason string
}

// Fits says whether a placement was found.
func (d *Diagnosis) Fits() bool { return d.Reason == workv1alpha2.ReasonScheduledSuccess }

// TermDiagnosis says how one affinity was judged.
type TermDiagnosis struct {
	// Affinity is the name of the term; empty without clusterAffinities.
	Affinity string
	// Clusters holds a verdict for every cluster, sorted by name.
	Clusters []Verdict
	// Selection says how clusters were chosen among those that pass; empty when all of them were.
	Selection string
	// Division is how replicas were divided; nil when it did not come to that.
	Division *Division
	// Reason and Message are those of a term that cannot be used; empty for the one in use.
	Reason, Message string
}

// Verdict is what was decided about one cluster.
type Verdict struct {
	Cluster string
	// Filter excluded the cluster; empty when it is a target.
	Filter Filter
	// Detail completes the sentence "<cluster> ...".
	Detail string
	// Tier is the cluster's place: 0 in the affinity itself, 1 and up in its overflow.
	Tier int
	// Score is the sum of Scores.
	Score int64
	// Scores are the points by who gave them, those that are not 0.
	Scores []Score
	// Available is the room for replicas, with those the cluster has already; 0 when it was not
	// asked for.
	Available int64
}

// Score is a reason to prefer a cluster.
type Score struct {
	// Name is ScoreLocality, or plugin/NAME.
	Name   string
	Points int64
}

// ScoreLocality is given to present targets: 100 points.
const ScoreLocality = "ClusterLocality"

// Sentence says the verdict in words.
func (v Verdict) Sentence() string {
	if v.Filter == "" {
		return v.Cluster + " is a target"
	}
	return fmt.Sprintf("%s %s (%s)", v.Cluster, v.Detail, v.Filter)
}

// Division is how replicas were divided.
type Division struct {
	Strategy Strategy
	// Mode says what was kept of the present division.
	Mode Mode
	// Replicas is what was divided: all, or only what is new.
	Replicas int32
	// Descend says that names broke ties in descending order.
	Descend bool
	// Shares are the parties and what they got of Replicas.
	Shares []Share
}

// Mode says what a division keeps of the present one.
type Mode string

const (
	// FromScratch keeps nothing.
	FromScratch Mode = "FromScratch"
	// ScaleUp keeps all and divides the rest.
	ScaleUp Mode = "ScaleUp"
	// ScaleDown divides in proportion to the present replicas.
	ScaleDown Mode = "ScaleDown"
	// Unchanged keeps the present division.
	Unchanged Mode = "Unchanged"
)

// Sentence says the division in words.
func (d *Division) Sentence() string {
	if d == nil {
		return ""
	}
	if d.Strategy == Duplicated {
		return fmt.Sprintf("every cluster gets %d replicas", d.Replicas)
	}
	if d.Mode == Unchanged {
		return "the present division holds"
	}
	parts := make([]string, 0, len(d.Shares))
	for _, s := range d.Shares {
		parts = append(parts, fmt.Sprintf("%s weighs %d and gets %d", s.Cluster, s.Weight, s.Replicas))
	}
	return fmt.Sprintf("%d replicas divided by %s (%s, ties by %s name): %s", d.Replicas, d.Strategy, d.Mode, d.order(), strings.Join(parts, ", "))
}

// namesShown bounds the clusters named in a message.
const namesShown = 5

// noClusterFits says in one sentence why no cluster is left, by filter in their order.
func noClusterFits(verdicts []Verdict) string {
	if len(verdicts) == 0 {
		return "there are no clusters"
	}
	var groups []string
	for _, f := range filtersIn(verdicts) {
		out, named := 0, make([]string, 0, namesShown)
		for i := range verdicts {
			if v := &verdicts[i]; v.Filter == f {
				if out++; out <= namesShown {
					named = append(named, v.Cluster+" "+v.Detail)
				}
			}
		}
		groups = append(groups, fmt.Sprintf("%d by %s: %s", out, f, list(named, out)))
	}
	return fmt.Sprintf("0/%d clusters fit (%s)", len(verdicts), strings.Join(groups, "; "))
}

// filtersIn are the filters that excluded clusters, in the order in which they are asked.
func filtersIn(verdicts []Verdict) []Filter {
	var used []Filter
	for i := range verdicts {
		if f := verdicts[i].Filter; f != "" && !slices.Contains(used, f) {
			used = append(used, f)
		}
	}
	rank := func(f Filter) int {
		if i := slices.Index(filterOrder, f); i >= 0 {
			return i
		}
		return len(filterOrder)
	}
	slices.SortFunc(used, func(a, b Filter) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return used
}

// filterOrder are the filters that come before custom algorithms.
var filterOrder = []Filter{
	FilterExclude, FilterResidency, FilterTerminating, FilterAPIEnablement, FilterAffinity, FilterSpread, FilterTaint, FilterEviction,
	FilterWorkloadAffinity, FilterWorkloadAntiAffinity,
}

// Targets is the short text of a placement: {m1:2, m2:1}.
func Targets(targets []workv1alpha2.TargetCluster) string {
	parts := make([]string, 0, len(targets))
	for _, t := range targets {
		parts = append(parts, fmt.Sprintf("%s:%d", t.Name, t.Replicas))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
