package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Bounds of a search for a counterfactual.
const (
	mostTrials     = 8 // calls of Place
	trialsByFilter = 3 // clusters looked at of those a filter excluded
)

// trial is a changed input, and the change in words: after "if".
type trial struct {
	in     Input
	change string
}

// Counterfactual is one change that would have given replicas, or more of them, to a cluster that got
// none or too few: of the nearest miss that one change helps, the smallest change found. It is a
// sentence such as "c3 would get 2 replicas if its taint gpu:NoSchedule were tolerated.", and is empty
// when no such change was found. What it says holds: the changed input was placed. It calls Place a few
// times.
func Counterfactual(in Input, result Result, d Diagnosis) string {
	if len(d.Terms) == 0 {
		return ""
	}
	t := &d.Terms[len(d.Terms)-1]
	if !d.Fits() {
		t = &d.Terms[0] // its refusal is the one that is told
	}
	before := replicasByName(result.Clusters)
	calls := 0
	for _, v := range nearest(t, before, d.Fits()) {
		for _, next := range trialsOf(&in, t, v) {
			if calls++; calls > mostTrials {
				return ""
			}
			after, diagnosis := Place(next.in)
			if !diagnosis.Fits() {
				continue
			}
			if has, is := replicasByName(after.Clusters)[v.Cluster]; is {
				if had, was := before[v.Cluster]; !was || has > had {
					return gain(v.Cluster, has) + " if " + next.change + "."
				}
			}
		}
	}
	return ""
}

func gain(cluster string, replicas int32) string {
	switch replicas {
	case 0:
		return cluster + " would be a target"
	case 1:
		return cluster + " would get 1 replica"
	}
	return fmt.Sprintf("%s would get %d replicas", cluster, replicas)
}

// nearness orders filters by how little a cluster misses by; 0 stands for none.
func nearness(f Filter) int {
	if strings.HasPrefix(string(f), string(FilterPluginPrefix)) {
		f = FilterPluginPrefix
	}
	return slices.Index([]Filter{
		"", FilterDivision, FilterSelection, FilterPluginPrefix, FilterWorkloadAntiAffinity, FilterWorkloadAffinity, FilterTaint,
		FilterSpread, FilterAffinity, FilterAPIEnablement, FilterExclude, FilterTerminating,
	}, f)
}

// nearest are the clusters worth a trial, the nearest misses first, a few of each filter. Clusters
// that pass are among them when no placement was found.
func nearest(t *TermDiagnosis, before map[string]int32, fits bool) []*Verdict {
	var out []*Verdict
	for i := range t.Clusters {
		v := &t.Clusters[i]
		if n := nearness(v.Filter); n > 0 || n == 0 && !fits {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b *Verdict) int {
		return cmp.Or(
			cmp.Compare(nearness(a.Filter), nearness(b.Filter)), cmp.Compare(a.Tier, b.Tier), cmp.Compare(b.Score, a.Score),
			cmp.Compare(b.Available, a.Available), cmp.Compare(a.Cluster, b.Cluster))
	})
	taken := map[int]int{}
	return slices.DeleteFunc(out, func(v *Verdict) bool {
		taken[nearness(v.Filter)]++
		return taken[nearness(v.Filter)] > trialsByFilter
	})
}

// trialsOf are the changes that may help a cluster, the smallest first.
func trialsOf(in *Input, t *TermDiagnosis, v *Verdict) []trial {
	c := in.cluster(v.Cluster)
	if c == nil {
		return nil
	}
	switch v.Filter {
	case "":
		return roomTrials(in, t, v, c)
	case FilterDivision:
		return divisionTrials(in, t, v, c)
	case FilterSelection:
		return append(groupTrials(in), roomTrials(in, t, v, c)...)
	case FilterWorkloadAffinity, FilterWorkloadAntiAffinity:
		return peerTrials(in, c, v.Filter)
	case FilterTaint:
		return taintTrials(in, c)
	case FilterSpread:
		return spreadTrials(in, t, c)
	case FilterAffinity:
		return affinityTrials(in, t.Affinity, c)
	case FilterAPIEnablement:
		return apiTrials(in, c)
	case FilterExclude:
		return lostTrials(in, c)
	case FilterTerminating:
		alive := c.DeepCopy()
		alive.DeletionTimestamp = nil
		return []trial{{in.withCluster(alive), "it were not being deleted"}}
	}
	return pluginTrials(in, v)
}
