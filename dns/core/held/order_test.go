package held

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// past is everything a hub has ever said about one object.
type past struct {
	puts, removes []*trafficv1alpha1.Zone
	lists         []listed
	now           *trafficv1alpha1.Zone // nil: deleted
}

type listed struct {
	at   time.Time
	zone *trafficv1alpha1.Zone // nil: not there
}

// happen lets something happen to the object and returns the event.
func (p *past) happen(t *rapid.T, now time.Time, mayDelete bool) (put, remove *trafficv1alpha1.Zone) {
	switch {
	case p.now == nil:
		last := p.puts[len(p.puts)-1]
		life := 0
		for c := zonetest.Now; !last.CreationTimestamp.Time.Equal(c); c = c.Add(time.Minute) {
			life++
		}
		p.now = zoneAt("a", life+1, 1)
	case mayDelete && rapid.IntRange(0, 5).Draw(t, "deleted") == 0:
		p.removes = append(p.removes, p.now)
		remove, p.now = p.now, nil
		p.lists = append(p.lists, listed{now, nil})
		return nil, remove
	default:
		next := p.now.DeepCopy()
		next.Generation++
		next.ResourceVersion += "+"
		p.now = next
	}
	p.puts = append(p.puts, p.now)
	p.lists = append(p.lists, listed{now, p.now})
	return p.now, nil
}

// What was said before arrives again, late and in any order, between what is new. Lists lag by less
// than ConfirmAfter, or are empty for a moment. Nothing ever goes back, and nothing that was never
// deleted is ever missing; and when the hub is calm again, what is held is what it has.
func TestLateRepeatedAndReorderedEventsDoNotGoBack(t *testing.T) {
	for name, mayDelete := range map[string]bool{"without deletions": false, "with deletions": true} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				h, now := New[*trafficv1alpha1.Zone](), zonetest.Now
				p := &past{now: zoneAt("a", 0, 1)}
				p.puts, p.lists = append(p.puts, p.now), append(p.lists, listed{now, p.now})
				h.Put(p.now)
				newest := p.now // that was ever held
				deleted := map[string]bool{}
				for range rapid.IntRange(1, 60).Draw(t, "steps") {
					now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond)
					switch rapid.IntRange(0, 4).Draw(t, "what") {
					case 0, 1:
						put, remove := p.happen(t, now, mayDelete)
						switch {
						case rapid.IntRange(0, 4).Draw(t, "lost") == 0:
							// The connection was lost; a list will tell.
						case put != nil:
							h.Put(put)
						default:
							if h.Remove(remove) {
								deleted[string(remove.UID)] = true
							}
						}
					case 2:
						h.Put(rapid.SampledFrom(p.puts).Draw(t, "again"))
					case 3:
						if len(p.removes) > 0 {
							if z := rapid.SampledFrom(p.removes).Draw(t, "again"); h.Remove(z) {
								deleted[string(z.UID)] = true
							}
						}
					case 4:
						l := rapid.SampledFrom(p.lists).Draw(t, "list")
						if now.Sub(l.at) < ConfirmAfter && l.zone != nil {
							h.Replace([]*trafficv1alpha1.Zone{l.zone}, l.at)
						}
					}
					all := h.All()
					if len(all) == 0 {
						if !deleted[string(newest.UID)] {
							t.Fatalf("nothing is held, and %s was not deleted", newest.UID)
						}
						continue
					}
					if deleted[string(all[0].UID)] {
						t.Fatalf("%s.%d is back from the dead", all[0].UID, all[0].Generation)
					}
					if older(all[0], newest) {
						t.Fatalf("went back from %s.%d to %s.%d", newest.UID, newest.Generation, all[0].UID, all[0].Generation)
					}
					newest = all[0]
				}
				// Calm: what there is is listed, for long enough.
				var list []*trafficv1alpha1.Zone
				if p.now != nil {
					list = append(list, p.now)
				}
				for range 3 {
					now = now.Add(ConfirmAfter)
					h.Replace(list, now)
				}
				got := h.All()
				if len(got) != len(list) || len(got) > 0 && (got[0].UID != p.now.UID || got[0].Generation != p.now.Generation) {
					t.Fatalf("holds %v, the hub has %v", contents(h), p.now)
				}
			})
		})
	}
}

func TestTheRememberedDeadAreBounded(t *testing.T) {
	h := New[*trafficv1alpha1.Zone]()
	for i := range 3 * mostGone {
		z := zoneAt("a", i, 1)
		h.Put(z)
		h.Remove(z)
		z.Name = string(z.UID)
		h.Put(z)
		h.Remove(z)
	}
	if len(h.gone) > mostGone {
		t.Errorf("%d are remembered", len(h.gone))
	}
	h.Replace(nil, zonetest.Now)
	if len(h.gone) > 0 {
		t.Errorf("%d are remembered after a list", len(h.gone))
	}
}
