package dnssec

import (
	"slices"
	"time"
)

// Role is what a key is for.
type Role string

// Roles of keys. A zone has either keys of both of the first two, or of the third.
const (
	// KSK signs the DNSKEY set, and the parent's DS names it.
	KSK Role = "KSK"
	// ZSK signs everything else.
	ZSK Role = "ZSK"
	// CSK does both.
	CSK Role = "CSK"
)

// entry says whether the parent's DS may name keys of the role, data whether they sign the zone.
func (r Role) entry() bool { return r != ZSK }
func (r Role) data() bool  { return r != KSK }

// Kind is what tells keys apart that are made for different purposes.
type Kind struct {
	Role      Role  `json:"role"`
	Algorithm uint8 `json:"algorithm"`
}

// Life is a key's: the moments at which things began, zero for those that have not.
type Life struct {
	// ID names the key.
	ID string `json:"id"`
	Kind
	// Signed is since when it signs, Published since when it is in the DNSKEY set.
	Signed    time.Time `json:"signed,omitzero"`
	Published time.Time `json:"published,omitzero"`
	// Submitted is since when CDS and CDNSKEY ask the parent for its DS (RFC 7344), Unasked since when
	// they do no longer.
	Submitted time.Time `json:"submitted,omitzero"`
	Unasked   time.Time `json:"unasked,omitzero"`
	// Seen is when all servers of the parent were first found to have its DS, Dropped when none was found
	// to have it after it was asked for. ParentTTL is the longest TTL that was found on a DS set.
	Seen      time.Time     `json:"seen,omitzero"`
	Dropped   time.Time     `json:"dropped,omitzero"`
	ParentTTL time.Duration `json:"parentTTL,omitzero"`
	// Withdrawn is since when it is in the DNSKEY set no longer, Silent since when it signs no more.
	Withdrawn time.Time `json:"withdrawn,omitzero"`
	Silent    time.Time `json:"silent,omitzero"`
}

func (l *Life) signs() bool     { return !l.Signed.IsZero() && l.Silent.IsZero() }
func (l *Life) published() bool { return !l.Published.IsZero() && l.Withdrawn.IsZero() }

// leaving says whether its end has begun.
func (l *Life) leaving() bool { return !l.Withdrawn.IsZero() || !l.Silent.IsZero() }

// InKeySet says whether the key is in the DNSKEY set, SignsKeySet whether it signs that, and SignsData
// whether it signs everything else.
func (l *Life) InKeySet() bool    { return l.published() }
func (l *Life) SignsKeySet() bool { return l.published() && l.Role.entry() }
func (l *Life) SignsData() bool   { return l.signs() && l.Role.data() }

// Policy is what is wanted of a zone's keys, and what caches remember.
type Policy struct {
	// Keys that the zone is to have; none for a zone that is not to be signed.
	Keys []Kind
	// Lifetime of a key by its role, counted from when it came into full use; 0 for ever.
	Lifetime map[Role]time.Duration
	// Propagation is how long it takes until every server of the zone, secondaries too, serves a change.
	Propagation time.Duration
	// KeyTTL is that of the DNSKEY set, MaxTTL the longest of the zone, negative answers included.
	KeyTTL, MaxTTL time.Duration
}

// Parent is what was found at the parent.
type Parent struct {
	// Checked is when all its servers were asked; zero when they could not be.
	Checked time.Time
	// Everywhere are the keys whose DS all servers have, Anywhere those whose DS any has, by ID.
	// Foreign says that there is a DS of none of our keys.
	Everywhere, Anywhere []string
	Foreign              bool
	// TTL of the DS set.
	TTL time.Duration
}

// none says that the parent vouches for nothing.
func (p *Parent) none() bool { return !p.Checked.IsZero() && len(p.Anywhere) == 0 && !p.Foreign }

// Plan is what follows.
type Plan struct {
	// Keys as they are from now on. Those that are not there any more are to be destroyed.
	Keys []Life
	// Make are the keys that have to be made: give each an ID, put it in Keys, and ask again.
	Make []Life
	// Delete says that the parent is asked to drop its DS (RFC 8078 section 4).
	Delete bool
	// Waits is what it waits for, for people to read; empty when nothing is under way. Parent says that
	// it is for the parent to do something.
	Waits  string
	Parent bool
	// Next is when something follows from time alone; zero when nothing does.
	Next time.Time
}

