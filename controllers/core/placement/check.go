package placement

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// check refuses what cannot be placed as asked: what admission would have refused. Nothing of it may be
// ignored in silence.
func check(spec *workv1alpha2.ResourceBindingSpec) (errs field.ErrorList) {
	path := field.NewPath("spec")
	if spec.Placement == nil {
		return field.ErrorList{field.Required(path.Child("placement"), "there is nothing to place by")}
	}
	if spec.Replicas < 0 {
		errs = append(errs, field.Invalid(path.Child("replicas"), spec.Replicas, "must not be negative"))
	}
	p := spec.Placement
	errs = append(errs, checkComponents(spec, path)...)
	path = path.Child("placement")
	errs = append(errs, checkAffinities(p, path)...)
	errs = append(errs, checkReplicaScheduling(p.ReplicaScheduling, path.Child("replicaScheduling"))...)
	return append(errs, checkSpread(p, path.Child("spreadConstraints"))...)
}

// checkComponents refuses components that cannot be counted, and several of them where replicas are
// divided over clusters: a set of components runs whole in one cluster, and the policy has to say so.
// Duplicated puts a whole set in each.
func checkComponents(spec *workv1alpha2.ResourceBindingSpec, path *field.Path) (errs field.ErrorList) {
	for i := range spec.Components {
		if n := spec.Components[i].Replicas; n < 0 {
			errs = append(errs, field.Invalid(path.Child("components").Index(i).Child("replicas"), n, "must not be negative"))
		}
	}
	if len(spec.Components) < 2 || StrategyOf(spec.Placement) == Duplicated {
		return errs
	}
	one := slices.ContainsFunc(spec.Placement.SpreadConstraints, func(c policyv1alpha1.SpreadConstraint) bool {
		return c.SpreadByLabel == "" && spreadField(&c) == policyv1alpha1.SpreadByFieldCluster && c.MinGroups <= 1 && c.MaxGroups == 1
	})
	if !one {
		errs = append(errs, field.Required(path.Child("placement", "spreadConstraints"), fmt.Sprintf(
			"a workload of several components (spec.components has %d) is not divided, it runs whole in one cluster: add {spreadByField: cluster, minGroups: 1, maxGroups: 1}", len(spec.Components))))
	}
	return errs
}

func checkReplicaScheduling(rs *policyv1alpha1.ReplicaSchedulingStrategy, path *field.Path) (errs field.ErrorList) {
	if rs == nil {
		return nil
	}
	types := []policyv1alpha1.ReplicaSchedulingType{policyv1alpha1.ReplicaSchedulingTypeDivided, policyv1alpha1.ReplicaSchedulingTypeDuplicated}
	if rs.ReplicaSchedulingType != "" && !slices.Contains(types, rs.ReplicaSchedulingType) {
		errs = append(errs, field.NotSupported(path.Child("replicaSchedulingType"), rs.ReplicaSchedulingType, types))
	}
	preferences := []policyv1alpha1.ReplicaDivisionPreference{policyv1alpha1.ReplicaDivisionPreferenceAggregated, policyv1alpha1.ReplicaDivisionPreferenceWeighted}
	if rs.ReplicaDivisionPreference != "" && !slices.Contains(preferences, rs.ReplicaDivisionPreference) {
		errs = append(errs, field.NotSupported(path.Child("replicaDivisionPreference"), rs.ReplicaDivisionPreference, preferences))
	}
	if rs.WeightPreference == nil {
		return errs
	}
	path = path.Child("weightPreference")
	if d := rs.WeightPreference.DynamicWeight; d != "" && d != policyv1alpha1.DynamicWeightByAvailableReplicas {
		errs = append(errs, field.NotSupported(path.Child("dynamicWeight"), d, []policyv1alpha1.DynamicWeightFactor{policyv1alpha1.DynamicWeightByAvailableReplicas}))
	}
	for i := range rs.WeightPreference.StaticWeightList {
		w := &rs.WeightPreference.StaticWeightList[i]
		if w.Weight > 0 && w.TargetCluster.LabelSelector == nil && w.TargetCluster.FieldSelector == nil {
			continue // most of what may be very many rules
		}
		at := path.Child("staticWeightList").Index(i)
		if w.Weight < 1 {
			errs = append(errs, field.Invalid(at.Child("weight"), w.Weight, "must be at least 1"))
		}
		errs = append(errs, validation.ValidateClusterAffinity(&w.TargetCluster, at.Child("targetCluster"))...)
	}
	return errs
}

func checkSpread(p *policyv1alpha1.Placement, path *field.Path) (errs field.ErrorList) {
	var fields []policyv1alpha1.SpreadFieldValue
	var labels []string
	for i := range p.SpreadConstraints {
		c, at := &p.SpreadConstraints[i], path.Index(i)
		switch {
		case c.MinGroups < 0:
			errs = append(errs, field.Invalid(at.Child("minGroups"), c.MinGroups, "must not be negative"))
		case c.MaxGroups < 0 || (c.MaxGroups > 0 && c.MaxGroups < c.MinGroups):
			errs = append(errs, field.Invalid(at.Child("maxGroups"), c.MaxGroups, "must be 0 or at least minGroups"))
		}
		if c.SpreadByLabel != "" {
			if c.SpreadByField != "" {
				errs = append(errs, field.Forbidden(at.Child("spreadByLabel"), "spreadByField and spreadByLabel exclude each other; keep one of the two"))
			}
			if slices.Contains(labels, c.SpreadByLabel) {
				errs = append(errs, field.Duplicate(at.Child("spreadByLabel"), c.SpreadByLabel))
			}
			labels = append(labels, c.SpreadByLabel)
			continue
		}
		by := spreadField(c)
		if !slices.Contains(spreadFields, by) {
			errs = append(errs, field.NotSupported(at.Child("spreadByField"), by, spreadFields))
		}
		if slices.Contains(fields, by) {
			errs = append(errs, field.Duplicate(at.Child("spreadByField"), by))
		}
		fields = append(fields, by)
	}
	if len(errs) > 0 || ignoresSpread(p) {
		return errs
	}
	if len(fields) > 0 && !slices.Contains(fields, policyv1alpha1.SpreadByFieldCluster) {
		i := slices.IndexFunc(p.SpreadConstraints, func(c policyv1alpha1.SpreadConstraint) bool { return c.SpreadByField != "" })
		return field.ErrorList{field.Required(path.Index(i).Child("spreadByField"),
			"a constraint by cluster is needed beside one by region, zone or provider: add {spreadByField: cluster}")}
	}
	return errs
}

var spreadFields = []policyv1alpha1.SpreadFieldValue{
	policyv1alpha1.SpreadByFieldCluster, policyv1alpha1.SpreadByFieldRegion,
	policyv1alpha1.SpreadByFieldZone, policyv1alpha1.SpreadByFieldProvider,
}

// spreadField is the field of a constraint that has no label; admission defaults it to cluster.
func spreadField(c *policyv1alpha1.SpreadConstraint) policyv1alpha1.SpreadFieldValue {
	if c.SpreadByField == "" {
		return policyv1alpha1.SpreadByFieldCluster
	}
	return c.SpreadByField
}
