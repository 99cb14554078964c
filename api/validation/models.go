package validation

import (
	"math"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// validateModels checks that models, sorted by grade, cut every resource into
// neighbouring ranges from 0 to math.MaxInt64: each node then has exactly one grade.
func validateModels(models []clusterv1alpha1.ResourceModel, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[uint]bool{}
	for i, model := range models {
		at := path.Index(i)
		if seen[model.Grade] {
			errs = append(errs, field.Duplicate(at.Child("grade"), model.Grade))
		}
		seen[model.Grade] = true
		for j, r := range model.Ranges {
			if r.Max.Cmp(r.Min) <= 0 {
				errs = append(errs, field.Invalid(at.Child("ranges").Index(j).Child("max"), r.Max.String(), "must be greater than min"))
			}
		}
		if i > 0 {
			errs = append(errs, validateNeighbours(models[i-1].Ranges, model.Ranges, at.Child("ranges"))...)
		}
	}
	if len(models) > 0 {
		last := len(models) - 1
		errs = append(errs, validateEnds(models[0].Ranges, models[last].Ranges, path.Index(0), path.Index(last))...)
	}
	return errs
}

func validateNeighbours(lower, upper []clusterv1alpha1.ResourceModelRange, path *field.Path) field.ErrorList {
	if len(lower) != len(upper) {
		return field.ErrorList{field.Invalid(path, len(upper), "every grade must bound the same resources in the same order")}
	}
	var errs field.ErrorList
	for i, r := range upper {
		at := path.Index(i)
		switch {
		case r.Name != lower[i].Name:
			errs = append(errs, field.Invalid(at.Child("name"), r.Name, "must be "+string(lower[i].Name)+": every grade bounds the same resources in the same order"))
		case r.Min.Cmp(lower[i].Max) != 0:
			errs = append(errs, field.Invalid(at.Child("min"), r.Min.String(), "must be where the grade below ends: "+lower[i].Max.String()))
		}
	}
	return errs
}

func validateEnds(first, last []clusterv1alpha1.ResourceModelRange, firstPath, lastPath *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, r := range first {
		if !r.Min.IsZero() {
			errs = append(errs, field.Invalid(firstPath.Child("ranges").Index(i).Child("min"), r.Min.String(), "the lowest grade must begin at 0"))
		}
	}
	infinite := resource.NewQuantity(math.MaxInt64, resource.DecimalSI)
	for i, r := range last {
		if r.Max.Cmp(*infinite) != 0 {
			errs = append(errs, field.Invalid(lastPath.Child("ranges").Index(i).Child("max"), r.Max.String(), "the highest grade must end at "+infinite.String()))
		}
	}
	return errs
}
