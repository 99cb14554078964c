package placement

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// localityScore is the score of a present target.
const localityScore = 100

// filter writes a verdict for each of p.clusters and returns those that pass, sorted by name.
func (p *placer) filter(t *term, verdicts []Verdict) []candidate {
	candidates := make([]candidate, 0, len(p.clusters))
	for i, c := range p.clusters {
		v := &verdicts[i]
		v.Cluster = c.Name
		if v.Tier, v.Filter, v.Detail = p.judge(t, c); v.Filter != "" {
			continue
		}
		present, target := p.present[c.Name]
		if target {
			v.Score, v.Scores = localityScore, []Score{{Name: ScoreLocality, Points: localityScore}}
		}
		candidates = append(candidates, candidate{Cluster: c, verdict: v, tier: v.Tier, score: v.Score, present: present})
	}
	return candidates
}

// judge names the first filter that excludes the cluster, or none. A present target is not driven
// out by taints or by an API that is missing from the last report.
func (p *placer) judge(t *term, c *clusterv1alpha1.Cluster) (tier int, excluded Filter, detail string) {
	_, target := p.present[c.Name]
	switch {
	case p.in.Exclude.Has(c.Name):
		return 0, FilterExclude, "is lost"
	case c.DeletionTimestamp != nil:
		return 0, FilterTerminating, "is being deleted"
	case !target && !serves(c, p.gvk):
		return 0, FilterAPIEnablement, "does not serve " + p.spec.Resource.APIVersion + " " + p.spec.Resource.Kind
	}
	tier, mismatch := t.tierOf(c)
	if tier < 0 || tier > 0 && !p.workload {
		if mismatch == "" {
			mismatch = "is only in an overflow affinity, which is for replicas"
		}
		return 0, FilterAffinity, mismatch
	}
	if missing := p.spread.missing(c); missing != "" {
		return tier, FilterSpread, missing
	}
	if !target {
		if taint := untolerated(c.Spec.Taints, p.policy.ClusterTolerations); taint != nil {
			return tier, FilterTaint, "has the taint " + taint.ToString()
		}
	}
	if p.evicted.Has(c.Name) {
		return tier, FilterEviction, "is being left (gracefulEvictionTasks)"
	}
	return tier, "", ""
}

func serves(c *clusterv1alpha1.Cluster, gvk schema.GroupVersionKind) bool {
	version := gvk.GroupVersion().String()
	for i := range c.Status.APIEnablements {
		e := &c.Status.APIEnablements[i]
		if e.GroupVersion == version && slices.ContainsFunc(e.Resources, func(r clusterv1alpha1.APIResource) bool { return r.Kind == gvk.Kind }) {
			return true
		}
	}
	return false
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

// missing says which field that constraints group by the cluster lacks.
func (s *spread) missing(c *clusterv1alpha1.Cluster) string {
	switch {
	case s.uses[policyv1alpha1.SpreadByFieldProvider] && c.Spec.Provider == "":
		return "has no provider to spread by"
	case s.uses[policyv1alpha1.SpreadByFieldRegion] && c.Spec.Region == "":
		return "has no region to spread by"
	case s.uses[policyv1alpha1.SpreadByFieldZone] && len(c.Spec.Zones) == 0 && c.Spec.Zone == "":
		return "has no zone to spread by"
	}
	return ""
}
