package lua

import (
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// maxCaptures is how many captures a pattern has at most, as in Lua 5.1.
const maxCaptures = 32

// lengths of captures that are not spans
const (
	captureOpen     = -1
	capturePosition = -2
)

// matcher looks for a pattern in a subject by backtracking, as the manual of Lua 5.1 describes it
// (section 5.4.1). It pays for each comparison, so a pattern that backtracks without end is cut off.
type matcher struct {
	m        *machine
	l        *glua.LState
	subject  string
	pattern  string
	captures []capture
	nested   int
	work     int
}

type capture struct{ start, length int }

func (x *matcher) step() {
	if x.work++; x.work%4 == 0 {
		x.m.charge(x.l, 1, 0)
	}
}

func (x *matcher) fail(format string, args ...any) {
	x.l.RaiseError("malformed pattern: "+format, args...)
}

// find returns the first match at or after start. anchored says that it has to be there.
func (x *matcher) find(start int, anchored bool) (from, to int, ok bool) {
	for from = start; from <= len(x.subject); from++ {
		x.captures, x.nested = x.captures[:0], 0
		if to, ok = x.match(from, 0); ok || anchored {
			return from, to, ok
		}
	}
	return 0, 0, false
}

// match matches the pattern from p on with the subject from s on, and returns where the match ends.
func (x *matcher) match(s, p int) (end int, ok bool) {
	if x.nested++; x.nested > maxCalls {
		x.fail("too complex")
	}
	defer func() { x.nested-- }()
	for p < len(x.pattern) {
		x.step()
		switch c := x.pattern[p]; {
		case c == '(':
			return x.open(s, p)
		case c == ')':
			return x.close(s, p+1)
		case c == '$' && p+1 == len(x.pattern):
			return s, s == len(x.subject)
		case c == '%' && p+1 < len(x.pattern) && x.pattern[p+1] == 'b':
			if s, ok = x.balance(s, p+2); !ok {
				return 0, false
			}
			p += 4
			continue
		case c == '%' && p+1 < len(x.pattern) && x.pattern[p+1] == 'f':
			next := x.frontier(p + 2)
			if !x.atFrontier(s, p+2, next) {
				return 0, false
			}
			p = next
			continue
		case c == '%' && p+1 < len(x.pattern) && isDigit(x.pattern[p+1]):
			if s, ok = x.again(s, p+1); !ok {
				return 0, false
			}
			p += 2
			continue
		}
		next := x.classEnd(p)
		repeat := byte(0)
		if next < len(x.pattern) {
			repeat = x.pattern[next]
		}
		switch repeat {
		case '?':
			if x.matches(s, p, next) {
				if end, ok := x.match(s+1, next+1); ok {
					return end, true
				}
			}
			p = next + 1
		case '*':
			return x.most(s, p, next)
		case '+':
			if !x.matches(s, p, next) {
				return 0, false
			}
			return x.most(s+1, p, next)
		case '-':
			return x.least(s, p, next)
		default:
			if !x.matches(s, p, next) {
				return 0, false
			}
			s, p = s+1, next
		}
	}
	return s, true
}

// most takes as many characters of a class as there are, and gives back one after the other.
func (x *matcher) most(s, p, next int) (end int, ok bool) {
	n := 0
	for x.matches(s+n, p, next) {
		n++
	}
	for ; n >= 0; n-- {
		if end, ok := x.match(s+n, next+1); ok {
			return end, true
		}
	}
	return 0, false
}

func (x *matcher) least(s, p, next int) (end int, ok bool) {
	for {
		if end, ok := x.match(s, next+1); ok {
			return end, true
		}
		if !x.matches(s, p, next) {
			return 0, false
		}
		s++
	}
}

func (x *matcher) open(s, p int) (end int, ok bool) {
	if len(x.captures) == maxCaptures {
		x.fail("too many captures")
	}
	length, next := captureOpen, p+1
	if next < len(x.pattern) && x.pattern[next] == ')' {
		length, next = capturePosition, next+1
	}
	n := len(x.captures)
	x.captures = append(x.captures, capture{s, length})
	if end, ok = x.match(s, next); !ok {
		x.captures = x.captures[:n]
	}
	return end, ok
}

func (x *matcher) close(s, next int) (end int, ok bool) {
	i := len(x.captures) - 1
	for i >= 0 && x.captures[i].length != captureOpen {
		i--
	}
	if i < 0 {
		x.fail("unexpected ')'")
	}
	x.captures[i].length = s - x.captures[i].start
	if end, ok = x.match(s, next); !ok {
		x.captures[i].length = captureOpen
	}
	return end, ok
}

func (x *matcher) balance(s, p int) (end int, ok bool) {
	if p+1 >= len(x.pattern) {
		x.fail("missing arguments to '%%b'")
	}
	if s >= len(x.subject) || x.subject[s] != x.pattern[p] {
		return 0, false
	}
	depth := 1
	for i := s + 1; i < len(x.subject); i++ {
		x.step()
		switch x.subject[i] {
		case x.pattern[p+1]:
			if depth--; depth == 0 {
				return i + 1, true
			}
		case x.pattern[p]:
			depth++
		}
	}
	return 0, false
}

func (x *matcher) frontier(p int) (next int) {
	if p >= len(x.pattern) || x.pattern[p] != '[' {
		x.fail("missing '[' after '%%f'")
	}
	return x.classEnd(p)
}

func (x *matcher) atFrontier(s, p, next int) bool {
	at := func(i int) byte {
		if i < 0 || i >= len(x.subject) {
			return 0
		}
		return x.subject[i]
	}
	return !x.inSet(at(s-1), p, next-1) && x.inSet(at(s), p, next-1)
}

// again matches what an earlier capture has matched.
func (x *matcher) again(s, p int) (end int, ok bool) {
	i := int(x.pattern[p]) - '1'
	if i < 0 || i >= len(x.captures) || x.captures[i].length == captureOpen {
		x.fail("invalid capture index")
	}
	was := x.captured(i)
	x.m.charge(x.l, len(was)/bytesPerStep, 0)
	if strings.HasPrefix(x.subject[s:], was) {
		return s + len(was), true
	}
	return 0, false
}

func (x *matcher) captured(i int) string {
	c := x.captures[i]
	if c.length < 0 {
		return ""
	}
	return x.subject[c.start : c.start+c.length]
}

// classEnd returns where the item that begins at p ends.
func (x *matcher) classEnd(p int) int {
	c := x.pattern[p]
	p++
	switch c {
	case '%':
		if p >= len(x.pattern) {
			x.fail("ends with '%%'")
		}
		return p + 1
	case '[':
		if p < len(x.pattern) && x.pattern[p] == '^' {
			p++
		}
		for first := true; ; first = false {
			if p >= len(x.pattern) {
				x.fail("missing ']'")
			}
			c := x.pattern[p]
			if c == ']' && !first {
				return p + 1
			}
			p++
			if c == '%' {
				p++
			}
		}
	}
	return p
}

func (x *matcher) matches(s, p, next int) bool {
	x.step()
	if s >= len(x.subject) {
		return false
	}
	c := x.subject[s]
	switch x.pattern[p] {
	case '.':
		return true
	case '%':
		return inClass(c, x.pattern[p+1])
	case '[':
		return x.inSet(c, p, next-1)
	}
	return x.pattern[p] == c
}

// inSet says whether c is in the set from its '[' at p to its ']' at end.
func (x *matcher) inSet(c byte, p, end int) bool {
	x.m.charge(x.l, (end-p)/16, 0)
	in := true
	p++
	if x.pattern[p] == '^' {
		in = false
		p++
	}
	for ; p < end; p++ {
		switch {
		case x.pattern[p] == '%':
			p++
			if inClass(c, x.pattern[p]) {
				return in
			}
		case p+2 < end && x.pattern[p+1] == '-':
			if x.pattern[p] <= c && c <= x.pattern[p+2] {
				return in
			}
			p += 2
		case x.pattern[p] == c:
			return in
		}
	}
	return !in
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func inClass(c, class byte) bool {
	lower, upper, digit := 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', isDigit(c)
	var in bool
	switch class | 0x20 {
	case 'a':
		in = lower || upper
	case 'c':
		in = c < ' ' || c == 0x7f
	case 'd':
		in = digit
	case 'l':
		in = lower
	case 'p':
		in = c > ' ' && c < 0x7f && !lower && !upper && !digit
	case 's':
		in = c == ' ' || '\t' <= c && c <= '\r'
	case 'u':
		in = upper
	case 'w':
		in = lower || upper || digit
	case 'x':
		in = digit || 'a' <= c|0x20 && c|0x20 <= 'f'
	case 'z':
		in = c == 0
	default:
		return class == c
	}
	if 'A' <= class && class <= 'Z' {
		return !in
	}
	return in
}
