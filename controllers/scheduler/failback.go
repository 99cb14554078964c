package scheduler

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failback"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

// CauseFailback is the cause of a step back to an earlier affinity group.
const CauseFailback placement.Cause = "Failback"

// lookAgain is how often a binding that uses a later affinity group looks at the earlier ones, should
// no event tell of them.
const lookAgain = time.Minute

// goBack leads a binding that uses a later affinity group back to an earlier one. Done says that
// there is nothing else to do for now.
func (r *reconciler) goBack(ctx context.Context, b workv1alpha2.Binding, cause placement.Cause, within enclosure) (again ctrl.Result, done bool, err error) {
	term := termInUse(b.GetBindingSpec(), b.GetBindingStatus())
	if term < 1 || !r.mayGoBack(b, cause) {
		r.returns.forget(keyOf(b))
		return again, false, nil
	}
	way, err := r.wayBack(ctx, b, term)
	if err != nil {
		return again, false, err
	}
	again.RequeueAfter = lookAgain
	if way.state.Goal == nil && len(way.strays) == 0 {
		return again, false, nil
	}
	way.state.Terms, err = r.failbackTerms(ctx, b)
	if err != nil || way.state.Terms.Manual {
		r.returns.forget(keyOf(b))
		return again, false, err
	}
	way.state.Terms.StableFor = r.returns.window(keyOf(b), way.state.Terms.StableFor, way.state.Now)
	step := failback.Next(way.state)
	r.returns.await(keyOf(b), step.Holds)
	if !step.RetryAt.IsZero() {
		again.RequeueAfter = min(lookAgain, max(step.RetryAt.Sub(r.clock.Now()), time.Millisecond))
	}
	switch {
	case step.Clusters != nil || step.Done:
		_, err := r.place(ctx, b, CauseFailback, way.request, way.take)
		return again, true, err
	case step.Holds:
		return again, true, r.observe(ctx, b, within)
	case cause == placement.NotDue || !way.state.Divided || len(way.strays) == 0:
		return again, false, nil
	}
	rest, with := way.rest()
	if rest == nil {
		return again, false, nil
	}
	_, err = r.place(ctx, b, cause, request{binding: b, spec: rest, status: b.GetBindingStatus()}, with)
	return again, true, err
}

// mayGoBack says whether a binding can go back as things are. An edit of its policy and a reschedule
// come first. A Job ends where it runs, and of a workload of several components there may never be
// two sets.
func (r *reconciler) mayGoBack(b workv1alpha2.Binding, cause placement.Cause) bool {
	ref := b.GetBindingSpec().Resource
	return r.failback > 0 && cause != placement.CausePlacement && cause != placement.CauseTriggered &&
		len(b.GetBindingSpec().Components) == 0 && (ref.APIVersion != "batch/v1" || ref.Kind != "Job")
}

// failbackTerms are those of the TrafficPolicies that speak for the binding, the most careful of each,
// or else the defaults.
func (r *reconciler) failbackTerms(ctx context.Context, b workv1alpha2.Binding) (failback.Terms, error) {
	found, err := r.policies.Of(ctx, b)
	if err != nil {
		return failback.Terms{}, err
	}
	terms := failback.DefaultTerms()
	terms.StableFor = r.failback
	for i, p := range found {
		if of := termsOf(&p.Spec.Failover.Failback); i == 0 {
			terms = of
		} else {
			terms = terms.MoreCareful(of)
		}
		terms.Manual = terms.Manual || policies.Held(p, r.clock.Now())
	}
	template, err := r.policies.Template(ctx, b)
	terms.Manual = terms.Manual || policies.IsSingleton(&template) // a step on the way back has two copies
	return terms, err
}

func termsOf(f *trafficv1alpha1.Failback) failback.Terms {
	t := failback.DefaultTerms()
	t.Manual = f.Workloads == trafficv1alpha1.FailbackManual
	if f.StableFor != nil {
		t.StableFor = f.StableFor.Duration
	}
	if f.StepPercent != nil {
		t.StepPercent = *f.StepPercent
	}
	if f.StepEvery != nil {
		t.StepEvery = f.StepEvery.Duration
	}
	return t
}

// way is what is known of a way back.
type way struct {
	r       *reconciler
	b       workv1alpha2.Binding
	term    int     // in use
	request request // for a placement in an earlier group
	state   failback.State
	strays  sets.Set[string]
}

func (r *reconciler) wayBack(ctx context.Context, b workv1alpha2.Binding, term int) (*way, error) {
	spec, status := b.GetBindingSpec(), b.GetBindingStatus()
	w := &way{r: r, b: b, term: term, request: request{binding: b, spec: withTerms(spec, 0, term), status: withoutTerm(status)}}
	w.state = failback.State{
		Now:      r.clock.Now(),
		Replicas: spec.Replicas, Workload: placement.IsWorkload(spec), Divided: !spreads(spec),
		Present: spec.Clusters, Reports: status.AggregatedStatus,
	}
	if status.LastScheduledTime != nil {
		w.state.LastStep = status.LastScheduledTime.Time
	}
	d, err := r.placer.decide(ctx, w.request)
	if err != nil {
		return nil, err
	}
	r.noteFailures(b, d.input.Clusters, term)
	w.aim(&d)
	w.strays = strays(d.input.Clusters, spec, term)
	w.state.Strays = sets.List(w.strays)
	if !w.state.Divided {
		later, err := r.placer.decide(ctx, request{binding: b, spec: spec, status: status})
		if err != nil {
			return nil, err
		}
		w.state.Later = slices.DeleteFunc(slices.Clone(later.result.Clusters), func(t workv1alpha2.TargetCluster) bool { return w.strays.Has(t.Name) })
	}
	return w, nil
}

