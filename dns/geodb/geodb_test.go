package geodb

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	maxminddb "github.com/oschwald/maxminddb-golang/v2"

	"github.com/seaway-io/seaway/dns/core/geo"
)

// cities is in MaxMind's schema, with what a real one has beside.
var cities = mmdb{kind: "Test-City", recordSize: 28, entries: []entry{
	{"192.0.2.0/24", object{
		"city":               object{"geoname_id": uint32(1), "names": object{"en": "Munich", "de": "München"}},
		"continent":          object{"code": "EU", "names": object{"en": "Europe"}},
		"country":            object{"iso_code": "DE", "is_in_european_union": true},
		"registered_country": object{"iso_code": "US"},
		"location":           object{"latitude": 48.1374, "longitude": 11.5755, "accuracy_radius": uint16(20)},
		"subdivisions":       []any{object{"iso_code": "BY"}, object{"iso_code": "XX"}},
	}},
	{"198.51.100.0/25", object{"registered_country": object{"iso_code": "US"}}},
	{"203.0.113.0/24", object{"country": object{"iso_code": "JP"}, "location": object{"latitude": 0.0, "longitude": 0.0}}},
	{"2001:db8::/32", object{"country": object{"iso_code": "SG"}, "location": object{"latitude": 1.35, "longitude": 103.8}}},
}}

var systems = mmdb{kind: "Test-ASN", recordSize: 24, entries: []entry{
	{"192.0.2.0/25", object{"autonomous_system_number": uint32(64500), "autonomous_system_organization": "Example"}},
	{"198.51.100.0/24", object{"autonomous_system_number": uint32(64501)}},
}}

func TestOpenKnowsTheUsualSchemas(t *testing.T) {
	munich := geo.Location{Country: "DE", Continent: "EU", Subdivision: "DE-BY", Latitude: 48.1374, Longitude: 11.5755, HasCoordinates: true}
	one := func(record object) mmdb {
		return mmdb{kind: "Test", recordSize: 24, entries: []entry{{"192.0.2.0/24", record}}}
	}
	tests := map[string]struct {
		db     mmdb
		fields string
		want   geo.Location
		found  string
	}{
		"MaxMind's cities": {
			db: cities, want: munich,
			found: "country=country.iso_code continent=continent.code subdivision=subdivisions.0.iso_code latitude=location.latitude longitude=location.longitude"},
		"MaxMind's autonomous systems": {
			db: systems, want: geo.Location{ASN: 64500}, found: "asn=autonomous_system_number"},
		"records of 32 bits, IPv4 only": {
			db:   mmdb{kind: "Test", recordSize: 32, v4Only: true, entries: cities.entries[:2]},
			want: munich, found: "country=country.iso_code continent=continent.code subdivision=subdivisions.0.iso_code latitude=location.latitude longitude=location.longitude"},
		"only where the network is registered": {
			db:   one(object{"registered_country": object{"iso_code": "US"}}),
			want: geo.Location{Country: "US", Continent: "NA"}, found: "country=registered_country.iso_code"},
		"flat keys": {
			db:   one(object{"country_code": "DE", "latitude": 48.1374, "longitude": 11.5755, "region_code": "BY", "asn": uint32(64500)}),
			want: withASN(munich, 64500), found: "country=country_code subdivision=region_code asn=asn latitude=latitude longitude=longitude"},
		"flat keys, everything as text": {
			db:   one(object{"country": "de", "continent": "EU", "lat": "48.1374", "lng": "11.5755", "asn": "AS64500", "subdivision": "DE-BY"}),
			want: withASN(munich, 64500), found: "country=country continent=continent subdivision=subdivision asn=asn latitude=lat longitude=lng"},
		"numbers of every kind": {
			db:   one(object{"country_code": "DE", "latitude": float32(48.5), "longitude": int32(-11), "asn": uint64(64500)}),
			want: geo.Location{Country: "DE", Continent: "EU", ASN: 64500, Latitude: 48.5, Longitude: -11, HasCoordinates: true}, found: "country=country_code asn=asn latitude=latitude longitude=longitude"},
		"paths of one's own": {
			db:     one(object{"where": []any{"x", object{"cc": "DE"}}, "country_code": "US", "as": uint32(1)}),
			fields: "country=where.1.cc,asn=as",
			want:   geo.Location{Country: "DE", Continent: "EU", ASN: 1}, found: "country=where.1.cc asn=as"},
		"values for what is not known are no values": {
			db:   one(object{"country_code": "DE", "continent_code": "-", "region_code": "Bavaria", "latitude": 0.0, "longitude": 0.0, "asn": "-"}),
			want: geo.Location{Country: "DE", Continent: "EU"}, found: "country=country_code continent=continent_code subdivision=region_code asn=asn latitude=latitude longitude=longitude"},
		"coordinates off the globe": {
			db:   one(object{"country_code": "DE", "latitude": 95.0, "longitude": 8.0}),
			want: geo.Location{Country: "DE", Continent: "EU"}, found: "country=country_code latitude=latitude longitude=longitude"},
		"a list and a truth where text is expected": {
			db:   one(object{"country_code": []any{"DE"}, "country": object{"iso_code": "US"}, "continent_code": true}),
			want: geo.Location{Country: "US", Continent: "NA"}, found: "country=country.iso_code"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var f Fields
			if test.fields != "" {
				if err := f.Set(test.fields); err != nil {
					t.Fatal(err)
				}
			}
			s, info, err := Open(file(t, "db.mmdb", test.db.encode()), f)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, s.Locate(netip.MustParseAddr("192.0.2.1"))); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.found, strings.Join(info.Fields, " ")); diff != "" {
				t.Error(diff)
			}
			if info.Type != test.db.kind || info.Built.Unix() != 1_790_000_000 || info.Networks == 0 || info.Coarse {
				t.Errorf("%+v", info)
			}
		})
	}
}

