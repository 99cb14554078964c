package lua

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	glua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/interpret/answer"
)

// Operations are what a script may answer, in the order in which they are listed for people.
var Operations = []configv1alpha1.InterpreterOperation{
	configv1alpha1.InterpreterOperationInterpretReplica,
	configv1alpha1.InterpreterOperationInterpretComponent,
	configv1alpha1.InterpreterOperationReviseReplica,
	configv1alpha1.InterpreterOperationRetain,
	configv1alpha1.InterpreterOperationAggregateStatus,
	configv1alpha1.InterpreterOperationInterpretStatus,
	configv1alpha1.InterpreterOperationInterpretHealth,
	configv1alpha1.InterpreterOperationInterpretDependency,
}

// functionNames are the functions that answer Operations.
var functionNames = []string{
	"GetReplicas", "GetComponents", "ReviseReplica", "Retain", "AggregateStatus", "ReflectStatus", "InterpretHealth", "GetDependencies",
}

// Function is the name of the function that answers an operation.
func Function(operation configv1alpha1.InterpreterOperation) string {
	return functionNames[slices.Index(Operations, operation)]
}

// Scripts are scripts by the operation they answer. Dependencies may have several; of the others the
// first counts.
type Scripts map[configv1alpha1.InterpreterOperation][]*Script

// Hooks makes hooks of an interpreter out of scripts. They panic on nothing and may be used by many at
// a time.
func (s Scripts) Hooks() interpret.Hooks {
	var h interpret.Hooks
	for operation, scripts := range s {
		if len(scripts) == 0 {
			continue
		}
		first := scripts[0]
		switch operation {
		case configv1alpha1.InterpreterOperationInterpretReplica:
			h.Replicas = first.replicas
		case configv1alpha1.InterpreterOperationInterpretComponent:
			h.Components = first.components
		case configv1alpha1.InterpreterOperationReviseReplica:
			h.ReviseReplica = first.reviseReplica
		case configv1alpha1.InterpreterOperationRetain:
			h.Retain = first.retain
		case configv1alpha1.InterpreterOperationAggregateStatus:
			h.AggregateStatus = first.aggregateStatus
		case configv1alpha1.InterpreterOperationInterpretStatus:
			h.Status = first.status
		case configv1alpha1.InterpreterOperationInterpretHealth:
			h.Health = first.health
		case configv1alpha1.InterpreterOperationInterpretDependency:
			h.Dependencies = merged(scripts)
		}
	}
	return h
}

// replicas calls GetReplicas(obj), which returns a number and, if a replica asks for anything, its
// requirements.
func (s *Script) replicas(obj *unstructured.Unstructured) (replicas int32, requirements *workv1alpha2.ReplicaRequirements, err error) {
	err = s.call("GetReplicas", 2, []any{obj.Object}, func(r reader, results []glua.LValue) error {
		n, ok := results[0].(glua.LNumber)
		if !ok {
			return fmt.Errorf("replicas: must be a number, is a %s", results[0].Type())
		}
		if float64(n) != math.Trunc(float64(n)) || n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("replicas: must be a whole number between 0 and %d, is %s", math.MaxInt32, n)
		}
		replicas = int32(n)
		if results[1] == glua.LNil {
			return nil
		}
		fields, err := r.object(results[1], "requirements")
		if err != nil {
			return err
		}
		requirements = &workv1alpha2.ReplicaRequirements{}
		return typed(fields, "requirements", requirements)
	})
	if err != nil {
		return 0, nil, err
	}
	return replicas, requirements, nil
}

// components calls GetComponents(obj), which returns a list of components.
func (s *Script) components(obj *unstructured.Unstructured) (components []workv1alpha2.Component, err error) {
	err = s.call("GetComponents", 1, []any{obj.Object}, func(r reader, results []glua.LValue) error {
		components, err = listed[workv1alpha2.Component](r, results[0], "components")
		return err
	})
	return components, err
}

// listed reads a list of typed objects.
func listed[T any](r reader, v glua.LValue, name string) ([]T, error) {
	items, err := r.list(v, name)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(items))
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", name, i+1)
		fields, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: must be a table with named fields", at)
		}
		if err := typed(fields, at, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func typed(fields map[string]any, at string, out any) error {
	if err := saneQuantities(fields); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields, out); err != nil {
		return fmt.Errorf("%s: %s", at, clip(err.Error()))
	}
	return nil
}

// reviseReplica calls ReviseReplica(obj, replicas), which returns the changed object.
func (s *Script) reviseReplica(obj *unstructured.Unstructured, replicas int32) (*unstructured.Unstructured, error) {
	return s.changed("ReviseReplica", obj, []any{obj.Object, int64(replicas)}, obj.Object)
}

