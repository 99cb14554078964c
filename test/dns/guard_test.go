package dns

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/proxy"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/server"
)

// certificate writes a certificate for 127.0.0.1 and its key, and returns who believes it.
func certificate(t testing.TB, dir string) (*x509.CertPool, string, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ns1"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chainFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for path, b := range map[string][]byte{chainFile: chain, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(chain)
	return pool, chainFile, keyFile
}

func encrypted(t testing.TB) (*dns.Server, *x509.CertPool) {
	roots, chain, key := certificate(t, t.TempDir())
	s := start(t, zonetest.Demo, func(o *dns.Options) {
		at := []string{"127.0.0.1:0"}
		o.TLSListen, o.HTTPSListen, o.QUICListen, o.CertificateFile, o.KeyFile = at, at, at, chain, key
	})
	return s, roots
}

func TestOverTLS(t *testing.T) {
	s, roots := encrypted(t)
	c, err := tls.Dial("tcp", s.TLSAddresses()[0].String(), &tls.Config{RootCAs: roots, NextProtos: []string{"dot"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if p := c.ConnectionState().NegotiatedProtocol; p != "dot" {
		t.Errorf("ALPN %q", p)
	}
	q := edns(question("www.apps.example.com", miekg.TypeA), 1232, &miekg.EDNS0_PADDING{})
	for range 3 {
		if err := over(c, pack(t, q), 1000); err != nil {
			t.Fatal(err)
		}
	}
	dc := &miekg.Conn{Conn: c}
	if err := dc.WriteMsg(q); err != nil {
		t.Fatal(err)
	}
	m, err := dc.ReadMsg()
	if err != nil || len(m.Answer) != 2 {
		t.Fatalf("%v, %v", m, err)
	}
	if option[*miekg.EDNS0_PADDING](m) == nil {
		t.Error("the answer is not padded")
	}
	// One who does not speak TLS is closed, and the next is served.
	plain, err := net.Dial("tcp", s.TLSAddresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if err := over(plain, pack(t, q), 1000); err == nil {
		t.Error("answered without TLS")
	}
	if err := over(c, pack(t, q), 1000); err != nil {
		t.Error(err)
	}
}

func TestOverHTTPS(t *testing.T) {
	s, roots := encrypted(t)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	url := "https://" + s.HTTPSAddresses()[0].String() + server.HTTPSPath
	query := pack(t, question("shop.apps.example.com", miekg.TypeA))
	encoded := base64.RawURLEncoding.EncodeToString(query)
	for name, c := range map[string]struct {
		method, url, content, body string
		want                       int
	}{
		"GET":                     {"GET", url + "?dns=" + encoded, "", "", 200},
		"POST":                    {"POST", url, "application/dns-message", string(query), 200},
		"nothing":                 {"GET", url, "", "", 400},
		"no base64url":            {"GET", url + "?dns=*", "", "", 400},
		"no query":                {"POST", url, "application/dns-message", "short", 400},
		"another content":         {"POST", url, "text/plain", string(query), 415},
		"too much":                {"POST", url, "application/dns-message", strings.Repeat("x", 70000), 413},
		"another method":          {"PUT", url, "application/dns-message", string(query), 405},
		"another path":            {"GET", strings.Replace(url, server.HTTPSPath, "/", 1), "", "", 404},
		"a name that isn't there": {"GET", url + "?dns=" + base64.RawURLEncoding.EncodeToString(pack(t, question("nope.apps.example.com", miekg.TypeA))), "", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequest(c.method, c.url, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", c.content)
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			b, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != c.want {
				t.Fatalf("%s, %v: %.100s", response.Status, err, b)
			}
			if c.want != 200 {
				return
			}
			lifetime := map[int]string{miekg.RcodeSuccess: "private, max-age=10", miekg.RcodeNameError: "private, max-age=30"}
			if m := unpack(t, b); response.Header.Get("Cache-Control") != lifetime[m.Rcode] || response.ProtoMajor != 2 || response.Header.Get("Content-Type") != "application/dns-message" {
				t.Errorf("%v, %v, %v", response.Proto, response.Header, m)
			}
		})
	}
}

func TestEncryptionNeedsACertificate(t *testing.T) {
	dir := t.TempDir()
	_, chain, key := certificate(t, dir)
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("oh"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*dns.Options){
		"no certificate":     func(o *dns.Options) { o.TLSListen = []string{"127.0.0.1:0"} },
		"none for QUIC":      func(o *dns.Options) { o.QUICListen = []string{"127.0.0.1:0"} },
		"no key":             func(o *dns.Options) { o.HTTPSListen, o.CertificateFile = []string{"127.0.0.1:0"}, chain },
		"no such file":       func(o *dns.Options) { o.CertificateFile, o.KeyFile = chain, filepath.Join(dir, "nothing") },
		"a broken file":      func(o *dns.Options) { o.CertificateFile, o.KeyFile = broken, key },
		"a broken secret":    func(o *dns.Options) { o.CookieSecretFile = broken },
		"a broken network":   func(o *dns.Options) { o.Guard.Exempt = []string{"192.0.2.0/240"} },
		"a broken proxy":     func(o *dns.Options) { o.Proxies = []string{"lb.example.net"} },
		"a rate below zero":  func(o *dns.Options) { o.Guard.Rate = -1 },
		"a slip beyond all":  func(o *dns.Options) { o.Guard.Slip = 1000 },
		"too little of this": func(o *dns.Options) { o.Guard.Amplification = 1 },
	} {
		o := dns.Options{Name: "ns1", Config: nowhere, Listen: []string{"127.0.0.1:0"}}
		change(&o)
		s, err := dns.New(o)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), "--") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A server behind a load balancer answers for the clients of that, and for nobody else's.
func TestBehindAProxy(t *testing.T) {
	s := start(t, zonetest.Demo, func(o *dns.Options) {
		o.Proxies, o.TCP.Message = []string{"127.0.0.2"}, 100*time.Millisecond
	})
	to := s.Addresses()[0]
	q := pack(t, question("shop.apps.example.com", miekg.TypeA))
	header := func(client string) []byte {
		return proxy.Append(nil, netip.AddrPortFrom(netip.MustParseAddr(client), 4711), to)
	}
	// Answers for the proxy's clients are those that a resolver gets which names them.
	clients := map[string]string{}
	for i := range 8 {
		client := netip.AddrFrom4([4]byte{10, byte(i), 0, 1}).String()
		clients[client] = ask(t, to, edns(question("shop.apps.example.com", miekg.TypeA), 1232, subnet(client+"/32"))).Answer[0].(*miekg.A).A.String()
	}
	t.Run("UDP", func(t *testing.T) {
		c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}, net.UDPAddrFromAddrPort(to))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for client, want := range clients {
			m := unpack(t, exchange(t, c, append(header(client), q...)))
			if got := m.Answer[0].(*miekg.A).A.String(); got != want {
				t.Errorf("%s got %s, want %s", client, got, want)
			}
		}
		if m := unpack(t, exchange(t, c, q)); len(m.Answer) == 0 {
			t.Errorf("without a header: %v", m)
		}
		if m := unpack(t, udp(t, to, append(header("10.1.0.1"), q...))); m.Rcode != miekg.RcodeNotImplemented {
			t.Errorf("from a stranger: %v", m)
		}
	})
	t.Run("TCP", func(t *testing.T) {
		ask := func(from net.IP, head []byte) (*miekg.Msg, error) {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
			c, err := d.Dial("tcp", to.String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Write(append(head, append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)...)); err != nil {
				return nil, err
			}
			c.SetReadDeadline(time.Now().Add(patience))
			return (&miekg.Conn{Conn: c}).ReadMsg()
		}
		for client, want := range clients {
			m, err := ask(net.IPv4(127, 0, 0, 2), header(client))
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Answer[0].(*miekg.A).A.String(); got != want {
				t.Errorf("%s got %s, want %s", client, got, want)
			}
		}
		if m, err := ask(net.IPv4(127, 0, 0, 2), nil); err != nil || len(m.Answer) == 0 {
			t.Errorf("without a header: %v, %v", m, err)
		}
		if _, err := ask(net.IPv4(127, 0, 0, 2), []byte("\r\n\r\n\x00\r\nQUIT\n\x99\x11\x00\x00")); err == nil {
			t.Error("a malformed header was taken")
		}
		if _, err := ask(net.IPv4(127, 0, 0, 3), header("10.1.0.1")); err == nil {
			t.Error("a stranger's header was taken")
		}
	})
}

// Over the limit there is no more than a hint now and then, over TCP and with a cookie everything.
func TestFloodsAreNotReflected(t *testing.T) {
	s := start(t, zonetest.Demo, func(o *dns.Options) { o.Guard = dns.Guard{Rate: 5, Slip: 3, Amplification: 10} })
	to := s.Addresses()[0]
	c, err := net.Dial("udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	q := pack(t, question("www.apps.example.com", miekg.TypeA))
	const count = 300
	for range count {
		if _, err := c.Write(q); err != nil {
			t.Fatal(err)
		}
	}
	// What is sent last is a different question, which is answered.
	if _, err := c.Write(pack(t, question("alias.apps.example.com", miekg.TypeCNAME))); err != nil {
		t.Fatal(err)
	}
	whole, hints := 0, 0
	c.SetReadDeadline(time.Now().Add(patience))
	for buf := make([]byte, 2000); ; {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		m := unpack(t, buf[:n])
		if m.Question[0].Qtype == miekg.TypeCNAME {
			break
		}
		if m.Truncated {
			hints++
		} else {
			whole++
		}
	}
	// A burst of 5, and as many more a second as this may have taken.
	if whole < 5 || whole > 50 || hints < (count-whole)/3-1 || hints > (count-whole)/3+1 {
		t.Errorf("%d answers, %d hints", whole, hints)
	}
	for range 50 {
		if m := unpack(t, tcp(t, to, q)[0]); len(m.Answer) == 0 {
			t.Fatalf("over TCP: %v", m)
		}
	}
}
