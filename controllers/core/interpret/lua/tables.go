package lua

import (
	"slices"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

func (m *machine) tableFunctions() functions {
	return functions{"concat": m.tableConcat, "getn": m.len, "insert": m.tableInsert, "maxn": m.tableMaxN, "remove": m.tableRemove, "sort": m.tableSort}
}

func (m *machine) tableConcat(l *glua.LState) int {
	t := l.CheckTable(1)
	n := m.length(l, t)
	separator, from, to := l.OptString(2, ""), m.optInt(l, 3, 1), min(m.optInt(l, 4, n), n)
	from = max(from, 1)
	if from > to {
		l.Push(glua.LString(""))
		return 1
	}
	m.charge(l, to-from+1, (to-from+1)*16)
	parts, total := make([]string, 0, to-from+1), 0
	for i := from; i <= to; i++ {
		v := t.RawGetInt(i)
		if !glua.LVCanConvToString(v) {
			l.RaiseError("invalid value (%s) at index %d in table for concat", v.Type(), i)
		}
		parts = append(parts, glua.LVAsString(v))
		total += len(parts[len(parts)-1]) + len(separator)
		if total > 2*maxString {
			break
		}
	}
	m.room(l, total)
	l.Push(glua.LString(strings.Join(parts, separator)))
	return 1
}

func (m *machine) tableInsert(l *glua.LState) int {
	t := l.CheckTable(1)
	if !writable(t) {
		l.ArgError(1, "this table can not be changed")
	}
	n := m.length(l, t)
	if l.GetTop() == 2 {
		m.writeItem(l, t, n+1, l.Get(2))
		return 0
	}
	at, value := m.int(l, 2), l.CheckAny(3)
	if at < 1 || at > n {
		m.write(l, t, glua.LNumber(at), value)
		return 0
	}
	m.charge(l, (n-at)/16+1, costItem)
	t.Insert(at, value)
	if value == glua.LNil {
		m.dig(l, t, 1)
	}
	return 0
}

func (m *machine) tableMaxN(l *glua.LState) int {
	t := l.CheckTable(1)
	m.scan(l, t)
	l.Push(glua.LNumber(t.MaxN()))
	return 1
}

func (m *machine) tableRemove(l *glua.LState) int {
	t := l.CheckTable(1)
	n := m.length(l, t)
	at := m.optInt(l, 2, n)
	if n == 0 || at < 1 || at > n {
		l.Push(glua.LNil)
		return 1
	}
	m.charge(l, (n-at)/16+1, 0)
	l.Push(t.Remove(at))
	return 1
}

// tableSort sorts a copy, so that an order that changes the table or contradicts itself does no harm.
func (m *machine) tableSort(l *glua.LState) int {
	t := l.CheckTable(1)
	n := m.length(l, t)
	less := func(a, b glua.LValue) bool { return m.ordered(l, a, b, func(c int) bool { return c < 0 }) }
	if l.Get(2) != glua.LNil {
		by := l.CheckFunction(2)
		less = func(a, b glua.LValue) bool {
			l.Push(by)
			l.Push(a)
			l.Push(b)
			l.Call(2, 1)
			yes := l.ToBool(-1)
			l.Pop(1)
			return yes
		}
	}
	m.charge(l, n/8, n*16)
	items := make([]glua.LValue, n)
	for i := range items {
		items[i] = t.RawGetInt(i + 1)
	}
	slices.SortStableFunc(items, func(a, b glua.LValue) int {
		m.charge(l, 2, 0)
		switch {
		case less(a, b):
			return -1
		case less(b, a):
			return 1
		}
		return 0
	})
	for i, v := range items {
		m.write(l, t, glua.LNumber(i+1), v)
	}
	return 0
}
