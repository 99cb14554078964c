package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RegionMap says where regions are and which clients belong to them. It is optional: the regions of
// the large clouds have built-in coordinates, and a client belongs to the nearest region that
// serves it. Where several RegionMaps name one region, the oldest is used and the others say so.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=seaway
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RegionMap struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec RegionMapSpec `json:"spec"`
	// +optional
	Status RegionMapStatus `json:"status,omitempty"`
}

// RegionMapList is a list of RegionMaps.
//
// +kubebuilder:object:root=true
type RegionMapList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RegionMap `json:"items"`
}

// RegionMapSpec lists regions.
type RegionMapSpec struct {
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=512
	// +listType=map
	// +listMapKey=name
	Regions []Region `json:"regions"`
}

// Region is a place that clusters and clients belong to.
type Region struct {
	// Name as clusters carry it in spec.region.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// Location is where the region's clusters are. A region that has no location here and none
	// built in is nobody's nearest; it is used through Clients and as a fallback.
	//
	// +optional
	Location *Coordinates `json:"location,omitempty"`
	// Clients that belong to this region whatever their distance.
	//
	// +optional
	Clients *RegionClients `json:"clients,omitempty"`
}

// Coordinates are decimal degrees (WGS 84) in text, so that nothing is lost in conversion.
type Coordinates struct {
	// Latitude from -90 to 90, such as "50.11".
	//
	// +kubebuilder:validation:Pattern=`^-?[0-9]{1,2}(\.[0-9]{1,6})?$`
	Latitude string `json:"latitude"`
	// Longitude from -180 to 180, such as "8.68".
	//
	// +kubebuilder:validation:Pattern=`^-?[0-9]{1,3}(\.[0-9]{1,6})?$`
	Longitude string `json:"longitude"`
}

// RegionClients selects client networks. The most specific rule wins: network, then autonomous
// system, then subdivision, then country.
type RegionClients struct {
	// Networks in CIDR form; the longest prefix wins.
	//
	// +kubebuilder:validation:MaxItems=4096
	// +listType=set
	// +optional
	Networks []string `json:"networks,omitempty"`
	// ASNs are autonomous system numbers; they need a database that knows them.
	//
	// +listType=set
	// +optional
	ASNs []int64 `json:"asns,omitempty"`
	// Subdivisions are ISO 3166-2 codes such as US-CA; they need a database that knows them.
	//
	// +listType=set
	// +optional
	Subdivisions []string `json:"subdivisions,omitempty"`
	// Countries are ISO 3166-1 alpha-2 codes such as DE.
	//
	// +listType=set
	// +optional
	Countries []string `json:"countries,omitempty"`
}

// RegionMapStatus is what has become of a RegionMap.
type RegionMapStatus struct {
	// Conditions: Accepted.
	//
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
