package placement

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Place computes a placement. It is deterministic, does not depend on the order of the clusters, and
// placing its result again changes nothing (see settle). When it finds none, the result is the present placement
// without the clusters that are being deleted: nothing that runs is removed for lack of a better
// place. The Diagnosis says which case it is.
func Place(in Input) (Result, Diagnosis) { return settle(in) }

// once makes one placement, and says whether it is known to rest.
func once(in Input) (result Result, diagnosis Diagnosis, rests bool) {
	diagnosis.Previous = in.Spec.Clusters
	p, errs := newPlacer(&in)
	if len(errs) > 0 {
		diagnosis.Reason, diagnosis.Message = workv1alpha2.ReasonSchedulerError, errs.ToAggregate().Error()
		return in.keep(&diagnosis), diagnosis, true
	}
	diagnosis.Bypassed = p.bypassed
	var first *refusal
	for i := range p.terms {
		targets, verdict, refused := p.try(&p.terms[i])
		diagnosis.Terms = append(diagnosis.Terms, verdict)
		if refused == nil {
			diagnosis.Reason, diagnosis.Message = workv1alpha2.ReasonScheduledSuccess, placed(targets)
			diagnosis.Targets = targets
			return Result{Clusters: targets, AffinityName: p.terms[i].name}, diagnosis, p.rest
		}
		if first == nil {
			first = refused
		}
	}
	diagnosis.Reason, diagnosis.Message = first.reason, first.message
	return in.keep(&diagnosis), diagnosis, true
}

// keep is the present placement. Clusters that are being deleted leave it: their user wants them
// gone, and they wait for it.
func (in *Input) keep(d *Diagnosis) Result {
	terminating := sets.New[string]()
	for _, m := range in.members() {
		if m.DeletionTimestamp != nil {
			terminating.Insert(m.Name)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(in.Spec.Clusters), func(t workv1alpha2.TargetCluster) bool { return terminating.Has(t.Name) })
	d.Targets = kept
	return Result{Clusters: kept, AffinityName: in.observedAffinity()}
}

// refusal says why a term cannot be used.
type refusal struct{ reason, message string }

// placer holds what all terms share.
type placer struct {
	in       *Input
	spec     *workv1alpha2.ResourceBindingSpec
	policy   *policyv1alpha1.Placement
	strategy Strategy
	demand   demand
	workload bool
	fresh    bool
	descend  bool
	members  []memberView // sorted by name
	servers  servers
	beyond   string           // what a cluster is said to be that is outside of the wall
	lacksAPI string           // what a cluster is said to lack that does not serve the kind
	present  map[string]int32 // replicas of the present targets
	evicted  sets.Set[string]
	spread   spread
	selects  bool // spread constraints choose among clusters
	peers    peers
	advice   adviser
	bounds   Bounds
	bypassed []Bypass
	weights  weights // static ones
	terms    []term  // in the order they are tried
	rest     bool    // the placement found is known to rest
	requests []corev1.ResourceName
	scratch  supply // of the cluster at hand, outside of a Snapshot
	taints   taintTexts
}

func newPlacer(in *Input) (*placer, field.ErrorList) {
	if errs := check(in.Spec); len(errs) > 0 {
		return nil, errs
	}
	policy, ref := in.Spec.Placement, &in.Spec.Resource
	p := &placer{
		in: in, spec: in.Spec, policy: policy,
		strategy: StrategyOf(policy),
		demand:   demandOf(in.Spec),
		workload: IsWorkload(in.Spec),
		fresh:    in.Fresh || triggered(in.Spec, in.Status),
		descend:  NamesDescend(ref.UID),
		members:  in.members(),
		servers:  newServers(in.Snapshot, schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind)),
		beyond:   "is outside of the namespace's wall (" + names.ResidencyAnnotation + ": " + in.Wall.String() + ")",
		lacksAPI: "does not serve " + ref.APIVersion + " " + ref.Kind,
		present:  make(map[string]int32, len(in.Spec.Clusters)),
		evicted:  sets.New[string](),
		spread:   newSpread(policy),
		peers:    newPeers(&in.Groups),
		weights:  newWeights(policy),
		bounds:   in.bounds(),
	}
	p.advice, p.bypassed = newAdviser(in.Advice)
	p.requests = p.demand.names()
	p.selects = !ignoresSpread(policy) || p.demand.inSets() && p.spread.one()
	for _, t := range in.Spec.Clusters {
		p.present[t.Name] = max(t.Replicas, 0)
	}
	for i := range in.Spec.GracefulEvictionTasks {
		p.evicted.Insert(in.Spec.GracefulEvictionTasks[i].FromCluster)
	}
	p.terms = p.inOrder(termsOf(policy))
	return p, nil
}