// Next decides what becomes of a zone's keys now. It is to be asked again at Plan.Next, when the parent
// was looked at, and when the policy changes; asked twice at one moment it changes nothing more.
//
// A validator may hold a DS set, a DNSKEY set and records of different ages, each up to its TTL old and
// from a server that is Propagation behind. Whatever it holds, some DS names a key that signed that
// DNSKEY set, and a key in it signed the records; and each algorithm in a DNSKEY set signed the records
// (RFC 4035 section 2.2). That is what every step waits for.
func Next(policy Policy, keys []Life, parent Parent, now time.Time) Plan {
	r := &roll{Policy: policy, parent: parent, now: now, plan: Plan{Keys: slices.Clone(keys)}}
	r.observe()
	if len(policy.Keys) == 0 {
		r.unsign()
		return r.plan
	}
	r.publish()
	r.replaceData()
	r.submit()
	r.supersede()
	r.retire()
	r.remove()
	for _, kind := range policy.Keys {
		r.want(kind)
	}
	return r.plan
}

type roll struct {
	Policy
	parent Parent
	now    time.Time
	plan   Plan
}

// due says whether a moment has come, and notes when it will.
func (r *roll) due(at time.Time) bool {
	if !r.now.Before(at) {
		return true
	}
	if r.plan.Next.IsZero() || at.Before(r.plan.Next) {
		r.plan.Next = at
	}
	return false
}

// waits is due, and says what for.
func (r *roll) waits(at time.Time, what string) bool {
	if r.due(at) {
		return true
	}
	r.plan.Waits, r.plan.Parent = what, false
	return false
}

// waitsForParent says what all servers of the parent zone are waited for.
func (r *roll) waitsForParent(to string) { r.plan.Waits, r.plan.Parent = "the parent "+to, true }

// observe notes what the parent has.
func (r *roll) observe() {
	if r.parent.Checked.IsZero() {
		return
	}
	for i := range r.plan.Keys {
		k := &r.plan.Keys[i]
		switch {
		case !k.Role.entry():
			continue
		case slices.Contains(r.parent.Anywhere, k.ID):
			k.Dropped = time.Time{}
			if k.Seen.IsZero() && slices.Contains(r.parent.Everywhere, k.ID) {
				k.Seen = r.parent.Checked
			}
		default:
			k.Seen = time.Time{}
			// A parent may still be at work on what it was asked for a moment ago.
			if k.Dropped.IsZero() && k.Submitted.IsZero() && r.parent.Checked.After(k.Unasked.Add(r.Propagation)) {
				k.Dropped = r.parent.Checked
			}
		}
		k.ParentTTL = max(k.ParentTTL, r.parent.TTL)
	}
}

// trusted is when no cache holds a DS set without the key any more; zero while that is not known.
func (r *roll) trusted(k *Life) time.Time {
	if k.Seen.IsZero() {
		return time.Time{}
	}
	return k.Seen.Add(r.parentTTL())
}

// forgotten says whether no cache holds a DS of the key any more. Nothing else makes it safe to take a
// key out of the DNSKEY set.
func (r *roll) forgotten(k *Life) bool {
	if !k.Role.entry() {
		return true
	}
	r.unask(k)
	if k.Dropped.IsZero() {
		r.waitsForParent("to drop the DS of the old key")
		return false
	}
	return r.waits(k.Dropped.Add(r.parentTTL()), "old DS sets to be forgotten")
}

// unask asks for the key's DS no longer. Whether it is gone must be seen after that.
func (r *roll) unask(k *Life) {
	if !k.Submitted.IsZero() {
		k.Submitted, k.Unasked, k.Dropped = time.Time{}, r.now, time.Time{}
	}
}

// parentTTL is the longest that a DS set may be remembered. While nothing is known, a day.
func (r *roll) parentTTL() time.Duration {
	longest := r.parent.TTL
	for i := range r.plan.Keys {
		longest = max(longest, r.plan.Keys[i].ParentTTL)
	}
	if longest == 0 {
		return 24 * time.Hour
	}
	return longest
}

// of are the keys of a kind that are not on their way out, the oldest first.
func (r *roll) of(kind Kind) []*Life {
	var out []*Life
	for i := range r.plan.Keys {
		if k := &r.plan.Keys[i]; k.Kind == kind && !k.leaving() {
			out = append(out, k)
		}
	}
	return out
}

// known is when every validator may know a key that is in the DNSKEY set.
func (r *roll) known(k *Life) time.Time { return k.Published.Add(r.KeyTTL + r.Propagation) }

// want asks for a key of a kind that is missing, or whose only one has served its time.
func (r *roll) want(kind Kind) {
	have := r.of(kind)
	switch {
	case len(have) == 0:
		r.make(kind)
	case len(have) == 1:
		if began, ok := r.inUse(have[0]); ok && r.Lifetime[kind.Role] > 0 && r.due(began.Add(r.Lifetime[kind.Role])) {
			r.make(kind)
		}
	}
}

