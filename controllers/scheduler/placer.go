package scheduler

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/scheduler/ledger"
)

// Placer computes placements: from the clusters as the cache has them, what is assumed to be placed
// in them, where the peers of affinity groups run, and what estimators and custom algorithms say.
// It writes nothing and is safe for concurrent use. Set its fields before the manager starts.
type Placer struct {
	// KeepEmpty keeps clusters without replicas in the placements of workloads.
	KeepEmpty bool

	// Estimate asks members how many more replicas (or sets of components) they have room for, given
	// what is assumed to be placed in them. A cluster that is absent from the answer, or has a
	// negative number, goes by its summary. Nil asks nobody. It is called with a deadline, only for
	// decisions that go by room, and changes nothing it is given.
	Estimate func(ctx context.Context, clusters []string, spec *workv1alpha2.ResourceBindingSpec, assumed map[string]corev1.ResourceList) map[string]int32

	// Advise asks custom algorithms about clusters that could be targets. Nil asks nobody.
	Advise func(ctx context.Context, b workv1alpha2.Binding, clusters []*clusterv1alpha1.Cluster) []placement.Advice

	clusters clusters
	ledger   *ledger.Ledger
	groups   *groups
	wakers   wakers
	// turn is held for reading while a decision is committed, and for writing by one that was
	// overtaken too often to be made beside others.
	turn sync.RWMutex
}

// asking bounds what Estimate and Advise may take together; askingAlone while others wait.
const (
	asking      = 3 * time.Second
	askingAlone = 200 * time.Millisecond
)

// NewPlacer makes a Placer that follows the clusters of the manager's cache.
func NewPlacer(mgr ctrl.Manager) (*Placer, error) {
	p := newPlacer(mgr.GetClient())
	err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error { return p.follow(ctx, mgr.GetCache(), clock.RealClock{}) }))
	if err != nil {
		return nil, fmt.Errorf("follow clusters: %w", err)
	}
	return p, nil
}

func newPlacer(reader client.Reader) *Placer {
	return &Placer{clusters: clusters{reader: reader}, ledger: ledger.New(), groups: newGroups()}
}

// Place computes a placement of the binding. Excluded clusters are not used; fresh divides from
// scratch what would else stay where it is. When nothing fits, the result is the present placement
// and the diagnosis says why.
func (p *Placer) Place(ctx context.Context, b workv1alpha2.Binding, exclude sets.Set[string], fresh bool) (placement.Result, placement.Diagnosis, error) {
	d, err := p.decide(ctx, request{binding: b, spec: b.GetBindingSpec(), status: b.GetBindingStatus(), bounds: placement.Bounds{Exclude: exclude}, fresh: fresh})
	return d.result, d.diagnosis, err
}

// Wake has everything placed again that could not be: something has changed that no watch shows, such
// as a custom algorithm.
func (p *Placer) Wake() { p.wakers.wake(wake{}) }

// request is what a placement is asked for.
type request struct {
	binding workv1alpha2.Binding
	// spec and status are the binding's, or what is to be placed in their stead.
	spec   *workv1alpha2.ResourceBindingSpec
	status *workv1alpha2.ResourceBindingStatus
	bounds placement.Bounds
	fresh  bool
	// alone: others wait for it.
	alone bool
}

// decision is a placement and what it was made from.
type decision struct {
	input     placement.Input
	result    placement.Result
	diagnosis placement.Diagnosis
	assumed   *ledger.View // nil when room did not matter
	peers     standing
}

// decide makes a decision. What is assumed is read before the clusters are: a report that comes in
// between then counts something twice, for one decision, instead of not at all.
func (p *Placer) decide(ctx context.Context, r request) (decision, error) {
	var d decision
	if goesByRoom(r.spec) {
		d.assumed = p.ledger.View()
	}
	d.peers = p.groups.of(r.binding)
	snapshot, err := p.clusters.now(ctx)
	if err != nil {
		return d, err
	}
	wall, err := p.wall(ctx, r.binding)
	if err != nil {
		return d, err
	}
	d.input = placement.Input{
		Wall:     wall,
		Clusters: snapshot.all, Snapshot: snapshot.ready, Spec: r.spec, Status: r.status, Groups: d.peers.Groups,
		Exclude: r.bounds.Exclude, Only: r.bounds.Only, Frozen: r.bounds.Frozen, Fresh: r.fresh, KeepEmpty: p.KeepEmpty,
	}
	if d.assumed != nil {
		d.input.Assumed = d.assumed.Assumed
	}
	p.ask(ctx, r, &d.input)
	d.result, d.diagnosis = placement.Place(d.input)
	return d, nil
}