// retain calls Retain(desired, observed), which returns the object to write.
func (s *Script) retain(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return s.changed("Retain", desired, []any{desired.Object, observed.Object}, desired.Object, observed.Object)
}

// changed calls a function that returns another version of an object.
func (s *Script) changed(function string, obj *unstructured.Unstructured, arguments []any, references ...any) (changed *unstructured.Unstructured, err error) {
	err = s.call(function, 1, arguments, func(r reader, results []glua.LValue) error {
		fields, err := r.object(results[0], "object", references...)
		if err != nil {
			return err
		}
		changed = &unstructured.Unstructured{Object: fields}
		return answer.SameObject(obj, changed)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// aggregateStatus calls AggregateStatus(obj, items), which returns the object with another status.
// Nothing but the status is taken from it.
func (s *Script) aggregateStatus(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	list, reported := make([]any, len(items)), map[string]any{}
	for i := range items {
		item, err := statusItem(&items[i])
		if err != nil {
			return nil, err
		}
		list[i] = item
		// what is empty is as empty in the sum as it was in the first status that had it
		status, _ := item["status"].(map[string]any)
		for field, value := range status {
			if _, known := reported[field]; !known {
				reported[field] = value
			}
		}
	}
	aggregated, err := s.changed("AggregateStatus", template, []any{template.Object, list}, template.Object, map[string]any{"status": reported})
	if err != nil {
		return nil, err
	}
	return answer.Status(template, aggregated), nil
}

func statusItem(item *workv1alpha2.AggregatedStatusItem) (map[string]any, error) {
	fields := map[string]any{"clusterName": item.ClusterName, "applied": item.Applied}
	if item.Health != "" {
		fields["health"] = string(item.Health)
	}
	if item.AppliedMessage != "" {
		fields["appliedMessage"] = item.AppliedMessage
	}
	if item.Status != nil && len(item.Status.Raw) > 0 {
		var status any
		if err := json.Unmarshal(item.Status.Raw, &status); err != nil {
			return nil, fmt.Errorf("status of cluster %s: %w", item.ClusterName, err)
		}
		fields["status"] = status
	}
	return fields, nil
}

// status calls ReflectStatus(obj), which returns what is brought home of the status.
func (s *Script) status(obj *unstructured.Unstructured) (status *runtime.RawExtension, err error) {
	err = s.call("ReflectStatus", 1, []any{obj.Object}, func(r reader, results []glua.LValue) error {
		if results[0] == glua.LNil {
			return nil
		}
		fields, err := r.object(results[0], "status", obj.Object["status"])
		if err != nil || len(fields) == 0 {
			return err
		}
		data, err := json.Marshal(fields)
		status = &runtime.RawExtension{Raw: data}
		return err
	})
	if err != nil {
		return nil, err
	}
	return status, nil
}

// health calls InterpretHealth(obj), which returns whether the object does what it should.
func (s *Script) health(obj *unstructured.Unstructured) (health workv1alpha2.ResourceHealth, err error) {
	err = s.call("InterpretHealth", 1, []any{obj.Object}, func(_ reader, results []glua.LValue) error {
		healthy, ok := results[0].(glua.LBool)
		if !ok {
			return fmt.Errorf("health: must be true or false, is a %s", results[0].Type())
		}
		health = workv1alpha2.ResourceUnhealthy
		if healthy {
			health = workv1alpha2.ResourceHealthy
		}
		return nil
	})
	if err != nil {
		return workv1alpha2.ResourceUnknown, err
	}
	return health, nil
}

// dependencies calls GetDependencies(obj), which returns a list of references.
func (s *Script) dependencies(obj *unstructured.Unstructured) (references []configv1alpha1.DependentObjectReference, err error) {
	err = s.call("GetDependencies", 1, []any{obj.Object}, func(r reader, results []glua.LValue) error {
		if references, err = listed[configv1alpha1.DependentObjectReference](r, results[0], "dependencies"); err != nil {
			return err
		}
		references, err = answer.Dependencies(references)
		return err
	})
	return references, err
}

// merged runs all scripts and puts what they return together, each reference once, in the order of kind,
// namespace and name.
func merged(scripts []*Script) func(*unstructured.Unstructured) ([]configv1alpha1.DependentObjectReference, error) {
	return func(obj *unstructured.Unstructured) ([]configv1alpha1.DependentObjectReference, error) {
		var all []configv1alpha1.DependentObjectReference
		for _, s := range scripts {
			references, err := s.dependencies(obj)
			if err != nil {
				return nil, err
			}
			all = append(all, references...)
		}
		return answer.Dependencies(all)
	}
}
