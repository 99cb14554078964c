package lua

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	glua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// Script is a compiled script. It is not changed by being run, and may be run by many at a time.
type Script struct {
	name string
	// chunks are run one after the other, with the same globals: the preludes, then the script itself.
	chunks  []*glua.FunctionProto
	limits  Limits
	observe func(function string, used Usage)
	defined []string
}

// Compile compiles a script and runs it once, to see which of the functions of an interpreter it
// defines. The name stands in errors. The error is an *Error.
func Compile(name, source string, limits Limits) (*Script, error) {
	return compileAfter(nil, name, source, limits)
}

// compileAfter compiles a script that may use the globals of the preludes.
func compileAfter(preludes []*glua.FunctionProto, name, source string, limits Limits) (*Script, error) {
	chunk, err := compileChunk(name, source)
	if err != nil {
		return nil, err
	}
	s := &Script{name: name, chunks: append(slices.Clone(preludes), chunk), limits: limits}
	err = s.run("", func(m *machine) error {
		for _, function := range functionNames {
			if m.state.Env.RawGetString(function).Type() == glua.LTFunction {
				s.defined = append(s.defined, function)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// compileChunk compiles a text, of which nothing is run.
func compileChunk(name, source string) (chunk *glua.FunctionProto, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			chunk, err = nil, &Error{Script: name, Message: clip(fmt.Sprint("does not compile: ", fault))}
		}
	}()
	if len(source) > maxSource {
		return nil, &Error{Script: name, Message: fmt.Sprintf("is %d bytes long; at most %d are allowed", len(source), maxSource)}
	}
	tree, err := parse.Parse(strings.NewReader(source), name)
	if err != nil {
		return nil, syntaxError(name, err)
	}
	metering, err := metered(tree)
	if err != nil {
		return nil, &Error{Script: name, Message: err.Error()}
	}
	chunk, err = glua.Compile(metering, name)
	if err != nil {
		var fault *glua.CompileError
		if errors.As(err, &fault) {
			return nil, &Error{Script: name, Line: fault.Line, Message: clip(fault.Message)}
		}
		return nil, &Error{Script: name, Message: clip(err.Error())}
	}
	return chunk, nil
}

func syntaxError(name string, err error) *Error {
	var fault *parse.Error
	if !errors.As(err, &fault) {
		return &Error{Script: name, Message: clip(err.Error())}
	}
	message := "syntax error near '" + clip(fault.Token) + "'"
	if fault.Pos.Line == parse.EOF {
		message, fault.Pos.Line = "syntax error at the end", 0
	}
	return &Error{Script: name, Line: fault.Pos.Line, Message: message}
}

// Name is the name under which the script was compiled.
func (s *Script) Name() string { return s.name }

// Defines are the functions of an interpreter that the script defines.
func (s *Script) Defines() []string { return slices.Clone(s.defined) }

func (s *Script) defines(function string) bool { return slices.Contains(s.defined, function) }

// Observe returns a script that tells what each call of a function has used, whether it succeeded or not.
func (s *Script) Observe(observe func(function string, used Usage)) *Script {
	observed := *s
	observed.observe = observe
	return &observed
}

// run runs the script and then the rest, in a machine of their own. A machine in which anything went
// wrong is not used again. Nothing that happens in it goes further than an error.
func (s *Script) run(function string, rest func(*machine) error) (err error) {
	m := machines.Get().(*machine)
	m.begin(s.limits)
	defer func() {
		if fault := recover(); fault != nil {
			err = errors.New(clip(fmt.Sprint(fault)))
			var raised *glua.ApiError
			if e, ok := fault.(error); ok && errors.As(e, &raised) {
				err = raised
			}
		}
		used := m.usage()
		if m.meter.over != "" && err == nil {
			err = m.meter
		}
		if s.observe != nil {
			s.observe(function, used)
		}
		if err == nil && used.Bytes < keepBelow {
			m.end()
			machines.Put(m)
			return
		}
		err = s.located(m, function, err)
	}()
	l := m.state
	l.SetTop(0)
	for _, chunk := range s.chunks {
		if err := l.CallByParam(glua.P{Fn: l.NewFunctionFromProto(chunk), NRet: 1, Protect: true}, m.guards...); err != nil {
			return err
		}
		main := l.Get(-1)
		l.Pop(1)
		if err := l.CallByParam(glua.P{Fn: main, NRet: 0, Protect: true}); err != nil {
			return err
		}
	}
	err = rest(m)
	l.SetTop(0)
	return err
}

// located says where an error came from.
func (s *Script) located(m *machine, function string, err error) error {
	if err == nil {
		return nil
	}
	var raised *glua.ApiError
	message := err.Error()
	if errors.As(err, &raised) {
		if message = glua.LVAsString(raised.Object); message == "" {
			message = "raised a " + raised.Object.Type().String()
		}
	}
	e := located(s.name, function, message)
	e.Exceeded = m.meter.over != ""
	if e.Exceeded {
		e.Message = m.meter.over
	}
	return e
}

// call calls a function of the script and gives its results to read.
func (s *Script) call(function string, results int, arguments []any, read func(reader, []glua.LValue) error) error {
	return s.run(function, func(m *machine) error {
		l := m.state
		f := m.state.Env.RawGetString(function)
		if f.Type() != glua.LTFunction {
			return fmt.Errorf("the script defines no function %s", function)
		}
		values := make([]glua.LValue, len(arguments))
		for i, argument := range arguments {
			values[i] = toLua(l, argument)
		}
		if err := l.CallByParam(glua.P{Fn: f, NRet: results, Protect: true}, values...); err != nil {
			return err
		}
		returned := make([]glua.LValue, results)
		for i := range returned {
			returned[i] = l.Get(i - results)
		}
		return read(reader{m}, returned)
	})
}
