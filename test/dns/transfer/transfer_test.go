package transfer

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	miekg "github.com/miekg/dns"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// open lets this host transfer the zone without a key, and everybody with one of two.
func open(z *v1.Zone) {
	z.Spec.Transfers = &v1.Transfers{Allow: []v1.TransferClient{
		{Networks: []string{"127.0.0.0/8"}},
		{Key: tsigKey("xfr", "one", "")},
		{Key: tsigKey("far", "two", v1.TSIGHMACSHA512), Networks: []string{"192.0.2.0/24"}},
		{Key: tsigKey("near", "two", v1.TSIGHMACSHA512), Networks: []string{"127.0.0.0/8"}},
		{Key: tsigKey("lost", "nowhere", "")},
	}}
}

func question(t uint16) *miekg.Msg {
	m := new(miekg.Msg)
	m.SetQuestion(apex, t)
	return m
}

// Every record that a query finds is in the copy, and nothing else.
func TestACopyHoldsWhatIsAnswered(t *testing.T) {
	p := start(t, zonetest.Demo, open)
	m := new(miekg.Msg)
	m.SetAxfr(apex)
	records, err := take(new(miekg.Transfer), m, p.address())
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string]int{}
	for _, r := range records[1:] {
		sets[r.Header().Name+" "+miekg.TypeToString[r.Header().Rrtype]]++
	}
	for name, want := range map[string]int{
		apex + " SOA": 1, apex + " NS": 2, apex + " A": 1, apex + " AAAA": 1, apex + " MX": 2, apex + " CAA": 1, "ns1." + apex + " A": 1,
		"www." + apex + " A": 2, "shop." + apex + " A": 1, "*.tenants." + apex + " AAAA": 1, "single." + apex + " A": 1,
		"child." + apex + " NS": 2, "ns.child." + apex + " A": 1, "*.wild." + apex + " TXT": 1, "*.aliases." + apex + " CNAME": 1,
	} {
		if sets[name] != want {
			t.Errorf("%d times %s, want %d", sets[name], name, want)
		}
	}
	for _, r := range records[1:] {
		h := r.Header()
		if strings.HasSuffix(h.Name, "child."+apex) || strings.HasPrefix(h.Name, "*") {
			continue // delegated, or answered under other names
		}
		q := new(miekg.Msg)
		q.SetQuestion(h.Name, h.Rrtype)
		a, err := miekg.Exchange(q, p.address())
		if h.Ttl == 10 && err == nil && len(a.Answer) == 1 {
			continue // steered: where this host is sent is another matter
		}
		if err != nil || !slices.ContainsFunc(a.Answer, func(o miekg.RR) bool { return o.String() == r.String() }) {
			t.Errorf("%v is in the copy and is not answered: %v, %v", r, a, err)
		}
	}
}

