package traffic

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	apinames "github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/residency"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func status(t *testing.T, conditions []metav1.Condition, kind string) string {
	t.Helper()
	for _, c := range conditions {
		if c.Type == kind {
			return string(c.Status) + " " + c.Reason + ": " + c.Message
		}
	}
	t.Fatalf("no condition %s in %v", kind, conditions)
	return ""
}

func TestWhatCanNotBeCarriedOutLeavesThePlan(t *testing.T) {
	for name, tc := range map[string]struct {
		edit     func(*Input)
		plan     bool
		accepted string
		resolved string
	}{
		"all is well": {func(*Input) {}, true, "True Accepted: all host names are in force", "True ResolvedRefs: the target has an address"},
		"an invalid policy": {func(in *Input) { in.Invalid = "spec.dns.ttl: Invalid value" }, false,
			"False Invalid: spec.dns.ttl: Invalid value; until then the last valid version stays in force", "Unknown Invalid: not looked at while the policy is invalid"},
		"a target that receives no requests": {func(in *Input) {
			in.Target = ResolveTarget(v1.TargetRef{Group: "apps", Kind: "Deployment", Name: "web"}, nil)
		}, false,
			"True Accepted: all host names are in force",
			"False UnsupportedKind: spec.targetRefs[0]: apps/Deployment can not receive requests; use a Service of type LoadBalancer"},
		"a target that is gone from the hub is still served": {func(in *Input) { in.Target = ResolveTarget(v1.TargetRef{Name: "web"}, nil) }, true,
			"True Accepted: all host names are in force",
			`False TargetNotFound: spec.targetRefs[0].name: there is no Service "web" in the policy's namespace; create it on the hub`},
		"one of two host names is lost": {func(in *Input) {
			in.Claims = HostnameResult{Hostnames: []string{"a.org"}, Refused: []Refusal{{Index: 1, Reason: v1.ReasonNoZone, Message: "spec.hostnames[1]: no"}}}
		}, true, "False NoZone: spec.hostnames[1]: no; in force: a.org", "True ResolvedRefs: the target has an address"},
		"all host names are lost": {func(in *Input) {
			in.Claims = HostnameResult{Refused: []Refusal{{Reason: v1.ReasonHostnameConflict, Message: "spec.hostnames[0]: no"}}}
		}, true, "False HostnameConflict: spec.hostnames[0]: no", "True ResolvedRefs: the target has an address"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "fra")
			w.step()
			in := w.input()
			tc.edit(&in)
			out := Plan(in)
			if got := out.Spec != nil; got != tc.plan {
				t.Errorf("a plan: %t, want %t", got, tc.plan)
			}
			if out.Spec != nil && len(out.Spec.Tiers) == 0 {
				t.Error("the tiers are empty")
			}
			if diff := cmp.Diff(tc.accepted, status(t, out.Conditions, v1.ConditionAccepted)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.resolved, status(t, out.Conditions, v1.ConditionResolvedRefs)); diff != "" {
				t.Error(diff)
			}
			if len(out.Clusters) != 1 {
				t.Errorf("the status of the clusters is lost: %v", out.Clusters)
			}
		})
	}
}

func TestAPolicyWithoutHostNamesGetsNoPlan(t *testing.T) {
	w := newWorld(t, "fra")
	in := w.input()
	in.Claims = HostnameResult{Refused: []Refusal{{Reason: v1.ReasonNoZone, Message: "no"}}}
	if out := Plan(in); out.Spec != nil {
		t.Errorf("made a plan: %+v", out.Spec)
	}
}

func TestATargetWithoutAddresses(t *testing.T) {
	w := newWorld(t, "fra")
	w.members["fra"].Addresses = nil
	in := w.input()
	in.Target = ResolveTarget(v1.TargetRef{Name: "web"}, &corev1.Service{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP}})
	out := Plan(in)
	want := "False NoEndpoints: the target has no address in any cluster yet; the Service is of type ClusterIP on the hub; requests need type LoadBalancer"
	if diff := cmp.Diff(want, status(t, out.Conditions, v1.ConditionResolvedRefs)); diff != "" {
		t.Error(diff)
	}
	if got := out.Spec.Endpoints[0]; got.State != v1.EndpointDown || got.Reason != v1.EndpointReasonNoAddress {
		t.Errorf("%+v", got)
	}
}