func withASN(l geo.Location, n uint32) geo.Location {
	l.ASN = n
	return l
}

func TestOpenReadsEveryNetwork(t *testing.T) {
	s, info, err := Open(file(t, "db.mmdb", cities.encode()), Fields{})
	if err != nil {
		t.Fatal(err)
	}
	if info.Networks != 4 || s.Len() != 4 {
		t.Errorf("%d networks", info.Networks)
	}
	for addr, want := range map[string]geo.Location{
		"198.51.100.1":       {Country: "US", Continent: "NA"},
		"198.51.100.129":     {},
		"203.0.113.9":        {Country: "JP", Continent: "AS"}, // 0,0 is nobody's home
		"2001:db8:ffff::1":   {Country: "SG", Continent: "AS", Latitude: 1.35, Longitude: 103.8, HasCoordinates: true},
		"2001:db9::1":        {},
		"::ffff:203.0.113.9": {Country: "JP", Continent: "AS"},
	} {
		if diff := cmp.Diff(want, s.Locate(netip.MustParseAddr(addr))); diff != "" {
			t.Errorf("%s: %s", addr, diff)
		}
	}
	if text := info.String(); !strings.Contains(text, "Test-City of 2026-09-21, 4 networks, country=country.iso_code") {
		t.Errorf("%q", text)
	}
}

func TestSeveralDatabasesAreOne(t *testing.T) {
	s, infos, err := OpenAll([]string{file(t, "city.mmdb", cities.encode()), file(t, "asn.mmdb", systems.encode())}, Fields{ASN: "autonomous_system_number"})
	if err != nil {
		t.Fatal(err)
	}
	if len(infos) != 2 || infos[1].Type != "Test-ASN" {
		t.Errorf("%v", infos)
	}
	for addr, want := range map[string]string{
		"192.0.2.1":      "DE-BY 48.1374,11.5755 AS64500",
		"192.0.2.200":    "DE-BY 48.1374,11.5755",
		"198.51.100.1":   "US AS64501",
		"198.51.100.200": "AS64501",
		"203.0.113.1":    "JP",
		"8.8.8.8":        "unknown",
	} {
		if got := s.Locate(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s is %s, want %s", addr, got, want)
		}
	}
}

