package traffic

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	apinames "github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/residency"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

var worldNames = []string{"fra", "dub", "iad", "pdx", "sin"}

// happening is one thing that may befall the world.
func happening(t *rapid.T, w *world) {
	name := rapid.SampledFrom(worldNames[:len(w.members)]).Draw(t, "cluster")
	m := w.members[name]
	switch what := rapid.SampledFrom([]string{
		"verdict", "verdict", "verdict", "ready", "known", "control plane", "address", "exists",
		"vantage", "sleep", "sleep", "sleep", "strategy", "ramp", "delete", "kill", "revive", "region map", "remedy",
		"drain", "drain here", "hold", "spillover", "demand", "demand", "residency", "wall",
	}).Draw(t, "event"); what {
	case "verdict":
		m.Verdict = rapid.SampledFrom([]v1.Verdict{v1.VerdictHealthy, v1.VerdictUnhealthy, v1.VerdictUnknown}).Draw(t, what)
		m.VerdictMessage = rapid.SampledFrom([]string{"", "timeout", "refused"}).Draw(t, "why")
	case "ready":
		m.ReadyReplicas = rapid.Int32Range(0, 2).Draw(t, what)
	case "known":
		m.Known = !m.Known
	case "control plane":
		setReady(m.Cluster, rapid.Bool().Draw(t, what))
	case "address":
		m.Addresses = rapid.SampledFrom([][]string{nil, {"192.0.2.77"}, {"192.0.2.78", "2001:db8::1"}}).Draw(t, what)
	case "exists":
		m.Exists = !m.Exists
	case "vantage":
		w.vantage = rapid.IntRange(0, 2).Draw(t, what)
	case "sleep":
		w.sleep(time.Duration(rapid.Int64Range(1, int64(7*time.Minute)).Draw(t, what)))
	case "strategy":
		steer(t, w)
	case "ramp":
		w.policy.Spec.Failover.Failback = v1.Failback{
			StableFor:   &metav1.Duration{Duration: time.Duration(rapid.Int64Range(1, int64(10*time.Minute)).Draw(t, "stableFor"))},
			StepPercent: ptr.To(rapid.Int32Range(1, 100).Draw(t, "stepPercent")),
			StepEvery:   &metav1.Duration{Duration: time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Minute)).Draw(t, "stepEvery"))},
		}
	case "delete":
		if rapid.IntRange(0, 3).Draw(t, "really") == 0 {
			m.Cluster.DeletionTimestamp = &metav1.Time{Time: w.now}
		}
	case "remedy":
		m.Cluster.Status.RemedyActions = rapid.SampledFrom([][]string{nil, {"Other"}, {"Other", "TrafficControl"}}).Draw(t, what)
	case "drain":
		m.Cluster.Annotations = rapid.SampledFrom([]map[string]string{nil, {apinames.DrainAnnotation: "maintenance"}}).Draw(t, what)
	case "drain here":
		w.policy.Spec.Drain = rapid.SampledFrom([][]v1.Drain{nil, {{Cluster: name, Reason: "a bad release"}}}).Draw(t, what)
	case "hold":
		w.policy.Spec.Hold = nil
		if rapid.Bool().Draw(t, what) {
			w.policy.Spec.Hold = &v1.Hold{Until: metav1.NewTime(w.now.Add(5 * time.Minute).Truncate(time.Second))}
		}
	case "spillover":
		if s := w.policy.Spec.Steering.Strategy; s == v1.StrategyGeo || s == v1.StrategyOrdered || s == "" {
			w.policy.Spec.Capacity = &v1.Capacity{RequestsPerSecondPerReplica: resource.MustParse("50")}
			w.policy.Spec.Steering.Spillover = &v1.Spillover{TargetUtilization: rapid.Int32Range(1, 100).Draw(t, what)}
		}
	case "demand":
		w.demand = drawDemand(t, w)
	case "residency":
		w.policy.Spec.Residency = rapid.SampledFrom([]*v1.Residency{nil, {ClusterAffinity: policyv1alpha1.ClusterAffinity{ExcludeClusters: []string{name}}}}).Draw(t, what)
	case "wall":
		m.Cluster.Labels = rapid.SampledFrom([]map[string]string{{"geo": "eu"}, {"geo": "us"}}).Draw(t, "label")
		w.wall, _ = residency.Of(rapid.SampledFrom([]map[string]string{nil, {apinames.ResidencyAnnotation: "geo=eu"}, {apinames.ResidencyAnnotation: "geo!=us"}}).Draw(t, what))
	case "kill":
		w.kill(name)
	case "revive":
		w.revive(name)
	case "region map":
		w.regions = Regions{"ap-northeast-1": {Name: "ap-northeast-1"}, "nowhere": {Name: "nowhere"}}
	}
}

