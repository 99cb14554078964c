package traffic_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/discovery"
	"github.com/seaway-io/seaway/controllers/health"
	"github.com/seaway-io/seaway/controllers/member"
	"github.com/seaway-io/seaway/controllers/traffic"
)

// live is a hub with two members and a name server that the test speaks for.
type live struct {
	*testing.T
	home    *hubtest.ControlPlane
	members map[string]*hubtest.ControlPlane
	pool    *member.Pool
	report  *v1.EndpointHealth
}

// TestLive runs discovery, health and the planner against real API servers.
func TestLive(t *testing.T) {
	ctrl.SetLogger(klog.Background())
	l := &live{T: t, home: hubtest.Start(t, hubtest.Options{Hub: true}), members: map[string]*hubtest.ControlPlane{}, pool: member.NewPool(member.Options{})}
	l.crds()
	l.create(l.home, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	l.join("fra", "eu-central-1", "192.0.2.1")
	l.join("iad", "us-east-1", "192.0.2.2")
	l.run()
	l.create(l.home, service())
	l.create(l.home, &v1.Zone{ObjectMeta: metav1.ObjectMeta{Name: "apps"}, Spec: v1.ZoneSpec{Domain: "apps.example.com", NameServers: []v1.NameServer{{Name: "ns1.example.net"}}}})
	l.create(l.home, policy("shop", "shop.apps.example.com"))

	for _, step := range []struct {
		what string
		run  func()
	}{
		{"a plan is made", l.planned},
		{"a name server takes it over", l.served},
		{"what it leaves out is said", l.leftOut},
		{"nothing is written when nothing happens", l.idle},
		{"a verdict moves requests", l.moves},
		{"replicas that are gone are seen", l.replicas},
		{"a plan that was deleted is made anew", l.deleted},
		{"a host name goes to the next policy in line", l.inLine},
		{"a silent name server is no name server", l.silent},
	} {
		if !t.Run(step.what, func(t *testing.T) { l.T = t; step.run() }) {
			return
		}
	}
}

func (l *live) planned() {
	l.eventually("both endpoints serve", func(ctx context.Context) error {
		return l.states(ctx, "fra Serving 100", "iad Serving 100")
	})
	l.eventually("the policy says that nobody answers", func(ctx context.Context) error {
		return l.conditions(ctx, "shop", "True Accepted", "True ResolvedRefs", "False NoServers")
	})
}

func (l *live) served() {
	plan := l.plan()
	l.report = &v1.EndpointHealth{ObjectMeta: metav1.ObjectMeta{Name: "ns1"},
		Spec: v1.EndpointHealthSpec{VantagePoint: "ns1", Kind: v1.VantageNameServer, RenewTime: metav1.NowMicro(), LeaseDurationSeconds: 600,
			Zones: []v1.ZoneServed{{Domain: "apps.example.com", Generation: 1}},
			Plans: []v1.PlanHealth{{Namespace: "shop", Name: "shop", Generation: plan.Generation, Endpoints: []v1.EndpointVerdict{
				{Cluster: "fra", Verdict: v1.VerdictHealthy, Since: metav1.NowMicro()}, {Cluster: "iad", Verdict: v1.VerdictHealthy, Since: metav1.NowMicro()}}}}}}
	l.create(l.home, l.report)
	l.eventually("the clusters are reachable", func(ctx context.Context) error {
		for _, name := range []string{"fra", "iad"} {
			var c clusterv1alpha1.Cluster
			if err := l.home.Client.Get(ctx, client.ObjectKey{Name: name}, &c); err != nil {
				return err
			}
			if !meta.IsStatusConditionTrue(c.Status.Conditions, v1.ClusterConditionDataPath) || !meta.IsStatusConditionTrue(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady) {
				return fmt.Errorf("%s: %+v", name, c.Status.Conditions)
			}
		}
		return nil
	})
	l.eventually("the plan says that they were found healthy, and the name server follows", func(ctx context.Context) error {
		plan := l.plan()
		for _, e := range plan.Spec.Endpoints {
			if e.FirstHealthy == nil {
				return fmt.Errorf("%+v", e)
			}
		}
		if l.report.Spec.Plans[0].Generation != plan.Generation {
			l.say(func(s *v1.EndpointHealthSpec) { s.Plans[0].Generation = plan.Generation })
		}
		return l.conditions(ctx, "shop", "True Accepted", "True ResolvedRefs", "True Programmed")
	})
	l.eventually("the zone counts its hosts", func(ctx context.Context) error {
		var z v1.Zone
		if err := l.home.Client.Get(ctx, client.ObjectKey{Name: "apps"}, &z); err != nil {
			return err
		}
		if z.Status.Hosts != 1 || !meta.IsStatusConditionTrue(z.Status.Conditions, v1.ConditionProgrammed) {
			return fmt.Errorf("%+v", z.Status)
		}
		return nil
	})
}

// leftOut has the name server tell that records lost against older objects, and that they do no more.
func (l *live) leftOut() {
	l.create(l.home, &v1.ZoneRecords{ObjectMeta: metav1.ObjectMeta{Name: "mail"},
		Spec: v1.ZoneRecordsSpec{Zone: "apps", Records: []v1.Record{{Name: "shop", Type: "A", Values: []string{"192.0.2.1"}}}}})
	conditions := func(records, zone, policy string) func(context.Context) error {
		return func(ctx context.Context) error {
			var r v1.ZoneRecords
			var z v1.Zone
			var p v1.TrafficPolicy
			if err := errors.Join(l.home.Client.Get(ctx, client.ObjectKey{Name: "mail"}, &r), l.home.Client.Get(ctx, client.ObjectKey{Name: "apps"}, &z),
				l.home.Client.Get(ctx, client.ObjectKey{Namespace: "shop", Name: "shop"}, &p)); err != nil {
				return err
			}
			for _, c := range []struct {
				all        []metav1.Condition
				kind, want string
			}{{r.Status.Conditions, v1.ConditionAccepted, records}, {z.Status.Conditions, v1.ConditionProgrammed, zone}, {p.Status.Conditions, v1.ConditionProgrammed, policy}} {
				if got := meta.FindStatusCondition(c.all, c.kind); got == nil || got.Reason != c.want {
					return fmt.Errorf("%+v, want %s", got, c.want)
				}
			}
			return nil
		}
	}
	l.eventually("the records are accepted", conditions("Accepted", "Programmed", "Programmed"))
	of := func(kind, namespace, name, field string) v1.ZoneProblem {
		return v1.ZoneProblem{Object: v1.ZoneObject{Kind: kind, Namespace: namespace, Name: name}, Field: field, Message: "is taken by what is older"}
	}
	l.say(func(s *v1.EndpointHealthSpec) {
		s.Zones[0].Problems = []v1.ZoneProblem{of(v1.KindZoneRecords, "", "mail", "spec.records[0]"), of(v1.KindZone, "", "apps", "spec.records[1]"),
			of(v1.KindTrafficPlan, "shop", "shop", "spec.hostnames[0]")}
	})
	l.eventually("all of them say so", conditions("PartlyServed", "PartlyServed", "PartlyServed"))
	l.say(func(s *v1.EndpointHealthSpec) { s.Zones[0].Problems = nil })
	l.eventually("all is well", conditions("Accepted", "Programmed", "Programmed"))
	l.must(l.home.Client.Delete(l.Context(), &v1.ZoneRecords{ObjectMeta: metav1.ObjectMeta{Name: "mail"}}))
}

// idle watches the objects that this package writes while the name server renews its report.
func (l *live) idle() {
	versions := func() string {
		var p v1.TrafficPolicy
		var z v1.Zone
		var c clusterv1alpha1.ClusterList
		l.must(l.home.Client.Get(l.Context(), client.ObjectKey{Namespace: "shop", Name: "shop"}, &p))
		l.must(l.home.Client.Get(l.Context(), client.ObjectKey{Name: "apps"}, &z))
		l.must(l.home.Client.List(l.Context(), &c))
		return fmt.Sprint(l.plan().ResourceVersion, p.ResourceVersion, z.ResourceVersion, c.Items[0].ResourceVersion, c.Items[1].ResourceVersion)
	}
	settled := ""
	l.eventually("everything has settled", func(context.Context) error {
		if now := versions(); now != settled {
			settled = now
			return errors.New("it still changes")
		}
		return nil
	})
	for range 10 {
		l.say(func(*v1.EndpointHealthSpec) {})
	}
	// What the controllers have answered to a later question, they have seen the reports before it.
	l.create(l.home, policy("later", "later.elsewhere.example.net"))
	l.eventually("a policy that came later is judged", func(ctx context.Context) error {
		return l.conditions(ctx, "later", "False NoZone", "True ResolvedRefs", "False NotAccepted")
	})
	l.must(l.home.Client.Delete(l.Context(), policy("later", "")))
	if now := versions(); now != settled {
		l.Errorf("written to while idle: %s, then %s", settled, now)
	}
}

// moves measures the way from a report to a plan that a name server would see: three writes of two
// programs, two watches.
func (l *live) moves() {
	w, err := l.watch()
	l.must(err)
	defer w.Stop()
	var took []time.Duration
	for i := range 10 {
		verdict := []v1.Verdict{v1.VerdictUnhealthy, v1.VerdictHealthy}[i%2]
		began := time.Now()
		l.say(func(s *v1.EndpointHealthSpec) { s.Plans[0].Endpoints[0].Verdict = verdict })
		l.follows(w, (verdict == v1.VerdictUnhealthy))
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	l.Logf("from a report to the plan: median %s, longest %s", took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	l.say(func(s *v1.EndpointHealthSpec) { s.Plans[0].Endpoints[0].Verdict = v1.VerdictUnhealthy })
	l.follows(w, true)
}

// follows waits for a plan in which fra is down, or is not.
func (l *live) follows(w watch.Interface, down bool) {
	l.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case e := <-w.ResultChan():
			plan, ok := e.Object.(*v1.TrafficPlan)
			if !ok || (plan.Spec.Endpoints[0].State == v1.EndpointDown) != down {
				continue
			}
			if got := plan.Spec.Regions[0].Tiers[0].Clusters[0].Name; down && got != "iad" {
				l.Errorf("Europe is sent to %s", got)
			}
			return
		case <-deadline:
			l.Fatal("the plan does not follow the verdict")
		}
	}
}

func (l *live) replicas() {
	slice := &discoveryv1.EndpointSlice{}
	iad := l.members["iad"].Client
	l.must(iad.Get(l.Context(), client.ObjectKey{Namespace: "shop", Name: "web-1"}, slice))
	slice.Endpoints = slice.Endpoints[:1]
	l.must(iad.Update(l.Context(), slice))
	l.eventually("there is one replica left", func(context.Context) error {
		if n := l.plan().Spec.Endpoints[1].ReadyReplicas; n != 1 {
			return fmt.Errorf("%d replicas", n)
		}
		return nil
	})
	slice.Endpoints = nil
	l.must(iad.Update(l.Context(), slice))
	l.eventually("nothing is left, and both are served all the same", func(ctx context.Context) error {
		if plan := l.plan(); !plan.Spec.FailOpen || len(plan.Spec.Tiers[0].Clusters) != 2 {
			return fmt.Errorf("%+v", plan.Spec)
		}
		return l.states(ctx, "fra Down 0", "iad Down 0")
	})
	slice.Endpoints = endpoints()
	l.must(iad.Update(l.Context(), slice))
	l.eventually("the blip is over", func(ctx context.Context) error { return l.states(ctx, "fra Down 0", "iad Serving 100") })
	l.say(func(s *v1.EndpointHealthSpec) { s.Plans[0].Endpoints[0].Verdict = v1.VerdictHealthy })
}

func (l *live) deleted() {
	old := l.plan()
	l.must(l.home.Client.Delete(l.Context(), old))
	l.eventually("there is another one, without memory of the past", func(ctx context.Context) error {
		var plan v1.TrafficPlan
		if err := l.home.Client.Get(ctx, client.ObjectKey{Namespace: "shop", Name: "shop"}, &plan); err != nil {
			return err
		}
		if plan.UID == old.UID {
			return errors.New("still the old one")
		}
		return l.states(ctx, "fra Serving 100", "iad Serving 100")
	})
}

func (l *live) inLine() {
	var first v1.TrafficPolicy
	l.must(l.home.Client.Get(l.Context(), client.ObjectKey{Namespace: "shop", Name: "shop"}, &first))
	l.eventually("a second has passed, as ages are whole seconds", func(context.Context) error {
		if !time.Now().Truncate(time.Second).After(first.CreationTimestamp.Time) {
			return errors.New("not yet")
		}
		return nil
	})
	l.create(l.home, policy("second", "shop.apps.example.com"))
	l.eventually("the second is refused", func(ctx context.Context) error {
		return l.conditions(ctx, "second", "False HostnameConflict", "True ResolvedRefs", "False NotAccepted")
	})
	l.must(l.home.Client.Delete(l.Context(), policy("shop", "")))
	l.eventually("the second has it", func(ctx context.Context) error {
		return l.conditions(ctx, "second", "True Accepted", "True ResolvedRefs", "False Pending")
	})
}

func (l *live) silent() {
	l.say(func(s *v1.EndpointHealthSpec) { s.LeaseDurationSeconds = 1 })
	l.eventually("nobody answers any more", func(ctx context.Context) error {
		return l.conditions(ctx, "second", "True Accepted", "True ResolvedRefs", "False NoServers")
	})
	l.eventually("nobody knows whether requests reach the clusters", func(ctx context.Context) error {
		var c clusterv1alpha1.Cluster
		if err := l.home.Client.Get(ctx, client.ObjectKey{Name: "fra"}, &c); err != nil {
			return err
		}
		if got := meta.FindStatusCondition(c.Status.Conditions, v1.ClusterConditionDataPath).Status; got != metav1.ConditionUnknown {
			return fmt.Errorf("%s", got)
		}
		return nil
	})
}

// --- the stage

func (l *live) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *live) create(where *hubtest.ControlPlane, objects ...client.Object) {
	l.Helper()
	for _, o := range objects {
		l.must(where.Client.Create(l.Context(), o))
	}
}

