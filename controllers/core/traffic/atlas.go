package traffic

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
)

// mostCharts is how many sets of regions an Atlas remembers. Most applications of a federation share a
// few sets of clusters.
const mostCharts = 16

// Atlas remembers which regions are near to which, so that it is not computed for every plan anew. The
// zero value is ready, and safe for concurrent use; nil remembers nothing.
type Atlas struct {
	charts atomic.Pointer[[]*chart] // newest first
}

// chart is which regions are nearest to each of a set of regions.
type chart struct {
	places []place // by name
	// nearest are for each place the indexes of all, itself first, then by distance, then those of
	// which it is not known.
	nearest [][]int
}

// chart returns the one of a set of regions, sorted by name.
func (a *Atlas) chart(regions []located) *chart {
	if a == nil {
		return newChart(regions)
	}
	var known []*chart
	if all := a.charts.Load(); all != nil {
		known = *all
	}
	for _, c := range known {
		if c.shows(regions) {
			return c
		}
	}
	// Of two that are kept at the same moment one is lost, and computed again when it is next needed.
	c := newChart(regions)
	kept := append([]*chart{c}, known[:min(len(known), mostCharts-1)]...)
	a.charts.Store(&kept)
	return c
}

func (c *chart) shows(regions []located) bool {
	return slices.EqualFunc(c.places, regions, func(p place, r located) bool {
		return p.name == r.name && (p.location == nil) == (r.location == nil) && (r.location == nil || *p.location == *r.location)
	})
}

func newChart(regions []located) *chart {
	n := len(regions)
	c := &chart{places: make([]place, n), nearest: make([][]int, n)}
	for i, r := range regions {
		c.places[i] = newPlace(r.name, r.location.DeepCopy()) // what was given may be changed later
	}
	const own, unknown = -1, math.MaxInt
	type ranked struct{ rank, index int }
	list := make([]ranked, n)
	for i := range c.places {
		for j := range c.places {
			list[j] = ranked{unknown, j}
			switch {
			case i == j:
				list[j].rank = own
			case c.places[i].known && c.places[j].known:
				list[j].rank = c.places[i].kilometres(c.places[j])
			}
		}
		slices.SortFunc(list, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.index, b.index)) })
		c.nearest[i] = make([]int, n)
		for j, r := range list {
			c.nearest[i][j] = r.index
		}
	}
	return c
}

// ranking puts groups, each of one region, in order for clients.
type ranking struct {
	chart *chart
	at    []*group // by place
	// nowhere are the clusters that name no region: the last for everybody.
	nowhere *group
	list    []*group
}

func newRanking(groups []*group, c *chart) *ranking {
	r := &ranking{chart: c, at: make([]*group, len(c.places)), list: make([]*group, 0, len(groups))}
	for _, g := range groups {
		if i, found := slices.BinarySearchFunc(c.places, g.candidates[0].region, func(p place, name string) int { return cmp.Compare(p.name, name) }); found {
			r.at[i] = g
		} else {
			r.nowhere = g
		}
	}
	return r
}

// from are the groups, the nearest to a place first. The list is good until the next call.
func (r *ranking) from(place int) []*group {
	r.list = r.list[:0]
	for _, i := range r.chart.nearest[place] {
		if g := r.at[i]; g != nil {
			r.list = append(r.list, g)
		}
	}
	if r.nowhere != nil {
		r.list = append(r.list, r.nowhere)
	}
	return r.list
}
