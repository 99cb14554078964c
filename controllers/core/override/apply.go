package override

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// workLimit bounds what the overrides of one object may cost, in bytes read or about as much work. It
// is a second or so: a policy can ask for much more, by reading a large text again with every rule.
const workLimit = 64 << 20

// application is one object while overrides are applied to it.
type application struct {
	obj *unstructured.Unstructured
	// before is the identity; nil until the first rule applies.
	before *Identity
	// kept are the marks of ownership, which are off the object until the end.
	kept marks
	// texts are the documents in string fields that have been read and not been written back yet.
	texts map[place]*text
	// grants is set while a namespaced policy is applied to an object that grants power.
	grants bool
	// left is what the rest may cost.
	left int
}

// begin makes the object ready for a rule.
func (a *application) begin() {
	if a.before == nil {
		id := IdentityOf(a.obj)
		a.before, a.kept = &id, takeMarks(a.obj)
	}
}

// end makes the object whole again, and sure that it is what it was.
func (a *application) end() error {
	if a.before == nil {
		return nil
	}
	if err := a.writeTexts(); err != nil {
		return err
	}
	a.kept.putBack(a.obj)
	if changed := a.before.Difference(IdentityOf(a.obj)); changed != "" {
		return fmt.Errorf("the override policies together change %s, which they can not", changed)
	}
	return nil
}

// spend takes the cost of a step from what is left.
func (a *application) spend(cost int, path *field.Path) error {
	if a.left -= cost; a.left < 0 {
		return field.Forbidden(path, "the overrides of this object are too much work; put changes of one text or list into one overrider, or have fewer rules")
	}
	return nil
}

// apply applies the changes of one rule in the order that is promised for them.
func (a *application) apply(r rule) error {
	o := r.overriders
	granted := a.granted()
	for _, step := range []struct {
		name  string
		n     int
		apply func(i int, path *field.Path) error
	}{
		{"imageOverrider", len(o.ImageOverrider), func(i int, path *field.Path) error { return a.image(&o.ImageOverrider[i], path) }},
		{"commandOverrider", len(o.CommandOverrider), func(i int, path *field.Path) error { return a.words("command", &o.CommandOverrider[i], path) }},
		{"argsOverrider", len(o.ArgsOverrider), func(i int, path *field.Path) error { return a.words("args", &o.ArgsOverrider[i], path) }},
		{"labelsOverrider", len(o.LabelsOverrider), func(i int, path *field.Path) error { return a.keys("labels", &o.LabelsOverrider[i], path) }},
		{"annotationsOverrider", len(o.AnnotationsOverrider), func(i int, path *field.Path) error { return a.keys("annotations", &o.AnnotationsOverrider[i], path) }},
		{"fieldOverrider", len(o.FieldOverrider), func(i int, path *field.Path) error { return a.text(&o.FieldOverrider[i], path) }},
		{"plaintext", len(o.Plaintext), func(i int, path *field.Path) error { return a.plain(&o.Plaintext[i], path) }},
	} {
		if step.n > 0 && step.name != "fieldOverrider" {
			if err := a.writeTexts(); err != nil {
				return err
			}
		}
		for i := range step.n {
			if err := step.apply(i, r.path.Child(step.name).Index(i)); err != nil {
				return err
			}
		}
	}
	if changed := differentField(a.before.fields, fieldsOf(a.obj)); changed != "" {
		return forbidden(r.path, changed)
	}
	if !a.grants {
		return nil
	}
	if err := a.writeTexts(); err != nil {
		return err
	}
	if !equality.Semantic.DeepEqual(granted, a.granted()) {
		return field.Forbidden(r.path, "an OverridePolicy changes labels and annotations of a "+a.obj.GetKind()+
			" and nothing else; change the object itself, or have a ClusterOverridePolicy made")
	}
	return nil
}

// granted is a copy of everything but the metadata of an object that grants power, nil for any other.
func (a *application) granted() map[string]any {
	if !a.grants {
		return nil
	}
	rest := maps.Clone(a.obj.Object)
	delete(rest, "metadata")
	return runtime.DeepCopyJSON(rest)
}

