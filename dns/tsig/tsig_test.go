package tsig

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/miekg/dns"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

const (
	key1 = "c2Vhd2F5LXRlc3Qta2V5LW9uZS1zZWF3YXk="
	key2 = "c2Vhd2F5LXRlc3Qta2V5LXR3by1zZWF3YXk="
)

var ref = v1.SecretKeyRef{Name: "s", Key: "key"}

// store is a hub that may be away.
type store struct {
	text  string
	away  bool
	reads int
}

func (s *store) read(context.Context, v1.SecretKeyRef) ([]byte, error) {
	s.reads++
	if s.away {
		return nil, errors.New("away")
	}
	return []byte(s.text + "\n"), nil
}

func request(t *testing.T, algorithm, secret string) (*dns.Msg, []byte, string) {
	t.Helper()
	m := new(dns.Msg)
	m.SetAxfr("z.")
	m.SetTsig("xfr.", algorithm, 300, time.Now().Unix())
	b, mac, err := dns.TsigGenerate(m, secret, "", false)
	if err != nil {
		t.Fatal(err)
	}
	m = new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatal(err)
	}
	return m, b, mac
}

// A stream is good in the eyes of a library that shares no code, in either way of signing.
func TestStreams(t *testing.T) {
	for _, algorithm := range []string{dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512} {
		m, b, mac := request(t, algorithm, key1)
		s := Of(m)
		if err := s.Check(t.Context(), NewRing((&store{text: key1}).read), b, ref); err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			r := new(dns.Msg)
			r.SetReply(m)
			r.SetEdns0(1232, false)
			var out []byte
			var err error
			if i%2 == 0 {
				plain, _ := r.Pack()
				out, err = s.SignWire(plain)
			} else {
				out, err = s.Sign(r)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := dns.TsigVerify(append([]byte(nil), out...), key1, mac, i > 0); err != nil {
				t.Fatalf("%s, message %d: %v", algorithm, i, err)
			}
			got := new(dns.Msg)
			if err := got.Unpack(out); err != nil {
				t.Fatal(err)
			}
			mac = got.IsTsig().MAC
		}
	}
}

// Who forwards a request may give it another ID (RFC 8945 section 4.2). The signature stays good, and the
// answer has that ID and is good once the forwarder has put the first one back.
func TestForwardedRequests(t *testing.T) {
	m, b, mac := request(t, dns.HmacSHA256, key1)
	const other = 0x4E4E
	first := m.Id
	binary.BigEndian.PutUint16(b, other)
	m.Id = other
	before := bytes.Clone(b)
	for name, sign := range map[string]func(*Signature, *dns.Msg) ([]byte, error){
		"a message": func(s *Signature, r *dns.Msg) ([]byte, error) { return s.Sign(r) },
		"its octets": func(s *Signature, r *dns.Msg) ([]byte, error) {
			plain, err := r.Pack()
			if err != nil {
				return nil, err
			}
			return s.SignWire(plain)
		},
	} {
		s := Of(m)
		if err := s.Check(t.Context(), NewRing((&store{text: key1}).read), b, ref); err != nil || !bytes.Equal(b, before) {
			t.Fatalf("%s: %v: %x, was %x", name, err, b, before)
		}
		out, err := sign(&s, new(dns.Msg).SetReply(m))
		if err != nil || binary.BigEndian.Uint16(out) != other {
			t.Fatalf("%s: %v, %x", name, err, out)
		}
		binary.BigEndian.PutUint16(out, first)
		if err := dns.TsigVerify(out, key1, mac, false); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAKeyOutlivesTheHub(t *testing.T) {
	hub := &store{text: key1}
	ring := NewRing(hub.read)
	check := func(secret string) error {
		m, b, _ := request(t, dns.HmacSHA256, secret)
		s := Of(m)
		return s.Check(t.Context(), ring, b, ref)
	}
	if err := check(key1); err != nil {
		t.Fatal(err)
	}
	hub.away = true
	if err := check(key1); err != nil {
		t.Fatalf("while the hub is away: %v", err)
	}
	reads := hub.reads
	for range 5 {
		if err := check(key2); !errors.Is(err, ErrSignature) {
			t.Fatalf("a guess: %v", err)
		}
	}
	if hub.reads-reads > 5 {
		t.Errorf("guesses made %d reads", hub.reads-reads)
	}
	if _, err := NewRing(hub.read).Get(t.Context(), ref); err == nil {
		t.Error("a key from nowhere")
	}
	hub.away, hub.text = false, "c2hvcnQ="
	if _, err := NewRing(hub.read).Get(t.Context(), ref); err == nil {
		t.Error("a key of five octets")
	}
}

func TestNames(t *testing.T) {
	m, _, _ := request(t, dns.HmacSHA256, key1)
	s := Of(m)
	for name, c := range map[string]struct {
		key       string
		algorithm v1.TSIGAlgorithm
		want      bool
	}{
		"the default":       {"xfr", "", true},
		"the algorithm":     {"xfr", v1.TSIGHMACSHA256, true},
		"another algorithm": {"xfr", v1.TSIGHMACSHA512, false},
		"another key":       {"other", "", false},
	} {
		if s.By(c.key, c.algorithm) != c.want {
			t.Errorf("%s: want %v", name, c.want)
		}
	}
	if none := Of(new(dns.Msg)); none.Signed() || none.By("", "") {
		t.Error("a signature where there is none")
	}
}
