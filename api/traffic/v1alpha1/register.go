package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of this package.
const GroupName = "traffic.seaway.dev"

// GroupVersion is the group and version of the kinds of this package.
var GroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}

var (
	// SchemeBuilder collects the kinds of this package.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)
	// AddToScheme adds the kinds of this package to a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

// Resource returns the group resource of a plural resource name.
func Resource(resource string) schema.GroupResource {
	return GroupVersion.WithResource(resource).GroupResource()
}

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&Zone{}, &ZoneList{},
		&ZoneRecords{}, &ZoneRecordsList{},
		&RegionMap{}, &RegionMapList{},
		&TrafficPolicy{}, &TrafficPolicyList{},
		&TrafficPlan{}, &TrafficPlanList{},
		&EndpointHealth{}, &EndpointHealthList{},
		&Decision{}, &DecisionList{},
		&PlacementPlugin{}, &PlacementPluginList{},
		&Drill{}, &DrillList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
