package transfer

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	miekg "github.com/miekg/dns"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

func acme(z *v1.Zone) {
	z.Spec.Updates = &v1.Updates{Keys: []v1.UpdateKey{{Name: "acme", SecretRef: v1.SecretKeyRef{Name: "one", Key: "key"}}}}
}

func texts(t *testing.T, p *primary) (out []string) {
	t.Helper()
	q := new(miekg.Msg)
	q.SetQuestion("_acme-challenge.shop."+apex, miekg.TypeTXT)
	a, err := miekg.Exchange(q, p.address())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range a.Answer {
		out = append(out, r.(*miekg.TXT).Txt...)
	}
	slices.Sort(out)
	return out
}

func TestUpdatesOnTheSockets(t *testing.T) {
	p := start(t, zonetest.Demo, acme)
	var want []string
	for _, network := range []string{"udp", "tcp", "tcp-tls", "quic"} {
		c := miekg.Client{Net: network, TsigSecret: map[string]string{"acme.": key1}}
		to := p.address()
		if network == "tcp-tls" {
			c.TLSConfig, to = insecure(), p.sockets.TLSAddresses()[0].String()
		}
		send := func(secret string) (*miekg.Msg, error) {
			m := new(miekg.Msg)
			m.SetUpdate(apex)
			rr, err := miekg.NewRR("_acme-challenge.shop." + apex + " 60 TXT " + network)
			if err != nil {
				t.Fatal(err)
			}
			m.Insert([]miekg.RR{rr})
			if network == "quic" {
				m.Id = 0
			}
			m.SetTsig("acme.", miekg.HmacSHA256, 300, time.Now().Unix())
			c.TsigSecret["acme."] = secret
			if network == "quic" {
				a, _, err := c.ExchangeWithConn(m, overQUIC(t, p))
				return a, err
			}
			a, _, err := c.Exchange(m, to)
			return a, err
		}
		if a, err := send(key2); a == nil || a.Rcode != miekg.RcodeNotAuth || err == nil {
			t.Errorf("%s with a wrong signature: %v, %v", network, a, err)
		}
		if diff := cmp.Diff(want, texts(t, p)); diff != "" {
			t.Errorf("%s: %s", network, diff)
		}
		if a, err := send(key1); err != nil || a.Rcode != 0 || a.IsTsig() == nil {
			t.Errorf("%s: %v, %v", network, a, err)
		}
		want = append(want, network)
		slices.Sort(want)
		if diff := cmp.Diff(want, texts(t, p)); diff != "" {
			t.Errorf("%s: %s", network, diff)
		}
	}
	m := new(miekg.Msg)
	m.SetUpdate(apex)
	if a, err := miekg.Exchange(m, p.address()); err != nil || a.Rcode != miekg.RcodeRefused {
		t.Errorf("without a signature: %v, %v", a, err)
	}
}

func TestNsupdate(t *testing.T) {
	path := find(t, "nsupdate")
	p := start(t, zonetest.Demo, acme)
	run := func(lines string, args ...string) (string, error) {
		c := exec.Command(path, append(args, "-y", "hmac-sha256:acme:"+key1)...)
		c.Stdin = strings.NewReader(fmt.Sprintf("server 127.0.0.1 %d\n%s\nsend\n", p.port(), lines))
		b, err := c.CombinedOutput()
		return string(b), err
	}
	// It finds the zone by itself.
	for i, args := range [][]string{nil, {"-v"}} {
		if out, err := run(fmt.Sprintf("update add _acme-challenge.shop.apps.example.com 60 TXT proof%d", i), args...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if diff := cmp.Diff([]string{"proof0", "proof1"}, texts(t, p)); diff != "" {
		t.Error(diff)
	}
	if out, err := run("update add www.apps.example.com 60 A 192.0.2.66"); err == nil || !strings.Contains(out, "REFUSED") {
		t.Errorf("a change that is not granted: %v: %s", err, out)
	}
	if out, err := run("update delete _acme-challenge.shop.apps.example.com TXT", "-v"); err != nil || len(texts(t, p)) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
