package tsig

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// fudge is by how much clocks may differ (RFC 8945 section 10).
const fudge = 300

// Signature is that of a request, and signs the answer to it. The zero Signature is that of a request
// without one.
type Signature struct {
	request *dns.TSIG
	// secret signs the answer, in base64; empty if the request was not signed by a key that is known.
	secret string
	// flaw is what is wrong with the signature (RFC 8945 section 5.3).
	flaw uint16
	// mac is that of the message before, and later says that there was one, in a stream.
	mac   string
	later bool
}

// Of is the signature of a request, which is still to be checked. Until then the answer says that its
// key is not known.
func Of(m *dns.Msg) Signature {
	t := m.IsTsig()
	if t == nil {
		return Signature{}
	}
	return Signature{request: t, flaw: dns.RcodeBadKey, mac: t.MAC}
}

// Signed reports whether there is a signature at all.
func (s *Signature) Signed() bool { return s.request != nil }

// Key is the name of the key that the request says it is signed with; empty without a signature.
func (s *Signature) Key() string {
	if s.request == nil {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(s.request.Hdr.Name, "."))
}

// By reports whether the request says that it is signed with a key. Without an algorithm the key is
// for HMAC-SHA256.
func (s *Signature) By(name string, algorithm trafficv1alpha1.TSIGAlgorithm) bool {
	return s.request != nil && s.Key() == name && dns.Fqdn(strings.ToLower(s.request.Algorithm)) == Algorithm(algorithm)
}

// Algorithm is the name of an algorithm on the wire.
func Algorithm(a trafficv1alpha1.TSIGAlgorithm) string {
	if a == "" {
		a = trafficv1alpha1.TSIGHMACSHA256
	}
	return dns.Fqdn(strings.ToLower(string(a)))
}

// Errors of Check.
var (
	// ErrSignature says that the signature is not that of the key, ErrTime that it was made at another
	// time. The rcode of the answer is NOTAUTH.
	ErrSignature = errors.New("the signature is not that of the key")
	ErrTime      = errors.New("the request was signed at another time: set the clock")
)

// Check checks the signature of a message. A key that was replaced a moment ago is read again. An
// error that is none of the above says that the key can not be read: the rcode is SERVFAIL.
func (s *Signature) Check(ctx context.Context, ring *Ring, msg []byte, ref trafficv1alpha1.SecretKeyRef) error {
	for _, within := range []time.Duration{remember, again} {
		text, err := ring.get(ctx, ref, within)
		if err != nil {
			s.flaw = 0
			return fmt.Errorf("the key %s cannot be read: %w", s.Key(), err)
		}
		// The library writes the original ID into what it checks.
		err = dns.TsigVerify(bytes.Clone(msg), text, "", false)
		switch {
		case err == nil:
			s.secret, s.flaw = text, 0
			return nil
		case errors.Is(err, dns.ErrTime):
			s.secret, s.flaw = text, dns.RcodeBadTime
			return ErrTime
		}
	}
	s.flaw = dns.RcodeBadSig
	return ErrSignature
}

// Drop leaves answers unsigned that do not concern the signature.
func (s *Signature) Drop() {
	if s.secret == "" {
		s.flaw = 0
	}
}

// Sign is an answer in wire form: signed by the key that signed the request, and not signed where none
// did (RFC 8945 section 5.3). It is to be called for each message of a stream, in order.
func (s *Signature) Sign(reply *dns.Msg) ([]byte, error) {
	if s.request == nil || s.secret == "" && s.flaw == 0 {
		return reply.Pack()
	}
	answer := &dns.TSIG{
		Hdr:       dns.RR_Header{Name: s.request.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: s.request.Algorithm, Fudge: fudge, TimeSigned: uint64(time.Now().Unix()), OrigId: s.request.OrigId, Error: s.flaw,
	}
	signed := *reply
	signed.Extra = append(reply.Extra[:len(reply.Extra):len(reply.Extra)], answer)
	switch {
	case s.secret == "":
		answer.TimeSigned = s.request.TimeSigned
		return signed.Pack()
	case s.flaw == dns.RcodeBadTime:
		// Signed with the time that the client knows; the server's stands beside it.
		var now [8]byte
		binary.BigEndian.PutUint64(now[:], answer.TimeSigned)
		answer.TimeSigned, answer.OtherLen, answer.OtherData = s.request.TimeSigned, 6, fmt.Sprintf("%X", now[2:])
	}
	out, mac, err := dns.TsigGenerate(&signed, s.secret, s.mac, s.later)
	s.mac, s.later = mac, true
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint16(out, reply.Id) // and here into what is sent
	return out, nil
}

// SignWire is Sign for an answer that is in wire form already. It appends to the message.
func (s *Signature) SignWire(msg []byte) ([]byte, error) {
	if s.secret == "" {
		return msg, nil
	}
	key, err := base64.StdEncoding.DecodeString(s.secret)
	if err != nil {
		return nil, err
	}
	algorithm, err := wire.ParseName(s.request.Algorithm)
	if err != nil {
		return nil, err
	}
	name, err := wire.ParseName(s.request.Hdr.Name)
	if err != nil {
		return nil, err
	}
	var sum hash.Hash
	switch strings.ToLower(s.request.Algorithm) {
	case dns.HmacSHA256:
		sum = hmac.New(sha256.New, key)
	case dns.HmacSHA384:
		sum = hmac.New(sha512.New384, key)
	case dns.HmacSHA512:
		sum = hmac.New(sha512.New, key)
	default:
		return nil, fmt.Errorf("no such algorithm: %s", s.request.Algorithm)
	}
	before, err := hex.DecodeString(s.mac)
	if err != nil {
		return nil, err
	}
	var timers []byte // in seconds since 1970, and by how much it may differ
	timers = binary.BigEndian.AppendUint64(timers, uint64(time.Now().Unix()))[2:]
	timers = binary.BigEndian.AppendUint16(timers, fudge)

	// What is signed: RFC 8945 section 4.3, and 5.3.1 for the messages behind the first.
	sum.Write(binary.BigEndian.AppendUint16(nil, uint16(len(before))))
	sum.Write(before)
	id := binary.BigEndian.AppendUint16(nil, s.request.OrigId)
	sum.Write(id)
	sum.Write(msg[2:])
	if s.later {
		sum.Write(timers)
	} else {
		sum.Write([]byte(name))
		sum.Write([]byte{0, dns.ClassANY, 0, 0, 0, 0})
		sum.Write([]byte(algorithm))
		sum.Write(timers)
		sum.Write([]byte{0, 0, 0, 0}) // no error, nothing else
	}
	mac := sum.Sum(nil)
	s.mac, s.later = hex.EncodeToString(mac), true

	msg = append(msg, name...)
	msg = append(msg, 0, byte(dns.TypeTSIG), 0, dns.ClassANY, 0, 0, 0, 0)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(algorithm)+len(timers)+2+len(mac)+6))
	msg = append(msg, algorithm...)
	msg = append(msg, timers...)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(mac)))
	msg = append(msg, mac...)
	msg = append(append(msg, id...), 0, 0, 0, 0)
	binary.BigEndian.PutUint16(msg[10:], binary.BigEndian.Uint16(msg[10:])+1)
	return msg, nil
}
