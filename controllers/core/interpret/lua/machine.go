package lua

import (
	"sync"

	glua "github.com/yuin/gopher-lua"
)

// machine is a virtual machine with the libraries of this package. It serves one run at a time.
// Nothing of a run stays in it: each has globals of its own, and the libraries can not be written to.
type machine struct {
	state *glua.LState
	meter *meter
	// guards are the guards in the order of guardNames.
	guards []glua.LValue
	// globals are what every run begins with, by way of the metatable of its own globals.
	globals *glua.LTable
	own     *glua.LTable
	// item is the function behind ipairs.
	item *glua.LFunction
	// module is the kube module.
	module *glua.LTable
	// holes are tables that may have unused places, and at most how many: to look for the end of such a
	// table, or for its next field, is work that the machine does not count.
	holes   map[*glua.LTable]int
	printed []string
	noise   int
}

// machines are idle ones.
var machines = sync.Pool{New: func() any { return newMachine() }}

// keepBelow is how much memory a run may have used when its machine is used again; what is left on its
// stacks lives until the next run.
const keepBelow = 1 << 20

func newMachine() *machine {
	m := &machine{state: glua.NewState(glua.Options{
		SkipOpenLibs:     true,
		CallStackSize:    maxCalls,
		RegistrySize:     512,
		RegistryMaxSize:  maxRegisters,
		RegistryGrowStep: 512,
	})}
	for _, name := range guardNames {
		m.guards = append(m.guards, m.state.NewFunction(m.guardFunctions()[name]))
	}
	m.openBase()
	return m
}

// begin prepares a run.
func (m *machine) begin(limits Limits) {
	m.meter = &meter{Limits: limits}
	m.state.SetContext(m.meter)
	m.holes, m.printed, m.noise = nil, nil, 0
	env := m.state.CreateTable(0, 4)
	env.RawSetString("_G", env)
	env.Metatable = m.own
	m.state.Env = env
}

// end forgets the run, so that nothing of it is kept alive by an idle machine.
func (m *machine) end() {
	m.state.Env, m.meter, m.holes, m.printed = m.globals, nil, nil, nil
	m.state.RemoveContext()
}

// usage says what the run has used. What was refused was not used.
func (m *machine) usage() Usage {
	return Usage{Steps: min(m.meter.steps, m.meter.Limits.Steps), Bytes: min(m.meter.bytes, m.meter.Limits.Bytes), Printed: m.printed}
}

// charge counts work and memory; it does not return when that is too much.
func (m *machine) charge(l *glua.LState, steps, bytes int) {
	if !m.meter.spend(steps, bytes) {
		l.RaiseError("%s", m.meter.over)
	}
}

// bytesPerStep is how many bytes are compared, hashed or copied in the time of an instruction.
const bytesPerStep = 64

// Costs of values in bytes, measured on the machine's types.
const (
	costTable    = 192
	costField    = 192
	costItem     = 48
	costFirst    = 512
	costFields   = 2560
	costFunction = 256
)

// read charges for looking at all of a value.
func (m *machine) read(l *glua.LState, v glua.LValue) {
	if s, ok := v.(glua.LString); ok && len(s) >= bytesPerStep {
		m.charge(l, len(s)/bytesPerStep, 0)
	}
}

// give pushes a new string.
func (m *machine) give(l *glua.LState, s string) int {
	m.charge(l, len(s)/bytesPerStep, len(s)+32)
	l.Push(glua.LString(s))
	return 1
}

// room charges for a string that is about to be made.
func (m *machine) room(l *glua.LState, length int) {
	if length > maxString || length < 0 {
		l.RaiseError("the result is too long: a string has at most %d bytes", maxString)
	}
	m.charge(l, length/bytesPerStep, length+32)
}

// scan charges for a walk over the unused places of a table.
func (m *machine) scan(l *glua.LState, t *glua.LTable) {
	if holes := m.holes[t]; holes > 0 {
		m.charge(l, holes/16+1, 0)
	}
}

func (m *machine) dig(l *glua.LState, t *glua.LTable, holes int) {
	before, known := m.holes[t]
	if !known {
		m.charge(l, 1, 64)
	}
	if m.holes == nil {
		m.holes = map[*glua.LTable]int{}
	}
	m.holes[t] = before + holes
}

// length is where the list in a table ends.
func (m *machine) length(l *glua.LState, t *glua.LTable) int {
	m.scan(l, t)
	return t.Len()
}

// write sets a field of a table.
func (m *machine) write(l *glua.LState, t *glua.LTable, key, value glua.LValue) {
	if number, ok := key.(glua.LNumber); ok {
		if i := int(number); glua.LNumber(i) == number && i > 0 && i < glua.MaxArrayIndex {
			m.writeItem(l, t, i, value)
			return
		}
	}
	m.read(l, key)
	switch isNew := t.RawGet(key) == glua.LNil; {
	case isNew && value == glua.LNil && key != glua.LNil:
		return
	case isNew:
		m.charge(l, 1, costField)
	case value == glua.LNil:
		m.dig(l, t, 1)
	}
	l.RawSet(t, key, value)
}

// writeItem sets an item of the list in a table. The machine fills the places before it, so an item far
// behind the end costs as much as all of them.
func (m *machine) writeItem(l *glua.LState, t *glua.LTable, i int, value glua.LValue) {
	switch there := t.RawGetInt(i) != glua.LNil; {
	case !there && value == glua.LNil:
		return
	case there && value == glua.LNil:
		m.dig(l, t, 1)
	case there:
	case i == 1:
		m.charge(l, 1, costFirst)
	case t.RawGetInt(i-1) != glua.LNil:
		m.charge(l, 0, costItem)
	default:
		m.charge(l, i/16+1, i*costItem)
		m.dig(l, t, i)
	}
	t.RawSetInt(i, value)
}
