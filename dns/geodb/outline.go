package geodb

import (
	"strconv"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2/mmdbdata"
)

// Limits of an outline: what is worth showing to a person.
const (
	outlinePaths  = 24
	outlineDepth  = 6
	outlineValues = 1000
)

// outline lists the paths to the values of a record, for a person who has to name some. Names in
// many languages are left out. It implements [mmdbdata.Unmarshaler].
type outline struct {
	paths  []string
	values int
}

// UnmarshalMaxMindDB reads the record at the decoder.
func (o *outline) UnmarshalMaxMindDB(d *mmdbdata.Decoder) error {
	o.paths, o.values = nil, 0
	return o.read(d, nil)
}

func (o *outline) String() string { return strings.Join(o.paths, ", ") }

func (o *outline) read(d *mmdbdata.Decoder, at []string) error {
	kind, err := d.PeekKind()
	switch {
	case err != nil:
		return err
	case kind == mmdbdata.KindMap && len(at) < outlineDepth:
		entries, _, err := d.ReadMap()
		if err != nil {
			return err
		}
		for key, err := range entries {
			if err != nil {
				return err
			}
			if err := o.step(d, at, string(key)); err != nil {
				return err
			}
		}
		return nil
	case kind == mmdbdata.KindSlice && len(at) < outlineDepth:
		elements, _, err := d.ReadSlice()
		if err != nil {
			return err
		}
		i := 0
		for err := range elements {
			if err != nil {
				return err
			}
			if err := o.step(d, at, strconv.Itoa(i)); err != nil {
				return err
			}
			i++
		}
		return nil
	}
	if len(o.paths) < outlinePaths {
		o.paths = append(o.paths, strings.Join(at, "."))
	}
	return d.SkipValue()
}

func (o *outline) step(d *mmdbdata.Decoder, at []string, key string) error {
	if o.values++; o.values > outlineValues || len(o.paths) == outlinePaths || key == "names" {
		return d.SkipValue()
	}
	return o.read(d, append(at[:len(at):len(at)], key))
}
