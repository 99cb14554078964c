package update_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/engine"
	"github.com/seaway-io/seaway/dns/tsig"
	"github.com/seaway-io/seaway/dns/update"
)

const (
	key1 = "c2Vhd2F5LXRlc3Qta2V5LW9uZS1zZWF3YXk="
	key2 = "c2Vhd2F5LXRlc3Qta2V5LXR3by1zZWF3YXk="
)

// store is a hub in memory.
type store struct {
	mu      sync.Mutex
	secrets map[string]string
	records *v1.ZoneRecords
	version int
	reads   int   // of secrets
	away    error // the hub is out of reach
	meddle  int   // so often somebody else writes between a read and a write
}

func (s *store) Secret(_ context.Context, ref v1.SecretKeyRef) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	text, ok := s.secrets[ref.Name]
	if s.away != nil || !ok {
		return nil, errors.Join(s.away, errors.New("not there"))
	}
	return []byte(text + "\n"), nil
}

func (s *store) Records(_ context.Context, name string) (*v1.ZoneRecords, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.away != nil:
		return nil, s.away
	case s.records == nil:
		return nil, apierrors.NewNotFound(schema.GroupResource{}, name)
	}
	return s.records.DeepCopy(), nil
}

func (s *store) SetRecords(_ context.Context, r *v1.ZoneRecords) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.away != nil:
		return s.away
	case r.ResourceVersion == "" && s.records != nil:
		return apierrors.NewAlreadyExists(schema.GroupResource{}, r.Name)
	case s.meddle > 0:
		s.meddle--
		s.version++
		fallthrough
	case s.records != nil && r.ResourceVersion != fmt.Sprint(s.version):
		if s.records != nil {
			s.records.ResourceVersion = fmt.Sprint(s.version)
		}
		return apierrors.NewConflict(schema.GroupResource{}, r.Name, errors.New("somebody was faster"))
	}
	s.version++
	s.records = r.DeepCopy()
	s.records.ResourceVersion = fmt.Sprint(s.version)
	return nil
}

// texts are the records that are kept.
func (s *store) texts() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records != nil {
		for _, r := range s.records.Spec.Records {
			out = append(out, r.Name+" "+r.Type+" "+strings.Join(r.Values, " "))
		}
	}
	slices.Sort(out)
	return out
}

