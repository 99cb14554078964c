package webhook

import (
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/api/validation/traffic"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/plugin"
)

// rule is what is done at admission for one kind. old is nil at creation.
type rule struct {
	resource schema.GroupVersionResource
	// name is the last part of the paths /mutate-NAME and /validate-NAME, and of the webhooks' names.
	name    string
	empty   func() client.Object
	fill    func(obj client.Object, op admissionv1.Operation)
	inspect func(obj, old client.Object) field.ErrorList
}

var rules = []rule{
	{policy("propagationpolicies"), "propagationpolicy", func() client.Object { return &policyv1alpha1.PropagationPolicy{} }, fillPropagation, inspectPropagation},
	{policy("clusterpropagationpolicies"), "clusterpropagationpolicy", func() client.Object { return &policyv1alpha1.ClusterPropagationPolicy{} }, fillPropagation, inspectPropagation},
	{policy("overridepolicies"), "overridepolicy", func() client.Object { return &policyv1alpha1.OverridePolicy{} }, fillOverride, inspectOverride},
	{policy("clusteroverridepolicies"), "clusteroverridepolicy", func() client.Object { return &policyv1alpha1.ClusterOverridePolicy{} }, fillOverride, inspectOverride},
	{workv1alpha1.GroupVersion.WithResource("works"), "work", func() client.Object { return &workv1alpha1.Work{} }, fillWork, inspectWork},
	{own("zones"), "zone", func() client.Object { return &trafficv1alpha1.Zone{} }, nil, inspectZone},
	{own("regionmaps"), "regionmap", func() client.Object { return &trafficv1alpha1.RegionMap{} }, nil, inspectRegionMap},
	{own("trafficpolicies"), "trafficpolicy", func() client.Object { return &trafficv1alpha1.TrafficPolicy{} }, nil, inspectTrafficPolicy},
	{own("placementplugins"), "placementplugin", func() client.Object { return &trafficv1alpha1.PlacementPlugin{} }, nil, inspectPlacementPlugin},
}

func policy(resource string) schema.GroupVersionResource {
	return policyv1alpha1.GroupVersion.WithResource(resource)
}

func own(resource string) schema.GroupVersionResource {
	return trafficv1alpha1.GroupVersion.WithResource(resource)
}

func fillPropagation(obj client.Object, op admissionv1.Operation) {
	p := obj.(policyv1alpha1.Propagation)
	validation.DefaultPropagation(p)
	if op == admissionv1.Create {
		validation.IdentifyPropagation(p, string(uuid.NewUUID()))
	}
}

func inspectPropagation(obj, old client.Object) field.ErrorList {
	if old == nil {
		return validation.ValidatePropagation(obj.(policyv1alpha1.Propagation), nil)
	}
	return validation.ValidatePropagation(obj.(policyv1alpha1.Propagation), old.(policyv1alpha1.Propagation))
}

func fillOverride(obj client.Object, _ admissionv1.Operation) {
	validation.DefaultOverride(obj.(policyv1alpha1.Override))
}

func inspectOverride(obj, _ client.Object) field.ErrorList {
	return validation.ValidateOverride(obj.(policyv1alpha1.Override))
}

func fillWork(obj client.Object, _ admissionv1.Operation) {
	validation.DefaultWork(obj.(*workv1alpha1.Work), string(uuid.NewUUID()))
}

func inspectWork(obj, old client.Object) field.ErrorList {
	before, _ := old.(*workv1alpha1.Work)
	return validation.ValidateWork(obj.(*workv1alpha1.Work), before)
}

func inspectZone(obj, old client.Object) field.ErrorList {
	before, _ := old.(*trafficv1alpha1.Zone)
	return traffic.ValidateZone(obj.(*trafficv1alpha1.Zone), before)
}

func inspectRegionMap(obj, old client.Object) field.ErrorList {
	before, _ := old.(*trafficv1alpha1.RegionMap)
	return traffic.ValidateRegionMap(obj.(*trafficv1alpha1.RegionMap), before)
}

func inspectTrafficPolicy(obj, old client.Object) field.ErrorList {
	before, _ := old.(*trafficv1alpha1.TrafficPolicy)
	return traffic.ValidatePolicy(obj.(*trafficv1alpha1.TrafficPolicy), before)
}

func inspectPlacementPlugin(obj, _ client.Object) field.ErrorList {
	return plugin.Validate(obj.(*trafficv1alpha1.PlacementPlugin))
}
