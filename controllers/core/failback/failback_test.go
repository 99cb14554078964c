package failback

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

var t0 = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// at reads "a:3 b:2".
func at(text string) (out []workv1alpha2.TargetCluster) {
	for _, f := range strings.Fields(text) {
		t := workv1alpha2.TargetCluster{}
		name, n, _ := strings.Cut(f, ":")
		t.Name = name
		_, _ = fmt.Sscan(n, &t.Replicas)
		out = append(out, t)
	}
	return out
}

func show(targets []workv1alpha2.TargetCluster) string {
	if targets == nil {
		return ""
	}
	return strings.Trim(strings.ReplaceAll(placement.Targets(targets), ",", ""), "{}")
}

// ready reports the given ready replicas.
func ready(text string) (out []workv1alpha2.AggregatedStatusItem) {
	for _, t := range at(text) {
		out = append(out, workv1alpha2.AggregatedStatusItem{ClusterName: t.Name, Applied: true, Health: workv1alpha2.ResourceHealthy,
			Status: &runtime.RawExtension{Raw: fmt.Appendf(nil, `{"replicas":%d,"readyReplicas":%d}`, t.Replicas, t.Replicas)}})
	}
	return out
}

func health(h workv1alpha2.ResourceHealth, names ...string) (out []workv1alpha2.AggregatedStatusItem) {
	for _, name := range names {
		out = append(out, workv1alpha2.AggregatedStatusItem{ClusterName: name, Applied: true, Health: h})
	}
	return out
}

// state is that of ten divided replicas for which the earlier group has been stable for an hour.
func state(present, goal string, reports []workv1alpha2.AggregatedStatusItem, change func(*State)) State {
	s := State{
		Now: t0, Terms: DefaultTerms(), Replicas: 10, Divided: true, Workload: true,
		Present: at(present), Goal: at(goal), Reports: reports,
		StableSince: t0.Add(-time.Hour), LastStep: t0.Add(-time.Hour),
	}
	for _, t := range s.Present {
		if strings.HasPrefix(t.Name, "e") { // the earlier group's clusters are e1, e2 ..., the later one's l1, l2 ...
			s.Strays = append(s.Strays, t.Name)
		}
	}
	if change != nil {
		change(&s)
	}
	return s
}

