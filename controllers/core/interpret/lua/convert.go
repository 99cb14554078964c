package lua

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	glua "github.com/yuin/gopher-lua"
)

// toLua makes a value for the script out of decoded JSON. Fields come in the order of their names, so
// that pairs walks them in the same order each time. Nulls are left out, in lists too.
func toLua(l *glua.LState, v any) glua.LValue {
	switch v := v.(type) {
	case map[string]any:
		t := l.CreateTable(0, max(1, len(v)))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if field := toLua(l, v[key]); field != glua.LNil {
				t.RawSetString(key, field)
			}
		}
		return t
	case []any:
		t := l.CreateTable(len(v), 1)
		for _, item := range v {
			t.Append(toLua(l, item))
		}
		return t
	case string:
		return glua.LString(v)
	case bool:
		return glua.LBool(v)
	case int64:
		return glua.LNumber(v)
	case int32:
		return glua.LNumber(v)
	case int:
		return glua.LNumber(v)
	case float64:
		return glua.LNumber(v)
	}
	return glua.LNil
}

// reader makes decoded JSON out of what a script returned. Lua has one type for lists and objects, and
// one for numbers; what an empty table or a number was is looked up at the same place in objects that
// the script has been given.
type reader struct{ m *machine }

// place is where in a result a value is.
type place struct {
	above *place
	name  string
	depth int
}

func (p *place) field(name string) *place { return &place{p, name, p.depth + 1} }

func (p *place) String() string {
	if p.above == nil {
		return p.name
	}
	if depth := p.depth; depth > 20 {
		return "..." + p.name
	}
	if _, err := strconv.Atoi(p.name); err == nil {
		return p.above.String() + "[" + p.name + "]"
	}
	return p.above.String() + "." + clip(p.name)
}

// empty stands for an empty table of which nobody knows whether it is a list or an object.
type empty struct{}

// value converts v; the references are what other objects have at that place.
func (r reader) value(v glua.LValue, at *place, references ...any) (any, error) {
	if !r.m.meter.spend(1, 64) {
		return nil, r.m.meter
	}
	switch v := v.(type) {
	case *glua.LNilType:
		return nil, nil
	case glua.LBool:
		return bool(v), nil
	case glua.LNumber:
		return r.number(float64(v), at, references)
	case glua.LString:
		if !r.m.meter.spend(len(v)/bytesPerStep, 0) {
			return nil, r.m.meter
		}
		if !utf8.ValidString(string(v)) {
			return nil, fmt.Errorf("%s: is not valid UTF-8", at)
		}
		return string(v), nil
	case *glua.LTable:
		return r.table(v, at, references)
	}
	return nil, fmt.Errorf("%s: a %s can not be part of an object", at, v.Type())
}

// number keeps whole numbers whole, and those of the reference exact: a script has 53 bits for them.
func (r reader) number(n float64, at *place, references []any) (any, error) {
	for _, reference := range references {
		switch was := reference.(type) {
		case int64:
			if float64(was) == n {
				return was, nil
			}
		case float64:
			if was == n {
				return was, nil
			}
		}
	}
	switch {
	case math.IsNaN(n) || math.IsInf(n, 0):
		return nil, fmt.Errorf("%s: is not a number that JSON can hold", at)
	case n == math.Trunc(n) && math.Abs(n) < 1<<63:
		return int64(n), nil
	}
	return n, nil
}

func (r reader) table(t *glua.LTable, at *place, references []any) (any, error) {
	if at.depth > maxDepth {
		return nil, fmt.Errorf("%s: nested more than %d deep; does the table contain itself?", at, maxDepth)
	}
	if !r.m.meter.spend(r.m.holes[t]/16, 0) {
		return nil, r.m.meter
	}
	object, list, end := map[string]any{}, []any(nil), t.Len()
	for key, v := t.Next(glua.LNil); key != glua.LNil; key, v = t.Next(key) {
		if !r.m.meter.spend(1+r.m.holes[t]/64, 0) {
			return nil, r.m.meter
		}
		var err error
		switch key := key.(type) {
		case glua.LString:
			object[string(key)], err = r.inObject(v, at.field(string(key)), children(references, string(key), -1))
		case glua.LNumber:
			i := len(list)
			if int(key) != i+1 || i >= end {
				return nil, fmt.Errorf("%s: a list has items from 1 to its end, without holes; there is one at %s", at, key)
			}
			var item any
			item, err = r.inList(v, at.field(strconv.Itoa(i+1)), children(references, "", i))
			list = append(list, item)
		default:
			err = fmt.Errorf("%s: a %s can not be the name of a field", at, key.Type())
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case len(list) > 0 && len(object) > 0:
		return nil, fmt.Errorf("%s: is a list and an object at once", at)
	case len(list) > 0:
		return list, nil
	case len(object) > 0:
		return fields(object), nil
	}
	return emptyLike(references), nil
}

// fields leaves out what is empty and of unknown type: to be there or not makes no difference to it.
func fields(object map[string]any) map[string]any {
	maps.DeleteFunc(object, func(_ string, v any) bool { return v == empty{} })
	return object
}

func (r reader) inObject(v glua.LValue, at *place, references []any) (any, error) {
	return r.value(v, at, references...)
}

func (r reader) inList(v glua.LValue, at *place, references []any) (any, error) {
	item, err := r.value(v, at, references...)
	if item == (empty{}) {
		item = map[string]any{}
	}
	return item, err
}

func emptyLike(references []any) any {
	for _, reference := range references {
		switch reference.(type) {
		case map[string]any:
			return map[string]any{}
		case []any:
			return []any{}
		}
	}
	return empty{}
}

// children are what the references have in a field, or at an index.
func children(references []any, field string, index int) []any {
	var out []any
	for _, reference := range references {
		switch reference := reference.(type) {
		case map[string]any:
			if v, ok := reference[field]; ok && index < 0 {
				out = append(out, v)
			}
		case []any:
			if index >= 0 && index < len(reference) {
				out = append(out, reference[index])
			}
		}
	}
	return out
}

// object converts a table that has to be an object.
func (r reader) object(v glua.LValue, name string, references ...any) (map[string]any, error) {
	value, err := r.value(v, &place{name: name}, references...)
	if err != nil {
		return nil, err
	}
	switch value := value.(type) {
	case map[string]any:
		return value, nil
	case empty:
		return map[string]any{}, nil
	}
	return nil, fmt.Errorf("%s: must be a table with named fields, is a %s", name, kindOf(v, value))
}

// list converts a table that has to be a list. nil is an empty one.
func (r reader) list(v glua.LValue, name string) ([]any, error) {
	value, err := r.value(v, &place{name: name})
	if err != nil {
		return nil, err
	}
	switch value := value.(type) {
	case []any:
		return value, nil
	case nil, empty:
		return nil, nil
	}
	return nil, fmt.Errorf("%s: must be a list, is a %s", name, kindOf(v, value))
}

func kindOf(v glua.LValue, value any) string {
	switch value.(type) {
	case []any:
		return "list"
	case map[string]any:
		return "table with named fields"
	}
	return v.Type().String()
}
