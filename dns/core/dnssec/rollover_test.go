package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

var (
	csk13  = []Kind{{CSK, dns.ECDSAP256SHA256}}
	csk15  = []Kind{{CSK, dns.ED25519}}
	pair13 = []Kind{{KSK, dns.ECDSAP256SHA256}, {ZSK, dns.ECDSAP256SHA256}}
	pair15 = []Kind{{KSK, dns.ED25519}, {ZSK, dns.ED25519}}
)

// version is what the zone's servers serve from a moment on: some at once, and all once it is confirmed.
type version struct {
	at, confirmed     time.Time
	keys, entry, data []key // in the DNSKEY set, signing that, signing records
	asked             []key // in CDS, unless remove
	remove            bool
}

type key struct {
	id        string
	algorithm uint8
}

// delegation is what a server of the parent has from a moment on.
type delegation struct {
	at time.Time
	ds []key
}

// world has a zone, a registry that follows CDS at its own pace, and remembers everything.
type world struct {
	policy   Policy
	now      time.Time
	keys     []Life
	state    State
	plan     Plan
	version  string
	made     int
	versions []version
	parents  [][]delegation // of each server
	dsTTL    time.Duration
}

func newWorld(p Policy, dsTTL time.Duration) *world {
	w := &world{policy: p, now: start, dsTTL: dsTTL, parents: make([][]delegation, 2)}
	long := start.Add(-1000 * time.Hour)
	w.versions = []version{{at: long, confirmed: long}}
	w.state.Confirmed = long
	for i := range w.parents {
		w.parents[i] = []delegation{{at: start.Add(-1000 * time.Hour)}}
	}
	return w
}

func (w *world) algorithm(id string) uint8 {
	for _, k := range w.keys {
		if k.ID == id {
			return k.Algorithm
		}
	}
	return 0
}

// look asks the parent's servers.
func (w *world) look() Parent {
	p := Parent{Checked: w.now, TTL: w.dsTTL}
	count := map[string]int{}
	for _, server := range w.parents {
		for _, k := range server[len(server)-1].ds {
			if !slices.ContainsFunc(w.keys, func(l Life) bool { return l.ID == k.id }) {
				p.Foreign = true
				continue
			}
			if count[k.id]++; count[k.id] == 1 {
				p.Anywhere = append(p.Anywhere, k.id)
			}
			if count[k.id] == len(w.parents) {
				p.Everywhere = append(p.Everywhere, k.id)
			}
		}
	}
	return p
}

// decide asks for the plan until nothing more is to be made, and has one server serve it: the others
// follow with confirm. Before they have, nothing more is decided; it reports whether anything was.
func (w *world) decide(parent Parent) bool {
	if w.state.Confirmed.IsZero() {
		return false
	}
	for {
		w.plan = Next(w.policy, w.keys, parent, w.now)
		w.keys = w.plan.Keys
		if len(w.plan.Make) == 0 {
			break
		}
		for _, k := range w.plan.Make {
			w.made++
			k.ID = fmt.Sprintf("k%d", w.made)
			w.keys = append(w.keys, k)
		}
	}
	v := version{at: w.now}
	for _, k := range w.keys {
		it := key{k.ID, k.Algorithm}
		if k.InKeySet() {
			v.keys = append(v.keys, it)
		}
		if k.SignsKeySet() {
			v.entry = append(v.entry, it)
		}
		if k.SignsData() {
			v.data = append(v.data, it)
		}
	}
	for _, id := range Asked(w.keys) {
		v.asked = append(v.asked, key{id, w.algorithm(id)})
	}
	v.remove = w.plan.Delete
	w.state.Keys, w.state.Delete = w.keys, w.plan.Delete
	if w.state.Version() != w.version {
		w.state.Decide(w.now)
		w.version = w.state.Version()
		w.versions = append(w.versions, v)
	}
	return true
}

// confirm has all servers serve what was decided.
func (w *world) confirm() {
	if !w.state.Confirmed.IsZero() {
		return
	}
	w.state.Confirm(w.now)
	w.keys = w.state.Keys
	w.versions[len(w.versions)-1].confirmed = w.now
}

// update has a server of the parent do what CDS asks for, as some server of the zone has it.
func (w *world) update(server int, late bool) {
	v := w.versions[len(w.versions)-1]
	if late && v.confirmed.IsZero() {
		v = w.versions[len(w.versions)-2]
	}
	ds := v.asked
	if v.remove {
		ds = nil
	} else if len(ds) == 0 {
		return
	}
	w.parents[server] = append(w.parents[server], delegation{w.now, ds})
}

