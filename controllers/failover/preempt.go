package failover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
)

// evacuation is one pass.
type evacuation struct {
	*evacuator
	survey failover.Survey
	movers map[types.NamespacedName]*mover
	// victims are bindings that gave up replicas in this pass, as they are now; said is what they are
	// told of it at the end.
	victims map[types.NamespacedName]workv1alpha2.Binding
	said    map[types.NamespacedName]string
	// inside are the bindings that were in a cluster when the pass first looked.
	inside map[string][]workv1alpha2.Binding
}

func (e *evacuator) newPass(survey failover.Survey, movers []*mover) *evacuation {
	p := &evacuation{
		evacuator: e, survey: survey, movers: make(map[types.NamespacedName]*mover, len(movers)),
		victims: map[types.NamespacedName]workv1alpha2.Binding{}, said: map[types.NamespacedName]string{},
		inside: map[string][]workv1alpha2.Binding{},
	}
	for _, m := range movers {
		p.movers[m.key()] = m
	}
	return p
}

// preempt makes room for a binding at the cost of less important ones, and places it there; nil when
// that can not be done. The room is reserved before anybody leaves it, so that nobody else finds it.
func (p *evacuation) preempt(ctx context.Context, m *mover, refused Placement) (*Placement, error) {
	short := refused.Short
	if may, err := p.mayPreempt(ctx, m.b); err != nil || !may {
		return nil, err
	}
	rooms, err := p.rooms(ctx, short)
	if err != nil {
		return nil, err
	}
	candidates := p.candidates(m, rooms)
	need := failover.Need{Priority: hub.PriorityOf(m.b), Replicas: short.Replicas, Each: short.Each, Rooms: rooms}
	plan, ok := failover.Preempt(need, victimsOf(candidates))
	if _, possible := failover.Preempt(need, withoutFloor(candidates)); !ok && possible { // the last replica of an application is the last resort
		if err := p.mayLoseAll(ctx, candidates); err != nil {
			return nil, err
		}
		plan, ok = failover.Preempt(need, victimsOf(candidates))
	}
	if !ok {
		return nil, nil
	}
	to := m.with(short, plan.Place)
	settle := p.placer.Take(m.b, to)
	if err := p.carryOut(ctx, m, plan, candidates); err != nil {
		settle(0)
		return nil, err
	}
	out := &Placement{To: to, Group: refused.Group, Settle: settle, Made: refused.Made, victims: summary(plan, candidates)}
	out.Made.Result.Clusters, out.Made.Result.AffinityName = to, refused.Group
	out.Made.Diagnosis.Reason = workv1alpha2.ReasonScheduledSuccess
	out.Made.Diagnosis.Message = short.Message() + "; " + cmp.Or(out.victims, "earlier victims are leaving it")
	return out, nil
}

// mayPreempt asks the priority class that the binding's policy names.
func (p *evacuation) mayPreempt(ctx context.Context, b workv1alpha2.Binding) (bool, error) {
	marks, ok := claim.MarksOf(b)
	if !ok {
		return true, nil
	}
	var policy policyv1alpha1.Propagation = &policyv1alpha1.PropagationPolicy{}
	if marks.Namespace == "" {
		policy = &policyv1alpha1.ClusterPropagationPolicy{}
	}
	err := p.client.Get(ctx, client.ObjectKey{Namespace: marks.Namespace, Name: marks.Name}, policy.(client.Object))
	if err != nil {
		return true, client.IgnoreNotFound(err)
	}
	from := policy.GetPropagationSpec().SchedulePriority
	if from == nil {
		return true, nil
	}
	var class schedulingv1.PriorityClass
	if err := p.client.Get(ctx, client.ObjectKey{Name: from.PriorityClassName}, &class); err != nil {
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, fmt.Errorf("get priority class: %w", err)
	}
	return ptr.Deref(class.PreemptionPolicy, corev1.PreemptLowerPriority) != corev1.PreemptNever, nil
}

// rooms is what the clusters have left, with what victims are about to leave.
func (p *evacuation) rooms(ctx context.Context, short *failover.Shortage) (out []failover.Room, err error) {
	free, err := p.placer.Free(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(short.Free)) {
		list, known := free[name]
		if !known || !p.survey.Reached(name) {
			continue // room that is made there can not be taken
		}
		if _, known := p.inside[name]; !known {
			p.inside[name], err = hub.Bindings(ctx, p.client, client.MatchingFields{hub.IndexBindingByCluster: name}, client.UnsafeDisableDeepCopy)
			if err != nil {
				return nil, err
			}
		}
		amounts := failover.AmountsOf(list)
		unusable := amounts.Fits(short.Each) - short.Free[name]
		p.freed.add(amounts, name, p.now(p.inside[name]), p.clock.Now())
		out = append(out, failover.Room{Cluster: name, Free: amounts, Unusable: max(unusable, 0)})
	}
	return out, nil
}

// now are bindings as this pass has made them.
func (p *evacuation) now(bindings []workv1alpha2.Binding) []workv1alpha2.Binding {
	out := make([]workv1alpha2.Binding, len(bindings))
	for i, b := range bindings {
		out[i] = p.current(b)
	}
	return out
}

