package traffic

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden stories anew")

// story tells what a planner does in a world, in words.
type story struct {
	*world
	strings.Builder
}

func tell(t *testing.T, clusters ...string) *story {
	s := &story{world: newWorld(t, clusters...)}
	s.told = func(out Output) {
		for _, e := range out.Events {
			fmt.Fprintf(s, "%s    %-7s %s: %s\n", s.time(), e.Type, e.Reason, e.Message)
		}
		var states []string
		for _, e := range s.plan.Endpoints {
			states = append(states, fmt.Sprintf("%s %s/%s %d%%", e.Cluster, e.State, e.Reason, e.SharePercent))
		}
		fmt.Fprintf(s, "%s    plan    %s\n", s.time(), strings.Join(states, " | "))
		if l := s.plan.Load; l != nil {
			fmt.Fprintf(s, "%14s load: %s, %s%s\n", "", l.Reason, l.Message, overText(l.Overload))
		}
		for _, r := range s.plan.Regions {
			fmt.Fprintf(s, "%14s %s: %s\n", "", r.Name, tierText(r.Tiers))
		}
		fmt.Fprintf(s, "%14s anybody: %s\n", "", tierText(s.plan.Tiers))
	}
	return s
}

func overText(list []v1.Overload) (out string) {
	for _, o := range list {
		out += fmt.Sprintf("; %s by %s requests/s", o.Name, o.RequestsPerSecond.String())
	}
	return out
}

func (s *story) time() string { return "+" + s.now.Sub(noon).String() }

// then says what happens in the world, and lets it happen.
func (s *story) then(what string, happens func()) {
	fmt.Fprintf(s, "%s  %s\n", s.time(), what)
	before := s.writes
	happens()
	if s.writes == before {
		fmt.Fprintf(s, "%s    (the plan stays)\n", s.time())
	}
}

func (s *story) later(d time.Duration) { s.sleep(d) }

func (s *story) end(name string) {
	s.t.Helper()
	path := filepath.Join("testdata", "stories", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(s.String()), 0o644); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(s.String(), "\n")); diff != "" {
		s.t.Errorf("the story goes differently (run with -update to accept):\n%s", diff)
	}
}

func tierText(tiers []v1.PlanTier) string {
	var out []string
	for _, t := range tiers {
		var clusters []string
		for _, c := range t.Clusters {
			clusters = append(clusters, fmt.Sprintf("%s %d", c.Name, c.Weight))
		}
		out = append(out, strings.Join(clusters, " + "))
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, " > ")
}

func TestStoryClusterLossAndReturn(t *testing.T) {
	s := tell(t, "fra", "iad", "sin")
	s.then("the shop is deployed", func() { s.step() })
	s.later(time.Minute)
	s.then("fra dies: its data path first", func() { s.verdict("fra", v1.VerdictUnhealthy) })
	s.later(10 * time.Second)
	s.then("then its control plane", func() { s.kill("fra") })
	s.later(2 * time.Hour)
	s.then("fra returns, without its pods", func() {
		s.revive("fra")
		s.hit("fra", func(m *Member) { m.ReadyReplicas = 0 })
	})
	s.later(20 * time.Second)
	s.then("its pods are ready", func() { s.hit("fra", func(m *Member) { m.ReadyReplicas = 3 }) })
	s.later(10 * time.Minute)
	s.end("cluster-loss-and-return")
}

func TestStoryBlip(t *testing.T) {
	s := tell(t, "fra", "iad")
	s.then("the shop is deployed", func() { s.step() })
	s.later(time.Minute)
	s.then("fra does not answer", func() { s.verdict("fra", v1.VerdictUnhealthy) })
	s.later(6500 * time.Millisecond)
	s.then("fra answers: a blip", func() { s.verdict("fra", v1.VerdictHealthy) })
	s.later(time.Minute)
	s.then("fra does not answer again", func() { s.verdict("fra", v1.VerdictUnhealthy) })
	s.later(3 * time.Second)
	s.then("fra answers: that was one too many", func() { s.verdict("fra", v1.VerdictHealthy) })
	s.later(10 * time.Minute)
	s.then("fra does not answer, long after", func() { s.verdict("fra", v1.VerdictUnhealthy) })
	s.later(3 * time.Second)
	s.then("fra answers: a blip", func() { s.verdict("fra", v1.VerdictHealthy) })
	s.end("blip")
}

