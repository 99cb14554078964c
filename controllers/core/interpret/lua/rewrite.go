package lua

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// guards are the functions that stand for what the machine would do unmetered. Their names can not be
// written in a script, and they are local to the function around it, so a script can neither call nor
// replace them.
const (
	guardConcat   = "(concat)"
	guardNew      = "(new)"
	guardTable    = "(table)"
	guardAppend   = "(append)"
	guardSet      = "(set)"
	guardKey      = "(key)"
	guardLen      = "(len)"
	guardEqual    = "(eq)"
	guardLess     = "(lt)"
	guardMore     = "(gt)"
	guardLessEq   = "(le)"
	guardMoreEq   = "(ge)"
	guardFunction = "(function)"
	guardSpread   = "(spread)"
)

var guardNames = []string{
	guardConcat, guardNew, guardTable, guardAppend, guardSet, guardKey, guardLen,
	guardEqual, guardLess, guardMore, guardLessEq, guardMoreEq, guardFunction, guardSpread,
}

// mostArguments is how many values are given to a guard at once; the machine has few registers.
const mostArguments = 40

// metered returns a chunk that, called with the guards, returns the script as a function in which
// everything that costs more than an instruction goes through a guard.
func metered(script []ast.Stmt) (chunk []ast.Stmt, err error) {
	defer func() {
		if fault, ok := recover().(tooDeep); ok {
			err = fmt.Errorf("line %d: nested more than %d deep", fault.line, maxNesting)
		}
	}()
	r := &rewriter{}
	whole := &ast.FunctionExpr{ParList: &ast.ParList{HasVargs: true}, Stmts: script}
	whole.SetLine(1)
	whole.SetLastLine(1)
	if len(script) > 0 {
		whole.SetLastLine(max(1, script[len(script)-1].LastLine()))
	}
	r.function(whole)
	take := &ast.LocalAssignStmt{Names: guardNames, Exprs: []ast.Expr{placed(&ast.Comma3Expr{}, whole)}}
	give := &ast.ReturnStmt{Exprs: []ast.Expr{whole}}
	return []ast.Stmt{placed(take, whole), placed(give, whole)}, nil
}

// rewriter walks a syntax tree and replaces nodes.
type rewriter struct{ depth int }

type tooDeep struct{ line int }

func (r *rewriter) enter(node ast.PositionHolder) {
	if r.depth++; r.depth > maxNesting {
		panic(tooDeep{node.Line()})
	}
}

func (r *rewriter) leave() { r.depth-- }

func placed[N ast.PositionHolder](node N, like ast.PositionHolder) N {
	node.SetLine(like.Line())
	node.SetLastLine(max(like.Line(), like.LastLine()))
	return node
}

// guard is a call of a guard that yields one value.
func guard(name string, like ast.PositionHolder, args ...ast.Expr) *ast.FuncCallExpr {
	return placed(&ast.FuncCallExpr{Func: placed(&ast.IdentExpr{Value: name}, like), Args: args, AdjustRet: true}, like)
}

func guardStmt(name string, like ast.PositionHolder, args ...ast.Expr) ast.Stmt {
	return placed(&ast.FuncCallStmt{Expr: guard(name, like, args...)}, like)
}

// single keeps an expression from yielding more than one value.
func single(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	return e
}

// many says whether an expression at the end of a list yields as many values as it has.
func many(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}

func (r *rewriter) block(stmts []ast.Stmt) []ast.Stmt {
	out := make([]ast.Stmt, 0, len(stmts))
	for _, s := range stmts {
		out = r.stmt(out, s)
	}
	return out
}

// stmt appends what stands for a statement.
func (r *rewriter) stmt(out []ast.Stmt, s ast.Stmt) []ast.Stmt {
	r.enter(s)
	defer r.leave()
	switch s := s.(type) {
	case *ast.AssignStmt:
		return r.assign(out, s, r.exprs(s.Lhs), r.exprs(s.Rhs))
	case *ast.FuncDefStmt:
		return r.define(out, s)
	case *ast.LocalAssignStmt:
		if f, ok := only(s.Exprs).(*ast.FunctionExpr); ok && len(s.Names) == 1 {
			// the compiler lets such a function see itself; it has to stay as it is
			r.function(f)
			return append(out, guardStmt(guardFunction, s), s)
		}
		s.Exprs = r.exprs(s.Exprs)
	case *ast.FuncCallStmt:
		s.Expr = r.expr(s.Expr)
	case *ast.DoBlockStmt:
		s.Stmts = r.block(s.Stmts)
	case *ast.WhileStmt:
		s.Condition, s.Stmts = r.expr(s.Condition), r.block(s.Stmts)
	case *ast.RepeatStmt:
		s.Condition, s.Stmts = r.expr(s.Condition), r.block(s.Stmts)
	case *ast.IfStmt:
		s.Condition, s.Then, s.Else = r.expr(s.Condition), r.block(s.Then), r.block(s.Else)
	case *ast.NumberForStmt:
		s.Init, s.Limit = r.expr(s.Init), r.expr(s.Limit)
		if s.Step != nil {
			s.Step = r.expr(s.Step)
		}
		s.Stmts = r.block(s.Stmts)
	case *ast.GenericForStmt:
		s.Exprs, s.Stmts = r.exprs(s.Exprs), r.block(s.Stmts)
	case *ast.ReturnStmt:
		s.Exprs = r.list(s.Exprs)
	}
	return append(out, s)
}

