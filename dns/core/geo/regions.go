package geo

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Region is a place that clients may be mapped to.
type Region struct {
	Name string
	// Latitude and Longitude in degrees; they mean something only if HasLocation. A region without a
	// location is nobody's nearest and gets clients through overrides only.
	Latitude, Longitude float64
	HasLocation         bool
}

// Override gives clients to a region whatever their distance. Of several that match a client the
// most specific wins: the longest network, then the autonomous system, the subdivision, the country.
type Override struct {
	Region string
	// Networks in CIDR form. One may lie inside another.
	Networks []string
	// ASNs are numbers of autonomous systems.
	ASNs []int64
	// Subdivisions are ISO 3166-2 codes such as US-CA.
	Subdivisions []string
	// Countries are ISO 3166-1 alpha-2 codes such as DE.
	Countries []string
	// Path is where the override was written, for problems; overrides[i] if nil.
	Path *field.Path
}

// maxRegions leaves out the one class that is not a region.
const maxRegions = classMapped - 1

// rules are overrides after all checks, by what they match. Values are classes.
type rules struct {
	networks     []networkRule
	asns         map[uint32]uint16
	subdivisions map[string]uint16
	countries    map[string]uint16
}

type networkRule struct {
	prefix netip.Prefix
	class  uint16
}

// ruleReader reads regions and overrides, and collects what is wrong with them. What is wrong is
// left out; the rest stands.
type ruleReader struct {
	rules
	classes  map[string]uint16
	networks map[netip.Prefix]uint16
	regions  []Region
	problems field.ErrorList
}

func (r *ruleReader) complain(e *field.Error) { r.problems = append(r.problems, e) }

// readRegions copies the regions and numbers their names. Class 0 is for clients of no region.
func (r *ruleReader) readRegions(regions []Region) {
	path := field.NewPath("regions")
	if len(regions) > maxRegions {
		r.complain(field.TooMany(path, len(regions), maxRegions))
		regions = regions[:maxRegions]
	}
	r.regions = slices.Clone(regions)
	for i := range r.regions {
		region, at := &r.regions[i], path.Index(i)
		if region.HasLocation && !validCoordinates(region.Latitude, region.Longitude) {
			r.complain(field.Invalid(at, fmt.Sprintf("%g,%g", region.Latitude, region.Longitude),
				"latitude must be -90 to 90 and longitude -180 to 180; the region is used without a location"))
			region.HasLocation = false
		}
		if region.Name == "" {
			r.complain(field.Required(at.Child("name"), "a region needs a name"))
			region.HasLocation = false
			continue
		}
		if _, twice := r.classes[region.Name]; twice {
			r.complain(field.Duplicate(at.Child("name"), region.Name))
			// Its location stands for the first one's no more than its name does.
			region.HasLocation = false
			continue
		}
		r.classes[region.Name] = uint16(i + 1)
	}
}

func (r *ruleReader) readOverrides(overrides []Override) {
	for i, o := range overrides {
		path := o.Path
		if path == nil {
			path = field.NewPath("overrides").Index(i)
		}
		class, ok := r.classes[o.Region]
		if !ok {
			r.complain(field.NotFound(path.Child("region"), o.Region))
			continue
		}
		for j, n := range o.Networks {
			r.readNetwork(path.Child("networks").Index(j), n, class)
		}
		for j, n := range o.ASNs {
			r.readASN(path.Child("asns").Index(j), n, class)
		}
		for j, s := range o.Subdivisions {
			at := path.Child("subdivisions").Index(j)
			if problem := checkSubdivision(s); problem != "" {
				r.complain(field.Invalid(at, s, problem))
				continue
			}
			claim(r, at, r.subdivisions, s, class)
		}
		for j, c := range o.Countries {
			at := path.Child("countries").Index(j)
			if problem := checkCountry(c); problem != "" {
				r.complain(field.Invalid(at, c, problem))
				continue
			}
			claim(r, at, r.countries, c, class)
		}
	}
}

// claim enters a rule unless another region has it already. Saying the same twice does no harm.
func claim[K comparable](r *ruleReader, at *field.Path, rules map[K]uint16, what K, class uint16) {
	if other, taken := rules[what]; taken && other != class {
		r.complain(field.Invalid(at, what, fmt.Sprintf(
			"already belongs to region %q, which keeps it: remove it from one of the two", r.regions[other-1].Name)))
		return
	}
	rules[what] = class
}

func (r *ruleReader) readNetwork(at *field.Path, text string, class uint16) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		r.complain(field.Invalid(at, text, "must be a network in CIDR form, such as 192.0.2.0/24 or 2001:db8::/32"))
	case p.Addr().Is4In6():
		r.complain(field.Invalid(at, text, "is IPv4 written as IPv6: write it as IPv4"))
	case p != p.Masked():
		r.complain(field.Invalid(at, text, fmt.Sprintf("has bits set after its prefix: write %v", p.Masked())))
	default:
		claim(r, at, r.networks, p, class)
		if r.networks[p] == class {
			r.rules.networks = append(r.rules.networks, networkRule{p, class})
		}
	}
}

func (r *ruleReader) readASN(at *field.Path, n int64, class uint16) {
	if n < 1 || n > math.MaxUint32 {
		r.complain(field.Invalid(at, n, "must be an autonomous system number, 1 to 4294967295"))
		return
	}
	claim(r, at, r.asns, uint32(n), class)
}

func checkCountry(code string) string {
	if _, ok := countries[code]; ok {
		return ""
	}
	problem := "is not an ISO 3166-1 alpha-2 country code such as DE"
	if upper := strings.ToUpper(code); upper != code && KnownCountry(upper) {
		problem += fmt.Sprintf(": write %s", upper)
	}
	return problem
}

// checkSubdivision checks the form and the country. The part after the hyphen is not checked: there
// are thousands, they change, and databases differ.
func checkSubdivision(code string) string {
	country, rest, _ := strings.Cut(code, "-")
	if !KnownCountry(country) || len(rest) < 1 || len(rest) > 3 || strings.ContainsFunc(rest, notAlphanumeric) {
		return "is not an ISO 3166-2 subdivision code such as US-CA"
	}
	return ""
}

func notAlphanumeric(c rune) bool {
	return (c < 'A' || c > 'Z') && (c < '0' || c > '9')
}

// readRules checks everything that a person wrote.
func readRules(regions []Region, overrides []Override) ([]Region, rules, field.ErrorList) {
	r := &ruleReader{
		rules: rules{
			asns:         map[uint32]uint16{},
			subdivisions: map[string]uint16{},
			countries:    map[string]uint16{},
		},
		classes:  map[string]uint16{},
		networks: map[netip.Prefix]uint16{},
	}
	r.readRegions(regions)
	r.readOverrides(overrides)
	return r.regions, r.rules, r.problems
}
