package dns

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
	quicgo "github.com/quic-go/quic-go"

	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/server"
)

// overQUIC starts a server with DNS over QUIC.
func overQUIC(t *testing.T, change func(*dns.Options)) (*dns.Server, *x509.CertPool) {
	t.Helper()
	roots, chain, key := certificate(t, t.TempDir())
	s := start(t, zonetest.Demo, func(o *dns.Options) {
		o.QUICListen, o.CertificateFile, o.KeyFile = []string{"127.0.0.1:0"}, chain, key
		o.MetricsAddress = "127.0.0.1:0"
		if change != nil {
			change(o)
		}
	})
	return s, roots
}

func dialQUIC(t *testing.T, s *dns.Server, roots *x509.CertPool) (*quicgo.Conn, error) {
	t.Helper()
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	tr := &quicgo.Transport{Conn: u}
	t.Cleanup(func() {
		tr.Close()
		u.Close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return tr.Dial(ctx, net.UDPAddrFromAddrPort(s.QUICAddresses()[0]), &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", NextProtos: []string{"doq"}}, nil)
}

// askQUIC asks on a stream of its own and returns the one answer.
func askQUIC(c *quicgo.Conn, query []byte) (*miekg.Msg, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := c.OpenStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	s.SetDeadline(time.Now().Add(patience))
	if _, err := s.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(s)
	if err != nil {
		return nil, err
	}
	if len(b) < 2 || int(binary.BigEndian.Uint16(b)) != len(b)-2 {
		return nil, errors.New("not one message with its length")
	}
	m := new(miekg.Msg)
	return m, m.Unpack(b[2:])
}

func unnumbered(m *miekg.Msg) *miekg.Msg {
	m.Id = 0
	return m
}

func TestOverQUIC(t *testing.T) {
	s, roots := overQUIC(t, nil)
	c, err := dialQUIC(t, s, roots)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	const queries = 300
	for range queries {
		wg.Go(func() {
			m, err := askQUIC(c, pack(t, unnumbered(edns(question("www.apps.example.com", miekg.TypeA), 1232, &miekg.EDNS0_PADDING{}))))
			if err != nil || len(m.Answer) != 2 || m.Id != 0 || len(m.IsEdns0().Option) != 1 {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
	wg.Wait()
	if m, err := askQUIC(c, pack(t, unnumbered(question("apps.example.com", miekg.TypeAXFR)))); err != nil || m.Rcode != miekg.RcodeRefused {
		t.Errorf("a transfer that is not allowed: %v, %v", m, err)
	}
	// What is wrong costs the connection.
	numbered := question("www.apps.example.com", miekg.TypeA)
	numbered.Id = 1
	var e *quicgo.ApplicationError
	if m, err := askQUIC(c, pack(t, numbered)); !errors.As(err, &e) || e.ErrorCode != 2 {
		t.Errorf("with an id: %v, %v", m, err)
	}
	r, err := http.Get("http://" + s.MetricsAddress().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`seaway_dns_answers_total{rcode="NOERROR",transport="quic"} 300`,
		`seaway_dns_drops_total{reason="message",transport="quic"}`,
		`seaway_dns_zone_answers_total{rcode="NOERROR",transport="quic",zone="apps.example.com"} 300`,
	} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("no %s", want)
		}
	}
}

func TestQUICIsBounded(t *testing.T) {
	query := pack(t, question("www.apps.example.com", miekg.TypeA))
	unnumberedQuery := pack(t, unnumbered(question("www.apps.example.com", miekg.TypeA)))
	t.Run("an idle connection is closed", func(t *testing.T) {
		s, roots := overQUIC(t, func(o *dns.Options) { o.TCP.Idle = 50 * time.Millisecond })
		c, err := dialQUIC(t, s, roots)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-c.Context().Done():
		case <-time.After(patience):
			t.Error("it is not")
		}
	})
	t.Run("a client has a number of connections, by TCP and QUIC together", func(t *testing.T) {
		s, roots := overQUIC(t, func(o *dns.Options) { o.TCP = server.TCPLimits{PerClient: 2} })
		c, err := dialQUIC(t, s, roots)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := askQUIC(c, unnumberedQuery); err != nil {
			t.Fatal(err)
		}
		if err := over(dial(t, s), query, 1000); err != nil {
			t.Fatal(err)
		}
		var e *quicgo.TransportError
		if _, err := dialQUIC(t, s, roots); !errors.As(err, &e) || e.ErrorCode != quicgo.ConnectionRefused {
			t.Errorf("a third by QUIC: %v", err)
		}
		if err := over(dial(t, s), query, 1000); err == nil {
			t.Error("a third by TCP was served")
		}
	})
	t.Run("idle connections and open streams do not disturb UDP", func(t *testing.T) {
		s, roots := overQUIC(t, func(o *dns.Options) { o.TCP = server.TCPLimits{Total: 20, PerClient: 1000} })
		for range 60 {
			c, err := dialQUIC(t, s, roots)
			if err != nil {
				t.Fatal(err)
			}
			for range 50 {
				stream, err := c.OpenStream()
				if err != nil {
					break // it made room already
				}
				_, _ = stream.Write([]byte{1, 0, 0})
			}
		}
		for range 50 {
			ask(t, s.Addresses()[0], question("www.apps.example.com", miekg.TypeA))
		}
		c, err := dialQUIC(t, s, roots)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := askQUIC(c, unnumberedQuery); err != nil {
			t.Errorf("a new connection: %v", err)
		}
		r, err := http.Get("http://" + s.MetricsAddress().String() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(b), "\nseaway_dns_tcp_connections 20\n") {
			t.Error("there are not as many connections as there are places")
		}
	})
}
