package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DNSSECAlgorithm is how a zone is signed.
//
// +kubebuilder:validation:Enum=ECDSAP256SHA256;ED25519
type DNSSECAlgorithm string

const (
	// DNSSECAlgorithmECDSAP256SHA256 is algorithm 13 (RFC 6605), which every validator knows.
	DNSSECAlgorithmECDSAP256SHA256 DNSSECAlgorithm = "ECDSAP256SHA256"
	// DNSSECAlgorithmED25519 is algorithm 15 (RFC 8080).
	DNSSECAlgorithmED25519 DNSSECAlgorithm = "ED25519"
)

// DNSSECKeys is how the work is divided among keys.
//
// +kubebuilder:validation:Enum=Single;Split
type DNSSECKeys string

const (
	// DNSSECKeysSingle: one key signs everything (CSK).
	DNSSECKeysSingle DNSSECKeys = "Single"
	// DNSSECKeysSplit: one key (KSK) signs the keys and is the one that the parent knows, another
	// (ZSK) signs the zone and can be replaced without the parent.
	DNSSECKeysSplit DNSSECKeys = "Split"
)

// ZoneDNSSEC says how a zone is signed. Every field may be changed at any time: keys are then replaced
// step by step, so that validators never refuse an answer.
type ZoneDNSSEC struct {
	// +kubebuilder:default=ECDSAP256SHA256
	// +optional
	Algorithm DNSSECAlgorithm `json:"algorithm,omitempty"`
	// +kubebuilder:default=Single
	// +optional
	Keys DNSSECKeys `json:"keys,omitempty"`
	// KeyLifetime is after how long the key that the parent knows (CSK or KSK) is replaced, which
	// needs the parent each time. It is kept for ever when not set.
	//
	// +optional
	KeyLifetime *metav1.Duration `json:"keyLifetime,omitempty"`
	// ZoneKeyLifetime is after how long the ZSK is replaced, with keys: Split. 720h when not set.
	//
	// +optional
	ZoneKeyLifetime *metav1.Duration `json:"zoneKeyLifetime,omitempty"`
	// Propagation is how long, after all of Seaway's name servers serve a change, others may take that
	// copy the zone from them.
	//
	// +kubebuilder:default="5m"
	// +optional
	Propagation *metav1.Duration `json:"propagation,omitempty"`
}

// ZoneDNSSECStatus is what has become of a zone's keys.
type ZoneDNSSECStatus struct {
	// Keys of the zone, the oldest first.
	//
	// +listType=map
	// +listMapKey=id
	// +optional
	Keys []ZoneKey `json:"keys,omitempty"`
	// DS are the records that the parent zone is to have, in presentation format. CDS and CDNSKEY
	// records say the same to a parent that looks for them.
	//
	// +listType=atomic
	// +optional
	DS []string `json:"ds,omitempty"`
	// WaitsFor is what the next step waits for; empty when no step is due.
	//
	// +optional
	WaitsFor string `json:"waitsFor,omitempty"`
}

// ZoneKeyState is how far a key has come.
type ZoneKeyState string

const (
	// ZoneKeyPublished: it is in the DNSKEY set and does not sign the zone yet.
	ZoneKeyPublished ZoneKeyState = "Published"
	// ZoneKeySigning: it is in the DNSKEY set and signs what it is for.
	ZoneKeySigning ZoneKeyState = "Signing"
	// ZoneKeyHidden: it signs and is not in the DNSKEY set: not yet, or no more.
	ZoneKeyHidden ZoneKeyState = "Hidden"
	// ZoneKeyRetired: it is in the DNSKEY set for those who hold old signatures, and signs no more.
	ZoneKeyRetired ZoneKeyState = "Retired"
)

// ZoneKey is a key of a zone. Its private part is nowhere but in the Secret of the zone's keys.
type ZoneKey struct {
	ID string `json:"id"`
	// Role is KSK, ZSK or CSK.
	Role string `json:"role"`
	// Algorithm by its name.
	Algorithm DNSSECAlgorithm `json:"algorithm"`
	// Tag of the key (RFC 4034 appendix B).
	Tag   int32        `json:"tag"`
	State ZoneKeyState `json:"state"`
	// Since is when the state began.
	Since metav1.Time `json:"since"`
	// AtParent says that all servers of the parent zone have its DS record.
	//
	// +optional
	AtParent bool `json:"atParent,omitempty"`
}

// The condition of a Zone that is or was to be signed, and its reasons.
const (
	// ConditionSecure says that resolvers validate the zone: all servers of the parent zone have the DS
	// record of a key that all of the zone's servers sign with, and no cache holds an older set.
	ConditionSecure = "Secure"

	// ReasonSecure goes with Secure=True.
	ReasonSecure = "Secure"
	// ReasonUnsigned: the zone is not signed, or not everywhere yet, and the parent has no DS record.
	ReasonUnsigned = "Unsigned"
	// ReasonAwaitingDS: the zone is signed and waits for the parent's first DS record.
	ReasonAwaitingDS = "AwaitingDS"
	// ReasonRollingOver: keys are being replaced. It goes with Secure=True.
	ReasonRollingOver = "RollingOver"
	// ReasonUnsigning: the signatures stay until the parent's DS records are gone and forgotten.
	ReasonUnsigning = "Unsigning"
	// ReasonKeysUnavailable: the keys of the zone can not be read or written.
	ReasonKeysUnavailable = "KeysUnavailable"
	// ReasonParentForeignDS: the parent has a DS record of a key that is not one of the zone's.
	ReasonParentForeignDS = "ParentForeignDS"
)

// The Secrets with the keys of zones.
const (
	// ZoneKeysSecretType is the type of a Secret with the keys of a zone.
	ZoneKeysSecretType = "traffic.seaway.dev/zone-keys"
	// ZoneKeysLabel is on these Secrets, with the name of their Zone.
	ZoneKeysLabel = "traffic.seaway.dev/zone-keys"
	// ZoneKeysState is the key in the Secret's data of what the keys are for. The others are a key's ID
	// with one of the endings below.
	ZoneKeysState = "state.json"
	// ZoneKeysPublicSuffix and ZoneKeysPrivateSuffix end the names of the parts of a key, which are as
	// dnssec-keygen writes them.
	ZoneKeysPublicSuffix  = ".key"
	ZoneKeysPrivateSuffix = ".private"
)