func TestNextOfDividedReplicas(t *testing.T) {
	recent := func(s *State) { s.LastStep = t0.Add(-10 * time.Second) }
	broken := func(s *State) { s.Goal, s.StableSince = nil, time.Time{} }
	flapping := func(s *State) { s.StableSince = time.Time{} }
	replicas := func(n int32) func(*State) { return func(s *State) { s.Replicas = n } }
	both := func(fs ...func(*State)) func(*State) {
		return func(s *State) {
			for _, f := range fs {
				f(s)
			}
		}
	}
	tests := map[string]struct {
		s       State
		to      string
		done    bool
		holds   bool
		retryIn time.Duration
	}{
		"nowhere to go back to": {s: state("l1:10", "", ready("l1:10"), broken)},
		"the group was whole for a minute only": {s: state("l1:10", "e1:10", ready("l1:10"), func(s *State) { s.StableSince = t0.Add(-time.Minute) }),
			retryIn: 4 * time.Minute},
		"the first step adds":             {s: state("l1:10", "e1:10", ready("l1:10"), nil), to: "e1:3 l1:10", holds: true},
		"a step is spread over the group": {s: state("l1:10", "e1:5 e2:5", ready("l1:10"), nil), to: "e1:2 e2:1 l1:10", holds: true},
		"its replicas are waited for":     {s: state("e1:3 l1:10", "e1:10", ready("e1:2 l1:10"), nil), holds: true},
		"and nothing is reported yet":     {s: state("e1:3 l1:10", "e1:10", ready("l1:10"), nil), holds: true},
		"then as many leave":              {s: state("e1:3 l1:10", "e1:10", ready("e1:3 l1:10"), nil), to: "e1:3 l1:7", holds: true},
		"from all clusters alike":         {s: state("e1:4 l1:5 l2:5", "e1:10", ready("e1:4 l1:5 l2:5"), nil), to: "e1:4 l1:3 l2:3", holds: true},
		"those that are not ready first":  {s: state("e1:4 l1:5 l2:5", "e1:10", ready("e1:4 l1:5 l2:1"), nil), to: "e1:4 l1:5 l2:1", holds: true},
		"leaving does not wait for stability": {s: state("e1:3 l1:10", "e1:10", ready("e1:3 l1:10"), flapping),
			to: "e1:3 l1:7", holds: true},
		"the next step has its time":           {s: state("e1:3 l1:7", "e1:10", ready("e1:3 l1:7"), recent), holds: true, retryIn: 20 * time.Second},
		"and comes":                            {s: state("e1:3 l1:7", "e1:10", ready("e1:3 l1:7"), nil), to: "e1:6 l1:7", holds: true},
		"a break stops it":                     {s: state("e1:3 l1:7", "e1:10", ready("e1:3 l1:7"), flapping)},
		"a break in a step gives it up":        {s: state("e1:6 l1:7", "e1:10", ready("e1:3 l1:7"), flapping), to: "e1:3 l1:7", holds: true},
		"the group does not fit any more":      {s: state("e1:6 l1:7", "", ready("e1:4 l1:7"), broken), to: "e1:4 l1:6", holds: true},
		"nor at rest: what runs there stays":   {s: state("e1:6 l1:4", "", ready("e1:6 l1:4"), broken)},
		"the last step is small":               {s: state("e1:9 l1:1", "e1:10", ready("e1:9 l1:1"), nil), to: "e1:10 l1:1", holds: true},
		"and its end is the end":               {s: state("e1:10 l1:1", "e1:10", ready("e1:10 l1:1"), nil), to: "e1:10", done: true, holds: true},
		"back already":                         {s: state("e1:10", "e1:10", nil, flapping), done: true, holds: true},
		"groups that overlap":                  {s: state("e1:5 l1:5", "e1:10", ready("e1:5 l1:5"), func(s *State) { s.Strays = nil }), to: "e1:8 l1:5", holds: true},
		"scaled up midway":                     {s: state("e1:3 l1:7", "e1:16", ready("e1:3 l1:7"), both(replicas(16), recent)), to: "e1:9 l1:7", holds: true},
		"scaled up before the first step":      {s: state("l1:10", "e1:16", ready("l1:10"), replicas(16)), to: "e1:6 l1:10", holds: true},
		"scaled up before it is stable":        {s: state("l1:10", "e1:16", ready("l1:10"), both(replicas(16), flapping))},
		"scaled up while the group is broken":  {s: state("e1:3 l1:7", "", ready("e1:3 l1:7"), both(replicas(16), broken))},
		"scaled down before the first step":    {s: state("l1:10", "e1:4", ready("l1:10"), replicas(4)), to: "e1:1 l1:10", holds: true},
		"scaled down midway":                   {s: state("e1:3 l1:7", "e1:6", ready("e1:3 l1:7"), replicas(6)), to: "e1:3 l1:3", holds: true},
		"scaled down in a step: what is spare": {s: state("e1:2 l1:8", "e1:6", ready("l1:8"), replicas(6)), to: "e1:2 l1:6", holds: true},
		"scaled down below what is there already": {s: state("e1:6 l1:4", "", ready("e1:6 l1:4"), both(replicas(2), broken)),
			to: "e1:2", holds: true},
		"scaled to nothing": {s: state("e1:6 l1:4", "", ready("e1:6 l1:4"), func(s *State) { s.Replicas, s.Goal = 0, []workv1alpha2.TargetCluster{} }),
			to: "", done: true, holds: true},
		"health that may be old is not trusted": {s: state("e1:6 l1:7", "e1:10", health("Healthy", "e1", "l1"), recent), holds: true, retryIn: 20 * time.Second},
		"health that has lasted is":             {s: state("e1:6 l1:7", "e1:10", health("Healthy", "e1", "l1"), nil), to: "e1:6 l1:4", holds: true},
		"all at once, when asked for":           {s: state("l1:10", "e1:10", nil, func(s *State) { s.Terms.StepPercent = 100 }), to: "e1:10 l1:10", holds: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { check(t, tt.s, tt.to, tt.done, tt.holds, tt.retryIn) })
	}
}

