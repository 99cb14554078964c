package failover

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/policies"
)

// evacuator moves everything out of lost clusters, in passes over all of it.
type evacuator struct {
	*hands
	// wrote are the versions that were read of what the last pass wrote: the cache may still show them.
	wrote map[types.NamespacedName]string
	// waiting says that something waits for room.
	waiting atomic.Bool
	// freed is room that victims are about to leave.
	freed *releases
	// preemptible says which templates may lose all of their replicas.
	preemptible *answers
}

func newEvacuator(h *hands) *evacuator {
	return &evacuator{hands: h, wrote: map[types.NamespacedName]string{}, freed: newReleases(), preemptible: newAnswers()}
}

// cacheLag gives the cache time to show what a pass wrote.
const cacheLag = 20 * time.Millisecond

// Reconcile makes one pass.
func (e *evacuator) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	clusters, err := e.clusters(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	survey := e.survey(clusters)
	if len(survey.Lost()) == 0 {
		e.preemptible.forget()
	}
	movers, stale, err := e.affected(ctx, survey.Lost())
	if err != nil {
		return ctrl.Result{}, err
	}
	e.judge(ctx, survey, movers)
	for _, m := range movers {
		m.signals = e.signals(clusters, m.speaking, m.decision.Evict)
	}
	e.move(ctx, survey, movers)
	e.remember(movers)
	return e.result(movers, stale)
}

// mover is a binding that is placed in a lost cluster.
type mover struct {
	// b is ours to change; read is its version in the cache.
	b         workv1alpha2.Binding
	read      string
	decision  failover.Decision
	singleton bool
	// speaking are the policies that speak for it, signals what the decision was made by.
	speaking []*trafficv1alpha1.TrafficPolicy
	signals  []trafficv1alpha1.DecisionInput

	// placed: its turn has come; from then on only its own write touches b.
	placed bool
	// What became of it.
	wrote, waits bool
	err          error
}

func (m *mover) key() types.NamespacedName { return client.ObjectKeyFromObject(m.b) }

// affected are the bindings that are placed in lost clusters. Stale says that the cache does not yet
// show what the last pass wrote of some of them.
func (e *evacuator) affected(ctx context.Context, lost []string) (out []*mover, stale bool, err error) {
	seen := sets.New[types.NamespacedName]()
	for _, name := range lost {
		bindings, err := hub.Bindings(ctx, e.client, client.MatchingFields{hub.IndexBindingByCluster: name}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil, false, err
		}
		for _, b := range bindings {
			key := client.ObjectKeyFromObject(b)
			if seen.Has(key) || !holds(b.GetBindingSpec().Clusters, name) || b.GetDeletionTimestamp() != nil || validation.ValidateReach(b) != nil {
				continue
			}
			seen.Insert(key)
			if e.wrote[key] == b.GetResourceVersion() {
				stale = true
				continue
			}
			out = append(out, &mover{b: b.DeepCopyObject().(workv1alpha2.Binding), read: b.GetResourceVersion()})
		}
	}
	return out, stale, nil
}

// judge decides of each whether it has to leave.
func (e *evacuator) judge(ctx context.Context, survey failover.Survey, movers []*mover) {
	e.each(movers, func(m *mover) {
		judged, speaking, err := e.about(ctx, m.b, survey.Size())
		if err != nil {
			m.err = err
			return
		}
		m.speaking = speaking
		judged.Placed = clusterNames(m.b.GetBindingSpec().Clusters)
		m.decision = survey.Decide(judged)
		if len(m.decision.Evict) == 0 {
			return
		}
		template, err := e.policies.Template(ctx, m.b)
		if err != nil {
			m.err = err
			return
		}
		if judged.Singleton = policies.IsSingleton(&template); judged.Singleton {
			m.singleton, m.decision = true, survey.Decide(judged)
		}
	})
}