func TestResolveTarget(t *testing.T) {
	service := &corev1.Service{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Name: "http"}, {Name: "metrics"}}}}
	for name, tc := range map[string]struct {
		ref     v1.TargetRef
		service *corev1.Service
		want    Target
	}{
		"found":             {v1.TargetRef{Kind: "Service", Name: "web"}, service, Target{}},
		"found with a port": {v1.TargetRef{Name: "web", SectionName: "http"}, service, Target{}},
		"no such port": {v1.TargetRef{Name: "web", SectionName: "https"}, service, Target{v1.ReasonPortNotFound,
			`spec.targetRefs[0].sectionName: Service web has no port "https"; it has "http", "metrics"`}},
		"a Service of another group": {v1.TargetRef{Group: "serving.knative.dev", Kind: "Service", Name: "web"}, nil, Target{v1.ReasonUnsupportedKind,
			`spec.targetRefs[0]: serving.knative.dev/Service can not receive requests; use a Service of type LoadBalancer`}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, ResolveTarget(tc.ref, tc.service)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProgrammed(t *testing.T) {
	for name, tc := range map[string]struct {
		servers    []Served
		notInForce string
		want       string
	}{
		"all have it":       {[]Served{{"ns1", 3}, {"ns2", 4}}, "", "True Programmed: all live name servers answer by the newest version"},
		"some are behind":   {[]Served{{"ns3", 0}, {"ns1", 3}, {"ns2", 2}}, "", "False Pending: not yet taken over by name server ns2, ns3"},
		"nobody is alive":   {nil, "", "False NoServers: no name server is alive; start one, or look at its log"},
		"nothing to answer": {[]Served{{"ns1", 3}}, "no host name is in force", "False NotAccepted: no host name is in force"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, status(t, []metav1.Condition{Programmed(3, tc.servers, tc.notInForce)}, v1.ConditionProgrammed)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*v1.TrafficPolicySpec)
		want string
	}{
		"the default":         {func(*v1.TrafficPolicySpec) {}, "TCP 0  "},
		"TCP on another port": {func(s *v1.TrafficPolicySpec) { s.Health.Probe = &v1.Probe{TCP: &v1.TCPProbe{Port: ptr.To[int32](81)}} }, "TCP 81  "},
		"HTTP": {func(s *v1.TrafficPolicySpec) { s.Health.Probe = &v1.Probe{HTTP: &v1.HTTPProbe{Path: "/healthz"}} },
			"HTTP 0 shop.apps.example.com /healthz"},
		"HTTPS with its own host": {func(s *v1.TrafficPolicySpec) {
			s.Health.Probe = &v1.Probe{HTTPS: &v1.HTTPSProbe{HTTPProbe: v1.HTTPProbe{Host: "x.org", Port: ptr.To[int32](444)}}}
		}, "HTTPS 444 x.org /"},
		"gRPC": {func(s *v1.TrafficPolicySpec) {
			s.Health.Probe = &v1.Probe{GRPC: &v1.GRPCProbe{Service: "shop.v1.Cart", InsecureSkipVerify: true}}
		}, "GRPC 0 shop.apps.example.com shop.v1.Cart"},
		"gRPC over TLS": {func(s *v1.TrafficPolicySpec) {
			s.Health.Probe = &v1.Probe{GRPC: &v1.GRPCProbe{TLS: true, InsecureSkipVerify: true, Host: "x.org", Port: ptr.To[int32](445)}}
		}, "GRPCS 445 x.org  unverified"},
		"the host of a wildcard": {func(s *v1.TrafficPolicySpec) {
			s.Hostnames = []string{"*.apps.example.com"}
			s.Health.Probe = &v1.Probe{HTTP: &v1.HTTPProbe{}}
		}, "HTTP 0 seaway-probe.apps.example.com /"},
		"a name before a wildcard": {func(s *v1.TrafficPolicySpec) {
			s.Hostnames = []string{"*.apps.example.com", "apps.example.com"}
			s.Health.Probe = &v1.Probe{HTTP: &v1.HTTPProbe{}}
		}, "HTTP 0 apps.example.com /"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "fra")
			tc.edit(&w.policy.Spec)
			c := Plan(w.input()).Spec.Check
			got := fmt.Sprintf("%s %d %s %s", c.Protocol, c.Port, c.Host, c.Path+c.Service)
			if c.InsecureSkipVerify {
				got += " unverified"
			}
			if got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
			if c.Interval.Duration != time.Second || c.UnhealthyAfter != 2 || c.HealthyAfter != 3 {
				t.Errorf("the defaults are missing: %+v", c)
			}
		})
	}
}

