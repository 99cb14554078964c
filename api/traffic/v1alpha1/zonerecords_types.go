package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ZoneRecords are static records of a Zone that are kept apart from it: by another person, by a
// program, or by the name servers themselves, which write what changes by DNS UPDATE into the object
// that is called like the Zone.
//
// The records of the Zone itself come first, then those of ZoneRecords by age: what can not stand
// beside the records of an older object is left out.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=seaway,path=zonerecords,singular=zonerecords
// +kubebuilder:printcolumn:name="Zone",type=string,JSONPath=`.spec.zone`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ZoneRecords struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ZoneRecordsSpec `json:"spec"`
	// +optional
	Status ZoneRecordsStatus `json:"status,omitempty"`
}

// ZoneRecordsList is a list of ZoneRecords.
//
// +kubebuilder:object:root=true
type ZoneRecordsList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ZoneRecords `json:"items"`
}

// ZoneRecordsSpec names the zone and the records.
type ZoneRecordsSpec struct {
	// Zone is the name of the Zone object.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="zone is immutable; make new ZoneRecords for another zone"
	Zone string `json:"zone"`
	// Records, their names relative to the zone.
	//
	// +kubebuilder:validation:MaxItems=4096
	// +listType=atomic
	// +optional
	Records []Record `json:"records,omitempty"`
}

// ZoneRecordsStatus is what has become of the records.
type ZoneRecordsStatus struct {
	// Conditions: Accepted (the Zone exists, every record is well formed, and no name server leaves one
	// out because it can not stand beside what is older).
	//
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Updates says who may change records by DNS UPDATE, and what.
type Updates struct {
	// Keys that requests may be signed with (TSIG, RFC 8945). A request that is not signed by one of
	// them is refused.
	//
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	Keys []UpdateKey `json:"keys"`
}

// TSIGAlgorithm is how a request is signed.
//
// +kubebuilder:validation:Enum=HMAC-SHA256;HMAC-SHA384;HMAC-SHA512
type TSIGAlgorithm string

// The algorithms that RFC 8945 section 6 recommends.
const (
	TSIGHMACSHA256 TSIGAlgorithm = "HMAC-SHA256"
	TSIGHMACSHA384 TSIGAlgorithm = "HMAC-SHA384"
	TSIGHMACSHA512 TSIGAlgorithm = "HMAC-SHA512"
)

// UpdateKey is a key and what it may change.
type UpdateKey struct {
	// Name of the key, as the client sends it: a domain name in lower case without the trailing dot.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Algorithm that requests are signed with.
	//
	// +kubebuilder:default=HMAC-SHA256
	// +optional
	Algorithm TSIGAlgorithm `json:"algorithm,omitempty"`
	// SecretRef names the Secret that holds the key in base64, as nsupdate, cert-manager and
	// external-dns take it.
	SecretRef SecretKeyRef `json:"secretRef"`
	// Grants say what the key may change: what any of them allows. TXT records of _acme-challenge
	// names anywhere in the zone when empty.
	//
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +optional
	Grants []UpdateGrant `json:"grants,omitempty"`
}

// UpdateGrant allows changes of some names and types.
type UpdateGrant struct {
	// Names relative to the zone: "www" is that name, "*.dev" every name below dev, "*" every name
	// below the apex, "@" the apex, "_acme-challenge.*" the name _acme-challenge below any name of the
	// zone and at the apex.
	//
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +listType=set
	Names []string `json:"names"`
	// Types of records; TXT when empty.
	//
	// +kubebuilder:validation:MaxItems=32
	// +listType=set
	// +optional
	Types []string `json:"types,omitempty"`
}