func (l *live) eventually(what string, check func(context.Context) error) {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.Context(), 30*time.Second)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			l.Fatalf("waited in vain until %s: %v", what, err)
		}
	}
}

// say writes the name server's report anew.
func (l *live) say(what func(*v1.EndpointHealthSpec)) {
	l.Helper()
	what(&l.report.Spec)
	l.report.Spec.RenewTime = metav1.NowMicro()
	l.must(l.home.Client.Update(l.Context(), l.report))
}

func (l *live) plan() *v1.TrafficPlan {
	l.Helper()
	plan := &v1.TrafficPlan{}
	l.must(l.home.Client.Get(l.Context(), client.ObjectKey{Namespace: "shop", Name: "shop"}, plan))
	return plan
}

func (l *live) states(ctx context.Context, want ...string) error {
	plan := &v1.TrafficPlan{}
	if err := l.home.Client.Get(ctx, client.ObjectKey{Namespace: "shop", Name: "shop"}, plan); err != nil {
		return err
	}
	var got []string
	for _, e := range plan.Spec.Endpoints {
		got = append(got, fmt.Sprintf("%s %s %d", e.Cluster, e.State, e.SharePercent))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("%v, want %v: %+v", got, want, plan.Spec.Endpoints)
	}
	return nil
}

func (l *live) conditions(ctx context.Context, name string, want ...string) error {
	p := &v1.TrafficPolicy{}
	if err := l.home.Client.Get(ctx, client.ObjectKey{Namespace: "shop", Name: name}, p); err != nil {
		return err
	}
	var got []string
	for _, kind := range []string{v1.ConditionAccepted, v1.ConditionResolvedRefs, v1.ConditionProgrammed} {
		if c := meta.FindStatusCondition(p.Status.Conditions, kind); c != nil {
			got = append(got, string(c.Status)+" "+c.Reason)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("%v, want %v: %+v", got, want, p.Status.Conditions)
	}
	return nil
}

func (l *live) crds() {
	l.Helper()
	l.must(fs.WalkDir(charts.CRDs(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(charts.CRDs(), path)
		if err != nil || !bytes.Contains(text, []byte("group: "+v1.GroupName)) {
			return err
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			return err
		}
		return l.home.Client.Create(l.Context(), crd)
	}))
	l.eventually("the API is served", func(ctx context.Context) error {
		for _, list := range []client.ObjectList{&v1.ZoneList{}, &v1.TrafficPolicyList{}, &v1.TrafficPlanList{}, &v1.RegionMapList{}, &v1.EndpointHealthList{}, &v1.ZoneRecordsList{}} {
			if err := l.home.Client.List(ctx, list); err != nil {
				return err
			}
		}
		return nil
	})
}

// join starts a member with the shop in it and connects the pool to it.
func (l *live) join(name, region, address string) {
	l.Helper()
	c := hubtest.Start(l.T, hubtest.Options{})
	l.members[name] = c
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "seaway"}}
	l.create(c, account, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "seaway"},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "kube-system", Name: "seaway"}}})
	token := &authenticationv1.TokenRequest{}
	l.must(c.Client.SubResource("token").Create(l.Context(), account, token))

	l.create(c, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	web := service()
	l.create(c, web)
	web.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: address}}
	l.must(c.Client.Status().Update(l.Context(), web))
	l.create(c, &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: endpoints()})

	joined := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: clusterv1alpha1.ClusterSpec{ID: name, SyncMode: clusterv1alpha1.Push, APIEndpoint: c.Config.Host, Region: region,
			SecretRef: &clusterv1alpha1.LocalSecretReference{Namespace: "seaway", Name: name}}}
	l.create(l.home, joined)
	meta.SetStatusCondition(&joined.Status.Conditions, metav1.Condition{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue, Reason: "ClusterReady"})
	l.must(l.home.Client.Status().Update(l.Context(), joined))
	l.must(l.pool.Set(joined, &corev1.Secret{Data: map[string][]byte{"token": []byte(token.Status.Token), "caBundle": c.Config.CAData}}))
}