func drawDemand(t *rapid.T, w *world) *Demand {
	rate := rapid.Float64Range(0, 500)
	d := &Demand{At: w.now, Clusters: map[string]float64{}, Clients: map[string]float64{"": rate.Draw(t, "all")}}
	for _, name := range worldNames[:len(w.members)] {
		d.Clusters[name] = rate.Draw(t, name)
		d.Clients[w.members[name].Cluster.Spec.Region] = rate.Draw(t, "clients near "+name)
	}
	return d
}

func steer(t *rapid.T, w *world) {
	set := func() policyv1alpha1.ClusterAffinity {
		return policyv1alpha1.ClusterAffinity{ClusterNames: rapid.SliceOfNDistinct(rapid.SampledFrom(worldNames), 1, 3, rapid.ID).Draw(t, "set")}
	}
	s := v1.Steering{Strategy: rapid.SampledFrom([]v1.Strategy{v1.StrategyGeo, v1.StrategyEqual, v1.StrategyOrdered, v1.StrategyWeighted}).Draw(t, "strategy")}
	switch s.Strategy {
	case v1.StrategyOrdered:
		for range rapid.IntRange(1, 3).Draw(t, "tiers") {
			s.Tiers = append(s.Tiers, v1.Tier{ClusterAffinity: set()})
		}
	case v1.StrategyWeighted:
		for range rapid.IntRange(1, 3).Draw(t, "weights") {
			s.Weights = append(s.Weights, v1.ClusterWeight{ClusterAffinity: set(), Weight: rapid.Int32Range(0, 10000).Draw(t, "weight")})
		}
	}
	w.policy.Spec.Steering = s
	w.policy.Generation++
}

// Whatever happens, in whatever order, every plan keeps the promises.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, worldNames[:rapid.IntRange(1, len(worldNames)).Draw(rt, "clusters")]...)
		w.step()
		for range rapid.IntRange(1, 30).Draw(rt, "events") {
			happening(rt, w)
			out := w.step()
			checkPlan(rt, w)
			checkStable(rt, w, out)
		}
	})
}

// checkPlan looks at one plan by itself.
func checkPlan(t *rapid.T, w *world) {
	spec := w.plan
	lists := map[string][]v1.PlanTier{"": spec.Tiers}
	for _, r := range spec.Regions {
		lists[r.Name] = r.Tiers
	}
	addressed, shared := 0, 0
	for i := range spec.Endpoints {
		e := &spec.Endpoints[i]
		if reachable(e) {
			addressed++
		}
		if e.SharePercent > 0 {
			shared++
		}
		checkEndpoint(t, w, e)
	}
	if want := addressed > 0 && shared == 0; spec.FailOpen != want {
		t.Fatalf("failOpen is %t with %d addresses and %d shares", spec.FailOpen, addressed, shared)
	}
	for region, tiers := range lists {
		if addressed > 0 && len(tiers) == 0 {
			t.Fatalf("region %q is given nothing though there is an address", region)
		}
		for _, tier := range tiers {
			checkTier(t, w, region, tier)
		}
		for _, e := range spec.Endpoints {
			if e.SharePercent > 0 && !slices.ContainsFunc(tiers, func(tier v1.PlanTier) bool { return holds(tier, e.Cluster) }) {
				t.Fatalf("%s has a share of %d %% and is in no tier of region %q", e.Cluster, e.SharePercent, region)
			}
		}
	}
}