// noteFailures remembers evictions from earlier groups in which the application failed. They are seen
// while their tasks are there, until the copies that replace it run.
func (r *reconciler) noteFailures(b workv1alpha2.Binding, clusters []*clusterv1alpha1.Cluster, term int) {
	spec := b.GetBindingSpec()
	for i := range spec.GracefulEvictionTasks {
		t := &spec.GracefulEvictionTasks[i]
		if t.Reason != workv1alpha2.EvictionReasonApplicationFailure || t.CreationTimestamp == nil {
			continue
		}
		for _, c := range clusters {
			if c.Name != t.FromCluster {
				continue
			}
			if at := placement.GroupOf(spec.Placement, c); at >= 0 && at < term {
				r.returns.failedAt(keyOf(b), t.CreationTimestamp.Time)
			}
		}
	}
}

// aim makes a placement in an earlier group the goal, if it is one.
func (w *way) aim(d *decision) {
	w.state.Goal, w.state.StableSince = nil, time.Time{}
	if !d.diagnosis.Fits() {
		w.r.returns.fits(keyOf(w.b), false, w.state.Now)
		return
	}
	w.state.Goal = append([]workv1alpha2.TargetCluster{}, d.result.Clusters...) // never nil
	targets := sets.New(clusterNames(w.state.Goal)...)
	whole, since := true, time.Time{}
	for _, c := range d.input.Clusters {
		if targets.Has(c.Name) {
			at, ok := failover.ClusterOf(c).WholeSince()
			if whole = whole && ok; at.After(since) {
				since = at
			}
		}
	}
	if fits := w.r.returns.fits(keyOf(w.b), whole, w.state.Now); fits.After(since) {
		since = fits
	}
	if whole {
		w.state.StableSince = since
	}
}

// take makes of a placement in an earlier group the next step towards it.
func (w *way) take(d *decision) {
	w.aim(d)
	step, name := failback.Next(w.state), d.result.AffinityName
	to := placement.Result{Clusters: w.state.Present, AffinityName: w.b.GetBindingStatus().SchedulerObservedAffinityName}
	if step.Clusters != nil {
		to.Clusters = step.Clusters
	}
	if step.Done {
		to.AffinityName = name
	}
	d.result = to
	d.diagnosis.Targets = to.Clusters
	d.diagnosis.Reason = workv1alpha2.ReasonScheduledSuccess
	d.diagnosis.Message = fmt.Sprintf("The workload %s: %s.", step.Why, placement.Targets(to.Clusters))
}

// rest is what the later group has to hold besides what an earlier one holds already, and the way to
// put both together. It is nil when nothing is left for the later group.
func (w *way) rest() (*workv1alpha2.ResourceBindingSpec, func(*decision)) {
	spec := *w.b.GetBindingSpec()
	var kept, left []workv1alpha2.TargetCluster
	for _, t := range spec.Clusters {
		if w.strays.Has(t.Name) {
			kept = append(kept, t)
			spec.Replicas -= t.Replicas
		} else {
			left = append(left, t)
		}
	}
	if spec.Replicas <= 0 {
		return nil, nil
	}
	spec.Clusters = left
	return &spec, func(d *decision) {
		d.result.Clusters = append(slices.Clone(d.result.Clusters), kept...)
		slices.SortFunc(d.result.Clusters, func(a, b workv1alpha2.TargetCluster) int { return cmp.Compare(a.Name, b.Name) })
		d.diagnosis.Targets = d.result.Clusters
	}
}

// strays are the targets of an earlier group that are not in the one in use, and stay for now.
func strays(clusters []*clusterv1alpha1.Cluster, spec *workv1alpha2.ResourceBindingSpec, term int) sets.Set[string] {
	earlier := placement.NewInterest(withTerms(spec, 0, term).Placement, "")
	inUse := placement.NewInterest(withTerms(spec, term, term+1).Placement, "")
	targets, out := sets.New(clusterNames(spec.Clusters)...), sets.New[string]()
	for _, c := range clusters {
		if targets.Has(c.Name) && c.DeletionTimestamp == nil && earlier.Includes(c) && !inUse.Includes(c) {
			out.Insert(c.Name)
		}
	}
	return out
}

// withTerms is the spec with some of its affinity terms only.
func withTerms(spec *workv1alpha2.ResourceBindingSpec, from, to int) *workv1alpha2.ResourceBindingSpec {
	out, policy := *spec, *spec.Placement
	policy.ClusterAffinities = policy.ClusterAffinities[from:to]
	out.Placement = &policy
	return &out
}

func withoutTerm(status *workv1alpha2.ResourceBindingStatus) *workv1alpha2.ResourceBindingStatus {
	out := *status
	out.SchedulerObservedAffinityName = ""
	return &out
}

// termInUse is the place of the affinity term in use, and -1 when there is none, or when the placement
// is made from the first term on anyway.
func termInUse(spec *workv1alpha2.ResourceBindingSpec, status *workv1alpha2.ResourceBindingStatus) int {
	if status == nil || status.SchedulerObservedAffinityName == "" || spec.Placement == nil {
		return -1
	}
	if at := spec.RescheduleTriggeredAt; at != nil && (status.LastScheduledTime == nil || status.LastScheduledTime.Before(at)) {
		return -1
	}
	for i := range spec.Placement.ClusterAffinities {
		if spec.Placement.ClusterAffinities[i].AffinityName == status.SchedulerObservedAffinityName {
			return i
		}
	}
	return -1
}