// since are the items that were in force at any time from a moment to now.
func since[T any](all []T, at func(T) time.Time, from time.Time) []T {
	i := len(all) - 1
	for i > 0 && at(all[i]).After(from) {
		i--
	}
	return all[i:]
}

// bogus says what a validator could hold now that it would have to refuse.
func (w *world) bogus() string {
	// What was there before counts until all servers have what follows.
	at := func(v version) time.Time {
		if v.confirmed.IsZero() {
			return w.now.Add(time.Hour)
		}
		return v.confirmed
	}
	keySets := since(w.versions, at, w.now.Add(-w.policy.KeyTTL-w.policy.Propagation))
	data := since(w.versions, at, w.now.Add(-w.policy.MaxTTL-w.policy.Propagation))
	for _, server := range w.parents {
		for _, d := range since(server, func(d delegation) time.Time { return d.at }, w.now.Add(-w.dsTTL)) {
			if len(d.ds) == 0 {
				continue
			}
			for _, k := range keySets {
				for _, ds := range d.ds {
					// RFC 4035 section 2.2: each algorithm of the DS set signs the DNSKEY set.
					if !slices.ContainsFunc(d.ds, func(o key) bool { return o.algorithm == ds.algorithm && slices.Contains(k.entry, o) }) {
						return fmt.Sprintf("DS %v, DNSKEY of %s %v signed by %v", d.ds, k.at.Sub(start), k.keys, k.entry)
					}
				}
				for _, v := range data {
					for _, one := range k.keys {
						if !slices.ContainsFunc(k.keys, func(o key) bool { return o.algorithm == one.algorithm && slices.Contains(v.data, o) }) {
							return fmt.Sprintf("DS %v, DNSKEY of %s %v, records of %s signed by %v", d.ds, k.at.Sub(start), k.keys, v.at.Sub(start), v.data)
						}
					}
				}
			}
		}
	}
	return ""
}

// Whatever caches hold, at whatever pace the parent follows and however often the policy changes its
// mind, no validator refuses an answer.
func TestNoValidatorIsEverLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hours := func(name string, least, most int) time.Duration {
			return time.Duration(rapid.IntRange(least, most).Draw(t, name)) * time.Hour
		}
		p := Policy{
			Keys:     rapid.SampledFrom([][]Kind{csk13, pair13, csk15}).Draw(t, "keys"),
			Lifetime: map[Role]time.Duration{ZSK: hours("zsk", 0, 200), KSK: hours("ksk", 0, 400), CSK: hours("csk", 0, 400)},
			KeyTTL:   hours("keyTTL", 1, 48), MaxTTL: hours("maxTTL", 1, 48), Propagation: hours("propagation", 0, 3),
		}
		w := newWorld(p, hours("dsTTL", 1, 48))
		w.decide(Parent{})
		w.confirm()
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			if w.plan.Next.After(w.now) && rapid.Bool().Draw(t, "skip") {
				w.now = w.plan.Next
			} else {
				w.now = w.now.Add(hours("later", 0, 30))
			}
			if bad := w.bogus(); bad != "" {
				t.Fatalf("at %s, before the step: %s", w.now.Sub(start), bad)
			}
			if rapid.IntRange(0, 3).Draw(t, "confirm") > 0 {
				w.confirm()
			}
			parent := Parent{}
			switch rapid.IntRange(0, 9).Draw(t, "event") {
			case 0, 1, 2:
				w.update(rapid.IntRange(0, len(w.parents)-1).Draw(t, "server"), rapid.Bool().Draw(t, "late"))
				continue
			case 3, 4, 5, 6:
				parent = w.look()
			case 7, 8: // the parent cannot be asked
			case 9:
				w.policy.Keys = rapid.SampledFrom([][]Kind{csk13, csk15, pair13, pair15, nil}).Draw(t, "policy")
				parent = w.look()
			}
			decided := w.decide(parent)
			if bad := w.bogus(); bad != "" {
				t.Fatalf("at %s: %s", w.now.Sub(start), bad)
			}
			if !decided {
				continue
			}
			again := Next(w.policy, w.keys, parent, w.now)
			if len(again.Make) > 0 || !slices.Equal(again.Keys, w.keys) {
				t.Fatalf("asked again at the same moment: %+v, then %+v making %+v", w.keys, again.Keys, again.Make)
			}
		}
	})
}

