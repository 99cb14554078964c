package geodb

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2/mmdbdata"

	"github.com/seaway-io/seaway/dns/core/geo"
)

// maxValues of one record. Real ones have a few hundred. A damaged one can have any number, since its
// maps may lead back into themselves.
const maxValues = 10_000

var errTooLarge = errors.New("a record has too many values")

// record decodes one record of a database: the fields of a schema and nothing else. It implements
// [mmdbdata.Unmarshaler].
type record struct {
	schema *schema
	found  [fieldCount]value
	values int
}

// value is a field as found: text or a number.
type value struct {
	ok     bool
	rank   int // of its path; lower is better
	text   string
	number float64
	isText bool
}

// UnmarshalMaxMindDB reads the record at the decoder.
func (r *record) UnmarshalMaxMindDB(d *mmdbdata.Decoder) error {
	r.found, r.values = [fieldCount]value{}, 0
	return r.read(d, r.schema.root)
}

func (r *record) read(d *mmdbdata.Decoder, b *branch) error {
	kind, err := d.PeekKind()
	if err != nil {
		return err
	}
	switch {
	case kind == mmdbdata.KindMap && b.next != nil:
		return r.readMap(d, b)
	case kind == mmdbdata.KindSlice && b.next != nil:
		return r.readSlice(d, b)
	case b.ends:
		return r.readValue(d, kind, b)
	}
	return d.SkipValue()
}

func (r *record) readMap(d *mmdbdata.Decoder, b *branch) error {
	entries, _, err := d.ReadMap()
	if err != nil {
		return err
	}
	for key, err := range entries {
		if err != nil {
			return err
		}
		if err := r.readOrSkip(d, b.next[string(key)]); err != nil {
			return err
		}
	}
	return nil
}

func (r *record) readSlice(d *mmdbdata.Decoder, b *branch) error {
	elements, _, err := d.ReadSlice()
	if err != nil {
		return err
	}
	i := 0
	for err := range elements {
		if err != nil {
			return err
		}
		if err := r.readOrSkip(d, b.next[strconv.Itoa(i)]); err != nil {
			return err
		}
		i++
	}
	return nil
}

func (r *record) readOrSkip(d *mmdbdata.Decoder, next *branch) error {
	if r.values++; r.values > maxValues {
		return errTooLarge
	}
	if next == nil {
		return d.SkipValue()
	}
	return r.read(d, next)
}

func (r *record) readValue(d *mmdbdata.Decoder, kind mmdbdata.Kind, b *branch) error {
	v := value{ok: true, rank: b.rank}
	var err error
	switch kind {
	case mmdbdata.KindString:
		v.isText = true
		v.text, err = d.ReadString()
		v.ok = v.text != ""
	case mmdbdata.KindFloat64:
		v.number, err = d.ReadFloat64()
	case mmdbdata.KindFloat32:
		v.number, err = readNumber(d.ReadFloat32())
	case mmdbdata.KindInt32:
		v.number, err = readNumber(d.ReadInt32())
	case mmdbdata.KindUint16:
		v.number, err = readNumber(d.ReadUint16())
	case mmdbdata.KindUint32:
		v.number, err = readNumber(d.ReadUint32())
	case mmdbdata.KindUint64:
		v.number, err = readNumber(d.ReadUint64())
	default:
		return d.SkipValue()
	}
	if old := &r.found[b.field]; err == nil && v.ok && (!old.ok || v.rank < old.rank) {
		*old = v
	}
	return err
}

func readNumber[N float32 | int32 | uint16 | uint32 | uint64](n N, err error) (float64, error) {
	return float64(n), err
}

// location is what the fields say. Values that are not of a field's form are as good as absent:
// vendors write "-", "Unknown" or 0,0 for what they do not know.
func (r *record) location() geo.Location {
	l := geo.Location{
		Country:   r.found[country].code(2),
		Continent: r.found[continent].code(2),
		ASN:       r.found[asn].asn(),
	}
	l.Subdivision = r.found[subdivision].subdivision(l.Country)
	lat, okLat := r.found[latitude].degrees(90)
	lon, okLon := r.found[longitude].degrees(180)
	if okLat && okLon && (lat != 0 || lon != 0) {
		l.Latitude, l.Longitude, l.HasCoordinates = lat, lon, true
	}
	return l
}

// code is a code of n letters in upper case, or empty.
func (v value) code(n int) string {
	c := strings.ToUpper(v.text)
	if !v.isText || len(c) != n {
		return ""
	}
	for i := range n {
		if c[i] < 'A' || c[i] > 'Z' {
			return ""
		}
	}
	return c
}

// subdivision is the code with its country in front, or empty.
func (v value) subdivision(country string) string {
	c := strings.TrimPrefix(strings.ToUpper(v.text), country+"-")
	if country == "" || !v.isText || len(c) < 1 || len(c) > 3 {
		return ""
	}
	for i := range len(c) {
		if (c[i] < 'A' || c[i] > 'Z') && (c[i] < '0' || c[i] > '9') {
			return ""
		}
	}
	return country + "-" + c
}

func (v value) asn() uint32 {
	if v.isText {
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(v.text), "AS"), 10, 32)
		if err != nil {
			return 0
		}
		return uint32(n)
	}
	if v.number < 0 || v.number > math.MaxUint32 {
		return 0
	}
	return uint32(v.number)
}

// degrees reports false for NaN as well.
func (v value) degrees(limit float64) (float64, bool) {
	n := v.number
	if v.isText {
		var err error
		if n, err = strconv.ParseFloat(v.text, 64); err != nil {
			return 0, false
		}
	}
	return n, v.ok && n >= -limit && n <= limit
}
