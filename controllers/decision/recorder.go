package decision

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/decision"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Recorder takes note of decisions and writes them down when there is time. It runs on the leader,
// as those who decide do.
type Recorder struct {
	client client.Client
	clock  clock.Clock
	o      Options
	pace   *pace
	*backlog

	mu sync.Mutex
	// unseen are Decisions that the cache does not have yet.
	unseen map[unseenKey]*metav1.PartialObjectMetadata
}

// unseenKey is the namespace of a Decision and its names.DecisionOfLabel.
type unseenKey struct{ namespace, group string }

// Record takes note of a decision that the binding's scheduler made, placed or not. It does not
// block, and keeps nothing that its caller may go on to change: not the binding, and of the input
// neither spec nor status. The rest of the input and the diagnosis must not be changed afterwards.
func (r *Recorder) Record(b workv1alpha2.Binding, cause placement.Cause, in placement.Input, result placement.Result, d placement.Diagnosis) {
	r.record(cmp.Or(b.GetBindingSpec().SchedulerName, policyv1alpha1.DefaultSchedulerName), b, cause, in, result, d, nil)
}

// By is Record for decisions of another controller than the binding's scheduler, with the signals that
// made one due.
func (r *Recorder) By(controller string) func(workv1alpha2.Binding, placement.Cause, placement.Input, placement.Result, placement.Diagnosis, []trafficv1alpha1.DecisionInput) {
	return func(b workv1alpha2.Binding, cause placement.Cause, in placement.Input, result placement.Result, d placement.Diagnosis, signals []trafficv1alpha1.DecisionInput) {
		r.record(controller, b, cause, in, result, d, signals)
	}
}

func (r *Recorder) record(controller string, b workv1alpha2.Binding, cause placement.Cause, in placement.Input, result placement.Result, d placement.Diagnosis, signals []trafficv1alpha1.DecisionInput) {
	ref := in.Spec.Resource
	in.Spec = in.Spec.DeepCopy()
	if in.Status != nil { // what a placement reads of it; the rest may be large
		in.Status = &workv1alpha2.ResourceBindingStatus{
			SchedulerObservedAffinityName: in.Status.SchedulerObservedAffinityName,
			LastScheduledTime:             in.Status.LastScheduledTime.DeepCopy(),
		}
	}
	result.Clusters = slices.Clone(result.Clusters)
	d.Previous = in.Spec.Clusters
	n := &note{
		subject: subject{schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).Group, ref.Kind, ref.Namespace, ref.Name},
		Made: decision.Made{
			Controller: controller, Cause: cause, Policy: decision.PolicyOf(b),
			Input: in, Result: result, Diagnosis: d, Signals: signals,
			Now: r.clock.Now(), TTL: r.o.TTL,
		},
	}
	if became := r.add(n); became != "" {
		records.WithLabelValues(became).Inc()
	}
}

// Finish adds to a decision what has to be asked for. It is called when the decision is written, never
// when it is made. What can not be found out is left open.
type Finish = func(context.Context, *trafficv1alpha1.DecisionSpec)

// Keep takes note of a decision that is none of a placement. It does not block. The decision must not
// be changed afterwards; finish may be nil.
func (r *Recorder) Keep(spec trafficv1alpha1.DecisionSpec, finish Finish) {
	spec.TTLSeconds = int32(min(int64(r.o.TTL/time.Second), math.MaxInt32))
	s := spec.Subject
	n := &note{subject: subject{schema.FromAPIVersionAndKind(s.APIVersion, s.Kind).Group, s.Kind, s.Namespace, s.Name}, ready: &spec, finish: finish}
	if became := r.add(n); became != "" {
		records.WithLabelValues(became).Inc()
	}
}

