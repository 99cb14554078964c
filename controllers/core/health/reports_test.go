package health

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"pgregory.net/rapid"

	"github.com/seaway-io/seaway/api/traffic/quorum"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

var (
	noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	shop = types.NamespacedName{Namespace: "shop", Name: "shop"}
)

// seen is a report of one vantage point, renewed at a time, on the shop: cluster and verdict in turn.
func seen(vantage string, renewed time.Duration, verdicts ...string) *v1.EndpointHealth {
	p := v1.PlanHealth{Namespace: "shop", Name: "shop", Generation: 1}
	for i := 0; i < len(verdicts); i += 2 {
		p.Endpoints = append(p.Endpoints, v1.EndpointVerdict{Cluster: verdicts[i], Verdict: v1.Verdict(verdicts[i+1]), Message: "says " + vantage})
	}
	return &v1.EndpointHealth{
		ObjectMeta: metav1.ObjectMeta{Name: vantage},
		Spec: v1.EndpointHealthSpec{VantagePoint: vantage, RenewTime: metav1.NewMicroTime(noon.Add(renewed)), LeaseDurationSeconds: 30,
			Plans: []v1.PlanHealth{p}, Zones: []v1.ZoneServed{{Domain: "a.org", Generation: 1}}},
	}
}

func changed(plans, zones bool, clusters ...string) Changes {
	c := newChanges()
	if plans {
		c.Plans.Insert(shop)
	}
	if zones {
		c.Zones.Insert("a.org")
	}
	c.Clusters.Insert(clusters...)
	return c
}

func TestChanges(t *testing.T) {
	r := NewReports()
	expect := func(what string, got, want Changes, vantage bool) {
		t.Helper()
		want.VantagePoints = vantage
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	expect("the first report", r.Observe(seen("ns1", 0, "fra", "Healthy", "iad", "Healthy"), noon), changed(true, true, "fra", "iad"), true)
	expect("a heartbeat", r.Observe(seen("ns1", 10*time.Second, "fra", "Healthy", "iad", "Healthy"), noon.Add(10*time.Second)), changed(false, false), false)
	expect("a verdict", r.Observe(seen("ns1", 11*time.Second, "fra", "Unhealthy", "iad", "Healthy"), noon.Add(11*time.Second)), changed(true, false, "fra"), false)
	expect("an endpoint that is gone", r.Observe(seen("ns1", 12*time.Second, "fra", "Unhealthy"), noon.Add(12*time.Second)), changed(true, false, "iad"), false)

	newer := seen("ns1", 13*time.Second, "fra", "Unhealthy")
	newer.Spec.Plans[0].Generation = 2
	expect("a generation of the plan", r.Observe(newer, noon.Add(13*time.Second)), changed(true, false), false)
	zone := newer.DeepCopy()
	zone.Spec.Zones[0].Generation = 2
	expect("a generation of the zone", r.Observe(zone, noon.Add(14*time.Second)), changed(false, true), false)
	expect("time enough left", r.Expire(noon.Add(43*time.Second-1)), changed(false, false), false)
	if got := r.NextExpiry(); !got.Equal(noon.Add(43 * time.Second)) {
		t.Errorf("next expiry %s", got)
	}
	expect("silence", r.Expire(noon.Add(43*time.Second)), changed(true, true, "fra"), true)
	expect("more silence", r.Expire(noon.Add(time.Hour)), changed(false, false), false)
	expect("the same object again", r.Observe(zone, noon.Add(time.Hour)), changed(false, false), false)
	expect("the vantage point is back", r.Observe(seen("ns1", time.Hour, "fra", "Unhealthy"), noon.Add(time.Hour)), changed(true, true, "fra"), true)
	expect("it is deleted", r.Remove("ns1"), changed(true, true, "fra"), true)
	expect("it is deleted again", r.Remove("ns1"), changed(false, false), false)
}

func TestProblems(t *testing.T) {
	records := v1.ZoneObject{Kind: v1.KindZoneRecords, Name: "mail"}
	plan := v1.ZoneObject{Kind: v1.KindTrafficPlan, Namespace: "shop", Name: "shop"}
	of := func(o v1.ZoneObject, message string) v1.ZoneProblem {
		return v1.ZoneProblem{Object: o, Field: "spec", Message: message}
	}
	with := func(vantage string, renewed time.Duration, problems ...v1.ZoneProblem) *v1.EndpointHealth {
		obj := seen(vantage, renewed)
		obj.Spec.Zones[0].Problems = problems
		return obj
	}
	r := NewReports()
	r.Observe(with("ns1", 0), noon)
	r.Observe(with("ns2", 0), noon)
	got := r.Observe(with("ns1", time.Second, of(records, "a"), of(plan, "b")), noon)
	want := changed(true, true)
	want.Records.Insert("mail")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := r.Observe(with("ns1", 2*time.Second, of(records, "a"), of(plan, "b")), noon); got.Any() {
		t.Errorf("a heartbeat: %+v", got)
	}
	// Each is told once, whoever has it.
	r.Observe(with("ns2", time.Second, of(records, "a"), of(records, "c")), noon.Add(time.Second))
	if diff := cmp.Diff([]v1.ZoneProblem{of(records, "a"), of(records, "c")}, r.Problems(records)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]v1.ZoneProblem{of(plan, "b")}, r.Problems(plan)); diff != "" {
		t.Error(diff)
	}
	// Who is silent does not serve.
	if got := r.Expire(noon.Add(30 * time.Second)); !got.Records.Has("mail") || !got.Plans.Has(shop) || !got.Zones.Has("a.org") {
		t.Errorf("%+v", got)
	}
	if got := r.Problems(plan); got != nil {
		t.Error(got)
	}
	if got := r.Remove("ns2"); !got.Records.Has("mail") || r.Problems(records) != nil {
		t.Errorf("%+v", got)
	}
}

