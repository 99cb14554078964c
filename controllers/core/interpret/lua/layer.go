package lua

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

// Table is a layer of an interpreter made of scripts. It does not change.
type Table struct {
	scripts  map[schema.GroupVersionKind]Scripts
	hooks    map[schema.GroupVersionKind]interpret.Hooks
	faults   []Fault
	compiled map[source]outcome
}

// Fault is one script of a customization that does not count.
type Fault struct {
	// Customization is the name of the object, and UID says which of that name.
	Customization string
	UID           types.UID
	// Field is where in the object the script is, below spec.customizations.
	Field     string
	Operation configv1alpha1.InterpreterOperation
	// Err is an *Error when the script is wrong and a *Conflict when it comes too late.
	Err error
}

// Conflict says that an older customization has a script for the same operation and kind.
type Conflict struct {
	Kind      schema.GroupVersionKind
	Operation configv1alpha1.InterpreterOperation
	// Older is the name of the customization that counts.
	Older string
}

// Error implements error.
func (c *Conflict) Error() string {
	return fmt.Sprintf("%s of %s is defined by the older customization %s, which counts; remove one of the two", c.Operation, c.Kind, c.Older)
}

// source is what a compiled script was made of.
type source struct{ name, text, function string }

type outcome struct {
	script *Script
	err    error
}

// Hooks implements interpret.Layer.
func (t *Table) Hooks(kind schema.GroupVersionKind) interpret.Hooks { return t.hooks[kind] }

// Kinds are the kinds the table knows something of, sorted.
func (t *Table) Kinds() []schema.GroupVersionKind {
	return slices.SortedFunc(maps.Keys(t.hooks), func(a, b schema.GroupVersionKind) int { return cmp.Compare(a.String(), b.String()) })
}

// Scripts are the names of the scripts that answer an operation for a kind, in the order in which they
// are asked.
func (t *Table) Scripts(kind schema.GroupVersionKind, operation configv1alpha1.InterpreterOperation) []string {
	var out []string
	for _, s := range t.scripts[kind][operation] {
		out = append(out, s.name)
	}
	return out
}

// Observe returns a table that tells what each call of a function of a script has used.
func (t *Table) Observe(observe func(script, function string, used Usage)) *Table {
	b := builder{table: &Table{scripts: map[schema.GroupVersionKind]Scripts{}, faults: t.faults, compiled: t.compiled}}
	for kind, scripts := range t.scripts {
		for operation, list := range scripts {
			for _, s := range list {
				b.put(kind, operation, s.Observe(func(function string, used Usage) { observe(s.name, function, used) }))
			}
		}
	}
	return b.done()
}

// Faults are the scripts that do not count, in the order of their customizations.
func (t *Table) Faults() []Fault { return t.faults }

// Changed are the kinds that the table explains otherwise than another one, which may be nil.
func (t *Table) Changed(before *Table) []schema.GroupVersionKind {
	var old map[schema.GroupVersionKind]Scripts
	if before != nil {
		old = before.scripts
	}
	var out []schema.GroupVersionKind
	for kind, scripts := range t.scripts {
		if !maps.EqualFunc(scripts, old[kind], slices.Equal) {
			out = append(out, kind)
		}
	}
	for kind := range old {
		if _, still := t.scripts[kind]; !still {
			out = append(out, kind)
		}
	}
	slices.SortFunc(out, func(a, b schema.GroupVersionKind) int { return cmp.Compare(a.String(), b.String()) })
	return out
}