// With a parent that does what it is asked, everything that is begun comes to its end.
func TestEveryChangeEnds(t *testing.T) {
	for name, c := range map[string]struct{ from, to []Kind }{
		"another algorithm":                   {csk13, csk15},
		"another algorithm, in two keys":      {pair13, pair15},
		"one key instead of two":              {pair13, csk13},
		"two keys instead of one":             {csk13, pair13},
		"another algorithm and one key":       {pair13, csk15},
		"no signatures any more":              {csk13, nil},
		"no signatures any more, after two":   {pair13, nil},
		"signatures for the first time":       {nil, csk13},
		"the same keys, each served its time": {pair13, pair13},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(Policy{Keys: c.from, KeyTTL: time.Hour, MaxTTL: 2 * time.Hour, Propagation: time.Minute}, 24*time.Hour)
			settle := func() {
				for range 400 {
					w.update(0, false)
					w.update(1, false)
					w.decide(w.look())
					w.confirm()
					if bad := w.bogus(); bad != "" {
						t.Fatal(bad)
					}
					w.now = w.now.Add(time.Hour)
				}
			}
			settle()
			first := w.keys
			w.policy.Keys = c.to
			if slices.Equal(c.from, c.to) {
				w.policy.Lifetime = map[Role]time.Duration{ZSK: 300 * time.Hour, KSK: 300 * time.Hour}
			}
			settle()
			if len(w.keys) != len(c.to) {
				t.Fatalf("%d keys are left, want %d: %+v; waits for %q", len(w.keys), len(c.to), w.keys, w.plan.Waits)
			}
			for _, k := range w.keys {
				if !slices.Contains(c.to, k.Kind) || slices.ContainsFunc(first, func(o Life) bool { return o.ID == k.ID }) {
					t.Errorf("key %+v", k)
				}
			}
			if w.plan.Waits != "" {
				t.Errorf("waits for %q", w.plan.Waits)
			}
		})
	}
}

// A CSK rollover, told step by step.
func TestStoryOfARollover(t *testing.T) {
	w := newWorld(Policy{Keys: csk13, Lifetime: map[Role]time.Duration{CSK: 90 * 24 * time.Hour},
		KeyTTL: time.Hour, MaxTTL: time.Hour, Propagation: 5 * time.Minute}, 24*time.Hour)
	var out strings.Builder
	tell := func() {
		state := func(k Life) string {
			s := k.ID
			if k.SignsKeySet() {
				s += " in the key set"
			}
			if k.SignsData() {
				s += ", signing"
			}
			return s
		}
		var keys []string
		for _, k := range w.keys {
			keys = append(keys, state(k))
		}
		line := fmt.Sprintf("%s; asks for %v", strings.Join(keys, "; "), Asked(w.keys))
		if w.plan.Waits != "" {
			line += "; waits for " + w.plan.Waits
		}
		if !strings.HasSuffix(out.String(), line+"\n") {
			fmt.Fprintf(&out, "%8s  %s\n", w.now.Sub(start), line)
		}
	}
	for range 2400 {
		w.decide(w.look())
		w.confirm()
		tell()
		w.now = w.now.Add(time.Hour)
		if w.now.Sub(start)%(48*time.Hour) == 0 { // the registry looks every other day
			w.update(0, false)
			w.update(1, false)
		}
	}
	const want = `      0s  k1 in the key set, signing; asks for []; waits for every resolver to know the new key
  2h0m0s  k1 in the key set, signing; asks for [k1]; waits for the parent to have the DS
 48h0m0s  k1 in the key set, signing; asks for [k1]
2232h0m0s  k1 in the key set, signing; k2 in the key set; asks for [k1]; waits for every resolver to know the new key
2234h0m0s  k1 in the key set, signing; k2 in the key set; asks for [k2]; waits for the parent to have the DS
2256h0m0s  k1 in the key set, signing; k2 in the key set; asks for [k2]; waits for old DS sets to be forgotten
2280h0m0s  k1 in the key set; k2 in the key set, signing; asks for [k2]; waits for old signatures to be forgotten
2282h0m0s  k2 in the key set, signing; asks for [k2]
`
	if got := out.String(); got != want {
		t.Errorf("got:\n%s", got)
	}
}