func TestFreshness(t *testing.T) {
	for name, tc := range map[string]struct {
		renewed time.Duration // before the reader sees it for the first time
		fresh   bool
	}{
		"just now":                       {0, true},
		"within the skew of the clocks":  {80 * time.Second, true},
		"by an author who is long gone":  {time.Hour, false},
		"by a clock that is an hour off": {-time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReports()
			r.Observe(seen("ns1", -tc.renewed, "fra", "Healthy"), noon)
			if got := len(r.Live()) == 1; got != tc.fresh {
				t.Errorf("fresh: %t", got)
			}
			// However wrong its clock: who renews is alive.
			r.Observe(seen("ns1", -tc.renewed+10*time.Second, "fra", "Healthy"), noon.Add(10*time.Second))
			if len(r.Live()) != 1 {
				t.Error("renewed, and not alive")
			}
		})
	}
}

func TestOpinion(t *testing.T) {
	r := NewReports()
	for i, v := range []string{"Unhealthy", "Healthy", "Unhealthy"} {
		r.Observe(seen(fmt.Sprintf("ns%d", i+1), 0, "fra", v), noon)
	}
	if diff := cmp.Diff(Opinion{v1.VerdictUnhealthy, "says ns1"}, r.Opinion(shop, "fra")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Opinion{Verdict: v1.VerdictUnknown}, r.Opinion(shop, "iad")); diff != "" {
		t.Error(diff)
	}
	// One vantage point may spread its report over objects; it has one vote for each endpoint.
	split := seen("ns2", 0, "fra", "Healthy")
	split.Name = "ns2-second"
	r.Observe(split, noon)
	if got := r.Opinion(shop, "fra").Verdict; got != v1.VerdictUnhealthy {
		t.Errorf("ns2 voted twice: %s", got)
	}
	if diff := cmp.Diff(map[string]int64{"ns1": 1, "ns2": 1, "ns3": 1}, r.PlanGenerations(shop)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int64{"ns1": 0, "ns2": 0, "ns3": 0}, r.ZoneGenerations("b.org")); diff != "" {
		t.Error(diff)
	}
	r.Remove("ns3")
	if got := r.Opinion(shop, "fra").Verdict; got != v1.VerdictHealthy {
		t.Errorf("one of two is no majority: %s", got)
	}
}

