package lua

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	glua "github.com/yuin/gopher-lua"
)

// testLimits are a part of those that hold elsewhere, and so is the time the tests take.
var testLimits = Limits{Steps: DefaultLimits.Steps / 8, Bytes: DefaultLimits.Bytes / 4}

// hostile are scripts that try to run for ever, to take all memory, or to get out.
var hostile = map[string]string{
	"endless loop":                            `while true do end`,
	"endless repeat":                          `repeat until false`,
	"endless goto":                            `::again:: goto again`,
	"endless for":                             `for i = 1, math.huge do end`,
	"endless loop in pcall in a loop":         `while true do pcall(function() while true do end end) end`,
	"pcall around pcall":                      `local function f() return pcall(f) or f() end while true do f() end`,
	"caught errors without end":               `while true do pcall(error, "x") end`,
	"deep errors":                             `local function f(n) if n == 0 then while true do pcall(error, "x") end end return f(n - 1) + 1 end f(150)`,
	"xpcall with a handler that loops":        `while true do xpcall(function() error("x") end, function() while true do end end) end`,
	"endless recursion, caught for ever":      `local function f() return 1 + f() end while true do pcall(f) end`,
	"endless tail calls":                      `local function f() return f() end f()`,
	"doubling a string":                       `local s = "x" while true do s = s .. s end`,
	"doubling a string, caught":               `local s = "x" while true do local ok, r = pcall(function() return s .. s end) if ok then s = r end end`,
	"keeping long strings":                    `local t, s = {}, ("x"):rep(1000000) for i = 1, 1e9 do t[i] = s .. i end`,
	"rep":                                     `local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(2000000) end`,
	"rep of much":                             `("x"):rep(1e18)`,
	"rep of a number":                         `while true do pcall(string.rep, "x", 2^62) end`,
	"format widths":                           `local t = {} for i = 1, 1e9 do t[i] = ("%99d"):format(i) end`,
	"format of a long string":                 `local s, t = ("x"):rep(1e6), {} for i = 1, 1e9 do t[i] = ("%s%s"):format(s, s) end`,
	"quoting":                                 `local s, t = ("\0"):rep(4e5), {} for i = 1, 1e9 do t[i] = ("%q"):format(s) end`,
	"concat of a table":                       `local t, o = {}, {} for i = 1, 100 do t[i] = ("x"):rep(10000) end for i = 1, 1e9 do o[i] = table.concat(t, "yyyy") end`,
	"gsub that grows":                         `local s = ("x"):rep(1000) while true do s = s:gsub(".", "%0%0") end`,
	"gsub with a long replacement":            `local r = ("y"):rep(1000000) while true do ("xxxxxxxxxx"):gsub("x", r) end`,
	"gsub with a function that loops":         `("xx"):gsub("x", function() while true do end end)`,
	"upper":                                   `local s = ("x"):rep(1e6) while true do s = s:upper() end`,
	"reverse":                                 `local s = ("x"):rep(1e6) while true do s = s:reverse() end`,
	"a far item":                              `local t = {} t[60000000] = 1`,
	"a far item in a literal":                 `local t = {[60000000] = 1}`,
	"many far items":                          `while true do local t = {} t[60000] = 1 end`,
	"far items by insert":                     `while true do local t = {} table.insert(t, 67000000, 1) end`,
	"the length of a list with holes":         `local t = {} for i = 1, 60000 do t[i] = i end for i = 60000, 2, -1 do t[i] = nil end while true do local n = #t end`,
	"the next field of an emptied table":      `local t = {} for i = 1, 20000 do t["k" .. i] = i end for i = 1, 20000 do t["k" .. i] = nil end t.z = 1 while true do next(t) end`,
	"a giant list":                            `local t = {} local i = 0 while true do i = i + 1 t[i] = i end`,
	"a giant list by insert":                  `local t = {} while true do table.insert(t, 1) end`,
	"inserting at the front":                  `local t = {} while true do table.insert(t, 1, 1) end`,
	"a giant table":                           `local t = {} local i = 0 while true do i = i + 1 t["k" .. i] = i end`,
	"tables of tables":                        `local t = {} for i = 1, 1e9 do t[i] = {{}, {}, {a = 1}} end`,
	"tables with fields":                      `local t = {} for i = 1, 1e9 do local x = {} x.a = 1 x[1] = 1 t[i] = x end`,
	"tables of varargs":                       `local t = {} local function f(...) t[#t + 1] = {...} end while true do f(unpack(t, 1, math.min(#t, 900))) f(1, 2, 3) end`,
	"growing varargs":                         `local function f(...) return f(1, ...) end while true do pcall(f) end`,
	"passing varargs around":                  `local function g(...) return ... end local function f(...) while true do g(...) end end f(unpack({}, 1, 1000))`,
	"a table for arg":                         `local t = {} local function f(...) t[#t + 1] = arg or {} end while true do f() end`,
	"closures":                                `local t = {} for i = 1, 1e9 do t[i] = function() return i end end`,
	"closures deep down":                      `local function f(n) local a, b, c, d local g = function() return a, b, c, d end if n > 0 then return f(n - 1), g end while true do local x local h = function() return x end end end f(150)`,
	"equal long strings":                      `local a = ("x"):rep(1e6) local b = ("x"):rep(1e6) while true do local c = a == b end`,
	"comparing long strings":                  `local a = ("x"):rep(1e6) local b = ("x"):rep(1e6) while true do local c = a < b end`,
	"comparing long strings in a condition":   `local a = ("x"):rep(1e6) local b = ("x"):rep(1e6) while a >= b do end`,
	"long keys":                               `local s, t = ("x"):rep(1e6), {} t[s] = 1 while true do local x = t[s] end`,
	"long keys written":                       `local s, t = ("x"):rep(1e6), {} while true do t[s] = 1 end`,
	"long keys in literals":                   `local s = ("x"):rep(1e6) while true do local t = {[s] = 1} end`,
	"long keys of something that is no table": `local s = ("x"):rep(1e6) local n local t = {} for i = 1, 1e9 do t[i] = select(2, pcall(function() return n[s] end)) end`,
	"long error messages":                     `local s, t = ("x"):rep(1e6), {} for i = 1, 1e9 do t[i] = select(2, pcall(error, s)) end`,
	"a long number":                           `local s = ("1"):rep(1e6) while true do local n = s + 1 end`,
	"a long number in a call":                 `local s = ("1"):rep(1e6) while true do pcall(string.rep, "x", s) end`,
	"a long number for math":                  `local s = ("1"):rep(1e6) while true do pcall(math.floor, s) end`,
	"tonumber of a long string":               `local s = ("1"):rep(1e6) while true do tonumber(s) end`,
	"a pattern that backtracks":               `(("a"):rep(30)):match(("a*"):rep(30) .. "b")`,
	"a pattern that backtracks, lazily":       `(("a"):rep(2000)):match((".-"):rep(20) .. "b")`,
	"a pattern for each place":                `local s = ("a"):rep(1e6) while true do s:find("a-b") end`,
	"balance for each place":                  `local s = ("("):rep(1e6) s:find("%b()")`,
	"a back reference":                        `local s = ("a"):rep(1e5) s:find("(a*)%1b")`,
	"plain find":                              `local s = ("a"):rep(1e6) while true do s:find(("a"):rep(1000) .. "b", 1, true) end`,
	"a nested pattern":                        `("x"):match(("("):rep(1e5))`,
	"gmatch":                                  `local s = ("a"):rep(1e6) while true do for w in s:gmatch("a*") do end end`,
	"sort with a broken order":                `local t = {} for i = 1, 1000 do t[i] = i end while true do table.sort(t, function() return true end) end`,
	"sort with an order that loops":           `table.sort({1, 2, 3}, function() while true do end end)`,
	"sort with an order that clears":          `local t = {} for i = 1, 1000 do t[i] = i end while true do table.sort(t, function(a, b) table.remove(t) return a < b end) for i = 1, 1000 do t[i] = i end end`,
	"printing":                                `local s = ("x"):rep(1e6) while true do print(s) end`,
	"unpacking":                               `while true do pcall(unpack, {}, 1, 1e8) end`,
	"bytes":                                   `local s = ("x"):rep(1e6) while true do pcall(string.byte, s, 1, -1) end`,
	"quantities":                              `local kube = require("kube") while true do pcall(kube.resourceAdd, "1e-999999999") end`,
	"a pod with a quantity":                   `local kube = require("kube") while true do pcall(kube.accuratePodRequirements, {spec = {containers = {{name = "c", resources = {requests = {cpu = "1e-999999999"}}}}}}) end`,
	"pods":                                    `local kube = require("kube") local t = {spec = {containers = {}}} for i = 1, 500 do t.spec.containers[i] = {name = "c" .. i} end while true do kube.getPodDependencies(t, "x") end`,
	"own guards":                              `_G["(key)"] = function(k) return k end _G["(concat)"] = function() return "" end local s = "x" while true do s = s .. s end`,
}

