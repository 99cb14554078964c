package override

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// pointer is a JSON pointer (RFC 6901), taken apart.
type pointer []string

var errPointer = errors.New(`must be a JSON pointer: "/" before every part, "~1" for "/" and "~0" for "~" inside a part`)

func parse(text string) (pointer, error) {
	if text == "" {
		return pointer{}, nil
	}
	rest, ok := strings.CutPrefix(text, "/")
	if !ok {
		return nil, errPointer
	}
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(part), "~") {
			return nil, errPointer
		}
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	return parts, nil
}

func (p pointer) String() string {
	var b strings.Builder
	for _, part := range p {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(part))
	}
	return b.String()
}

// operation is one operation of a JSON patch (RFC 6902).
type operation struct {
	operator policyv1alpha1.OverriderOperator
	value    policyv1alpha1.JSON
}

// fault says what is wrong with an operation: with its value or else with its path.
type fault struct {
	value bool
	text  string
}

// at turns a fault into an error of the field that is wrong; no fault is no error.
func (f *fault) at(path *field.Path, pointer string, valuePath *field.Path, value policyv1alpha1.JSON) error {
	switch {
	case f == nil:
		return nil
	case f.value:
		return field.Invalid(valuePath, string(value.Raw), f.text)
	}
	return field.Invalid(path, pointer, f.text)
}

func badPath(format string, args ...any) *fault { return &fault{text: fmt.Sprintf(format, args...)} }

// apply changes the document in place as far as it can, and returns the document that results.
func (op operation) apply(document any, p pointer) (any, *fault) {
	var value any
	switch op.operator {
	case policyv1alpha1.OverriderOpRemove:
	case policyv1alpha1.OverriderOpAdd, policyv1alpha1.OverriderOpReplace:
		if op.value.IsZero() {
			return nil, &fault{value: true, text: "add and replace need a value; use remove to clear a field"}
		}
		if err := utiljson.Unmarshal(op.value.Raw, &value); err != nil {
			return nil, &fault{value: true, text: "must be JSON: " + err.Error()}
		}
	default:
		return nil, badPath("operator must be add, remove or replace, is %q", op.operator)
	}
	if len(p) == 0 {
		if op.operator == policyv1alpha1.OverriderOpRemove {
			return nil, badPath("the whole document can not be removed")
		}
		return value, nil
	}
	return op.descend(document, p, 0, value)
}

// descend returns node with the value at p[depth:] changed.
func (op operation) descend(node any, p pointer, depth int, value any) (any, *fault) {
	last := depth == len(p)-1
	switch container := node.(type) {
	case map[string]any:
		child, exists := container[p[depth]]
		if last {
			return op.inMap(container, p, exists, value)
		}
		if !exists {
			return nil, badPath("there is no %s in the object; add it first, or correct the path", p[:depth+1])
		}
		changed, fault := op.descend(child, p, depth+1, value)
		if fault != nil {
			return nil, fault
		}
		container[p[depth]] = changed
		return container, nil
	case []any:
		if last {
			return op.inList(container, p, value)
		}
		i, fault := index(p, depth, len(container))
		if fault != nil {
			return nil, fault
		}
		changed, fault := op.descend(container[i], p, depth+1, value)
		if fault != nil {
			return nil, fault
		}
		container[i] = changed
		return container, nil
	}
	return nil, badPath("%s is %s and has no %q; correct the path", p[:depth].orWhole(), describe(node), p[depth])
}

func (p pointer) orWhole() string {
	if len(p) == 0 {
		return "the document"
	}
	return p.String()
}

func (op operation) inMap(container map[string]any, p pointer, exists bool, value any) (any, *fault) {
	key := p[len(p)-1]
	if op.operator != policyv1alpha1.OverriderOpAdd && !exists {
		return nil, badPath("there is no %s to %s in the object; use add, or correct the path", p, op.operator)
	}
	if op.operator == policyv1alpha1.OverriderOpRemove {
		delete(container, key)
		return container, nil
	}
	container[key] = value
	return container, nil
}

func (op operation) inList(list []any, p pointer, value any) (any, *fault) {
	depth := len(p) - 1
	if op.operator == policyv1alpha1.OverriderOpAdd {
		if p[depth] == "-" {
			return append(list, value), nil
		}
		i, fault := index(p, depth, len(list)+1)
		if fault != nil {
			return nil, fault
		}
		return slices.Insert(list, i, value), nil
	}
	i, fault := index(p, depth, len(list))
	if fault != nil {
		return nil, fault
	}
	if op.operator == policyv1alpha1.OverriderOpRemove {
		return slices.Delete(list, i, i+1), nil
	}
	list[i] = value
	return list, nil
}

// index reads a position in a list of n. A negative one counts from the end, which goes beyond the
// standard and which existing policies may rely on.
func index(p pointer, depth, n int) (int, *fault) {
	i, err := strconv.Atoi(p[depth])
	if err != nil {
		return 0, badPath("%s is a list and %q is no position in it; correct the path", p[:depth].orWhole(), p[depth])
	}
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return 0, badPath("%s has no item %s; correct the position", p[:depth].orWhole(), p[depth])
	}
	return i, nil
}

// resolve returns the value at a pointer and a function that puts another in its place.
func (p pointer) resolve(document any) (value any, set func(any), bad *fault) {
	value = document
	for depth, part := range p {
		switch container := value.(type) {
		case map[string]any:
			child, exists := container[part]
			if !exists {
				return nil, nil, badPath("there is no %s in the object; correct the path", p[:depth+1])
			}
			value, set = child, func(v any) { container[part] = v }
		case []any:
			i, bad := index(p, depth, len(container))
			if bad != nil {
				return nil, nil, bad
			}
			value, set = container[i], func(v any) { container[i] = v }
		default:
			return nil, nil, badPath("%s is %s and has no %q; correct the path", p[:depth].orWhole(), describe(value), part)
		}
	}
	return value, set, nil
}

// describe names the kind of a JSON value.
func describe(value any) string {
	switch value.(type) {
	case nil:
		return "nothing"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	}
	return "a number"
}