func TestDataPath(t *testing.T) {
	reports := func(verdicts map[string]string) *Reports {
		obj := seen("ns1", 0)
		obj.Spec.Plans = nil
		for name, v := range verdicts {
			obj.Spec.Plans = append(obj.Spec.Plans, v1.PlanHealth{Namespace: "shop", Name: name,
				Endpoints: []v1.EndpointVerdict{{Cluster: "fra", Verdict: v1.Verdict(v)}}})
		}
		r := NewReports()
		r.Observe(obj, noon)
		return r
	}
	for name, tc := range map[string]struct {
		verdicts map[string]string
		want     string
	}{
		"nothing is probed":       {nil, "Unknown NotProbed: no application in the cluster is probed"},
		"nobody knows yet":        {map[string]string{"a": "Unknown"}, "Unknown NotProbed: no application in the cluster is probed"},
		"all is well":             {map[string]string{"a": "Healthy", "b": "Healthy", "c": "Unknown"}, "True RequestsGetThrough: requests get through"},
		"one application is down": {map[string]string{"a": "Healthy", "b": "Unhealthy"}, "True RequestsGetThrough: requests get through, but not to shop/b"},
		"all are down":            {map[string]string{"a": "Unhealthy", "b": "Unhealthy", "c": "Unknown"}, "False NoRequestGetsThrough: requests get through to none of shop/a, shop/b"},
		"many are down":           {map[string]string{"1": "Unhealthy", "2": "Unhealthy", "3": "Unhealthy", "4": "Unhealthy", "5": "Unhealthy", "6": "Unhealthy", "7": "Unhealthy"}, "False NoRequestGetsThrough: requests get through to none of shop/1, shop/2, shop/3, shop/4, shop/5 and 2 more"},
	} {
		t.Run(name, func(t *testing.T) {
			c := reports(tc.verdicts).DataPath("fra")
			if diff := cmp.Diff(tc.want, fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What Observe, Remove and Expire say has changed is all that has changed, and opinions are those of
// the vantage points that spoke within their lease, whatever came before.
func TestReportsAgreeWithTheirHistory(t *testing.T) {
	clusters := []string{"fra", "iad"}
	rapid.Check(t, func(t *rapid.T) {
		r := NewReports()
		now := noon
		type word struct {
			verdicts map[string]v1.Verdict
			at       time.Time
		}
		last := map[string]word{}
		opinions := func() map[string]Opinion {
			out := map[string]Opinion{}
			for _, c := range clusters {
				out[c] = Opinion{Verdict: r.Opinion(shop, c).Verdict}
			}
			return out
		}
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			before := opinions()
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			changes := r.Expire(now)
			vantage := rapid.SampledFrom([]string{"ns1", "ns2", "ns3"}).Draw(t, "vantage")
			if rapid.IntRange(0, 4).Draw(t, "removed") == 0 {
				changes.add(r.Remove(vantage))
				delete(last, vantage)
			} else {
				w := word{map[string]v1.Verdict{}, now}
				obj := seen(vantage, now.Sub(noon))
				for _, c := range clusters {
					w.verdicts[c] = rapid.SampledFrom([]v1.Verdict{v1.VerdictHealthy, v1.VerdictUnhealthy, v1.VerdictUnknown}).Draw(t, "verdict")
					obj.Spec.Plans[0].Endpoints = append(obj.Spec.Plans[0].Endpoints, v1.EndpointVerdict{Cluster: c, Verdict: w.verdicts[c]})
				}
				// At the same instant nothing new can be told: the renewTime would be the same.
				changes.add(r.Observe(obj, now))
				last[vantage] = w
			}
			after := opinions()
			for _, c := range clusters {
				var votes []v1.Verdict
				for _, w := range last {
					if now.Sub(w.at) < 30*time.Second {
						votes = append(votes, w.verdicts[c])
					}
				}
				if want := quorum.Decide(votes); after[c].Verdict != want {
					t.Fatalf("%s is %s, want %s", c, after[c].Verdict, want)
				}
				if before[c] != after[c] && !(changes.Clusters.Has(c) && changes.Plans.Has(shop)) {
					t.Fatalf("%s went from %v to %v unmentioned in %v", c, before[c], after[c], changes)
				}
			}
			if next := r.NextExpiry(); !next.IsZero() && !next.After(now) {
				t.Fatalf("something should have expired at %s, and it is %s", next, now)
			}
		}
	})
}

func TestAnyChange(t *testing.T) {
	if newChanges().Any() || !(Changes{VantagePoints: true}).Any() || !(Changes{Zones: sets.New("a")}).Any() {
		t.Error("wrong")
	}
}

// Whoever writes a report may list its endpoints in any order.
func TestEndpointsInAnyOrder(t *testing.T) {
	r := NewReports()
	r.Observe(seen("ns1", 0, "sin", "Healthy", "fra", "Unhealthy", "iad", "Healthy"), noon)
	for cluster, want := range map[string]v1.Verdict{"fra": v1.VerdictUnhealthy, "iad": v1.VerdictHealthy, "sin": v1.VerdictHealthy, "dub": v1.VerdictUnknown} {
		if got := r.Opinion(shop, cluster).Verdict; got != want {
			t.Errorf("%s is %s, want %s", cluster, got, want)
		}
	}
}