func only(list []ast.Expr) ast.Expr {
	if len(list) == 1 {
		return list[0]
	}
	return nil
}

// assign sends writes into tables through a guard. Targets and values have been rewritten. With
// several targets all of them are evaluated, then all values, then they are assigned.
//
// The value of `a and b` goes through a local of its own: the compiler has it leave a local that is there
// already as it was when a is false.
func (r *rewriter) assign(out []ast.Stmt, s *ast.AssignStmt, targets, values []ast.Expr) []ast.Stmt {
	fields := 0
	for _, target := range targets {
		if _, ok := target.(*ast.AttrGetExpr); ok {
			fields++
		}
	}
	if fields == 0 && !slices.ContainsFunc(values, logical) {
		s.Lhs, s.Rhs = targets, values
		return append(out, s)
	}
	if field, ok := only(targets).(*ast.AttrGetExpr); ok && len(values) == 1 {
		return append(out, guardStmt(guardSet, s, field.Object, field.Key, single(values[0])))
	}
	var block, writes []ast.Stmt
	var names []string
	local := func(kind string, i int) *ast.IdentExpr {
		return placed(&ast.IdentExpr{Value: "(" + kind + strconv.Itoa(i) + ")"}, s)
	}
	for i, target := range targets {
		value := local("value", i)
		names = append(names, value.Value)
		field, ok := target.(*ast.AttrGetExpr)
		if !ok {
			writes = append(writes, placed(&ast.AssignStmt{Lhs: []ast.Expr{target}, Rhs: []ast.Expr{value}}, s))
			continue
		}
		object, key := local("object", i), local("key", i)
		block = append(block, placed(&ast.LocalAssignStmt{Names: []string{object.Value, key.Value}, Exprs: []ast.Expr{single(field.Object), single(field.Key)}}, s))
		writes = append(writes, guardStmt(guardSet, s, object, key, value))
	}
	block = append(block, placed(&ast.LocalAssignStmt{Names: names, Exprs: values}, s))
	return append(out, placed(&ast.DoBlockStmt{Stmts: append(block, writes...)}, s))
}

func logical(e ast.Expr) bool {
	_, ok := e.(*ast.LogicalOpExpr)
	return ok
}

// define makes an assignment of `function a.b:c() end`.
func (r *rewriter) define(out []ast.Stmt, s *ast.FuncDefStmt) []ast.Stmt {
	target := s.Name.Func
	if target == nil {
		s.Func.ParList.Names = append([]string{"self"}, s.Func.ParList.Names...)
		target = placed(&ast.AttrGetExpr{Object: s.Name.Receiver, Key: placed(&ast.StringExpr{Value: s.Name.Method}, s)}, s)
	}
	assignment := placed(&ast.AssignStmt{}, s)
	return r.assign(out, assignment, []ast.Expr{r.expr(target)}, []ast.Expr{r.expr(s.Func)})
}

// function rewrites a body. A function with varargs pays for them when it is called; saying `...` also
// keeps the compiler from making a table of them.
func (r *rewriter) function(f *ast.FunctionExpr) {
	f.Stmts = r.block(f.Stmts)
	if f.ParList.HasVargs {
		f.Stmts = append([]ast.Stmt{guardStmt(guardSpread, f, placed(&ast.Comma3Expr{}, f))}, f.Stmts...)
	}
}

// exprs rewrites a list of which as many values are taken as there are targets.
func (r *rewriter) exprs(list []ast.Expr) []ast.Expr {
	for i := range list {
		list[i] = r.expr(list[i])
	}
	return list
}

// list rewrites a list of which all values are taken.
func (r *rewriter) list(list []ast.Expr) []ast.Expr {
	list = r.exprs(list)
	if len(list) == 0 {
		return list
	}
	last := &list[len(list)-1]
	if rest, ok := (*last).(*ast.Comma3Expr); ok && !rest.AdjustRet {
		spread := guard(guardSpread, rest, rest)
		spread.AdjustRet = false
		*last = spread
	}
	return list
}

