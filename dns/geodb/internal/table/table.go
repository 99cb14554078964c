// Package table is the file format of the built-in country table: ranges of addresses and the
// country of each, small enough to live in a repository and quick to read at every start.
//
// A file is the magic, the CRC-32 (IEEE) of all that follows, and a deflate stream. The stream holds
// the date, the list of countries and then, for IPv4 and for IPv6, columns: like numbers beside like
// numbers compress well. IPv6 is held in units of /64.
//
//	uvarint            date of the data, Unix seconds
//	uvarint n, 2n      country codes
//	twice:             IPv4, IPv6
//	  uvarint n        ranges, ascending
//	  n bytes          country of each
//	  n + ... bytes    gap between the end of the range before and the start of each
//	  n + ... bytes    length of each
//
// A column of numbers is one byte for each number that tells how many zero bits it ends with (64 for
// the number 0), then for each number but 0 the uvarint of what is above its lowest one bit.
package table

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"github.com/seaway-io/seaway/dns/core/geo"
)

const (
	magic = "seaway-geo\x01"
	// maxSize of the unpacked stream, many times that of any country table.
	maxSize = 64 << 20
)

// run is a range of addresses in units of the family: one address, or one /64.
type run struct {
	first, length uint64
	country       byte
}

// Encode writes the countries of a source. Other fields are left out, and networks whose code is no
// country's, such as AP for Asia and the Pacific. An IPv6 network longer than /64 is an error.
func Encode(built time.Time, s *geo.Source) ([]byte, error) {
	e := encoder{index: map[string]byte{}}
	for r, l := range s.Ranges() {
		if !geo.KnownCountry(l.Country) {
			continue
		}
		if err := e.add(r[0], r[1], l.Country); err != nil {
			return nil, err
		}
	}
	raw := binary.AppendUvarint(nil, uint64(built.Unix()))
	raw = binary.AppendUvarint(raw, uint64(len(e.countries)))
	for _, c := range e.countries {
		raw = append(raw, c...)
	}
	raw = appendRuns(appendRuns(raw, e.v4), e.v6)

	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint32([]byte(magic), crc32.ChecksumIEEE(packed.Bytes()))
	return append(out, packed.Bytes()...), nil
}

type encoder struct {
	countries []string
	index     map[string]byte
	v4, v6    []run
}

// add joins a range to the one before it where it goes on with the same country.
func (e *encoder) add(first, last netip.Addr, country string) error {
	c, ok := e.index[country]
	if !ok { // there are 250 at most
		c = byte(len(e.countries))
		e.index[country] = c
		e.countries = append(e.countries, country)
	}
	runs := &e.v4
	from, to := uint64(0), uint64(0)
	if first.Is4() {
		f, l := first.As4(), last.As4()
		from, to = uint64(binary.BigEndian.Uint32(f[:])), uint64(binary.BigEndian.Uint32(l[:]))
	} else {
		runs = &e.v6
		f, l := first.As16(), last.As16()
		if binary.BigEndian.Uint64(f[8:]) != 0 || binary.BigEndian.Uint64(l[8:]) != ^uint64(0) {
			return fmt.Errorf("%v to %v does not consist of whole /64 networks", first, last)
		}
		from, to = binary.BigEndian.Uint64(f[:8]), binary.BigEndian.Uint64(l[:8])
	}
	length := to - from + 1
	if length == 0 {
		return fmt.Errorf("%v to %v: a range of the whole address space cannot be written", first, last)
	}
	if n := len(*runs); n > 0 {
		if b := &(*runs)[n-1]; b.country == c && b.first+b.length == from && b.length+length != 0 {
			b.length += length
			return nil
		}
	}
	*runs = append(*runs, run{from, length, c})
	return nil
}

func appendRuns(raw []byte, runs []run) []byte {
	raw = binary.AppendUvarint(raw, uint64(len(runs)))
	gaps, lengths := make([]uint64, len(runs)), make([]uint64, len(runs))
	end := uint64(0)
	for i, r := range runs {
		raw = append(raw, r.country)
		gaps[i], lengths[i] = r.first-end, r.length
		end = r.first + r.length
	}
	return appendColumn(appendColumn(raw, gaps), lengths)
}

