package sim

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/epoch"
	"github.com/seaway-io/seaway/dns/core/held"
)

// writers are planners that write one plan: what is stored, all that ever was, and what each has read.
type writers struct {
	stored *v1.TrafficPlan
	ever   []*v1.TrafficPlan
	read   map[int64]*v1.TrafficPlan // by epoch of the writer: what its cache has
	lives  int
	leader int64
}

// write has a writer write what it makes of what it last read, if it may; its cache may be late.
func (w *writers) write(own int64, says int32, step int) (written bool) {
	next, read := &v1.TrafficPlanSpec{TTLSeconds: says, Tiers: []v1.PlanTier{{}}}, w.read[own]
	var before *v1.TrafficPlanSpec
	if read != nil {
		before = &read.Spec
	}
	if !epoch.Stamp(next, before, own) {
		return false
	}
	switch {
	case w.stored == nil && read == nil:
		w.lives++
		created := metav1.NewTime(Start) // as of the others: clocks tell nothing
		w.stored = &v1.TrafficPlan{ObjectMeta: metav1.ObjectMeta{Name: "web", UID: types.UID(fmt.Sprint(w.lives)), Generation: 1, CreationTimestamp: created}, Spec: *next}
	case w.stored == nil || read == nil || read.UID != w.stored.UID || read.Generation != w.stored.Generation:
		return false // the API server refuses: a conflict
	default:
		changed := w.stored.DeepCopy()
		changed.Spec = *next
		changed.Generation++
		w.stored = changed
	}
	w.stored.ResourceVersion = fmt.Sprint(step)
	w.ever = append(w.ever, w.stored)
	return true
}

// Two planners write, one of which has lost the lead and does not know; what they wrote arrives late,
// twice and out of order, and lists lag. Nothing that is stored goes back in epoch. A name server that
// held a plan holds one at every moment, and never one that is older; and when it is calm again it holds
// the plan of the one that leads.
func TestNoOrderOfTwoWritersTurnsAPlanBack(t *testing.T) {
	checks(t, 2000, 50_000)
	rapid.Check(t, func(t *rapid.T) {
		w := &writers{read: map[int64]*v1.TrafficPlan{}, leader: 2}
		server, now := held.New[*v1.TrafficPlan](), Start
		var before *v1.TrafficPlan
		for step := range rapid.IntRange(1, 80).Draw(t, "steps") {
			now = now.Add(Step / 2) // in all less than what a server takes to believe that something went back
			switch rapid.IntRange(0, 8).Draw(t, "what") {
			case 0, 1:
				own := rapid.Int64Range(w.leader-1, w.leader).Draw(t, "writer")
				was := w.stored
				if w.write(own, rapid.Int32Range(1, 3).Draw(t, "says"), step+1) && was != nil && w.stored.Spec.Epoch < was.Spec.Epoch {
					t.Fatalf("epoch %d was written over %d", w.stored.Spec.Epoch, was.Spec.Epoch)
				}
			case 2: // a writer's cache hears something, perhaps old
				if len(w.ever) > 0 {
					w.read[rapid.Int64Range(w.leader-1, w.leader).Draw(t, "reader")] = rapid.SampledFrom(w.ever).Draw(t, "read")
				}
			case 3, 4: // the server's watch brings something, again or late
				if len(w.ever) > 0 {
					server.Put(rapid.SampledFrom(w.ever).Draw(t, "event"))
				}
			case 5: // a list, from now
				if w.stored != nil {
					server.Replace([]*v1.TrafficPlan{w.stored}, now)
				}
			case 6:
				w.leader++
			case 7: // somebody deletes the plan; of that the server hears only by what comes after it
				w.stored = nil
			case 8: // a writer's cache hears that there is none
				if w.stored == nil {
					w.read[rapid.Int64Range(w.leader-1, w.leader).Draw(t, "reader")] = nil
				}
			}
			plan, holds := server.Get(types.NamespacedName{Name: "web"})
			switch {
			case before != nil && !holds:
				t.Fatal("the plan is gone")
			case before != nil && plan.UID == before.UID && plan.Generation < before.Generation:
				t.Fatalf("generation %d after %d", plan.Generation, before.Generation)
			case before != nil && plan.Spec.Epoch < before.Spec.Epoch:
				t.Fatalf("epoch %d after %d", plan.Spec.Epoch, before.Spec.Epoch)
			}
			if holds {
				before = plan
			}
		}
		// Calm: the leader reads what there is, and writes what it has to say.
		w.read[w.leader] = w.stored
		w.write(w.leader, 9, 1000)
		for range 2 {
			now = now.Add(held.ConfirmAfter)
			server.Replace([]*v1.TrafficPlan{w.stored}, now)
		}
		if plan, _ := server.Get(types.NamespacedName{Name: "web"}); plan == nil || plan.Spec.TTLSeconds != 9 || plan.Spec.Epoch != w.leader {
			t.Fatalf("holds %+v, the leader of epoch %d has written %+v", plan, w.leader, w.stored.Spec)
		}
		// Whoever comes late now writes nothing.
		for own := int64(1); own < w.leader; own++ {
			w.read[own] = w.stored
			if w.write(own, 1, 1001) {
				t.Fatalf("a writer of epoch %d has overwritten the plan of the leader, of epoch %d", own, w.leader)
			}
		}
	})
}