func (l *live) run() {
	l.Helper()
	mgr, err := ctrl.NewManager(l.home.Config, ctrl.Options{Scheme: scheme.New(), Metrics: server.Options{BindAddress: "0"}})
	l.must(err)
	table, view := discovery.New(l.pool), health.NewView(clock.RealClock{})
	l.must(discovery.Setup(mgr, table))
	l.must(health.Setup(mgr, view))
	l.must(traffic.Setup(mgr, traffic.Options{Clock: clock.RealClock{}, Discovery: table, Health: view}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	l.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			l.Errorf("manager: %v", err)
		}
		l.pool.Close()
	})
}

func service() *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}}
}

func endpoints() []discoveryv1.Endpoint {
	return []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}}, {Addresses: []string{"10.0.0.2"}}}
}

func policy(name, host string) *v1.TrafficPolicy {
	return &v1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec: v1.TrafficPolicySpec{Hostnames: []string{host}, TargetRefs: []v1.TargetRef{{Name: "web", SectionName: "http"}}}}
}

func (l *live) watch() (watch.Interface, error) {
	c, err := client.NewWithWatch(l.home.Config, client.Options{Scheme: scheme.New()})
	if err != nil {
		return nil, err
	}
	return c.Watch(l.Context(), &v1.TrafficPlanList{}, client.InNamespace("shop"))
}