func (r *rewriter) expr(e ast.Expr) ast.Expr {
	r.enter(e)
	defer r.leave()
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		e.Object, e.Key = single(r.expr(e.Object)), r.key(e.Key)
	case *ast.TableExpr:
		return r.table(e)
	case *ast.FuncCallExpr:
		if e.Func != nil {
			e.Func = r.expr(e.Func)
		}
		if e.Receiver != nil {
			e.Receiver = r.expr(e.Receiver)
		}
		e.Args = r.list(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = r.expr(e.Lhs), r.expr(e.Rhs)
	case *ast.RelationalOpExpr:
		return r.compare(e)
	case *ast.StringConcatOpExpr:
		return r.concat(e)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = r.expr(e.Lhs), r.expr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = r.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = r.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		return guard(guardLen, e, single(r.expr(e.Expr)))
	case *ast.FunctionExpr:
		r.function(e)
		return guard(guardFunction, e, e)
	}
	return e
}

// key lets a guard see a key that may be a long string: to hash it is more than an instruction.
func (r *rewriter) key(key ast.Expr) ast.Expr {
	switch key.(type) {
	case *ast.StringExpr, *ast.NumberExpr:
		return key
	case *ast.ArithmeticOpExpr, *ast.UnaryLenOpExpr:
		return r.expr(key) // a number
	}
	return guard(guardKey, key, single(r.expr(key)))
}

// compare keeps comparisons with a constant as they are: they end at once.
func (r *rewriter) compare(e *ast.RelationalOpExpr) ast.Expr {
	short := cheap(e.Lhs) || cheap(e.Rhs)
	e.Lhs, e.Rhs = r.expr(e.Lhs), r.expr(e.Rhs)
	if short {
		return e
	}
	name := map[string]string{"==": guardEqual, "~=": guardEqual, "<": guardLess, ">": guardMore, "<=": guardLessEq, ">=": guardMoreEq}[e.Operator]
	call := guard(name, e, single(e.Lhs), single(e.Rhs))
	if e.Operator == "~=" {
		return placed(&ast.UnaryNotOpExpr{Expr: call}, e)
	}
	return call
}

func cheap(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.NumberExpr, *ast.NilExpr, *ast.TrueExpr, *ast.FalseExpr:
		return true
	case *ast.StringExpr:
		return len(e.Value) <= 256
	}
	return false
}

// concat joins the parts of `a .. b .. c` at once.
func (r *rewriter) concat(e *ast.StringConcatOpExpr) ast.Expr {
	var parts []ast.Expr
	var rest ast.Expr = e
	for {
		join, ok := rest.(*ast.StringConcatOpExpr)
		if !ok {
			parts = append(parts, single(r.expr(rest)))
			break
		}
		parts = append(parts, single(r.expr(join.Lhs)))
		rest = join.Rhs
	}
	for len(parts) > mostArguments {
		cut := len(parts) - mostArguments
		parts = append(parts[:cut:cut], guard(guardConcat, e, parts[cut:]...))
	}
	return guard(guardConcat, e, parts...)
}

// table makes fields with constant names and the list in place; a guard adds the fields with other keys
// and the last values of a list when nobody knows how many there are.
func (r *rewriter) table(e *ast.TableExpr) ast.Expr {
	if len(e.Fields) == 0 {
		return guard(guardNew, e)
	}
	var open ast.Expr
	var keyed []ast.Expr
	fields, listed := e.Fields[:0:0], 0
	for i, field := range e.Fields {
		switch _, constant := field.Key.(*ast.StringExpr); {
		case field.Key == nil && i == len(e.Fields)-1 && many(field.Value):
			open = r.list([]ast.Expr{field.Value})[0]
		case field.Key == nil:
			listed++
			fields = append(fields, &ast.Field{Value: single(r.expr(field.Value))})
		case constant:
			fields = append(fields, &ast.Field{Key: field.Key, Value: single(r.expr(field.Value))})
		default:
			keyed = append(keyed, single(r.expr(field.Key)), single(r.expr(field.Value)))
		}
	}
	count := func(n int) ast.Expr { return placed(&ast.NumberExpr{Value: strconv.Itoa(n)}, e) }
	var out ast.Expr
	if len(fields) == 0 {
		out = guard(guardNew, e)
	} else {
		out = guard(guardTable, e, placed(&ast.TableExpr{Fields: fields}, e), count(len(fields)))
	}
	for ; len(keyed) > 0; keyed = keyed[min(len(keyed), mostArguments):] {
		out = guard(guardSet, e, append([]ast.Expr{out}, keyed[:min(len(keyed), mostArguments)]...)...)
	}
	if open != nil {
		out = guard(guardAppend, e, out, count(listed), open)
	}
	return out
}
