package failover

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"pgregory.net/rapid"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// When what held a loss back is over, the loss is looked at anew: others may only be a little later.
func TestALossCountsAnewWhenItIsReleased(t *testing.T) {
	gone := func(d time.Duration) Cluster { return Cluster{Name: "a", ControlPlane: down(d), DataPath: down(d)} }
	as := func(name string, control, data Signal) Cluster {
		return Cluster{Name: name, ControlPlane: control, DataPath: data}
	}
	hour := time.Hour
	for name, tc := range map[string]struct {
		all []Cluster
		due time.Duration // from now; below 0 when it is left
	}{
		"nobody else was lost":                        {[]Cluster{gone(hour), fine("b"), fine("c")}, -1},
		"another came back a moment ago":              {[]Cluster{gone(hour), as("b", up(time.Second), up(time.Second)), fine("c")}, 14 * time.Second},
		"another came back a while ago":               {[]Cluster{gone(hour), as("b", up(15*time.Second), up(15*time.Second)), fine("c")}, -1},
		"its API came back, requests do not yet":      {[]Cluster{gone(hour), as("b", up(time.Second), down(hour)), fine("c")}, 14 * time.Second},
		"requests came back, its API does not yet":    {[]Cluster{gone(hour), as("b", down(hour), up(time.Second)), fine("c")}, 14 * time.Second},
		"the first signal to come back counts":        {[]Cluster{gone(hour), as("b", up(time.Second), up(10*time.Second)), fine("c")}, 5 * time.Second},
		"one signal was never lost":                   {[]Cluster{gone(hour), as("b", up(time.Second), up(2*hour)), as("c", up(2*hour), up(time.Second))}, -1},
		"requests were lost after its API came back":  {[]Cluster{gone(hour), as("b", up(5*time.Second), down(time.Second)), fine("c")}, 10 * time.Second},
		"it was lost again, in another window":        {[]Cluster{gone(hour), as("b", down(time.Second), down(time.Second)), fine("c")}, 14 * time.Second},
		"it came back before this one was lost":       {[]Cluster{gone(time.Minute), as("b", up(2*time.Minute), up(2*time.Minute)), fine("c")}, -1},
		"of six two may be lost: one came back":       {[]Cluster{gone(hour), as("b", up(time.Second), up(time.Second)), fine("c"), fine("d"), fine("e"), fine("f")}, -1},
		"of six two may be lost: two came back":       {[]Cluster{gone(hour), as("b", up(time.Second), up(time.Second)), as("c", up(3*time.Second), up(3*time.Second)), fine("d"), fine("e"), fine("f")}, 12 * time.Second},
		"of six two may be lost and are, one is back": {[]Cluster{gone(hour), as("b", down(hour), down(hour)), as("c", up(3*time.Second), up(3*time.Second)), fine("d"), fine("e"), fine("f")}, 12 * time.Second},
		"the hub reached nobody":                      {[]Cluster{gone(hour), as("b", up(4*time.Second), up(2*hour)), as("c", up(6*time.Second), up(2*hour))}, 9 * time.Second},
		"the hub reached a part":                      {[]Cluster{gone(time.Minute), as("b", up(4*time.Second), up(2*hour)), as("c", up(6*time.Second), up(2*hour)), fine("d")}, 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			d := NewSurvey(t0, tc.all).Decide(Binding{Placed: []string{"a"}, Terms: DefaultTerms()})
			if left := len(d.Evict) > 0; left != (tc.due < 0) || len(d.Held) > 0 {
				t.Fatalf("%+v", d)
			}
			if tc.due >= 0 && !d.RetryAt.Equal(t0.Add(tc.due)) {
				t.Errorf("due in %s, want %s", d.RetryAt.Sub(t0), tc.due)
			}
			d = NewSurvey(t0, tc.all).Decide(Binding{Placed: []string{"a"}, Terms: DefaultTerms(), MoveNow: []string{"a"}})
			if len(d.Evict) == 0 {
				t.Error("a person who says so waits")
			}
		})
	}
}

// Whatever is lost together and comes back one after the other: nothing is left within moveWorkloadsAfter
// of the end of the brake, whoever restarts meanwhile.
func TestNothingLeavesRightAfterTheBrake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := DefaultTerms()
		braked, released := map[string]bool{}, map[string]time.Time{}
		history(t, Binding{Placed: []string{"a", "b", "c", "d"}, Terms: terms}, func(now time.Time, all []Cluster, b Binding, d Decision) {
			s := NewSurvey(now, all)
			for _, c := range all {
				on := c.Lost() && s.tooMany(c.Name, terms.MaxUnavailable) != ""
				switch {
				case !c.Lost():
					delete(released, c.Name)
				case braked[c.Name] && !on:
					released[c.Name] = now
				}
				braked[c.Name] = on
			}
			for _, m := range d.Evict {
				if at, ok := released[m.Cluster]; ok && now.Sub(at) < terms.MoveAfter {
					t.Fatalf("%s is left at %s, held until %s", m.Cluster, now.Sub(t0), at.Sub(t0))
				}
			}
		})
	})
}

