package dnssec

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// State is what is kept of a zone's keys, besides the keys themselves.
type State struct {
	// Domain of the zone.
	Domain string `json:"domain"`
	Keys   []Life `json:"keys,omitempty"`
	// Delete says that the parent is asked to drop its DS records.
	Delete bool `json:"delete,omitempty"`
	// Step counts decisions.
	Step int64 `json:"step,omitempty"`
	// Decided is when what is served was changed last, Confirmed when every server was found to serve it;
	// zero until then.
	Decided   time.Time `json:"decided,omitzero"`
	Confirmed time.Time `json:"confirmed,omitzero"`
	// MaxTTL is the longest TTL that caches may hold something of the zone by. It may be more than is
	// served now, until Until.
	MaxTTL time.Duration `json:"maxTTL,omitempty"`
	Until  time.Time     `json:"until,omitzero"`
}

// Decide notes that something else than before is to be served from now on.
func (s *State) Decide(now time.Time) {
	s.Step++
	s.Decided, s.Confirmed = now, time.Time{}
}

// Version stands for what servers are to serve: it changes whenever that does, and only then. It is
// empty for a zone that is not signed, and else different for every decision.
func (s *State) Version() string {
	h := sha256.New()
	signed := false
	for i := range s.Keys {
		k := &s.Keys[i]
		signed = signed || k.InKeySet() || k.SignsData()
		fmt.Fprintln(h, k.ID, k.InKeySet(), k.SignsKeySet(), k.SignsData(), !k.Submitted.IsZero())
	}
	if !signed {
		return ""
	}
	fmt.Fprintln(h, s.Delete)
	return fmt.Sprintf("%d-%s", s.Step, hex.EncodeToString(h.Sum(nil)[:8]))
}

// Confirm notes that every server serves what was decided. What began with that decision is taken to
// begin only now: a server that was cut off has answered as before until this moment, and caches
// remember it from here on.
func (s *State) Confirm(now time.Time) {
	for i := range s.Keys {
		k := &s.Keys[i]
		for _, at := range []*time.Time{&k.Signed, &k.Published, &k.Submitted, &k.Unasked, &k.Withdrawn, &k.Silent} {
			if !at.IsZero() && at.Equal(s.Decided) {
				*at = now
			}
		}
	}
	s.Confirmed = now
}

// Doubt notes that a server was found to serve something else again: what was decided last has to be
// confirmed once more.
func (s *State) Doubt() { s.Decided, s.Confirmed = s.Confirmed, time.Time{} }

// Remember takes the longest TTL that is served now. What was served with a longer one before is in
// caches for that long after.
func (s *State) Remember(longest time.Duration, now time.Time) {
	switch {
	case longest >= s.MaxTTL:
		s.MaxTTL, s.Until = longest, time.Time{}
	case s.Until.IsZero():
		s.Until = now.Add(s.MaxTTL)
	case !now.Before(s.Until):
		s.MaxTTL, s.Until = longest, time.Time{}
	}
}
