package validation

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

func validatePlacement(p *policyv1alpha1.Placement, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if p.ClusterAffinity != nil && len(p.ClusterAffinities) > 0 {
		errs = append(errs, field.Forbidden(path.Child("clusterAffinities"),
			"clusterAffinity and clusterAffinities exclude each other; keep one of the two"))
	}
	errs = append(errs, ValidateClusterAffinity(p.ClusterAffinity, path.Child("clusterAffinity"))...)
	errs = append(errs, validateAffinityTerms(p, path.Child("clusterAffinities"))...)
	errs = append(errs, validateTolerations(p.ClusterTolerations, path.Child("clusterTolerations"))...)
	errs = append(errs, validateSpreadConstraints(p.SpreadConstraints, path.Child("spreadConstraints"))...)
	errs = append(errs, validateReplicaScheduling(p.ReplicaScheduling, path.Child("replicaScheduling"))...)
	errs = append(errs, validateWorkloadAffinity(p.WorkloadAffinity, path.Child("workloadAffinity"))...)
	return errs
}

func validateAffinityTerms(p *policyv1alpha1.Placement, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i := range p.ClusterAffinities {
		term, at := &p.ClusterAffinities[i], path.Index(i)
		errs = append(errs, validateTermName(term.AffinityName, seen, at)...)
		errs = append(errs, ValidateClusterAffinity(&term.ClusterAffinity, at)...)
		errs = append(errs, validateOverflow(term, p.ReplicaScheduling, at)...)
	}
	return errs
}

func validateOverflow(term *policyv1alpha1.ClusterAffinityTerm, r *policyv1alpha1.ReplicaSchedulingStrategy, path *field.Path) field.ErrorList {
	if len(term.OverflowAffinities) == 0 {
		return nil
	}
	var errs field.ErrorList
	at := path.Child("overflowAffinities")
	if !dividesByRoom(r) {
		errs = append(errs, field.Forbidden(at, "overflow needs replicas divided by room: set replicaScheduling to Divided with "+
			"replicaDivisionPreference: Aggregated or weightPreference.dynamicWeight: AvailableReplicas"))
	}
	if isEmptyAffinity(&term.ClusterAffinity) {
		errs = append(errs, field.Forbidden(at, "a term that allows every cluster leaves none to overflow to; bound the term first"))
	}
	seen := map[string]bool{}
	for i := range term.OverflowAffinities {
		overflow := &term.OverflowAffinities[i]
		errs = append(errs, validateTermName(overflow.AffinityName, seen, at.Index(i))...)
		errs = append(errs, ValidateClusterAffinity(&overflow.ClusterAffinity, at.Index(i))...)
	}
	return errs
}

func validateTermName(name string, seen map[string]bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	at := path.Child("affinityName")
	if seen[name] {
		errs = append(errs, field.Duplicate(at, name))
	}
	seen[name] = true
	if msgs := validation.IsQualifiedName(name); len(msgs) > 0 {
		errs = append(errs, field.Invalid(at, name, strings.Join(msgs, "; ")))
	}
	return errs
}

// dividesByRoom: static weights and duplication do not ask what a cluster has room for.
func dividesByRoom(r *policyv1alpha1.ReplicaSchedulingStrategy) bool {
	if r == nil || !isDivided(r) {
		return false
	}
	return r.ReplicaDivisionPreference == policyv1alpha1.ReplicaDivisionPreferenceAggregated ||
		r.WeightPreference != nil && r.WeightPreference.DynamicWeight != ""
}

var tolerationOperators = []corev1.TolerationOperator{corev1.TolerationOpEqual, corev1.TolerationOpExists}

func validateTolerations(tolerations []corev1.Toleration, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, t := range tolerations {
		if t.Operator != "" && !slices.Contains(tolerationOperators, t.Operator) {
			errs = append(errs, field.NotSupported(path.Index(i).Child("operator"), t.Operator, tolerationOperators))
		}
	}
	return errs
}

