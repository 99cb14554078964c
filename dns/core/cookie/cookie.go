// Package cookie makes and checks DNS server cookies (RFC 7873) in the form that all servers of an
// address can share (RFC 9018): a client that sends one back has shown that it gets what is sent to
// its address.
//
// A server cookie is 16 octets: the version 1, three reserved octets, the time in seconds, and
// SipHash-2-4 of the client's cookie, those eight octets and the client's address. The package reads
// no clock and no file; what follows from a good or bad cookie is decided elsewhere.
package cookie

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
)

// Size is the size of a server cookie in octets.
const Size = 16

const version = 1

// How old a server cookie may be, how far ahead the clock of the server that made it, and when it is
// replaced, in seconds (RFC 9018 section 4.3).
const (
	maxAge   = 3600
	maxAhead = 300
	renewAge = 1800
)

// SecretSize is the size of a secret in octets.
const SecretSize = 16

// Secret is what all servers of an address share.
type Secret [SecretSize]byte

// Secrets are those that are in use. The first makes new cookies; all are believed, so that a
// new secret can be made known to every server before any of them uses it (RFC 9018 section 5).
type Secrets struct{ all []Secret }

// maxSecrets bounds what checking a cookie can cost.
const maxSecrets = 4

// NewSecrets takes the secrets in use, one at least.
func NewSecrets(all ...Secret) (*Secrets, error) {
	if len(all) == 0 || len(all) > maxSecrets {
		return nil, fmt.Errorf("%d secrets, want 1 to %d", len(all), maxSecrets)
	}
	return &Secrets{append([]Secret(nil), all...)}, nil
}

// ParseSecrets reads a text with one secret of 32 hexadecimal digits in each line. Empty lines and
// those that begin with # are passed over. Errors never hold any of the text.
func ParseSecrets(text []byte) (*Secrets, error) {
	var all []Secret
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		var s Secret
		if n, err := hex.Decode(s[:min(len(line)/2, SecretSize)], line[:min(len(line), 2*SecretSize)]); err != nil || n != SecretSize || len(line) != 2*SecretSize {
			return nil, fmt.Errorf("line %d is not a secret of %d hexadecimal digits", number, 2*SecretSize)
		}
		all = append(all, s)
	}
	return NewSecrets(all...)
}

// Equal reports whether two sets of secrets are the same.
func (s *Secrets) Equal(o *Secrets) bool {
	if s == nil || o == nil || len(s.all) != len(o.all) {
		return s == o
	}
	for i := range s.all {
		if s.all[i] != o.all[i] {
			return false
		}
	}
	return true
}

// State is what a cookie says about its sender.
type State uint8

// The states of a cookie.
const (
	// None: there was no cookie, or only the client's part of one.
	None State = iota
	// Bad: the server's part is not from a server that shares a secret, not for this client, too
	// old, or in another form.
	Bad
	// Good: the client gets what is sent to its address.
	Good
)

// Check looks at the cookie of a query, which is the client's 8 octets and perhaps a server cookie,
// and puts the server cookie for the answer into out: the one that came where that is good for
// another while, else a new one. now is in seconds since 1970.
func (s *Secrets) Check(cookie []byte, client netip.Addr, now uint32, out *[Size]byte) State {
	var mine, theirs [8]byte
	copy(mine[:], cookie)
	server := cookie[len(mine):]
	state := None
	if len(server) > 0 {
		state = Bad
	}
	if len(server) == Size && server[0] == version {
		made := binary.BigEndian.Uint32(server[4:])
		age := int32(now - made) // serial arithmetic: the octets wrap around in 2106
		if age <= maxAge && age >= -maxAhead {
			copy(theirs[:], server)
			for i := range s.all {
				h := hash(&s.all[i], mine, theirs, client)
				if subtle.ConstantTimeCompare(h[:], server[8:]) != 1 {
					continue
				}
				if i == 0 && age < renewAge {
					copy(out[:], server)
					return Good
				}
				state = Good
				break
			}
		}
	}
	fresh := [8]byte{version}
	binary.BigEndian.PutUint32(fresh[4:], now)
	h := hash(&s.all[0], mine, fresh, client)
	copy(out[:], fresh[:])
	copy(out[8:], h[:])
	return state
}

func hash(secret *Secret, client, head [8]byte, addr netip.Addr) (out [8]byte) {
	var b [32]byte
	copy(b[:], client[:])
	copy(b[8:], head[:])
	n := 16
	if addr.Is4() {
		a := addr.As4()
		n += copy(b[n:], a[:])
	} else {
		a := addr.As16()
		n += copy(b[n:], a[:])
	}
	binary.LittleEndian.PutUint64(out[:], sipHash((*[16]byte)(secret), b[:n]))
	return out
}
