package template

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Interpreter knows how many replicas an object asks for. controllers/core/interpret has it.
type Interpreter interface {
	Handles(gvk schema.GroupVersionKind, op configv1alpha1.InterpreterOperation) bool
	Replicas(obj *unstructured.Unstructured) (int32, *workv1alpha2.ReplicaRequirements, error)
}

// Options of the controllers.
type Options struct {
	Interpreter Interpreter
	// SkippedAPIs and SkippedNamespaces are never propagated, besides those that never are: see
	// claim.ParseRules. The namespaces are claim.DefaultSkippedNamespaces when nil.
	SkippedAPIs, SkippedNamespaces []string
	// Clock is the real one when nil.
	Clock clock.WithTicker
	// Workers is how many templates are handled at a time; 8 when 0.
	Workers int
}

// indexSelects finds policies by the kinds they select.
const indexSelects = "spec.resourceSelectors"

// retries starts fast, for most errors are races, and goes on for what waits on a user.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Minute
)

// Setup adds to the manager a controller for templates and one for each kind of policy.
func Setup(mgr ctrl.Manager, o Options) error {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Workers == 0 {
		o.Workers = 8
	}
	if o.SkippedNamespaces == nil {
		o.SkippedNamespaces = claim.DefaultSkippedNamespaces
	}
	rules, err := claim.ParseRules(o.SkippedAPIs, o.SkippedNamespaces)
	if err != nil {
		return err
	}
	for _, obj := range []client.Object{&policyv1alpha1.PropagationPolicy{}, &policyv1alpha1.ClusterPropagationPolicy{}} {
		if err := mgr.GetFieldIndexer().IndexField(context.Background(), obj, indexSelects, selects); err != nil {
			return fmt.Errorf("index %T by selected kind: %w", obj, err)
		}
	}
	r, err := newReconciler(mgr, o, &rules)
	if err != nil {
		return err
	}
	if err := setupTemplates(mgr, o, r); err != nil {
		return fmt.Errorf("set up templates: %w", err)
	}
	for _, empty := range []func() policyv1alpha1.Propagation{
		func() policyv1alpha1.Propagation { return &policyv1alpha1.PropagationPolicy{} },
		func() policyv1alpha1.Propagation { return &policyv1alpha1.ClusterPropagationPolicy{} },
	} {
		if err := setupPolicies(mgr, r, empty); err != nil {
			return fmt.Errorf("set up %T: %w", empty(), err)
		}
	}
	return nil
}

func newReconciler(mgr ctrl.Manager, o Options, rules *claim.Rules) (*reconciler, error) {
	// To watch what is deprecated is no mistake of ours to be warned about.
	config, httpClient := rest.CopyConfig(mgr.GetConfig()), mgr.GetHTTPClient()
	config.WarningHandler, config.WarningHandlerWithContext = rest.NoWarnings{}, nil
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("discovery client: %w", err)
	}
	meta, err := metadata.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("metadata client: %w", err)
	}
	dyn, err := dynamic.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("dynamic client: %w", err)
	}
	r := &reconciler{
		clock:       o.Clock,
		client:      mgr.GetClient(),
		dynamic:     dyn,
		recorder:    hub.Recorder(mgr, "resource-detector"),
		interpreter: o.Interpreter,
		rules:       rules,
	}
	r.watcher = &watcher{
		discovery: disco, metadata: meta, rules: rules, clock: o.Clock,
		seen: r.seen, forget: r.forget,
		crdChange: make(chan struct{}, 1),
		watches:   map[schema.GroupVersionKind]*watch{},
	}
	return r, nil
}

func setupTemplates(mgr ctrl.Manager, o Options, r *reconciler) error {
	c, err := controller.NewTyped("template", mgr, controller.TypedOptions[Key]{
		Reconciler:              r,
		MaxConcurrentReconciles: o.Workers,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[Key](firstRetry, lastRetry),
	})
	if err != nil {
		return err
	}
	if err := c.Watch(r.watcher); err != nil {
		return err
	}
	if err := c.Watch(source.TypedKind(mgr.GetCache(), &workv1alpha2.ResourceBinding{}, bindingGone[*workv1alpha2.ResourceBinding]())); err != nil {
		return err
	}
	return c.Watch(source.TypedKind(mgr.GetCache(), &workv1alpha2.ClusterResourceBinding{}, bindingGone[*workv1alpha2.ClusterResourceBinding]()))
}

// bindingGone queues the template of a binding that was deleted: it needs a new one, or waited for
// the old one to go.
func bindingGone[B interface {
	workv1alpha2.Binding
	client.Object
}]() handler.TypedEventHandler[B, Key] {
	return handler.TypedFuncs[B, Key]{
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[B], q workqueue.TypedRateLimitingInterface[Key]) {
			ref := e.Object.GetBindingSpec().Resource
			q.Add(Key{schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind), types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}})
		},
	}
}

func setupPolicies(mgr ctrl.Manager, r *reconciler, empty func() policyv1alpha1.Propagation) error {
	name := "propagationpolicy"
	if _, global := empty().(*policyv1alpha1.ClusterPropagationPolicy); global {
		name = "clusterpropagationpolicy"
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named(name).
		For(empty().(client.Object), builder.WithPredicates(policyEdited)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 2,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](firstRetry, lastRetry),
		}).
		Complete(&policyReconciler{reconciler: r, empty: empty})
}

// policyEdited passes what a policy says, and whether it is on its way out.
var policyEdited = predicate.And(
	predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return (e.ObjectOld.GetDeletionTimestamp() == nil) != (e.ObjectNew.GetDeletionTimestamp() == nil)
		},
	}),
	predicate.Funcs{DeleteFunc: func(event.DeleteEvent) bool { return false }},
)

// selects are the kinds a policy selects, as keys of the index.
func selects(obj client.Object) []string {
	var out []string
	for _, s := range obj.(policyv1alpha1.Propagation).GetPropagationSpec().ResourceSelectors {
		out = append(out, schema.FromAPIVersionAndKind(s.APIVersion, s.Kind).String())
	}
	return out
}