// serve answers updates on a port, behind the DNS library's own sockets.
func serve(t *testing.T) (*store, string) {
	in := zonetest.Input(t, zonetest.Demo)
	in.Zones[0].Spec.Updates = &v1.Updates{Keys: []v1.UpdateKey{
		{Name: "acme", SecretRef: v1.SecretKeyRef{Name: "acme", Key: "secret"}},
		{Name: "external-dns", Algorithm: v1.TSIGHMACSHA512, SecretRef: v1.SecretKeyRef{Name: "external-dns", Key: "secret"},
			Grants: []v1.UpdateGrant{{Names: []string{"*.dev"}, Types: []string{"A", "AAAA", "CNAME", "TXT"}}}},
		{Name: "lost", SecretRef: v1.SecretKeyRef{Name: "lost", Key: "secret"}},
	}}
	s := &store{secrets: map[string]string{"acme": key1, "external-dns": key2}}
	snapshot := zone.Compile(in)
	h := update.New(update.Options{
		Store: s, Keys: tsig.NewRing(s.Secret), Snapshot: func() *zone.Snapshot { return snapshot },
		Objects: func() engine.Objects { return engine.Objects{Zones: in.Zones, Plans: in.Plans} },
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	// nsupdate asks for the SOA of the zone before it sends anything unless it is told both.
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	go func() {
		buf := make([]byte, 65535)
		for {
			n, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			h.Later(context.Background(), buf[:n], from.(*net.UDPAddr).AddrPort().Addr(), func(out []byte) error {
				_, err := u.WriteTo(out, from)
				return err
			})
		}
	}()
	return s, u.LocalAddr().String()
}

const apex = "apps.example.com."

func rr(t *testing.T, text string) dns.RR {
	t.Helper()
	r, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func challenge(t *testing.T, text string) *dns.Msg {
	m := new(dns.Msg)
	m.SetUpdate(apex)
	m.SetEdns0(1232, false)
	m.Insert([]dns.RR{rr(t, "_acme-challenge.shop."+apex+` 60 TXT "`+text+`"`)})
	return m
}

// send signs and sends as cert-manager and lego do; the client checks the signature of the answer.
func send(t *testing.T, to string, m *dns.Msg, key, algorithm, secret string) (*dns.Msg, error) {
	t.Helper()
	c := dns.Client{Timeout: 5 * time.Second}
	if key != "" {
		c.TsigSecret = map[string]string{key + ".": secret}
		m.SetTsig(key+".", algorithm, 300, time.Now().Unix())
	}
	out, _, err := c.Exchange(m, to)
	return out, err
}

func why(m *dns.Msg) string {
	if o := m.IsEdns0(); o != nil {
		for _, e := range o.Option {
			if e, ok := e.(*dns.EDNS0_EDE); ok {
				return e.ExtraText
			}
		}
	}
	return ""
}

func TestUpdates(t *testing.T) {
	s, to := serve(t)
	m, err := send(t, to, challenge(t, "one"), "acme", dns.HmacSHA256, key1)
	if err != nil || m.Rcode != 0 || m.IsTsig() == nil {
		t.Fatalf("%v, %v", m, err)
	}
	if _, err := send(t, to, challenge(t, "two"), "acme", dns.HmacSHA256, key1); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"_acme-challenge.shop TXT one two"}, s.texts()); diff != "" {
		t.Fatal(diff)
	}
	remove := new(dns.Msg)
	remove.SetUpdate(apex)
	remove.Remove([]dns.RR{rr(t, "_acme-challenge.shop."+apex+` 60 TXT "one"`)})
	if m, err := send(t, to, remove, "acme", dns.HmacSHA256, key1); err != nil || m.Rcode != 0 {
		t.Fatalf("%v, %v", m, err)
	}
	if diff := cmp.Diff([]string{"_acme-challenge.shop TXT two"}, s.texts()); diff != "" {
		t.Fatal(diff)
	}
	if s.reads != 1 {
		t.Errorf("the key was read %d times", s.reads)
	}
}

func TestWhoMayNotUpdate(t *testing.T) {
	s, to := serve(t)
	for name, c := range map[string]struct {
		change                 func(*dns.Msg)
		key, algorithm, secret string
		rcode                  int
		flaw                   uint16
		why                    string
	}{
		"not signed":        {nil, "", "", "", dns.RcodeRefused, 0, "signed with a key"},
		"unknown key":       {nil, "nobody", dns.HmacSHA256, key1, dns.RcodeNotAuth, dns.RcodeBadKey, "no such key"},
		"another algorithm": {nil, "acme", dns.HmacSHA512, key1, dns.RcodeNotAuth, dns.RcodeBadKey, "no such key"},
		"a weak algorithm":  {nil, "acme", dns.HmacSHA1, key1, dns.RcodeNotAuth, dns.RcodeBadKey, "no such key"},
		"wrong secret":      {nil, "acme", dns.HmacSHA256, key2, dns.RcodeNotAuth, dns.RcodeBadSig, "signature"},
		"no secret":         {nil, "lost", dns.HmacSHA256, key1, dns.RcodeServerFailure, 0, "cannot be read"},
		"another zone":      {func(m *dns.Msg) { m.Question[0].Name = "example.org." }, "acme", dns.HmacSHA256, key1, dns.RcodeNotAuth, 0, "no zone"},
		"below the zone":    {func(m *dns.Msg) { m.Question[0].Name = "www." + apex }, "acme", dns.HmacSHA256, key1, dns.RcodeNotAuth, 0, "no zone"},
		"no zone section":   {func(m *dns.Msg) { m.Question = nil }, "acme", dns.HmacSHA256, key1, dns.RcodeFormatError, 0, "one SOA"},
		"not granted": {func(m *dns.Msg) { m.Insert([]dns.RR{rr(t, "www."+apex+" 60 A 192.0.2.1")}) }, "acme", dns.HmacSHA256, key1,
			dns.RcodeRefused, 0, "may not change A of www.apps.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			m := challenge(t, "x")
			if c.change != nil {
				c.change(m)
			}
			got, err := send(t, to, m, c.key, c.algorithm, c.secret)
			if got == nil || got.Rcode != c.rcode || !strings.Contains(why(got), c.why) {
				t.Fatalf("%v, %v", got, err)
			}
			if ts := got.IsTsig(); c.flaw != 0 && (ts == nil || ts.Error != c.flaw) {
				t.Errorf("the answer's signature says %v", ts)
			}
		})
	}
	if got := s.texts(); got != nil {
		t.Errorf("something was written: %v", got)
	}
	old := challenge(t, "x")
	c := dns.Client{TsigSecret: map[string]string{"acme.": key1}}
	old.SetTsig("acme.", dns.HmacSHA256, 300, time.Now().Add(-time.Hour).Unix())
	if m, _, _ := c.Exchange(old, to); m == nil || m.Rcode != dns.RcodeNotAuth || m.IsTsig().Error != dns.RcodeBadTime || m.IsTsig().MACSize == 0 {
		t.Errorf("an old request: %v", m)
	}
}

