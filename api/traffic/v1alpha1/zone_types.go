package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Zone is a DNS zone that is delegated to Seaway's name servers.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=seaway
// +kubebuilder:printcolumn:name="Domain",type=string,JSONPath=`.spec.domain`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Hosts",type=integer,JSONPath=`.status.hosts`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Zone struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ZoneSpec `json:"spec"`
	// +optional
	Status ZoneStatus `json:"status,omitempty"`
}

// ZoneList is a list of Zones.
//
// +kubebuilder:object:root=true
type ZoneList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Zone `json:"items"`
}

// ZoneSpec says what the zone is, who serves it and what it holds besides the host names of
// TrafficPolicies.
type ZoneSpec struct {
	// Domain is the apex of the zone: an absolute domain name in lower case, without the trailing
	// dot. No two Zones may overlap: of two Zones with the same domain, or one inside the other,
	// the older is served and the newer gets Accepted=False with reason Overlap.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?)*$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="domain is immutable; make a new Zone for another domain"
	Domain string `json:"domain"`

	// NameServers are the servers named in the zone's NS records; the first is the SOA's primary.
	// The parent zone must delegate to exactly these.
	//
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=13
	// +listType=map
	// +listMapKey=name
	NameServers []NameServer `json:"nameServers"`

	// SOA tunes the zone's start of authority.
	//
	// +optional
	SOA *SOA `json:"soa,omitempty"`

	// TTL of records that name none. Host names of TrafficPolicies have their own.
	//
	// +kubebuilder:default="5m"
	// +optional
	TTL *metav1.Duration `json:"ttl,omitempty"`

	// Records are static records of the zone.
	//
	// +kubebuilder:validation:MaxItems=4096
	// +listType=atomic
	// +optional
	Records []Record `json:"records,omitempty"`

	// ClientSubnet says whose EDNS Client Subnet options (RFC 7871) are believed.
	//
	// +optional
	ClientSubnet *ClientSubnet `json:"clientSubnet,omitempty"`

	// Updates says who may change records of the zone by DNS UPDATE (RFC 2136): ACME clients that prove
	// a name by a TXT record, external-dns. Nobody when not set.
	//
	// +optional
	Updates *Updates `json:"updates,omitempty"`

	// Transfers says who may take copies of the zone, and who is told when it changes. Nobody when not
	// set.
	//
	// +optional
	Transfers *Transfers `json:"transfers,omitempty"`

	// Secondary makes the zone a copy of another server's: its records, those of the apex included, are
	// what the primaries say, and nothing else may be in it.
	//
	// +optional
	Secondary *Secondary `json:"secondary,omitempty"`

	// AllowedNamespaces says from which namespaces TrafficPolicies may claim host names in this
	// zone. All namespaces when not set.
	//
	// +optional
	AllowedNamespaces *AllowedNamespaces `json:"allowedNamespaces,omitempty"`

	// DNSSEC has the zone signed. When it is taken away from a signed zone, the zone stays signed until
	// the parent has dropped its DS records and nobody remembers them.
	//
	// +optional
	DNSSEC *ZoneDNSSEC `json:"dnssec,omitempty"`
}

// NameServer is one authoritative server of a zone.
type NameServer struct {
	// Name is the server's absolute host name, without the trailing dot.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Addresses are the server's IPv4 and IPv6 addresses. They are required when the name lies
	// inside the zone: the parent must then publish them as glue (RFC 9471).
	//
	// +kubebuilder:validation:MaxItems=8
	// +listType=set
	// +optional
	Addresses []string `json:"addresses,omitempty"`
}

// SOA is the part of a start of authority that a user may choose (RFC 1035 section 3.3.13). The
// serial is kept by the servers.
type SOA struct {
	// Contact is the mailbox of the person responsible, such as hostmaster@example.com.
	// hostmaster@ the zone's domain when not set.
	//
	// +optional
	Contact string `json:"contact,omitempty"`
	// Refresh is how often secondaries look for a new serial.
	//
	// +kubebuilder:default="1h"
	// +optional
	Refresh *metav1.Duration `json:"refresh,omitempty"`
	// Retry is how long secondaries wait after a failed refresh.
	//
	// +kubebuilder:default="5m"
	// +optional
	Retry *metav1.Duration `json:"retry,omitempty"`
	// Expire is how long secondaries serve without having heard from the primary.
	//
	// +kubebuilder:default="168h"
	// +optional
	Expire *metav1.Duration `json:"expire,omitempty"`
	// NegativeTTL is how long resolvers may remember that a name or type does not exist (RFC 2308).
	//
	// +kubebuilder:default="30s"
	// +optional
	NegativeTTL *metav1.Duration `json:"negativeTTL,omitempty"`
}

// Record is a static resource record set.
type Record struct {
	// Name is relative to the zone; "@" or empty is the apex, a leading "*." is a wildcard
	// (RFC 4592).
	//
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Name string `json:"name,omitempty"`
	// Type is the record type in its usual text form, or as TYPE65280 (RFC 3597).
	//
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^(A|AAAA|AFSDB|CAA|CERT|CNAME|DS|HINFO|HTTPS|LOC|MX|NAPTR|NS|OPENPGPKEY|PTR|RP|SMIMEA|SRV|SSHFP|SVCB|TLSA|TXT|URI|TYPE[0-9]{1,5})$`
	Type string `json:"type"`
	// TTL of this set; the zone's TTL when not set.
	//
	// +optional
	TTL *metav1.Duration `json:"ttl,omitempty"`
	// Values are the records' data in presentation format, one item a record. The text of a TXT
	// record is given as it is, without quotes; host names are absolute, with or without the dot.
	// Any data may also be given in the generic form of RFC 3597, such as \# 4 0a000001.
	//
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +listType=atomic
	Values []string `json:"values"`
}

// ClientSubnetMode says whether the client subnet that a resolver forwards is used.
//
// +kubebuilder:validation:Enum=Honor;Ignore
type ClientSubnetMode string

const (
	// ClientSubnetHonor steers by the forwarded client subnet, else by the resolver's address.
	ClientSubnetHonor ClientSubnetMode = "Honor"
	// ClientSubnetIgnore steers by the resolver's address alone; answers carry scope 0.
	ClientSubnetIgnore ClientSubnetMode = "Ignore"
)

// ClientSubnet is a zone's trust in EDNS Client Subnet.
type ClientSubnet struct {
	// +kubebuilder:default=Honor
	// +optional
	Mode ClientSubnetMode `json:"mode,omitempty"`
	// TrustedResolvers are the networks (CIDR) of the resolvers that are believed. All when empty.
	//
	// +listType=set
	// +optional
	TrustedResolvers []string `json:"trustedResolvers,omitempty"`
}

// AllowedNamespaces selects namespaces by name or label. A namespace that matches either is
// allowed; with both empty no namespace is.
type AllowedNamespaces struct {
	// Names of namespaces.
	//
	// +listType=set
	// +optional
	Names []string `json:"names,omitempty"`
	// Selector on the labels of namespaces.
	//
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// ZoneStatus is what has become of a Zone.
type ZoneStatus struct {
	// Conditions: Accepted (the Zone is well formed and overlaps no other), Programmed (every live name
	// server answers for it) and, where the zone is or was to be signed, Secure (resolvers validate it).
	//
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Hosts is how many host names of TrafficPolicies are served in the zone.
	//
	// +optional
	Hosts int32 `json:"hosts,omitempty"`
	// DNSSEC is about the keys of the zone, if it has any.
	//
	// +optional
	DNSSEC *ZoneDNSSECStatus `json:"dnssec,omitempty"`
}
