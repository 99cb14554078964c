package interpreter

import (
	"errors"
	"fmt"

	jsonpatch "github.com/evanphx/json-patch/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/uuid"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/interpret/answer"
)

// longestPatch bounds what a patch may copy within an object.
const longestPatch = 4 << 20

// hook puts the function that asks the webhook into the hooks of a kind.
func (w *webhook) hook(operation configv1alpha1.InterpreterOperation, h *interpret.Hooks) {
	switch operation {
	case configv1alpha1.InterpreterOperationInterpretReplica:
		h.Replicas = w.replicas
	case configv1alpha1.InterpreterOperationInterpretComponent:
		h.Components = w.components
	case configv1alpha1.InterpreterOperationReviseReplica:
		h.ReviseReplica = w.reviseReplica
	case configv1alpha1.InterpreterOperationRetain:
		h.Retain = w.retain
	case configv1alpha1.InterpreterOperationAggregateStatus:
		h.AggregateStatus = w.aggregateStatus
	case configv1alpha1.InterpreterOperationInterpretStatus:
		h.Status = w.status
	case configv1alpha1.InterpreterOperationInterpretHealth:
		h.Health = w.health
	case configv1alpha1.InterpreterOperationInterpretDependency:
		h.Dependencies = w.dependencies
	}
}

// question is a request about an object, without what only some operations have.
func question(operation configv1alpha1.InterpreterOperation, obj *unstructured.Unstructured) *configv1alpha1.ResourceInterpreterRequest {
	kind := obj.GroupVersionKind()
	return &configv1alpha1.ResourceInterpreterRequest{
		UID:       uuid.NewUUID(),
		Kind:      metav1.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind},
		Name:      obj.GetName(),
		Namespace: obj.GetNamespace(),
		Operation: operation,
		Object:    runtime.RawExtension{Object: obj},
	}
}

func (w *webhook) replicas(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error) {
	response, err := w.ask(question(configv1alpha1.InterpreterOperationInterpretReplica, obj))
	if err != nil {
		return 0, nil, err
	}
	if response.Replicas == nil || *response.Replicas < 0 {
		return 0, nil, w.failed(errors.New("response.replicas: must be a number from 0 on"))
	}
	return *response.Replicas, response.ReplicaRequirements, nil
}

func (w *webhook) components(obj *unstructured.Unstructured) ([]workv1alpha2.Component, error) {
	response, err := w.ask(question(configv1alpha1.InterpreterOperationInterpretComponent, obj))
	if err != nil {
		return nil, err
	}
	return response.Components, nil
}

func (w *webhook) reviseReplica(obj *unstructured.Unstructured, replicas int32) (*unstructured.Unstructured, error) {
	request := question(configv1alpha1.InterpreterOperationReviseReplica, obj)
	request.DesiredReplicas = &replicas
	return w.patched(obj, request)
}

func (w *webhook) retain(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	request := question(configv1alpha1.InterpreterOperationRetain, desired)
	request.ObservedObject = &runtime.RawExtension{Object: observed}
	return w.patched(desired, request)
}

func (w *webhook) aggregateStatus(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	request := question(configv1alpha1.InterpreterOperationAggregateStatus, template)
	request.AggregatedStatus = items
	aggregated, err := w.patched(template, request)
	if err != nil {
		return nil, err
	}
	return answer.Status(template, aggregated), nil
}

// patched asks, and applies the patch of the answer to the object. No patch leaves it as it is.
func (w *webhook) patched(obj *unstructured.Unstructured, request *configv1alpha1.ResourceInterpreterRequest) (*unstructured.Unstructured, error) {
	response, err := w.ask(request)
	if err != nil {
		return nil, err
	}
	switch {
	case len(response.Patch) == 0 && response.PatchType == nil:
		return obj, nil
	case len(response.Patch) == 0:
		return nil, w.failed(errors.New("response.patch: is empty, with a response.patchType"))
	case response.PatchType == nil || *response.PatchType != configv1alpha1.PatchTypeJSONPatch:
		return nil, w.failed(fmt.Errorf("response.patchType: must be %s", configv1alpha1.PatchTypeJSONPatch))
	}
	changed, err := apply(obj, response.Patch)
	if err != nil {
		return nil, w.failed(err)
	}
	return changed, nil
}

func apply(obj *unstructured.Unstructured, data []byte) (*unstructured.Unstructured, error) {
	patch, err := jsonpatch.DecodePatch(data)
	if err != nil {
		return nil, errors.New("response.patch: is not a JSON patch")
	}
	before, err := obj.MarshalJSON()
	if err != nil {
		return nil, err
	}
	options := jsonpatch.NewApplyOptions()
	options.AccumulatedCopySizeLimit = longestPatch
	after, err := patch.ApplyWithOptions(before, options)
	if err != nil {
		return nil, fmt.Errorf("response.patch: does not apply: %s", clip(err.Error()))
	}
	changed := &unstructured.Unstructured{}
	if err := changed.UnmarshalJSON(after); err != nil {
		return nil, errors.New("response.patch: does not leave an object")
	}
	if err := answer.SameObject(obj, changed); err != nil {
		return nil, err
	}
	return changed, nil
}

func (w *webhook) status(obj *unstructured.Unstructured) (*runtime.RawExtension, error) {
	response, err := w.ask(question(configv1alpha1.InterpreterOperationInterpretStatus, obj))
	if err != nil {
		return nil, err
	}
	if response.RawStatus == nil {
		return nil, w.failed(errors.New("response.rawStatus: is missing"))
	}
	return sorted(response.RawStatus)
}

// native reads the status of an object of any kind.
var native = interpret.New()

// sorted writes a status as one of an object is: fields in order, nulls left out, so that the same status
// is the same text.
func sorted(status *runtime.RawExtension) (*runtime.RawExtension, error) {
	var fields any
	if err := utiljson.Unmarshal(status.Raw, &fields); err != nil {
		return nil, errors.New("response.rawStatus: is not JSON")
	}
	return native.Status(&unstructured.Unstructured{Object: map[string]any{"status": fields}})
}

func (w *webhook) health(obj *unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) {
	response, err := w.ask(question(configv1alpha1.InterpreterOperationInterpretHealth, obj))
	switch {
	case err != nil:
		return workv1alpha2.ResourceUnknown, err
	case response.Healthy == nil:
		return workv1alpha2.ResourceUnknown, w.failed(errors.New("response.healthy: is missing"))
	case *response.Healthy:
		return workv1alpha2.ResourceHealthy, nil
	}
	return workv1alpha2.ResourceUnhealthy, nil
}

func (w *webhook) dependencies(obj *unstructured.Unstructured) ([]configv1alpha1.DependentObjectReference, error) {
	response, err := w.ask(question(configv1alpha1.InterpreterOperationInterpretDependency, obj))
	if err != nil {
		return nil, err
	}
	references, err := answer.Dependencies(response.Dependencies)
	if err != nil {
		return nil, w.failed(fmt.Errorf("response.%w", err))
	}
	return references, nil
}