func TestStoryAllDown(t *testing.T) {
	s := tell(t, "fra", "iad", "sin")
	s.then("the shop is deployed", func() { s.step() })
	s.later(time.Minute)
	s.then("sin dies", func() { s.kill("sin") })
	s.later(time.Hour)
	s.then("fra dies", func() { s.kill("fra") })
	s.later(time.Second)
	s.then("iad dies", func() { s.kill("iad") })
	s.later(time.Second)
	s.then("the planner looks again", func() { s.step() })
	s.later(10 * time.Minute)
	s.then("iad returns: it is served in full, there is nobody else", func() { s.revive("iad") })
	s.later(time.Minute)
	s.then("fra returns", func() { s.revive("fra") })
	s.later(10 * time.Minute)
	s.end("all-down")
}

func TestStoryRegions(t *testing.T) {
	s := tell(t, "fra", "dub", "iad", "pdx", "sin")
	s.members["lab"] = &Member{Cluster: cluster("lab", "my-cellar"), Verdict: v1.VerdictHealthy,
		Discovered: Discovered{Known: true, Exists: true, Addresses: []string{"192.0.2.9"}, Port: 80, ReadyReplicas: 1}}
	s.members["old"] = &Member{Cluster: cluster("old", ""), Verdict: v1.VerdictHealthy,
		Discovered: Discovered{Known: true, Exists: true, Addresses: []string{"192.0.2.10"}, Port: 80, ReadyReplicas: 1}}
	s.then("seven clusters, one in a region that nobody knows, one in none", func() { s.step() })
	s.later(time.Minute)
	s.then("a RegionMap says where the cellar is, and that there are clients in Tokyo", func() {
		s.regions = Regions{
			"my-cellar":      {Name: "my-cellar", Location: &v1.Coordinates{Latitude: "48.14", Longitude: "11.58"}},
			"ap-northeast-1": {Name: "ap-northeast-1"},
		}
		s.step()
	})
	s.end("regions")
}

func TestStoryControlPlaneLost(t *testing.T) {
	s := tell(t, "fra", "iad")
	s.then("the shop is deployed", func() { s.step() })
	s.later(time.Minute)
	s.then("the API of fra is cut off", func() {
		s.hit("fra", func(m *Member) { m.Known = false; setReady(m.Cluster, false) })
	})
	s.later(time.Hour)
	s.then("requests to fra are lost as well", func() { s.verdict("fra", v1.VerdictUnhealthy) })
	s.later(time.Minute)
	s.then("requests get through again, the API is still away", func() { s.verdict("fra", v1.VerdictHealthy) })
	s.later(time.Hour)
	s.then("the API of fra is back", func() {
		s.hit("fra", func(m *Member) { m.Known = true; setReady(m.Cluster, true) })
	})
	s.later(10 * time.Minute)
	s.end("control-plane-lost")
}

func TestStoryNewCluster(t *testing.T) {
	s := tell(t, "fra", "iad")
	iad := s.members["iad"]
	delete(s.members, "iad")
	s.members["fra"].Verdict = v1.VerdictUnknown
	s.then("the shop is deployed to fra, where nobody has probed it yet", func() { s.step() })
	s.later(3 * time.Second)
	s.then("fra answers", func() { s.verdict("fra", v1.VerdictHealthy) })
	s.later(time.Minute)
	s.then("the shop is deployed to iad: no pod is ready", func() {
		s.members["iad"] = iad
		iad.Verdict, iad.ReadyReplicas = v1.VerdictUnknown, 0
		s.step()
	})
	s.later(20 * time.Second)
	s.then("the load balancer of iad does not work yet", func() { s.verdict("iad", v1.VerdictUnhealthy) })
	s.later(20 * time.Second)
	s.then("its pods are ready", func() { s.hit("iad", func(m *Member) { m.ReadyReplicas = 3 }) })
	s.later(time.Minute)
	s.then("its load balancer works", func() { s.verdict("iad", v1.VerdictHealthy) })
	s.later(time.Minute)
	s.then("the Cluster fra is deleted", func() {
		s.hit("fra", func(m *Member) { m.Cluster.DeletionTimestamp = &metav1.Time{Time: s.now} })
	})
	s.later(time.Minute)
	s.then("fra is gone", func() { delete(s.members, "fra"); s.step() })
	s.end("new-cluster")
}

