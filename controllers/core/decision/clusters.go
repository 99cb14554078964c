package decision

import (
	"cmp"
	"slices"

	"k8s.io/utils/ptr"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// FilterUnjoined stands for a present target that is no member any more.
const FilterUnjoined placement.Filter = "Unjoined"

// late are the filters in the order in which they are asked: a cluster that a later one excluded
// came nearer. Filters that are not listed are asked after the ones of the cluster itself.
var late = map[placement.Filter]int{
	FilterUnjoined:                0,
	placement.FilterExclude:       1,
	placement.FilterTerminating:   2,
	placement.FilterAPIEnablement: 3,
	placement.FilterAffinity:      4,
	placement.FilterSpread:        5,
	placement.FilterTaint:         6,
	placement.FilterEviction:      7,
	placement.FilterSelection:     9,
	placement.FilterDivision:      10,
	"":                            11,
}

const otherFilter = 8

func lateness(f placement.Filter) int {
	if n, ok := late[f]; ok {
		return n
	}
	return otherFilter
}

// row is what is told of one cluster, and what it is sorted by: see foremost.
type row struct {
	trafficv1alpha1.DecisionCluster
	standing, nearness int
	score              int64
}

// judged are the rows of all clusters, in no order.
func judged(m *Made) []*row {
	before, after := replicas(m.Input.Spec.Clusters), replicas(m.Result.Clusters)
	rows := make([]*row, 0, len(m.Input.Clusters))
	seen := make(map[string]bool, len(m.Input.Clusters))
	add := func(r *row) {
		seen[r.Cluster] = true
		r.Before, r.After = before[r.Cluster], after[r.Cluster]
		r.standing, r.nearness = standing(r), lateness(placement.Filter(r.Filter))
		rows = append(rows, r)
	}
	all := verdicts(&m.Diagnosis)
	for i := range all {
		v := &all[i]
		r := rowOf(v)
		if v.affinity != m.Result.AffinityName {
			r.Affinity = v.affinity
		}
		add(r)
	}
	for _, c := range m.Input.Clusters { // a placement that is not valid judges none
		if _, target := after[c.Name]; (target || before[c.Name] != nil) && !seen[c.Name] {
			add(&row{DecisionCluster: trafficv1alpha1.DecisionCluster{Cluster: c.Name}})
		}
	}
	for _, targets := range [][]workv1alpha2.TargetCluster{m.Input.Spec.Clusters, m.Result.Clusters} {
		for _, t := range targets {
			if !seen[t.Name] {
				add(&row{DecisionCluster: trafficv1alpha1.DecisionCluster{Cluster: t.Name, Filter: string(FilterUnjoined), Detail: "is no member any more"}})
			}
		}
	}
	return rows
}

func rowOf(v *verdict) *row {
	r := &row{score: v.Score, DecisionCluster: trafficv1alpha1.DecisionCluster{
		Cluster: v.Cluster, Filter: string(v.Filter), Detail: cut(v.Detail, maxDetail),
	}}
	for _, s := range v.Scores[:min(len(v.Scores), maxScores)] {
		r.Scores = append(r.Scores, trafficv1alpha1.DecisionScore{Name: cut(s.Name, maxScoreName), Score: s.Points})
	}
	if v.estimated && lateness(v.Filter) >= lateness(placement.FilterSelection) {
		r.Available = room(v.Available)
	}
	return r
}

func replicas(targets []workv1alpha2.TargetCluster) map[string]*int32 {
	out := make(map[string]*int32, len(targets))
	for _, t := range targets {
		out[t.Name] = ptr.To(t.Replicas)
	}
	return out
}

// verdict is a placement's verdict, with the affinity group it was given in.
type verdict struct {
	placement.Verdict
	affinity string
	// estimated says that room was asked for in that group.
	estimated bool
}

// verdicts holds one for each cluster: that of the group in use, unless the cluster is not in it and
// came further in another; without a group in use, that of the first in which it came furthest.
func verdicts(d *placement.Diagnosis) []verdict {
	if len(d.Terms) == 0 {
		return nil
	}
	terms := slices.Clone(d.Terms)
	used := len(terms) - 1
	if d.Fits() {
		terms[0], terms[used] = terms[used], terms[0]
	}
	out := make([]verdict, 0, len(terms[0].Clusters))
	at := make(map[string]int, len(terms[0].Clusters))
	for i := range terms {
		estimated := slices.ContainsFunc(terms[i].Clusters, func(v placement.Verdict) bool { return v.Available != 0 })
		for _, v := range terms[i].Clusters {
			candidate := verdict{Verdict: v, affinity: terms[i].Affinity, estimated: estimated}
			known, ok := at[v.Cluster]
			switch {
			case !ok:
				at[v.Cluster] = len(out)
				out = append(out, candidate)
			case d.Fits() && out[known].affinity == terms[0].Affinity && out[known].Filter != placement.FilterAffinity:
			case lateness(v.Filter) > lateness(out[known].Filter):
				out[known] = candidate
			}
		}
	}
	return out
}

// foremost sorts rows by what they have to tell, and counts those for which there is no space.
func foremost(rows []*row) (shown []trafficv1alpha1.DecisionCluster, omitted map[string]int32) {
	slices.SortFunc(rows, func(a, b *row) int {
		return cmp.Or(
			cmp.Compare(a.standing, b.standing),
			cmp.Compare(b.nearness, a.nearness),
			cmp.Compare(b.score, a.score),
			cmp.Compare(ptr.Deref(b.Available, 0), ptr.Deref(a.Available, 0)),
			cmp.Compare(a.Cluster, b.Cluster),
		)
	})
	for i := range rows {
		if i < maxClusters {
			shown = append(shown, rows[i].DecisionCluster)
			continue
		}
		if omitted == nil {
			omitted = map[string]int32{}
		}
		omitted[omission(rows[i])]++
	}
	return shown, omitted
}

// standing puts what moved before what stays, and both before what has no part in it.
func standing(r *row) int {
	switch {
	case r.After == nil && r.Before == nil:
		return 2
	case r.After == nil || r.Before == nil || *r.After != *r.Before:
		return 0
	}
	return 1
}

func omission(r *row) string {
	switch {
	case r.After != nil:
		return trafficv1alpha1.DecisionOmittedTarget
	case r.Filter == "":
		return trafficv1alpha1.DecisionOmittedPassed
	}
	return r.Filter
}