// Build makes a table of customizations. It takes over from the table before, which may be nil, what was
// compiled already. A script that is wrong is a fault and takes nothing else with it. Of two
// customizations with a script for the same operation and kind the older counts, by name when both are
// of the same age; of scripts for dependencies all count.
func Build(customizations []configv1alpha1.ResourceInterpreterCustomization, limits Limits, before *Table) *Table {
	b := builder{limits: limits, table: &Table{scripts: map[schema.GroupVersionKind]Scripts{}, compiled: map[source]outcome{}}, owners: map[claim]string{}}
	if before != nil {
		b.known = before.compiled
	}
	byAge := make([]*configv1alpha1.ResourceInterpreterCustomization, len(customizations))
	for i := range customizations {
		byAge[i] = &customizations[i]
	}
	slices.SortFunc(byAge, func(a, b *configv1alpha1.ResourceInterpreterCustomization) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	for _, c := range byAge {
		b.add(c)
	}
	return b.done()
}

type claim struct {
	kind      schema.GroupVersionKind
	operation configv1alpha1.InterpreterOperation
}

// builder fills a table.
type builder struct {
	limits Limits
	known  map[source]outcome
	table  *Table
	owners map[claim]string
}

func (b *builder) add(c *configv1alpha1.ResourceInterpreterCustomization) {
	kind := schema.FromAPIVersionAndKind(c.Spec.Target.APIVersion, c.Spec.Target.Kind)
	for _, rule := range rules(&c.Spec.Customizations) {
		script, err := b.compile(source{c.Name + "/" + rule.field, rule.text, Function(rule.operation)})
		mine := claim{kind, rule.operation}
		if owner, taken := b.owners[mine]; err == nil && taken && rule.operation != configv1alpha1.InterpreterOperationInterpretDependency {
			err = &Conflict{Kind: kind, Operation: rule.operation, Older: owner}
		}
		if err != nil {
			b.table.faults = append(b.table.faults, Fault{c.Name, c.UID, rule.field, rule.operation, err})
			continue
		}
		b.owners[mine] = c.Name
		b.put(kind, rule.operation, script)
	}
}

func (b *builder) put(kind schema.GroupVersionKind, operation configv1alpha1.InterpreterOperation, script *Script) {
	if b.table.scripts[kind] == nil {
		b.table.scripts[kind] = Scripts{}
	}
	b.table.scripts[kind][operation] = append(b.table.scripts[kind][operation], script)
}

func (b *builder) compile(s source) (*Script, error) {
	o, known := b.known[s]
	if !known {
		o.script, o.err = compileFor(s, b.limits)
	}
	b.table.compiled[s] = o
	return o.script, o.err
}

func compileFor(s source, limits Limits) (*Script, error) {
	script, err := Compile(s.name, s.text, limits)
	if err != nil {
		return nil, err
	}
	if !script.defines(s.function) {
		return nil, &Error{Script: s.name, Message: "defines no function " + s.function}
	}
	return script, nil
}

func (b *builder) done() *Table {
	b.table.hooks = make(map[schema.GroupVersionKind]interpret.Hooks, len(b.table.scripts))
	for kind, scripts := range b.table.scripts {
		b.table.hooks[kind] = scripts.Hooks()
	}
	return b.table
}

// rule is one script of a customization.
type rule struct {
	operation   configv1alpha1.InterpreterOperation
	field, text string
}

// rules are the scripts of a customization in the order of Operations.
func rules(c *configv1alpha1.CustomizationRules) []rule {
	var out []rule
	add := func(operation configv1alpha1.InterpreterOperation, field string, text *string) {
		if text != nil {
			out = append(out, rule{operation, field, *text})
		}
	}
	if r := c.ReplicaResource; r != nil {
		add(configv1alpha1.InterpreterOperationInterpretReplica, "replicaResource", &r.LuaScript)
	}
	if r := c.ComponentResource; r != nil {
		add(configv1alpha1.InterpreterOperationInterpretComponent, "componentResource", &r.LuaScript)
	}
	if r := c.ReplicaRevision; r != nil {
		add(configv1alpha1.InterpreterOperationReviseReplica, "replicaRevision", &r.LuaScript)
	}
	if r := c.Retention; r != nil {
		add(configv1alpha1.InterpreterOperationRetain, "retention", &r.LuaScript)
	}
	if r := c.StatusAggregation; r != nil {
		add(configv1alpha1.InterpreterOperationAggregateStatus, "statusAggregation", &r.LuaScript)
	}
	if r := c.StatusReflection; r != nil {
		add(configv1alpha1.InterpreterOperationInterpretStatus, "statusReflection", &r.LuaScript)
	}
	if r := c.HealthInterpretation; r != nil {
		add(configv1alpha1.InterpreterOperationInterpretHealth, "healthInterpretation", &r.LuaScript)
	}
	if r := c.DependencyInterpretation; r != nil {
		add(configv1alpha1.InterpreterOperationInterpretDependency, "dependencyInterpretation", &r.LuaScript)
	}
	return out
}

// Validate compiles the scripts of a customization, for admission.
func Validate(c *configv1alpha1.ResourceInterpreterCustomization, limits Limits) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("spec", "customizations")
	for _, rule := range rules(&c.Spec.Customizations) {
		if _, err := compileFor(source{rule.field, rule.text, Function(rule.operation)}, limits); err != nil {
			errs = append(errs, field.Invalid(path.Child(rule.field, "luaScript"), field.OmitValueType{}, err.Error()))
		}
	}
	return errs
}