// inUse is since when a key is in full use.
func (r *roll) inUse(k *Life) (time.Time, bool) {
	if k.Kind.Role.entry() {
		at := r.trusted(k)
		return at, !at.IsZero() && r.due(at)
	}
	return k.Signed, k.signs()
}

// make asks for a key. One of an algorithm that the zone does not have signs before it is published:
// a DNSKEY set must not promise signatures that caches do not have. Another key of the zone's algorithm
// is published before it signs records; one that is named by a DS signs the DNSKEY set at once.
func (r *roll) make(kind Kind) {
	k := Life{Kind: kind}
	switch {
	case !r.signedZone():
		k.Signed, k.Published = r.now, r.now
	case !r.hasAlgorithm(kind.Algorithm):
		k.Signed = r.now
	default:
		k.Published = r.now
		if kind.Role == KSK {
			k.Signed = r.now
		}
	}
	r.plan.Make = append(r.plan.Make, k)
}

// signedZone says whether resolvers may know the zone as signed.
func (r *roll) signedZone() bool {
	return slices.ContainsFunc(r.plan.Keys, func(k Life) bool { return !k.Published.IsZero() })
}

func (r *roll) hasAlgorithm(algorithm uint8) bool {
	return slices.ContainsFunc(r.plan.Keys, func(k Life) bool { return k.Algorithm == algorithm && k.published() })
}

// publish publishes keys of a new algorithm when everything is known to be signed with them.
func (r *roll) publish() {
	for i := range r.plan.Keys {
		k := &r.plan.Keys[i]
		if k.Published.IsZero() && k.signs() && r.waits(k.Signed.Add(r.MaxTTL+r.Propagation), "old answers to be forgotten") {
			k.Published = r.now
		}
	}
}

// replaceData has the youngest key for records take over: a ZSK when it is known, a CSK when it is also
// trusted. The one before goes silent, and is withdrawn when its signatures are forgotten.
func (r *roll) replaceData() {
	for _, kind := range r.Keys {
		have := r.of(kind)
		if !kind.Role.data() || len(have) == 0 {
			continue
		}
		newest := have[len(have)-1]
		if newest.Published.IsZero() || !r.waits(r.known(newest), "every resolver to know the new key") {
			continue
		}
		if kind.Role == CSK && len(have) > 1 && !r.vouched(newest) {
			continue
		}
		if newest.Signed.IsZero() {
			newest.Signed = r.now
		}
		for _, k := range have[:len(have)-1] {
			k.Silent = r.now
		}
	}
}

// vouched says whether every validator may enter the zone by a key, and what that waits for.
func (r *roll) vouched(k *Life) bool {
	at := r.trusted(k)
	if at.IsZero() {
		r.waitsForParent("to have the DS of the new key")
		return false
	}
	return r.waits(at, "old DS sets to be forgotten")
}

// submit asks the parent for a DS of the newest keys that may be entered by, when they are known.
func (r *roll) submit() {
	for _, kind := range r.Keys {
		have := r.of(kind)
		if !kind.Role.entry() || len(have) == 0 {
			continue
		}
		newest := have[len(have)-1]
		if newest.Published.IsZero() || !newest.Submitted.IsZero() {
			if !newest.Submitted.IsZero() && newest.Seen.IsZero() {
				r.waitsForParent("to have the DS")
			}
			continue
		}
		// What is older than the signatures must be forgotten, too.
		ready := r.known(newest)
		if signed := r.firstSigned().Add(r.MaxTTL + r.Propagation); signed.After(ready) {
			ready = signed
		}
		if r.waits(ready, "every resolver to know the new key") {
			newest.Submitted, newest.Dropped = r.now, time.Time{}
			r.waitsForParent("to have the DS")
		}
	}
}

// supersede has the parent asked for the newest key alone, once it is asked for that.
func (r *roll) supersede() {
	var newest *Life
	for i := range r.plan.Keys {
		if k := &r.plan.Keys[i]; slices.Contains(r.Keys, k.Kind) && k.Role.entry() && !k.leaving() && !k.Submitted.IsZero() {
			newest = k
		}
	}
	for i := range r.plan.Keys {
		if k := &r.plan.Keys[i]; newest != nil && k != newest {
			r.unask(k)
		}
	}
}