func TestUpdatesNeedTheHub(t *testing.T) {
	s, to := serve(t)
	if _, err := send(t, to, challenge(t, "one"), "acme", dns.HmacSHA256, key1); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.away = errors.New("connection refused")
	s.mu.Unlock()
	m, err := send(t, to, challenge(t, "two"), "acme", dns.HmacSHA256, key1)
	if err != nil || m.Rcode != dns.RcodeServerFailure || !strings.Contains(why(m), "needs the hub") {
		t.Fatalf("%v, %v", m, err)
	}
}

// Two servers may write at once: each decides on what the other has written.
func TestTheFasterOneIsHeeded(t *testing.T) {
	s, to := serve(t)
	if _, err := send(t, to, challenge(t, "one"), "acme", dns.HmacSHA256, key1); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.meddle = 3
	s.mu.Unlock()
	if m, err := send(t, to, challenge(t, "two"), "acme", dns.HmacSHA256, key1); err != nil || m.Rcode != 0 {
		t.Fatalf("%v, %v", m, err)
	}
	if diff := cmp.Diff([]string{"_acme-challenge.shop TXT one two"}, s.texts()); diff != "" {
		t.Fatal(diff)
	}
	s.mu.Lock()
	s.meddle = 100
	s.mu.Unlock()
	if m, err := send(t, to, challenge(t, "three"), "acme", dns.HmacSHA256, key1); err != nil || m.Rcode != dns.RcodeServerFailure {
		t.Fatalf("%v, %v", m, err)
	}
}

// A key that was replaced is read again when a signature does not fit, but not for every guess.
func TestKeysAreReadAgain(t *testing.T) {
	s, to := serve(t)
	for range 20 {
		_, _ = send(t, to, challenge(t, "x"), "acme", dns.HmacSHA256, key2)
	}
	if s.reads != 1 {
		t.Errorf("guesses made the key be read %d times", s.reads)
	}
}

