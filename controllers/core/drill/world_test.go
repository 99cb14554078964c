package drill

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// fleet is a federation in virtual time: clusters, applications with a planner, name servers that follow,
// and a drill that is stepped every second.
type fleet struct {
	t   interface{ Fatal(...any) }
	now time.Time
	// pace is how often the drill is looked at.
	pace     time.Duration
	clusters map[string]*clusterv1alpha1.Cluster
	apps     []*app
	// servers are the name servers and whether they follow.
	servers map[string]bool
	held    []string
	others  []Other
	// unhealthy clusters do not answer.
	unhealthy map[string]bool

	drill     *v1.Drill
	followers *Followers
	// deleted says that the drill is gone; its marks go with it.
	deleted bool
	tell    func(format string, args ...any)
}

type app struct {
	policy   *v1.TrafficPolicy
	plan     *v1.TrafficPlan
	replicas map[string]int32
	demand   map[string]float64 // of the clients of each region
	inForce  map[string]int64   // by name server
	text     string             // of the plan
}

var regionOf = map[string]string{"fra": "eu-central-1", "iad": "us-east-1", "sin": "ap-southeast-1"}

func newFleet(t interface{ Fatal(...any) }, clusters ...string) *fleet {
	f := &fleet{t: t, now: noon, pace: time.Second, clusters: map[string]*clusterv1alpha1.Cluster{}, servers: map[string]bool{"ns1": true, "ns2": true},
		unhealthy: map[string]bool{}, followers: &Followers{}, tell: func(string, ...any) {}}
	for _, name := range clusters {
		f.clusters[name] = &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: clusterv1alpha1.ClusterSpec{Region: regionOf[name]}}
		f.set(name, true, true)
	}
	return f
}

// set says how the hub and clients see a cluster.
func (f *fleet) set(name string, api, data bool) {
	f.unhealthy[name] = !data
	for kind, is := range map[string]bool{clusterv1alpha1.ClusterConditionReady: api, v1.ClusterConditionDataPath: data} {
		c := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: "Test"}
		if is {
			c.Status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&f.clusters[name].Status.Conditions, c)
	}
}

// deploy adds an application with three replicas of 50 requests per second in each of some clusters.
func (f *fleet) deploy(name string, clusters ...string) *app {
	a := &app{replicas: map[string]int32{}, demand: map[string]float64{}, inForce: map[string]int64{}, policy: &v1.TrafficPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), Generation: 1},
		Spec: v1.TrafficPolicySpec{
			Hostnames: []string{name + ".example.com"}, TargetRefs: []v1.TargetRef{{Name: name}},
			Capacity: &v1.Capacity{RequestsPerSecondPerReplica: resource.MustParse("50")},
		},
	}}
	validation.DefaultPolicy(a.policy)
	for _, c := range clusters {
		a.replicas[c] = 3
	}
	f.apps = append(f.apps, a)
	f.plan()
	return a
}

// asks says what the clients near each cluster ask for.
func (a *app) asks(demand map[string]float64) *app {
	a.demand = map[string]float64{}
	for cluster, n := range demand {
		a.demand[regionOf[cluster]] = n
	}
	return a
}

// measured is the demand as somebody measures it who is never late; nil when nobody asks for anything.
func (f *fleet) measured(a *app) *traffic.Demand {
	if len(a.demand) == 0 {
		return nil
	}
	d := &traffic.Demand{At: f.now, Clients: a.demand}
	if a.plan != nil {
		d.Clusters = loads(&a.plan.Spec, d)
	}
	return d
}

