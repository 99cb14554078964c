package held

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// zoneAt is a Zone of a life (the UID, which also says when it was created) and a generation.
func zoneAt(name string, life, generation int) *trafficv1alpha1.Zone {
	z := &trafficv1alpha1.Zone{}
	z.Name, z.UID, z.Generation = name, types.UID(fmt.Sprint(life)), int64(generation)
	z.CreationTimestamp = metav1.NewTime(zonetest.Now.Add(time.Duration(life) * time.Minute))
	z.ResourceVersion = fmt.Sprintf("%d%03d", life, generation)
	return z
}

func contents(h *Objects[*trafficv1alpha1.Zone]) []string {
	out := []string{}
	for _, z := range h.All() {
		out = append(out, fmt.Sprintf("%s %s.%d", z.Name, z.UID, z.Generation))
	}
	return out
}

func TestHeld(t *testing.T) {
	type zones = []*trafficv1alpha1.Zone
	type step struct {
		after   int // seconds
		list    zones
		put     *trafficv1alpha1.Zone
		remove  *trafficv1alpha1.Zone
		want    []string
		suspect bool // doubts, or suspicious
	}
	a := func(life, generation int) *trafficv1alpha1.Zone { return zoneAt("a", life, generation) }
	b := zoneAt("b", 1, 1)
	both := []string{"a 1.5", "b 1.1"}
	for name, steps := range map[string][]step{
		"newer is taken at once": {
			{list: zones{a(1, 5), b}, want: both},
			{put: a(1, 6), want: []string{"a 1.6", "b 1.1"}},
			{list: zones{a(1, 7), b}, want: []string{"a 1.7", "b 1.1"}},
			{put: a(2, 1), want: []string{"a 2.1", "b 1.1"}},
		},
		"older is not": {
			{list: zones{a(1, 5), b}, want: both},
			{put: a(1, 4), want: both, suspect: true},
			{put: a(0, 9), want: both, suspect: true},
			{list: zones{a(1, 4), b}, want: both, suspect: true},
			{after: 29, list: zones{a(1, 4), b}, want: both, suspect: true},
		},
		"older is believed when two lists say so": {
			{list: zones{a(1, 5), b}, want: both},
			{put: a(1, 4), want: both, suspect: true},
			{after: 100, list: zones{a(1, 4), b}, want: both, suspect: true},
			{after: 30, list: zones{a(1, 4), b}, want: []string{"a 1.4", "b 1.1"}},
		},
		"two lists that say different things are no confirmation": {
			{list: zones{a(1, 5), b}, want: both},
			{list: zones{a(1, 4), b}, want: both, suspect: true},
			{after: 30, list: zones{a(1, 3), b}, want: both, suspect: true},
			{after: 30, list: zones{b}, want: both, suspect: true},
			{after: 30, list: zones{b}, want: []string{"b 1.1"}},
		},
		"deletions that are seen are believed": {
			{list: zones{a(1, 5), b}, want: both},
			{remove: a(1, 5), want: []string{"b 1.1"}},
			{remove: a(1, 5), want: []string{"b 1.1"}},
		},
		"a deletion of an earlier life is not": {
			{list: zones{a(2, 1)}, want: []string{"a 2.1"}},
			{remove: a(1, 5), want: []string{"a 2.1"}},
		},
		"an empty list changes nothing for half a minute": {
			{list: zones{a(1, 5), b}, want: both},
			{list: zones{}, want: both, suspect: true},
			{after: 29, list: zones{}, want: both, suspect: true},
			{after: 1, list: zones{}, want: []string{}},
		},
		"one that was mended in time changes nothing at all": {
			{list: zones{a(1, 5), b}, want: both},
			{list: zones{}, want: both, suspect: true},
			{after: 20, list: zones{a(1, 5), b}, want: both},
			{after: 20, list: zones{}, want: both, suspect: true},
			{after: 20, list: zones{b}, want: both, suspect: true},
			{after: 10, list: zones{b}, want: []string{"b 1.1"}},
		},
		"a watch that shows the object ends the doubt": {
			{list: zones{a(1, 5), b}, want: both},
			{list: zones{b}, want: both, suspect: true},
			{after: 20, put: a(1, 5), want: both},
			{after: 20, list: zones{b}, want: both, suspect: true},
		},
		"a new life after an unseen deletion is taken at once": {
			{list: zones{a(1, 5), b}, want: both},
			{list: zones{a(2, 1), b}, want: []string{"a 2.1", "b 1.1"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, now := New[*trafficv1alpha1.Zone](), zonetest.Now
			for i, s := range steps {
				now = now.Add(time.Duration(s.after) * time.Second)
				before := contents(h)
				var changed, suspect bool
				switch {
				case s.put != nil:
					changed, suspect = h.Put(s.put)
				case s.remove != nil:
					changed = h.Remove(s.remove)
				default:
					changed, suspect = h.Replace(s.list, now)
				}
				got := contents(h)
				if diff := cmp.Diff(s.want, got); diff != "" {
					t.Fatalf("step %d: %s", i, diff)
				}
				if suspect != s.suspect {
					t.Errorf("step %d: suspect %v", i, suspect)
				}
				if !cmp.Equal(before, got) && !changed {
					t.Errorf("step %d: a change that was not reported", i)
				}
			}
		})
	}
}

// Whatever comes in whatever order, nothing goes back within half a minute of being taken, but for
// deletions that were seen.
func TestHeldNeverGoesBackAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, now := New[*trafficv1alpha1.Zone](), zonetest.Now
		var taken time.Time // when what is held of "a" last went forward
		var last *trafficv1alpha1.Zone
		random := func() *trafficv1alpha1.Zone {
			return zoneAt("a", rapid.IntRange(0, 2).Draw(t, "life"), rapid.IntRange(1, 4).Draw(t, "generation"))
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			deleted := false
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				h.Put(random())
			case 1:
				h.Replace([]*trafficv1alpha1.Zone{random()}, now)
			case 2:
				h.Replace(nil, now)
			case 3:
				deleted = h.Remove(random())
			}
			var held *trafficv1alpha1.Zone
			if e := h.objects[types.NamespacedName{Name: "a"}]; e != nil {
				held = e.object
			}
			back := last != nil && (held == nil || older(held, last))
			if back && !deleted && now.Sub(taken) < ConfirmAfter {
				t.Fatalf("went back from %s.%d to %v after %v", last.UID, last.Generation, held, now.Sub(taken))
			}
			if held != nil && (last == nil || older(last, held) || held == last) {
				if held != last {
					taken = now
				}
			} else if back {
				taken = now
			}
			last = held
		}
	})
}
