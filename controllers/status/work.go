package status

import (
	"context"
	"encoding/json"
	"errors"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/aggregate"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/execution/reports"
	"github.com/seaway-io/seaway/controllers/hub"
)

// workReconciler reflects the objects of a Work into its manifest statuses.
type workReconciler struct {
	client      client.Client
	reports     *reports.Desk
	recorder    record.EventRecorder
	members     *managed.Watcher
	interpreter *interpret.Interpreter
	pace        *pacer
}

// Reconcile reflects one Work.
func (r *workReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	work := &workv1alpha1.Work{}
	if err := r.reports.Works().Get(ctx, req.NamespacedName, work); err != nil {
		r.pace.forget(req)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	cluster, ok := names.ClusterFromExecutionNamespace(work.Namespace)
	if !ok || work.DeletionTimestamp != nil {
		r.pace.forget(req)
		return ctrl.Result{}, nil
	}
	if !reported(work) {
		return ctrl.Result{}, nil // execution writes the first status with its own; that wakes the Work
	}
	m, err := r.members.Member(cluster)
	if err != nil {
		return ctrl.Result{}, nil // its connection wakes all its Works
	}
	var statuses []workv1alpha1.ManifestStatus
	var unanswered error
	for i := range work.Spec.Workload.Manifests {
		status, err := r.reflect(work, i, cluster, m)
		if status != nil {
			statuses = append(statuses, *status)
		}
		unanswered = errors.Join(unanswered, err)
	}
	if err := aggregate.Fit(work, statuses); err != nil {
		r.recorder.Eventf(work, "Warning", names.EventReasonReflectStatusFailed, "%v", err)
	}
	if aggregate.SameStatuses(work.Status.ManifestStatuses, statuses) {
		return ctrl.Result{}, unanswered
	}
	if left := r.pace.left(req); left > 0 {
		return ctrl.Result{RequeueAfter: left}, nil
	}
	r.reports.Put(work, reports.Report{Statuses: statuses, Reflected: true})
	r.pace.wrote(req, r.pace.clock.Now())
	return ctrl.Result{}, unanswered
}

// identity is as much of a manifest as is needed to find its object.
type identity struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
}

// reflect returns the status of one object, nil if it is not there. While that is not known it
// returns the last one. It reads what watches have shown and asks no member, so that one that does not
// answer keeps nobody waiting. The error is an interpret.ErrUnanswered: what is told may be told better.
func (r *workReconciler) reflect(work *workv1alpha1.Work, ordinal int, cluster string, m managed.Member) (*workv1alpha1.ManifestStatus, error) {
	var id identity
	if err := json.Unmarshal(work.Spec.Workload.Manifests[ordinal].Raw, &id); err != nil {
		return nil, nil // the condition Applied says so
	}
	kind := r.members.Followed(cluster, m, schema.FromAPIVersionAndKind(id.APIVersion, id.Kind))
	if kind == nil {
		// Execution asks the member, in the lane of that member. What its watch then shows is told.
		return aggregate.Last(work, ordinal), nil
	}
	objects := kind.Objects
	obj, exists := objects.Get(id.Metadata.Namespace, id.Metadata.Name)
	switch {
	case !exists && objects.State() != managed.Complete:
		return aggregate.Last(work, ordinal), nil // it is told when it comes
	case !exists || !holds(work, obj):
		return nil, nil
	}
	return r.interpret(work, ordinal, kind.Mapping.Resource, obj)
}

// interpret asks what the status and health of the object are. What cannot be told is told as that.
func (r *workReconciler) interpret(work *workv1alpha1.Work, ordinal int, resource schema.GroupVersionResource, obj *unstructured.Unstructured) (*workv1alpha1.ManifestStatus, error) {
	status, statusErr, healthErr := aggregate.Reflect(r.interpreter, ordinal, resource, obj, aggregate.Last(work, ordinal))
	if statusErr != nil {
		r.recorder.Event(work, "Warning", names.EventReasonReflectStatusFailed, hub.Brief(statusErr.Error()))
	}
	if healthErr != nil {
		r.recorder.Event(work, "Warning", names.EventReasonInterpretHealthFailed, hub.Brief(healthErr.Error()))
	}
	if err := errors.Join(statusErr, healthErr); errors.Is(err, interpret.ErrUnanswered) {
		return &status, err
	}
	return &status, nil
}

// holds says whether the object in the member is that of this Work.
func holds(work *workv1alpha1.Work, obj *unstructured.Unstructured) bool {
	annotations := obj.GetAnnotations()
	return annotations[names.WorkNamespaceAnnotation] == work.Namespace && annotations[names.WorkNameAnnotation] == work.Name
}