// inOrder leaves out the terms before the one in use: a placement goes down the list, and up again
// only when somebody asks for a reschedule.
func (p *placer) inOrder(terms []term) []term {
	if triggered(p.in.Spec, p.in.Status) {
		return terms
	}
	observed := p.in.observedAffinity()
	if i := slices.IndexFunc(terms, func(t term) bool { return t.name == observed }); i > 0 && observed != "" {
		return terms[i:]
	}
	return terms
}

func (p *placer) try(t *term) ([]workv1alpha2.TargetCluster, TermDiagnosis, *refusal) {
	d := TermDiagnosis{Affinity: t.name, Clusters: make([]Verdict, len(p.members))}
	candidates := p.filter(t, d.Clusters)
	targets, refused := p.decide(t, candidates, &d)
	if refused != nil {
		d.Reason, d.Message = refused.reason, refused.message
	}
	return targets, d, refused
}

func (p *placer) decide(t *term, candidates []candidate, d *TermDiagnosis) ([]workv1alpha2.TargetCluster, *refusal) {
	if len(candidates) == 0 {
		return nil, &refusal{workv1alpha2.ReasonNoClusterFit, noClusterFits(d.Clusters)}
	}
	selected, refused := p.choose(candidates, d)
	if refused != nil {
		return nil, refused
	}
	byName := func(a, b candidate) int { return cmp.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(selected, byName) {
		slices.SortFunc(selected, byName)
	}
	targets, refused := p.assign(selected, len(t.tiers), d)
	if refused != nil {
		return nil, refused
	}
	p.markLeftOut(selected, targets)
	p.rest = p.rests(selected, targets, t)
	return targets, nil
}

// choose estimates and selects; both only when the outcome depends on it.
func (p *placer) choose(candidates []candidate, d *TermDiagnosis) ([]candidate, *refusal) {
	if p.readsRoom() {
		for i := range candidates {
			c := &candidates[i]
			if c.estimate = p.room(c.memberView); p.in.Frozen.Has(c.Name) {
				c.estimate = 0
			}
			c.available = c.estimate + int64(c.present)
			if c.target && p.demand.inSets() {
				c.available++ // the set that runs there
			}
			c.verdict.Available = c.available
		}
	}
	if !p.selects {
		return candidates, nil
	}
	slices.SortFunc(candidates, better)
	selected, how, refused := p.selectSpread(candidates)
	d.Selection = how
	if refused != nil {
		return nil, refused
	}
	chosen := make(map[string]bool, len(selected))
	for i := range selected {
		chosen[selected[i].Name] = true
	}
	for i := range candidates {
		c := &candidates[i]
		switch {
		case chosen[c.Name]:
		case p.demand.inSets() && c.available < 1:
			c.verdict.Filter, c.verdict.Detail = FilterSelection, "has no room for a whole set"
		default:
			c.verdict.Filter, c.verdict.Detail = FilterSelection, "was not chosen under the spread constraints"
		}
	}
	return selected, nil
}

// readsRoom says whether the outcome depends on how much room there is.
func (p *placer) readsRoom() bool { return p.selects || p.workload && p.strategy.byCapacity() }

// room is the estimate for one cluster. Nothing is estimated while no pods are wanted, and a cluster
// without a known bound has room for as many as are wanted.
func (p *placer) room(m *memberView) int64 {
	if p.demand.nothing() {
		return unbounded
	}
	s := m.supply
	if s == nil {
		s = &p.scratch
		s.read(m.Cluster, p.requests)
	}
	n := s.capacity(&p.demand, p.in.Assumed[m.Name])
	if better, ok := p.in.Estimates[m.Name]; ok && better >= 0 {
		n = min(n, better)
	}
	if n == unbounded {
		return p.demand.units()
	}
	return int64(n)
}

// better orders candidates: nearer tiers, present targets, more room, name.
func better(a, b candidate) int {
	return cmp.Or(
		cmp.Compare(a.tier, b.tier),
		cmp.Compare(b.score, a.score),
		cmp.Compare(b.available, a.available),
		cmp.Compare(a.Name, b.Name),
	)
}

// markLeftOut completes the verdicts of clusters that were selected and got nothing. Both are sorted by
// name.
func (p *placer) markLeftOut(selected []candidate, targets []workv1alpha2.TargetCluster) {
	next := 0
	for i := range selected {
		c := &selected[i]
		if next < len(targets) && targets[next].Name == c.Name {
			next++
			continue
		}
		c.verdict.Filter, c.verdict.Detail = FilterDivision, "gets no replicas"
	}
}

// find looks a cluster up in targets sorted by name.
func find(targets []workv1alpha2.TargetCluster, name string) (int, bool) {
	return slices.BinarySearchFunc(targets, name, func(t workv1alpha2.TargetCluster, name string) int { return cmp.Compare(t.Name, name) })
}
