package geodb

import (
	"fmt"
	"slices"
	"strings"
)

// Fields says where a database keeps what, for schemas that are not found out by themselves. Each is
// the path to a value inside a record: keys separated by dots, an index for an element of a list,
// such as "country.iso_code" or "subdivisions.0.iso_code". An empty path means the known schemas:
// MaxMind's and those with flat keys. [Fields.Set] reads the form of a flag.
type Fields struct {
	Country     string // a two-letter ISO 3166-1 code
	Continent   string // a two-letter code
	Subdivision string // the ISO 3166-2 code, with or without the country in front
	ASN         string // a number, with or without AS in front
	Latitude    string // degrees
	Longitude   string // degrees
}

type fieldNumber int

const (
	country fieldNumber = iota
	continent
	subdivision
	asn
	latitude
	longitude
	fieldCount
)

var fieldNames = [fieldCount]string{"country", "continent", "subdivision", "asn", "latitude", "longitude"}

// known are the paths in use, better ones first: where a client is before where its provider is
// registered.
var known = [fieldCount][]string{
	country:     {"country.iso_code", "country_code", "country_iso_code", "countryCode", "country", "registered_country.iso_code"},
	continent:   {"continent.code", "continent_code", "continentCode", "continent"},
	subdivision: {"subdivisions.0.iso_code", "subdivision_code", "region_code", "regionCode", "subdivision"},
	asn:         {"autonomous_system_number", "traits.autonomous_system_number", "asn", "as_number"},
	latitude:    {"location.latitude", "latitude", "lat"},
	longitude:   {"location.longitude", "longitude", "lon", "lng"},
}

func (f *Fields) path(n fieldNumber) *string {
	return [fieldCount]*string{&f.Country, &f.Continent, &f.Subdivision, &f.ASN, &f.Latitude, &f.Longitude}[n]
}

// Set takes one or more settings of the form FIELD=PATH, separated by commas: "country=cc,asn=as.id".
func (f *Fields) Set(text string) error {
	for _, setting := range strings.Split(text, ",") {
		name, path, ok := strings.Cut(strings.TrimSpace(setting), "=")
		n := slices.Index(fieldNames[:], name)
		switch {
		case !ok || n < 0:
			return fmt.Errorf("geo database field %q: write FIELD=PATH with FIELD one of %s, such as country=country.iso_code",
				setting, strings.Join(fieldNames[:], ", "))
		case slices.Contains(strings.Split(path, "."), ""):
			return fmt.Errorf("geo database field %s: path %q: write the keys separated by single dots, such as country.iso_code", name, path)
		}
		*f.path(fieldNumber(n)) = path
	}
	return nil
}

// String is the form that Set reads; empty for the zero Fields.
func (f *Fields) String() string {
	var set []string
	for n := range fieldCount {
		if p := *f.path(n); p != "" {
			set = append(set, fieldNames[n]+"="+p)
		}
	}
	return strings.Join(set, ",")
}

// schema is all paths that are looked for, as a tree by key, so that one pass over a record finds
// every field.
type schema struct {
	root  *branch
	paths [fieldCount][]string
}

// branch is one step of paths. Where a path ends, field and rank say which it was; a path can end
// where another goes on, as the text "country" and the map "country" do.
type branch struct {
	next  map[string]*branch
	ends  bool
	field fieldNumber
	rank  int
}

func newSchema(f Fields) *schema {
	s := &schema{root: &branch{}, paths: known}
	for n := range fieldCount {
		if p := *f.path(n); p != "" {
			s.paths[n] = []string{p}
		}
		for rank, path := range s.paths[n] {
			s.root.add(strings.Split(path, "."), n, rank)
		}
	}
	return s
}

// add enters a path. Two fields at one path are a mistake of whoever set them; the first keeps it.
func (b *branch) add(path []string, n fieldNumber, rank int) {
	for _, key := range path {
		if b.next == nil {
			b.next = map[string]*branch{}
		}
		if b.next[key] == nil {
			b.next[key] = &branch{}
		}
		b = b.next[key]
	}
	if !b.ends {
		b.ends, b.field, b.rank = true, n, rank
	}
}