// The pauses after a write that failed, while the hub is away or has enough to do.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// run writes what is noted until the context ends. What is left then is lost.
func (r *Recorder) run(ctx context.Context) error {
	log := ctrl.LoggerFrom(ctx).WithName("decision-recorder")
	pause := firstPause
	for ctx.Err() == nil {
		n := r.take()
		if n == nil {
			select {
			case <-ctx.Done():
			case <-r.arrived:
			}
			continue
		}
		result, err := r.write(ctx, n)
		if err == nil {
			records.WithLabelValues(result).Inc()
			pause = firstPause
			continue
		}
		if lasting(err) {
			records.WithLabelValues(resultFailed).Inc()
			log.V(1).Info("a decision is not kept", "kind", n.kind, "namespace", n.namespace, "name", n.name, "why", err.Error())
			continue
		}
		r.giveBack(n)
		select {
		case <-ctx.Done():
		case <-r.clock.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
	return nil
}

// lasting says whether trying again does not help: the namespace is gone or going, or the object is
// not valid.
func lasting(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsForbidden(err) || apierrors.IsInvalid(err) ||
		apierrors.IsRequestEntityTooLargeError(err) || apierrors.IsBadRequest(err)
}

// write writes a decision if it is news. What costs something is asked for only then.
func (r *Recorder) write(ctx context.Context, n *note) (result string, err error) {
	spec := r.told(n)
	last, err := r.last(ctx, names.DecisionNamespace(spec.Subject.Namespace), decision.Group(spec.Subject))
	if err != nil {
		return "", err
	}
	if !decision.News(&spec, last) {
		return resultSame, nil
	}
	switch {
	case n.ready != nil && n.finish != nil:
		n.finish(ctx, &spec)
	case n.ready == nil && (r.o.Steps != nil || r.o.Counterfactual != nil):
		r.tell(n)
		spec = decision.Of(n.Made)
	}
	if err := r.pace.wait(ctx); err != nil {
		return "", err
	}
	obj := decision.Object(spec)
	if err := r.client.Create(ctx, obj); err != nil && !apierrors.IsAlreadyExists(err) { // then it was written by an attempt that seemed to fail
		return "", fmt.Errorf("create decision: %w", err)
	}
	r.remember(obj)
	return resultWritten, nil
}

// told is a decision without what costs something.
func (r *Recorder) told(n *note) trafficv1alpha1.DecisionSpec {
	if n.ready != nil {
		return *n.ready
	}
	if r.o.InputHash != nil && n.InputHash == "" {
		n.InputHash = r.o.InputHash(n.Input)
	}
	return decision.Of(n.Made)
}

func (r *Recorder) tell(n *note) {
	if r.o.Steps != nil {
		n.Steps = r.o.Steps(&n.Diagnosis)
	}
	if r.o.Counterfactual != nil {
		n.Counterfactual = r.o.Counterfactual(n.Input, n.Result, n.Diagnosis)
	}
}

// last is what the newest Decision of a template said; empty when there is none.
func (r *Recorder) last(ctx context.Context, namespace, group string) (string, error) {
	newest := r.own(unseenKey{namespace, group})
	if newest == nil {
		all, err := siblings(ctx, r.client, namespace, group)
		if err != nil || len(all) == 0 {
			return "", err
		}
		newest = &all[0]
	}
	return newest.Annotations[names.DecisionSaysAnnotation], nil
}

// cacheLag is longer than the cache ever lags. What it has not got by then was deleted by others.
const cacheLag = time.Minute

// own is what was written and the cache does not have yet.
func (r *Recorder) own(key unseenKey) *metav1.PartialObjectMetadata {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.unseen[key]
	if d != nil && r.clock.Since(d.CreationTimestamp.Time) > cacheLag {
		delete(r.unseen, key)
		return nil
	}
	return d
}

// remember keeps what was written until the cache has it.
func (r *Recorder) remember(d *trafficv1alpha1.Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := &metav1.PartialObjectMetadata{ObjectMeta: d.ObjectMeta}
	own.CreationTimestamp = metav1.NewTime(r.clock.Now())
	r.unseen[unseenKey{d.Namespace, d.Labels[names.DecisionOfLabel]}] = own
}

// seen is called with what the cache has.
func (r *Recorder) seen(d *metav1.PartialObjectMetadata) {
	key := unseenKey{d.Namespace, d.Labels[names.DecisionOfLabel]}
	r.mu.Lock()
	defer r.mu.Unlock()
	if own := r.unseen[key]; own != nil && own.Name == d.Name {
		delete(r.unseen, key)
	}
}

// pace spreads writes over time, those of the recorder and those of the keeper together.
type pace struct {
	clock   clock.Clock
	limiter *rate.Limiter
}

func (p *pace) wait(ctx context.Context) error {
	now := p.clock.Now()
	delay := p.limiter.ReserveN(now, 1).DelayFrom(now)
	if delay <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.clock.After(delay):
		return nil
	}
}
