package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"fmt"
	"io"
	"strings"

	"github.com/miekg/dns"
)

// Algorithms that are supported, by the names that a Zone uses (RFC 8624 section 3.1: the two that are
// recommended for signing).
var Algorithms = map[string]uint8{
	"ECDSAP256SHA256": dns.ECDSAP256SHA256,
	"ED25519":         dns.ED25519,
}

// Key is a key of a zone with its private part.
type Key struct {
	// DNSKEY is the public part. It must not be changed.
	DNSKEY *dns.DNSKEY
	// Tag of the key (RFC 4034 appendix B).
	Tag    uint16
	signer crypto.Signer
}

// ParseKey reads a pair as dnssec-keygen writes it: a DNSKEY record, and a private key in the format
// v1.3. The parts must belong together.
func ParseKey(public, private string) (*Key, error) {
	rr, err := dns.NewRR(public)
	if err != nil {
		return nil, fmt.Errorf("the public key is no DNSKEY record")
	}
	k, ok := rr.(*dns.DNSKEY)
	if !ok || k.Flags&dns.ZONE == 0 || k.Flags&dns.REVOKE != 0 || k.Protocol != 3 {
		return nil, fmt.Errorf("the public key is no DNSKEY record of a zone")
	}
	k.Hdr.Name = strings.ToLower(k.Hdr.Name)
	if k.Algorithm != dns.ECDSAP256SHA256 && k.Algorithm != dns.ED25519 {
		return nil, fmt.Errorf("algorithm %d is not supported: use ECDSAP256SHA256 or ED25519", k.Algorithm)
	}
	secret, err := k.NewPrivateKey(private)
	if err != nil || secret == nil {
		// The cause may quote the key.
		return nil, fmt.Errorf("the private key of %s %d cannot be read", k.Hdr.Name, k.KeyTag())
	}
	signer, ok := secret.(crypto.Signer)
	if !ok || !belongs(k, signer) {
		return nil, fmt.Errorf("the private key is not that of DNSKEY %s %d", k.Hdr.Name, k.KeyTag())
	}
	return &Key{DNSKEY: k, Tag: k.KeyTag(), signer: deterministic{signer}}, nil
}

// belongs compares the public half of a private key with a DNSKEY, by a signature: what is in the
// record is decoded by the verifier alone.
func belongs(k *dns.DNSKEY, signer crypto.Signer) bool {
	switch signer.(type) {
	case *ecdsa.PrivateKey, ed25519.PrivateKey:
	default:
		return false
	}
	probe := []dns.RR{&dns.NULL{Hdr: dns.RR_Header{Name: k.Hdr.Name, Rrtype: dns.TypeNULL, Class: dns.ClassINET}}}
	sig := &dns.RRSIG{Algorithm: k.Algorithm, KeyTag: k.KeyTag(), SignerName: k.Hdr.Name, Expiration: 1}
	return sig.Sign(deterministic{signer}, probe) == nil && sig.Verify(k, probe) == nil
}

// deterministic signs without randomness: equal input gives equal signatures on all servers
// (RFC 6979; crypto/ecdsa does so without a source of randomness).
type deterministic struct{ crypto.Signer }

func (d deterministic) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return d.Signer.Sign(nil, digest, opts)
}

// DS is the record for the parent, with a SHA-256 digest (RFC 8624 section 3.3).
func (k *Key) DS() *dns.DS { return k.DNSKEY.ToDS(dns.SHA256) }

// Entry says whether the key is one that the parent's DS may name: its SEP flag is set.
func (k *Key) Entry() bool { return k.DNSKEY.Flags&dns.SEP != 0 }