// plan lets the planner make a plan for every application, and the name servers follow.
func (f *fleet) plan() {
	for _, a := range f.apps {
		in := traffic.Input{Now: f.now, Policy: a.policy, Claims: traffic.HostnameResult{Hostnames: a.policy.Spec.Hostnames}, VantagePoints: len(f.servers), Demand: f.measured(a)}
		if a.plan != nil {
			in.Previous = &a.plan.Spec
		}
		for _, c := range f.clusters {
			m := traffic.Member{Cluster: c, Verdict: v1.VerdictHealthy, Discovered: traffic.Discovered{
				Known: true, Exists: a.replicas[c.Name] > 0, Addresses: []string{"192.0.2.1"}, Port: 80, ReadyReplicas: a.replicas[c.Name]}}
			if f.unhealthy[c.Name] {
				m.Verdict = v1.VerdictUnhealthy
			}
			in.Clusters = append(in.Clusters, m)
		}
		spec := traffic.Plan(in).Spec
		is, err := json.Marshal(spec)
		if err != nil {
			f.t.Fatal(err)
		}
		if a.plan == nil {
			a.plan = &v1.TrafficPlan{ObjectMeta: metav1.ObjectMeta{Namespace: a.policy.Namespace, Name: a.policy.Name}}
		}
		if a.text != string(is) {
			next := &v1.TrafficPlan{ObjectMeta: a.plan.ObjectMeta} // worlds before this keep theirs
			next.Generation++
			if err := json.Unmarshal(is, &next.Spec); err != nil {
				f.t.Fatal(err)
			}
			a.plan, a.text = next, string(is)
		}
		for server, follows := range f.servers {
			if follows || a.inForce[server] == 0 {
				a.inForce[server] = a.plan.Generation
			}
		}
	}
}

func (f *fleet) world() *World {
	w := &World{Now: f.now, NameServers: len(f.servers), HeldFailovers: f.held, Others: f.others}
	for _, name := range slices.Sorted(maps.Keys(f.clusters)) {
		w.Clusters = append(w.Clusters, f.clusters[name])
	}
	for _, a := range f.apps {
		w.Apps = append(w.Apps, App{Policy: a.policy, Plan: a.plan, Demand: f.measured(a)})
	}
	return w
}

// order is a drill of clusters for a minute.
func (f *fleet) order(clusters ...string) *v1.Drill {
	f.drill = &v1.Drill{ObjectMeta: metav1.ObjectMeta{Name: "friday", CreationTimestamp: metav1.NewTime(f.now)},
		Spec: v1.DrillSpec{Clusters: clusters, Duration: &metav1.Duration{Duration: time.Minute}}}
	validation.DefaultDrill(f.drill)
	return f.drill
}

// step leads the drill on and carries out what it says, as the controller would.
func (f *fleet) step() Output {
	w := f.world()
	in := Input{Drill: f.drill, World: w, Next: validation.DrillTimes(&f.drill.Spec)}
	if errs := validation.ValidateDrill(f.drill, nil); len(errs) > 0 {
		in.Invalid = errs.ToAggregate().Error()
	}
	in.Behind = f.followers.Behind(w, f.drill, func(key types.NamespacedName) map[string]int64 {
		for _, a := range f.apps {
			if a.policy.Name == key.Name {
				return a.inForce
			}
		}
		return nil
	})
	out := Step(in)
	f.drill.Status = *out.Status.DeepCopy()
	for _, c := range out.Conditions {
		meta.SetStatusCondition(&f.drill.Status.Conditions, c)
	}
	for _, e := range out.Events {
		f.tell("%-7s %s: %s", e.Type, e.Reason, e.Message)
	}
	if out.Unmark {
		f.unmark()
	}
	for _, name := range out.Mark {
		if c := f.clusters[name]; c != nil {
			if _, drained := c.Annotations[names.DrainAnnotation]; !drained {
				f.drain(name, Mark(f.drill.Name))
			}
		}
	}
	return out
}

func (f *fleet) drain(name, why string) {
	c := f.clusters[name].DeepCopy() // worlds before this keep theirs
	c.Annotations = map[string]string{names.DrainAnnotation: why}
	if why == "" {
		c.Annotations = nil
	}
	f.clusters[name] = c
}

func (f *fleet) unmark() {
	for _, name := range f.marked() {
		f.drain(name, "")
	}
}

func (f *fleet) marked() (out []string) {
	for _, name := range slices.Sorted(maps.Keys(f.clusters)) {
		if by, marked := Marker(f.clusters[name]); marked && by == f.drill.Name {
			out = append(out, name)
		}
	}
	return out
}

// pass lets time pass.
func (f *fleet) pass(d time.Duration) {
	for end := f.now.Add(d); f.now.Before(end); f.now = f.now.Add(f.pace) {
		f.plan()
		if !f.deleted {
			f.step()
		}
	}
}

// shares says what each cluster gets of an application.
func (a *app) shares() string {
	var out []string
	for _, e := range a.plan.Spec.Endpoints {
		out = append(out, fmt.Sprintf("%s %d %%", e.Cluster, e.SharePercent))
	}
	return strings.Join(out, ", ")
}