func TestReturnsThatAreNoRecoveries(t *testing.T) {
	t.Run("a target that was taken away on purpose is deployed anew", func(t *testing.T) {
		w := newWorld(t, "fra", "iad")
		w.step()
		w.hit("fra", func(m *Member) { m.Exists = false })
		if got := w.state("fra"); got != "absent" {
			t.Fatalf("still %s", got)
		}
		w.sleep(time.Minute)
		w.hit("fra", func(m *Member) { m.Exists = true })
		if got := w.state("fra"); got != v1.EndpointServing {
			t.Errorf("%s", got)
		}
	})
	t.Run("a target that was taken away during an outage recovers", func(t *testing.T) {
		w := newWorld(t, "fra", "iad")
		w.step()
		w.kill("fra")
		w.sleep(20 * time.Minute)
		w.members["fra"].Exists = false
		w.revive("fra")
		if e := w.endpoint("fra"); e == nil || e.Reason != v1.EndpointReasonNotDeployed {
			t.Fatalf("forgotten: %+v", e)
		}
		w.hit("fra", func(m *Member) { m.Exists = true })
		if got := w.state("fra"); got != v1.EndpointRecovering {
			t.Errorf("%s", got)
		}
	})
	t.Run("and is forgotten after an hour", func(t *testing.T) {
		w := newWorld(t, "fra", "iad")
		w.step()
		w.kill("fra")
		w.members["fra"].Exists = false
		w.revive("fra")
		w.sleep(time.Hour)
		if got := w.state("fra"); got != "absent" {
			t.Errorf("%s", got)
		}
	})
	t.Run("a cluster that the policy selects again", func(t *testing.T) {
		w := newWorld(t, "fra", "iad")
		w.step()
		w.policy.Spec.Steering = v1.Steering{Strategy: v1.StrategyOrdered, Tiers: []v1.Tier{{ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{"iad"}}}}}
		w.step()
		if got := w.state("fra"); got != v1.EndpointExcluded {
			t.Fatalf("%s", got)
		}
		w.policy.Spec.Steering = v1.Steering{}
		w.step()
		if got := w.state("fra"); got != v1.EndpointServing {
			t.Errorf("%s", got)
		}
	})
}

// While a member can not be asked, the plan goes on with what was last known; a new endpoint waits.
func TestAMemberThatCanNotBeAsked(t *testing.T) {
	w := newWorld(t, "fra", "iad", "sin")
	w.members["sin"].Known = false
	w.step()
	if got := w.state("sin"); got != "absent" {
		t.Errorf("sin is %s before anything is known of it", got)
	}
	before := *w.endpoint("fra")
	w.hit("fra", func(m *Member) { m.Discovered = Discovered{} })
	if diff := cmp.Diff(before, *w.endpoint("fra")); diff != "" {
		t.Error(diff)
	}
	w.hit("fra", func(m *Member) {
		m.Discovered = Discovered{Known: true, Exists: true, Addresses: []string{"198.51.100.1"}, Port: 8080, ReadyReplicas: 0}
	})
	if e := w.endpoint("fra"); e.State != v1.EndpointDown || e.Addresses[0] != "198.51.100.1" || e.Port != 8080 {
		t.Errorf("%+v", e)
	}
}

