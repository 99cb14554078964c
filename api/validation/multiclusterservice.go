package validation

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seaway-io/seaway/api/names"
	networkingv1alpha1 "github.com/seaway-io/seaway/api/networking/v1alpha1"
)

var exposureTypes = []networkingv1alpha1.ExposureType{networkingv1alpha1.ExposureTypeCrossCluster, networkingv1alpha1.ExposureTypeLoadBalancer}

// DefaultMultiClusterService gives a MultiClusterService its permanent id, unless it has one.
func DefaultMultiClusterService(s *networkingv1alpha1.MultiClusterService, permanentID string) {
	identify(s, names.MultiClusterServicePermanentID, permanentID)
}

// ValidateMultiClusterService checks a MultiClusterService after DefaultMultiClusterService; old is
// nil at creation.
func ValidateMultiClusterService(s, old *networkingv1alpha1.MultiClusterService) field.ErrorList {
	var before map[string]string
	path, spec := field.NewPath("spec"), &s.Spec
	var errs field.ErrorList
	if old != nil {
		before = old.Labels
		if !slices.Equal(old.Spec.Types, spec.Types) {
			errs = append(errs, field.Forbidden(path.Child("types"), "the type can not be changed; make a new object"))
		}
	}
	errs = append(errs, validateIdentity(s, before, names.MultiClusterServicePermanentID)...)
	for _, msg := range validation.IsDNS1035Label(s.Name) {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), s.Name, "must be the name of a Service: "+msg))
	}
	if len(spec.Types) != 1 {
		errs = append(errs, field.Invalid(path.Child("types"), len(spec.Types), "must hold exactly one type"))
	}
	for i, t := range spec.Types {
		if !slices.Contains(exposureTypes, t) {
			errs = append(errs, field.NotSupported(path.Child("types").Index(i), t, exposureTypes))
		}
	}
	errs = append(errs, validateExposurePorts(spec.Ports, path.Child("ports"))...)
	return append(errs, validateExposedClusters(spec, path)...)
}

func validateExposurePorts(ports []networkingv1alpha1.ExposurePort, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	names, numbers := map[string]bool{}, map[int32]bool{}
	for i, p := range ports {
		at := path.Index(i)
		for _, msg := range validation.IsValidPortNum(int(p.Port)) {
			errs = append(errs, field.Invalid(at.Child("port"), p.Port, msg))
		}
		if numbers[p.Port] {
			errs = append(errs, field.Duplicate(at.Child("port"), p.Port))
		}
		numbers[p.Port] = true
		if p.Name == "" {
			continue
		}
		if msgs := validation.IsDNS1123Label(p.Name); len(msgs) > 0 {
			errs = append(errs, field.Invalid(at.Child("name"), p.Name, strings.Join(msgs, "; ")))
		}
		if names[p.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), p.Name))
		}
		names[p.Name] = true
	}
	return errs
}

func validateExposedClusters(spec *networkingv1alpha1.MultiClusterServiceSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, c := range spec.ProviderClusters {
		errs = append(errs, ValidateClusterName(c.Name, path.Child("providerClusters").Index(i).Child("name"))...)
	}
	for i, c := range spec.ConsumerClusters {
		errs = append(errs, ValidateClusterName(c.Name, path.Child("consumerClusters").Index(i).Child("name"))...)
	}
	for _, list := range []struct {
		clusters []string
		at       *field.Path
	}{
		{spec.Range.ClusterNames, path.Child("range", "clusterNames")},
		{spec.ServiceProvisionClusters, path.Child("serviceProvisionClusters")},
		{spec.ServiceConsumptionClusters, path.Child("serviceConsumptionClusters")},
	} {
		for i, name := range list.clusters {
			errs = append(errs, ValidateClusterName(name, list.at.Index(i))...)
		}
	}
	return errs
}