func (p *evacuation) current(b workv1alpha2.Binding) workv1alpha2.Binding {
	key := client.ObjectKeyFromObject(b)
	if m := p.movers[key]; m != nil && !m.placed {
		return m.b
	}
	if v := p.victims[key]; v != nil {
		return v
	}
	return b
}

// candidate is a binding that may give up replicas.
type candidate struct {
	binding workv1alpha2.Binding
	victim  failover.Victim
}

// candidates are the less important bindings in the rooms. Who is being written is left in peace, and
// so is who would only be given back at once what it gave up: what is not divided by room.
func (p *evacuation) candidates(m *mover, rooms []failover.Room) map[string]*candidate {
	out := map[string]*candidate{}
	usable, lost := sets.New[string](), sets.New(p.survey.Lost()...)
	for _, r := range rooms {
		usable.Insert(r.Cluster)
	}
	for _, r := range rooms {
		for _, cached := range p.inside[r.Cluster] {
			key := client.ObjectKeyFromObject(cached)
			if key == m.key() || out[key.String()] != nil || hub.PriorityOf(cached) >= hub.PriorityOf(m.b) || p.movers[key] != nil && p.movers[key].placed {
				continue
			}
			b := p.current(cached)
			if !mayGive(b) {
				continue
			}
			spec := b.GetBindingSpec()
			v := failover.Victim{Key: key.String(), Priority: hub.PriorityOf(b), Each: failover.EachOf(spec), Replicas: map[string]int32{}, Keep: 1}
			for _, t := range spec.Clusters {
				switch {
				case usable.Has(t.Name):
					v.Replicas[t.Name] = max(t.Replicas, 0)
				case t.Replicas > 0 && !lost.Has(t.Name):
					v.Keep = 0
				}
			}
			out[v.Key] = &candidate{b, v}
		}
	}
	return out
}

func mayGive(b workv1alpha2.Binding) bool {
	spec := b.GetBindingSpec()
	if b.GetDeletionTimestamp() != nil || spec.Placement == nil || len(spec.Components) > 0 || !placement.IsWorkload(spec) || claim.Suspended(b) {
		return false
	}
	s := placement.StrategyOf(spec.Placement)
	return s == placement.DynamicWeight || s == placement.Aggregated
}

// mayLoseAll lifts the floor of those whose template says that they may lose all.
func (p *evacuation) mayLoseAll(ctx context.Context, candidates map[string]*candidate) error {
	g := p.group()
	for _, c := range candidates {
		if c.victim.Keep == 0 {
			continue
		}
		g.Go(func() error {
			may, err := p.preemptible.of(c.binding, func() (bool, error) {
				template, err := p.policies.Template(ctx, c.binding)
				return template.Annotations[names.PreemptibleAnnotation] == "true", err
			})
			if may {
				c.victim.Keep = 0
			}
			return err
		})
	}
	return g.Wait()
}

func withoutFloor(candidates map[string]*candidate) []failover.Victim {
	out := victimsOf(candidates)
	for i := range out {
		out[i].Keep = 0
	}
	return out
}

func victimsOf(candidates map[string]*candidate) (out []failover.Victim) {
	for _, key := range slices.Sorted(maps.Keys(candidates)) {
		out = append(out, candidates[key].victim)
	}
	return out
}

// with is the placement with more replicas.
func (m *mover) with(short *failover.Shortage, more map[string]int32) (out []workv1alpha2.TargetCluster) {
	present := m.b.GetBindingSpec().Clusters
	for _, name := range slices.Sorted(maps.Keys(short.Free)) {
		if n := replicasOf(present, name) + more[name]; n > 0 {
			out = append(out, workv1alpha2.TargetCluster{Name: name, Replicas: n})
		}
	}
	return out
}

// carryOut takes from the victims what the plan says.
func (p *evacuation) carryOut(ctx context.Context, m *mover, plan failover.Plan, candidates map[string]*candidate) error {
	takes := map[string][]failover.Take{}
	for _, t := range plan.Take {
		takes[t.Key] = append(takes[t.Key], t)
	}
	errs := make([]error, len(takes))
	victims := slices.Sorted(maps.Keys(takes))
	g := p.group()
	for i, name := range victims {
		c := candidates[name]
		if key := client.ObjectKeyFromObject(c.binding); p.movers[key] == nil && p.victims[key] == nil {
			c.binding = c.binding.DeepCopyObject().(workv1alpha2.Binding) // the cache's own
		}
		g.Go(func() error {
			errs[i] = p.take(ctx, c.binding, m, takes[name])
			return nil
		})
	}
	_ = g.Wait()
	for i, name := range victims {
		b := candidates[name].binding
		key := client.ObjectKeyFromObject(b)
		if errs[i] != nil {
			if v := p.movers[key]; v != nil {
				v.err = errs[i] // it is not known how it stands
			}
			continue
		}
		p.victims[key] = b
		if p.said[key] != "" {
			p.said[key] += "; "
		}
		p.said[key] += because(m) + ", " + sentence(takes[name])
	}
	return errors.Join(errs...)
}