func checkEndpoint(t *rapid.T, w *world, e *v1.PlanEndpoint) {
	switch e.State {
	case v1.EndpointServing, v1.EndpointSuspect:
		if e.SharePercent != 100 || e.ReadyReplicas == 0 || w.members[e.Cluster].Verdict == v1.VerdictUnhealthy {
			t.Fatalf("should not be %s: %+v", e.State, e)
		}
		if lost := controlPlaneLost(w.members[e.Cluster].Cluster); lost != (e.State == v1.EndpointSuspect) {
			t.Fatalf("control plane lost: %t, but %s is %s", lost, e.Cluster, e.State)
		}
	case v1.EndpointRecovering:
		if e.ReadyReplicas == 0 || w.members[e.Cluster].Verdict == v1.VerdictUnhealthy {
			t.Fatalf("should not recover: %+v", e)
		}
	default:
		if e.SharePercent != 0 {
			t.Fatalf("%s has a share while %s", e.Cluster, e.State)
		}
	}
	c := w.members[e.Cluster].Cluster
	if inside := w.policy.Spec.Residency == nil || affinity.Matches(c, &w.policy.Spec.Residency.ClusterAffinity); !inside || !w.wall.Inside(c) {
		if e.State != v1.EndpointExcluded || reachable(e) {
			t.Fatalf("%s is outside of the wall: %+v", e.Cluster, e)
		}
	}
	if _, drained := c.Annotations[apinames.DrainAnnotation]; drained && e.SharePercent != 0 {
		t.Fatalf("%s has a share though it is drained: %+v", e.Cluster, e)
	}
	if Withdrawn(w.members[e.Cluster].Cluster) && e.SharePercent != 0 {
		t.Fatalf("%s has a share though a Remedy takes it out of traffic: %+v", e.Cluster, e)
	}
	if e.Reason == "" || e.Message == "" || e.Since.IsZero() || e.Since.After(w.now) {
		t.Fatalf("not explained: %+v", e)
	}
}

func checkTier(t *rapid.T, w *world, region string, tier v1.PlanTier) {
	var sum int64
	for _, c := range tier.Clusters {
		sum += int64(c.Weight)
		e := w.endpoint(c.Name)
		if e == nil || !reachable(e) {
			t.Fatalf("region %q: %s in a tier has no address", region, c.Name)
		}
		if c.Weight < 0 || c.Weight == 0 && w.policy.Spec.Steering.Strategy != v1.StrategyWeighted {
			t.Fatalf("region %q: %s has weight %d", region, c.Name, c.Weight)
		}
		if e.SharePercent == 0 && !w.plan.FailOpen {
			t.Fatalf("region %q: %s is in a tier while %s", region, c.Name, e.State)
		}
	}
	if sum == 0 || sum > math.MaxInt32 {
		t.Fatalf("region %q: the weights of a tier sum up to %d", region, sum)
	}
}

func holds(t v1.PlanTier, cluster string) bool {
	return slices.ContainsFunc(t.Clusters, func(c v1.WeightedCluster) bool { return c.Name == cluster })
}

// checkStable plans again from the stored plan: the order of the input changes nothing, nor does time
// before RequeueAfter, and at RequeueAfter something does change.
func checkStable(t *rapid.T, w *world, out Output) {
	at := func(now time.Time) string {
		in := w.input()
		in.Now = now
		slices.SortFunc(in.Clusters, func(a, b Member) int { return strings.Compare(b.Cluster.Name, a.Cluster.Name) })
		return text(w.t, Plan(in).Spec)
	}
	is := text(w.t, w.plan)
	for what, d := range map[string]time.Duration{"at once": 0, "just before time": max(out.RequeueAfter-1, 0)} {
		if got := at(w.now.Add(d)); got != is {
			t.Fatalf("planned again %s (after %s):\n%s\n%s", what, d, is, got)
		}
	}
	if out.RequeueAfter == 0 {
		if got := at(w.now.Add(1000 * time.Hour)); got != is {
			t.Fatalf("time changed the plan though no time was given:\n%s\n%s", is, got)
		}
	} else if hold := w.policy.Spec.Hold; at(w.now.Add(out.RequeueAfter)) == is && (hold == nil || !hold.Until.Time.Equal(w.now.Add(out.RequeueAfter))) {
		t.Fatalf("woken after %s for nothing: %s", out.RequeueAfter, is)
	}
}

