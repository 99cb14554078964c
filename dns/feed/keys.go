package feed

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/held"
)

// keyring is the keys of zones, as the Secrets that they come in. They do not go back either: what is
// decided about keys has a time, which takes the place of a generation.
//
// That a Secret is gone takes no keys away while its Zone is there: a zone that was to be signed no more
// has a Secret that says so, and one without signatures that the parent vouches for is lost to all who
// validate.
type keyring struct {
	*held.Objects[*corev1.Secret]
	wanted chan struct{} // closed when the first zone is to be signed
	rings  map[*corev1.Secret]parsed
	gone   map[types.UID]bool // whose Secret is, and was kept
	saved  []string           // versions that are on disk
	// generation of what is there.
	generation uint64
}

type parsed struct {
	ring *dnssec.Ring
	err  error
}

func newKeyring() *keyring {
	return &keyring{Objects: held.New[*corev1.Secret](), wanted: make(chan struct{}), rings: map[*corev1.Secret]parsed{}, gone: map[types.UID]bool{}}
}

// parse reads the keys in a Secret, once.
func (k *keyring) parse(s *corev1.Secret) parsed {
	p, ok := k.rings[s]
	if !ok {
		p.ring, p.err = dnssec.ParseRing(s.Data)
		k.rings[s] = p
	}
	return p
}

// stamp gives a Secret the time of what it says for its generation.
func stamp(s *corev1.Secret) {
	s.SetManagedFields(nil)
	if state, err := dnssec.ParseState(s.Data); err == nil && !state.Decided.IsZero() {
		s.Generation = state.Decided.UnixNano()
	}
}

// keysWanted says whether any zone is or was to be signed. Only then are Secrets read.
func (f *Feed) keysWanted() bool {
	for z := range f.zones.Each() {
		if z.Spec.DNSSEC != nil || z.Status.DNSSEC != nil {
			select {
			case <-f.keys.wanted:
			default:
				close(f.keys.wanted)
			}
			return true
		}
	}
	return false
}

// keysGrace is how long after the start keys are waited for before anything is served.
const keysGrace = 5 * time.Second

// awaitKeys says whether to wait with what is served, since keys are about to come. It has publish look
// again when that is over.
func (f *Feed) awaitKeys() bool {
	left := time.Until(f.started.Add(keysGrace))
	if f.synced[secretResource] || f.loaded || left <= 0 {
		return false
	}
	time.AfterFunc(left, func() { poke(f.dirty) })
	return true
}

// without leaves out the zones that validators expect to be signed and whose keys have not been read yet:
// other name servers have them, and no answer is better than one that is taken for a forgery.
func (f *Feed) without(zones []*trafficv1alpha1.Zone, rings map[string]*dnssec.Ring) []*trafficv1alpha1.Zone {
	if f.synced[secretResource] {
		return zones
	}
	return slices.DeleteFunc(slices.Clone(zones), func(z *trafficv1alpha1.Zone) bool {
		return rings[z.Spec.Domain] == nil && z.Status.DNSSEC != nil &&
			slices.ContainsFunc(z.Status.DNSSEC.Keys, func(k trafficv1alpha1.ZoneKey) bool { return k.AtParent })
	})
}

// whenWanted waits with something until keys are wanted.
func (f *Feed) whenWanted(run func(context.Context)) func(context.Context) {
	return func(ctx context.Context) {
		select {
		case <-f.keys.wanted:
			run(ctx)
		case <-ctx.Done():
		}
	}
}

