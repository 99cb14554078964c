package lua

import (
	"math"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// functions are a library.
type functions = map[string]glua.LGFunction

// unavailable are functions and libraries that would let a script reach out of its run, or see a run
// after this one. To use them is an error that says so.
var (
	unavailable = []string{
		"collectgarbage", "dofile", "getfenv", "getmetatable", "load", "loadfile", "loadstring",
		"module", "newproxy", "rawequal", "rawget", "rawset", "setfenv", "setmetatable",
	}
	unavailableLibraries = []string{"channel", "coroutine", "debug", "io", "os", "package"}
)

// openBase makes the globals and the libraries.
func (m *machine) openBase() {
	l := m.state
	m.globals, m.item = l.CreateTable(0, 64), l.NewFunction(m.nextItem)
	for name, f := range (functions{
		"assert": m.assert, "error": m.error, "ipairs": m.ipairs, "next": m.next, "pairs": m.pairs, "pcall": m.pcall,
		"print": m.print, "require": m.require, "select": m.selectValues, "tonumber": m.tonumber, "tostring": m.tostring,
		"type": typeOf, "unpack": m.unpack, "xpcall": m.xpcall,
	}) {
		m.globals.RawSetString(name, l.NewFunction(f))
	}
	for _, name := range unavailable {
		m.globals.RawSetString(name, l.NewFunction(m.refuse(name)))
	}
	for _, name := range unavailableLibraries {
		m.globals.RawSetString(name, m.missingLibrary(name))
	}
	m.globals.RawSetString("_VERSION", glua.LString(glua.LuaVersion))
	text := m.library("string", m.stringFunctions(), nil)
	m.globals.RawSetString("string", text)
	m.globals.RawSetString("table", m.library("table", m.tableFunctions(), nil))
	m.globals.RawSetString("math", m.mathLibrary())
	l.SetMetatable(glua.LString(""), m.stringMeta(text))
	m.own = l.CreateTable(0, 2)
	m.own.RawSetString("__index", m.globals)
}

// library makes a table that can be read only: what the script sees is empty and passes reads on.
func (m *machine) library(name string, of functions, values map[string]glua.LValue) *glua.LTable {
	l := m.state
	content := l.CreateTable(0, len(of)+len(values))
	for key, f := range of {
		content.RawSetString(key, l.NewFunction(f))
	}
	for key, v := range values {
		content.RawSetString(key, v)
	}
	return m.readOnly(name, content)
}

func (m *machine) readOnly(name string, index glua.LValue) *glua.LTable {
	l := m.state
	meta := l.CreateTable(0, 2)
	meta.RawSetString("__index", index)
	meta.RawSetString("__newindex", l.NewFunction(func(l *glua.LState) int {
		l.RaiseError("library %s can not be changed", name)
		return 0
	}))
	face := l.CreateTable(0, 1)
	face.Metatable = meta
	return face
}

func (m *machine) missingLibrary(name string) *glua.LTable {
	return m.readOnly(name, m.state.NewFunction(func(l *glua.LState) int {
		l.RaiseError("library %s is not available to scripts: they only see their arguments", name)
		return 0
	}))
}

func (m *machine) refuse(name string) glua.LGFunction {
	return func(l *glua.LState) int {
		l.RaiseError("function %s is not available to scripts", name)
		return 0
	}
}

// mathLibrary is the machine's, without chance.
func (m *machine) mathLibrary() *glua.LTable {
	l := m.state
	glua.OpenMath(l)
	original := l.CheckTable(-1)
	l.Pop(1)
	values := map[string]glua.LValue{}
	original.ForEach(func(name, v glua.LValue) {
		f, ok := v.(*glua.LFunction)
		if !ok {
			values[name.String()] = v
			return
		}
		values[name.String()] = l.NewFunction(func(l *glua.LState) int {
			for i := range l.GetTop() {
				m.readNumber(l, l.Get(i+1))
			}
			return f.GFunction(l)
		})
	})
	return m.library("math", functions{"random": m.refuse("math.random"), "randomseed": m.refuse("math.randomseed")}, without(values, "random", "randomseed"))
}

func without(values map[string]glua.LValue, names ...string) map[string]glua.LValue {
	for _, name := range names {
		delete(values, name)
	}
	return values
}

// readNumber charges for a string that may be a number: to read one takes a look at each byte.
func (m *machine) readNumber(l *glua.LState, v glua.LValue) {
	if s, ok := v.(glua.LString); ok {
		m.charge(l, len(s)/8, 0)
	}
}

func (m *machine) assert(l *glua.LState) int {
	if l.ToBool(1) {
		return l.GetTop()
	}
	if l.GetTop() < 2 {
		l.RaiseError("assertion failed!")
	}
	return m.raise(l, l.Get(2), 1)
}

func (m *machine) error(l *glua.LState) int {
	return m.raise(l, l.Get(1), m.optInt(l, 2, 1))
}

func (m *machine) raise(l *glua.LState, v glua.LValue, level int) int {
	if s, ok := v.(glua.LString); ok {
		m.room(l, len(s)+256)
	}
	l.Error(v, min(max(level, 0), maxCalls))
	return 0
}

func (m *machine) ipairs(l *glua.LState) int {
	l.Push(m.item)
	l.Push(l.CheckTable(1))
	l.Push(glua.LNumber(0))
	return 3
}

// nextItem is what ipairs gives to the loop.
func (m *machine) nextItem(l *glua.LState) int {
	t, i := l.CheckTable(1), m.int(l, 2)+1
	v := t.RawGetInt(i)
	if v == glua.LNil {
		return 0
	}
	l.Push(glua.LNumber(i))
	l.Push(v)
	return 2
}

// int is an argument that has to be a whole number.
func (m *machine) int(l *glua.LState, argument int) int {
	m.readNumber(l, l.Get(argument))
	return l.CheckInt(argument)
}

func (m *machine) optInt(l *glua.LState, argument, unset int) int {
	if l.Get(argument) == glua.LNil {
		return unset
	}
	return m.int(l, argument)
}

func (m *machine) next(l *glua.LState) int {
	t := l.CheckTable(1)
	m.scan(l, t)
	m.read(l, l.Get(2))
	key, value := t.Next(l.Get(2))
	l.Push(key)
	if key == glua.LNil {
		return 1
	}
	l.Push(value)
	return 2
}

func (m *machine) pairs(l *glua.LState) int {
	t := l.CheckTable(1)
	l.Push(m.globals.RawGetString("next"))
	l.Push(t)
	l.Push(glua.LNil)
	return 3
}

// costOfError is what it takes to unwind and to write a trace.
const costOfError = 1500

// protected calls the function under its arguments on the stack. A run that is cut off is not caught,
// nor is a fault in the machine.
func (m *machine) protected(l *glua.LState, args int) (failure glua.LValue, ok bool) {
	err := l.PCall(args, glua.MultRet, nil)
	if err == nil {
		return nil, true
	}
	fault, known := err.(*glua.ApiError)
	if m.meter.over == "" && (!known || fault.Type == glua.ApiErrorPanic) {
		m.meter.over = "the machine failed: " + clip(err.Error())
	}
	if m.meter.over != "" {
		l.RaiseError("%s", m.meter.over)
	}
	m.charge(l, costOfError, len(glua.LVAsString(fault.Object)))
	return fault.Object, false
}

func (m *machine) pcall(l *glua.LState) int {
	if _, ok := l.Get(1).(*glua.LFunction); !ok {
		l.Push(glua.LFalse)
		l.Push(glua.LString("attempt to call a " + l.Get(1).Type().String() + " value"))
		return 2
	}
	failure, ok := m.protected(l, l.GetTop()-1)
	if !ok {
		l.Push(glua.LFalse)
		l.Push(failure)
		return 2
	}
	l.Insert(glua.LTrue, 1)
	return l.GetTop()
}

func (m *machine) xpcall(l *glua.LState) int {
	f, handler := l.CheckFunction(1), l.CheckFunction(2)
	l.SetTop(2)
	l.Push(f)
	failure, ok := m.protected(l, 0)
	if ok {
		l.Insert(glua.LTrue, 3)
		return l.GetTop() - 2
	}
	l.Push(glua.LFalse)
	l.Push(handler)
	l.Push(failure)
	l.Call(1, 1)
	return 2
}

// maxNoise is how many bytes of output of a run are kept.
const maxNoise = 16 << 10

func (m *machine) print(l *glua.LState) int {
	words := make([]string, l.GetTop())
	for i := range words {
		words[i] = text(l.Get(i + 1))
		m.charge(l, 1, len(words[i]))
	}
	line := clip(strings.Join(words, "\t"))
	if m.noise += len(line) + 1; m.noise <= maxNoise {
		m.printed = append(m.printed, line)
	}
	return 0
}

func (m *machine) require(l *glua.LState) int {
	switch name := l.CheckString(1); name {
	case "kube":
		l.Push(m.kube())
	case "string", "table", "math":
		l.Push(m.globals.RawGetString(name))
	default:
		l.RaiseError("module %q is not available to scripts; there are kube, math, string and table", clip(name))
	}
	return 1
}

func (m *machine) selectValues(l *glua.LState) int {
	n := l.GetTop() - 1
	m.charge(l, n/16, 0)
	if s, ok := l.Get(1).(glua.LString); ok && s == "#" {
		l.Push(glua.LNumber(n))
		return 1
	}
	i := m.int(l, 1)
	if i < 0 {
		i += n + 1
	}
	if i < 1 {
		l.ArgError(1, "index out of range")
	}
	return max(0, n-i+1)
}

func (m *machine) tonumber(l *glua.LState) int {
	m.readNumber(l, l.Get(1))
	switch v := l.CheckAny(1).(type) {
	case glua.LNumber:
		l.Push(v)
		return 1
	case glua.LString:
		if base := m.optInt(l, 2, 10); base != 10 {
			if base < 2 || base > 36 {
				l.ArgError(2, "base out of range")
			}
			if n, err := strconv.ParseInt(strings.TrimSpace(string(v)), base, 64); err == nil {
				l.Push(glua.LNumber(n))
				return 1
			}
		} else if n, ok := number(string(v)); ok {
			l.Push(n)
			return 1
		}
	}
	l.Push(glua.LNil)
	return 1
}

// number reads a number as a script writes one.
func number(s string) (glua.LNumber, bool) {
	s = strings.TrimSpace(s)
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		n, err := strconv.ParseUint(hex, 16, 64)
		return glua.LNumber(n), err == nil
	}
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false // no words like inf
	}
	n, err := strconv.ParseFloat(s, 64)
	return glua.LNumber(n), err == nil
}