// TestHostileScripts: every one ends, with its limits respected and memory bounded.
func TestHostileScripts(t *testing.T) {
	for name, source := range hostile {
		t.Run(name, func(t *testing.T) {
			before := heap()
			used, err := attempt(source)
			if err == nil {
				t.Error("it came back as if nothing were wrong")
			}
			if used.Bytes > testLimits.Bytes || used.Steps > testLimits.Steps {
				t.Errorf("it was given %d steps and %d bytes", used.Steps, used.Bytes)
			}
			grown := heap() - before
			if grown > 128<<20 {
				t.Errorf("it made the process ask for %d MiB", grown>>20)
			}
			t.Logf("%7d steps, %8d bytes charged, %4d MiB asked for: %v", used.Steps, used.Bytes, grown>>20, err)
		})
	}
}

// attempt runs the script, as a function and as the body of a script.
func attempt(source string) (used Usage, err error) {
	var s *Script
	if s, err = compileObserved(source, func(u Usage) { used = u }); err != nil {
		return used, err
	}
	if err = s.call("main", 0, nil, func(reader, []glua.LValue) error { return nil }); err == nil {
		return used, nil
	}
	if _, atOnce := Compile("body.lua", source, Limits{Steps: 20_000, Bytes: 1 << 20}); atOnce == nil {
		return used, errors.New("as the body of a script it came back")
	}
	return used, err
}

