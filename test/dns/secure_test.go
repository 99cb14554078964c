package dns

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/accept"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/engine"
	"github.com/seaway-io/seaway/dns/feed"
	"github.com/seaway-io/seaway/dns/server"
)

// tool is the path of a program that validates. Where it is missing the test is skipped, unless
// SEAWAY_DNS_TOOLS says that they all have to be there.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	if os.Getenv("SEAWAY_DNS_TOOLS") == "required" {
		t.Fatalf("%s is missing: make dns-tools", name)
	}
	t.Skipf("%s is missing: make dns-tools", name)
	return ""
}

// signedZone has everything that is signed in a way of its own, and short TTLs.
const signedZone = `
kind: Zone
metadata: {name: apps}
spec:
  domain: apps.example.com
  nameServers: [{name: ns1.apps.example.com, addresses: [192.0.2.53]}]
  ttl: 1s
  soa: {negativeTTL: 1s}
  records:
  - {name: www, type: A, values: [192.0.2.10, 192.0.2.11]}
  - {name: www, type: TXT, values: [hello]}
  - {name: "@", type: MX, values: ["10 www.apps.example.com"]}
  - {name: alias, type: CNAME, values: [www.apps.example.com]}
  - {name: alias2, type: CNAME, values: [alias.apps.example.com]}
  - {name: nowhere, type: CNAME, values: [missing.apps.example.com]}
  - {name: towild, type: CNAME, values: [x.wild.apps.example.com]}
  - {name: "*.wild", type: TXT, values: [wild]}
  - {name: "*.aliases", type: CNAME, values: [www.apps.example.com]}
  - {name: a.b.c.ent, type: A, values: [192.0.2.20]}
  - {name: child, type: NS, values: [ns.child.apps.example.com]}
  - {name: ns.child, type: A, values: [127.0.0.1]}
---
kind: TrafficPlan
metadata: {name: shop, namespace: shop}
spec:
  policy: {uid: u, generation: 1}
  hostnames: [shop.apps.example.com, "*.tenants.apps.example.com"]
  ttlSeconds: 1
  maxAnswers: 2
  check: {protocol: TCP, interval: 1s, timeout: 500ms, unhealthyAfter: 2, healthyAfter: 2}
  endpoints:
  - {cluster: fra, addresses: [198.51.100.1, 198.51.100.2, 198.51.100.3], port: 80, readyReplicas: 1, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  - {cluster: iad, addresses: [198.51.100.9, "2001:db8::9"], port: 80, readyReplicas: 1, state: Serving, reason: Healthy, since: null, sharePercent: 100}
  tiers:
  - {clusters: [{name: fra, weight: 100}]}
  - {clusters: [{name: iad, weight: 100}]}
`

// questions that are put again and again, with what is to come of them.
var questions = []struct {
	name, rrtype string
	records      bool
}{
	{"www", "A", true}, {"www", "TXT", true}, {"", "MX", true}, {"", "SOA", true}, {"", "NS", true}, {"", "DNSKEY", true},
	{"alias2", "A", true}, {"x.aliases", "A", true}, {"towild", "TXT", true}, {"y.z.wild", "TXT", true},
	{"shop", "A", true}, {"acme.tenants", "A", true},
	{"www", "AAAA", false}, {"shop", "MX", false}, {"b.c.ent", "A", false}, {"y.wild", "A", false}, {"alias", "MX", false},
	{"nope", "A", false}, {"a.b.nope", "TXT", false}, {"nowhere", "A", false}, {"acme.tenants", "TXT", false},
}

func full(name string) string { return strings.TrimPrefix(name+".apps.example.com", ".") }

// live is an engine behind sockets, whose keys can change.
type live struct {
	engine  *engine.Engine
	objects engine.Objects
	address netip.AddrPort
}

