package quic

import (
	"crypto/tls"
	"net"
	"testing"

	quicgo "github.com/quic-go/quic-go"
)

// A client that comes again may resume its session, but is not heard before the handshake is done.
func TestEarlyDataIsDeclined(t *testing.T) {
	l := listen(t, &house{}, nil)
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	tr := &quicgo.Transport{Conn: u}
	defer tr.Close()
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "ns1.example.net", NextProtos: []string{ALPN}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for i := range 2 {
		c, err := tr.DialEarly(t.Context(), net.UDPAddrFromAddrPort(l.Address()), config, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, c, frame(query(t, nil)))
		s.Close()
		if b, err := read(s); err != nil || len(b) == 0 {
			t.Errorf("%x, %v", b, err)
		}
		if state := c.ConnectionState(); state.Used0RTT || state.TLS.DidResume != (i == 1) {
			t.Errorf("connection %d: early data %v, resumed %v", i, state.Used0RTT, state.TLS.DidResume)
		}
		c.CloseWithError(0, "")
	}
}
