package geodb

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// object is a record: a map in the MaxMind format.
type object map[string]any

// entry is a network of a database and its record.
type entry struct {
	prefix string
	record any
}

// mmdb is a database to be written: the smallest writer of the MaxMind DB format, version 2.0, that
// these tests can do with. Networks must not overlap.
type mmdb struct {
	kind       string
	recordSize int // bits: 24, 28 or 32
	entries    []entry
	v4Only     bool
}

// encode writes the search tree, the data section and the metadata.
func (m mmdb) encode() []byte {
	const empty = -1
	tree := [][2]int{{empty, empty}} // index of a node, empty, or -2-offset into data
	var data []byte
	offsets := map[string]int{}
	for _, e := range m.entries {
		encoded := appendValue(nil, e.record)
		offset, ok := offsets[string(encoded)]
		if !ok {
			offset = len(data)
			offsets[string(encoded)] = offset
			data = append(data, encoded...)
		}
		p := netip.MustParsePrefix(e.prefix)
		raw, size := p.Addr().AsSlice(), p.Bits()
		if p.Addr().Is4() && !m.v4Only {
			raw, size = append(make([]byte, 12), raw...), size+96
		}
		at := 0
		for i := range size {
			bit := raw[i/8] >> (7 - i%8) & 1
			if i == size-1 {
				tree[at][bit] = -2 - offset
				break
			}
			if tree[at][bit] == empty {
				tree = append(tree, [2]int{empty, empty})
				tree[at][bit] = len(tree) - 1
			}
			at = tree[at][bit]
		}
	}
	var out []byte
	for _, n := range tree {
		var v [2]uint32
		for i, r := range n {
			switch {
			case r == empty:
				v[i] = uint32(len(tree))
			case r < empty:
				v[i] = uint32(len(tree) + 16 + -2 - r)
			default:
				v[i] = uint32(r)
			}
		}
		out = m.appendNode(out, v)
	}
	out = append(out, make([]byte, 16)...)
	out = append(out, data...)
	out = append(out, "\xab\xcd\xefMaxMind.com"...)
	version := uint16(6)
	if m.v4Only {
		version = 4
	}
	return appendValue(out, object{
		"node_count": uint32(len(tree)), "record_size": uint16(m.recordSize), "ip_version": version,
		"database_type": m.kind, "languages": []any{"en"}, "description": object{"en": "test"},
		"binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0),
		"build_epoch": uint64(1_790_000_000),
	})
}

func (m mmdb) appendNode(out []byte, v [2]uint32) []byte {
	switch m.recordSize {
	case 24:
		return append(out, byte(v[0]>>16), byte(v[0]>>8), byte(v[0]), byte(v[1]>>16), byte(v[1]>>8), byte(v[1]))
	case 28:
		return append(out, byte(v[0]>>16), byte(v[0]>>8), byte(v[0]), byte(v[0]>>24)<<4|byte(v[1]>>24),
			byte(v[1]>>16), byte(v[1]>>8), byte(v[1]))
	}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(out, v[0]), v[1])
}

func appendValue(out []byte, v any) []byte {
	control := func(kind, size int) {
		first := byte(kind) << 5
		if kind > 7 {
			first = 0
		}
		if size < 29 {
			out = append(out, first|byte(size))
		} else {
			out = append(out, first|29)
		}
		if kind > 7 {
			out = append(out, byte(kind-7))
		}
		if size >= 29 {
			out = append(out, byte(size-29))
		}
	}
	switch v := v.(type) {
	case string:
		control(2, len(v))
		return append(out, v...)
	case float64:
		control(3, 8)
		return binary.BigEndian.AppendUint64(out, math.Float64bits(v))
	case float32:
		control(15, 4)
		return binary.BigEndian.AppendUint32(out, math.Float32bits(v))
	case uint16:
		control(5, 2)
		return binary.BigEndian.AppendUint16(out, v)
	case uint32:
		control(6, 4)
		return binary.BigEndian.AppendUint32(out, v)
	case uint64:
		control(9, 8)
		return binary.BigEndian.AppendUint64(out, v)
	case int32:
		control(8, 4)
		return binary.BigEndian.AppendUint32(out, uint32(v))
	case bool:
		control(14, 1)
		return out
	case []any:
		control(11, len(v))
		for _, e := range v {
			out = appendValue(out, e)
		}
		return out
	case object:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		control(7, len(v))
		for _, k := range keys {
			out = appendValue(appendValue(out, k), v[k])
		}
		return out
	}
	panic(fmt.Sprintf("cannot write a %T", v))
}

// file writes data into a directory of the test and returns the path.
func file(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
