package quic

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// octets is a stream that holds what the client sends, ends as it is told, and takes the answers.
type octets struct {
	*bytes.Reader
	end error // instead of io.EOF
	out bytes.Buffer
}

func (o *octets) Read(b []byte) (int, error) {
	n, err := o.Reader.Read(b)
	if err != nil && o.end != nil {
		err = o.end
	}
	return n, err
}
func (o *octets) Write(b []byte) (int, error)      { return o.out.Write(b) }
func (o *octets) SetReadDeadline(time.Time) error  { return nil }
func (o *octets) SetWriteDeadline(time.Time) error { return nil }

func frame(all ...[]byte) (out []byte) {
	for _, b := range all {
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(b))), b...)
	}
	return out
}

func query(t testing.TB, change func(*dns.Msg)) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion("www.apps.example.com.", dns.TypeA)
	m.Id = 0
	if change != nil {
		change(m)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestExchange(t *testing.T) {
	good := query(t, nil)
	long := query(t, func(m *dns.Msg) {
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 60_000)}}
	})
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		in      []byte
		end     error
		answers [][]byte
		fails   error
		want    error
		out     []byte
	}{
		"a query and its answer":        {in: frame(good), answers: [][]byte{[]byte("one")}, out: frame([]byte("one"))},
		"several messages of an answer": {in: frame(good), answers: [][]byte{[]byte("one"), []byte("two")}, out: frame([]byte("one"), []byte("two"))},
		"a long query":                  {in: frame(long), answers: [][]byte{[]byte("one")}, out: frame([]byte("one"))},
		"nobody answers":                {in: frame(good), want: errSilence},
		"answering goes wrong":          {in: frame(good), answers: [][]byte{[]byte("one")}, fails: broken, want: broken, out: frame([]byte("one"))},
		"no query":                      {want: Violation("the stream ended before its message")},
		"half a length":                 {in: frame(good)[:1], want: Violation("the stream ended before its message")},
		"half a query":                  {in: frame(good)[:20], want: Violation("the stream ended before its message")},
		"less than a header":            {in: frame(good[:11]), want: NotAQuery},
		"nothing at all, with length":   {in: []byte{0, 0}, want: NotAQuery},
		"two queries":                   {in: frame(good, good), want: Violation("the stream has more than one query")},
		"an octet too many":             {in: append(frame(good), 0), want: Violation("the stream has more than one query")},
		"a message id":                  {in: frame(query(t, func(m *dns.Msg) { m.Id = 256 })), want: Violation("the message id is not 0")},
		"a keepalive": {in: frame(query(t, func(m *dns.Msg) {
			m.SetEdns0(1232, false)
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}}
		})), want: Violation("the message has the option edns-tcp-keepalive")},
		"a keepalive in an update": {in: frame(query(t, func(m *dns.Msg) {
			m.SetUpdate("apps.example.com.")
			m.Id = 0
			m.Insert([]dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: "x.apps.example.com.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"x"}}})
			m.SetEdns0(1232, false)
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}}
		})), want: Violation("the message has the option edns-tcp-keepalive")},
		"not ended in time":         {in: frame(good), end: os.ErrDeadlineExceeded, want: Violation("the stream was not ended in time")},
		"not even a query in time":  {end: os.ErrDeadlineExceeded, want: Violation("the stream was not ended in time")},
		"reset by the client":       {in: frame(good), end: broken, want: broken},
		"reset amidst of the query": {in: frame(good)[:10], end: broken, want: broken},
	} {
		t.Run(name, func(t *testing.T) {
			o := &octets{Reader: bytes.NewReader(c.in), end: c.end}
			var asked []byte
			err := Exchange(t.Context(), o, time.Second, func(_ context.Context, msg []byte, send func([]byte) error) error {
				asked = bytes.Clone(msg)
				for _, a := range c.answers {
					if err := send(a); err != nil {
						return err
					}
				}
				return c.fails
			})
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if diff := cmp.Diff(c.out, o.out.Bytes()); diff != "" {
				t.Error(diff)
			}
			if asked != nil && !bytes.Equal(frame(asked), c.in) {
				t.Errorf("asked %x", asked)
			}
		})
	}
}
