package zone

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/geo"
)

// tables makes the tables that tell client regions apart, one for each list of regions: plans that
// run in the same regions share one. They are large and slow to make, so those of the snapshot
// before are taken over.
type tables struct {
	places    *geo.Places
	overrides []geo.Override
	owners    []Ref // of the overrides
	problems  *[]Problem
	made      map[string]*geo.Table
	before    map[string]*geo.Table
	// known are those of made by the regions as they stand in a plan, where nothing is wrong with them.
	known map[string]*geo.Table
}

func newTables(in *Input, problems *[]Problem) *tables {
	t := &tables{places: in.Places, problems: problems, made: map[string]*geo.Table{}, known: map[string]*geo.Table{}}
	if t.places == nil {
		t.places = geo.Compile(geo.Overlay())
	}
	if in.Previous != nil && in.Previous.tables != nil && in.Places != nil && in.Previous.tables.places == in.Places {
		t.before = in.Previous.tables.made
	}
	owner := map[string]Ref{}
	for _, m := range byAge(in.RegionMaps) {
		r := reporter{refOf("RegionMap", m), problems}
		for i := range m.Spec.Regions {
			region, at := &m.Spec.Regions[i], spec.Child("regions").Index(i)
			if older, ok := owner[region.Name]; ok {
				r.report(at.Child("name"), "%q is already in %s, which is used", region.Name, older)
				continue
			}
			owner[region.Name] = r.object
			if region.Clients == nil {
				continue
			}
			t.overrides = append(t.overrides, geo.Override{
				Region:       region.Name,
				Networks:     region.Clients.Networks,
				ASNs:         region.Clients.ASNs,
				Subdivisions: region.Clients.Subdivisions,
				Countries:    region.Clients.Countries,
				Path:         at.Child("clients"),
			})
			t.owners = append(t.owners, r.object)
		}
	}
	t.check()
	return t
}

// check reports what is wrong with the overrides themselves, once and not for every table.
func (t *tables) check() {
	nowhere := geo.Compile(geo.Overlay())
	regions := make([]geo.Region, 0, len(t.overrides))
	index := map[string]int{}
	roots := make([]geo.Override, len(t.overrides))
	for i, o := range t.overrides {
		regions = append(regions, geo.Region{Name: o.Region})
		// The root of the path says whose the field is.
		root := strconv.Itoa(i)
		index[root] = i
		o.Path = field.NewPath(root, "clients")
		roots[i] = o
	}
	_, problems := nowhere.Regions(regions, roots)
	for _, p := range problems {
		root, rest, _ := strings.Cut(p.Field, ".clients")
		i, ok := index[root]
		if !ok {
			continue
		}
		r := reporter{t.owners[i], t.problems}
		*r.list = append(*r.list, Problem{r.object, t.overrides[i].Path.String() + rest, p.ErrorBody()})
	}
}

// regionsKey is a plan's regions as they stand there.
func regionsKey(regions []trafficv1alpha1.PlanRegion) string {
	var as []byte
	for i := range regions {
		as = appendText(as, regions[i].Name)
		if l := regions[i].Location; l != nil {
			as = appendText(appendText(append(as, 1), l.Latitude), l.Longitude)
		}
	}
	return string(as)
}

// of is the table for a plan's regions, which have a key.
func (t *tables) of(key string, regions []trafficv1alpha1.PlanRegion, r reporter) *geo.Table {
	if table := t.known[key]; table != nil {
		return table
	}
	before := len(*r.list)
	table := t.make(regions, r)
	if len(*r.list) == before {
		t.known[key] = table
	}
	return table
}

// close forgets what was only of use while tables were made.
func (t *tables) close() { t.before, t.problems = nil, nil }

// change are tables that can be added to without the others' knowing.
func (t *tables) change() *tables {
	n := *t
	n.made, n.known = maps.Clone(t.made), maps.Clone(t.known)
	return &n
}

// prune forgets the tables that no plan uses any more.
func (t *tables) prune(plans []*Plan) {
	used := map[*geo.Table]bool{}
	for _, p := range plans {
		for _, s := range p.steer {
			used[s.Table()] = true
		}
	}
	unused := func(_ string, table *geo.Table) bool { return !used[table] }
	maps.DeleteFunc(t.made, unused)
	maps.DeleteFunc(t.known, unused)
}

func (t *tables) make(regions []trafficv1alpha1.PlanRegion, r reporter) *geo.Table {
	list := make([]geo.Region, len(regions))
	here := map[string]bool{}
	for i, p := range regions {
		list[i] = geo.Region{Name: p.Name}
		here[p.Name] = true
		if p.Location == nil {
			continue
		}
		at := spec.Child("regions").Index(i).Child("location")
		latitude, ok1 := degrees(p.Location.Latitude, 90, at.Child("latitude"), r)
		longitude, ok2 := degrees(p.Location.Longitude, 180, at.Child("longitude"), r)
		if ok1 && ok2 {
			list[i].Latitude, list[i].Longitude, list[i].HasLocation = latitude, longitude, true
		}
	}
	var overrides []geo.Override
	for _, o := range t.overrides {
		if here[o.Region] {
			overrides = append(overrides, o)
		}
	}
	key := tableKey(list, overrides)
	table := t.made[key]
	if table == nil {
		table = t.before[key]
	}
	if table == nil {
		table, _ = t.places.Regions(list, overrides)
	}
	t.made[key] = table
	return table
}

// tableKey is everything that a table depends on besides the places.
func tableKey(regions []geo.Region, overrides []geo.Override) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q\n", regionTexts(regions))
	for _, o := range overrides {
		fmt.Fprintf(&b, "%q %q %d %q %q\n", o.Region, o.Networks, o.ASNs, o.Subdivisions, o.Countries)
	}
	return b.String()
}

func regionTexts(regions []geo.Region) []string {
	out := make([]string, len(regions))
	for i, r := range regions {
		out[i] = fmt.Sprintf("%s %v %v %v", r.Name, r.HasLocation, r.Latitude, r.Longitude)
	}
	return out
}

// degrees reads a coordinate.
func degrees(text string, most float64, at *field.Path, r reporter) (float64, bool) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(-most <= v && v <= most) {
		r.report(at, "%q is not a number of degrees from %v to %v: the region is used without a location", text, -most, most)
		return 0, false
	}
	return v, true
}
