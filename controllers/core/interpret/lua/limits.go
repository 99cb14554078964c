package lua

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limits is what one run of a script may use.
type Limits struct {
	// Steps is how many instructions it may run. Operations that do more than an instruction cost
	// more than one.
	Steps int
	// Bytes is how much memory it may ask for from beginning to end, whether it keeps it or not. What
	// it gets as arguments does not count.
	Bytes int
}

// DefaultLimits let a script look a hundred times at each field of the largest object, and end a
// script that never comes back in well under a second.
var DefaultLimits = Limits{Steps: 2_000_000, Bytes: 32 << 20}

const (
	// maxSource is the length of the longest script. The work of the compiler grows with the square of
	// it.
	maxSource = 64 << 10
	// maxNesting is how deep blocks and expressions of a script may be nested.
	maxNesting = 400
	// maxString is the length of the longest string that a script makes, a bit more than the longest
	// object that the API server takes.
	maxString = 2 << 20
	// maxCalls is how deep calls may be nested.
	maxCalls = 200
	// maxRegisters is how many values all calls together hold.
	maxRegisters = 8 << 10
	// maxDepth is how deep a value may be nested that a script returns.
	maxDepth = 200
)

// Usage is what a run has used.
type Usage struct {
	Steps, Bytes int
	// Printed are the lines that the script gave to print, up to a few kilobytes.
	Printed []string
}

// Error says what went wrong in a script, and where.
type Error struct {
	// Script is the name the script was compiled under.
	Script string
	// Function is the one that was called; empty when the script itself is wrong.
	Function string
	// Line is 0 when it is not known.
	Line int
	// Message is the rest.
	Message string
	// Exceeded is set when the script was cut off because it used up a limit.
	Exceeded bool
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Script)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Function != "" {
		b.WriteString(": " + e.Function)
	}
	return b.String() + ": " + e.Message
}

// longestMessage is where messages that contain what a script wrote are cut.
const longestMessage = 1 << 10

// located makes an Error from a message that may begin with the position, as the machine writes it:
// "script:line: text".
func located(script, function, message string) *Error {
	e := &Error{Script: script, Function: function, Message: message}
	if rest, ok := strings.CutPrefix(message, script+":"); ok {
		if number, text, ok := strings.Cut(rest, ":"); ok {
			if line, err := strconv.Atoi(number); err == nil {
				e.Line, e.Message = line, strings.TrimSpace(text)
			}
		}
	}
	if len(e.Message) > longestMessage {
		e.Message = strings.ToValidUTF8(e.Message[:longestMessage], "") + " ..."
	}
	return e
}

// meter counts what a run uses. To the machine it is a context that is done when a limit is reached:
// the machine asks for Done before each instruction.
type meter struct {
	Limits
	steps, bytes int
	// over says which limit was reached.
	over string
}

var done = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// Done implements the context of the machine: it counts an instruction.
func (m *meter) Done() <-chan struct{} {
	m.steps++
	if m.steps > m.Limits.Steps || m.over != "" {
		m.check()
		return done
	}
	return nil
}

// Err implements the context of the machine. It is asked after Done.
func (m *meter) Err() error { return m }

// Deadline implements the context of the machine; there is none.
func (m *meter) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Value implements the context of the machine; it holds nothing.
func (m *meter) Value(any) any { return nil }

// Error says which limit was reached.
func (m *meter) Error() string { return m.over }

// spend counts work and memory, and says whether the run may go on.
func (m *meter) spend(steps, bytes int) bool {
	m.steps += steps
	m.bytes += bytes
	return m.check()
}

func (m *meter) check() bool {
	switch {
	case m.over != "":
	case m.steps > m.Limits.Steps:
		m.over = fmt.Sprintf("cut off: it used up its %d steps", m.Limits.Steps)
	case m.bytes > m.Limits.Bytes:
		m.over = fmt.Sprintf("cut off: it used up its %d bytes of memory", m.Limits.Bytes)
	}
	return m.over == ""
}
