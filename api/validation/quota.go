package validation

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// The resources a ResourceQuota knows without a domain in front.
var (
	countedResources = sets.New(corev1.ResourcePods, corev1.ResourceServices, corev1.ResourceReplicationControllers, corev1.ResourceQuotas,
		corev1.ResourceSecrets, corev1.ResourceConfigMaps, corev1.ResourcePersistentVolumeClaims, corev1.ResourceServicesNodePorts, corev1.ResourceServicesLoadBalancers)
	measuredResources = sets.New(corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage,
		corev1.ResourceRequestsCPU, corev1.ResourceRequestsMemory, corev1.ResourceRequestsStorage, corev1.ResourceRequestsEphemeralStorage,
		corev1.ResourceLimitsCPU, corev1.ResourceLimitsMemory, corev1.ResourceLimitsEphemeralStorage)
)

// ValidateFederatedResourceQuota checks a quota: what it bounds, and that the shares of clusters are
// within the whole.
func ValidateFederatedResourceQuota(q *policyv1alpha1.FederatedResourceQuota) field.ErrorList {
	var errs field.ErrorList
	// the name becomes the value of a label
	if len(q.Name) > validation.LabelValueMaxLength {
		errs = append(errs, field.TooLong(field.NewPath("metadata", "name"), q.Name, validation.LabelValueMaxLength))
	}
	path := field.NewPath("spec")
	errs = append(errs, validateQuotaResources(q.Spec.Overall, path.Child("overall"))...)
	sum, seen := corev1.ResourceList{}, map[string]bool{}
	for i, share := range q.Spec.StaticAssignments {
		at := path.Child("staticAssignments").Index(i)
		errs = append(errs, ValidateClusterName(share.ClusterName, at.Child("clusterName"))...)
		if seen[share.ClusterName] {
			errs = append(errs, field.Duplicate(at.Child("clusterName"), share.ClusterName))
		}
		seen[share.ClusterName] = true
		errs = append(errs, validateQuotaResources(share.Hard, at.Child("hard"))...)
		for _, name := range slices.Sorted(maps.Keys(share.Hard)) {
			if _, bounded := q.Spec.Overall[name]; !bounded {
				errs = append(errs, field.Invalid(at.Child("hard").Key(string(name)), name, "must be among the resources of spec.overall"))
			}
			total := sum[name]
			total.Add(share.Hard[name])
			sum[name] = total
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.Spec.Overall)) {
		if overall, total := q.Spec.Overall[name], sum[name]; overall.Cmp(total) < 0 {
			errs = append(errs, field.Invalid(path.Child("overall").Key(string(name)), overall.String(), "must be at least the sum of the static assignments, "+total.String()))
		}
	}
	return errs
}

func validateQuotaResources(list corev1.ResourceList, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(list)) {
		at, value := path.Key(string(name)), list[name]
		for _, msg := range validation.IsQualifiedName(string(name)) {
			errs = append(errs, field.Invalid(at, name, msg))
		}
		if !isQuotaResource(name) {
			errs = append(errs, field.Invalid(at, name, "must be a resource of a ResourceQuota, such as requests.cpu, pods or count/deployments.apps, or have a domain in front"))
		}
		if value.Sign() < 0 {
			errs = append(errs, field.Invalid(at, value.String(), "must be at least 0"))
		}
		if whole := value.DeepCopy(); isCounted(name) && (!whole.RoundUp(0) || whole.Cmp(value) != 0) {
			errs = append(errs, field.Invalid(at, value.String(), "must be a whole number"))
		}
	}
	return errs
}

func isQuotaResource(name corev1.ResourceName) bool {
	plain := strings.TrimPrefix(string(name), corev1.DefaultResourceRequestsPrefix)
	return strings.Contains(string(name), "/") || strings.HasPrefix(plain, corev1.ResourceHugePagesPrefix) ||
		countedResources.Has(name) || measuredResources.Has(name)
}

func isCounted(name corev1.ResourceName) bool {
	return countedResources.Has(name) || strings.HasPrefix(string(name), "count/")
}