// A new endpoint that nobody gives a verdict on is admitted in the end.
func TestNoVerdictForANewEndpoint(t *testing.T) {
	w := newWorld(t, "fra", "iad")
	iad := w.members["iad"]
	delete(w.members, "iad")
	w.step()
	w.members["iad"], iad.Verdict = iad, v1.VerdictUnknown
	w.step()
	if e := w.endpoint("iad"); e.State != v1.EndpointDown || e.Reason != v1.EndpointReasonStarting {
		t.Fatalf("%+v", e)
	}
	w.sleep(8*time.Second - 1)
	if got := w.state("iad"); got != v1.EndpointDown {
		t.Errorf("%s before the vantage points had time", got)
	}
	w.sleep(1)
	if got := w.state("iad"); got != v1.EndpointServing {
		t.Errorf("%s", got)
	}
	t.Run("at once when there is no vantage point", func(t *testing.T) {
		w := newWorld(t, "fra", "iad")
		w.vantage = 0
		iad := w.members["iad"]
		delete(w.members, "iad")
		w.step()
		w.members["iad"], iad.Verdict = iad, v1.VerdictUnknown
		w.step()
		if got := w.state("iad"); got != v1.EndpointServing {
			t.Errorf("%s", got)
		}
	})
}

func TestLastErrorOfAVantagePointDoesNotChangeThePlan(t *testing.T) {
	w := newWorld(t, "fra", "iad")
	w.step()
	w.verdict("fra", v1.VerdictUnhealthy)
	writes := w.writes
	w.hit("fra", func(m *Member) { m.VerdictMessage = "i/o timeout" })
	if w.writes != writes {
		t.Error("written again")
	}
}

// A planner that starts anew has not read the members yet: the recoveries go on meanwhile.
func TestARestartDoesNotDelayARecovery(t *testing.T) {
	w := newWorld(t, "fra", "iad")
	w.step()
	w.kill("fra")
	w.sleep(time.Minute)
	w.revive("fra")
	w.sleep(2 * time.Minute)
	writes := w.writes
	w.members["fra"].Known, w.members["iad"].Known = false, false
	w.step()
	w.members["fra"].Known, w.members["iad"].Known = true, true
	w.step()
	if w.writes != writes {
		t.Error("the restart was written into the plan")
	}
	w.sleep(3 * time.Minute)
	if e := w.endpoint("fra"); e.SharePercent != 25 {
		t.Errorf("%+v", e)
	}
}

func TestTiers(t *testing.T) {
	full := func(name string, weight int64) candidate {
		return candidate{cluster: name, weight: weight, percent: 100}
	}
	part := func(name string, weight, percent int64) candidate {
		return candidate{cluster: name, weight: weight, percent: percent}
	}
	groupOf := func(candidates ...candidate) *group {
		return split(candidates, nil, func(candidate) int { return 0 })[0]
	}
	var many []candidate
	for i := range 500 {
		many = append(many, full(fmt.Sprintf("c%03d", i), 10000))
	}
	for name, tc := range map[string]struct {
		groups []*group
		want   string
	}{
		"each by itself":                    {[]*group{groupOf(full("a", 1)), groupOf(full("b", 1))}, "a 1000 > b 1000"},
		"a part, nobody beside, one behind": {[]*group{groupOf(part("a", 1, 25)), groupOf(full("b", 1))}, "a 250 + b 750 > b 1000"},
		"a part, somebody beside":           {[]*group{groupOf(part("a", 1, 25), full("b", 1)), groupOf(full("c", 1))}, "a 250 + b 1750 > c 1000"},
		"a part, those beside by weight":    {[]*group{groupOf(part("a", 10, 50), full("b", 30), full("c", 10))}, "a 5000 + b 33750 + c 11250"},
		"a part, a part behind, then one":   {[]*group{groupOf(part("a", 1, 25)), groupOf(part("b", 1, 50)), groupOf(full("c", 1))}, "a 250 + c 750 > b 500 + c 500 > c 1000"},
		"a part and nobody anywhere":        {[]*group{groupOf(full("a", 1)), groupOf(part("b", 1, 25))}, "a 1000 > b 250"},
		"two parts, to the last unit":       {[]*group{groupOf(part("a", 1, 33), part("b", 1, 1)), groupOf(full("c", 1), full("d", 1), full("e", 1))}, "a 330 + b 10 + c 553 + d 553 + e 554 > c 1000 + d 1000 + e 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tierText(tiers(tc.groups))); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("weights that would not fit are scaled down", func(t *testing.T) {
		var sum int64
		for _, c := range tiers([]*group{groupOf(append(many, full("tiny", 1))...)})[0].Clusters {
			if sum += int64(c.Weight); c.Weight < 1 {
				t.Errorf("%+v", c)
			}
		}
		if sum > math.MaxInt32 {
			t.Errorf("sum %d", sum)
		}
	})
	t.Run("no more tiers than a strategy may name", func(t *testing.T) {
		var groups []*group
		for _, c := range many[:20] {
			groups = append(groups, groupOf(c))
		}
		if n := len(tiers(groups)); n != maxTiers {
			t.Errorf("%d tiers", n)
		}
	})
}

