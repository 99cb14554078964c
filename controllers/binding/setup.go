// Package binding turns ResourceBindings and ClusterResourceBindings into Works: one per cluster that
// is to hold the template. What a Work says is decided in package core/render; this package gathers
// what that needs, writes what changed, and removes what is no longer wanted.
//
// What a template depends on goes first: its Work for a cluster that has none is held back until the
// Works that Options.Before names are applied there, for half a minute at most (see hold.go).
package binding

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Options of the controllers. The indexes of package hub and works.IndexByBinding have been set up
// before.
type Options struct {
	// Interpreter knows what kinds mean.
	Interpreter *interpret.Interpreter
	// Interpretations tells when that changes; nil when it never does.
	Interpretations *hub.Interpretations
	// Before returns the Works, by cluster, that have to be applied before the template is sent to any of
	// the given clusters, and are not. Package dependency has it; nil when nothing has to go first.
	Before BeforeFunc
	// Clock is the real one when nil.
	Clock clock.PassiveClock
	// Workers is how many bindings are handled at a time, of each of the two kinds; 8 when 0.
	Workers int
}

// retries starts fast, for most errors are races, and goes on for what lasts.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Minute
)

// Setup adds a controller for each kind of binding to the manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Workers == 0 {
		o.Workers = 8
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if err := setupIndexes(mgr.GetFieldIndexer()); err != nil {
		return err
	}
	for _, empty := range []func() workv1alpha2.Binding{
		func() workv1alpha2.Binding { return &workv1alpha2.ResourceBinding{} },
		func() workv1alpha2.Binding { return &workv1alpha2.ClusterResourceBinding{} },
	} {
		r := &reconciler{
			client:      mgr.GetClient(),
			live:        mgr.GetAPIReader(),
			recorder:    hub.Recorder(mgr, "binding-controller"),
			interpreter: o.Interpreter,
			holds:       newHolds(o.Before, o.Clock),
			empty:       empty,
		}
		if err := r.setup(mgr, o); err != nil {
			return fmt.Errorf("set up %T: %w", empty(), err)
		}
	}
	return nil
}

func (r *reconciler) setup(mgr ctrl.Manager, o Options) error {
	name := "binding"
	if r.global() {
		name = "clusterbinding"
	}
	b := ctrl.NewControllerManagedBy(mgr).
		Named(name).
		For(r.empty(), builder.WithPredicates(bindingChanged)).
		Watches(&workv1alpha1.Work{}, handler.EnqueueRequestsFromMapFunc(r.bindingOf), builder.WithPredicates(onlyDeletion)).
		Watches(&workv1alpha1.Work{}, handler.EnqueueRequestsFromMapFunc(r.holds.awaiting), builder.WithPredicates(becameApplied)).
		Watches(&clusterv1alpha1.Cluster{}, handler.EnqueueRequestsFromMapFunc(r.placedIn), builder.WithPredicates(clusterChanged)).
		Watches(&policyv1alpha1.ClusterOverridePolicy{}, handler.EnqueueRequestsFromMapFunc(r.overridden), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(hub.Reinterpreted(o.Interpretations, r.ofKind)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](firstRetry, lastRetry),
		})
	if !r.global() {
		b = b.Watches(&policyv1alpha1.OverridePolicy{}, handler.EnqueueRequestsFromMapFunc(r.overridden), builder.WithPredicates(predicate.GenerationChangedPredicate{}))
	}
	return b.Complete(r)
}

type reconciler struct {
	client client.Client
	// live is not cached: templates are read only when a binding changes, and to hold every object of
	// every kind in memory for that would cost far more than a request.
	live        client.Reader
	recorder    record.EventRecorder
	interpreter *interpret.Interpreter
	created     works.Created
	holds       *holds
	empty       func() workv1alpha2.Binding
}

func (r *reconciler) global() bool {
	_, global := r.empty().(*workv1alpha2.ClusterResourceBinding)
	return global
}

// bindingChanged passes what a Work is made from: the spec, and the id; and the way out.
var bindingChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() ||
			(e.ObjectOld.GetDeletionTimestamp() == nil) != (e.ObjectNew.GetDeletionTimestamp() == nil)
	},
	DeleteFunc: func(event.DeleteEvent) bool { return false },
}

var onlyDeletion = predicate.Funcs{
	CreateFunc:  func(event.CreateEvent) bool { return false },
	UpdateFunc:  func(event.UpdateEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

// clusterChanged passes clusters that appear and changes of what overrides pick clusters by. Taints,
// which come and go with a cluster's health, are not among them.
var clusterChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		was, is := e.ObjectOld.(*clusterv1alpha1.Cluster), e.ObjectNew.(*clusterv1alpha1.Cluster)
		return !maps.Equal(was.Labels, is.Labels) || was.Spec.Provider != is.Spec.Provider || was.Spec.Region != is.Spec.Region ||
			was.Spec.Zone != is.Spec.Zone || !slices.Equal(was.Spec.Zones, is.Spec.Zones)
	},
	DeleteFunc: func(event.DeleteEvent) bool { return false },
}

const (
	// indexSelects finds override policies by the kinds they select.
	indexSelects = "spec.resourceSelectors.kind"
	// everyKind stands for a policy without selectors.
	everyKind = "*"
)

func setupIndexes(indexer client.FieldIndexer) error {
	for _, obj := range []client.Object{&policyv1alpha1.OverridePolicy{}, &policyv1alpha1.ClusterOverridePolicy{}} {
		if err := indexer.IndexField(context.Background(), obj, indexSelects, selectedKinds); err != nil {
			return fmt.Errorf("index %T by %s: %w", obj, indexSelects, err)
		}
	}
	return nil
}

func kindKey(apiVersion, kind string) string {
	return schema.FromAPIVersionAndKind(apiVersion, kind).String()
}

func selectedKinds(obj client.Object) []string {
	selectors := obj.(policyv1alpha1.Override).GetOverrideSpec().ResourceSelectors
	if len(selectors) == 0 {
		return []string{everyKind}
	}
	kinds := make([]string, 0, len(selectors))
	for _, s := range selectors {
		kinds = append(kinds, kindKey(s.APIVersion, s.Kind))
	}
	return kinds
}
