package update

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// fudge is by how much clocks may differ (RFC 8945 section 10).
const fudge = 300

func (r *request) keyName() string {
	if t := r.message.IsTsig(); t != nil {
		return strings.ToLower(strings.TrimSuffix(t.Hdr.Name, "."))
	}
	return ""
}

// key is the zone's key that a request says it is signed with.
func (r *request) key(z *trafficv1alpha1.Zone) *trafficv1alpha1.UpdateKey {
	algorithm := strings.ToLower(strings.TrimSuffix(r.message.IsTsig().Algorithm, "."))
	for i := range z.Spec.Updates.Keys {
		k := &z.Spec.Updates.Keys[i]
		want := k.Algorithm
		if want == "" {
			want = trafficv1alpha1.TSIGHMACSHA256
		}
		if k.Name == r.keyName() && strings.ToLower(string(want)) == algorithm {
			return k
		}
	}
	return nil
}

// authenticate checks the signature. A key that was replaced a moment ago is read again.
func (r *request) authenticate(ctx context.Context, key *trafficv1alpha1.UpdateKey) bool {
	for _, most := range []time.Duration{remember, again} {
		text, err := r.keys.get(ctx, key.SecretRef, most)
		if err != nil {
			r.fail(dns.RcodeServerFailure, networkError, "the key %s cannot be read: %v", key.Name, err)
			return false
		}
		err = dns.TsigVerify(r.msg, text, "", false)
		switch {
		case err == nil:
			r.secret = text
			return true
		case errors.Is(err, dns.ErrTime):
			r.secret, r.flaw = text, dns.RcodeBadTime
			r.fail(dns.RcodeNotAuth, prohibited, "the request was signed at another time: set the clock")
			return false
		}
	}
	r.flaw = dns.RcodeBadSig
	r.fail(dns.RcodeNotAuth, prohibited, "the signature is not that of the key %s", key.Name)
	return false
}

// sign is the answer in wire form: signed by the key that signed the request, and not signed where
// none did (RFC 8945 section 5.3).
func (r *request) sign() []byte {
	t := r.message.IsTsig()
	if t == nil {
		return packed(r.reply, r.msg)
	}
	answer := &dns.TSIG{
		Hdr:       dns.RR_Header{Name: t.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: t.Algorithm, Fudge: fudge, TimeSigned: uint64(time.Now().Unix()), OrigId: t.OrigId, Error: r.flaw,
	}
	switch {
	case r.secret == "" && r.flaw == 0:
		return packed(r.reply, r.msg)
	case r.secret == "":
		answer.TimeSigned = t.TimeSigned
		r.reply.Extra = append(r.reply.Extra, answer)
		return packed(r.reply, r.msg)
	case r.flaw == dns.RcodeBadTime:
		// Signed with the time that the client knows; the server's stands beside it.
		var now [8]byte
		binary.BigEndian.PutUint64(now[:], answer.TimeSigned)
		answer.TimeSigned, answer.OtherLen, answer.OtherData = t.TimeSigned, 6, fmt.Sprintf("%X", now[2:])
	}
	r.reply.Extra = append(r.reply.Extra, answer)
	out, _, err := dns.TsigGenerate(r.reply, r.secret, t.MAC, false)
	if err != nil {
		return head(r.msg, dns.RcodeServerFailure)
	}
	return out
}

func packed(m *dns.Msg, msg []byte) []byte {
	out, err := m.Pack()
	if err != nil {
		return head(msg, dns.RcodeServerFailure)
	}
	return out
}

const (
	// remember is how long a key is used without being read again, again how long one that does not
	// fit is believed.
	remember = time.Minute
	again    = 5 * time.Second
)

// keys are what Secrets hold, remembered for a while: one who guesses signatures must not make the
// hub work.
type keys struct {
	store Store
	mu    sync.Mutex
	known map[trafficv1alpha1.SecretKeyRef]secret
}

type secret struct {
	text string
	read time.Time
}

// get is a key in base64, read within a duration.
func (k *keys) get(ctx context.Context, ref trafficv1alpha1.SecretKeyRef, within time.Duration) (string, error) {
	k.mu.Lock()
	s, ok := k.known[ref]
	k.mu.Unlock()
	if ok && time.Since(s.read) < within {
		return s.text, nil
	}
	value, err := k.store.Secret(ctx, ref)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(value))
	if raw, err := base64.StdEncoding.DecodeString(text); err != nil || len(raw) < 16 {
		return "", fmt.Errorf("%s of Secret %s is no key: it must be at least 16 octets in base64, as tsig-keygen makes them", ref.Key, ref.Name)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known[ref] = secret{text, time.Now()}
	return text, nil
}