// ask completes the input with what others say.
func (p *Placer) ask(ctx context.Context, r request, in *placement.Input) {
	estimates := p.Estimate != nil && goesByRoom(r.spec)
	if r.spec.Placement == nil || !estimates && p.Advise == nil {
		return
	}
	patience := asking
	if r.alone {
		patience = askingAlone
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	could := candidates(in)
	if p.Advise != nil && len(could) > 0 {
		in.Advice = p.Advise(ctx, r.binding, could)
	}
	if !estimates {
		return
	}
	var names []string
	for _, c := range could {
		if ready(c) {
			names = append(names, c.Name) // nobody would answer for the others
		}
	}
	if len(names) > 0 {
		in.Estimates = p.Estimate(ctx, names, r.spec, in.Assumed)
	}
}

// candidates are the clusters that the affinities still to be tried include.
func candidates(in *placement.Input) (out []*clusterv1alpha1.Cluster) {
	policy := *in.Spec.Placement
	if k := termInUse(in.Spec, in.Status); k > 0 {
		policy.ClusterAffinities = policy.ClusterAffinities[k:]
	}
	interest := placement.NewInterest(&policy, "")
	for _, c := range in.Clusters {
		if c.DeletionTimestamp == nil && !in.Exclude.Has(c.Name) && (in.Only == nil || in.Only.Has(c.Name)) && in.Wall.Inside(c) && interest.Includes(c) {
			out = append(out, c)
		}
	}
	return out
}

// goesByRoom says whether the placement may depend on the room in clusters.
func goesByRoom(spec *workv1alpha2.ResourceBindingSpec) bool {
	if spec.Placement == nil || spec.Replicas == 0 && len(spec.Components) == 0 {
		return false
	}
	s := placement.StrategyOf(spec.Placement)
	return len(spec.Components) > 0 || len(spec.Placement.SpreadConstraints) > 0 || s == placement.DynamicWeight || s == placement.Aggregated
}

// ready is true also of a cluster of which nothing is known yet.
func ready(c *clusterv1alpha1.Cluster) bool {
	cond := meta.FindStatusCondition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
	return cond == nil || cond.Status == metav1.ConditionTrue
}

// commit enters a decision in the ledger and the groups. It fails when others have meanwhile taken
// what the decision counts on. After it comes settle.
func (p *Placer) commit(b workv1alpha2.Binding, d *decision, now time.Time) bool {
	p.turn.RLock()
	defer p.turn.RUnlock()
	return p.enter(b, d, now)
}

// enter is commit for whoever holds the turn.
func (p *Placer) enter(b workv1alpha2.Binding, d *decision, now time.Time) bool {
	if !p.groups.commit(b, d.peers, d.result.Clusters) {
		return false
	}
	claim := ledger.Claim{Key: keyOf(b), Growth: d.growth(b.GetBindingSpec())}
	if len(claim.Growth) == 0 {
		return true
	}
	claim.Unit = ledger.UnitOf(b.GetBindingSpec())
	if !p.ledger.Commit(d.assumed, claim, now) {
		p.groups.settle(claim.Key, 0)
		return false
	}
	return true
}

// settle ends what commit began: with the generation that was written, or 0 when nothing was.
func (p *Placer) settle(b workv1alpha2.Binding, generation int64) { p.settleKey(keyOf(b), generation) }

func (p *Placer) settleKey(key types.NamespacedName, generation int64) {
	p.groups.settle(key, generation)
	if generation > 0 {
		p.ledger.Written(key, generation)
	} else {
		p.ledger.TakeBack(key)
	}
}

// growth are the clusters that get more than they have, with the room found for it.
func (d *decision) growth(spec *workv1alpha2.ResourceBindingSpec) (out []ledger.Growth) {
	if !placement.IsWorkload(spec) {
		return nil
	}
	had := ledger.Units(spec, spec.Clusters)
	for name, to := range ledger.Units(spec, d.result.Clusters) {
		if from := had[name]; to > from {
			out = append(out, ledger.Growth{Cluster: name, From: from, To: to, Room: d.room(name, from)})
		}
	}
	return out
}

// room is what the decision found room for in a cluster besides what it has.
func (d *decision) room(cluster string, has int64) int64 {
	spec := d.input.Spec
	strategy := placement.StrategyOf(spec.Placement)
	byRoom := strategy == placement.DynamicWeight || strategy == placement.Aggregated || len(spec.Components) > 1
	if d.assumed == nil || len(d.diagnosis.Terms) == 0 || !byRoom {
		return ledger.Unchecked
	}
	for _, v := range d.diagnosis.Terms[len(d.diagnosis.Terms)-1].Clusters {
		if v.Cluster == cluster && v.Available > 0 {
			return max(v.Available-has, 0)
		}
	}
	return ledger.Unchecked // room was not asked for after all
}

// sweeping is how often assumptions are looked through for old ones.
const sweeping = 5 * time.Second

// follow keeps count of the changes of clusters, and the ledger true to their reports, until the
// context ends.
func (p *Placer) follow(ctx context.Context, from cache.Cache, clk clock.WithTicker) error {
	informer, err := from.GetInformer(ctx, &clusterv1alpha1.Cluster{})
	if err != nil {
		return fmt.Errorf("watch clusters: %w", err)
	}
	handle, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { p.clusters.changed() },
		UpdateFunc: func(before, after any) {
			p.clusters.changed() // first: nobody may see the ledger without what a report counts, and not the report
			p.reported(before.(*clusterv1alpha1.Cluster), after.(*clusterv1alpha1.Cluster))
		},
		DeleteFunc: func(any) { p.clusters.changed() },
	})
	if err != nil {
		return fmt.Errorf("watch clusters: %w", err)
	}
	p.clusters.following.Store(true)
	ticker := clk.NewTicker(sweeping)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C():
			for _, cluster := range p.ledger.Expire(clk.Now()) {
				p.wakers.wake(wake{cluster: cluster})
			}
		case <-ctx.Done():
			p.clusters.following.Store(false)
			return informer.RemoveEventHandler(handle)
		}
	}
}

func (p *Placer) reported(before, after *clusterv1alpha1.Cluster) {
	if !equality.Semantic.DeepEqual(before.Status.ResourceSummary, after.Status.ResourceSummary) && p.ledger.Refreshed(after.Name) {
		p.wakers.wake(wake{cluster: after.Name})
	}
}

// wake is a reason to place again what could not be placed.
type wake struct {
	// cluster is the one that has more room; any when empty.
	cluster string
}

// wakers are the queues to wake.
type wakers struct {
	mu  sync.RWMutex
	all []func(wake)
}

func (w *wakers) add(f func(wake)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, f)
}

func (w *wakers) wake(why wake) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, f := range w.all {
		f(why)
	}
}