// take scales one victim down, and tells of it.
func (p *evacuation) take(ctx context.Context, b workv1alpha2.Binding, m *mover, takes []failover.Take) error {
	spec := b.GetBindingSpec()
	before := *spec.DeepCopy()
	changed, err := hub.Patch(ctx, p.client, b.(clientBinding), func(clientBinding) {
		spec.Clusters = less(spec.Clusters, takes)
	})
	if err != nil || !changed {
		return err
	}
	p.freed.note(b, takes, p.clock.Now())
	message := because(m) + ", " + sentence(takes)
	hub.Tell(p.recorder, b, corev1.EventTypeWarning, names.EventReasonPreempted, "%s", message)
	p.note(b, CausePreempted, Made{
		Input:     placement.Input{Spec: &before, Status: b.GetBindingStatus()},
		Result:    placement.Result{Clusters: spec.Clusters, AffinityName: b.GetBindingStatus().SchedulerObservedAffinityName},
		Diagnosis: placement.Diagnosis{Reason: workv1alpha2.ReasonScheduledSuccess, Message: message, Targets: spec.Clusters},
	}, nil)
	return nil
}

// finish tells the victims why, when all is decided.
func (p *evacuation) finish(ctx context.Context) error {
	g := p.group()
	for key, why := range p.said {
		b := p.victims[key]
		g.Go(func() error {
			preempted := metav1.Condition{Type: names.ConditionPreempted, Status: metav1.ConditionTrue, Reason: names.ReasonHigherPriority, Message: why}
			_, err := hub.WriteCondition(ctx, p.client, b, preempted)
			if apierrors.IsConflict(err) {
				fresh := b.DeepCopyObject().(workv1alpha2.Binding)
				if err = p.live.Get(ctx, key, fresh.(client.Object)); err == nil {
					_, err = hub.WriteCondition(ctx, p.client, fresh, preempted)
				}
			}
			return client.IgnoreNotFound(err)
		})
	}
	return g.Wait()
}

// endPreemption drops what is told of a pre-emption that is over: the victim has all its replicas, or
// the winner is back where it was.
func (r *reconciler) endPreemption(ctx context.Context, b workv1alpha2.Binding) error {
	conditions, spec := b.GetBindingStatus().Conditions, b.GetBindingSpec()
	if len(failover.Away(spec)) == 0 {
		if err := hub.DropCondition(ctx, r.client, b, names.ConditionPreempts); err != nil {
			return err
		}
	}
	var sum int64
	for _, t := range spec.Clusters {
		sum += int64(t.Replicas)
	}
	if meta.FindStatusCondition(conditions, names.ConditionPreempted) == nil || sum < int64(spec.Replicas) {
		return nil
	}
	if err := hub.DropCondition(ctx, r.client, b, names.ConditionPreempted); err != nil {
		return err
	}
	hub.Tell(r.recorder, b, corev1.EventTypeNormal, names.EventReasonPreemptionEnded, "all %d replicas are placed again: %s", spec.Replicas, placement.Targets(spec.Clusters))
	return nil
}

// because says for whom room is made, and why.
func because(m *mover) string {
	var lost []string
	for _, move := range m.decision.Evict {
		lost = append(lost, move.Cluster)
	}
	ref := m.b.GetBindingSpec().Resource
	return fmt.Sprintf("%s %s (priority %d) needs the room since %s was lost", ref.Kind, strings.TrimPrefix(ref.Namespace+"/"+ref.Name, "/"), hub.PriorityOf(m.b), strings.Join(lost, ", "))
}

func sentence(takes []failover.Take) string {
	var parts []string
	for _, t := range takes {
		parts = append(parts, fmt.Sprintf("%d in %s", t.Replicas, t.Cluster))
	}
	return "replicas taken: " + strings.Join(parts, ", ")
}

// summary says who gave up what; empty when nobody did.
func summary(plan failover.Plan, candidates map[string]*candidate) string {
	var parts []string
	for i, t := range plan.Take {
		c := candidates[t.Key]
		if i == 0 || plan.Take[i-1].Key != t.Key {
			ref := c.binding.GetBindingSpec().Resource
			parts = append(parts, fmt.Sprintf("%s %s (priority %d) gives up %d in %s", ref.Kind, strings.TrimPrefix(ref.Namespace+"/"+ref.Name, "/"), c.victim.Priority, t.Replicas, t.Cluster))
			continue
		}
		parts[len(parts)-1] += fmt.Sprintf(", %d in %s", t.Replicas, t.Cluster)
	}
	return strings.Join(parts, "; ")
}

// less is targets without what is taken; those left with nothing are gone.
func less(targets []workv1alpha2.TargetCluster, takes []failover.Take) (out []workv1alpha2.TargetCluster) {
	for _, t := range targets {
		for _, take := range takes {
			if take.Cluster == t.Name {
				t.Replicas -= take.Replicas
			}
		}
		if t.Replicas > 0 {
			out = append(out, t)
		}
	}
	return out
}
