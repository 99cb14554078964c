package lua

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"

	glua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seaway-io/seaway/controllers/core/interpret"
)

// kube is the module that scripts load with require("kube").
func (m *machine) kube() *glua.LTable {
	if m.module == nil {
		m.module = m.library("kube", functions{
			"resourceAdd":             m.resourceAdd,
			"accuratePodRequirements": m.podRequirements,
			"getPodDependencies":      m.podDependencies,
			"getResourceQuantity":     m.resourceQuantity,
		}, nil)
	}
	return m.module
}

// resourceAdd(q, ...) adds quantities; nil is nothing.
func (m *machine) resourceAdd(l *glua.LState) int {
	var sum resource.Quantity
	for i := range l.GetTop() {
		sum.Add(m.quantity(l, i+1))
	}
	return m.give(l, sum.String())
}

// resourceQuantity(q) is a quantity as a number.
func (m *machine) resourceQuantity(l *glua.LState) int {
	q := m.quantity(l, 1)
	n := q.AsApproximateFloat64()
	if n < 0 || math.IsInf(n, 0) {
		l.RaiseError("getResourceQuantity: %s is not a number from 0 on", q.String())
	}
	l.Push(glua.LNumber(n))
	return 1
}

// sane are quantities of a size that somebody may mean. Others take the parser longer than a script may
// run.
var sane = regexp.MustCompile(`^[-+]?[0-9.]{1,40}([eE][-+]?[0-9]{1,2}|[a-zA-Z]{0,2})$`)

func (m *machine) quantity(l *glua.LState, argument int) resource.Quantity {
	m.charge(l, 8, 128)
	v := l.Get(argument)
	if v == glua.LNil {
		return resource.Quantity{}
	}
	s := l.CheckString(argument)
	if !sane.MatchString(clip(s)) {
		l.ArgError(argument, fmt.Sprintf("%q is not a quantity", clip(s)))
	}
	q, err := resource.ParseQuantity(s)
	if err != nil {
		l.ArgError(argument, fmt.Sprintf("%q: %v", s, err))
	}
	return q
}

// native means the native kinds: a pod template means what it means in a Deployment.
var native = interpret.New()

// podTemplate is an object of a native kind with the pod template in an argument.
func (m *machine) podTemplate(l *glua.LState, argument int, namespace string) *unstructured.Unstructured {
	template, err := reader{m}.object(l.CheckTable(argument), "pod template")
	if err == nil {
		err = saneQuantities(template)
	}
	if err != nil {
		l.RaiseError("%s", err.Error())
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"namespace": namespace},
		"spec":     map[string]any{"template": template},
	}}
}

// saneQuantities checks what may be read as a quantity somewhere in a pod or in requirements: the values
// below requests, limits, overhead and resourceRequest, and those of a few fields.
func saneQuantities(v any) error {
	switch v := v.(type) {
	case map[string]any:
		for key, field := range v {
			switch key {
			case "requests", "limits", "overhead", "resourceRequest":
				quantities, _ := field.(map[string]any)
				for name, q := range quantities {
					if s, ok := q.(string); ok && !sane.MatchString(clip(s)) {
						return fmt.Errorf("%s.%s: %q is not a quantity", key, clip(name), clip(s))
					}
				}
			case "sizeLimit", "divisor", "storage":
				if s, ok := field.(string); ok && !sane.MatchString(clip(s)) {
					return fmt.Errorf("%s: %q is not a quantity", key, clip(s))
				}
			}
			if err := saneQuantities(field); err != nil {
				return err
			}
		}
	case []any:
		for _, item := range v {
			if err := saneQuantities(item); err != nil {
				return err
			}
		}
	}
	return nil
}

// podRequirements(template) is what a replica with that pod template asks of a cluster, nil for nothing.
func (m *machine) podRequirements(l *glua.LState) int {
	_, requirements, err := native.Replicas(m.podTemplate(l, 1, ""))
	if err != nil {
		l.RaiseError("accuratePodRequirements: %s", clip(err.Error()))
	}
	if requirements == nil {
		l.Push(glua.LNil)
		return 1
	}
	return m.giveJSON(l, requirements)
}

// podDependencies(template, namespace) is what pods with that template refer to.
func (m *machine) podDependencies(l *glua.LState) int {
	namespace := l.OptString(2, "default")
	dependencies, err := native.Dependencies(m.podTemplate(l, 1, namespace))
	if err != nil {
		l.RaiseError("getPodDependencies: %s", clip(err.Error()))
	}
	return m.giveJSON(l, dependencies)
}

// giveJSON pushes a value as its JSON.
func (m *machine) giveJSON(l *glua.LState, v any) int {
	data, err := json.Marshal(v)
	if err != nil {
		l.RaiseError("%s", clip(err.Error()))
	}
	m.charge(l, len(data)/8, 16*len(data))
	var decoded any
	if err := json.Unmarshal(data, &decoded); err != nil {
		l.RaiseError("%s", clip(err.Error()))
	}
	l.Push(toLua(l, decoded))
	return 1
}