// A wall that is drawn around what runs takes it out of the answers at once, and the policy says what
// still runs outside.
func TestThePolicySaysWhatRunsOutsideOfTheWall(t *testing.T) {
	w := newWorld(t, "fra", "iad")
	w.members["fra"].Cluster.Labels = map[string]string{"geo": "eu"}
	told := func() string {
		out := w.step()
		w.policy.Status.Conditions = out.Conditions
		if c := meta.FindStatusCondition(out.Conditions, apinames.ConditionResident); c != nil {
			return string(c.Status) + " " + c.Reason + ": " + c.Message
		}
		return ""
	}
	if got := told(); got != "" {
		t.Errorf("without a wall: %s", got)
	}
	w.wall, _ = residency.Of(map[string]string{apinames.ResidencyAnnotation: "geo=eu"})
	const want = "False ResidencyViolated: runs outside of the namespace's wall (traffic.seaway.dev/residency: geo=eu) in iad, where it receives nothing"
	if got := told(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.kill("fra")
	if e := w.endpoint("iad"); reachable(e) || e.SharePercent != 0 || slices.ContainsFunc(w.plan.Tiers, func(tier v1.PlanTier) bool { return holds(tier, "iad") }) {
		t.Errorf("iad is answered: %+v, %s", e, tierText(w.plan.Tiers))
	}
	if got := told(); got != want {
		t.Errorf("with nothing left inside: %s", got)
	}
	w.members["iad"].ReadyReplicas = 0
	if got := told(); got != "True ResidencyKept: nothing runs outside of a wall" {
		t.Errorf("when it has left: %s", got)
	}
}

// What an Atlas remembers changes no plan.
func TestAtlas(t *testing.T) {
	shared := &Atlas{}
	for _, names := range [][]string{{"fra", "iad"}, {"fra", "iad", "sin"}, {"fra", "iad"}, {"sin"}} {
		w := newWorld(t, names...)
		if len(names) == 3 {
			w.regions = Regions{"us-east-1": {Name: "us-east-1", Location: &v1.Coordinates{Latitude: "50", Longitude: "9"}}, "cellar": {Name: "cellar"}}
		}
		in := w.input()
		want := text(t, Plan(in).Spec)
		in.Atlas = shared
		for range 2 {
			if diff := cmp.Diff(want, text(t, Plan(in).Spec)); diff != "" {
				t.Errorf("%v: %s", names, diff)
			}
		}
	}
	if n := len(*shared.charts.Load()); n != 3 {
		t.Errorf("%d charts for three sets of regions", n)
	}
	for i := range 3 * mostCharts {
		shared.chart([]located{{name: fmt.Sprint(i)}})
	}
	if n := len(*shared.charts.Load()); n != mostCharts {
		t.Errorf("%d charts are kept", n)
	}
}

// A plan that somebody has edited is read all the same, in whatever order it is.
func TestThePreviousPlanMayBeInAnyOrder(t *testing.T) {
	w := newWorld(t, "fra", "dub", "iad", "sin")
	w.step()
	w.verdict("iad", v1.VerdictUnhealthy)
	want := text(t, Plan(w.input()).Spec)
	in := w.input()
	slices.Reverse(in.Previous.Endpoints)
	slices.Reverse(in.Previous.Regions)
	if diff := cmp.Diff(want, text(t, Plan(in).Spec)); diff != "" {
		t.Error(diff)
	}
}
