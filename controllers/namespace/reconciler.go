package namespace

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Options of the controller.
type Options struct {
	// SkippedNamespaces are regular expressions for names of namespaces that stay on the hub,
	// besides "default" and those of the system; claim.DefaultSkippedNamespaces when nil.
	SkippedNamespaces []string
	// Workers is how many namespaces are handled at a time; 4 when 0.
	Workers int
}

// Setup adds the controller to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Workers == 0 {
		o.Workers = 4
	}
	if o.SkippedNamespaces == nil {
		o.SkippedNamespaces = claim.DefaultSkippedNamespaces
	}
	rules, err := claim.ParseRules(nil, o.SkippedNamespaces)
	if err != nil {
		return err
	}
	r := &reconciler{client: mgr.GetClient(), rules: &rules}
	err = ctrl.NewControllerManagedBy(mgr).
		Named("namespace").
		For(&corev1.Namespace{}, builder.WithPredicates(described)).
		Owns(&workv1alpha1.Work{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.intoNewCluster), builder.WithPredicates(appeared)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](50*time.Millisecond, time.Minute),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up namespaces: %w", err)
	}
	return nil
}

// described passes a namespace whose labels or annotations changed; the rest of it is not copied.
var described = predicate.And(
	predicate.Or[client.Object](predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{}),
	predicate.Funcs{DeleteFunc: func(event.DeleteEvent) bool { return false }},
)

// appeared passes namespaces that are new.
var appeared = predicate.Funcs{
	UpdateFunc:  func(event.UpdateEvent) bool { return false },
	DeleteFunc:  func(event.DeleteEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

type reconciler struct {
	client client.Client
	rules  *claim.Rules
}

// Reconcile makes sure of the Works of one namespace. A cluster that refuses its Work does not keep
// others from theirs.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var ns corev1.Namespace
	if err := r.client.Get(ctx, req.NamespacedName, &ns); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !r.propagates(&ns) {
		return ctrl.Result{}, nil
	}
	clusters, err := r.clusters(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	var errs []error
	for _, cluster := range clusters {
		if err := r.ensure(ctx, &ns, cluster); err != nil {
			errs = append(errs, fmt.Errorf("namespace %s in cluster %s: %w", ns.Name, cluster, err))
		}
	}
	return hub.Result(ctrl.Result{}, errors.Join(errs...))
}

func (r *reconciler) propagates(ns *corev1.Namespace) bool {
	return ns.DeletionTimestamp == nil && ns.Name != corev1.NamespaceDefault && !r.rules.SkipsNamespace(ns.Name) &&
		ns.Labels[names.SkipAutoPropagationLabel] != "true"
}

// clusters are those whose execution namespace is there and stays.
func (r *reconciler) clusters(ctx context.Context) ([]string, error) {
	var spaces corev1.NamespaceList
	if err := r.client.List(ctx, &spaces, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	var out []string
	for i := range spaces.Items {
		if cluster, ok := names.ClusterFromExecutionNamespace(spaces.Items[i].Name); ok && spaces.Items[i].DeletionTimestamp == nil {
			out = append(out, cluster)
		}
	}
	return out, nil
}

func (r *reconciler) ensure(ctx context.Context, ns *corev1.Namespace, cluster string) error {
	work := &workv1alpha1.Work{}
	work.Namespace, work.Name = names.ExecutionNamespace(cluster), names.WorkName(kind.Kind, ns.Name, "")
	err := r.client.Get(ctx, client.ObjectKeyFromObject(work), work)
	newID := string(uuid.NewUUID())
	switch {
	case apierrors.IsNotFound(err):
		if err := fill(work, ns, newID); err != nil {
			return err
		}
		return client.IgnoreAlreadyExists(r.client.Create(ctx, work))
	case err != nil:
		return err
	case work.DeletionTimestamp != nil, work.Labels[names.ClusterResourceBindingPermanentID] != "":
		return nil // on its way out, or a policy propagates the namespace
	}
	var failed error
	_, err = hub.Patch(ctx, r.client, work, func(work *workv1alpha1.Work) { failed = fill(work, ns, newID) })
	return errors.Join(failed, err)
}

// intoNewCluster maps a new execution namespace to all namespaces that its cluster needs.
func (r *reconciler) intoNewCluster(ctx context.Context, space client.Object) []reconcile.Request {
	if _, ok := names.ClusterFromExecutionNamespace(space.GetName()); !ok {
		return nil
	}
	var all corev1.NamespaceList
	if err := r.client.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list namespaces")
		return nil
	}
	var out []reconcile.Request
	for i := range all.Items {
		if r.propagates(&all.Items[i]) {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&all.Items[i])})
		}
	}
	return out
}
