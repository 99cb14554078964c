package dns

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/dnssec"
)

// life runs the keys of a zone at a pace at which caches forget in seconds. All steps are those that
// dnssec.Next decides, and the parent does what CDS records ask it to.
type life struct {
	*testing.T
	live     *live
	parent   *parentZone
	resolver *resolver
	policy   dnssec.Policy
	state    dnssec.State
	texts    map[string][2]string
	version  string
	ring     *dnssec.Ring
	plan     dnssec.Plan
	ds       []string // IDs that the parent vouches for
	since    time.Time
}

func newLife(t *testing.T, kinds ...dnssec.Kind) *life {
	l := &life{T: t, live: startLive(t, signedZone), parent: startParent(t), texts: map[string][2]string{}}
	l.state.Domain = "apps.example.com"
	// A cache keeps what has a TTL of 1 for a little less than 2 seconds.
	l.policy = dnssec.Policy{Keys: kinds, Lifetime: map[dnssec.Role]time.Duration{}, Propagation: 300 * time.Millisecond, KeyTTL: 2 * time.Second, MaxTTL: 2 * time.Second}
	return l
}

// watch starts the resolver that is to notice nothing.
func (l *life) watch() {
	l.resolver = startResolver(l.T, l.parent, map[string]netip.AddrPort{"apps.example.com": l.live.address})
}

// step decides and serves.
func (l *life) step() {
	now := time.Now()
	parent := dnssec.Parent{Checked: now, Anywhere: l.ds, Everywhere: l.ds, TTL: 2 * time.Second}
	for {
		l.plan = dnssec.Next(l.policy, l.state.Keys, parent, now)
		l.state.Keys, l.state.Delete = l.plan.Keys, l.plan.Delete
		for _, k := range l.plan.Make {
			k.ID = l.make(k.Kind)
			l.state.Keys = append(l.state.Keys, k)
		}
		if len(l.plan.Make) == 0 {
			break
		}
	}
	if l.state.Version() != l.version {
		l.state.Decide(now)
		l.version = l.state.Version()
		l.ring = l.live.use(l.T, l.data())
	}
}

func (l *life) make(kind dnssec.Kind) string {
	k := &miekg.DNSKEY{Hdr: miekg.RR_Header{Name: "apps.example.com.", Rrtype: miekg.TypeDNSKEY, Class: miekg.ClassINET, Ttl: 1}, Flags: 257, Protocol: 3, Algorithm: kind.Algorithm}
	if kind.Role == dnssec.ZSK {
		k.Flags = 256
	}
	private, err := k.Generate(256)
	if err != nil {
		l.Fatal(err)
	}
	id := fmt.Sprintf("%s-%d-%d", strings.ToLower(string(kind.Role)), kind.Algorithm, len(l.texts))
	l.texts[id] = [2]string{k.String(), k.PrivateKeyString(private)}
	return id
}

func (l *life) data() map[string][]byte {
	text, err := json.Marshal(l.state)
	if err != nil {
		l.Fatal(err)
	}
	data := map[string][]byte{"state.json": text}
	for _, k := range l.state.Keys {
		data[k.ID+".key"], data[k.ID+".private"] = []byte(l.texts[k.ID][0]), []byte(l.texts[k.ID][1])
	}
	return data
}

// follow has the parent do what the zone's CDS records ask for, as the server answers them.
func (l *life) follow() {
	m := ask(l.T, l.live.address, question("apps.example.com", miekg.TypeCDS))
	if len(m.Answer) == 0 {
		return
	}
	var keys []*dnssec.Key
	var ids []string
	for _, rr := range m.Answer {
		cds, ok := rr.(*miekg.CDS)
		if !ok || cds.Algorithm == 0 {
			continue
		}
		for _, k := range l.ring.Published {
			if k.Tag == cds.KeyTag && strings.EqualFold(k.DS().Digest, cds.Digest) {
				keys = append(keys, k)
			}
		}
		for _, k := range l.state.Keys {
			if parsed, err := dnssec.ParseKey(l.texts[k.ID][0], l.texts[k.ID][1]); err == nil && parsed.Tag == cds.KeyTag {
				ids = append(ids, k.ID)
			}
		}
	}
	if !slices.Equal(ids, l.ds) {
		l.parent.have(keys...)
		l.ds, l.since = ids, time.Now()
	}
}