func validateSpreadConstraints(constraints []policyv1alpha1.SpreadConstraint, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen, labels := map[policyv1alpha1.SpreadFieldValue]bool{}, map[string]bool{}
	for i, c := range constraints {
		at := path.Index(i)
		if c.SpreadByField != "" && c.SpreadByLabel != "" {
			errs = append(errs, field.Forbidden(at.Child("spreadByLabel"), "spreadByField and spreadByLabel exclude each other; keep one of the two"))
		}
		if c.SpreadByField != "" && seen[c.SpreadByField] {
			errs = append(errs, field.Duplicate(at.Child("spreadByField"), c.SpreadByField))
		}
		seen[c.SpreadByField] = true
		errs = append(errs, validateSpreadLabel(c.SpreadByLabel, labels, at.Child("spreadByLabel"))...)
		errs = append(errs, validateGroups(c, at)...)
	}
	delete(seen, "")
	if len(seen) > 0 && !seen[policyv1alpha1.SpreadByFieldCluster] {
		errs = append(errs, field.Required(path, "a constraint by field needs one with spreadByField: cluster beside it"))
	}
	return errs
}

func validateSpreadLabel(key string, seen map[string]bool, path *field.Path) field.ErrorList {
	if key == "" {
		return nil
	}
	var errs field.ErrorList
	if msgs := validation.IsQualifiedName(key); len(msgs) > 0 {
		errs = append(errs, field.Invalid(path, key, "must be a label key: "+strings.Join(msgs, "; ")))
	}
	if seen[key] {
		errs = append(errs, field.Duplicate(path, key))
	}
	seen[key] = true
	return errs
}

func validateGroups(c policyv1alpha1.SpreadConstraint, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if c.MinGroups < 0 {
		errs = append(errs, field.Invalid(path.Child("minGroups"), c.MinGroups, "must be at least 0"))
	}
	switch {
	case c.MaxGroups < 0:
		errs = append(errs, field.Invalid(path.Child("maxGroups"), c.MaxGroups, "must be at least 0; 0 sets no bound"))
	case c.MaxGroups > 0 && c.MaxGroups < c.MinGroups:
		errs = append(errs, field.Invalid(path.Child("maxGroups"), c.MaxGroups, "must be at least minGroups, or 0 for no bound"))
	}
	return errs
}

func validateReplicaScheduling(r *policyv1alpha1.ReplicaSchedulingStrategy, path *field.Path) field.ErrorList {
	if r == nil || r.WeightPreference == nil {
		return nil
	}
	var errs field.ErrorList
	weights := r.WeightPreference.StaticWeightList
	for i := range weights {
		at := path.Child("weightPreference", "staticWeightList").Index(i)
		errs = append(errs, ValidateClusterAffinity(&weights[i].TargetCluster, at.Child("targetCluster"))...)
		if weights[i].Weight < 1 {
			errs = append(errs, field.Invalid(at.Child("weight"), weights[i].Weight, "must be at least 1; leave the rule out to give its clusters nothing"))
		}
	}
	return errs
}

func validateWorkloadAffinity(w *policyv1alpha1.WorkloadAffinity, path *field.Path) field.ErrorList {
	if w == nil {
		return nil
	}
	var errs field.ErrorList
	check := func(key string, at *field.Path) {
		if msgs := validation.IsQualifiedName(key); len(msgs) > 0 {
			errs = append(errs, field.Invalid(at, key, "must be a label key: "+strings.Join(msgs, "; ")))
		}
	}
	anti := path.Child("antiAffinity", "groupByLabelKey")
	if w.Affinity != nil {
		check(w.Affinity.GroupByLabelKey, path.Child("affinity", "groupByLabelKey"))
	}
	if w.AntiAffinity != nil {
		check(w.AntiAffinity.GroupByLabelKey, anti)
	}
	if w.Affinity != nil && w.AntiAffinity != nil && w.Affinity.GroupByLabelKey == w.AntiAffinity.GroupByLabelKey {
		errs = append(errs, field.Invalid(anti, w.AntiAffinity.GroupByLabelKey,
			"workloads of one group can not be both together and apart; use another key than in affinity"))
	}
	return errs
}
