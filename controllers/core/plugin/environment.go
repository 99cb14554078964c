package plugin

import (
	"fmt"
	"regexp/syntax"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
	"k8s.io/apimachinery/pkg/api/resource"
)

// The variables of an expression.
const (
	varCluster = "cluster"
	varBinding = "binding"
	varMetrics = "metrics"
)

// maxExpression bounds the text of an expression, as the schema does.
const maxExpression = 4096

// maxLoops bounds the loops of an expression: the types of a long chain of them take seconds to check.
const maxLoops = 16

// maxPattern bounds the program of a regular expression. The time of a match is its product with the
// length of the text.
const maxPattern = 2000

// environment is the language of the expressions: CEL with optional values, the math extension, the
// string functions whose result is not larger than their argument, and quantity().
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewCustomEnv(
		cel.StdLib(),
		cel.Variable(varCluster, cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable(varBinding, cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable(varMetrics, cel.MapType(cel.StringType, cel.DoubleType)),
		// Version 0 has m[?key] and orValue; its macro optMap repeats its target, so that a short
		// expression could become an endless one. It is cleared, and so are the standard macros with it.
		cel.OptionalTypes(cel.OptionalTypesVersion(0)),
		cel.ClearMacros(),
		cel.Macros(cel.StandardMacros...),
		ext.Strings(ext.StringsVersion(5)),
		ext.Math(ext.MathVersion(2)),
		cel.Function("quantity", cel.Overload("quantity_string", []*cel.Type{cel.StringType}, cel.DoubleType, cel.UnaryBinding(quantity))),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.EagerlyValidateDeclarations(true),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(64),
		cel.ParserErrorRecoveryLimit(4),
	)
})

// quantity reads a quantity of Kubernetes, such as "4Gi" or "500m", as a number of its base unit.
func quantity(text ref.Val) ref.Val {
	q, err := resource.ParseQuantity(string(text.(types.String)))
	if err != nil {
		return types.NewErr("%q is not a quantity, such as 4Gi or 500m", string(text.(types.String)))
	}
	return types.Double(q.AsApproximateFloat64())
}

// dangerous are functions that an expression of a few lines can make run for hours or fill the memory
// with, before their cost is known.
var dangerous = map[string]string{
	"replace": "the result could be of any size", "join": "the result could be of any size", "format": "the result could be of any size",
	"indexOf": "use contains, startsWith, endsWith or matches", "lastIndexOf": "use contains, startsWith, endsWith or matches",
}

// forbidden finds what is well typed and not allowed all the same: where it is, and what to do about
// it.
func forbidden(checked *ast.AST) (id int64, why string) {
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if why != "" {
			return
		}
		switch e.Kind() {
		case ast.StructKind:
			id, why = e.ID(), fmt.Sprintf("messages such as %s can not be made here; use a map", e.AsStruct().TypeName())
		case ast.CallKind:
			call := e.AsCall()
			if reason, bad := dangerous[call.FunctionName()]; bad {
				id, why = e.ID(), fmt.Sprintf("%s() is not available: %s", call.FunctionName(), reason)
			}
			if args := call.Args(); call.FunctionName() == "matches" && len(args) > 0 {
				id, why = e.ID(), badPattern(args[len(args)-1])
			}
		}
	}))
	return id, why
}

// badPattern says what is wrong with the pattern of matches(); "" when nothing is.
func badPattern(e ast.Expr) string {
	if e.Kind() != ast.LiteralKind {
		return "the pattern of matches() must be a literal string, so that it is compiled once"
	}
	text, _ := e.AsLiteral().Value().(string)
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return err.Error()
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return err.Error()
	}
	if n := len(program.Inst); n > maxPattern {
		return fmt.Sprintf("the pattern of matches() becomes a program of %d steps; %d are allowed: repeat less", n, maxPattern)
	}
	return ""
}

// loops counts the loops of an expression.
func loops(parsed *ast.AST) (n int) {
	ast.PreOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			n++
		}
	}))
	return n
}