// watchKeys follows the Secrets with keys.
func (f *Feed) watchKeys(client rest.Interface) *watcher[*corev1.Secret] {
	w := watcherOf(f, client, secretResource, &corev1.SecretList{}, f.keys.Objects)
	w.namespace, w.selector = f.options.KeysNamespace, trafficv1alpha1.ZoneKeysLabel
	replace, put := w.replace, w.put
	w.replace = func(list []*corev1.Secret) bool {
		f.mu.Lock()
		for i, s := range list {
			list[i] = f.usable(s)
		}
		list = append(list, f.orphans(list)...)
		f.mu.Unlock()
		return replace(list)
	}
	w.put = func(s *corev1.Secret) bool {
		f.mu.Lock()
		s = f.usable(s)
		f.mu.Unlock()
		return put(s)
	}
	w.remove = func(s *corev1.Secret) {
		f.change(func() bool {
			if f.zoneOf(s) {
				f.options.Log.Warn("the Secret with the keys of a zone is gone: going on with them", "secret", s.Name)
				f.keys.gone[s.UID] = true
				return false
			}
			return f.keys.Remove(s)
		})
	}
	return w
}

// usable is a Secret from the hub, or what is held of it where that is worse than nothing.
func (f *Feed) usable(s *corev1.Secret) *corev1.Secret {
	stamp(s)
	_, err := dnssec.ParseRing(s.Data)
	f.noteLocked("Secret "+s.Name, err)
	if before, ok := f.keys.Get(held.Key(s)); err != nil && ok {
		return before
	}
	return s
}

// orphans are the held Secrets of zones that are there which a list has not.
func (f *Feed) orphans(list []*corev1.Secret) []*corev1.Secret {
	var out []*corev1.Secret
	for o := range f.keys.Each() {
		if !slices.ContainsFunc(list, func(s *corev1.Secret) bool { return held.Key(s) == held.Key(o) }) && f.zoneOf(o) {
			out = append(out, o)
		}
	}
	return out
}

// zoneOf says whether the Zone whose keys a Secret holds is there.
func (f *Feed) zoneOf(s *corev1.Secret) bool {
	p := f.keys.parse(s)
	if p.err != nil {
		return false
	}
	for z := range f.zones.Each() {
		if z.Spec.Domain == p.ring.Domain {
			return true
		}
	}
	return false
}

// rings are the keys of the zones that are there, by domain. Of two Secrets for one zone the older
// counts.
func (f *Feed) rings() map[string]*dnssec.Ring {
	out := map[string]*dnssec.Ring{}
	seen := map[*corev1.Secret]parsed{}
	for _, s := range byAge(f.keys.All()) {
		if f.keys.gone[s.UID] && !f.zoneOf(s) {
			f.keys.Remove(s)
			delete(f.keys.gone, s.UID)
			continue
		}
		p := f.keys.parse(s)
		seen[s] = p
		if p.err == nil && out[p.ring.Domain] == nil {
			out[p.ring.Domain] = p.ring
		}
	}
	f.keys.rings = seen // what is not held any more is forgotten
	return out
}

func byAge(all []*corev1.Secret) []*corev1.Secret {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b *corev1.Secret) int {
		return a.CreationTimestamp.Time.Compare(b.CreationTimestamp.Time)
	})
	return all
}

// loadKeys takes the keys that are on disk.
func (f *Feed) loadKeys(now time.Time) {
	secrets, generation, err := LoadKeys(f.options.Dir)
	f.noteLocked("reading keys", err)
	for _, s := range secrets {
		stamp(s)
	}
	f.keys.Replace(secrets, now)
	f.keys.saved, f.keys.generation = versions(f.keys.All()), generation
}

// saveKeys keeps the keys on disk, if they have changed.
func (f *Feed) saveKeys() error {
	f.mu.Lock()
	all := f.keys.All()
	saved, generation := f.keys.saved, f.keys.generation+1
	f.mu.Unlock()
	now := versions(all)
	if slices.Equal(now, saved) {
		return nil
	}
	if err := SaveKeys(f.options.Dir, generation, all); err != nil {
		return err
	}
	f.mu.Lock()
	f.keys.saved, f.keys.generation = now, generation
	f.mu.Unlock()
	return nil
}

func versions(all []*corev1.Secret) []string {
	var out []string
	for _, s := range all {
		out = append(out, fmt.Sprint(types.NamespacedName{Namespace: s.Namespace, Name: s.Name}, s.UID, s.ResourceVersion))
	}
	return out
}