func appendColumn(raw []byte, numbers []uint64) []byte {
	for _, n := range numbers {
		raw = append(raw, byte(bits.TrailingZeros64(n)))
	}
	for _, n := range numbers {
		if n != 0 {
			raw = binary.AppendUvarint(raw, n>>bits.TrailingZeros64(n)>>1)
		}
	}
	return raw
}

// errDamaged is all there is to say about a file that nobody edits by hand.
var errDamaged = errors.New("the country table is damaged")

func damaged(what string) error { return fmt.Errorf("%w: %s", errDamaged, what) }

// Decode reads what Encode wrote, with the date of the data. Any other input is an error.
func Decode(data []byte) (*geo.Source, time.Time, error) {
	if len(data) < len(magic)+4 || string(data[:len(magic)]) != magic {
		return nil, time.Time{}, errors.New("not a country table of this version")
	}
	sum, packed := binary.BigEndian.Uint32(data[len(magic):]), data[len(magic)+4:]
	if crc32.ChecksumIEEE(packed) != sum {
		return nil, time.Time{}, damaged("its checksum is wrong")
	}
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxSize+1))
	if err != nil {
		return nil, time.Time{}, damaged(err.Error())
	}
	if len(raw) > maxSize {
		return nil, time.Time{}, damaged("it is too large")
	}
	return decodeStream(raw)
}

func decodeStream(raw []byte) (*geo.Source, time.Time, error) {
	r := reader{rest: raw}
	built := time.Unix(int64(r.uvarint()), 0).UTC()
	var b geo.Builder
	var places []geo.Place
	for range r.count(2) {
		places = append(places, b.Place(geo.Location{Country: string(r.bytes(2))}))
	}
	for _, units := range []uint64{1 << 32, 0} {
		r.runs(&b, places, units)
	}
	switch {
	case r.err != nil:
		return nil, time.Time{}, r.err
	case len(r.rest) > 0:
		return nil, time.Time{}, damaged("something follows its end")
	}
	return b.Source(), built, nil
}

// reader takes a stream apart. After the first error it yields zeros.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = damaged(what)
	}
	r.rest = nil
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail("it is cut short")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.fail("it is cut short")
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// count reads a number of things of at least size bytes each.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.rest)/size) {
		r.fail("it is cut short")
		return 0
	}
	return int(n)
}

func (r *reader) column(n int) []uint64 {
	out := make([]uint64, n)
	zeros := slices.Clone(r.bytes(n))
	for i, z := range zeros {
		switch {
		case z == 64:
		case z > 64:
			r.fail("a number is out of range")
			return out
		default:
			v := r.uvarint()
			if bits.Len64(v)+1+int(z) > 64 {
				r.fail("a number is out of range")
				return out
			}
			out[i] = (v<<1 | 1) << z
		}
	}
	return out
}

// runs reads one family. units is the size of its space; 0 stands for 1<<64.
func (r *reader) runs(b *geo.Builder, places []geo.Place, units uint64) {
	n := r.count(3)
	countries := r.bytes(n)
	gaps, lengths := r.column(n), r.column(n)
	end, full := uint64(0), false
	for i := 0; i < n && r.err == nil; i++ {
		first := end + gaps[i]
		last := first + lengths[i] - 1
		if full || int(countries[i]) >= len(places) || lengths[i] == 0 || first < end || last < first ||
			units != 0 && last >= units {
			r.fail("a range is outside the address space or of no country")
			return
		}
		end = last + 1
		full = end == units
		if err := b.AddRange(address(first, units, 0), address(last, units, ^uint64(0)), places[countries[i]]); err != nil {
			r.fail(err.Error())
		}
	}
}

// address is the address of a unit; for IPv6 low are its lower 64 bits.
func address(n, units, low uint64) netip.Addr {
	if units != 0 {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], uint32(n))
		return netip.AddrFrom4(a)
	}
	var a [16]byte
	binary.BigEndian.PutUint64(a[:8], n)
	binary.BigEndian.PutUint64(a[8:], low)
	return netip.AddrFrom16(a)
}
