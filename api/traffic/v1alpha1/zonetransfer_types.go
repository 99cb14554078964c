package v1alpha1

// Transfers says who may take copies of a zone (AXFR, IXFR), and who is told when it changes (NOTIFY).
// Host names of TrafficPolicies are in a copy with the answer for a client of whom nothing is known.
type Transfers struct {
	// Allow lists who may transfer the zone. A request that matches no entry is refused.
	//
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	// +optional
	Allow []TransferClient `json:"allow,omitempty"`
	// Notify lists the servers that are told of a new serial.
	//
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=address
	// +optional
	Notify []TransferServer `json:"notify,omitempty"`
}

// TransferClient allows transfers. Where both are set, both must hold; one must be set.
type TransferClient struct {
	// Networks (CIDR) that the request comes from. Any when empty.
	//
	// +kubebuilder:validation:MaxItems=64
	// +listType=set
	// +optional
	Networks []string `json:"networks,omitempty"`
	// Key that the request is signed with. Whoever is in the networks, signed or not, when not set.
	//
	// +optional
	Key *TSIGKey `json:"key,omitempty"`
}

// TransferServer is another name server.
type TransferServer struct {
	// Address is an IP address, with a port if that is not 53: 192.0.2.1, 2001:db8::1,
	// 192.0.2.1:5353 or [2001:db8::1]:5353.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Address string `json:"address"`
	// Key that what is sent to the server is signed with.
	//
	// +optional
	Key *TSIGKey `json:"key,omitempty"`
}

// TSIGKey is a key that messages are signed with (TSIG, RFC 8945).
type TSIGKey struct {
	// Name of the key, as it is sent: a domain name in lower case without the trailing dot.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Algorithm that messages are signed with.
	//
	// +kubebuilder:default=HMAC-SHA256
	// +optional
	Algorithm TSIGAlgorithm `json:"algorithm,omitempty"`
	// SecretRef names the Secret that holds the key in base64, as tsig-keygen prints it.
	SecretRef SecretKeyRef `json:"secretRef"`
}

// Secondary says where a copy of a zone is taken from.
type Secondary struct {
	// Primaries are asked in order, until one answers; any of them may say by NOTIFY that the zone has
	// changed. Of those that have a key, only what is signed with it is believed.
	//
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=address
	Primaries []TransferServer `json:"primaries"`
}
