package plugin

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Program is the compiled expressions of a plugin. It may be used by several decisions at a time.
type Program struct {
	filter, reason, score cel.Program
}

// Compile checks and compiles the expressions. Errors name the field, the line and column, and what to
// write instead.
func Compile(spec *trafficv1alpha1.CELPlugin, path *field.Path) (*Program, field.ErrorList) {
	var p Program
	var errs field.ErrorList
	for _, e := range []struct {
		name, text string
		want       []*cel.Type
		wanted     string
		to         *cel.Program
	}{
		{"filter", spec.Filter, []*cel.Type{cel.BoolType}, "true or false", &p.filter},
		{"reason", spec.Reason, []*cel.Type{cel.StringType}, "a string", &p.reason},
		{"score", spec.Score, []*cel.Type{cel.IntType, cel.UintType, cel.DoubleType}, "a number", &p.score},
	} {
		if e.text == "" {
			continue
		}
		program, err := compile(e.text, e.want, e.wanted)
		if err != nil {
			errs = append(errs, field.Invalid(path.Child(e.name), shorten(e.text), err.Error()))
			continue
		}
		*e.to = program
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return &p, nil
}

func compile(text string, want []*cel.Type, wanted string) (cel.Program, error) {
	if len(text) > maxExpression {
		return nil, fmt.Errorf("has %d characters; %d are allowed", len(text), maxExpression)
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("make the language: %w", err)
	}
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, problem(issues)
	}
	if n := loops(parsed.NativeRep()); n > maxLoops {
		return nil, fmt.Errorf("has %d loops (all, exists, exists_one, map, filter); %d are allowed", n, maxLoops)
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, problem(issues)
	}
	if id, why := forbidden(checked.NativeRep()); why != "" {
		at := checked.NativeRep().SourceInfo().GetStartLocation(id)
		return nil, fmt.Errorf("line %d, column %d: %s", at.Line(), at.Column()+1, why)
	}
	if !yields(checked.OutputType(), want) {
		return nil, fmt.Errorf("is of type %s; it must be %s", checked.OutputType(), wanted)
	}
	program, err := env.Program(checked, cel.CustomDecoratorV2(bound), cel.EvalOptions(cel.OptOptimize, cel.OptTrackCost), cel.CostLimit(clusterCost))
	if err != nil {
		return nil, fmt.Errorf("can not be planned: %w", err)
	}
	return program, nil
}

// yields says whether a type is one of those wanted. What comes out of an object is of any type, and is
// looked at when it is there.
func yields(got *cel.Type, want []*cel.Type) bool {
	if got.IsExactType(cel.DynType) {
		return true
	}
	for _, w := range want {
		if got.IsExactType(w) {
			return true
		}
	}
	return false
}

// problem is the first issue, with where it is and, for the usual mistakes, the fix.
func problem(issues *cel.Issues) error {
	list := issues.Errors()
	if len(list) == 0 {
		return issues.Err()
	}
	first := list[0]
	text := fmt.Sprintf("line %d, column %d: %s", max(1, first.Location.Line()), max(0, first.Location.Column())+1, oneLine(first.Message))
	if hint := hintFor(first); hint != "" {
		text += "; " + hint
	}
	if n := len(list) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return errors.New(text)
}

func hintFor(e *common.Error) string {
	switch {
	case strings.Contains(e.Message, "undeclared reference"):
		return "the variables are cluster, binding and metrics"
	case strings.Contains(e.Message, "no matching overload") && strings.Contains(e.Message, "double") && strings.Contains(e.Message, "int"):
		return "metrics are doubles: write numbers with a point, such as 100.0, or convert with double()"
	case strings.Contains(e.Message, "optional_type"):
		return "a value that may be missing needs .orValue(...)"
	}
	return ""
}

// Evaluate judges the clusters. An error is about the whole: the plugin has to be passed over. stop is
// asked before each cluster and ends the evaluation with ErrSlow.
func (p *Program) Evaluate(b *Binding, clusters []*Cluster, stop func() bool) (map[string]placement.Opinion, error) {
	out := make(map[string]placement.Opinion, len(clusters))
	run := run{vars: vars{binding: b}}
	var failed failures
	for _, c := range clusters {
		if stop() {
			return nil, ErrSlow
		}
		run.vars.cluster = c
		opinion, err := p.judge(&run)
		if errors.Is(err, ErrCostly) {
			return nil, err
		}
		if err != nil {
			failed.add(c.Name, err)
			continue
		}
		if opinion != (placement.Opinion{}) {
			out[c.Name] = opinion
		}
	}
	if failed.count > 0 {
		return nil, failed.error(len(clusters))
	}
	return out, nil
}

