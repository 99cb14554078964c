package plugin

import (
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

const (
	// clusterCost is what one expression may cost for one cluster, in the units of CEL. A comparison
	// of two labels costs about 5; a thousand units take about a tenth of a millisecond.
	clusterCost = 10_000
	// DecisionCost is what a plugin's expressions may cost for all clusters of a decision.
	DecisionCost = 1_000_000
	// maxLength bounds a list or text that is put together with +.
	maxLength = 4096
	// maxCompared bounds the values inside two lists or maps that are compared.
	maxCompared = 1000
)

// bound closes the gaps of CEL's cost: the cost of a step is known when it is done, and lists that
// share their parts are small and take for ever to compare. So what + makes is limited in length, and
// what is compared in size.
func bound(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok {
		return i, nil
	}
	replace := func(impl func(args ...ref.Val) ref.Val) (interpreter.InterpretableV2, error) {
		return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), impl), nil
	}
	switch call.Function() {
	case operators.Add:
		return short{call}, nil
	case operators.Equals:
		return replace(equal)
	case operators.NotEquals:
		return replace(func(args ...ref.Val) ref.Val {
			if same := equal(args...); same == types.True || same == types.False {
				return same.(types.Bool).Negate()
			} else {
				return same
			}
		})
	case operators.In:
		return replace(in)
	}
	return i, nil
}

// short is an addition whose result must not be long.
type short struct{ interpreter.InterpretableCall }

// Exec implements interpreter.InterpretableV2.
func (s short) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return limited(s.InterpretableCall.Exec(frame))
}

// Eval implements interpreter.Interpretable.
func (s short) Eval(vars interpreter.Activation) ref.Val {
	return limited(s.InterpretableCall.Eval(vars))
}

func limited(v ref.Val) ref.Val {
	if sized, ok := v.(traits.Sizer); ok {
		if n, ok := sized.Size().(types.Int); !ok || n > maxLength {
			return types.NewErr("a sum of texts or lists has more than %d parts", maxLength)
		}
	}
	return v
}

func equal(args ...ref.Val) ref.Val {
	if !comparable(args[0], args[1]) {
		return tooLarge()
	}
	return types.Equal(args[0], args[1])
}

func in(args ...ref.Val) ref.Val {
	container, ok := args[1].(traits.Container)
	if !ok {
		return types.MaybeNoSuchOverloadErr(args[1])
	}
	if _, keys := args[1].(traits.Mapper); !keys && !comparable(args[0], args[1]) {
		return tooLarge()
	}
	return container.Contains(args[0])
}

func tooLarge() ref.Val {
	return types.NewErr("values with more than %d parts can not be compared", maxCompared)
}

// comparable says whether two values are small enough.
func comparable(a, b ref.Val) bool {
	left := maxCompared
	weigh(a, &left)
	weigh(b, &left)
	return left > 0
}

// weigh takes the parts of a value from what is left, and stops at 0.
func weigh(v ref.Val, left *int) {
	switch v := v.(type) {
	case *types.Optional:
		if v.HasValue() {
			weigh(v.GetValue(), left)
		}
	case traits.Mapper:
		for it := v.Iterator(); *left > 0 && it.HasNext() == types.True; {
			*left--
			weigh(v.Get(it.Next()), left)
		}
	case traits.Lister:
		for it := v.Iterator(); *left > 0 && it.HasNext() == types.True; {
			*left--
			weigh(it.Next(), left)
		}
	}
}
