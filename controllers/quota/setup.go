package quota

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/hub"
)

const (
	// IndexWorkByQuota finds the Works of a quota, by "namespace/name".
	IndexWorkByQuota = "metadata.labels.quota"
	// IndexQuotaByCluster finds the quotas that assign a share to a cluster.
	IndexQuotaByCluster = "spec.staticAssignments.clusterName"
)

// settle is how long changes of bindings, Works and ledgers wait for others: they come in bursts.
const settle = 200 * time.Millisecond

// Options of the controller.
type Options struct {
	// Enforce counts what the bindings use, for admission to enforce spec.overall (Karmada's feature gate
	// FederatedQuotaEnforcement; see webhook.SetupQuota). Without it status.overallUsed is what the clusters
	// say of their shares.
	Enforce bool
	// Workers is how many quotas are handled at a time; 4 when 0.
	Workers int
}

// Setup adds the controller to the manager, and its indexes to the manager's cache.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Workers == 0 {
		o.Workers = 4
	}
	if err := setupIndexes(context.Background(), mgr.GetFieldIndexer()); err != nil {
		return err
	}
	r := &reconciler{client: mgr.GetClient(), live: mgr.GetAPIReader(), recorder: hub.Recorder(mgr, "quota"), clock: clock.RealClock{}, enforce: o.Enforce}
	b := ctrl.NewControllerManagedBy(mgr).
		Named("quota").
		For(&policyv1alpha1.FederatedResourceQuota{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&workv1alpha1.Work{}, paced(ofWork), builder.WithPredicates(shareOfACluster)).
		Watches(&corev1.Namespace{}, paced(r.ofCluster), builder.WithPredicates(appeared)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](50*time.Millisecond, time.Minute),
		})
	if o.Enforce {
		b = b.Watches(&policyv1alpha1.FederatedResourceQuota{}, paced(itself), builder.WithPredicates(ledgerChanged)).
			Watches(&workv1alpha2.ResourceBinding{}, paced(r.ofNamespace), builder.WithPredicates(usageMayChange))
	}
	if err := b.Complete(r); err != nil {
		return fmt.Errorf("set up quotas: %w", err)
	}
	return nil
}

func setupIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, index := range []struct {
		of   client.Object
		name string
		keys client.IndexerFunc
	}{
		{&workv1alpha1.Work{}, IndexWorkByQuota, quotaOfWork},
		{&policyv1alpha1.FederatedResourceQuota{}, IndexQuotaByCluster, clustersOfQuota},
	} {
		if err := indexer.IndexField(ctx, index.of, index.name, index.keys); err != nil {
			return fmt.Errorf("index %T by %s: %w", index.of, index.name, err)
		}
	}
	return nil
}

func quotaOfWork(work client.Object) []string {
	if key, ok := keyOfWork(work); ok {
		return []string{key.String()}
	}
	return nil
}

func keyOfWork(work client.Object) (client.ObjectKey, bool) {
	labels := work.GetLabels()
	key := client.ObjectKey{Namespace: labels[names.FederatedResourceQuotaNamespace], Name: labels[names.FederatedResourceQuotaName]}
	return key, key.Namespace != "" && key.Name != ""
}

func clustersOfQuota(q client.Object) []string {
	var out []string
	for _, a := range q.(*policyv1alpha1.FederatedResourceQuota).Spec.StaticAssignments {
		out = append(out, a.ClusterName)
	}
	return out
}

// paced queues what an event is about after a moment, so that a burst is handled once.
func paced(mapping func(context.Context, client.Object) []reconcile.Request) handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	later := func(ctx context.Context, obj client.Object, q queue) {
		for _, req := range mapping(ctx, obj) {
			q.AddAfter(req, settle)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { later(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { later(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { later(ctx, e.Object, q) },
	}
}

func itself(_ context.Context, obj client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(obj)}}
}

func ofWork(_ context.Context, work client.Object) []reconcile.Request {
	if key, ok := keyOfWork(work); ok {
		return []reconcile.Request{{NamespacedName: key}}
	}
	return nil
}

// ofNamespace are the quotas of the namespace of a binding.
func (r *reconciler) ofNamespace(ctx context.Context, obj client.Object) []reconcile.Request {
	return r.quotas(ctx, client.InNamespace(obj.GetNamespace()))
}

// ofCluster are the quotas that wait for a cluster to have its execution namespace.
func (r *reconciler) ofCluster(ctx context.Context, space client.Object) []reconcile.Request {
	cluster, _ := names.ClusterFromExecutionNamespace(space.GetName())
	return r.quotas(ctx, client.MatchingFields{IndexQuotaByCluster: cluster})
}

func (r *reconciler) quotas(ctx context.Context, which client.ListOption) []reconcile.Request {
	var list policyv1alpha1.FederatedResourceQuotaList
	if err := r.client.List(ctx, &list, which, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list the quotas that an event is about")
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return out
}

// shareOfACluster passes Works of quotas when their spec or what their clusters say changes.
var shareOfACluster = predicate.And(
	predicate.NewPredicateFuncs(func(work client.Object) bool { _, ok := keyOfWork(work); return ok }),
	predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*workv1alpha1.Work), e.ObjectNew.(*workv1alpha1.Work)
		return before.Generation != after.Generation || !equality.Semantic.DeepEqual(before.Status, after.Status)
	}},
)

// appeared passes execution namespaces that are new.
var appeared = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool {
		_, ok := names.ClusterFromExecutionNamespace(e.Object.GetName())
		return ok
	},
	UpdateFunc:  func(event.UpdateEvent) bool { return false },
	DeleteFunc:  func(event.DeleteEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

// ledgerChanged passes quotas that something was admitted by, or whose ledger was spoilt.
var ledgerChanged = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetAnnotations()[names.QuotaLedgerAnnotation] != e.ObjectNew.GetAnnotations()[names.QuotaLedgerAnnotation]
	},
}

// usageMayChange passes new specs of bindings. What the cache starts with is counted with the quotas.
var usageMayChange = predicate.And(predicate.GenerationChangedPredicate{}, predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList && placed(e.Object) },
	DeleteFunc: func(e event.DeleteEvent) bool { return placed(e.Object) },
	UpdateFunc: func(e event.UpdateEvent) bool { return placed(e.ObjectOld) || placed(e.ObjectNew) },
})

func placed(b client.Object) bool {
	return len(b.(*workv1alpha2.ResourceBinding).Spec.Clusters) > 0
}