// move places those that have to leave, one after the other, and writes what came of it beside that.
// The others are told what holds them, if anything does.
func (e *evacuator) move(ctx context.Context, survey failover.Survey, movers []*mover) {
	p := e.newPass(survey, movers)
	writes := e.group()
	write := func(m *mover, how func() error) {
		writes.Go(func() error {
			m.err = how()
			return nil // each has its own
		})
	}
	for _, m := range inOrder(movers) {
		if m.err != nil {
			continue
		}
		m.placed = true
		held := m.decision.Held
		if len(m.decision.Evict) > 0 {
			to, hold, err := p.place(ctx, m)
			switch {
			case err != nil:
				m.err = err
				continue
			case to != nil:
				m.waits = len(held) > 0
				write(m, func() error { return e.leave(ctx, m, to, held) })
				continue
			case hold != nil:
				held = append(held, *hold)
			}
		}
		m.waits = len(held) > 0
		write(m, func() error { return e.tellHeld(ctx, m.b, held) })
	}
	_ = writes.Wait()
	if err := p.finish(ctx); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "tell victims of a pre-emption")
	}
}

// inOrder are the movers in the order in which they are placed.
func inOrder(movers []*mover) []*mover {
	list := make([]failover.Mover, len(movers))
	for i, m := range movers {
		list[i] = failover.MoverOf(m.b)
	}
	out := make([]*mover, 0, len(movers))
	for _, i := range failover.Order(list) {
		out = append(out, movers[i])
	}
	return out
}

// remember notes what was written, for the next pass.
func (e *evacuator) remember(movers []*mover) {
	clear(e.wrote)
	for _, m := range movers {
		if m.wrote {
			e.wrote[m.key()] = m.read
		}
	}
}

// result says when to make the next pass.
func (e *evacuator) result(movers []*mover, stale bool) (ctrl.Result, error) {
	var again time.Duration
	soon := func(d time.Duration) {
		if again == 0 || d < again {
			again = d
		}
	}
	var errs []error
	waiting := false
	for _, m := range movers {
		if at := m.decision.RetryAt; !at.IsZero() {
			soon(max(at.Sub(e.clock.Now()), time.Millisecond))
		}
		if m.waits {
			waiting = true
			soon(heldRetry)
		}
		switch {
		case apierrors.IsConflict(m.err):
			stale = true
		case client.IgnoreNotFound(m.err) != nil:
			errs = append(errs, m.err)
		}
	}
	e.waiting.Store(waiting)
	if stale {
		soon(cacheLag)
	}
	return ctrl.Result{RequeueAfter: again}, errors.Join(errs...)
}

// place says where a binding goes that has to leave, or what holds it; neither when nothing is gained
// by leaving.
func (p *evacuation) place(ctx context.Context, m *mover) (*Placement, *failover.Hold, error) {
	spec := m.b.GetBindingSpec()
	bounds := p.survey.Leave(spec.Clusters, m.decision.Evict)
	asked := m.b.DeepCopyObject().(workv1alpha2.Binding) // what is recorded is not what is written
	to, err := p.placer.Place(ctx, asked, bounds, false)
	if err != nil {
		return nil, nil, fmt.Errorf("place without %s: %w", strings.Join(sets.List(bounds.Exclude), ", "), err)
	}
	first := m.decision.Evict[0].Cluster
	switch {
	case to.Short != nil:
		made, err := p.preempt(ctx, m, to)
		if err != nil || made != nil {
			return made, nil, err
		}
		return nil, &failover.Hold{Cluster: first, Reason: failover.ReasonNoRoom, Message: to.Short.Message()}, nil
	case to.Why != "":
		return nil, &failover.Hold{Cluster: first, Reason: failover.ReasonNoClusterFits, Message: to.Why}, nil
	case !failover.Gains(spec.Clusters, to.To):
		to.settle(0)
		return nil, nil, nil // leaving would only lose copies that may still run
	}
	return &to, nil, nil
}

// each does something to all movers, some at a time.
func (h *hands) each(movers []*mover, do func(*mover)) {
	g := h.group()
	for _, m := range movers {
		g.Go(func() error {
			do(m)
			return nil
		})
	}
	_ = g.Wait()
}

// group bounds what is done at a time.
func (h *hands) group() *errgroup.Group {
	g := &errgroup.Group{}
	g.SetLimit(max(h.workers, 1))
	return g
}

func holds(targets []workv1alpha2.TargetCluster, name string) bool {
	for _, t := range targets {
		if t.Name == name {
			return true
		}
	}
	return false
}
