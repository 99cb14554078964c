package template

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
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

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Options of the controllers.
type Options struct {
	Interpreter Interpreter
	// Interpretations tells when kinds are explained in another way; nil when they never are.
	Interpretations *hub.Interpretations
	// Objects is filled with what is watched; nil when nobody shares it.
	Objects *Objects
	// SkippedAPIs and SkippedNamespaces are never propagated, besides those that never are: see
	// claim.ParseRules. The namespaces are claim.DefaultSkippedNamespaces when nil.
	SkippedAPIs, SkippedNamespaces []string
	// Clock is the real one when nil.
	Clock clock.WithTicker
	// Workers is how many templates are handled at a time; 8 when 0.
	Workers int
}

// AddFlags binds the options that users have, under the names they have in Karmada.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.Func("skipped-propagating-apis", "what is never propagated: group, group/version or group/version/Kind,Kind, several joined by ';'", func(text string) error {
		o.SkippedAPIs = strings.FieldsFunc(text, func(r rune) bool { return r == ';' })
		_, err := claim.ParseRules(o.SkippedAPIs, nil)
		return err
	})
	fs.StringSliceVar(&o.SkippedNamespaces, "skipped-propagating-namespaces", claim.DefaultSkippedNamespaces,
		"namespaces whose objects are never propagated, nor they themselves: regular expressions that match whole names; those of the federation never are")
}

const (
	// indexSelects finds policies by the kinds they select.
	indexSelects = "spec.resourceSelectors"
	// indexAwaits finds policies by what has to be there before they are applied.
	indexAwaits = "spec.dependentOverrides"
)

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
		for field, values := range map[string]client.IndexerFunc{indexSelects: selects, indexAwaits: awaits} {
			if err := mgr.GetFieldIndexer().IndexField(context.Background(), obj, field, values); err != nil {
				return fmt.Errorf("index %T by %s: %w", obj, field, err)
			}
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
		clock:           o.Clock,
		client:          mgr.GetClient(),
		dynamic:         dyn,
		recorder:        hub.Recorder(mgr, "resource-detector"),
		interpreter:     o.Interpreter,
		interpretations: o.Interpretations,
		rules:           rules,
	}
	r.watcher = &watcher{
		discovery: disco, metadata: meta, rules: rules, clock: o.Clock,
		changed: r.changed, forget: r.forget,
		news:    make(chan struct{}, 1),
		watches: map[schema.GroupVersionKind]*watch{},
		objects: o.Objects,
	}
	if o.Objects != nil {
		o.Objects.follow(r.watcher)
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
	if err := c.Watch(hub.Reinterpreted(o.Interpretations, r.ofKind)); err != nil {
		return err
	}
	if err := c.Watch(source.TypedKind(mgr.GetCache(), &workv1alpha2.ResourceBinding{}, bindingGone[*workv1alpha2.ResourceBinding](r))); err != nil {
		return err
	}
	return c.Watch(source.TypedKind(mgr.GetCache(), &workv1alpha2.ClusterResourceBinding{}, bindingGone[*workv1alpha2.ClusterResourceBinding](r)))
}

// bindingGone queues the template of a binding that was deleted: it needs a new one, or waited for
// the old one to go.
func bindingGone[B interface {
	workv1alpha2.Binding
	client.Object
}](r *reconciler) handler.TypedEventHandler[B, Key] {
	return handler.TypedFuncs[B, Key]{
		DeleteFunc: func(_ context.Context, e event.TypedDeleteEvent[B], q workqueue.TypedRateLimitingInterface[Key]) {
			key := templateOf(e.Object)
			r.written.forget(key)
			r.causes.add(key, cause{edited: true})
			q.Add(key)
		},
	}
}

func setupPolicies(mgr ctrl.Manager, r *reconciler, empty func() policyv1alpha1.Propagation) error {
	name, override := "propagationpolicy", client.Object(&policyv1alpha1.OverridePolicy{})
	if _, global := empty().(*policyv1alpha1.ClusterPropagationPolicy); global {
		name, override = "clusterpropagationpolicy", &policyv1alpha1.ClusterOverridePolicy{}
	}
	p := &policyReconciler{reconciler: r, empty: empty}
	return ctrl.NewControllerManagedBy(mgr).
		Named(name).
		For(empty().(client.Object), builder.WithPredicates(policyEdited)).
		Watches(override, handler.EnqueueRequestsFromMapFunc(p.awaiting), builder.WithPredicates(appeared)).
		Watches(&schedulingv1.PriorityClass{}, handler.EnqueueRequestsFromMapFunc(p.awaiting), builder.WithPredicates(appeared)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: 2,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](firstRetry, lastRetry),
		}).
		Complete(p)
}

// policyEdited passes what a policy says, whether it is on its way out, and its end.
var policyEdited = predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return (e.ObjectOld.GetDeletionTimestamp() == nil) != (e.ObjectNew.GetDeletionTimestamp() == nil)
	},
})

// appeared passes what is new: only that can be what a policy waits for.
var appeared = predicate.Funcs{
	UpdateFunc: func(event.UpdateEvent) bool { return false },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
}

// selects are the kinds a policy selects, as keys of the index.
func selects(obj client.Object) []string {
	var out []string
	for _, s := range obj.(policyv1alpha1.Propagation).GetPropagationSpec().ResourceSelectors {
		out = append(out, schema.FromAPIVersionAndKind(s.APIVersion, s.Kind).String())
	}
	return out
}

// awaits are the objects without which a policy is not applied, as keys of the index.
func awaits(obj client.Object) []string {
	spec := obj.(policyv1alpha1.Propagation).GetPropagationSpec()
	var out []string
	for _, name := range spec.DependentOverrides {
		out = append(out, awaited("override", name))
	}
	if spec.SchedulePriority != nil {
		out = append(out, awaited("priority", spec.SchedulePriority.PriorityClassName))
	}
	return out
}

func awaited(what, name string) string { return what + "/" + name }