func startLive(t *testing.T, documents string) *live {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	l := &live{engine: engine.New(engine.Options{VantagePoint: "ns1", Places: zonetest.Places(), Log: log}, nil)}
	t.Cleanup(l.engine.Close)
	in := zonetest.Input(t, documents)
	l.objects = engine.Objects{Zones: in.Zones, Plans: in.Plans, RegionMaps: in.RegionMaps}
	l.engine.SetObjects(l.objects)
	identity, err := answer.NewIdentity("", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Listen(server.Options{Addresses: []string{"127.0.0.1:0"}, Rules: &accept.Rules{Identity: identity}, Snapshot: l.engine.Snapshot, Workers: 2, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	l.address = s.Addresses()[0]
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

// use signs with other keys from now on.
func (l *live) use(t *testing.T, data map[string][]byte) *dnssec.Ring {
	t.Helper()
	ring, err := dnssec.ParseRing(data)
	if err != nil {
		t.Fatal(err)
	}
	l.objects.Keys = map[string]*dnssec.Ring{ring.Domain: ring}
	l.engine.SetObjects(l.objects)
	return ring
}

// delv validates an answer by a key and returns what it says.
func delv(t *testing.T, program string, at netip.AddrPort, anchor, name, rrtype string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "@"+at.Addr().String(), "-p", fmt.Sprint(at.Port()), "-a", anchor, "+root=apps.example.com", name, rrtype).CombinedOutput()
	if err != nil {
		t.Errorf("delv %s %s: %v", name, rrtype, err)
	}
	return string(out)
}

// anchorFile is a file that has delv trust keys.
func anchorFile(t *testing.T, keys []*dnssec.Key) string {
	t.Helper()
	text := "trust-anchors {\n"
	for _, k := range keys {
		ds := k.DS()
		text += fmt.Sprintf("  %q static-ds %d %d %d %q;\n", "apps.example.com", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
	}
	path := filepath.Join(t.TempDir(), "anchors")
	if err := os.WriteFile(path, []byte(text+"};\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDelvValidates(t *testing.T) {
	program := tool(t, "delv")
	for name, kinds := range map[string][]dnssec.Kind{
		"one key":           {{Role: dnssec.CSK, Algorithm: miekg.ECDSAP256SHA256}},
		"two keys, Ed25519": {{Role: dnssec.KSK, Algorithm: miekg.ED25519}, {Role: dnssec.ZSK, Algorithm: miekg.ED25519}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLive(t, signedZone)
			ring := l.use(t, zonetest.KeyData(t, "apps.example.com", kinds...))
			anchor := anchorFile(t, ring.Entry)
			for _, q := range questions {
				want := "; fully validated"
				if !q.records {
					want = "; negative response, fully validated"
				}
				// delv names what it validated of a chain one by one.
				if got := delv(t, program, l.address, anchor, full(q.name), q.rrtype); !strings.Contains(got, "fully validated") || strings.Contains(got, "unsigned") ||
					!strings.Contains(got, want) && q.name != "nowhere" && q.name != "alias" {
					t.Errorf("%s %s: %s", q.name, q.rrtype, got)
				}
			}
		})
	}
}

// The hub is away, and the server starts anew: from what is on disk it answers as before.
func TestSignedWithoutTheHub(t *testing.T) {
	program := tool(t, "delv")
	data := zonetest.KeyData(t, "apps.example.com", dnssec.Kind{Role: dnssec.CSK, Algorithm: miekg.ECDSAP256SHA256})
	ring, err := dnssec.ParseRing(data)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, signedZone, func(o *dns.Options) {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "keys", Name: "zone-keys-apps", UID: "u"}, Data: data}
		if err := feed.SaveKeys(o.StateDir, 1, []*corev1.Secret{secret}); err != nil {
			t.Fatal(err)
		}
	})
	for _, q := range []string{"www", "nope"} {
		if got := delv(t, program, s.Addresses()[0], anchorFile(t, ring.Entry), full(q), "A"); !strings.Contains(got, "fully validated") {
			t.Error(got)
		}
	}
}

// parentZone is example.com: it delegates apps.example.com, with DS records that can change.
type parentZone struct {
	t       *testing.T
	key     *dnssec.Key
	address netip.AddrPort

	mu sync.Mutex
	ds []miekg.RR
}

func startParent(t *testing.T) *parentZone {
	k := &miekg.DNSKEY{Hdr: miekg.RR_Header{Name: "example.com.", Rrtype: miekg.TypeDNSKEY, Class: miekg.ClassINET, Ttl: 3600}, Flags: 257, Protocol: 3, Algorithm: miekg.ECDSAP256SHA256}
	private, err := k.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	p := &parentZone{t: t}
	if p.key, err = dnssec.ParseKey(k.String(), k.PrivateKeyString(private)); err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	s := &miekg.Server{PacketConn: conn, Handler: p}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.ActivateAndServe() }()
	t.Cleanup(func() { _ = s.Shutdown(); <-done })
	return p
}

// have has the parent vouch for keys.
func (p *parentZone) have(keys ...*dnssec.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ds = nil
	for _, k := range keys {
		ds := k.DS()
		ds.Hdr.Ttl = 1
		p.ds = append(p.ds, ds)
	}
}

func (p *parentZone) record(text string) miekg.RR {
	rr, err := miekg.NewRR(text)
	if err != nil {
		panic(err)
	}
	return rr
}

// signed are records and their signature.
func (p *parentZone) signed(records ...miekg.RR) []miekg.RR {
	now := time.Now()
	sig, err := p.key.Sign(slices.Clone(records), dnssec.Period{Inception: now.Add(-time.Hour), Expiration: now.Add(time.Hour)})
	if err != nil {
		panic(err)
	}
	return append(records, sig)
}

// ServeDNS implements dns.Handler.
func (p *parentZone) ServeDNS(w miekg.ResponseWriter, q *miekg.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := new(miekg.Msg).SetReply(q)
	m.SetEdns0(1232, true)
	m.Authoritative = true
	soa := p.record("example.com. 1 IN SOA ns.example.com. h.example.com. 1 3600 600 86400 1")
	name, rrtype := strings.ToLower(q.Question[0].Name), q.Question[0].Qtype
	below := miekg.IsSubDomain("apps.example.com.", name)
	proof := func() []miekg.RR {
		return p.signed(p.record(`apps.example.com. 1 IN NSEC \000.apps.example.com. NS RRSIG NSEC`))
	}
	switch {
	case name == "apps.example.com." && rrtype == miekg.TypeDS && len(p.ds) > 0:
		m.Answer = p.signed(slices.Clone(p.ds)...)
	case name == "apps.example.com." && rrtype == miekg.TypeDS:
		m.Ns = append(p.signed(soa), proof()...)
	case below:
		m.Authoritative = false
		m.Ns = []miekg.RR{p.record("apps.example.com. 1 IN NS ns1.apps.example.com.")}
		if len(p.ds) > 0 {
			m.Ns = append(m.Ns, p.signed(slices.Clone(p.ds)...)...)
		} else {
			m.Ns = append(m.Ns, proof()...)
		}
		m.Extra = append(m.Extra, p.record("ns1.apps.example.com. 1 IN A 127.0.0.1"))
	case name == "example.com." && rrtype == miekg.TypeDNSKEY:
		m.Answer = p.signed(p.key.DNSKEY)
	case name == "example.com." && rrtype == miekg.TypeSOA:
		m.Answer = p.signed(soa)
	case name == "example.com." && rrtype == miekg.TypeNS:
		m.Answer = p.signed(p.record("example.com. 1 IN NS ns.example.com."))
	default:
		m.Ns = append(p.signed(soa), p.signed(p.record(name+" 1 IN NSEC "+`\000.`+name+" RRSIG NSEC"))...)
	}
	_ = w.WriteMsg(m)
}

// resolver is an unbound that validates from the parent's key on.
type resolver struct {
	t       *testing.T
	address netip.AddrPort
}

func startResolver(t *testing.T, p *parentZone, stubs map[string]netip.AddrPort) *resolver {
	t.Helper()
	program := tool(t, "unbound")
	dir := t.TempDir()
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &resolver{t: t, address: free.LocalAddr().(*net.UDPAddr).AddrPort()}
	free.Close()
	config := fmt.Sprintf(`
server:
  directory: %q
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  interface: 127.0.0.1
  port: %d
  do-ip6: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor: %q
  val-log-level: 2
  verbosity: 1
  use-caps-for-id: yes
  aggressive-nsec: yes
  qname-minimisation: no
remote-control:
  control-enable: no
`, dir, r.address.Port(), strings.Join(strings.Fields(p.key.DS().String()), " "))
	stub := func(name string, at netip.AddrPort) string {
		return fmt.Sprintf("stub-zone:\n  name: %q\n  stub-addr: %s@%d\n", name, at.Addr(), at.Port())
	}
	config += stub("example.com", p.address)
	for name, at := range stubs {
		config += stub(name, at)
	}
	path := filepath.Join(dir, "unbound.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(program, "-d", "-c", path)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Log(string(text))
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		if m := r.ask("example.com", miekg.TypeSOA); m != nil && m.AuthenticatedData {
			return r
		}
	}
	t.Fatal("unbound does not answer")
	return nil
}

// ask asks the resolver; nil if it does not answer in time.
func (r *resolver) ask(name string, rrtype uint16) *miekg.Msg {
	m := new(miekg.Msg)
	m.SetQuestion(miekg.Fqdn(name), rrtype)
	m.SetEdns0(1232, true)
	c := &miekg.Client{Timeout: 2 * time.Second}
	answer, _, err := c.Exchange(m, r.address.String())
	if err != nil {
		return nil
	}
	return answer
}

// check puts all questions, and says what is wrong with the answers.
func (r *resolver) check(secure bool) string {
	for _, q := range questions {
		m := r.ask(full(q.name), miekg.StringToType[q.rrtype])
		if !secure && q.rrtype == "DNSKEY" {
			continue
		}
		switch {
		case m == nil:
			return fmt.Sprintf("%s %s: no answer", q.name, q.rrtype)
		case m.Rcode == miekg.RcodeServerFailure:
			return fmt.Sprintf("%s %s is bogus: %v", q.name, q.rrtype, m)
		case m.AuthenticatedData != secure && secure:
			return fmt.Sprintf("%s %s is not secure: %v", q.name, q.rrtype, m)
		case (len(lines(m.Answer)) > 0) != q.records && q.name != "nowhere" && q.name != "alias":
			return fmt.Sprintf("%s %s: %v", q.name, q.rrtype, m)
		}
	}
	return ""
}

func TestResolverValidates(t *testing.T) {
	l, p := startLive(t, signedZone), startParent(t)
	child := startLive(t, "kind: Zone\nmetadata: {name: child}\nspec:\n  domain: child.apps.example.com\n  nameServers: [{name: ns.child.apps.example.com, addresses: [127.0.0.1]}]\n"+
		"  records: [{name: www, type: A, values: [192.0.2.77]}]\n")
	ring := l.use(t, zonetest.KeyData(t, "apps.example.com", dnssec.Kind{Role: dnssec.CSK, Algorithm: miekg.ECDSAP256SHA256}))
	p.have(ring.Entry...)
	r := startResolver(t, p, map[string]netip.AddrPort{"apps.example.com": l.address, "child.apps.example.com": child.address})
	if bad := r.check(true); bad != "" {
		t.Fatal(bad)
	}
	// What is delegated without DS is insecure, and there is a proof of that.
	if m := r.ask("www.child.apps.example.com", miekg.TypeA); m == nil || m.Rcode != miekg.RcodeSuccess || len(m.Answer) != 1 || m.AuthenticatedData {
		t.Errorf("unsigned child: %v", m)
	}
	if m := r.ask("child.apps.example.com", miekg.TypeDS); m == nil || !m.AuthenticatedData || len(m.Answer) > 0 {
		t.Errorf("no DS: %v", m)
	}
	// A cluster fails: the answers of the other one were signed long before.
	l.engine.SetVerdict(verdict.Key{Namespace: "shop", Plan: "shop", Cluster: "fra"}, verdict.State{Verdict: trafficv1alpha1.VerdictUnhealthy, Since: time.Now()})
	deadline, tick := time.Now().Add(patience), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		m := r.ask("shop.apps.example.com", miekg.TypeA)
		if m == nil || !m.AuthenticatedData || len(lines(m.Answer)) == 0 {
			t.Fatalf("after a failover: %v", m)
		}
		if slices.ContainsFunc(lines(m.Answer), func(s string) bool { return s == "A 198.51.100.9" }) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("never failed over: %v", m)
		}
	}
	if m := r.ask("shop.apps.example.com", miekg.TypeAAAA); m == nil || !m.AuthenticatedData || len(lines(m.Answer)) == 0 {
		t.Errorf("AAAA: %v", m)
	}
	// A resolver that knows the keys refuses what is not signed with them.
	l.use(t, zonetest.KeyData(t, "apps.example.com", dnssec.Kind{Role: dnssec.CSK, Algorithm: miekg.ECDSAP256SHA256}))
	for deadline := time.Now().Add(patience); ; <-tick.C {
		if m := r.ask("www.apps.example.com", miekg.TypeA); m != nil && m.Rcode == miekg.RcodeServerFailure {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the resolver believes anything")
		}
	}
}
