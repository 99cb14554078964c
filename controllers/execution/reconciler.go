package execution

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/uuid"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/validation"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/aggregate"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/hub"
)

// fillingCheck is how long to wait before a watch that has just begun is looked at again.
const fillingCheck = 200 * time.Millisecond

// servedCheck is how long to wait before a kind that a member does not serve is looked for again. The
// answer is shared by all Works of the member, so that many of them ask no more than one.
const servedCheck = 5 * time.Second

var (
	// errFilling says that it is not known yet what the member has.
	errFilling = errors.New("the objects of the member are being listed")
	// errPending says that the Work waits for its cluster; what it waits for wakes it.
	errPending = errors.New("pending")
)

// reconcile carries one Work out.
func (r *reconciler) reconcile(ctx context.Context, key types.NamespacedName) (ctrl.Result, error) {
	work := &workv1alpha1.Work{}
	if err := r.works.Get(ctx, key, work); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	name, ok := names.ClusterFromExecutionNamespace(work.Namespace)
	if !ok {
		return ctrl.Result{}, nil
	}
	cluster, err := r.cluster(ctx, name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if work.DeletionTimestamp != nil {
		return result(r.remove(ctx, work, cluster))
	}
	if work, err = r.complete(ctx, work); err != nil {
		return result(err)
	}
	if suspended(work) {
		r.follow(name, cluster, work)
		r.reportSuspended(work)
		return ctrl.Result{}, nil
	}
	m, err := r.member(name, cluster)
	if err != nil {
		return result(r.reportFailure(work, err))
	}
	return r.applyAll(ctx, name, m, work)
}

// result turns what went wrong into when to come again.
func result(err error) (ctrl.Result, error) {
	switch {
	case err == nil, errors.Is(err, errPending):
		return ctrl.Result{}, nil
	case errors.Is(err, errFilling):
		return ctrl.Result{RequeueAfter: fillingCheck}, nil
	case meta.IsNoMatchError(err):
		return ctrl.Result{RequeueAfter: servedCheck}, nil
	}
	return hub.Result(ctrl.Result{}, err)
}

// cluster returns the Cluster, nil when there is none.
func (r *reconciler) cluster(ctx context.Context, name string) (*clusterv1alpha1.Cluster, error) {
	cluster := &clusterv1alpha1.Cluster{}
	err := r.client.Get(ctx, types.NamespacedName{Name: name}, cluster, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read cluster %q: %w", name, err)
	}
	return cluster, nil
}

// member returns the connection to a cluster that can be written to.
func (r *reconciler) member(name string, cluster *clusterv1alpha1.Cluster) (managed.Member, error) {
	switch {
	case cluster == nil:
		return nil, fmt.Errorf("%w: there is no cluster %q", errPending, name)
	case !ready(cluster):
		return nil, fmt.Errorf("%w: cluster %q is not ready; this is applied as soon as it is", errPending, name)
	}
	m, err := r.members.Member(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; this is applied as soon as it is", errPending, err)
	}
	return m, nil
}

// follow lets the status of a suspended Work's objects come home all the same. What is in the way of
// that is no concern of a Work that nothing is done for.
func (r *reconciler) follow(name string, cluster *clusterv1alpha1.Cluster, work *workv1alpha1.Work) {
	m, err := r.member(name, cluster)
	if err != nil || !reportedApplied(work) {
		return
	}
	for i := range work.Spec.Workload.Manifests {
		if desired, err := decode(work.Spec.Workload.Manifests[i]); err == nil {
			_, _ = r.members.Follow(name, m, desired.GroupVersionKind())
		}
	}
}

func suspended(work *workv1alpha1.Work) bool {
	return work.Spec.SuspendDispatching != nil && *work.Spec.SuspendDispatching
}

// complete gives a Work that somebody wrote by hand what rendered ones have: the finalizer, and the
// id and marks if admission did not.
func (r *reconciler) complete(ctx context.Context, work *workv1alpha1.Work) (*workv1alpha1.Work, error) {
	if controllerutil.ContainsFinalizer(work, names.ExecutionFinalizer) && work.Labels[names.WorkPermanentID] != "" {
		return work, nil
	}
	work = work.DeepCopy()
	_, err := hub.Patch(ctx, r.client, work, func(w *workv1alpha1.Work) {
		controllerutil.AddFinalizer(w, names.ExecutionFinalizer)
		if w.Labels[names.WorkPermanentID] == "" {
			validation.DefaultWork(w, string(uuid.NewUUID()))
		}
	})
	if err == nil {
		r.works.Wrote(work)
	}
	return work, err
}

// applyAll applies every manifest of a Work and reports. One that fails does not stop the others.
func (r *reconciler) applyAll(ctx context.Context, cluster string, m managed.Member, work *workv1alpha1.Work) (ctrl.Result, error) {
	began := time.Now()
	var errs []error
	var wrote, settled []string
	var seen []workv1alpha1.ManifestStatus
	for i := range work.Spec.Workload.Manifests {
		desired, err := decode(work.Spec.Workload.Manifests[i])
		if err != nil {
			errs = append(errs, fmt.Errorf("spec.workload.manifests[%d]: %w", i, err))
			continue
		}
		a := &application{reconciler: r, member: m, cluster: cluster, work: work, desired: desired}
		done, err := a.guarded(ctx)
		if errors.Is(err, errFilling) {
			return result(err)
		}
		what := desired.GetKind() + " " + client.ObjectKeyFromObject(desired).String()
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, a.explain(err)))
			continue
		}
		if done.wrote {
			wrote = append(wrote, what)
		}
		if done.settled != "" {
			settled = append(settled, done.settled)
		}
		// errors are for the status controller to tell
		if status, statusErr, healthErr := aggregate.Reflect(r.interpreter, i, a.plural, done.object, aggregate.Last(work, i)); statusErr == nil && healthErr == nil {
			seen = append(seen, status)
		}
	}
	if len(wrote)+len(errs) > 0 {
		observe(began, len(errs) > 0)
	}
	if len(wrote) > 0 {
		r.recorder.Eventf(work, "Normal", names.EventReasonSyncWorkloadSucceed, "Applied %s to cluster %s", strings.Join(wrote, ", "), cluster)
	}
	if len(errs) > 0 {
		return result(r.reportFailure(work, errors.Join(errs...)))
	}
	work, err := r.remember(ctx, work, settled)
	if err != nil {
		return result(err)
	}
	if len(seen) < len(work.Spec.Workload.Manifests) || aggregate.Fit(work, seen) != nil {
		seen = nil // the status controller sees to it
	}
	r.reportSuccess(work, seen)
	return ctrl.Result{}, nil
}

