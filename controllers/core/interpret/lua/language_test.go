package lua

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	glua "github.com/yuin/gopher-lua"
)

// printed runs a script and returns what it prints.
func printed(t testing.TB, source string) (string, error) {
	t.Helper()
	var out []string
	s, err := compileObserved(source, func(used Usage) { out = used.Printed })
	if err != nil {
		return "", err
	}
	if err := s.call("main", 0, nil, func(reader, []glua.LValue) error { return nil }); err != nil {
		return strings.Join(out, "\n"), err
	}
	return strings.Join(out, "\n"), nil
}

func compileObserved(source string, observe func(Usage)) (*Script, error) {
	s, err := Compile("test.lua", "function main()\n"+source+"\nend", testLimits)
	if err != nil {
		return nil, err
	}
	return s.Observe(func(_ string, used Usage) { observe(used) }), nil
}

func TestLanguage(t *testing.T) {
	for name, test := range map[string]struct{ script, want string }{
		"strings are joined from the right, numbers with them": {`print("a" .. 1 .. "b" .. 2.5)`, "a1b2.5"},
		"and, of what is false, is that":                       {`local s, r, q = {}, 7, 8 r = s.x and 5 q, r = (s.x and 1), (false and 2) print(r, q) r = s.x or 3 print(r)`, "false\tnil\n3"},
		"and, in a loop":                                       {`local n = 1 for i = 1, 2 do n = i > 1 and nil end print(n)`, "nil"},
		"a long chain is joined":                               {`print(#(` + strings.Repeat(`"ab" .. `, 150) + `""))`, "300"},
		"a call in a chain gives one value":                    {`local function two() return "x", "y" end print("a" .. two()) print(two() .. "a")`, "ax\nxa"},
		"a call at the end of a list gives all":                {`local function two() return 1, 2 end print(two()) print((two())) print(two(), 3)`, "1\t2\n1\n1\t3"},
		"varargs are passed on":                                {`local function f(...) return select("#", ...), ... end print(f(1, nil, 3)) print((f(1, 2)))`, "3\t1\tnil\t3\n2"},
		"varargs fill tables":                                  {`local function f(...) local t = {0, ...} return #t, t[3] end print(f(7, 8))`, "3\t8"},
		"table literals of all sorts":                          {`local function two() return "c", "d" end local k = "key" local t = {"a", x = 1, [k] = 2, [10] = 3, "b", two()} print(t[1], t[2], t[3], t[4], t.x, t.key, t[10])`, "a\tb\tc\td\t1\t2\t3"},
		"the last call is not the last field":                  {`local function two() return 1, 2 end local t = {two(), [3] = "x"} print(t[1], t[2], t[3])`, "1\tnil\tx"},
		"several targets are assigned at once":                 {`local t = {1, 2} local i = 1 i, t[i] = 2, 20 print(i, t[1], t[2]) t[1], t[2] = t[2], t[1] print(t[1], t[2])`, "2\t20\t2\n2\t20"},
		"values are adjusted to targets":                       {`local t = {} local function two() return 1, 2 end t.a, t.b, t.c = 0, two() print(t.a, t.b, t.c) t.a, t.b = 5 print(t.a, t.b) t.a = two() print(t.a)`, "0\t1\t2\n5\tnil\n1"},
		"methods":                                              {`local o = {n = 1} function o:inc(by) self.n = self.n + by return self end function o.new() return 3 end print(o:inc(2):inc(3).n, o.new())`, "6\t3"},
		"nested function names":                                {`local a = {b = {}} function a.b.c(x) return x * 2 end function a.b:d(x) return self == a.b, x end print(a.b.c(4), a.b:d(5))`, "8\ttrue\t5"},
		"closures keep what they see":                          {`local fs = {} for i = 1, 3 do fs[i] = function() i = i + 1 return i end end print(fs[1](), fs[1](), fs[2]())`, "2\t3\t3"},
		"local functions see themselves":                       {`local function fac(n) if n == 0 then return 1 end return n * fac(n - 1) end print(fac(10)) local f = function(n) return n end print(f(2))`, "3628800\n2"},
		"comparisons":                                          {`local a, b, s, u = 1, 2, "a", "b" print(a < b, a > b, a <= b, a >= b, a == b, a ~= b, s < u, s >= u, s == "a", s ~= u)`, "true\tfalse\ttrue\tfalse\tfalse\ttrue\ttrue\tfalse\ttrue\ttrue"},
		"not a number is equal to nothing":                     {`local n = 0/0 local m = n print(n == m, n ~= m, n < m, n >= m)`, "false\ttrue\tfalse\tfalse"},
		"different types are not equal":                        {`local a, b = 1, "1" print(a == b, a ~= b, nil == false)`, "false\ttrue\tfalse"},
		"loops and goto":                                       {`for i = 1, 5 do if i % 2 == 0 then goto continue end print(i) ::continue:: end`, "1\n3\n5"},
		"repeat sees the locals of its body":                   {`local n = 0 repeat local done = n >= 2 n = n + 1 until done print(n)`, "3"},
		"while, break, step":                                   {`local i = 0 while true do i = i + 1 if i > 3 then break end end print(i) for j = 10, 1, -4 do print(j) end`, "4\n10\n6\n2"},
		"pairs walks in order of insertion":                    {`local t = {z = 1, a = 2} t.m = 3 t[1] = 0 for k, v in pairs(t) do print(k, v) end`, "1\t0\nz\t1\na\t2\nm\t3"},
		"ipairs stops at a hole":                               {`for i, v in ipairs({1, 2, nil, 4}) do print(i, v) end`, "1\t1\n2\t2"},
		"fields may be removed in a loop":                      {`local t = {} for i = 1, 5 do t["k" .. i] = i end for k in pairs(t) do t[k] = nil end print(next(t))`, "nil"},
		"lists":                                                {`local t = {} for i = 1, 4 do t[#t + 1] = i end table.insert(t, 5) table.insert(t, 1, 0) print(table.concat(t, ",")) print(table.remove(t), table.remove(t, 1), #t)`, "0,1,2,3,4,5\n5\t0\t4"},
		"a list with its end removed":                          {`local t = {1, 2, 3} t[3] = nil print(#t) t[#t + 1] = 9 print(#t, t[3])`, "2\n3\t9"},
		"sort":                                                 {`local t = {3, 1, 2} table.sort(t) print(unpack(t)) table.sort(t, function(a, b) return a > b end) print(unpack(t))`, "1\t2\t3\n3\t2\t1"},
		"numbers in strings are reckoned with":                 {`print("10" + 5, "3" * "4", -"2", 2 ^ 3, 7 % 3, -7 % 3, "7" % 3, 1e3, 0x10 + 0)`, "15\t12\t-2\t8\t1\t2\t1\t1000\t16"},
		"tonumber and tostring":                                {`print(tonumber("12"), tonumber(" 1e2 "), tonumber("0x1f"), tonumber("ff", 16), tonumber("12x"), tonumber("inf"), tonumber(""), tonumber({}), tostring(nil), tostring(1.5), tostring({}), tostring(print))`, "12\t100\t31\t255\tnil\tnil\tnil\tnil\tnil\t1.5\ttable\tfunction"},
		"string functions":                                     {`print(("ab"):upper(), ("AB"):lower(), ("abc"):reverse(), ("abc"):sub(2), ("abc"):sub(-2, -2), ("ab"):rep(3), #"abc", ("abc"):len(), ("a"):byte(), string.char(72, 105))`, "AB\tab\tcba\tbc\tb\tababab\t3\t3\t97\tHi"},
		"sub is forgiving":                                     {`print("[" .. ("abc"):sub(0) .. "]", "[" .. ("abc"):sub(5) .. "]", "[" .. ("abc"):sub(-10, 2) .. "]", "[" .. ("abc"):sub(3, 2) .. "]")`, "[abc]\t[]\t[ab]\t[]"},
		"find and match":                                       {`print(("hello world"):find("o w")) print(("a.b"):find(".", 1, true)) print(("key = value"):match("^(%w+)%s*=%s*(%w+)$")) print(("x"):match("y")) print(("abc"):find("b", -1))`, "5\t7\n2\t2\nkey\tvalue\nnil\nnil"},
		"patterns":                                             {`print(("a(b(c)d)e"):match("%b()"), ("THE (quick) fox"):find("%((%a+)%)"), ("2024-01-02"):match("(%d+)-(%d+)-(%d+)")) print(("aXb"):match("()X()")) print(("THE (quick) fox"):gsub("%f[%a]%a+", "w")) print(("abab"):match("(ab)%1"), ("[]]"):match("[]]+"), ("a-z"):match("[a%-z]+"), ("<<x>>"):match("<(.-)>"))`, "(b(c)d)\t5\t2024\t01\t02\n2\t3\nw (w) w\t3\nab\t]]\ta-z\t<x"},
		"gsub":                                                 {`print(("hello"):gsub("l", "L")) print(("abc"):gsub("%w", "%0%0", 2)) print(("$x $y"):gsub("%$(%w+)", {x = "1"})) print(("a b"):gsub("%w", function(c) return c:upper() end)) print(("abc"):gsub("", "-")) print(("ab"):gsub("^a", "x"))`, "heLLo\t2\naabbc\t2\n1 $y\t2\nA B\t2\n-a-b-c-\t4\nxb\t1"},
		"gmatch":                                               {`for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do print(k, v) end for w in ("x y"):gmatch("%a") do print(w) end`, "a\t1\nb\t2\nx\ny"},
		"format":                                               {`print(string.format("%5d|%-5s|%05.1f|%x|%q|%s|%%|%c|%i", 42, "ab", 3.14159, 255, 'a"b', {}, 65, 7.9))`, `   42|ab   |003.1|ff|"a\"b"|table|%|A|7`},
		"pcall and error":                                      {`print(pcall(function() error("no", 0) end)) print(pcall(error, {1})) print(pcall(function() return 1, 2 end)) print(select(2, pcall(function() local x = nil; return x.y end)))`, "false\tno\nfalse\ttable\ntrue\t1\t2\ntest.lua:2: attempt to index a non-table object(nil) with key 'y'"},
		"xpcall":                                               {`print(xpcall(function() error("no", 0) end, function(e) return "caught " .. e end)) print(xpcall(function() return 5 end, print))`, "false\tcaught no\ntrue\t5"},
		"assert":                                               {`print(assert(1, 2)) print(pcall(assert, false, "why")) print(pcall(assert, nil))`, "1\t2\nfalse\ttest.lua:2: why\nfalse\ttest.lua:2: assertion failed!"},
		"math":                                                 {`print(math.max(1, 5, 3), math.floor(2.7), math.ceil(2.1), math.huge > 1, math.abs(-2))`, "5\t2\t3\ttrue\t2"},
		"globals":                                              {`x = 5 print(_G.x, _G["x"], _G == _G._G) _G.y = 6 print(y)`, "5\t5\ttrue\n6"},
		"select":                                               {`print(select(2, "a", "b", "c")) print(select(-1, "a", "b")) print(select("#"))`, "b\tc\nb\n0"},
		"resources":                                            {`local kube = require("kube") print(kube.resourceAdd("100m", "1", nil), kube.getResourceQuantity("1500m"), kube.resourceAdd("1Gi", "512Mi"))`, "1100m\t1.5\t1536Mi"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := printed(t, test.script)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