// external-dns replaces records of a name and keeps a TXT record of its own beside them.
func TestLikeExternalDNS(t *testing.T) {
	s, to := serve(t)
	step := func(remove, insert []string) {
		t.Helper()
		m := new(dns.Msg)
		m.SetUpdate(apex)
		for _, text := range remove {
			m.Remove([]dns.RR{rr(t, text)})
		}
		for _, text := range insert {
			m.Insert([]dns.RR{rr(t, text)})
		}
		got, err := send(t, to, m, "external-dns", dns.HmacSHA512, key2)
		if err != nil || got.Rcode != 0 {
			t.Fatalf("%v, %v", got, err)
		}
	}
	owner := "a-web.dev." + apex + ` 0 TXT "heritage=external-dns,external-dns/owner=me"`
	step(nil, []string{"web.dev." + apex + " 300 A 192.0.2.1", owner})
	step([]string{"web.dev." + apex + " 300 A 192.0.2.1", owner}, []string{"web.dev." + apex + " 300 A 192.0.2.2", owner})
	if diff := cmp.Diff([]string{"a-web.dev TXT heritage=external-dns,external-dns/owner=me", "web.dev A 192.0.2.2"}, s.texts()); diff != "" {
		t.Fatal(diff)
	}
	step([]string{"web.dev." + apex + " 300 A 192.0.2.2", owner}, nil)
	if got := s.texts(); got != nil {
		t.Fatal(got)
	}
}

func TestNsupdate(t *testing.T) {
	path, err := exec.LookPath("nsupdate")
	if err != nil {
		t.Skip("nsupdate is missing: package bind9-dnsutils")
	}
	s, to := serve(t)
	at := netip.MustParseAddrPort(to)
	run := func(commands string) (string, error) {
		c := exec.Command(path, "-t", "5", "-y", "hmac-sha256:acme:"+key1)
		c.Stdin = strings.NewReader(fmt.Sprintf("server %s %d\nzone %s\n%ssend\n", at.Addr(), at.Port(), apex, commands))
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if out, err := run("update add _acme-challenge." + apex + " 60 TXT token\nupdate add _acme-challenge.www." + apex + " 60 TXT \"two words\"\n"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff([]string{"_acme-challenge TXT token", "_acme-challenge.www TXT two words"}, s.texts()); diff != "" {
		t.Fatal(diff)
	}
	if out, err := run("prereq nxrrset _acme-challenge." + apex + " TXT\nupdate delete _acme-challenge." + apex + "\n"); err == nil || !strings.Contains(out, "YXRRSET") {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := run("prereq yxrrset _acme-challenge." + apex + " TXT token\nupdate delete _acme-challenge." + apex + "\n"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := run("update add www." + apex + " 60 A 192.0.2.1\n"); err == nil || !strings.Contains(out, "REFUSED") {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff([]string{"_acme-challenge.www TXT two words"}, s.texts()); diff != "" {
		t.Fatal(diff)
	}
}

func FuzzHandle(f *testing.F) {
	in := zonetest.Input(f, zonetest.Demo)
	in.Zones[0].Spec.Updates = &v1.Updates{Keys: []v1.UpdateKey{{Name: "acme", SecretRef: v1.SecretKeyRef{Name: "acme"}}}}
	snapshot := zone.Compile(in)
	secrets := &store{secrets: map[string]string{"acme": key1}}
	h := update.New(update.Options{Store: secrets, Keys: tsig.NewRing(secrets.Secret), Snapshot: func() *zone.Snapshot { return snapshot },
		Objects: func() engine.Objects { return engine.Objects{Zones: in.Zones} }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	m := new(dns.Msg)
	m.SetUpdate(apex)
	b, _ := m.Pack()
	f.Add(b)
	m.SetTsig("acme.", dns.HmacSHA256, 300, time.Now().Unix())
	b, _, _ = dns.TsigGenerate(m, key1, "", false)
	f.Add(b)
	f.Fuzz(func(t *testing.T, msg []byte) {
		out := h.Handle(context.Background(), msg, netip.MustParseAddr("192.0.2.1"))
		if out == nil {
			if update.Is(msg) {
				t.Fatal("no answer")
			}
			return
		}
		if len(out) < 12 || out[0] != msg[0] || out[1] != msg[1] || out[2]&0x80 == 0 {
			t.Fatalf("no answer to this: %x", out)
		}
	})
}