// tlsTransfer transfers over TLS (RFC 9103 without its name for it).
func tlsTransfer(t *testing.T, p *primary) *miekg.Transfer {
	c, err := tls.Dial("tcp", p.sockets.TLSAddresses()[0].String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"dot"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &miekg.Transfer{Conn: &miekg.Conn{Conn: c}}
}

func TestWhoMayTransfer(t *testing.T) {
	p := start(t, zonetest.Demo, open)
	closed := start(t, zonetest.Demo, nil)
	keyed := start(t, zonetest.Demo, func(z *v1.Zone) {
		z.Spec.Transfers = &v1.Transfers{Allow: []v1.TransferClient{{Key: tsigKey("xfr", "one", "")}, {Networks: []string{"192.0.2.0/24"}}}}
	})
	for name, c := range map[string]struct {
		to             *primary
		key, algorithm string
		secret         string
		age            time.Duration
		want           string
	}{
		"from an allowed network":                 {to: p},
		"with a key":                              {to: p, key: "xfr", algorithm: miekg.HmacSHA256, secret: key1},
		"with a key from its network":             {to: p, key: "near", algorithm: miekg.HmacSHA512, secret: key2},
		"with a key from elsewhere":               {to: p, key: "far", algorithm: miekg.HmacSHA512, secret: key2, want: "REFUSED"},
		"with a key that is not the zone's":       {to: p, key: "other", algorithm: miekg.HmacSHA256, secret: key1, want: "BADKEY"},
		"with another algorithm":                  {to: p, key: "xfr", algorithm: miekg.HmacSHA512, secret: key1, want: "BADKEY"},
		"with a wrong signature":                  {to: p, key: "xfr", algorithm: miekg.HmacSHA256, secret: key2, want: "BADSIG"},
		"signed an hour ago":                      {to: p, key: "xfr", algorithm: miekg.HmacSHA256, secret: key1, age: time.Hour, want: "BADTIME"},
		"with a key that cannot be read":          {to: p, key: "lost", algorithm: miekg.HmacSHA256, secret: key1, want: "SERVFAIL"},
		"of a zone that is not to be transferred": {to: closed, want: "REFUSED"},
		"without the key that is needed":          {to: keyed, want: "REFUSED"},
		"with the key that is needed":             {to: keyed, key: "xfr", algorithm: miekg.HmacSHA256, secret: key1},
	} {
		for transport, tr := range map[string]*miekg.Transfer{"tcp": {}, "tls": tlsTransfer(t, c.to)} {
			m := new(miekg.Msg)
			m.SetAxfr(apex)
			if c.key != "" {
				m.SetTsig(c.key+".", c.algorithm, 300, time.Now().Add(-c.age).Unix())
				tr.TsigSecret = map[string]string{c.key + ".": c.secret}
			}
			if c.want == "" {
				records, err := take(tr, m, c.to.address())
				if err != nil || len(records) < 20 {
					t.Errorf("%s over %s: %d records, %v", name, transport, len(records), err)
				}
				continue
			}
			if tr.Conn == nil {
				conn, err := net.Dial("tcp", c.to.address())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				tr.Conn = &miekg.Conn{Conn: conn}
			}
			tr.Conn.TsigSecret = tr.TsigSecret
			if err := tr.Conn.WriteMsg(m); err != nil {
				t.Fatal(err)
			}
			a, err := tr.Conn.ReadMsg()
			if a == nil {
				t.Fatalf("%s over %s: %v", name, transport, err)
			}
			got := miekg.RcodeToString[a.Rcode]
			if s := a.IsTsig(); s != nil && s.Error != 0 {
				got = map[uint16]string{miekg.RcodeBadKey: "BADKEY", miekg.RcodeBadSig: "BADSIG", miekg.RcodeBadTime: "BADTIME"}[s.Error]
				if a.Rcode != miekg.RcodeNotAuth {
					t.Errorf("%s: rcode %s with %s", name, miekg.RcodeToString[a.Rcode], got)
				}
			}
			if got != c.want || len(a.Answer) > 0 {
				t.Errorf("%s over %s: %s with %d records, want %s", name, transport, got, len(a.Answer), c.want)
			}
		}
	}
}

// A zone is not given away where the sender's address proves nothing, nor where the protocol has no
// room for it.
func TestNoTransferOverUDPOrHTTPS(t *testing.T) {
	p := start(t, zonetest.Demo, open)
	a, err := miekg.Exchange(question(miekg.TypeAXFR), p.address())
	if err != nil || a.Rcode != miekg.RcodeRefused || len(a.Answer) > 0 {
		t.Errorf("AXFR over UDP: %v, %v", a, err)
	}
	m := question(miekg.TypeIXFR)
	m.Ns = []miekg.RR{&miekg.SOA{Hdr: miekg.RR_Header{Name: apex, Rrtype: miekg.TypeSOA, Class: miekg.ClassINET}, Ns: ".", Mbox: ".", Serial: 1}}
	if a, err = miekg.Exchange(m, p.address()); err != nil || len(a.Answer) != 1 || a.Answer[0].(*miekg.SOA).Serial != p.serial() {
		t.Errorf("IXFR over UDP is answered with the SOA alone: %v, %v", a, err)
	}
	b, _ := question(miekg.TypeAXFR).Pack()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	r, err := client.Get("https://" + p.sockets.HTTPSAddresses()[0].String() + "/dns-query?dns=" + base64.RawURLEncoding.EncodeToString(b))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	if a = new(miekg.Msg); a.Unpack(body) != nil || a.Rcode != miekg.RcodeRefused || len(a.Answer) > 0 {
		t.Errorf("AXFR over HTTPS: %v", a)
	}
	if _, err := tryAXFR(p.address(), "example.org."); err == nil {
		t.Error("a zone that is not served was transferred")
	}
}

// ixfr asks for what changed since a serial.
func ixfr(t *testing.T, p *primary, serial uint32) (records []miekg.RR) {
	t.Helper()
	m := new(miekg.Msg)
	m.SetIxfr(apex, serial, "ns1."+apex, "hostmaster."+apex)
	m.SetTsig("xfr.", miekg.HmacSHA256, 300, time.Now().Unix())
	records, err := take(&miekg.Transfer{TsigSecret: map[string]string{"xfr.": key1}}, m, p.address())
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestChangesAreTransferredAlone(t *testing.T) {
	p := start(t, zonetest.Demo, open)
	axfr(t, p.address(), apex) // the serial of the beginning is known now
	eventually(t, "the first serial stays", func() error { return quiet(p) })
	first := p.serial()
	p.put(v1.Record{Name: "new", Type: "A", Values: []string{"192.0.2.99"}})
	second := p.serial()
	if second == first {
		t.Fatal("another content has the same serial")
	}
	axfr(t, p.address(), apex)
	p.put(v1.Record{Name: "new", Type: "A", Values: []string{"192.0.2.98"}})
	third := p.serial()
	var lines []string
	for _, r := range ixfr(t, p, first) {
		if s, ok := r.(*miekg.SOA); ok {
			lines = append(lines, fmt.Sprint("SOA ", s.Serial))
		} else {
			lines = append(lines, strings.Join(strings.Fields(r.String()), " "))
		}
	}
	want := []string{
		fmt.Sprint("SOA ", third),
		fmt.Sprint("SOA ", first), fmt.Sprint("SOA ", second), "new.apps.example.com. 300 IN A 192.0.2.99",
		fmt.Sprint("SOA ", second), "new.apps.example.com. 300 IN A 192.0.2.99", fmt.Sprint("SOA ", third), "new.apps.example.com. 300 IN A 192.0.2.98",
		fmt.Sprint("SOA ", third),
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if r := ixfr(t, p, third); len(r) != 1 {
		t.Errorf("nothing is new, and yet: %v", r)
	}
	if r := ixfr(t, p, third+1); len(r) != 1 {
		t.Errorf("the client is ahead, and yet: %v", r)
	}
	whole, err := content(ixfr(t, p, first-1000))
	if diff := cmp.Diff(axfr(t, p.address(), apex), whole); err != nil || diff != "" {
		t.Errorf("a serial that is not known gets the whole zone: %v, %s", err, diff)
	}
}

// quiet reports whether copies are what they would be now.
func quiet(p *primary) error {
	before := p.serial()
	time.Sleep(700 * time.Millisecond) // longer than changes are gathered for
	if p.serial() != before {
		return errors.New("it changes")
	}
	return nil
}

// What a copy answers for a host name is up; where that changes the serial moves, and the others do not.
func TestTheSerialMovesWithTheVerdict(t *testing.T) {
	p := start(t, zonetest.Demo, open)
	other := start(t, zonetest.Demo, nil)
	eventually(t, "the first serial stays", func() error { return quiet(p) })
	before, otherBefore := p.serial(), other.serial()
	address := func() string {
		for _, l := range axfr(t, p.address(), apex) {
			if f := strings.Fields(l); f[0] == "shop."+apex && f[3] == "a" {
				return f[4]
			}
		}
		return ""
	}
	clusters := map[string]string{"198.51.100.1": "fra", "198.51.100.2": "iad", "198.51.100.3": "sin"}
	at := address()
	for _, c := range clusters {
		p.flip(c, v1.VerdictHealthy)
		other.flip(c, v1.VerdictHealthy)
	}
	p.flip(clusters[at], v1.VerdictUnhealthy)
	other.flip(clusters[at], v1.VerdictUnhealthy)
	eventually(t, "the serial moves", func() error {
		if p.serial() == before {
			return errors.New("not yet")
		}
		return nil
	})
	if now := address(); now == at || now == "" {
		t.Errorf("the copy still answers %s", now)
	}
	if other.serial() != otherBefore {
		t.Error("a zone without transfers got another serial for a verdict")
	}
}

func TestSecondariesAreNotified(t *testing.T) {
	secondary, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer secondary.Close()
	p := start(t, zonetest.Demo, func(z *v1.Zone) {
		open(z)
		z.Spec.Transfers.Notify = []v1.TransferServer{{Address: secondary.LocalAddr().String(), Key: tsigKey("xfr", "one", "")}}
	})
	next := func(silent bool) *miekg.Msg {
		t.Helper()
		buf := make([]byte, 4096)
		secondary.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, from, err := secondary.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		m := new(miekg.Msg)
		if err := m.Unpack(buf[:n]); err != nil {
			t.Fatal(err)
		}
		if err := miekg.TsigVerify(buf[:n], key1, "", false); err != nil {
			t.Errorf("the notification is not signed: %v", err)
		}
		if m.Opcode != miekg.OpcodeNotify || len(m.Question) != 1 || m.Question[0].Name != apex || m.Question[0].Qtype != miekg.TypeSOA || !m.Authoritative {
			t.Errorf("no notification: %v", m)
		}
		if !silent {
			r := new(miekg.Msg)
			r.SetReply(m)
			r.SetTsig("xfr.", miekg.HmacSHA256, 300, time.Now().Unix())
			b, _, err := miekg.TsigGenerate(r, key1, m.IsTsig().MAC, false)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := secondary.WriteTo(b, from); err != nil {
				t.Fatal(err)
			}
		}
		return m
	}
	next(true)
	m := next(false) // told again, as nothing came back
	before := m.Answer[0].(*miekg.SOA).Serial
	p.put(v1.Record{Name: "new", Type: "A", Values: []string{"192.0.2.99"}})
	for m = next(false); m.Answer[0].(*miekg.SOA).Serial == before; m = next(false) {
	}
	if got := m.Answer[0].(*miekg.SOA).Serial; got != p.serial() {
		t.Errorf("told of %d, want %d", got, p.serial())
	}
}

// BIND and Knot sign the query for the SOA with the key of the transfer.
func TestSignedQueries(t *testing.T) {
	p := start(t, zonetest.Demo, open)
	for _, network := range []string{"udp", "tcp"} {
		c := miekg.Client{Net: network, TsigSecret: map[string]string{"xfr.": key1}}
		m := question(miekg.TypeSOA)
		m.SetEdns0(1232, false)
		m.SetTsig("xfr.", miekg.HmacSHA256, 300, time.Now().Unix())
		a, _, err := c.Exchange(m, p.address())
		if err != nil || len(a.Answer) != 1 || a.IsTsig() == nil || a.Rcode != 0 || !a.Authoritative {
			t.Errorf("%s: %v, %v", network, a, err)
		}
		c.TsigSecret["xfr."] = key2
		m = question(miekg.TypeSOA)
		m.SetTsig("xfr.", miekg.HmacSHA256, 300, time.Now().Unix())
		if a, _, err = c.Exchange(m, p.address()); a == nil || a.Rcode != miekg.RcodeNotAuth || len(a.Answer) > 0 {
			t.Errorf("%s with a wrong signature: %v, %v", network, a, err)
		}
	}
	// What does not fit beside a signature is to be had over TCP.
	p.put(v1.Record{Name: "big", Type: "TXT", Values: []string{strings.Repeat("x", 200), strings.Repeat("y", 200)}})
	m := new(miekg.Msg)
	m.SetQuestion("big."+apex, miekg.TypeTXT)
	m.SetTsig("xfr.", miekg.HmacSHA256, 300, time.Now().Unix())
	c := miekg.Client{TsigSecret: map[string]string{"xfr.": key1}}
	if a, _, err := c.Exchange(m, p.address()); err != nil || !a.Truncated || a.Len() > 512 {
		t.Errorf("%v, %v", a, err)
	}
}

// A large zone comes in few messages, each of which is signed.
func TestALargeZone(t *testing.T) {
	p := start(t, zonetest.Demo, open)
	var records []v1.Record
	for i := range 4000 {
		records = append(records, v1.Record{Name: fmt.Sprintf("host-%d.rack", i), Type: "A", Values: []string{fmt.Sprintf("10.0.%d.%d", i/256, i%256)}})
	}
	records = append(records, v1.Record{Name: "huge", Type: "TYPE65280", Values: []string{`\# 8000 ` + strings.Repeat("ab", 8000)}})
	p.put(records...)
	m := new(miekg.Msg)
	m.SetAxfr(apex)
	m.SetTsig("xfr.", miekg.HmacSHA256, 300, time.Now().Unix())
	tr := &miekg.Transfer{TsigSecret: map[string]string{"xfr.": key1}}
	envelopes, err := tr.In(m, p.address())
	if err != nil {
		t.Fatal(err)
	}
	messages, count := 0, 0
	for e := range envelopes {
		if e.Error != nil {
			t.Fatal(e.Error)
		}
		messages, count = messages+1, count+len(e.RR)
	}
	if count < 4000 || messages > 20 {
		t.Errorf("%d records in %d messages", count, messages)
	}
}

// Messages that nothing answers do not hold up what comes behind them on the connection, and the order
// of answers is that of the questions.
func TestAConnectionGoesOn(t *testing.T) {
	p := start(t, zonetest.Demo, open)
	c, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var all bytes.Buffer
	var want []uint16
	for i, m := range []*miekg.Msg{question(miekg.TypeSOA), question(miekg.TypeAXFR), question(miekg.TypeNS), new(miekg.Msg).SetNotify(apex), question(miekg.TypeMX)} {
		m.Id = uint16(i)
		b, _ := m.Pack()
		all.Write([]byte{byte(len(b) >> 8), byte(len(b))})
		all.Write(b)
		want = append(want, m.Id)
	}
	if _, err := c.Write(all.Bytes()); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	var got []uint16
	for range want {
		m, err := (&miekg.Conn{Conn: c}).ReadMsg()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Id)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