// until goes on until the zone has keys of these kinds and nothing is under way, and checks all the
// time that nothing is bogus, and that what was secure stays so.
func (l *life) until(secure bool, kinds ...dnssec.Kind) {
	l.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	count := 0
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); <-tick.C {
		l.step()
		if l.resolver != nil {
			if bad := l.resolver.check(secure); bad != "" {
				l.Fatalf("waiting for %q with %+v: %s", l.plan.Waits, l.state.Keys, bad)
			}
		}
		l.follow()
		done := l.plan.Waits == "" && len(l.state.Keys) == len(kinds) && time.Since(l.since) > 3*time.Second
		for _, k := range l.state.Keys {
			done = done && slices.Contains(kinds, k.Kind)
		}
		if count++; done {
			l.Logf("%d rounds", count)
			return
		}
	}
	l.Fatalf("never done: waits for %q with %+v", l.plan.Waits, l.state.Keys)
}

// roll replaces the key of a role.
func (l *life) roll(role dnssec.Role, kinds ...dnssec.Kind) {
	l.Helper()
	l.policy.Lifetime[role] = time.Nanosecond
	made := len(l.texts)
	for deadline := time.Now().Add(patience); len(l.texts) == made; {
		l.step()
		if time.Now().After(deadline) {
			l.Fatal("no key is made")
		}
	}
	l.policy.Lifetime[role] = 0
	before := slices.Clone(l.state.Keys)
	l.until(true, kinds...)
	for _, k := range l.state.Keys {
		if old := slices.ContainsFunc(before[:len(kinds)], func(o dnssec.Life) bool { return o.ID == k.ID }); old != (k.Role != role) {
			l.Errorf("key %s after a rollover of %s", k.ID, role)
		}
	}
}

// A resolver that validates, and remembers what it may, is there all the time while a zone is signed for
// the first time, its keys are replaced in every way, and it is not signed any more.
func TestNoRolloverIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as caches remember")
	}
	tool(t, "unbound")
	csk13 := []dnssec.Kind{{Role: dnssec.CSK, Algorithm: miekg.ECDSAP256SHA256}}
	csk15 := []dnssec.Kind{{Role: dnssec.CSK, Algorithm: miekg.ED25519}}
	pair13 := []dnssec.Kind{{Role: dnssec.KSK, Algorithm: miekg.ECDSAP256SHA256}, {Role: dnssec.ZSK, Algorithm: miekg.ECDSAP256SHA256}}
	for name, story := range map[string]func(l *life){
		"none, to begin with": nil,
		"the one key":         func(l *life) { l.roll(dnssec.CSK, csk13...) },
		"no key any more": func(l *life) {
			l.policy.Keys = nil
			l.until(false)
			if m := l.resolver.ask("www.apps.example.com", miekg.TypeA); m == nil || m.AuthenticatedData {
				l.Errorf("still secure: %v", m)
			}
		},
		"another algorithm": func(l *life) { l.policy.Keys = csk15; l.until(true, csk15...) },
		"two keys, and each of them": func(l *life) {
			l.policy.Keys = pair13
			l.until(true, pair13...)
			l.roll(dnssec.ZSK, pair13...)
			l.roll(dnssec.KSK, pair13...)
			l.policy.Keys = csk13
			l.until(true, csk13...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLife(t, csk13...)
			if story == nil {
				l.watch() // what it remembers of the unsigned zone it does for a minute
				l.until(false, csk13...)
				return
			}
			l.until(false, csk13...)
			l.watch()
			if bad := l.resolver.check(true); bad != "" {
				t.Fatal(bad)
			}
			story(l)
		})
	}
}