func (m *machine) tostring(l *glua.LState) int {
	v := l.CheckAny(1)
	if s, ok := v.(glua.LString); ok {
		l.Push(s)
		return 1
	}
	return m.give(l, text(v))
}

// text writes a value. Tables and functions have no address: it would be another in each run.
func text(v glua.LValue) string {
	switch v.(type) {
	case *glua.LTable, *glua.LFunction, *glua.LUserData:
		return v.Type().String()
	}
	return v.String()
}

func clip(s string) string {
	if len(s) > longestMessage {
		return strings.ToValidUTF8(s[:longestMessage], "") + " ..."
	}
	return s
}

func typeOf(l *glua.LState) int {
	l.Push(glua.LString(l.CheckAny(1).Type().String()))
	return 1
}

// mostResults is how many values a function of a library returns.
const mostResults = 1000

func (m *machine) unpack(l *glua.LState) int {
	t := l.CheckTable(1)
	from, to := m.optInt(l, 2, 1), 0
	if l.Get(3) == glua.LNil {
		to = m.length(l, t)
	} else {
		to = m.int(l, 3)
	}
	if from > to {
		return 0
	}
	if from < 0 || to-from >= mostResults {
		l.RaiseError("too many results to unpack: at most %d", mostResults)
	}
	n := to - from + 1
	m.charge(l, n/8, n*16)
	for i := range n {
		l.Push(t.RawGetInt(from + i))
	}
	return n
}

