package override

import (
	"errors"
	"fmt"
	"reflect"
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
	// value is what decode read.
	value any
	// cost counts the items of lists that had to move.
	cost int
}

// decode reads the value of an operation that needs one.
func (op *operation) decode(value policyv1alpha1.JSON) *fault {
	switch op.operator {
	case policyv1alpha1.OverriderOpRemove:
		return nil
	case policyv1alpha1.OverriderOpAdd, policyv1alpha1.OverriderOpReplace:
	default:
		return badPath("operator must be add, remove or replace, is %q", op.operator)
	}
	if value.IsZero() {
		return &fault{value: true, text: "add and replace need a value; use remove to clear a field"}
	}
	if err := utiljson.Unmarshal(value.Raw, &op.value); err != nil {
		return &fault{value: true, text: "must be JSON: " + err.Error()}
	}
	return nil
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
func (op *operation) apply(document any, p pointer) (any, *fault) {
	if len(p) == 0 {
		if op.operator == policyv1alpha1.OverriderOpRemove {
			return nil, badPath("the whole document can not be removed")
		}
		return op.value, nil
	}
	return op.descend(document, p, 0)
}

// descend returns node with what is at p[depth:] changed.
func (op *operation) descend(node any, p pointer, depth int) (any, *fault) {
	last := depth == len(p)-1
	switch container := node.(type) {
	case map[string]any:
		child, exists := container[p[depth]]
		if last {
			return op.inMap(container, p, exists)
		}
		if !exists {
			return nil, badPath("there is no %s in the object; add it first, or correct the path", p[:depth+1])
		}
		changed, fault := op.descend(child, p, depth+1)
		if fault != nil {
			return nil, fault
		}
		container[p[depth]] = changed
		return container, nil
	case []any:
		if last {
			return op.inList(container, p)
		}
		i, fault := index(p, depth, len(container))
		if fault != nil {
			return nil, fault
		}
		changed, fault := op.descend(container[i], p, depth+1)
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

func (op *operation) inMap(container map[string]any, p pointer, exists bool) (any, *fault) {
	key := p[len(p)-1]
	if op.operator != policyv1alpha1.OverriderOpAdd && !exists {
		return nil, badPath("there is no %s to %s in the object; use add, or correct the path", p, op.operator)
	}
	if op.operator == policyv1alpha1.OverriderOpRemove {
		delete(container, key)
		return container, nil
	}
	container[key] = op.value
	return container, nil
}

func (op *operation) inList(list []any, p pointer) (any, *fault) {
	depth := len(p) - 1
	if op.operator == policyv1alpha1.OverriderOpAdd {
		if p[depth] == "-" {
			return append(list, op.value), nil
		}
		i, fault := index(p, depth, len(list)+1)
		if fault != nil {
			return nil, fault
		}
		op.cost += len(list) - i
		return slices.Insert(list, i, op.value), nil
	}
	i, fault := index(p, depth, len(list))
	if fault != nil {
		return nil, fault
	}
	if op.operator == policyv1alpha1.OverriderOpRemove {
		op.cost += len(list) - i
		return slices.Delete(list, i, i+1), nil
	}
	list[i] = op.value
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

// slot is where a value is. Two slots are equal if they are the same place, however the pointers to
// them were written; that holds as long as no list changes its length.
type slot struct {
	fields map[string]any
	key    string
	item   *any
}

func (s slot) get() any {
	if s.item != nil {
		return *s.item
	}
	return s.fields[s.key]
}

func (s slot) set(value any) {
	if s.item != nil {
		*s.item = value
		return
	}
	s.fields[s.key] = value
}

// place identifies a slot.
type place struct {
	fields uintptr
	key    string
	item   *any
}

func (s slot) place() place {
	if s.item != nil {
		return place{item: s.item}
	}
	return place{fields: reflect.ValueOf(s.fields).Pointer(), key: s.key}
}

// resolve finds the place of a value that exists.
func (p pointer) resolve(document map[string]any) (slot, *fault) {
	at := slot{fields: map[string]any{"": document}}
	for depth, part := range p {
		switch container := at.get().(type) {
		case map[string]any:
			if _, exists := container[part]; !exists {
				return slot{}, badPath("there is no %s in the object; correct the path", p[:depth+1])
			}
			at = slot{fields: container, key: part}
		case []any:
			i, bad := index(p, depth, len(container))
			if bad != nil {
				return slot{}, bad
			}
			at = slot{item: &container[i]}
		default:
			return slot{}, badPath("%s is %s and has no %q; correct the path", p[:depth].orWhole(), describe(container), part)
		}
	}
	return at, nil
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