// A recovery that nothing disturbs gives nothing before stableFor, never less than before, and all
// at the time that the policy promises.
func TestRampKeepsItsTimes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, "fra", "iad")
		stable := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(rt, "stableFor"))
		every := time.Duration(rapid.Int64Range(int64(time.Second), int64(5*time.Minute)).Draw(rt, "stepEvery"))
		percent := rapid.Int32Range(1, 100).Draw(rt, "stepPercent")
		w.policy.Spec.Failover.Failback = v1.Failback{StableFor: &metav1.Duration{Duration: stable}, StepEvery: &metav1.Duration{Duration: every}, StepPercent: &percent}
		w.now = w.now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(rt, "offset")))
		w.step()
		w.verdict("fra", v1.VerdictUnhealthy)
		w.sleep(time.Minute)
		w.verdict("fra", v1.VerdictHealthy)
		start := ceil(w.now).Time
		whole := stable + time.Duration((100+percent-1)/percent-1)*every

		last := int32(0)
		for w.state("fra") != v1.EndpointServing {
			if w.wake.IsZero() {
				rt.Fatalf("stuck at %+v", w.endpoint("fra"))
			}
			w.sleep(w.wake.Sub(w.now))
			share := w.endpoint("fra").SharePercent
			if share <= last {
				rt.Fatalf("share %d after %d", share, last)
			}
			if share > 0 && w.now.Before(start.Add(stable)) {
				rt.Fatalf("share %d after %s, before stableFor %s", share, w.now.Sub(start), stable)
			}
			last = share
		}
		if took := w.now.Sub(start); took != whole {
			rt.Fatalf("the way back took %s instead of %s", took, whole)
		}
	})
}

// Ten seconds down, ten seconds up, twenty times: one quick return, then nothing until the flapping
// has stopped for stableFor.
func TestFlapping(t *testing.T) {
	w := newWorld(t, "fra", "iad")
	w.step()
	w.sleep(time.Hour)
	returns := 0
	for round := range 20 {
		w.verdict("fra", v1.VerdictUnhealthy)
		w.sleep(10 * time.Second)
		w.verdict("fra", v1.VerdictHealthy)
		if share := w.endpoint("fra").SharePercent; share == 100 {
			returns++
		} else if share != 0 {
			t.Fatalf("round %d: share %d", round, share)
		}
		w.sleep(10 * time.Second)
	}
	if returns != 1 {
		t.Fatalf("returned %d times while flapping, want once, after the first blip", returns)
	}
	w.sleep(5*time.Minute - 11*time.Second)
	if e := w.endpoint("fra"); e.SharePercent != 0 {
		t.Fatalf("share %d before it was stable for five minutes", e.SharePercent)
	}
	w.sleep(time.Second + 90*time.Second)
	if got := w.state("fra"); got != v1.EndpointServing {
		t.Fatalf("%s after the ramp", got)
	}
}

func TestSuspectKeepsItsRequests(t *testing.T) {
	w := newWorld(t, "fra", "iad")
	w.step()
	before := tierText(slices.Concat(w.plan.Regions[0].Tiers, w.plan.Regions[1].Tiers, w.plan.Tiers))
	w.hit("fra", func(m *Member) { m.Known = false; setReady(m.Cluster, false) })
	w.sleep(24 * time.Hour)
	w.step()
	if after := tierText(slices.Concat(w.plan.Regions[0].Tiers, w.plan.Regions[1].Tiers, w.plan.Tiers)); w.state("fra") != v1.EndpointSuspect || before != after {
		t.Fatalf("%s: requests moved from %s to %s", w.state("fra"), before, after)
	}
}
