package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/cookie"
	"github.com/seaway-io/seaway/dns/core/limit"
	"github.com/seaway-io/seaway/dns/core/proxy"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

var (
	stranger = netip.MustParseAddr("192.0.2.1")
	balancer = netip.MustParseAddr("198.51.100.1")
)

// unheard is a server without sockets.
func unheard(t testing.TB) *Server {
	t.Helper()
	id, err := answer.NewIdentity("Seaway", "ns1", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	rules := &accept.Rules{Identity: id, Accounts: limit.NewTable(1024, [2]uint64{1, 2}), Same: limit.PerSecond(1000), All: limit.PerSecond(1000),
		Slip: 2, Amplification: 10, Proxies: []netip.Prefix{netip.PrefixFrom(balancer, 32)}}
	secrets, err := cookie.NewSecrets(cookie.Secret{1})
	if err != nil {
		t.Fatal(err)
	}
	rules.SetSecrets(secrets)
	good := zone.Compile(zonetest.Input(t, zonetest.Demo))
	s := &Server{metrics: &metrics{}, options: Options{Rules: rules, Snapshot: func() *zone.Snapshot { return good },
		TCP: TCPLimits{}.WithDefaults(), Log: slog.New(slog.NewTextHandler(io.Discard, nil))}}
	s.pool = newPool(s)
	return s
}

// intact fails where something panicked on the way: the path itself survives that.
func (s *Server) intact(t *testing.T) {
	t.Helper()
	if s.metrics.panics.Load() > 0 {
		t.Fatal("answering panicked")
	}
}

// answers checks that out is an answer to msg.
func answers(t *testing.T, msg, out []byte) {
	t.Helper()
	if len(msg) < 12 || msg[2]&0x80 != 0 || len(out) < 12 || out[2]&0x80 == 0 || !bytes.Equal(out[:2], msg[:2]) {
		t.Fatalf("%x is no answer to %x", out, msg)
	}
	if err := new(dns.Msg).Unpack(out); err != nil {
		t.Fatalf("%v: %x", err, out)
	}
}

// batch is a socket that holds some datagrams.
type batch struct {
	messages [][]byte
	from     netip.Addr
	replies  map[int][]byte
}

func (b *batch) Receive() (int, error)              { return len(b.messages), nil }
func (b *batch) Message(i int) ([]byte, netip.Addr) { return b.messages[i], b.from }
func (b *batch) Buffer(int) []byte                  { return make([]byte, 0, wire.UDPSize) }
func (b *batch) Reply(i int, reply []byte)          { b.replies[i] = reply }
func (b *batch) Later(int) func([]byte) error       { return func([]byte) error { return nil } }
func (b *batch) Send() int                          { return 0 }
func (b *batch) Waiting() int                       { return 0 }
func (b *batch) Resize(int)                         {}
func (b *batch) Discard() int                       { return 0 }
func (b *batch) Address() netip.AddrPort            { return netip.AddrPort{} }
func (b *batch) Close() error                       { return nil }

// framed cuts octets into messages with their lengths before them.
func framed(b []byte) (all [][]byte) {
	for len(b) >= 2 {
		n := int(binary.BigEndian.Uint16(b))
		if len(b) < 2+n {
			break
		}
		all, b = append(all, b[2:2+n]), b[2+n:]
	}
	return all
}

func frame(all ...[]byte) (out []byte) {
	for _, b := range all {
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(b))), b...)
	}
	return out
}

func seeds(f *testing.F) [][]byte {
	q, nope := query(f, "www.apps.example.com."), query(f, "nope.apps.example.com.")
	answered := bytes.Clone(q)
	answered[2] |= 0x80
	withOptions := new(dns.Msg)
	withOptions.SetQuestion("shop.apps.example.com.", dns.TypeA)
	withOptions.SetEdns0(1232, true)
	withOptions.IsEdns0().Option = []dns.EDNS0{
		&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"},
		&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(10, 1, 2, 0)},
		&dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}, &dns.EDNS0_PADDING{Padding: make([]byte, 5)},
	}
	options, err := withOptions.Pack()
	if err != nil {
		f.Fatal(err)
	}
	head := proxy.Append(nil, netip.MustParseAddrPort("10.3.0.1:1"), netip.MustParseAddrPort("192.0.2.53:53"))
	return [][]byte{q, nope, answered, options, append(bytes.Clone(head), options...), q[:20], nil}
}