// ErrSlow: the time was up.
var ErrSlow = errors.New("no answer in time")

// ErrCostly: the expressions cost more than they may.
var ErrCostly = errors.New("costs too much")

// failures are the clusters for which an expression failed. The first by name is told, so that the text
// does not depend on the order of the clusters.
type failures struct {
	count int
	name  string
	err   error
}

func (f *failures) add(name string, err error) {
	f.count++
	if f.err == nil || name < f.name {
		f.name, f.err = name, err
	}
}

func (f *failures) error(of int) error {
	if f.count == 1 {
		return fmt.Errorf("cluster %s: %w", f.name, f.err)
	}
	return fmt.Errorf("%d of %d clusters, such as %s: %w", f.count, of, f.name, f.err)
}

func (p *Program) judge(r *run) (placement.Opinion, error) {
	if p.filter != nil {
		v, err := r.eval(p.filter)
		if err != nil {
			return placement.Opinion{}, fmt.Errorf("filter: %w", err)
		}
		pass, ok := v.(types.Bool)
		if !ok {
			return placement.Opinion{}, fmt.Errorf("filter: is of type %s; it must be true or false", v.Type().TypeName())
		}
		if !pass {
			reason, err := p.why(r)
			return placement.Opinion{Excluded: true, Reason: reason}, err
		}
	}
	if p.score == nil {
		return placement.Opinion{}, nil
	}
	v, err := r.eval(p.score)
	if err == nil {
		var points int64
		if points, err = score(v); err == nil {
			return placement.Opinion{Score: points}, nil
		}
	}
	return placement.Opinion{}, fmt.Errorf("score: %w", err)
}

// why is the reason of an excluded cluster. One that can not be told changes nothing about the decision,
// unless it costs too much.
func (p *Program) why(r *run) (string, error) {
	const plain = "does not pass the filter"
	if p.reason == nil {
		return plain, nil
	}
	v, err := r.eval(p.reason)
	if errors.Is(err, ErrCostly) {
		return "", fmt.Errorf("reason: %w", err)
	}
	text, ok := v.(types.String)
	if err != nil || !ok || text == "" {
		return plain, nil
	}
	return sentence(string(text)), nil
}

func score(v ref.Val) (int64, error) {
	switch n := v.(type) {
	case types.Int:
		return points(float64(n))
	case types.Uint:
		return points(float64(n))
	case types.Double:
		return points(float64(n))
	}
	return 0, fmt.Errorf("is of type %s; it must be a number", v.Type().TypeName())
}

// points cuts a score to what counts. Infinity is a large number; NaN is none.
func points(n float64) (int64, error) {
	if math.IsNaN(n) {
		return 0, errors.New("is not a number, as after 0.0 / 0.0")
	}
	return int64(math.Round(min(max(n, 0), maxScore))), nil
}

const maxScore = 100

// run is one evaluation over all clusters.
type run struct {
	vars vars
	cost uint64
}

func (r *run) eval(p cel.Program) (ref.Val, error) {
	v, details, err := p.Eval(&r.vars)
	if details != nil {
		if cost := details.ActualCost(); cost != nil {
			r.cost += *cost
		}
	}
	var cancelled interpreter.EvalCancelledError
	if r.cost > DecisionCost || errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded {
		return nil, fmt.Errorf("%w: %d for one cluster and %d for all are allowed; look into fewer lists", ErrCostly, clusterCost, DecisionCost)
	}
	if err != nil {
		return nil, explained(err)
	}
	return v, nil
}

// explained adds the fix to the mistake that everybody makes.
func explained(err error) error {
	text := oneLine(err.Error())
	if key, missing := strings.CutPrefix(text, "no such key: "); missing {
		return fmt.Errorf("no such key: %s; write [?%q].orValue(...) for what may be missing", key, key)
	}
	return errors.New(text)
}

// vars are what an expression sees.
type vars struct {
	cluster *Cluster
	binding *Binding
}

// ResolveName implements interpreter.Activation.
func (v *vars) ResolveName(name string) (any, bool) {
	switch name {
	case varCluster:
		return v.cluster.object, true
	case varMetrics:
		return v.cluster.metrics, true
	case varBinding:
		object, err := v.binding.object()
		if err != nil {
			return types.WrapErr(err), true
		}
		return object, true
	}
	return nil, false
}

// Parent implements interpreter.Activation.
func (*vars) Parent() interpreter.Activation { return nil }