func TestErrorsNameTheFileAndTheRemedy(t *testing.T) {
	good := cities.encode()
	tests := map[string]struct {
		path   func(t *testing.T) string
		fields Fields
		want   []string
	}{
		"a file that is not there": {
			path: func(t *testing.T) string { return t.TempDir() + "/db.mmdb" },
			want: []string{"cannot be opened", "no such file"}},
		"a directory": {
			path: func(t *testing.T) string { return t.TempDir() },
			want: []string{"name the .mmdb file itself"}},
		"an empty file": {
			path: func(t *testing.T) string { return file(t, "db.mmdb", nil) },
			want: []string{"is empty", "download it again"}},
		"an archive": {
			path: func(t *testing.T) string { return file(t, "db.mmdb", append([]byte("\x1f\x8b\x08\x00"), good...)) },
			want: []string{"compressed", "unpack it"}},
		"something else altogether": {
			path: func(t *testing.T) string { return file(t, "db.mmdb", []byte("network,country\n192.0.2.0/24,DE\n")) },
			want: []string{"not a database in the MaxMind format", "again"}},
		"a file cut short": {
			path: func(t *testing.T) string { return file(t, "db.mmdb", good[:len(good)*2/3]) },
			want: []string{"cut short", "again"}},
		"a file with a piece missing": {
			path: func(t *testing.T) string {
				return file(t, "db.mmdb", slices.Concat(good[:100], good[200:]))
			},
			want: []string{"damaged", "again"}},
		"a database of nothing": {
			path: func(t *testing.T) string {
				return file(t, "db.mmdb", mmdb{kind: "Empty", recordSize: 24}.encode())
			},
			want: []string{"holds no networks"}},
		"a database of something else": {
			path: func(t *testing.T) string {
				return file(t, "db.mmdb", mmdb{kind: "Proxies", recordSize: 24, entries: []entry{
					{"192.0.2.0/24", object{"is_proxy": true, "names": object{"en": "x"}, "provider": object{"id": uint32(1)}}}}}.encode())
			},
			want: []string{"has no field that is known", "is_proxy, provider.id", "country=country.iso_code"}},
		"a path that leads nowhere": {
			path:   func(t *testing.T) string { return file(t, "db.mmdb", good) },
			fields: Fields{Country: "land.code"},
			want:   []string{"no record has anything at country=land.code", "country.iso_code"}},
		"a tree that leads back into itself": {
			path: func(t *testing.T) string {
				looped := slices.Clone(good)
				copy(looped[:7], make([]byte, 7)) // both sides of the root lead to the root
				return file(t, "db.mmdb", looped)
			},
			want: []string{"again"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := test.path(t)
			_, _, err := Open(path, test.fields)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range append(test.want, "geo database "+path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not contain %q", err, want)
				}
			}
		})
	}
	if _, _, err := OpenAll(nil, Fields{}); err == nil {
		t.Error("no file: no error")
	}
}

// A database is often replaced by writing over it. The file is mapped while it is read; the pages
// that are gone must not take the program with them.
func TestAFileCutShortWhileItIsReadIsAnError(t *testing.T) {
	var db mmdb
	db.recordSize, db.kind = 32, "Large"
	for i := range 256 {
		for j := range 16 {
			a := netip.AddrFrom4([4]byte{10, byte(i), byte(j << 4), 0})
			db.entries = append(db.entries, entry{netip.PrefixFrom(a, 24).String(), object{"country_code": "DE", "id": uint32(i<<8 | j)}})
		}
	}
	path := file(t, "db.mmdb", db.encode())
	reader, err := maxminddb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	d := database{path: path, schema: newSchema(Fields{})}
	err = guarded(func() error {
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		return d.read(reader)
	})
	if err == nil || !strings.Contains(err.Error(), "changed while it was read") {
		t.Errorf("error %v", err)
	}
}

func TestNoChangedByteCrashesOpen(t *testing.T) {
	good := cities.encode()
	path := file(t, "db.mmdb", good)
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= []byte{0x01, 0x20, 0xff}[i%3]
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, _, err := Open(path, Fields{}); err == nil && s.Len() == 0 {
			t.Errorf("byte %d: neither networks nor an error", i)
		}
	}
}

func TestFieldsAreReadAsTheyAreWritten(t *testing.T) {
	tests := map[string]struct {
		text string
		want Fields
		err  string
	}{
		"one":                {text: "country=cc", want: Fields{Country: "cc"}},
		"several":            {text: "country=a.b, asn=as.0,latitude=y", want: Fields{Country: "a.b", ASN: "as.0", Latitude: "y"}},
		"an unknown field":   {text: "city=x", err: "write FIELD=PATH with FIELD one of country, continent"},
		"no path":            {text: "country", err: "write FIELD=PATH"},
		"an empty path":      {text: "country=", err: "separated by single dots"},
		"an empty path step": {text: "country=a..b", err: "separated by single dots"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var f Fields
			err := f.Set(test.text)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, f); diff != "" {
				t.Error(diff)
			}
			var again Fields
			if err := again.Set(f.String()); err != nil || again != f {
				t.Errorf("%q is read as %+v, %v", f.String(), again, err)
			}
		})
	}
}

// FuzzOpen changes bytes of good databases: whatever the file, Open returns.
func FuzzOpen(f *testing.F) {
	f.Add(cities.encode())
	f.Add(systems.encode())
	f.Add(mmdb{kind: "v4", recordSize: 32, v4Only: true, entries: cities.entries[:2]}.encode())
	f.Add(cities.encode()[:200])
	f.Fuzz(func(t *testing.T, data []byte) {
		s, info, err := Open(file(t, "db.mmdb", data), Fields{})
		if err != nil {
			return
		}
		if s.Len() == 0 || info.Networks != s.Len() {
			t.Errorf("%d networks and no error", s.Len())
		}
		geo.Compile(s).Regions(threeRegions, nil)
	})
}
