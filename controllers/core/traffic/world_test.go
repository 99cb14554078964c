package traffic

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/residency"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// world is a federation in virtual time, with one application and its plan as the API keeps it.
type world struct {
	t       testing.TB
	now     time.Time
	policy  *v1.TrafficPolicy
	members map[string]*Member
	regions Regions
	vantage int
	wall    residency.Wall
	demand  *Demand

	plan   *v1.TrafficPlanSpec
	writes int
	wake   time.Time
	// told is called with every output that was written.
	told func(Output)
}

func newWorld(t testing.TB, clusters ...string) *world {
	w := &world{t: t, now: noon, members: map[string]*Member{}, vantage: 1}
	w.policy = &v1.TrafficPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "shop", UID: "uid", Generation: 1},
		Spec:       v1.TrafficPolicySpec{Hostnames: []string{"shop.apps.example.com"}, TargetRefs: []v1.TargetRef{{Name: "web"}}},
	}
	regions := map[string]string{"fra": "eu-central-1", "dub": "eu-west-1", "iad": "us-east-1", "pdx": "us-west-2", "sin": "ap-southeast-1"}
	addresses := map[string]string{"fra": "192.0.2.1", "dub": "192.0.2.5", "iad": "192.0.2.2", "pdx": "192.0.2.4", "sin": "192.0.2.3"}
	for _, name := range clusters {
		w.members[name] = &Member{
			Cluster:    cluster(name, regions[name]),
			Discovered: Discovered{Known: true, Exists: true, Addresses: []string{addresses[name]}, Port: 80, ReadyReplicas: 3},
			Verdict:    v1.VerdictHealthy,
		}
	}
	return w
}

func cluster(name, region string) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: clusterv1alpha1.ClusterSpec{Region: region}}
	setReady(c, true)
	return c
}

func setReady(c *clusterv1alpha1.Cluster, ready bool) {
	status := metav1.ConditionFalse
	if ready {
		status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: clusterv1alpha1.ClusterConditionReady, Status: status, Reason: "Test"})
}

// input is what the planner would be given now.
func (w *world) input() Input {
	policy := w.policy.DeepCopy()
	validation.DefaultPolicy(policy)
	in := Input{
		Now: w.now, Policy: policy, Previous: w.plan.DeepCopy(),
		Claims:  HostnameResult{Hostnames: policy.Spec.Hostnames},
		Regions: w.regions, VantagePoints: w.vantage, Wall: w.wall, Demand: w.demand,
	}
	for _, m := range w.members {
		copied := *m
		copied.Cluster = m.Cluster.DeepCopy()
		copied.Addresses = slices.Clone(m.Addresses)
		in.Clusters = append(in.Clusters, copied)
	}
	return in
}

// step plans once, as after an event, and keeps the plan as the API would.
func (w *world) step() Output {
	w.t.Helper()
	out := Plan(w.input())
	w.wake = time.Time{}
	if out.RequeueAfter > 0 {
		w.wake = w.now.Add(out.RequeueAfter)
	}
	if stored := throughAPI(w.t, out.Spec); w.plan == nil || text(w.t, stored) != text(w.t, w.plan) {
		w.plan = stored
		w.writes++
		if w.told != nil {
			w.told(out)
		}
	}
	return out
}

// sleep lets time pass; the planner is woken when it asked to be.
func (w *world) sleep(d time.Duration) {
	w.t.Helper()
	until := w.now.Add(d)
	for i := 0; !w.wake.IsZero() && !w.wake.After(until); i++ {
		if i > 1000 {
			w.t.Fatalf("the planner does not come to rest: woken again for %s", w.wake)
		}
		w.now = w.wake
		w.step()
	}
	w.now = until
}

// hit changes a member and plans.
func (w *world) hit(name string, change func(*Member)) Output {
	w.t.Helper()
	change(w.members[name])
	return w.step()
}

func (w *world) verdict(name string, v v1.Verdict) Output {
	w.t.Helper()
	return w.hit(name, func(m *Member) { m.Verdict, m.VerdictMessage = v, "connection refused" })
}

// kill takes a whole cluster away; revive brings it back.
func (w *world) kill(name string) {
	w.hit(name, func(m *Member) {
		m.Verdict, m.VerdictMessage, m.Known = v1.VerdictUnhealthy, "connection refused", false
		setReady(m.Cluster, false)
	})
}

func (w *world) revive(name string) {
	w.hit(name, func(m *Member) {
		m.Verdict, m.Known = v1.VerdictHealthy, true
		setReady(m.Cluster, true)
	})
}

func (w *world) endpoint(name string) *v1.PlanEndpoint {
	for i := range w.plan.Endpoints {
		if w.plan.Endpoints[i].Cluster == name {
			return &w.plan.Endpoints[i]
		}
	}
	return nil
}

func (w *world) state(name string) v1.EndpointState {
	if e := w.endpoint(name); e != nil {
		return e.State
	}
	return "absent"
}

// throughAPI is a plan as it is read back: timestamps lose what is below a second.
func throughAPI(t testing.TB, spec *v1.TrafficPlanSpec) *v1.TrafficPlanSpec {
	t.Helper()
	back := &v1.TrafficPlanSpec{}
	if err := json.Unmarshal([]byte(text(t, spec)), back); err != nil {
		t.Fatal(err)
	}
	return back
}

func text(t testing.TB, spec *v1.TrafficPlanSpec) string {
	t.Helper()
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
