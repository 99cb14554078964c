package dns

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/server"
)

// On a host with several addresses, a client believes only the one that it has asked.
func TestAnswersComeFromTheAddressThatWasAsked(t *testing.T) {
	s := start(t, zonetest.Demo, func(o *dns.Options) { o.Listen = []string{"0.0.0.0:0", "[::]:0"} })
	query := pack(t, question("www.apps.example.com", miekg.TypeA))
	for _, address := range []string{"127.0.0.1", "127.0.0.2", "127.9.9.9", "::1"} {
		ip := netip.MustParseAddr(address)
		network, port := "udp4", s.Addresses()[0].Port()
		if ip.Is6() {
			network, port = "udp6", s.Addresses()[1].Port()
		}
		c, err := net.ListenUDP(network, nil)
		if err != nil {
			t.Skipf("no %s here: %v", network, err)
		}
		defer c.Close()
		to := netip.AddrPortFrom(ip, port)
		if _, err := c.WriteToUDPAddrPort(query, to); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(patience))
		buf := make([]byte, 2000)
		_, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		if netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) != to {
			t.Errorf("asked %v, answered by %v", to, from)
		}
	}
}

func dial(t *testing.T, s *dns.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// over asks over a connection, writing so many octets at a time.
func over(c net.Conn, query []byte, step int) error {
	all := append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)
	for len(all) > 0 {
		n := min(step, len(all))
		if _, err := c.Write(all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	c.SetReadDeadline(time.Now().Add(patience))
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, binary.BigEndian.Uint16(head[:])))
	return err
}

// closed reports whether the other side closes the connection soon.
func closed(c net.Conn) bool {
	c.SetReadDeadline(time.Now().Add(patience))
	_, err := c.Read(make([]byte, 1))
	var timeout net.Error
	return err != nil && !(errors.As(err, &timeout) && timeout.Timeout())
}

func TestTCPIsBounded(t *testing.T) {
	query := pack(t, question("www.apps.example.com", miekg.TypeA))
	limited := func(l server.TCPLimits) *dns.Server {
		return start(t, zonetest.Demo, func(o *dns.Options) { o.TCP = l })
	}
	t.Run("a message may come in pieces", func(t *testing.T) {
		if err := over(dial(t, limited(server.TCPLimits{})), query, 1); err != nil {
			t.Error(err)
		}
	})
	t.Run("a connection serves many queries", func(t *testing.T) {
		c := dial(t, limited(server.TCPLimits{}))
		for range 100 {
			if err := over(c, query, 1000); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("an idle connection is closed", func(t *testing.T) {
		if !closed(dial(t, limited(server.TCPLimits{Idle: 50 * time.Millisecond}))) {
			t.Error("it is not")
		}
	})
	t.Run("one that does not end its message is closed", func(t *testing.T) {
		c := dial(t, limited(server.TCPLimits{Message: 50 * time.Millisecond}))
		c.Write([]byte{0xFF, 0xFF, 1, 2, 3})
		if !closed(c) {
			t.Error("it is not")
		}
	})
	t.Run("one that sends an answer is closed", func(t *testing.T) {
		c := dial(t, limited(server.TCPLimits{}))
		m := question("www.apps.example.com", miekg.TypeA)
		m.Response = true
		if err := over(c, pack(t, m), 1000); err == nil {
			t.Error("it was answered")
		}
	})
	t.Run("a client has a number of connections", func(t *testing.T) {
		s := limited(server.TCPLimits{PerClient: 2})
		first, second := dial(t, s), dial(t, s)
		for _, c := range []net.Conn{first, second} {
			if err := over(c, query, 1000); err != nil {
				t.Fatal(err)
			}
		}
		if err := over(dial(t, s), query, 1000); err == nil {
			t.Error("a third was served")
		}
		// Another client, here another address of the same host, is served.
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
		c, err := d.Dial("tcp", s.Addresses()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := over(c, query, 1000); err != nil {
			t.Errorf("another client: %v", err)
		}
	})
	t.Run("the quietest makes room", func(t *testing.T) {
		s := limited(server.TCPLimits{Total: 3, PerClient: 100})
		busy := dial(t, s)
		quiet := dial(t, s)
		for _, c := range []net.Conn{quiet, busy} {
			if err := over(c, query, 1000); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			if err := over(busy, query, 1000); err != nil {
				t.Fatalf("the busy one: %v", err)
			}
			if err := over(dial(t, s), query, 1000); err != nil {
				t.Fatalf("a new one: %v", err)
			}
		}
		if !closed(quiet) {
			t.Error("the quiet one is still there")
		}
	})
	t.Run("idle connections do not disturb UDP", func(t *testing.T) {
		s := limited(server.TCPLimits{Total: 50, PerClient: 1000})
		for range 200 {
			dial(t, s)
		}
		for range 50 {
			ask(t, s.Addresses()[0], question("www.apps.example.com", miekg.TypeA))
		}
		if err := over(dial(t, s), query, 1000); err != nil {
			t.Errorf("a new connection: %v", err)
		}
	})
}
