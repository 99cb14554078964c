package lua

import (
	"strings"

	glua "github.com/yuin/gopher-lua"
)

func (m *machine) guardFunctions() map[string]glua.LGFunction {
	return map[string]glua.LGFunction{
		guardConcat: m.concat, guardNew: m.newTable, guardTable: m.table, guardAppend: m.append, guardSet: m.set,
		guardKey: m.key, guardLen: m.len, guardEqual: m.equal, guardFunction: m.function, guardSpread: m.spread,
		guardLess:   m.order(func(c int) bool { return c < 0 }),
		guardMore:   m.order(func(c int) bool { return c > 0 }),
		guardLessEq: m.order(func(c int) bool { return c <= 0 }),
		guardMoreEq: m.order(func(c int) bool { return c >= 0 }),
	}
}

// concat joins strings and numbers.
func (m *machine) concat(l *glua.LState) int {
	parts, total := make([]string, l.GetTop()), 0
	for i := range parts {
		v := l.Get(i + 1)
		if !glua.LVCanConvToString(v) {
			l.RaiseError("attempt to concatenate a %s value", v.Type())
		}
		parts[i] = glua.LVAsString(v)
		total += len(parts[i])
	}
	m.room(l, total)
	l.Push(glua.LString(strings.Join(parts, "")))
	return 1
}

func (m *machine) newTable(l *glua.LState) int {
	l.Push(m.makeTable(l, 0, 1))
	return 1
}

// makeTable makes room for fields at once, since the machine would make room for many.
func (m *machine) makeTable(l *glua.LState, items, fields int) *glua.LTable {
	m.charge(l, 1, costTable+items*costItem+fields*costField/2)
	return l.CreateTable(items, max(1, fields))
}

// table charges for a table that was made of its literal with that many fields.
func (m *machine) table(l *glua.LState) int {
	n := m.int(l, 2)
	m.charge(l, n, costFields+n*costField)
	l.SetTop(1)
	return 1
}

// append adds values to a list that has some: append(table, length, ...).
func (m *machine) append(l *glua.LState) int {
	t, n := l.CheckTable(1), m.int(l, 2)
	top := l.GetTop()
	m.charge(l, (top-2)/16, (top-2)*costItem)
	for i := 3; i <= top; i++ {
		if v := l.Get(i); v != glua.LNil {
			m.writeItem(l, t, n+i-2, v)
		}
	}
	l.Push(t)
	return 1
}

// set writes fields: set(table, key, value, ...).
func (m *machine) set(l *glua.LState) int {
	object := l.Get(1)
	for i := 2; i < l.GetTop(); i += 2 {
		key, value := l.Get(i), l.Get(i+1)
		t, ok := object.(*glua.LTable)
		if !ok || !writable(t) {
			m.read(l, key)
			l.SetTable(object, key, value) // says what is wrong
			continue
		}
		m.write(l, t, key, value)
	}
	l.Push(object)
	return 1
}

func writable(t *glua.LTable) bool {
	meta, ok := t.Metatable.(*glua.LTable)
	return !ok || meta.RawGetString("__newindex") == glua.LNil
}

func (m *machine) key(l *glua.LState) int {
	key := l.Get(1)
	m.read(l, key)
	l.Push(key)
	return 1
}

func (m *machine) len(l *glua.LState) int {
	switch v := l.Get(1).(type) {
	case glua.LString:
		l.Push(glua.LNumber(len(v)))
	case *glua.LTable:
		l.Push(glua.LNumber(m.length(l, v)))
	default:
		l.RaiseError("attempt to get length of a %s value", v.Type())
	}
	return 1
}

func (m *machine) equal(l *glua.LState) int {
	a, b := l.Get(1), l.Get(2)
	if s, ok := a.(glua.LString); ok {
		if t, ok := b.(glua.LString); ok && len(s) == len(t) {
			m.read(l, s)
		}
	}
	l.Push(glua.LBool(l.RawEqual(a, b)))
	return 1
}

// order compares two numbers or two strings.
func (m *machine) order(holds func(int) bool) glua.LGFunction {
	return func(l *glua.LState) int {
		l.Push(glua.LBool(m.ordered(l, l.Get(1), l.Get(2), holds)))
		return 1
	}
}

func (m *machine) ordered(l *glua.LState, a, b glua.LValue, holds func(int) bool) bool {
	switch a := a.(type) {
	case glua.LNumber:
		if b, ok := b.(glua.LNumber); ok {
			// not a number is in no order
			return a < b && holds(-1) || a == b && holds(0) || a > b && holds(1)
		}
	case glua.LString:
		if b, ok := b.(glua.LString); ok {
			m.charge(l, min(len(a), len(b))/bytesPerStep, 0)
			return holds(strings.Compare(string(a), string(b)))
		}
	}
	l.RaiseError("attempt to compare %s with %s", a.Type(), b.Type())
	return false
}

func (m *machine) function(l *glua.LState) int {
	m.charge(l, 4, costFunction)
	if l.GetTop() == 0 {
		return 0
	}
	l.SetTop(1)
	return 1
}

// spread passes varargs on.
func (m *machine) spread(l *glua.LState) int {
	n := l.GetTop()
	m.charge(l, n/8, n*16)
	return n
}