// firstSigned is since when the zone is signed.
func (r *roll) firstSigned() time.Time {
	var first time.Time
	for i := range r.plan.Keys {
		if at := r.plan.Keys[i].Signed; !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// retire ends keys that have a successor which every validator can enter by: KSKs at once, and all keys
// of kinds that are not wanted any more. Those of another algorithm leave the DNSKEY set before they go
// silent, the others after.
func (r *roll) retire() {
	var entries []*Life
	for _, kind := range r.Keys {
		if kind.Role.entry() {
			entries = append(entries, r.of(kind)...)
		}
	}
	if len(entries) == 0 {
		return
	}
	newest := entries[len(entries)-1]
	if newest.Published.IsZero() || !r.replaces(newest) || !r.vouched(newest) {
		return
	}
	for i := range r.plan.Keys {
		k := &r.plan.Keys[i]
		switch {
		case k == newest || !k.Withdrawn.IsZero():
		case !k.Silent.IsZero() && !r.foreign(k.Algorithm):
		case k.Kind == newest.Kind && k.Role == KSK:
			r.end(k)
		case slices.Contains(r.Keys, k.Kind):
		case k.Role == KSK && !r.foreign(k.Algorithm):
			r.end(k)
		case r.foreign(k.Algorithm):
			// All keys of the algorithm go together.
			if r.algorithmForgotten(k.Algorithm) {
				k.Withdrawn = r.now
			}
		case r.successorSigns(k):
			k.Silent = r.now
		}
	}
}

// end takes a key that signs nothing but the DNSKEY set out of it.
func (r *roll) end(k *Life) {
	if r.forgotten(k) {
		k.Withdrawn, k.Silent = r.now, r.now
	}
}

// algorithmForgotten says whether no cache holds a DS of a key of the algorithm.
func (r *roll) algorithmForgotten(algorithm uint8) bool {
	for i := range r.plan.Keys {
		if k := &r.plan.Keys[i]; k.Algorithm == algorithm && !r.forgotten(k) {
			return false
		}
	}
	return true
}

// replaces says whether there is anything that a key replaces.
func (r *roll) replaces(newest *Life) bool {
	return slices.ContainsFunc(r.plan.Keys, func(k Life) bool {
		return k.ID != newest.ID && !k.leaving() &&
			(k.Kind == newest.Kind && k.Role == KSK || !slices.Contains(r.Keys, k.Kind))
	})
}

// foreign says whether the policy has no key of an algorithm.
func (r *roll) foreign(algorithm uint8) bool {
	return !slices.ContainsFunc(r.Keys, func(k Kind) bool { return k.Algorithm == algorithm })
}

// successorSigns says whether another key of the algorithm signs records.
func (r *roll) successorSigns(old *Life) bool {
	return slices.ContainsFunc(r.plan.Keys, func(k Life) bool {
		return k.Algorithm == old.Algorithm && slices.Contains(r.Keys, k.Kind) && k.Role.data() && k.signs() && k.published()
	})
}

// remove ends what is on its way out when nobody remembers it.
func (r *roll) remove() {
	for i := range r.plan.Keys {
		k := &r.plan.Keys[i]
		switch {
		case k.Withdrawn.IsZero() && !k.Silent.IsZero():
			if r.waits(k.Silent.Add(r.MaxTTL+r.Propagation), "old signatures to be forgotten") && r.forgotten(k) {
				k.Withdrawn = r.now
			}
		case !k.Withdrawn.IsZero() && k.Silent.IsZero() && r.waits(k.Withdrawn.Add(r.KeyTTL+r.Propagation), "old keys to be forgotten"):
			k.Silent = r.now
		}
	}
	r.plan.Keys = slices.DeleteFunc(r.plan.Keys, func(k Life) bool { return !k.Withdrawn.IsZero() && !k.Silent.IsZero() })
}

// unsign takes the parent's DS away, and then the keys.
func (r *roll) unsign() {
	if len(r.plan.Keys) == 0 {
		return
	}
	r.plan.Delete = true
	for i := range r.plan.Keys {
		r.unask(&r.plan.Keys[i])
	}
	if !r.parent.none() {
		r.waitsForParent("to drop its DS")
		return
	}
	for i := range r.plan.Keys {
		if !r.forgotten(&r.plan.Keys[i]) {
			return
		}
	}
	r.plan.Keys, r.plan.Delete, r.plan.Next = nil, false, time.Time{}
}

// Asked are the keys that CDS and CDNSKEY name, by ID.
func Asked(keys []Life) []string {
	var out []string
	for i := range keys {
		if !keys[i].Submitted.IsZero() {
			out = append(out, keys[i].ID)
		}
	}
	return out
}
