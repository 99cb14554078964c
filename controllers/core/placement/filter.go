package placement

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// localityScore is the score of a present target.
const localityScore = 100

// atHome are the scores of a present target that nobody else scored.
var atHome = []Score{{Name: ScoreLocality, Points: localityScore}}

// candidate is a cluster that passes the filters.
type candidate struct {
	*memberView
	verdict   *Verdict
	tier      int
	score     int64
	advised   int64 // the part of the score that custom algorithms gave
	target    bool  // it is a present target
	present   int32 // replicas it has
	estimate  int64 // room for more
	available int64 // room with those it has
}

// filter writes a verdict for each member and returns those that pass, sorted by name.
func (p *placer) filter(t *term, verdicts []Verdict) []candidate {
	passing := 0
	for i := range p.members {
		m, v := &p.members[i], &verdicts[i]
		_, target := p.present[m.Name]
		v.Cluster = m.Name
		if v.Tier, v.Filter, v.Detail = p.judge(t, m, target); v.Filter == "" {
			passing++
		}
	}
	candidates := make([]candidate, 0, passing)
	for i := range verdicts {
		v := &verdicts[i]
		if v.Filter != "" {
			continue
		}
		c := candidate{memberView: &p.members[i], verdict: v, tier: v.Tier}
		if c.present, c.target = p.present[v.Cluster]; c.target {
			v.Score, v.Scores = localityScore, atHome
		}
		c.advised = p.advice.score(v)
		c.score = v.Score
		candidates = append(candidates, c)
	}
	return candidates
}

// judge names the first filter that excludes the cluster, or none. A present target is not driven
// out by taints, by an API that is missing from the last report, by other workloads or, unless the
// placement is made anew, by a custom algorithm.
func (p *placer) judge(t *term, m *memberView, target bool) (tier int, excluded Filter, detail string) {
	if why := p.bounds.out(m.Name, target); why != "" {
		return 0, FilterExclude, why
	}
	switch {
	case !p.in.Wall.Inside(m.Cluster):
		return 0, FilterResidency, p.beyond
	case m.DeletionTimestamp != nil:
		return 0, FilterTerminating, "is being deleted"
	case !target && !p.servers.has(m):
		return 0, FilterAPIEnablement, p.lacksAPI
	}
	tier, mismatch := t.tierOf(m.Cluster)
	if tier < 0 || tier > 0 && !p.workload {
		if mismatch == "" {
			mismatch = "is only in an overflow affinity, which is for replicas"
		}
		return 0, FilterAffinity, mismatch
	}
	if missing := p.spread.missing(m.Cluster); missing != "" {
		return tier, FilterSpread, missing
	}
	if !target {
		if taint := untolerated(m.Spec.Taints, p.policy.ClusterTolerations); taint != nil {
			return tier, FilterTaint, p.taints.text(taint)
		}
	}
	if p.evicted.Has(m.Name) {
		return tier, FilterEviction, "is being left (gracefulEvictionTasks)"
	}
	if !target {
		if excluded, detail = p.peers.judge(m.Name); excluded != "" {
			return tier, excluded, detail
		}
	}
	if !target || p.fresh {
		excluded, detail = p.advice.judge(m.Name)
	}
	return tier, excluded, detail
}

// taintTexts are the details of taints seen so far: the clusters of a fleet share few.
type taintTexts map[taintKey]string

type taintKey struct {
	key, value string
	effect     corev1.TaintEffect
}

func (t *taintTexts) text(taint *corev1.Taint) string {
	k := taintKey{taint.Key, taint.Value, taint.Effect}
	if *t == nil {
		*t = taintTexts{}
	}
	if (*t)[k] == "" {
		(*t)[k] = "has the taint " + taint.ToString()
	}
	return (*t)[k]
}

// untolerated is the first taint that keeps new workloads away and is not tolerated.
func untolerated(taints []corev1.Taint, tolerations []corev1.Toleration) *corev1.Taint {
	for i := range taints {
		taint := &taints[i]
		if taint.Effect != corev1.TaintEffectNoSchedule && taint.Effect != corev1.TaintEffectNoExecute {
			continue
		}
		if !slices.ContainsFunc(tolerations, func(t corev1.Toleration) bool { return tolerates(t, taint) }) {
			return taint
		}
	}
	return nil
}

// tolerates goes by Kubernetes' rule for nodes. Of the operators only Exists and Equal, the default,
// mean something here.
func tolerates(t corev1.Toleration, taint *corev1.Taint) bool {
	if t.Effect != "" && t.Effect != taint.Effect || t.Key != "" && t.Key != taint.Key {
		return false
	}
	switch t.Operator {
	case corev1.TolerationOpExists:
		return true
	case corev1.TolerationOpEqual, "":
		return t.Key != "" && t.Value == taint.Value
	}
	return false
}