func on(text ...any) (out []workv1alpha2.TargetCluster) {
	for i := 0; i < len(text); i += 2 {
		out = append(out, workv1alpha2.TargetCluster{Name: text[i].(string), Replicas: int32(text[i+1].(int))})
	}
	return out
}

// bounds are lists, for a comparison.
type bounds struct{ Exclude, Only, Frozen []string }

func listed(b placement.Bounds) (out bounds) {
	for to, set := range map[*[]string]sets.Set[string]{&out.Exclude: b.Exclude, &out.Only: b.Only, &out.Frozen: b.Frozen} {
		if set.Len() > 0 {
			*to = sets.List(set)
		}
	}
	return out
}

func TestWhereALeaverMayGo(t *testing.T) {
	lost := func(name string) Cluster {
		return Cluster{Name: name, ControlPlane: down(time.Minute), DataPath: down(time.Minute)}
	}
	unreached := func(name string) Cluster {
		return Cluster{Name: name, ControlPlane: unknown(time.Minute), DataPath: up(time.Hour)}
	}
	for name, tc := range map[string]struct {
		all    []Cluster
		placed []workv1alpha2.TargetCluster
		want   bounds
	}{
		"everywhere else":                          {[]Cluster{lost("a"), fine("b"), fine("c")}, on("a", 1), bounds{Exclude: []string{"a"}}},
		"not where all is lost":                    {[]Cluster{lost("a"), lost("b"), fine("c")}, on("a", 1), bounds{Exclude: []string{"a", "b"}}},
		"what is in another lost cluster stays":    {[]Cluster{lost("a"), lost("b"), fine("c")}, on("a", 1, "b", 1), bounds{Exclude: []string{"a"}, Frozen: []string{"b"}}},
		"no more where the API is lost":            {[]Cluster{lost("a"), unreached("b"), fine("c")}, on("a", 1, "b", 1), bounds{Exclude: []string{"a"}, Frozen: []string{"b"}}},
		"nothing new where the API is lost":        {[]Cluster{lost("a"), unreached("b"), fine("c")}, on("a", 1), bounds{Exclude: []string{"a"}, Frozen: []string{"b"}}},
		"where requests do not get through it may": {[]Cluster{lost("a"), {Name: "b", ControlPlane: up(time.Hour), DataPath: down(time.Hour)}}, on("a", 1), bounds{Exclude: []string{"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := NewSurvey(t0, tc.all).Leave(tc.placed, []Move{{Cluster: "a"}})
			if diff := cmp.Diff(tc.want, listed(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func task(cluster string, replicas int32) workv1alpha2.GracefulEvictionTask {
	return workv1alpha2.GracefulEvictionTask{FromCluster: cluster, Replicas: &replicas, Producer: workv1alpha2.EvictionProducerFailover}
}

func status(healthy ...string) *workv1alpha2.ResourceBindingStatus {
	out := &workv1alpha2.ResourceBindingStatus{}
	for _, c := range healthy {
		out.AggregatedStatus = append(out.AggregatedStatus, workv1alpha2.AggregatedStatusItem{ClusterName: c, Health: workv1alpha2.ResourceHealthy})
	}
	return out
}

func TestTheWayBackIsBetweenWhereItRunsAndWhereItWas(t *testing.T) {
	all := []Cluster{fine("a"), fine("b"), fine("c"), fine("d"), {Name: "e", ControlPlane: down(time.Second), DataPath: up(time.Hour)}}
	other := workv1alpha2.GracefulEvictionTask{FromCluster: "d", Producer: workv1alpha2.EvictionProducerTaintManager}
	spec := &workv1alpha2.ResourceBindingSpec{Replicas: 6, Clusters: on("b", 3, "e", 3),
		GracefulEvictionTasks: []workv1alpha2.GracefulEvictionTask{task("a", 2), task("c", 2), other}}
	before := spec.DeepCopy()
	asked, within := NewSurvey(t0, all).Ask(Homecoming{Return: []Move{{Cluster: "a"}}, Spec: spec, Status: status()})
	if diff := cmp.Diff(bounds{Only: []string{"a", "b", "e"}, Frozen: []string{"e"}}, listed(within)); diff != "" {
		t.Errorf("bounds (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(on("b", 3, "e", 3, "a", 2), asked.Clusters); diff != "" {
		t.Errorf("what is there (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]workv1alpha2.GracefulEvictionTask{task("c", 2), other}, asked.GracefulEvictionTasks); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, spec); diff != "" {
		t.Errorf("the binding was changed (-before +after):\n%s", diff)
	}
}

func TestHowAReturnEnds(t *testing.T) {
	noData := Cluster{Name: "b", ControlPlane: up(time.Hour), DataPath: down(time.Hour)}
	noAPI := Cluster{Name: "b", ControlPlane: down(time.Hour), DataPath: up(time.Hour)}
	for name, tc := range map[string]struct {
		b       Cluster
		back    []string
		now     []workv1alpha2.TargetCluster
		anew    []workv1alpha2.TargetCluster
		healthy []string
		want    []workv1alpha2.TargetCluster // nil: it waits
	}{
		"home":                            {fine("b"), []string{"a"}, on("b", 6), on("a", 6), []string{"a"}, on("a", 6)},
		"home, not healthy yet":           {fine("b"), []string{"a"}, on("b", 6), on("a", 6), []string{"b"}, nil},
		"home, from what is not whole":    {noData, []string{"a"}, on("b", 6), on("a", 6), []string{"a"}, on("a", 6)},
		"shared":                          {fine("b"), []string{"a"}, on("b", 6), on("a", 3, "b", 3), []string{"a"}, on("a", 3, "b", 3)},
		"not home: where it runs":         {fine("b"), []string{"a"}, on("b", 6), on("b", 6), []string{"b"}, on("b", 6)},
		"not home: not divided anew":      {fine("b"), []string{"a"}, on("b", 3, "c", 3), on("c", 6), []string{"b", "c"}, on("b", 3, "c", 3)},
		"not home: all must be healthy":   {fine("b"), []string{"a"}, on("b", 3, "c", 3), on("c", 6), []string{"a", "c"}, nil},
		"the others do not get requests":  {noData, []string{"a"}, on("b", 6), on("b", 6), []string{"a", "b"}, nil},
		"the others are not reached":      {noAPI, []string{"a"}, on("b", 6), on("b", 6), []string{"a", "b"}, nil},
		"a part comes home":               {fine("b"), []string{"a", "c"}, on("b", 6), on("a", 3, "b", 3), []string{"a", "b", "c"}, on("a", 3, "b", 3)},
		"a part comes home: all healthy":  {fine("b"), []string{"a", "c"}, on("b", 6), on("a", 3, "b", 3), []string{"a", "c"}, nil},
		"a part comes home: all whole":    {noAPI, []string{"a", "c"}, on("b", 6), on("a", 3, "b", 3), []string{"a", "b", "c"}, nil},
		"kept empty is not home":          {fine("b"), []string{"a"}, on("b", 6), on("a", 0, "b", 6), []string{"b"}, on("b", 6)},
		"whole sets have no replicas":     {fine("b"), []string{"a"}, on("b", 0), on("a", 0), []string{"a"}, on("a", 0)},
		"nothing wanted any more: nobody": {fine("b"), []string{"a"}, on(), on(), nil, on()},
	} {
		t.Run(name, func(t *testing.T) {
			var moves []Move
			for _, c := range tc.back {
				moves = append(moves, Move{Cluster: c})
			}
			home := Homecoming{Return: moves, Spec: &workv1alpha2.ResourceBindingSpec{Replicas: 6, Clusters: tc.now}, Status: status(tc.healthy...)}
			to, ok := NewSurvey(t0, []Cluster{fine("a"), tc.b, fine("c")}).Settle(home, tc.anew)
			if wait := tc.want == nil && tc.anew != nil; ok == wait || ok && !cmp.Equal(to, tc.want) {
				t.Errorf("%v %v", to, ok)
			}
		})
	}
}

// A return and a departure are written together: what is in the lost cluster is kept in mind.
func TestAReturnThatLeavesAnother(t *testing.T) {
	spec := &workv1alpha2.ResourceBindingSpec{Replicas: 6, Clusters: on("b", 6), GracefulEvictionTasks: []workv1alpha2.GracefulEvictionTask{task("a", 6)}}
	home := Homecoming{Return: []Move{{Cluster: "a"}}, Evict: []Move{{"b", "it is lost"}}, Spec: spec.DeepCopy(), Status: status("a")}
	home.Rewrite(spec, on("a", 6), metav1.NewTime(t0))
	if len(spec.GracefulEvictionTasks) != 1 || spec.GracefulEvictionTasks[0].FromCluster != "b" || *spec.GracefulEvictionTasks[0].Replicas != 6 || !cmp.Equal(spec.Clusters, on("a", 6)) {
		t.Errorf("%+v", spec)
	}
}
