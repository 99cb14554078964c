package dnssec

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestVersionsFollowWhatIsServed(t *testing.T) {
	s := State{Domain: "example.com"}
	if s.Version() != "" {
		t.Error("without keys nothing is signed")
	}
	kind := Kind{CSK, dns.ECDSAP256SHA256}
	s.Keys = []Life{{ID: "a", Kind: kind, Signed: start, Published: start}}
	seen := map[string]string{s.Version(): "first"}
	step := func(what string, different bool, change func()) {
		t.Helper()
		before := s.Version()
		change()
		if (s.Version() != before) != different {
			t.Errorf("%s: %s, then %s", what, before, s.Version())
		}
		if other, ok := seen[s.Version()]; ok && different {
			t.Errorf("%s looks like %s", what, other)
		}
		seen[s.Version()] = what
	}
	step("seen at the parent", false, func() { s.Keys[0].Seen, s.Keys[0].ParentTTL = start, time.Hour })
	step("confirmed", false, func() { s.Decided = start; s.Confirm(start.Add(time.Hour)) })
	step("submitted", true, func() { s.Keys[0].Submitted = start })
	step("another key", true, func() { s.Keys = append(s.Keys, Life{ID: "b", Kind: kind, Published: start}) })
	step("it signs", true, func() { s.Keys[1].Signed = start })
	step("the first is silent", true, func() { s.Keys[0].Silent = start })
	step("to be deleted", true, func() { s.Delete = true })
	step("decided again", true, func() { s.Decide(start) })
}

// A server that was cut off makes everything begin later.
func TestConfirm(t *testing.T) {
	before, late := start.Add(-time.Hour), start.Add(5*time.Hour)
	s := State{Decided: start, Keys: []Life{
		{ID: "old", Signed: before, Published: before, Submitted: before, Seen: start, Silent: start, Unasked: start},
		{ID: "new", Signed: start, Published: before},
	}}
	s.Confirm(late)
	want := State{Decided: start, Confirmed: late, Keys: []Life{
		{ID: "old", Signed: before, Published: before, Submitted: before, Seen: start, Silent: late, Unasked: late},
		{ID: "new", Signed: late, Published: before},
	}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

func TestLongTTLsAreRemembered(t *testing.T) {
	s := State{}
	for _, step := range []struct{ at, served, want time.Duration }{
		{0, time.Hour, time.Hour},
		{time.Minute, 24 * time.Hour, 24 * time.Hour},
		{time.Hour, time.Minute, 24 * time.Hour},
		{2 * time.Hour, time.Minute, 24 * time.Hour},
		{25 * time.Hour, time.Minute, time.Minute},
		{26 * time.Hour, time.Second, time.Minute},
		{26*time.Hour + 30*time.Second, time.Minute, time.Minute},
		{26*time.Hour + 61*time.Second, time.Second, time.Minute},
		{26*time.Hour + 121*time.Second, time.Second, time.Second},
	} {
		s.Remember(step.served, start.Add(step.at))
		if s.MaxTTL != step.want {
			t.Errorf("at %s: %s, want %s", step.at, s.MaxTTL, step.want)
		}
	}
}

func TestParseRingRefuses(t *testing.T) {
	k, other := newKey(t, dns.ED25519, dns.ZONE|dns.SEP), newKey(t, dns.ED25519, dns.ZONE|dns.SEP)
	const state = `{"domain": "example.com", "keys": [{"id": "k", "role": "CSK", "algorithm": 15, "signed": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z", "submitted": "2026-01-01T00:00:00Z"}]}`
	data := func(state string) map[string][]byte {
		return map[string][]byte{"state.json": []byte(state), "k.key": []byte(k.DNSKEY.String()), "k.private": []byte(privateText(k))}
	}
	r, err := ParseRing(data(state))
	if err != nil || !r.Signs() || len(r.Published) != 1 || len(r.Entry) != 1 || len(r.Asked) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	keys, cds, cdnskey, err := r.KeyRecords()
	if err != nil || len(keys) != 1 || len(cds) != 1 || len(cdnskey) != 1 {
		t.Errorf("%v %v %v %v", keys, cds, cdnskey, err)
	}
	r.Delete = true
	// RFC 8078 section 4.
	if _, cds, cdnskey, err = r.KeyRecords(); err != nil || string(cds[0].Wire) != "\x00\x00\x00\x00\x00" || string(cdnskey[0].Wire) != "\x00\x00\x03\x00\x00" {
		t.Errorf("%x %x %v", cds, cdnskey, err)
	}
	if r, err := ParseRing(data(`{"domain": "example.com"}`)); err != nil || r.Signs() || r.Version != "" {
		t.Errorf("without keys: %+v, %v", r, err)
	}
	for name, c := range map[string]struct {
		data map[string][]byte
		want string
	}{
		"no state":         {map[string][]byte{}, "state.json"},
		"no domain":        {data(`{}`), "names no domain"},
		"another domain":   {data(strings.Replace(state, "example.com", "example.org", 1)), "is not a CSK of example.org"},
		"another role":     {data(strings.Replace(state, "CSK", "ZSK", 1)), "is not a ZSK of"},
		"a key is missing": {data(strings.Replace(state, `"k"`, `"gone"`, 1)), "key gone"},
		"another's secret": {func() map[string][]byte {
			d := data(state)
			d["k.private"] = []byte(privateText(other))
			return d
		}(), "is not that of"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseRing(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