func check(t *testing.T, s State, to string, done, holds bool, retryIn time.Duration) {
	t.Helper()
	got := Next(s)
	want := Step{Done: done, Holds: holds}
	if retryIn > 0 {
		want.RetryAt = t0.Add(retryIn)
	}
	if diff := cmp.Diff(to, show(got.Clusters)); diff != "" {
		t.Errorf("placement (-want +got):\n%s", diff)
	}
	got.Clusters = nil
	if got.Holds && got.Why == "" {
		t.Error("it does not say why")
	}
	got.Why = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("step (-want +got):\n%s", diff)
	}
}

func TestNextOfWhatIsNotDivided(t *testing.T) {
	whole := func(present, goal, later string, reports []workv1alpha2.AggregatedStatusItem, change func(*State)) State {
		return state(present, goal, reports, func(s *State) {
			s.Divided, s.Later = false, at(later)
			if change != nil {
				change(s)
			}
		})
	}
	flapping := func(s *State) { s.StableSince = time.Time{} }
	config := func(s *State) { s.Workload, s.Replicas = false, 0 }
	tests := map[string]struct {
		s       State
		to      string
		done    bool
		holds   bool
		retryIn time.Duration
	}{
		"not yet":                      {s: whole("l1:10", "e1:10", "l1:10", nil, func(s *State) { s.StableSince = t0 }), retryIn: 5 * time.Minute},
		"not at all":                   {s: whole("l1:10", "", "l1:10", nil, func(s *State) { s.Goal, s.StableSince = nil, time.Time{} })},
		"all of it is added":           {s: whole("l1:10", "e1:10 e2:10", "l1:10", nil, nil), to: "e1:10 e2:10 l1:10", holds: true},
		"it is waited for":             {s: whole("e1:10 l1:10", "e1:10", "l1:10", health("Unhealthy", "e1"), nil), holds: true},
		"by all of its clusters":       {s: whole("e1:10 e2:10 l1:10", "e1:10 e2:10", "l1:10", health("Healthy", "e1"), nil), holds: true},
		"by count too":                 {s: whole("e1:10 l1:10", "e1:10", "l1:10", ready("e1:9"), nil), holds: true},
		"then the others go":           {s: whole("e1:10 l1:10", "e1:10", "l1:10", ready("e1:10"), nil), to: "e1:10", done: true, holds: true},
		"the later group changes":      {s: whole("e1:10 l1:10", "e1:10", "l1:10 l2:10", nil, nil), to: "e1:10 l1:10 l2:10", holds: true},
		"the replicas change":          {s: whole("e1:8 l1:8", "e1:10", "l1:10", nil, nil), to: "e1:10 l1:10", holds: true},
		"a break holds what is there":  {s: whole("e1:10 l1:10", "e1:10", "l1:10", ready("e1:10"), flapping), holds: true},
		"a break and a scale":          {s: whole("e1:8 l1:8", "", "l1:10", nil, func(s *State) { s.Goal = nil; flapping(s) }), to: "e1:10 l1:10", holds: true},
		"back already":                 {s: whole("e1:10", "e1:10", "", nil, nil), done: true, holds: true},
		"what has no replicas":         {s: whole("l1", "e1", "l1", nil, config), to: "e1:0 l1:0", holds: true},
		"is there when it is applied":  {s: whole("e1 l1", "e1", "l1", health("Unknown", "e1"), config), to: "e1:0", done: true, holds: true},
		"but not when it is in danger": {s: whole("e1 l1", "e1", "l1", health("Unhealthy", "e1"), config), holds: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { check(t, tt.s, tt.to, tt.done, tt.holds, tt.retryIn) })
	}
}

