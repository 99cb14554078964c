// Package interpret knows what kinds mean: how many replicas an object has and what one of them
// asks for, how to change that number, what of a member's object is the member's own business, what
// of its status is worth bringing home, whether it is healthy, how the statuses of many clusters
// make one, and what an object refers to.
//
// An Interpreter is a stack of layers. The first layer that has a hook for a kind and an operation
// answers. The last layer holds the native kinds; customizations, webhooks and bundled scripts are
// layers in front of it. The package itself asks nobody: a layer that needs a client brings it in
// its functions.
package interpret

import (
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Hooks is what one layer knows about one kind. A nil function means that the layer does not know
// the answer; the next layer is asked. Functions must not panic on odd objects and must be safe for
// concurrent use.
type Hooks struct {
	Replicas        func(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error)
	Components      func(obj *unstructured.Unstructured) ([]workv1alpha2.Component, error)
	ReviseReplica   func(obj *unstructured.Unstructured, replicas int32) (*unstructured.Unstructured, error)
	Retain          func(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error)
	AggregateStatus func(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error)
	Status          func(obj *unstructured.Unstructured) (*runtime.RawExtension, error)
	Health          func(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error)
	Dependencies    func(obj *unstructured.Unstructured) ([]configv1alpha1.DependentObjectReference, error)
}

// ErrUnanswered is what the error of a hook is (errors.Is) when it asked somebody who does not answer now. To
// ask again later may help, though nothing has changed by then. Any other error comes back as it is for as
// long as the object and the layers stay as they are.
var ErrUnanswered = errors.New("no answer for now")

// Layer is one source of knowledge about kinds. Hooks is asked for every operation, so it should be
// no more than a look into a map.
type Layer interface {
	Hooks(kind schema.GroupVersionKind) Hooks
}

// Interpreter answers questions about objects of any kind.
type Interpreter struct {
	layers []Layer
}

// New returns an interpreter that asks the given layers in that order, and then the native kinds.
func New(layers ...Layer) *Interpreter {
	return &Interpreter{layers: append(append([]Layer(nil), layers...), native)}
}

// Handles says whether some layer has a hook for the operation.
func (i *Interpreter) Handles(kind schema.GroupVersionKind, operation configv1alpha1.InterpreterOperation) bool {
	for _, layer := range i.layers {
		if layer.Hooks(kind).has(operation) {
			return true
		}
	}
	return false
}

func (h Hooks) has(operation configv1alpha1.InterpreterOperation) bool {
	switch operation {
	case configv1alpha1.InterpreterOperationInterpretReplica:
		return h.Replicas != nil
	case configv1alpha1.InterpreterOperationInterpretComponent:
		return h.Components != nil
	case configv1alpha1.InterpreterOperationReviseReplica:
		return h.ReviseReplica != nil
	case configv1alpha1.InterpreterOperationRetain:
		return h.Retain != nil
	case configv1alpha1.InterpreterOperationAggregateStatus:
		return h.AggregateStatus != nil
	case configv1alpha1.InterpreterOperationInterpretStatus:
		return h.Status != nil
	case configv1alpha1.InterpreterOperationInterpretHealth:
		return h.Health != nil
	case configv1alpha1.InterpreterOperationInterpretDependency:
		return h.Dependencies != nil
	}
	return false
}

// first returns the first hook, picked from a layer's hooks by pick, that is there.
func first[F any](i *Interpreter, obj *unstructured.Unstructured, pick func(Hooks) (F, bool)) (hook F, found bool) {
	kind := obj.GroupVersionKind()
	for _, layer := range i.layers {
		if hook, found = pick(layer.Hooks(kind)); found {
			return hook, true
		}
	}
	return hook, false
}

// Replicas returns how many replicas the object wants and what one of them asks of a cluster. The
// requirements are nil when it asks for nothing. An object of a kind without a hook has no replicas.
func (i *Interpreter) Replicas(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error) {
	hook, ok := first(i, obj, func(h Hooks) (func(*unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error), bool) {
		return h.Replicas, h.Replicas != nil
	})
	if !ok {
		return 0, nil, nil
	}
	replicas, requirements, err := hook(obj)
	if err != nil {
		return 0, nil, failed(obj, "replicas", err)
	}
	return replicas, requirements, nil
}

// Components returns the parts of a workload with several pod templates. No native kind has any.
func (i *Interpreter) Components(obj *unstructured.Unstructured) ([]workv1alpha2.Component, error) {
	hook, ok := first(i, obj, func(h Hooks) (func(*unstructured.Unstructured) ([]workv1alpha2.Component, error), bool) {
		return h.Components, h.Components != nil
	})
	if !ok {
		return nil, nil
	}
	components, err := hook(obj)
	return components, failed(obj, "components", err)
}

// ReviseReplica returns the object with another number of replicas. The object may be changed in
// place; it is returned as it is when no layer has a hook.
func (i *Interpreter) ReviseReplica(obj *unstructured.Unstructured, replicas int32) (*unstructured.Unstructured, error) {
	hook, ok := first(i, obj, func(h Hooks) (func(*unstructured.Unstructured, int32) (*unstructured.Unstructured, error), bool) {
		return h.ReviseReplica, h.ReviseReplica != nil
	})
	if !ok {
		return obj, nil
	}
	revised, err := hook(obj, replicas)
	return made(obj, revised, "set replicas", err)
}

// Retain returns the desired object with the fields that belong to the member taken over from the
// observed one. desired may be changed in place; observed is not changed, but the result may share
// parts with it.
func (i *Interpreter) Retain(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	hook, ok := first(i, desired, func(h Hooks) (func(_, _ *unstructured.Unstructured) (*unstructured.Unstructured, error), bool) {
		return h.Retain, h.Retain != nil
	})
	if !ok {
		return desired, nil
	}
	retained, err := hook(desired, observed)
	return made(desired, retained, "retain", err)
}

// AggregateStatus returns the template with the status that the items of all its clusters make
// together. It returns the template itself when nothing changes or no layer has a hook; otherwise
// an object that shares everything but its status with the template. An item without a status
// stands for a cluster that has not reported yet.
func (i *Interpreter) AggregateStatus(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	hook, ok := first(i, template, func(h Hooks) (func(*unstructured.Unstructured, []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error), bool) {
		return h.AggregateStatus, h.AggregateStatus != nil
	})
	if !ok {
		return template, nil
	}
	aggregated, err := hook(template, items)
	return made(template, aggregated, "aggregate status", err)
}

// Status returns the part of the object's status that is brought home, as JSON with sorted keys;
// nil if there is none. Without a hook that is the whole status.
func (i *Interpreter) Status(obj *unstructured.Unstructured) (*runtime.RawExtension, error) {
	hook, ok := first(i, obj, func(h Hooks) (func(*unstructured.Unstructured) (*runtime.RawExtension, error), bool) {
		return h.Status, h.Status != nil
	})
	if !ok {
		hook = wholeStatus
	}
	status, err := hook(obj)
	return status, failed(obj, "status", err)
}

// Health returns whether the object does what it should: Healthy for a kind without a hook, Unknown
// with an error when the hook fails.
func (i *Interpreter) Health(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	hook, ok := first(i, obj, func(h Hooks) (func(*unstructured.Unstructured) (workv1alpha2.ResourceHealth, error), bool) {
		return h.Health, h.Health != nil
	})
	if !ok {
		return workv1alpha2.ResourceHealthy, nil
	}
	health, err := hook(obj)
	if err != nil {
		return workv1alpha2.ResourceUnknown, failed(obj, "health", err)
	}
	return health, nil
}

// Dependencies returns what the object refers to and cannot work without, each once, in the order
// of kind, namespace and name.
func (i *Interpreter) Dependencies(obj *unstructured.Unstructured) ([]configv1alpha1.DependentObjectReference, error) {
	hook, ok := first(i, obj, func(h Hooks) (func(*unstructured.Unstructured) ([]configv1alpha1.DependentObjectReference, error), bool) {
		return h.Dependencies, h.Dependencies != nil
	})
	if !ok {
		return nil, nil
	}
	dependencies, err := hook(obj)
	return dependencies, failed(obj, "dependencies", err)
}

// made passes on an object that a hook made. A hook that makes none says so in an error; one that does
// neither has failed as well.
func made(from, result *unstructured.Unstructured, what string, err error) (*unstructured.Unstructured, error) {
	switch {
	case err != nil:
		return nil, failed(from, what, err)
	case result == nil || result.Object == nil:
		return nil, failed(from, what, errors.New("the answer is no object at all"))
	}
	return result, nil
}

func failed(obj *unstructured.Unstructured, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("interpret %s of %s %s/%s: %w", what, obj.GetKind(), obj.GetNamespace(), obj.GetName(), err)
}

func wholeStatus(obj *unstructured.Unstructured) (*runtime.RawExtension, error) {
	return raw(obj.Object["status"])
}

// raw encodes a value; nil and empty values have no encoding. Fields that are null are left out: they
// do not survive a merge patch, so they would look like a change for ever.
func raw(value any) (*runtime.RawExtension, error) {
	object, ok := value.(map[string]any)
	if !ok && value != nil {
		decoded, err := plain(value)
		if err != nil {
			return nil, err
		}
		if object, ok = decoded.(map[string]any); !ok {
			return nil, fmt.Errorf("status: must be an object, is %T", decoded)
		}
	}
	object, _ = withoutNulls(object).(map[string]any)
	if len(object) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return &runtime.RawExtension{Raw: data}, nil
}

// withoutNulls returns a value without the fields that are null. The value itself is not changed.
func withoutNulls(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, field := range v {
			if field != nil {
				out[key] = withoutNulls(field)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			out = append(out, withoutNulls(item))
		}
		return out
	}
	return value
}