func TestStoryOrdered(t *testing.T) {
	s := tell(t, "fra", "dub", "iad", "sin")
	names := func(n ...string) policyv1alpha1.ClusterAffinity {
		return policyv1alpha1.ClusterAffinity{ClusterNames: n}
	}
	s.policy.Spec.Steering = v1.Steering{Strategy: v1.StrategyOrdered, Tiers: []v1.Tier{{ClusterAffinity: names("fra", "dub")}, {ClusterAffinity: names("iad", "fra")}}}
	s.then("the shop is deployed, Europe first", func() { s.step() })
	s.later(time.Minute)
	s.then("fra dies", func() { s.kill("fra") })
	s.later(time.Minute)
	s.then("dub dies", func() { s.kill("dub") })
	s.later(time.Minute)
	s.then("both return", func() { s.revive("fra"); s.revive("dub") })
	s.later(10 * time.Minute)
	s.end("ordered")
}

func TestStoryWeighted(t *testing.T) {
	s := tell(t, "fra", "dub", "iad", "sin")
	weight := func(w int32, n ...string) v1.ClusterWeight {
		return v1.ClusterWeight{ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: n}, Weight: w}
	}
	s.policy.Spec.Steering = v1.Steering{Strategy: v1.StrategyWeighted, Weights: []v1.ClusterWeight{weight(80, "fra"), weight(20, "dub"), weight(0, "iad")}}
	s.then("the shop is deployed, iad as a reserve", func() { s.step() })
	s.later(time.Minute)
	s.then("fra dies", func() { s.kill("fra") })
	s.later(time.Minute)
	s.then("fra returns", func() { s.revive("fra") })
	s.later(10 * time.Minute)
	s.then("both die", func() { s.kill("fra"); s.kill("dub") })
	s.then("the policy selects iad no longer", func() {
		s.policy.Spec.Steering.Weights = s.policy.Spec.Steering.Weights[:2]
		s.policy.Generation++
		s.step()
	})
	s.end("weighted")
}

func TestStoryRemedy(t *testing.T) {
	s := tell(t, "fra", "iad")
	remedy := func(name string, actions ...string) func() {
		return func() { s.hit(name, func(m *Member) { m.Cluster.Status.RemedyActions = actions }) }
	}
	s.then("the shop is deployed", func() { s.step() })
	s.later(time.Minute)
	s.then("a Remedy asks for something else in fra", remedy("fra", "Restart"))
	s.then("a Remedy takes fra out of traffic", remedy("fra", "TrafficControl"))
	s.later(time.Minute)
	s.then("fra does not answer", func() { s.verdict("fra", v1.VerdictUnhealthy) })
	s.later(time.Minute)
	s.then("fra answers again", func() { s.verdict("fra", v1.VerdictHealthy) })
	s.then("iad is taken out as well: nothing else is left", remedy("iad", "TrafficControl"))
	s.later(time.Minute)
	s.then("fra needs no remedy any more: in full, for it is alone", remedy("fra"))
	s.later(time.Minute)
	s.then("nor does iad: it comes back in steps", remedy("iad"))
	s.later(10 * time.Minute)
	s.end("remedy")
}

func TestWithdrawn(t *testing.T) {
	remedied := func(m *Member) { m.Cluster.Status.RemedyActions = []string{"TrafficControl"} }
	for name, tc := range map[string]struct {
		change func(*Member)
		state  v1.EndpointState
		reason string
	}{
		"a Remedy takes it out":         {remedied, v1.EndpointDraining, v1.EndpointReasonTrafficControl},
		"it is also being deleted":      {func(m *Member) { remedied(m); m.Cluster.DeletionTimestamp = &metav1.Time{Time: noon} }, v1.EndpointDraining, v1.EndpointReasonClusterLeaving},
		"it can not serve anyway":       {func(m *Member) { remedied(m); m.ReadyReplicas = 0 }, v1.EndpointDown, v1.EndpointReasonNoReadyReplicas},
		"its control plane is lost too": {func(m *Member) { remedied(m); setReady(m.Cluster, false) }, v1.EndpointDraining, v1.EndpointReasonTrafficControl},
		"another action":                {func(m *Member) { m.Cluster.Status.RemedyActions = []string{"Restart"} }, v1.EndpointServing, v1.EndpointReasonReady},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "fra", "iad")
			w.step()
			w.hit("fra", tc.change)
			e := w.endpoint("fra")
			if e.State != tc.state || e.Reason != tc.reason {
				t.Errorf("%s/%s, want %s/%s", e.State, e.Reason, tc.state, tc.reason)
			}
			if w.plan.FailOpen || len(w.plan.Tiers) == 0 {
				t.Errorf("fail open %t, tiers %v", w.plan.FailOpen, w.plan.Tiers)
			}
		})
	}
}
