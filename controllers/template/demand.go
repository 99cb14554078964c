package template

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

// Interpreter knows what an object asks for. controllers/core/interpret has it.
type Interpreter interface {
	Handles(gvk schema.GroupVersionKind, op configv1alpha1.InterpreterOperation) bool
	Replicas(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error)
	Components(obj *unstructured.Unstructured) ([]workv1alpha2.Component, error)
}

// question is what the interpreter is asked about a kind, and what is said of its answer.
type question struct {
	operation                  configv1alpha1.InterpreterOperation
	succeeded, failed, message string
}

// questions are asked in this order; the first that the interpreter can answer for a kind counts.
var questions = []question{
	{configv1alpha1.InterpreterOperationInterpretComponent, names.EventReasonGetComponentsSucceed, names.EventReasonGetComponentsFailed, "the components are known"},
	{configv1alpha1.InterpreterOperationInterpretReplica, names.EventReasonGetReplicasSucceed, names.EventReasonGetReplicasFailed, "the replicas are known"},
}

// questionFor is false for a kind that asks for nothing.
func (r *reconciler) questionFor(gvk schema.GroupVersionKind) (question, bool) {
	for _, q := range questions {
		if r.interpreter.Handles(gvk, q.operation) {
			return q, true
		}
	}
	return question{}, false
}

// demand is what the template asks of clusters.
func (r *reconciler) demand(t *unstructured.Unstructured) (d claim.Demand, err error) {
	q, ok := r.questionFor(t.GroupVersionKind())
	if !ok {
		return d, nil
	}
	if q.operation == configv1alpha1.InterpreterOperationInterpretComponent {
		d.Components, err = r.interpreter.Components(t)
	} else {
		d.Replicas, d.Requirements, err = r.interpreter.Replicas(t)
	}
	if err != nil {
		return d, &demandError{err, q.failed}
	}
	return d, nil
}

// demandError is told apart, for it has an event of its own.
type demandError struct {
	error
	reason string
}

func (e *demandError) Unwrap() error { return e.error }