// TestStory tells a whole way back, as it would be written: ten replicas, 25 percent every 30 s, pods
// ready after 12 s.
func TestStory(t *testing.T) {
	now, step := t0, 0
	w := &world{replicas: 10, present: map[string]int32{"l1": 10}, ready: map[string]int32{"l1": 10}, earlier: []string{"e1"}}
	stable, last := t0, t0.Add(-time.Hour)
	var story []string
	for range 200 {
		s := w.state(now, stable, last)
		next := Next(s)
		if next.Clusters != nil {
			story = append(story, fmt.Sprintf("%v %s", now.Sub(t0), show(next.Clusters)))
			w.write(next.Clusters)
			last, step = now, 0
		}
		if next.Done {
			break
		}
		now = now.Add(6 * time.Second)
		if step++; step == 2 {
			for name, n := range w.present {
				w.ready[name] = n
			}
		}
	}
	want := []string{
		"5m0s e1:3 l1:10", "5m12s e1:3 l1:7",
		"5m42s e1:6 l1:7", "5m54s e1:6 l1:4",
		"6m24s e1:9 l1:4", "6m36s e1:9 l1:1",
		"7m6s e1:10 l1:1", "7m18s e1:10",
	}
	if diff := cmp.Diff(want, story); diff != "" {
		t.Error(diff)
	}
}

// world is a workload in two groups, l1 to l3 and some of e1 to e3.
type world struct {
	replicas       int32
	present, ready map[string]int32
	earlier        []string
	static         bool // the goal is the same whatever is present, else what is present stays
}

func (w *world) sum() (present, ready int32) {
	for name, n := range w.present {
		present += n
		ready += min(n, w.ready[name])
	}
	return present, ready
}

func (w *world) write(to []workv1alpha2.TargetCluster) {
	w.present = map[string]int32{}
	for _, t := range to {
		w.present[t.Name] = t.Replicas
	}
	for name, n := range w.ready {
		w.ready[name] = min(n, w.present[name])
	}
}

func (w *world) goal() (out []workv1alpha2.TargetCluster) {
	out = []workv1alpha2.TargetCluster{}
	rest := w.replicas
	keep := map[string]int32{}
	for _, name := range w.earlier {
		if !w.static {
			keep[name] = min(w.present[name], rest)
			rest -= keep[name]
		}
	}
	shares := []placement.Share{}
	for i, name := range w.earlier {
		shares = append(shares, placement.Share{Cluster: name, Weight: int64(i + 1)})
	}
	placement.Divide(rest, shares, false)
	for _, x := range shares {
		if n := keep[x.Cluster] + x.Replicas; n > 0 {
			out = append(out, workv1alpha2.TargetCluster{Name: x.Cluster, Replicas: n})
		}
	}
	return out
}

func (w *world) state(now, stable, last time.Time) State {
	s := State{Now: now, Terms: DefaultTerms(), Replicas: w.replicas, Divided: true, Workload: true, StableSince: stable, LastStep: last}
	var names []string
	for name := range w.present {
		names = append(names, name)
	}
	slices.Sort(names)
	var reports []string
	for _, name := range names {
		s.Present = append(s.Present, workv1alpha2.TargetCluster{Name: name, Replicas: w.present[name]})
		reports = append(reports, fmt.Sprintf("%s:%d", name, w.ready[name]))
		if strings.HasPrefix(name, "e") {
			s.Strays = append(s.Strays, name)
		}
	}
	s.Reports = ready(strings.Join(reports, " "))
	if !stable.IsZero() {
		s.Goal = w.goal()
	}
	return s
}

