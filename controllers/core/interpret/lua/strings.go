package lua

import (
	"fmt"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

func (m *machine) stringFunctions() functions {
	return functions{
		"byte": m.stringByte, "char": m.stringChar, "dump": m.refuse("string.dump"), "find": m.stringFind, "format": m.stringFormat,
		"gfind": m.stringGmatch, "gmatch": m.stringGmatch, "gsub": m.stringGsub, "len": m.stringLen, "lower": m.stringLower,
		"match": m.stringMatch, "rep": m.stringRep, "reverse": m.stringReverse, "sub": m.stringSub, "upper": m.stringUpper,
	}
}

// span turns two positions, which count from 1 or, when negative, from the end, into bounds of a slice.
func span(length, from, to int) (start, end int) {
	if from < 0 {
		from = max(length+from+1, 1)
	}
	if to < 0 {
		to = length + to + 1
	}
	start, end = max(from, 1)-1, min(to, length)
	if start >= end {
		return 0, 0
	}
	return start, end
}

func (m *machine) stringByte(l *glua.LState) int {
	s := l.CheckString(1)
	from := m.optInt(l, 2, 1)
	start, end := span(len(s), from, m.optInt(l, 3, from))
	if end-start > mostResults {
		l.RaiseError("string slice too long: at most %d bytes", mostResults)
	}
	m.charge(l, (end-start)/8, (end-start)*16)
	for _, c := range []byte(s[start:end]) {
		l.Push(glua.LNumber(c))
	}
	return end - start
}

func (m *machine) stringChar(l *glua.LState) int {
	bytes := make([]byte, l.GetTop())
	for i := range bytes {
		bytes[i] = byte(m.int(l, i+1))
	}
	return m.give(l, string(bytes))
}

func (m *machine) stringLen(l *glua.LState) int {
	l.Push(glua.LNumber(len(l.CheckString(1))))
	return 1
}

func (m *machine) stringLower(l *glua.LState) int {
	s := l.CheckString(1)
	m.charge(l, len(s)/16, 2*len(s))
	return m.give(l, strings.ToLower(s))
}

func (m *machine) stringUpper(l *glua.LState) int {
	s := l.CheckString(1)
	m.charge(l, len(s)/16, 2*len(s))
	return m.give(l, strings.ToUpper(s))
}

func (m *machine) stringReverse(l *glua.LState) int {
	s := l.CheckString(1)
	m.room(l, len(s))
	out := make([]byte, len(s))
	for i := range len(s) {
		out[len(s)-1-i] = s[i]
	}
	l.Push(glua.LString(out))
	return 1
}

func (m *machine) stringRep(l *glua.LState) int {
	s, n := l.CheckString(1), m.int(l, 2)
	if n <= 0 || s == "" {
		l.Push(glua.LString(""))
		return 1
	}
	if n > maxString {
		n = maxString + 1
	}
	m.room(l, len(s)*n)
	l.Push(glua.LString(strings.Repeat(s, n)))
	return 1
}

func (m *machine) stringSub(l *glua.LState) int {
	s := l.CheckString(1)
	start, end := span(len(s), m.int(l, 2), m.optInt(l, 3, -1))
	m.charge(l, 0, 32)
	l.Push(glua.LString(s[start:end]))
	return 1
}

// search begins a search in the first argument for the pattern in the second.
func (m *machine) search(l *glua.LState) (x *matcher, anchored bool) {
	x = &matcher{m: m, l: l, subject: l.CheckString(1), pattern: l.CheckString(2)}
	m.charge(l, 4, 512)
	x.pattern, anchored = strings.CutPrefix(x.pattern, "^")
	return x, anchored
}

// results pushes the captures of a match, or all of it when it has none.
func (x *matcher) results(from, to int) int {
	if len(x.captures) == 0 {
		x.push(from, to)
		return 1
	}
	for i, c := range x.captures {
		switch c.length {
		case capturePosition:
			x.l.Push(glua.LNumber(c.start + 1))
		case captureOpen:
			x.fail("unfinished capture")
		default:
			x.push(c.start, c.start+x.captures[i].length)
		}
	}
	return len(x.captures)
}

func (x *matcher) push(from, to int) {
	x.m.charge(x.l, 0, 32)
	x.l.Push(glua.LString(x.subject[from:to]))
}

// begin is the position at which a search starts; false when it is behind the end.
func (m *machine) beginning(l *glua.LState, length int) (int, bool) {
	at := m.optInt(l, 3, 1)
	if at < 0 {
		at = length + at + 1
	}
	at = max(at, 1) - 1
	return at, at <= length
}

func (m *machine) stringFind(l *glua.LState) int {
	x, anchored := m.search(l)
	at, ok := m.beginning(l, len(x.subject))
	if ok && l.ToBool(4) {
		plain := l.CheckString(2)
		m.charge(l, (len(x.subject)-at)/8, 0)
		if i := strings.Index(x.subject[at:], plain); i >= 0 {
			l.Push(glua.LNumber(at + i + 1))
			l.Push(glua.LNumber(at + i + len(plain)))
			return 2
		}
		ok = false
	}
	if ok {
		if from, to, found := x.find(at, anchored); found {
			l.Push(glua.LNumber(from + 1))
			l.Push(glua.LNumber(to))
			if len(x.captures) == 0 {
				return 2
			}
			return 2 + x.results(from, to)
		}
	}
	l.Push(glua.LNil)
	return 1
}

func (m *machine) stringMatch(l *glua.LState) int {
	x, anchored := m.search(l)
	if at, ok := m.beginning(l, len(x.subject)); ok {
		if from, to, found := x.find(at, anchored); found {
			return x.results(from, to)
		}
	}
	l.Push(glua.LNil)
	return 1
}

func (m *machine) stringGmatch(l *glua.LState) int {
	x := &matcher{m: m, subject: l.CheckString(1), pattern: l.CheckString(2)}
	m.charge(l, 4, 1024)
	at := 0
	l.Push(l.NewFunction(func(l *glua.LState) int {
		x.l = l
		from, to, found := x.find(at, false)
		if !found {
			at = len(x.subject) + 1
			l.Push(glua.LNil)
			return 1
		}
		if at = to; to == from {
			at++
		}
		return x.results(from, to)
	}))
	return 1
}

func (m *machine) stringGsub(l *glua.LState) int {
	x, anchored := m.search(l)
	with := l.Get(3)
	switch with.Type() {
	case glua.LTNumber:
		with = glua.LString(with.String())
	case glua.LTString, glua.LTTable, glua.LTFunction:
	default:
		l.ArgError(3, "string, function or table expected, got "+with.Type().String())
	}
	most := m.optInt(l, 4, len(x.subject)+1)
	var out strings.Builder
	add := func(s string) {
		if out.Len()+len(s) > maxString {
			m.room(l, out.Len()+len(s))
		}
		m.charge(l, len(s)/bytesPerStep, 2*len(s))
		out.WriteString(s)
	}
	at, n := 0, 0
	for n < most {
		from, to, found := x.find(at, anchored)
		if !found {
			break
		}
		n++
		add(x.subject[at:from])
		x.replace(with, from, to, add)
		if at = to; to == from {
			if at >= len(x.subject) {
				at = len(x.subject) + 1
				break
			}
			add(x.subject[at : at+1])
			at++
		}
		if anchored {
			break
		}
	}
	if at <= len(x.subject) {
		add(x.subject[at:])
	}
	l.Push(glua.LString(out.String()))
	l.Push(glua.LNumber(n))
	return 2
}

// replace adds what stands for a match.
func (x *matcher) replace(with glua.LValue, from, to int, add func(string)) {
	l := x.l
	var value glua.LValue
	switch with := with.(type) {
	case glua.LString:
		x.expand(string(with), from, to, add)
		return
	case *glua.LTable:
		n := x.results(from, to)
		key := l.Get(-n)
		l.Pop(n)
		x.m.read(l, key)
		value = l.GetTable(with, key)
	default:
		// the function may search with the same matcher only by a call of its own
		l.Push(with)
		l.Call(x.results(from, to), 1)
		value = l.Get(-1)
		l.Pop(1)
	}
	switch {
	case glua.LVIsFalse(value):
		add(x.subject[from:to])
	case glua.LVCanConvToString(value):
		add(glua.LVAsString(value))
	default:
		l.RaiseError("invalid replacement value (a %s)", value.Type())
	}
}

// expand adds a replacement in which %1 to %9 stand for captures and %0 for the match.
func (x *matcher) expand(with string, from, to int, add func(string)) {
	for {
		plain, rest, more := strings.Cut(with, "%")
		add(plain)
		if !more {
			return
		}
		if rest == "" {
			x.l.RaiseError("invalid use of '%%' in replacement string")
		}
		switch c := rest[0]; {
		case c == '0' || c == '1' && len(x.captures) == 0:
			add(x.subject[from:to])
		case isDigit(c):
			i := int(c - '1')
			if i >= len(x.captures) {
				x.l.RaiseError("invalid capture index in replacement string")
			}
			if x.captures[i].length == capturePosition {
				add(strconv.Itoa(x.captures[i].start + 1))
			} else {
				add(x.captured(i))
			}
		default:
			add(rest[:1])
		}
		with = rest[1:]
		x.step()
	}
}

// stringFormat knows the conversions of C that the manual names; widths and precisions have two digits
// at most.
func (m *machine) stringFormat(l *glua.LState) int {
	format, argument := l.CheckString(1), 1
	var out strings.Builder
	add := func(s string) {
		if out.Len()+len(s) > maxString {
			m.room(l, out.Len()+len(s))
		}
		m.charge(l, len(s)/bytesPerStep+1, 2*len(s))
		out.WriteString(s)
	}
	for {
		plain, rest, more := strings.Cut(format, "%")
		add(plain)
		if !more {
			break
		}
		if strings.HasPrefix(rest, "%") {
			add("%")
			format = rest[1:]
			continue
		}
		n := len(rest) - len(strings.TrimLeft(rest, "-+ #0123456789."))
		if n >= len(rest) || !goodSpec(rest[:n]) {
			l.RaiseError("invalid conversion '%%%s' to 'format'", clip(rest[:min(n+1, len(rest))]))
		}
		argument++
		add(m.formatted(l, rest[:n], rest[n], argument))
		format = rest[n+1:]
	}
	l.Push(glua.LString(out.String()))
	return 1
}

// goodSpec says whether there are flags, a width and a precision, and nothing else.
func goodSpec(spec string) bool {
	spec = strings.TrimLeft(spec, "-+ #0")
	width, precision, _ := strings.Cut(spec, ".")
	return len(width) <= 2 && len(precision) <= 2 && strings.Trim(width+precision, "0123456789") == ""
}

func (m *machine) formatted(l *glua.LState, spec string, verb byte, argument int) string {
	if argument > l.GetTop() {
		l.ArgError(argument, "no value")
	}
	v := l.Get(argument)
	switch verb {
	case 'd', 'i', 'u':
		return fmt.Sprintf("%"+spec+"d", m.whole(l, argument))
	case 'c':
		return string([]byte{byte(m.whole(l, argument))})
	case 'o', 'x', 'X':
		return fmt.Sprintf("%"+spec+string(verb), m.whole(l, argument))
	case 'e', 'E', 'f', 'g', 'G':
		m.readNumber(l, v)
		return fmt.Sprintf("%"+spec+string(verb), float64(l.CheckNumber(argument)))
	case 'q', 's':
		s := text(v)
		m.charge(l, len(s)/bytesPerStep, len(s))
		if verb == 'q' {
			m.charge(l, len(s)/8, 4*len(s))
			return quoted(s)
		}
		return fmt.Sprintf("%"+spec+"s", s)
	}
	l.RaiseError("invalid conversion '%%%s%c' to 'format'", spec, verb)
	return ""
}

func (m *machine) whole(l *glua.LState, argument int) int64 {
	m.readNumber(l, l.Get(argument))
	return l.CheckInt64(argument)
}

// quoted writes a string so that a script reads it back.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", "\\\n", "\r", `\r`, "\x00", `\000`).Replace(s) + `"`
}
