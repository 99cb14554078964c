package decision

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Options of the recorder.
type Options struct {
	// Clock is the real one when nil.
	Clock clock.Clock
	// TTL is how long a Decision is kept; DefaultTTL when 0.
	TTL time.Duration
	// Keep is how many Decisions a template has at most; DefaultKeep when 0.
	Keep int
	// PerSecond bounds the writes, deletions included; DefaultPerSecond when 0.
	PerSecond float64
	// Waiting is how many templates may have a decision waiting to be written; DefaultWaiting when 0.
	Waiting int

	// InputHash, Steps and Counterfactual are asked for decisions that are written; nil is off.
	// Without the first, a decision made again after a failed write is kept twice.
	InputHash      func(placement.Input) string
	Steps          func(*placement.Diagnosis) []string
	Counterfactual func(placement.Input, placement.Result, placement.Diagnosis) string
}

// What the options are when they are not given.
const (
	// DefaultTTL: what happened last week is what people ask about this week. The space that takes is
	// bounded by DefaultKeep, not by time.
	DefaultTTL = 7 * 24 * time.Hour
	// DefaultKeep of some 3 KiB each, on a fleet of 20 clusters, is as much as the Works of a template.
	DefaultKeep = 10
	// DefaultPerSecond is a small part of what a hub takes while many bindings are placed; 5,000 of
	// them are written down within some four minutes.
	DefaultPerSecond = 20
	// DefaultWaiting is more than are placed at once after an evening's policy change.
	DefaultWaiting = 10_000
)

func (o *Options) complete() {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.TTL <= 0 {
		o.TTL = DefaultTTL
	}
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	if o.PerSecond <= 0 {
		o.PerSecond = DefaultPerSecond
	}
	if o.Waiting <= 0 {
		o.Waiting = DefaultWaiting
	}
}

// Setup adds to the manager the recorder and the controller that keeps Decisions within bounds.
func Setup(mgr ctrl.Manager, o Options) (*Recorder, error) {
	o.complete()
	r := newRecorder(mgr.GetClient(), o)
	if err := mgr.Add(manager.RunnableFunc(r.run)); err != nil { // a RunnableFunc runs on the leader
		return nil, fmt.Errorf("set up the recorder: %w", err)
	}
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(kind)
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), metadata, indexGroup, groupOf); err != nil {
		return nil, fmt.Errorf("index decisions by template: %w", err)
	}
	err := ctrl.NewControllerManagedBy(mgr).
		Named("decision").
		For(&trafficv1alpha1.Decision{}, builder.OnlyMetadata, builder.WithPredicates(appears)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		Complete(r.keeper())
	if err != nil {
		return nil, fmt.Errorf("set up the keeping of decisions: %w", err)
	}
	return r, nil
}

func newRecorder(c client.Client, o Options) *Recorder {
	return &Recorder{
		client: c, clock: o.Clock, o: o,
		pace:    &pace{clock: o.Clock, limiter: rate.NewLimiter(rate.Limit(o.PerSecond), 1)},
		backlog: newBacklog(o.Waiting),
		unseen:  map[unseenKey]*metav1.PartialObjectMetadata{},
	}
}

func (r *Recorder) keeper() *keeper {
	return &keeper{client: r.client, clock: r.clock, pace: r.pace, keep: r.o.Keep, ttl: r.o.TTL, seen: r.seen}
}

// appears: a Decision never changes, and when one is gone there is nothing to be done.
var appears = predicate.Funcs{
	UpdateFunc: func(event.UpdateEvent) bool { return false },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
}
