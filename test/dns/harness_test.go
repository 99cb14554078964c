package dns

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
	"k8s.io/client-go/rest"

	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/feed"
)

// nowhere is a hub that cannot be reached: nothing listens on that port.
func nowhere() (*rest.Config, error) { return &rest.Config{Host: "http://127.0.0.1:1"}, nil }

// start runs a server that has what the documents say on disk, and no hub.
func start(t testing.TB, documents string, change func(*dns.Options)) *dns.Server {
	t.Helper()
	o := dns.Options{
		Name:     "ns1",
		Config:   nowhere,
		Listen:   []string{"127.0.0.1:0"},
		StateDir: t.TempDir(),
		Version:  "Seaway",
		NSID:     "ns1",
		Guard:    dns.DefaultGuard(),
		Log:      slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if change != nil {
		change(&o)
	}
	in := zonetest.Input(t, documents)
	if err := feed.SaveState(o.StateDir, &feed.State{Saved: zonetest.Now, Zones: in.Zones, Plans: in.Plans, RegionMaps: in.RegionMaps}); err != nil {
		t.Fatal(err)
	}
	s, err := dns.New(o)
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	return s
}

// run runs a server until the test ends.
func run(t testing.TB, s *dns.Server) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
}

const patience = 5 * time.Second

// udp sends bytes and returns what comes back; nil if nothing does.
func udp(t testing.TB, to netip.AddrPort, msg []byte) []byte {
	t.Helper()
	c, err := net.Dial("udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return exchange(t, c, msg)
}

func exchange(t testing.TB, c net.Conn, msg []byte) []byte {
	t.Helper()
	if _, err := c.Write(msg); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 65535)
	n, err := c.Read(buf)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		t.Fatal(err)
	}
	return buf[:n]
}

// silent reports whether bytes are not answered: a well-formed query that is sent behind them is.
func silent(t testing.TB, to netip.AddrPort, msg []byte) bool {
	t.Helper()
	c, err := net.Dial("udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(msg); err != nil {
		t.Fatal(err)
	}
	after := question("www.apps.example.com", miekg.TypeA)
	after.Id = 0xF00D
	got := exchange(t, c, pack(t, after))
	return len(got) > 2 && binary.BigEndian.Uint16(got) == 0xF00D
}

// tcp sends queries in one piece over one connection and reads as many answers.
func tcp(t testing.TB, to netip.AddrPort, queries ...[]byte) [][]byte {
	t.Helper()
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var all []byte
	for _, q := range queries {
		all = append(binary.BigEndian.AppendUint16(all, uint16(len(q))), q...)
	}
	if _, err := c.Write(all); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(patience))
	var out [][]byte
	for range queries {
		var head [2]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func question(name string, rrtype uint16) *miekg.Msg {
	m := new(miekg.Msg)
	m.SetQuestion(miekg.Fqdn(name), rrtype)
	m.RecursionDesired = false
	return m
}

// edns adds an OPT record with options.
func edns(m *miekg.Msg, size uint16, options ...miekg.EDNS0) *miekg.Msg {
	m.SetEdns0(size, false)
	m.IsEdns0().Option = options
	return m
}

func subnet(text string) *miekg.EDNS0_SUBNET {
	p := netip.MustParsePrefix(text)
	s := &miekg.EDNS0_SUBNET{Code: miekg.EDNS0SUBNET, Family: 2, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()}
	if p.Addr().Is4() {
		s.Family = 1
	}
	return s
}

func pack(t testing.TB, m *miekg.Msg) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unpack(t testing.TB, b []byte) *miekg.Msg {
	t.Helper()
	if b == nil {
		t.Fatal("no answer")
	}
	m := new(miekg.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatalf("the answer cannot be read: %v\n%x", err, b)
	}
	return m
}

// ask sends a query over UDP.
func ask(t testing.TB, to netip.AddrPort, m *miekg.Msg) *miekg.Msg {
	t.Helper()
	answer := unpack(t, udp(t, to, pack(t, m)))
	if answer.Id != m.Id || !answer.Response {
		t.Fatalf("not the answer to this query: %v", answer)
	}
	return answer
}

// lines are records without their names and TTLs.
func lines(records []miekg.RR) []string {
	var out []string
	for _, r := range records {
		if r.Header().Rrtype != miekg.TypeOPT {
			out = append(out, miekg.TypeToString[r.Header().Rrtype]+" "+strings.TrimPrefix(r.String(), r.Header().String()))
		}
	}
	return out
}

func option[T miekg.EDNS0](m *miekg.Msg) (found T) {
	if o := m.IsEdns0(); o != nil {
		for _, x := range o.Option {
			if x, ok := x.(T); ok {
				return x
			}
		}
	}
	return found
}

func hasSOA(m *miekg.Msg, ttl uint32) error {
	if len(m.Ns) != 1 {
		return fmt.Errorf("%d records in the authority section, want the SOA", len(m.Ns))
	}
	if s, ok := m.Ns[0].(*miekg.SOA); !ok || s.Hdr.Ttl != ttl || s.Hdr.Name != "apps.example.com." {
		return fmt.Errorf("want the zone's SOA with TTL %d, got %v", ttl, m.Ns[0])
	}
	return nil
}

func equalQuestion(query, answer []byte) bool {
	end := 12 + bytes.IndexByte(query[12:], 0) + 5
	return len(answer) >= end && bytes.Equal(query[12:end], answer[12:end])
}