// plain applies one operation of a JSON patch, unless it would reach the identity.
func (a *application) plain(o *policyv1alpha1.PlaintextOverrider, path *field.Path) error {
	at := path.Child("path")
	p, err := parse(o.Path)
	if err != nil {
		return field.Invalid(at, o.Path, err.Error())
	}
	if part := p.reaches(); part != "" {
		return forbidden(at, part)
	}
	op := operation{operator: o.Operator}
	if bad := op.decode(o.Value); bad != nil {
		return bad.at(at, o.Path, path.Child("value"), o.Value)
	}
	if err := checkMarks(p, op, path.Child("value")); err != nil {
		return err
	}
	// a pointer to the whole object reaches the identity, so the root stays the map it is
	_, bad := op.apply(any(a.obj.Object), p)
	if bad != nil {
		return bad.at(at, o.Path, path.Child("value"), o.Value)
	}
	return a.spend(op.cost, at)
}

// checkMarks looks at a value that becomes a label or an annotation, or stands for all of them at
// once: it must be text, for what is not makes the whole map unreadable, and no mark of ownership.
func checkMarks(p pointer, op operation, path *field.Path) error {
	what := p.mark()
	if what == "" || op.operator == policyv1alpha1.OverriderOpRemove {
		return nil
	}
	if len(p) > 2 {
		if _, ok := op.value.(string); !ok {
			return field.Invalid(path, describe(op.value), what+" are strings; put the value in quotes")
		}
		return nil
	}
	all, ok := op.value.(map[string]any)
	if !ok {
		return field.Invalid(path, describe(op.value), what+" are a map of strings")
	}
	for key, value := range all {
		if _, ok := value.(string); !ok {
			return field.Invalid(path.Key(key), describe(value), what+" are strings; put the value in quotes")
		}
		if ownershipKeys[what](key) {
			return forbidden(path.Key(key), ownership)
		}
	}
	return nil
}

func forbidden(at *field.Path, part string) error {
	return field.Forbidden(at, "an override can not change "+part+"; take that change out")
}

// keys changes labels or annotations: add sets keys, replace and remove act on those that exist.
func (a *application) keys(what string, o *policyv1alpha1.LabelAnnotationOverrider, path *field.Path) error {
	metadata, ok := a.obj.Object["metadata"].(map[string]any)
	if !ok {
		return field.Invalid(path, what, "the object has no metadata")
	}
	present, ok := metadata[what].(map[string]any)
	if metadata[what] != nil && !ok {
		return field.Invalid(path, what, fmt.Sprintf("metadata.%s of the object is %s, not a map", what, describe(metadata[what])))
	}
	for _, key := range sortedKeys(o.Value) {
		if ownershipKeys[what](key) {
			return forbidden(path.Child("value").Key(key), ownership)
		}
		_, exists := present[key]
		switch o.Operator {
		case policyv1alpha1.OverriderOpAdd:
			if present == nil {
				present = map[string]any{}
				metadata[what] = present
			}
			present[key] = o.Value[key]
		case policyv1alpha1.OverriderOpReplace:
			if exists {
				present[key] = o.Value[key]
			}
		case policyv1alpha1.OverriderOpRemove:
			delete(present, key)
		default:
			return unknownOperator(path, o.Operator)
		}
	}
	return nil
}

func unknownOperator(path *field.Path, operator policyv1alpha1.OverriderOperator) error {
	return field.NotSupported(path.Child("operator"), operator, []policyv1alpha1.OverriderOperator{
		policyv1alpha1.OverriderOpAdd, policyv1alpha1.OverriderOpRemove, policyv1alpha1.OverriderOpReplace})
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// change replaces the string at a pointer.
func (a *application) change(text string, at *field.Path, change func(string) (string, error)) error {
	s, before, err := a.locate(text, at)
	if err != nil {
		return err
	}
	after, err := change(before)
	if err != nil {
		return err
	}
	s.set(after)
	return nil
}

// locate finds the string at a pointer.
func (a *application) locate(text string, at *field.Path) (slot, string, error) {
	p, err := parse(text)
	if err != nil {
		return slot{}, "", field.Invalid(at, text, err.Error())
	}
	if part := p.reaches(); part != "" {
		return slot{}, "", forbidden(at, part)
	}
	s, bad := p.resolve(a.obj.Object)
	if bad != nil {
		return slot{}, "", field.Invalid(at, text, bad.text)
	}
	value, ok := s.get().(string)
	if !ok {
		return slot{}, "", field.Invalid(at, text, "is "+describe(s.get())+" in the object, must be a string; correct the path")
	}
	return s, value, nil
}

// quotable returns the text of an error about what an object holds, unless that is a secret: errors
// become events, which others may read.
func (a *application) quotable(err error) error {
	if a.obj.GetKind() == "Secret" {
		return errors.New("what it is, is not told of a Secret")
	}
	return err
}
