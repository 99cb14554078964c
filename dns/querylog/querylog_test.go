package querylog

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dnstap "github.com/dnstap/golang-dnstap"
	framestream "github.com/farsightsec/golang-framestream"
	"github.com/miekg/dns"
	"google.golang.org/protobuf/proto"
)

var (
	noon   = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	client = netip.MustParseAddr("192.0.2.1")
	quiet  = slog.New(slog.NewTextHandler(io.Discard, nil))
)

func pack(t *testing.T, name string, rcode int) (query, reply []byte) {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, dns.TypeA)
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(198, 51, 100, 0)})
	query, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	r := new(dns.Msg)
	r.SetRcode(m, rcode)
	if reply, err = r.Pack(); err != nil {
		t.Fatal(err)
	}
	return query, reply
}

func newLog(t *testing.T, o Options) *Log {
	t.Helper()
	o.Log = quiet
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestNothingIsTakenDownWithoutALog(t *testing.T) {
	l, err := New(Options{})
	if l != nil || err != nil {
		t.Fatalf("%v, %v", l, err)
	}
	r := l.Recorder(UDP)
	query, reply := pack(t, "example.com.", 0)
	if n := testing.AllocsPerRun(100, func() { r.Record(noon, client, query, reply) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	l.Run(context.Background())
	l.Close()
}

func TestTakingDownAllocatesNothing(t *testing.T) {
	l := newLog(t, Options{File: filepath.Join(t.TempDir(), "log")})
	r := l.Recorder(UDP)
	query, reply := pack(t, "example.com.", 0)
	if n := testing.AllocsPerRun(100, func() { r.Record(noon, client, query, reply) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A ring that is full or in use loses queries and holds up nobody; one in so many is taken down.
func TestRings(t *testing.T) {
	l := newLog(t, Options{File: filepath.Join(t.TempDir(), "log"), Every: 3})
	r := l.Recorder(UDP)
	query, reply := pack(t, "example.com.", 0)
	for range 3 * (ringSize + 5) {
		r.Record(noon, client, query, reply)
	}
	if r.used != ringSize || r.lost.Load() != 5 {
		t.Errorf("%d wait, %d are lost", r.used, r.lost.Load())
	}
	l.drain()
	if r.used != 0 || l.written.Load() != ringSize {
		t.Errorf("%d wait, %d are written", r.used, l.written.Load())
	}
	r.mu.Lock()
	for range 3 {
		r.Record(noon, client, query, reply)
	}
	r.mu.Unlock()
	if r.lost.Load() != 6 {
		t.Errorf("%d are lost", r.lost.Load())
	}
	r.Record(noon, netip.Addr{}, query, reply) // of nobody
	r.Record(noon, client, query, nil)         // not answered
	if r.used != 0 {
		t.Errorf("%d wait", r.used)
	}
}

func TestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := newLog(t, Options{File: path})
	r := l.Recorder(TLS)
	query, reply := pack(t, "Shop.Example.com.", dns.RcodeNameError)
	r.Record(noon, client, query, reply)
	r.Record(noon, client, make([]byte, longestQuery+1), append(reply, make([]byte, longestReply)...))
	l.drain()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	texts := strings.Split(string(text), "\n")
	if want := `{"time":"2026-05-01T12:00:00Z","client":"192.0.2.1","transport":"tls","name":"shop.example.com","type":"A","class":"IN","subnet":"198.51.100.0/24","rcode":"NXDOMAIN","querySize":56,"replySize":34}`; texts[0] != want {
		t.Errorf("got  %s\nwant %s", texts[0], want)
	}
	if !strings.Contains(texts[1], `"querySize":513`) || strings.Contains(texts[1], "name") {
		t.Errorf("one that is too long: %s", texts[1])
	}

	// The file is moved away: the next look finds it, and goes on in a new one.
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l.sinks[0].(*lines).looked = time.Time{}
	r.Record(noon, client, query, reply)
	l.drain()
	r.Record(noon, client, query, reply)
	l.drain()
	for file, want := range map[string]int{path + ".1": 3, path: 1} {
		text, err := os.ReadFile(file)
		if err != nil || strings.Count(string(text), "\n") != want {
			t.Errorf("%s: %v\n%s", file, err, text)
		}
	}
	var one line
	if err := json.Unmarshal([]byte(texts[0]), &one); err != nil || one.Client != "192.0.2.1" {
		t.Errorf("%+v, %v", one, err)
	}
}

// collector takes frames from one connection after the other.
func collector(t *testing.T, network, address string) (net.Listener, chan *dnstap.Dnstap) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	out := make(chan *dnstap.Dnstap, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r, err := framestream.NewReader(c, &framestream.ReaderOptions{ContentTypes: [][]byte{dnstap.FSContentType}, Bidirectional: true})
			if err != nil {
				c.Close()
				continue
			}
			frame := make([]byte, 1<<16)
			for {
				n, err := r.ReadFrame(frame)
				if err != nil {
					break
				}
				d := &dnstap.Dnstap{}
				if proto.Unmarshal(frame[:n], d) == nil {
					out <- d
				}
			}
			c.Close()
		}
	}()
	return l, out
}

func TestDnstap(t *testing.T) {
	for name, c := range map[string]struct {
		network, address string
		by               Transport
		want             dnstap.SocketProtocol
	}{
		"over a socket in the file system": {"unix", filepath.Join(t.TempDir(), "tap"), HTTPS, dnstap.SocketProtocol_DOH},
		"over TCP":                         {"tcp", "127.0.0.1:0", QUIC, 7},
	} {
		t.Run(name, func(t *testing.T) {
			listener, frames := collector(t, c.network, c.address)
			l := newLog(t, Options{Dnstap: c.network + ":" + listener.Addr().String(), Identity: "ns1", Version: "Seaway"})
			r := l.Recorder(c.by)
			query, reply := pack(t, "shop.example.com.", 0)
			r.Record(noon, client, query, reply)
			l.drain()
			select {
			case d := <-frames:
				m := d.GetMessage()
				if string(d.Identity) != "ns1" || m.GetType() != dnstap.Message_AUTH_RESPONSE || m.GetSocketProtocol() != c.want ||
					string(m.QueryMessage) != string(query) || string(m.ResponseMessage) != string(reply) ||
					m.GetQueryTimeSec() != uint64(noon.Unix()) || !net.IP(m.QueryAddress).Equal(client.AsSlice()) {
					t.Errorf("%v", d)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("nothing came")
			}
		})
	}
}

// While no collector listens, or one goes away, queries are lost and nothing else; it is found again.
func TestACollectorThatComesAndGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tap")
	l := newLog(t, Options{Dnstap: "unix:" + path})
	r := l.Recorder(UDP)
	query, reply := pack(t, "shop.example.com.", 0)
	for range 3 {
		r.Record(noon, client, query, reply)
	}
	l.drain()
	if l.failed.Load() != 3 {
		t.Errorf("%d failed", l.failed.Load())
	}
	_, frames := collector(t, "unix", path)
	l.sinks[0].(*tap).retry = time.Time{}
	r.Record(noon, client, query, reply)
	l.drain()
	select {
	case <-frames:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"--query-log": {File: "/does/not/exist/log"}, "unix:PATH": {Dnstap: "/run/tap"}, "--dnstap": {Dnstap: "unix:"}, "tcp:HOST:PORT": {Dnstap: "tcp:host"},
	} {
		o.Log = quiet
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