// TestTheWayBack walks back under trouble: pods become ready when they like, the group breaks, somebody
// scales, the process restarts. When the trouble ends, so does the way.
func TestTheWayBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{replicas: rapid.Int32Range(0, 40).Draw(t, "replicas"), present: map[string]int32{}, ready: map[string]int32{}, static: rapid.Bool().Draw(t, "static")}
		w.earlier = []string{"e1", "e2", "e3"}[:rapid.IntRange(1, 3).Draw(t, "earlier")]
		shares := []placement.Share{{Cluster: "l1", Weight: 1}, {Cluster: "l2", Weight: 2}}
		placement.Divide(w.replicas, shares, false)
		for _, x := range shares {
			if x.Replicas > 0 {
				w.present[x.Cluster], w.ready[x.Cluster] = x.Replicas, x.Replicas
			}
		}
		terms := Terms{StableFor: time.Minute, StepEvery: 10 * time.Second, StepPercent: rapid.Int32Range(1, 100).Draw(t, "percent")}
		now, stable, last := t0, t0, t0.Add(-time.Hour)
		trouble := rapid.IntRange(0, 60).Draw(t, "trouble")
		edited, broken := false, false
		for round := 0; ; round++ {
			if round > 2000 {
				t.Fatalf("no end: %v of %d, ready %v", w.present, w.replicas, w.ready)
			}
			calm := round >= trouble
			if calm && stable.IsZero() {
				stable = now
			}
			if !calm {
				switch rapid.IntRange(0, 9).Draw(t, "event") {
				case 0:
					stable, broken = time.Time{}, true
				case 1:
					stable = now
				case 2:
					w.replicas, edited = rapid.Int32Range(0, 40).Draw(t, "scale"), true
				}
			}
			s := w.state(now, stable, last)
			s.Terms = terms
			before, readyBefore := w.sum()
			next := Next(s)
			if !cmp.Equal(next, Next(s)) {
				t.Fatal("the same state, another step")
			}
			if next.Clusters != nil {
				w.write(next.Clusters)
				last = now
				present, nowReady := w.sum()
				if present < w.replicas && present < before {
					t.Fatalf("%d of %d replicas: %+v", present, w.replicas, next)
				}
				if present < before && !broken && nowReady < min(readyBefore, w.replicas) {
					t.Fatalf("ready replicas drop from %d to %d of %d: %+v", readyBefore, nowReady, w.replicas, next)
				}
				if !edited && !broken && (present < w.replicas || present > w.replicas+max((w.replicas*terms.StepPercent+99)/100, 1)) {
					t.Fatalf("%d replicas, wanted are %d: %+v", present, w.replicas, next)
				}
			} else if present, _ := w.sum(); present < w.replicas && !next.Holds {
				// the scheduler places what is missing in the later group
				w.present["l1"] += w.replicas - present
			} else if present > w.replicas && !next.Holds {
				w.write(later(w))
			}
			if next.Done {
				if diff := cmp.Diff(show(w.goal()), show(w.state(now, stable, last).Present)); diff != "" {
					t.Fatal(diff)
				}
				return
			}
			now = now.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "seconds")) * time.Second)
			for _, name := range []string{"e1", "e2", "e3", "l1", "l2"} {
				if missing := w.present[name] - w.ready[name]; missing > 0 {
					w.ready[name] += rapid.Int32Range(min(1, missing), missing).Draw(t, "pods")
				}
			}
		}
	})
}

// later is what the scheduler makes of a workload that is scaled down before its way back begins.
func later(w *world) []workv1alpha2.TargetCluster {
	if w.replicas == 0 {
		return nil
	}
	return []workv1alpha2.TargetCluster{{Name: "l1", Replicas: w.replicas}}
}

// TestAWayBackWithoutTroubleHasFewSteps: every replica is added once and taken once, a step at a time.
func TestAWayBackWithoutTroubleHasFewSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int32Range(1, 500).Draw(t, "replicas")
		w := &world{replicas: n, present: map[string]int32{"l1": n}, ready: map[string]int32{"l1": n}, earlier: []string{"e1", "e2"}}
		now, last := t0, t0.Add(-time.Hour)
		writes, inEarlier := 0, int32(0)
		for range 100 {
			next := Next(w.state(now, t0.Add(-time.Hour), last))
			if next.Clusters != nil {
				w.write(next.Clusters)
				writes++
				last = now
				if e := w.present["e1"] + w.present["e2"]; e < inEarlier {
					t.Fatalf("the earlier group goes from %d to %d", inEarlier, e)
				} else {
					inEarlier = e
				}
			}
			if next.Done {
				if writes > 8 {
					t.Fatalf("%d writes", writes)
				}
				return
			}
			now = now.Add(30 * time.Second)
			for name, n := range w.present {
				w.ready[name] = n
			}
		}
		t.Fatal("no end")
	})
}

func TestTerms(t *testing.T) {
	a := Terms{StableFor: time.Minute, StepPercent: 50, StepEvery: time.Second}
	want := Terms{Manual: true, StableFor: 5 * time.Minute, StepPercent: 25, StepEvery: 30 * time.Second}
	manual := DefaultTerms()
	manual.Manual = true
	if diff := cmp.Diff(want, a.MoreCareful(manual)); diff != "" {
		t.Error(diff)
	}
}
