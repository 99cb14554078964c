package validation

import (
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	appsv1alpha1 "github.com/seaway-io/seaway/api/apps/v1alpha1"
)

// ValidateWorkloadRebalancer checks what could never be carried out. A workload that is named twice is
// valid: it is rebalanced once.
func ValidateWorkloadRebalancer(r *appsv1alpha1.WorkloadRebalancer) field.ErrorList {
	var errs field.ErrorList
	spec := field.NewPath("spec")
	if len(r.Spec.Workloads) == 0 {
		errs = append(errs, field.Required(spec.Child("workloads"), "name at least one workload"))
	}
	for i := range r.Spec.Workloads {
		errs = append(errs, validateWorkload(&r.Spec.Workloads[i], spec.Child("workloads").Index(i))...)
	}
	if ttl := r.Spec.TTLSecondsAfterFinished; ttl != nil && *ttl < 0 {
		errs = append(errs, field.Invalid(spec.Child("ttlSecondsAfterFinished"), *ttl, "must not be negative; leave it out to keep the object"))
	}
	return errs
}

func validateWorkload(ref *appsv1alpha1.ObjectReference, at *field.Path) (errs field.ErrorList) {
	if ref.APIVersion == "" {
		errs = append(errs, field.Required(at.Child("apiVersion"), "such as apps/v1"))
	} else if _, err := schema.ParseGroupVersion(ref.APIVersion); err != nil {
		errs = append(errs, field.Invalid(at.Child("apiVersion"), ref.APIVersion, "must be a group and a version, such as apps/v1"))
	}
	if ref.Kind == "" {
		errs = append(errs, field.Required(at.Child("kind"), "such as Deployment"))
	}
	if ref.Name == "" {
		errs = append(errs, field.Required(at.Child("name"), "the name of one workload; there are no patterns"))
	}
	for _, why := range content.IsPathSegmentName(ref.Name) {
		errs = append(errs, field.Invalid(at.Child("name"), ref.Name, why))
	}
	if ref.Namespace == "" {
		return errs
	}
	for _, why := range validation.IsDNS1123Label(ref.Namespace) {
		errs = append(errs, field.Invalid(at.Child("namespace"), ref.Namespace, why))
	}
	return errs
}