// stringMeta lets a string be asked for the functions of its library, and be reckoned with as a number.
func (m *machine) stringMeta(library glua.LValue) *glua.LTable {
	l := m.state
	meta := l.CreateTable(0, 8)
	meta.RawSetString("__index", library)
	for name, f := range map[string]func(a, b float64) float64{
		"__add": func(a, b float64) float64 { return a + b },
		"__sub": func(a, b float64) float64 { return a - b },
		"__mul": func(a, b float64) float64 { return a * b },
		"__div": func(a, b float64) float64 { return a / b },
		"__pow": math.Pow,
		"__mod": func(a, b float64) float64 { return a - math.Floor(a/b)*b },
		"__unm": func(a, _ float64) float64 { return -a },
	} {
		meta.RawSetString(name, l.NewFunction(func(l *glua.LState) int {
			a := m.operand(l, l.Get(1))
			b := a
			if name != "__unm" {
				b = m.operand(l, l.Get(2))
			}
			l.Push(glua.LNumber(f(a, b)))
			return 1
		}))
	}
	return meta
}

func (m *machine) operand(l *glua.LState, v glua.LValue) float64 {
	m.readNumber(l, v)
	switch v := v.(type) {
	case glua.LNumber:
		return float64(v)
	case glua.LString:
		if n, ok := number(string(v)); ok {
			return float64(n)
		}
	}
	l.RaiseError("attempt to perform arithmetic on a %s value", v.Type())
	return 0
}
