package namespace

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/override"
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
	r := &reconciler{client: mgr.GetClient(), recorder: hub.Recorder(mgr, "namespace-controller"), rules: &rules}
	err = ctrl.NewControllerManagedBy(mgr).
		Named("namespace").
		For(&corev1.Namespace{}, builder.WithPredicates(described)).
		Owns(&workv1alpha1.Work{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(r.intoNewCluster), builder.WithPredicates(appeared)).
		Watches(&policyv1alpha1.ClusterOverridePolicy{}, handler.EnqueueRequestsFromMapFunc(r.overridden), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&clusterv1alpha1.Cluster{}, handler.EnqueueRequestsFromMapFunc(r.relabelled), builder.WithPredicates(located)).
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

// located passes clusters that an override may apply to now and not before, or the other way round.
var located = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		was, is := e.ObjectOld.(*clusterv1alpha1.Cluster), e.ObjectNew.(*clusterv1alpha1.Cluster)
		return !maps.Equal(was.Labels, is.Labels) || was.Spec.Provider != is.Spec.Provider || was.Spec.Region != is.Spec.Region ||
			was.Spec.Zone != is.Spec.Zone || !slices.Equal(was.Spec.Zones, is.Spec.Zones)
	},
}

// parallelWrites is how many clusters' Works of one namespace are written at a time.
const parallelWrites = 8

type reconciler struct {
	client   client.Client
	recorder record.EventRecorder
	rules    *claim.Rules
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
	overrides, err := r.overrides(ctx, &ns)
	if err != nil {
		return ctrl.Result{}, err
	}
	errs := make([]error, len(clusters))
	var group errgroup.Group
	group.SetLimit(parallelWrites)
	for i, cluster := range clusters {
		group.Go(func() error {
			if err := r.ensure(ctx, &ns, cluster, overrides); err != nil {
				errs[i] = fmt.Errorf("namespace %s in cluster %s: %w", ns.Name, cluster, err)
			}
			return nil // one cluster's failure does not stop the others
		})
	}
	_ = group.Wait() // the functions return none
	return hub.Result(ctrl.Result{}, r.tell(&ns, errs))
}

// tell says which overrides can not be applied, and returns the other errors, which are worth another try:
// an override fails again until it, its cluster or the namespace changes.
func (r *reconciler) tell(ns *corev1.Namespace, errs []error) error {
	var others []error
	for _, err := range errs {
		if failed := (*override.Error)(nil); errors.As(err, &failed) {
			r.recorder.Event(ns, corev1.EventTypeWarning, names.EventReasonApplyOverridePolicyFailed, err.Error())
			continue
		}
		others = append(others, err)
	}
	return errors.Join(others...)
}

// overrides are the ClusterOverridePolicies that concern the namespace, nil when there are none at all.
func (r *reconciler) overrides(ctx context.Context, ns *corev1.Namespace) (*override.Policies, error) {
	var list policyv1alpha1.ClusterOverridePolicyList
	if err := r.client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list ClusterOverridePolicies: %w", err)
	}
	if len(list.Items) == 0 {
		return nil, nil
	}
	selected := override.Select(member(ns), list.Items, nil)
	return &selected, nil
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

func (r *reconciler) ensure(ctx context.Context, ns *corev1.Namespace, cluster string, overrides *override.Policies) error {
	work := &workv1alpha1.Work{}
	work.Namespace, work.Name = names.ExecutionNamespace(cluster), names.WorkName(kind.Kind, ns.Name, "")
	obj, applied, err := r.inCluster(ctx, ns, cluster, overrides)
	if err != nil {
		return err
	}
	err = r.client.Get(ctx, client.ObjectKeyFromObject(work), work)
	newID := string(uuid.NewUUID())
	switch {
	case apierrors.IsNotFound(err):
		if err := fill(work, ns, obj, applied, newID); err != nil {
			return err
		}
		return client.IgnoreAlreadyExists(r.client.Create(ctx, work))
	case err != nil:
		return err
	case work.DeletionTimestamp != nil, work.Labels[names.ClusterResourceBindingPermanentID] != "":
		return nil // on its way out, or a policy propagates the namespace
	}
	var failed error
	_, err = hub.Patch(ctx, r.client, work, func(work *workv1alpha1.Work) { failed = fill(work, ns, obj, applied, newID) })
	return errors.Join(failed, err)
}

// inCluster is the namespace as a cluster gets it, and the annotations that say which overrides it got.
func (r *reconciler) inCluster(ctx context.Context, ns *corev1.Namespace, name string, overrides *override.Policies) (*unstructured.Unstructured, map[string]string, error) {
	obj, cluster := member(ns), &clusterv1alpha1.Cluster{}
	if overrides == nil {
		return obj, nil, nil
	}
	if err := r.client.Get(ctx, client.ObjectKey{Name: name}, cluster, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("read cluster %s: %w", name, err)
	}
	applied, err := overrides.Apply(obj, cluster)
	if err != nil {
		return nil, nil, err
	}
	annotations, err := applied.Annotations()
	return obj, annotations, err
}

// overridden maps an override policy to all namespaces, if it may select any.
func (r *reconciler) overridden(ctx context.Context, policy client.Object) []reconcile.Request {
	selectors := policy.(policyv1alpha1.Override).GetOverrideSpec().ResourceSelectors
	about := func(s policyv1alpha1.ResourceSelector) bool { return s.APIVersion == "v1" && s.Kind == kind.Kind }
	if len(selectors) > 0 && !slices.ContainsFunc(selectors, about) {
		return nil
	}
	return r.all(ctx)
}

// relabelled maps a cluster to all namespaces, if there are overrides at all.
func (r *reconciler) relabelled(ctx context.Context, _ client.Object) []reconcile.Request {
	var list policyv1alpha1.ClusterOverridePolicyList
	if err := r.client.List(ctx, &list, client.UnsafeDisableDeepCopy); err == nil && len(list.Items) == 0 {
		return nil
	}
	return r.all(ctx)
}

// intoNewCluster maps a new execution namespace to all namespaces that its cluster needs.
func (r *reconciler) intoNewCluster(ctx context.Context, space client.Object) []reconcile.Request {
	if _, ok := names.ClusterFromExecutionNamespace(space.GetName()); !ok {
		return nil
	}
	return r.all(ctx)
}

// all are the namespaces that are propagated.
func (r *reconciler) all(ctx context.Context) []reconcile.Request {
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