// FuzzUDP sends batches of datagrams through a worker.
func FuzzUDP(f *testing.F) {
	all := seeds(f)
	for _, b := range all {
		f.Add(frame(b), false)
		f.Add(frame(b, all[0]), true)
	}
	f.Add(frame(all...), true)
	s := unheard(f)
	f.Fuzz(func(t *testing.T, octets []byte, proxied bool) {
		b := &batch{messages: framed(octets), from: stranger, replies: map[int][]byte{}}
		if proxied {
			b.from = balancer
		}
		w := &udpWorker{server: s, socket: b, path: accept.New(s.options.Rules), count: &counters{}, now: time.Now}
		w.answer(t.Context(), len(b.messages), zonetest.Now)
		s.intact(t)
		for i, out := range b.replies {
			msg := b.messages[i]
			if _, size, err := proxy.Parse(msg); proxied && err == nil {
				msg = msg[size:]
			}
			answers(t, msg, out)
			// A cookie that is good can be had by nobody who was not given one.
			if len(out) > wire.UDPSize || len(out) > 10*len(msg) {
				t.Fatalf("%d octets for %d", len(out), len(msg))
			}
		}
	})
}

// octets is a connection that holds what the client sends and takes what it is answered.
type octets struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (o *octets) Read(b []byte) (int, error)       { return o.in.Read(b) }
func (o *octets) Write(b []byte) (int, error)      { return o.out.Write(b) }
func (o *octets) Close() error                     { return nil }
func (o *octets) SetDeadline(time.Time) error      { return nil }
func (o *octets) SetReadDeadline(time.Time) error  { return nil }
func (o *octets) SetWriteDeadline(time.Time) error { return nil }

// FuzzStream sends octets over a connection, through a proxy or not.
func FuzzStream(f *testing.F) {
	all := seeds(f)
	for _, b := range all {
		f.Add(frame(b, all[0]), false)
	}
	f.Add(append(proxy.Append(nil, netip.MustParseAddrPort("10.3.0.1:1"), netip.MustParseAddrPort("192.0.2.53:53")), frame(all...)...), true)
	f.Add(frame(all[0], all[1], all[3], all[5]), true)
	s := unheard(f)
	t := newStreams(s, &counters{}, nil)
	f.Fuzz(func(tt *testing.T, sent []byte, proxied bool) {
		o := &octets{in: bytes.NewReader(sent)}
		c := &connection{Conn: o, socket: o, pool: s.pool, count: t.count, client: stranger}
		if proxied {
			c.client = balancer
			c.at = s.pool.quiet.PushBack(c)
			s.pool.open.Add(1)
			if !s.pool.unwrap(c) {
				c.Close()
				return
			}
			if _, size, err := proxy.Parse(sent); err == nil {
				sent = sent[size:]
			}
		}
		t.serve(context.Background(), c)
		s.intact(tt)
		queries, replies := framed(sent), framed(o.out.Bytes())
		if len(replies) > len(queries) {
			tt.Fatalf("%d answers to %d queries", len(replies), len(queries))
		}
		for i, out := range replies {
			answers(tt, queries[i], out)
		}
	})
}

// FuzzHTTPS sends requests to the handler.
func FuzzHTTPS(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add("POST", HTTPSPath, mediaType, b)
		f.Add("GET", HTTPSPath+"?dns="+base64.RawURLEncoding.EncodeToString(b), "", []byte(nil))
	}
	f.Add("PUT", "/", "text/plain", []byte("x"))
	s := unheard(f)
	h := newHTTPS(s, &counters{}, nil)
	f.Fuzz(func(t *testing.T, method, target, content string, body []byte) {
		r, err := http.NewRequest(method, "https://ns1.example.net", bytes.NewReader(body))
		if err != nil {
			return
		}
		if r.URL, err = r.URL.Parse(target); err != nil {
			return
		}
		r.Header.Set("Content-Type", content)
		c := &connection{Conn: &octets{}, socket: &octets{}, pool: s.pool, client: stranger}
		r = r.WithContext(context.WithValue(r.Context(), connectionKey{}, net.Conn(c)))
		w := httptest.NewRecorder()
		h.http.Handler.ServeHTTP(w, r)
		s.intact(t)
		if w.Code != http.StatusOK {
			return
		}
		msg := body
		if r.Method != http.MethodPost {
			msg, _ = base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
		}
		if r.Method != http.MethodHead {
			answers(t, msg, w.Body.Bytes())
		}
	})
}