// AnnotationSettled on a Work holds a fingerprint for each of its objects that the member makes
// something else of than what is written (it fills in defaults, or its admission changes fields): of
// what was written, and of what became of it. While both are the same there is nothing to repair,
// which is known after a restart, too. Objects that are kept as written need none.
const AnnotationSettled = "execution.seaway.dev/settled"

func (r *reconciler) remember(ctx context.Context, work *workv1alpha1.Work, settled []string) (*workv1alpha1.Work, error) {
	slices.Sort(settled)
	value := strings.Join(settled, ",")
	if work.Annotations[AnnotationSettled] == value {
		return work, nil
	}
	work = work.DeepCopy()
	_, err := hub.Patch(ctx, r.client, work, func(w *workv1alpha1.Work) {
		if value == "" {
			delete(w.Annotations, AnnotationSettled)
			return
		}
		if w.Annotations == nil {
			w.Annotations = map[string]string{}
		}
		w.Annotations[AnnotationSettled] = value
	})
	if err == nil {
		r.works.Wrote(work)
	}
	return work, err
}

// settledWith says whether the member's answer with that fingerprint is known.
func settledWith(work *workv1alpha1.Work, fingerprint string) bool {
	return slices.Contains(strings.Split(work.Annotations[AnnotationSettled], ","), fingerprint)
}

func decode(m workv1alpha1.Manifest) (*unstructured.Unstructured, error) {
	obj := &unstructured.Unstructured{}
	// this decoder keeps whole numbers whole
	if err := utiljson.Unmarshal(m.Raw, &obj.Object); err != nil {
		return nil, fmt.Errorf("must be a JSON object: %w", err)
	}
	if obj.Object == nil {
		return nil, errors.New("must be a JSON object; remove the empty item")
	}
	if obj.GetAPIVersion() == "" || obj.GetKind() == "" || obj.GetName() == "" {
		return nil, errors.New("needs apiVersion, kind and metadata.name")
	}
	return obj, nil
}