// heap is how much the process has asked for since it started.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestNoWayOut: what would let a script reach something outside is not there.
func TestNoWayOut(t *testing.T) {
	for _, source := range []string{
		`io.open("/etc/passwd")`, `os.execute("true")`, `os.time()`, `os.getenv("HOME")`, `debug.getinfo(1)`, `coroutine.create(print)`,
		`package.loaded.x = 1`, `channel.make()`, `load("return 1")`, `loadstring("return 1")`, `dofile("/etc/passwd")`, `loadfile("/etc/passwd")`,
		`require("os")`, `require("/etc/passwd")`, `setmetatable({}, {})`, `getmetatable("")`, `rawset({}, 1, 1)`, `rawget(_G, "x")`, `rawequal(1, 1)`,
		`setfenv(1, {})`, `getfenv(0)`, `collectgarbage()`, `newproxy(true)`, `module("x")`, `string.dump(print)`, `math.random()`, `math.randomseed(1)`,
		`string.rep = nil`, `string.evil = 1`, `table.insert(string, 1)`, `table.sort = print`, `math.pi = 3`, `("x").y = 1`, `os.time = print`,
		`_printregs()`, `require("kube").x = 1`,
	} {
		if _, err := printed(t, source); err == nil {
			t.Errorf("%s: came back as if nothing were wrong", source)
		} else if strings.Contains(err.Error(), "goroutine") || strings.Contains(err.Error(), ".go:") {
			t.Errorf("%s: shows the inside: %v", source, err)
		}
	}
}

// TestRunsShareNothing: a run finds nothing of the one before, even in the same machine.
func TestRunsShareNothing(t *testing.T) {
	s, err := Compile("state.lua", `
		seen = seen or 0
		local kept = 0
		function main()
			seen = seen + 1
			kept = kept + 1
			_G.x = (x or 0) + 1
			pairs, tostring = nil, nil
			return seen, kept, x
		end`, DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	for range 1 {
		err := s.call("main", 3, nil, func(_ reader, got []glua.LValue) error {
			for i, v := range got {
				if v.String() != "1" {
					t.Errorf("result %d is %s", i, v)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := printed(t, `print(seen, x, type(pairs), type(tostring))`); err != nil || got != "nil\tnil\tfunction\tfunction" {
			t.Errorf("another script sees %q, %v", got, err)
		}
	}
}

// TestHostileScriptsSlowNobody: others run on while one is cut off again and again. There is no lock
// between them, so they share processors and nothing else.
func TestHostileScriptsSlowNobody(t *testing.T) {
	work := func() time.Duration {
		began := time.Now()
		for range 200 {
			if _, err := printed(t, `local n = 0 for i = 1, 200 do n = n + i end print(n)`); err != nil {
				t.Error(err)
			}
		}
		return time.Since(began)
	}
	alone := min(work(), work(), work())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 2 {
			for _, name := range []string{"endless loop", "doubling a string", "a pattern that backtracks", "a giant table", "caught errors without end"} {
				if _, err := attempt(hostile[name]); err == nil {
					t.Errorf("%s: came back", name)
				}
			}
		}
	}()
	rounds, total := 0, time.Duration(0)
	for running := true; running; rounds++ {
		total += work()
		select {
		case <-ended:
			running = false
		default:
		}
	}
	beside := total / time.Duration(rounds)
	t.Logf("200 runs take %s alone, and %s (mean of %d) while hostile scripts are cut off beside them", alone, beside, rounds)
	if beside > 20*alone+time.Second {
		t.Errorf("200 runs take %s alone and %s beside hostile scripts", alone, beside)
	}
}
