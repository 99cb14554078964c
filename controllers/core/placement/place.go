package placement

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

// Place computes a placement. It is deterministic, does not depend on the order of the clusters, and
// placing its result again changes nothing. When it finds none, the result is the present placement
// without the clusters that are being deleted: nothing that runs is removed for lack of a better
// place. The Diagnosis says which case it is.
func Place(in Input) (Result, Diagnosis) {
	diagnosis := Diagnosis{Previous: in.Spec.Clusters}
	p, errs := newPlacer(&in)
	if len(errs) > 0 {
		diagnosis.Reason, diagnosis.Message = workv1alpha2.ReasonSchedulerError, errs.ToAggregate().Error()
		return in.keep(), diagnosis
	}
	var first *refusal
	for i := range p.terms {
		targets, verdict, refused := p.try(&p.terms[i])
		diagnosis.Terms = append(diagnosis.Terms, verdict)
		if refused == nil {
			diagnosis.Reason, diagnosis.Message = workv1alpha2.ReasonScheduledSuccess, placed(targets)
			return Result{Clusters: targets, AffinityName: p.terms[i].name}, diagnosis
		}
		if first == nil {
			first = refused
		}
	}
	diagnosis.Reason, diagnosis.Message = first.reason, first.message
	return in.keep(), diagnosis
}

// keep is the present placement. Clusters that are being deleted leave it: their user wants them
// gone, and they wait for it.
func (in *Input) keep() Result {
	terminating := sets.New[string]()
	for _, c := range in.Clusters {
		if c.DeletionTimestamp != nil {
			terminating.Insert(c.Name)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(in.Spec.Clusters), func(t workv1alpha2.TargetCluster) bool { return terminating.Has(t.Name) })
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
	workload bool
	fresh    bool
	descend  bool
	clusters []*clusterv1alpha1.Cluster // sorted by name
	gvk      schema.GroupVersionKind
	present  map[string]int32 // replicas of the present targets
	evicted  sets.Set[string]
	spread   spread
	weights  []affinity.Matcher // of the static weights, in their order
	terms    []term             // in the order they are tried
}

func newPlacer(in *Input) (*placer, field.ErrorList) {
	if errs := check(in.Spec); len(errs) > 0 {
		return nil, errs
	}
	policy := in.Spec.Placement
	p := &placer{
		in: in, spec: in.Spec, policy: policy,
		strategy: StrategyOf(policy),
		workload: IsWorkload(in.Spec),
		fresh:    in.Fresh || triggered(in.Spec, in.Status),
		descend:  NamesDescend(in.Spec.Resource.UID),
		gvk:      schema.FromAPIVersionAndKind(in.Spec.Resource.APIVersion, in.Spec.Resource.Kind),
		clusters: slices.Clone(in.Clusters),
		present:  make(map[string]int32, len(in.Spec.Clusters)),
		evicted:  sets.New[string](),
		spread:   newSpread(policy),
		weights:  weightAffinities(policy),
	}
	slices.SortFunc(p.clusters, func(a, b *clusterv1alpha1.Cluster) int { return cmp.Compare(a.Name, b.Name) })
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

// candidate is a cluster that passes the filters.
type candidate struct {
	*clusterv1alpha1.Cluster
	verdict   *Verdict
	tier      int
	score     int64
	present   int32 // replicas it has
	estimate  int64 // room for more
	available int64 // room with those it has
}

func (p *placer) try(t *term) ([]workv1alpha2.TargetCluster, TermDiagnosis, *refusal) {
	d := TermDiagnosis{Affinity: t.name, Clusters: make([]Verdict, len(p.clusters))}
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
	slices.SortFunc(selected, func(a, b candidate) int { return cmp.Compare(a.Name, b.Name) })
	targets, refused := p.assign(selected, len(t.tiers), d)
	if refused != nil {
		return nil, refused
	}
	p.markLeftOut(selected, targets)
	return targets, nil
}

// choose estimates and selects; both only when the outcome depends on it.
func (p *placer) choose(candidates []candidate, d *TermDiagnosis) ([]candidate, *refusal) {
	selects := !ignoresSpread(p.policy)
	if selects || p.workload && p.strategy.byCapacity() {
		for i := range candidates {
			c := &candidates[i]
			c.estimate = p.in.room(c.Cluster)
			c.available = c.estimate + int64(c.present)
			c.verdict.Available = c.available
		}
	}
	if !selects {
		return candidates, nil
	}
	slices.SortFunc(candidates, better)
	selected, how, refused := p.selectSpread(candidates)
	d.Selection = how
	if refused != nil {
		return nil, refused
	}
	chosen := sets.New[string]()
	for _, c := range selected {
		chosen.Insert(c.Name)
	}
	for _, c := range candidates {
		if !chosen.Has(c.Name) {
			c.verdict.Filter, c.verdict.Detail = FilterSelection, "was not chosen under the spread constraints"
		}
	}
	return selected, nil
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

// markLeftOut completes the verdicts of clusters that were selected and got nothing.
func (p *placer) markLeftOut(selected []candidate, targets []workv1alpha2.TargetCluster) {
	for _, c := range selected {
		if _, in := find(targets, c.Name); !in {
			c.verdict.Filter, c.verdict.Detail = FilterDivision, "gets no replicas"
		}
	}
}

// find looks a cluster up in targets sorted by name.
func find(targets []workv1alpha2.TargetCluster, name string) (int, bool) {
	return slices.BinarySearchFunc(targets, name, func(t workv1alpha2.TargetCluster, name string) int { return cmp.Compare(t.Name, name) })
}
