package drill

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seaway-io/seaway/api/names"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// shops is a fleet with web in two clusters and api in three.
func shops(t *testing.T) *fleet {
	f := newFleet(t, "fra", "iad", "sin")
	f.deploy("web", "fra", "iad").asks(map[string]float64{"fra": 60, "iad": 60})
	f.deploy("api", "fra", "iad", "sin").asks(map[string]float64{"fra": 30, "iad": 30, "sin": 30})
	f.order("fra")
	return f
}

func TestWhatKeepsADrillFromStarting(t *testing.T) {
	for name, tc := range map[string]struct {
		given func(*fleet)
		want  string
	}{
		"nothing":                 {func(*fleet) {}, ""},
		"an unknown cluster":      {func(f *fleet) { f.order("lhr") }, "ClusterNotFound: there is no cluster lhr"},
		"a cluster that goes":     {func(f *fleet) { f.clusters["fra"].DeletionTimestamp = &metav1.Time{Time: noon} }, "ClusterLeaving"},
		"a person's drain":        {func(f *fleet) { f.drain("fra", "repairs") }, "AlreadyDrained: cluster fra is drained already (repairs)"},
		"another's mark":          {func(f *fleet) { f.drain("fra", Mark("other")) }, "AlreadyDrained"},
		"its own mark, left over": {func(f *fleet) { f.drain("fra", Mark("friday")) }, "AlreadyDrained"},
		"another drill":           {func(f *fleet) { f.others = []Other{{"other", []string{"sin"}}} }, "OtherDrill: drill other is in progress; spec.allowConcurrent"},
		"another drill, allowed": {func(f *fleet) {
			f.others = []Other{{"other", []string{"sin"}}}
			f.drill.Spec.AllowConcurrent = true
		}, ""},
		"another drill of the same cluster": {func(f *fleet) {
			f.others = []Other{{"other", []string{"sin", "fra"}}}
			f.drill.Spec.AllowConcurrent = true
		}, "OtherDrill: drill other has requests out of the same cluster"},
		"itself is no other":         {func(f *fleet) { f.others = []Other{{"friday", []string{"fra"}}} }, ""},
		"a lost cluster":             {func(f *fleet) { f.set("sin", false, false) }, "ClusterNotWhole: cluster sin is lost"},
		"an API server that is away": {func(f *fleet) { f.set("iad", false, true) }, "ClusterNotWhole: the control plane of cluster iad is lost"},
		"a data path that is broken": {func(f *fleet) { f.set("iad", true, false) }, "ClusterNotWhole: no request gets through to cluster iad"},
		"failover is held":           {func(f *fleet) { f.held = []string{"shop/web (HubIsolated)"} }, "FailoverHeld"},
		"no name server":             {func(f *fleet) { f.servers = nil }, "NoServers"},
		"a hold":                     {func(f *fleet) { f.apps[0].policy.Spec.Hold = &v1.Hold{Until: metav1.NewTime(noon.Add(time.Hour))} }, "Held: shop/web is held until 2026-05-01T13:00:00Z"},
		"a hold that is over":        {func(f *fleet) { f.apps[0].policy.Spec.Hold = &v1.Hold{Until: metav1.NewTime(noon)} }, ""},
		"a hold of somebody else": {func(f *fleet) {
			f.deploy("far", "sin").policy.Spec.Hold = &v1.Hold{Until: metav1.NewTime(noon.Add(time.Hour))}
		}, ""},
		"nothing is there":            {func(f *fleet) { f.apps = f.apps[:0] }, "NothingToDrain"},
		"an application nowhere else": {func(f *fleet) { f.deploy("alone", "fra") }, "NobodyLeft: no other cluster would answer for shop/alone"},
		"that, forced":                {func(f *fleet) { f.deploy("alone", "fra"); f.drill.Spec.Force = true }, ""},
		"too many requests":           {func(f *fleet) { f.apps[0].asks(map[string]float64{"fra": 100, "iad": 60}) }, "OverCapacity: a survivor would get more than it may: shop/web in iad 160.0 of 150.0 requests/s"},
		"just enough requests":        {func(f *fleet) { f.apps[0].asks(map[string]float64{"fra": 90, "iad": 60}) }, ""},
		"too many, forced":            {func(f *fleet) { f.apps[0].asks(map[string]float64{"fra": 100, "iad": 60}); f.drill.Spec.Force = true }, ""},
		"a limit above what it takes": {func(f *fleet) { f.apps[0].asks(map[string]float64{"fra": 100, "iad": 60}); limit(f, 120) }, ""},
		"a limit below what it takes": {func(f *fleet) { limit(f, 50) }, "OverCapacity"},
		"nobody measures":             {func(f *fleet) { f.apps[0].asks(nil); limit(f, 50) }, ""},
		"an edited policy has no limit": {func(f *fleet) {
			f.apps[0].policy.Spec.Capacity = nil
			f.apps[1].policy.Spec.Capacity = nil
			limit(f, 1)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := shops(t)
			tc.given(f)
			f.plan()
			w := f.world()
			p := Predict(w, f.drill.Spec.Clusters, Drain)
			got := ""
			if o := Check(w, f.drill, &p); o != nil {
				got = o.Reason + ": " + o.Message
			}
			if tc.want == "" && got != "" || !strings.HasPrefix(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func limit(f *fleet, percent int32) { f.drill.Spec.Abort.UtilizationAbove = &percent }

func TestPredict(t *testing.T) {
	for name, tc := range map[string]struct {
		given    func(*fleet)
		clusters []string
		change   Change
		want     []string
	}{
		"a drain": {func(*fleet) {}, []string{"fra"}, Drain, []string{
			"shop/api: clients of eu-central-1: fra -> iad (iad 60 of 150, sin 30 of 150)",
			"shop/web: clients of eu-central-1: fra -> iad (iad 120 of 150)",
			"in iad 2: 90 -> 180 of 300", "in sin 1: 30 -> 30 of 150",
		}},
		"of two": {func(*fleet) {}, []string{"sin", "fra"}, Drain, []string{
			"shop/api: clients of ap-southeast-1: sin -> iad; clients of eu-central-1: fra -> iad (iad 90 of 150)",
			"shop/web: clients of eu-central-1: fra -> iad (iad 120 of 150)",
			"in iad 2: 90 -> 210 of 300",
		}},
		"of all": {func(*fleet) {}, []string{"sin", "fra", "iad"}, Drain, []string{"shop/api: stays ()", "shop/web: stays ()"}},
		"of a cluster that others are drained besides": {func(f *fleet) { f.drain("iad", "repairs") }, []string{"fra"}, Drain, []string{
			"shop/api: clients of eu-central-1: fra -> sin; clients of us-east-1: fra -> sin (iad 0 of 150, sin 90 of 150)",
			"shop/web: stays (iad 60 of 150)",
			"in iad 2: 0 -> 60 of 300", "in sin 1: 30 -> 90 of 150",
		}},
		"without a demand": {func(f *fleet) { f.apps[0].asks(nil); f.apps = f.apps[:1] }, []string{"fra"}, Drain, []string{
			"shop/web: clients of eu-central-1: fra -> iad (iad 0 of 150)", "in iad 1: 0 -> 0 of 0",
		}},
		"the end of a drain": {func(f *fleet) { f.drain("fra", "repairs"); f.apps = f.apps[:1] }, []string{"fra"}, Undrain, []string{
			"shop/web: clients of eu-central-1: iad -> fra 25 % + iad 75 % (iad 105 of 150)", "in iad 1: 120 -> 105 of 150",
		}},
		"an edit": {func(f *fleet) {
			f.plan()
			f.apps = f.apps[:1]
			f.apps[0].policy.Spec.Drain = []v1.Drain{{Cluster: "iad"}}
		}, []string{"iad"}, Edited, []string{
			"shop/web: clients of us-east-1: iad -> fra (fra 120 of 150)", "in fra 1: 60 -> 120 of 150",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := shops(t)
			tc.given(f)
			if tc.change != Edited {
				f.plan()
			}
			f.now = f.now.Add(10 * time.Minute)
			p := Predict(f.world(), tc.clusters, tc.change)
			if diff := cmp.Diff(tc.want, describe(&p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func describe(p *Prediction) (out []string) {
	for _, a := range p.Apps {
		moved := a.Moved
		if a.Serving && a.NobodyLeft {
			moved = "stays"
		}
		var loads []string
		for _, l := range a.Loads {
			if !l.Drained {
				loads = append(loads, fmt.Sprintf("%s %.0f of %.0f", l.Cluster, l.After, l.Capacity))
			}
		}
		out = append(out, fmt.Sprintf("%s: %s (%s)", a.Application, moved, strings.Join(loads, ", ")))
	}
	for _, s := range p.Survivors {
		out = append(out, fmt.Sprintf("in %s %d: %.0f -> %.0f of %.0f", s.Cluster, s.Applications, s.Before, s.After, s.Capacity))
	}
	return out
}

func TestAPredictionChangesNothing(t *testing.T) {
	f := shops(t)
	f.plan()
	w := f.world()
	before := f.apps[0].plan.DeepCopy()
	cluster := f.clusters["fra"].DeepCopy()
	Predict(w, []string{"fra"}, Drain)
	if diff := cmp.Diff(before, f.apps[0].plan); diff != "" {
		t.Errorf("the plan:\n%s", diff)
	}
	if diff := cmp.Diff(cluster, f.clusters["fra"]); diff != "" {
		t.Errorf("the cluster:\n%s", diff)
	}
}

// TestAPredictionComesTrue compares what was predicted with what the planner does.
func TestAPredictionComesTrue(t *testing.T) {
	f := shops(t)
	f.plan()
	p := Predict(f.world(), []string{"fra"}, Drain)
	f.drain("fra", Mark("friday"))
	f.plan()
	for i, a := range []int{1, 0} { // by name
		is := loads(&f.apps[a].plan.Spec, f.measured(f.apps[a]))
		for _, l := range p.Apps[i].Loads {
			if is[l.Cluster] != l.After {
				t.Errorf("%s in %s: predicted %v, is %v", p.Apps[i].Application, l.Cluster, l.After, is[l.Cluster])
			}
		}
	}
}

func TestWhoIsBehind(t *testing.T) {
	f := shops(t)
	f.drill.Status.Phase = v1.DrillDraining
	key := types.NamespacedName{Namespace: "shop", Name: "web"}
	f.apps = f.apps[:1]
	f.plan()
	f.apps[0].plan.Generation = 1
	served := map[string]int64{"ns1": 1, "ns2": 1}
	behind := func() []string {
		return f.followers.Behind(f.world(), f.drill, func(k types.NamespacedName) map[string]int64 {
			if k != key {
				t.Errorf("asked about %s", k)
			}
			return served
		})
	}
	for _, tc := range []struct {
		what string
		do   func()
		want []string
	}{
		{"the planner has done nothing yet", func() {}, []string{"the planner (shop/web)"}},
		{"it has", func() { f.drain("fra", Mark("friday")); f.plan() }, []string{"name server ns1 (shop/web)", "name server ns2 (shop/web)"}},
		{"one follows, and the plan changes again", func() { served["ns1"] = 2; f.apps[0].plan.Generation = 9 }, []string{"name server ns2 (shop/web)"}},
		{"the other follows", func() { served["ns2"] = 3 }, nil},
		{"nobody remembers", func() { f.followers = &Followers{} }, []string{"name server ns1 (shop/web)", "name server ns2 (shop/web)"}},
		{"the way back", func() { f.drill.Status.Phase = v1.DrillRestoring }, []string{"shop/web in fra (Draining, 0 %)"}},
		{"in steps", func() { f.drain("fra", ""); f.now = noon.Add(10 * time.Minute); f.plan() }, []string{"shop/web in fra (Recovering, 25 %)"}},
		{"a person drains it", func() {
			f.drain("fra", "repairs")
			f.plan()
			served["ns1"], served["ns2"] = 99, 99
		}, nil},
	} {
		tc.do()
		if diff := cmp.Diff(tc.want, behind()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.what, diff)
		}
	}
}

func TestMarks(t *testing.T) {
	f := newFleet(t, "fra")
	if by, marked := Marker(f.clusters["fra"]); marked {
		t.Errorf("marked by %q", by)
	}
	f.drain("fra", "repairs")
	if by, marked := Marker(f.clusters["fra"]); marked {
		t.Errorf("marked by %q", by)
	}
	f.drain("fra", Mark("friday"))
	if by, marked := Marker(f.clusters["fra"]); !marked || by != "friday" || f.clusters["fra"].Annotations[names.DrainAnnotation] != "drill/friday" {
		t.Errorf("marked by %q, %t", by, marked)
	}
}
