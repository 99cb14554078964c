package traffic

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	apinames "github.com/seaway-io/seaway/api/names"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/health"
	"github.com/seaway-io/seaway/controllers/discovery"
	"github.com/seaway-io/seaway/controllers/leader"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// hubStub is a hub with indexes, and what was discovered and judged.
type hubStub struct {
	client.Client
	t        *testing.T
	clock    *clocktesting.FakeClock
	recorder *record.FakeRecorder
	writes   []string

	found    map[string]discovery.Endpoint // by cluster
	verdict  map[string]v1.Verdict         // by cluster
	vantage  int
	inForce  map[string]int64 // generation of any plan or zone, by vantage point
	problems []v1.ZoneProblem
	policies *policies
	zones    *zones
	maps     *regionMaps
}

func (h *hubStub) Lookup(cluster, _, _ string) (discovery.Endpoint, bool) {
	e, known := h.found[cluster]
	return e, known
}
func (h *hubStub) Verdict(_ types.NamespacedName, cluster string) health.Opinion {
	return health.Opinion{Verdict: h.verdict[cluster], Message: "connection refused"}
}
func (h *hubStub) VantagePoints() int                                    { return h.vantage }
func (h *hubStub) PlanGenerations(types.NamespacedName) map[string]int64 { return h.inForce }
func (h *hubStub) ZoneGenerations(string) map[string]int64               { return h.inForce }

func (h *hubStub) Problems(o v1.ZoneObject) (out []v1.ZoneProblem) {
	for _, p := range h.problems {
		if p.Object == o {
			out = append(out, p)
		}
	}
	return out
}

// indexer registers the package's own indexes with the fake client.
type indexer struct{ *fake.ClientBuilder }

func (i indexer) IndexField(_ context.Context, obj client.Object, field string, extract client.IndexerFunc) error {
	i.WithIndex(obj, field, extract)
	return nil
}

func newHub(t *testing.T, objects ...client.Object) *hubStub {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1.AddToScheme, clusterv1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	h := &hubStub{t: t, clock: clocktesting.NewFakeClock(noon), recorder: record.NewFakeRecorder(100), vantage: 1,
		found: map[string]discovery.Endpoint{}, verdict: map[string]v1.Verdict{}, inForce: map[string]int64{"ns1": 0}}
	builder := fake.NewClientBuilder().WithScheme(scheme).
		WithStatusSubresource(&v1.TrafficPolicy{}, &v1.Zone{}, &v1.ZoneRecords{}, &v1.RegionMap{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
				h.note("create", o)
				return c.Create(ctx, o, opts...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
				h.note("patch", o)
				return c.Patch(ctx, o, p, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				h.note(sub, o)
				return c.SubResource(sub).Patch(ctx, o, p, opts...)
			},
		})
	if err := setupIndexes(t.Context(), indexer{builder}); err != nil {
		t.Fatal(err)
	}
	h.Client = builder.Build()
	for _, o := range objects {
		if err := h.Client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	h.writes = nil
	h.policies = &policies{client: h.Client, clock: h.clock, recorder: h.recorder, endpoints: h, health: h, term: (*leader.Term)(nil)}
	h.zones = &zones{client: h.Client, health: h}
	h.maps = &regionMaps{client: h.Client}
	return h
}

func (h *hubStub) note(what string, o client.Object) {
	h.writes = append(h.writes, what+" "+strings.TrimPrefix(fmt.Sprintf("%T", o), "*v1alpha1."))
}

// settle judges the zones and maps, as they would be before any policy, and forgets the writes.
func (h *hubStub) settle() *hubStub {
	h.t.Helper()
	for _, z := range everything[v1.Zone](h, &v1.ZoneList{}) {
		h.run(h.zones.Reconcile, client.ObjectKey{Name: z.Name})
	}
	for _, m := range everything[v1.RegionMap](h, &v1.RegionMapList{}) {
		h.run(h.maps.Reconcile, client.ObjectKey{Name: m.Name})
	}
	h.writes = nil
	return h
}

func everything[T any](h *hubStub, l client.ObjectList) []T {
	h.t.Helper()
	if err := h.List(h.t.Context(), l); err != nil {
		h.t.Fatal(err)
	}
	switch l := any(l).(type) {
	case *v1.ZoneList:
		return any(l.Items).([]T)
	case *v1.RegionMapList:
		return any(l.Items).([]T)
	}
	return nil
}

func (h *hubStub) run(reconcile func(context.Context, ctrl.Request) (ctrl.Result, error), key client.ObjectKey) ctrl.Result {
	h.t.Helper()
	result, err := reconcile(h.t.Context(), ctrl.Request{NamespacedName: key})
	if err != nil {
		h.t.Fatal(err)
	}
	return result
}

func (h *hubStub) plan(namespace, name string) ctrl.Result {
	h.t.Helper()
	return h.run(h.policies.Reconcile, client.ObjectKey{Namespace: namespace, Name: name})
}

func (h *hubStub) events() (out []string) {
	for {
		select {
		case e := <-h.recorder.Events:
			out = append(out, e)
		default:
			return out
		}
	}
}

func (h *hubStub) expectWrites(want ...string) {
	h.t.Helper()
	if diff := cmp.Diff(want, h.writes); diff != "" {
		h.t.Errorf("writes: %s", diff)
	}
	h.writes = nil
}

func get[T client.Object](h *hubStub, namespace, name string, into T) T {
	h.t.Helper()
	if err := h.Get(h.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, into); err != nil {
		h.t.Fatal(err)
	}
	return into
}

func (h *hubStub) condition(o client.Object, kind string) string {
	h.t.Helper()
	var conditions []metav1.Condition
	switch o := o.(type) {
	case *v1.TrafficPolicy:
		conditions = o.Status.Conditions
	case *v1.Zone:
		conditions = o.Status.Conditions
	case *v1.ZoneRecords:
		conditions = o.Status.Conditions
	case *v1.RegionMap:
		conditions = o.Status.Conditions
	}
	c := meta.FindStatusCondition(conditions, kind)
	if c == nil {
		return "none"
	}
	return string(c.Status) + " " + c.Reason
}

func (h *hubStub) expectPolicy(namespace, name, accepted, resolved, programmed string) {
	h.t.Helper()
	p := get(h, namespace, name, &v1.TrafficPolicy{})
	want := []string{accepted, resolved, programmed}
	got := []string{h.condition(p, v1.ConditionAccepted), h.condition(p, v1.ConditionResolvedRefs), h.condition(p, v1.ConditionProgrammed)}
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Errorf("conditions of %s/%s: %s", namespace, name, diff)
	}
}

func theZone() *v1.Zone {
	return &v1.Zone{ObjectMeta: metav1.ObjectMeta{Name: "apps", CreationTimestamp: metav1.NewTime(noon)},
		Spec: v1.ZoneSpec{Domain: "apps.example.com", NameServers: []v1.NameServer{{Name: "ns1.example.net"}}}}
}

func thePolicy(name string, age time.Duration, hosts ...string) *v1.TrafficPolicy {
	return &v1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-" + name), Generation: 1, CreationTimestamp: metav1.NewTime(noon.Add(-age))},
		Spec: v1.TrafficPolicySpec{Hostnames: hosts, TargetRefs: []v1.TargetRef{{Kind: "Service", Name: "web", SectionName: "http"}}}}
}

func theService() *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}}
}

func cluster(name, region string) *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: clusterv1alpha1.ClusterSpec{Region: region},
		Status: clusterv1alpha1.ClusterStatus{Conditions: []metav1.Condition{{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue}}}}
}

func aShop(t *testing.T, more ...client.Object) *hubStub {
	h := newHub(t, append([]client.Object{theZone(), thePolicy("shop", time.Hour, "shop.apps.example.com"), theService(),
		cluster("fra", "eu-central-1"), cluster("iad", "us-east-1")}, more...)...).settle()
	for i, name := range []string{"fra", "iad"} {
		h.found[name] = discovery.Endpoint{Exists: true, Addresses: []string{fmt.Sprintf("192.0.2.%d", i+1)}, Ports: []discovery.Port{{Name: "http", Number: 80}}, ReadyReplicas: 3}
		h.verdict[name] = v1.VerdictHealthy
	}
	return h
}

func TestAPlanIsMadeKeptAndFollowsAVerdict(t *testing.T) {
	h := aShop(t)
	h.plan("shop", "shop")
	h.expectWrites("create TrafficPlan", "status TrafficPolicy")
	plan := get(h, "shop", "shop", &v1.TrafficPlan{})
	if owner := metav1.GetControllerOf(plan); owner == nil || owner.UID != "uid-shop" || owner.Kind != "TrafficPolicy" {
		t.Errorf("owner %+v", owner)
	}
	if len(plan.Spec.Regions) != 2 || len(plan.Spec.Endpoints) != 2 || plan.Spec.Endpoints[0].Port != 80 || plan.Spec.TTLSeconds != 10 {
		t.Errorf("%+v", plan.Spec)
	}
	h.expectPolicy("shop", "shop", "True Accepted", "True ResolvedRefs", "True Programmed")
	h.events()

	h.clock.Step(time.Hour)
	h.plan("shop", "shop")
	h.expectWrites()

	h.verdict["fra"] = v1.VerdictUnhealthy
	h.plan("shop", "shop")
	h.expectWrites("patch TrafficPlan", "status TrafficPolicy")
	want := []string{
		"Warning EndpointDown fra: requests do not get through: connection refused",
		"Normal TrafficMoved clients of eu-central-1: fra -> iad",
	}
	if diff := cmp.Diff(want, h.events()); diff != "" {
		t.Error(diff)
	}
	p := get(h, "shop", "shop", &v1.TrafficPolicy{})
	if diff := cmp.Diff(v1.ClusterTraffic{Name: "fra", State: v1.EndpointDown, Reason: "Unhealthy", Message: "requests do not get through: connection refused"}, p.Status.Clusters[0]); diff != "" {
		t.Error(diff)
	}

	h.clock.Step(time.Hour)
	h.verdict["fra"] = v1.VerdictHealthy
	if got := h.plan("shop", "shop").RequeueAfter; got != 5*time.Minute {
		t.Errorf("comes back after %s, want 5m", got)
	}
	h.expectWrites("patch TrafficPlan", "status TrafficPolicy")
}

func TestAnEditOfThePlanIsUndone(t *testing.T) {
	h := aShop(t)
	h.plan("shop", "shop")
	plan := get(h, "shop", "shop", &v1.TrafficPlan{})
	plan.Spec.Tiers = nil
	plan.OwnerReferences = nil
	if err := h.Update(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	h.writes = nil
	h.plan("shop", "shop")
	h.expectWrites("patch TrafficPlan")
	if plan := get(h, "shop", "shop", &v1.TrafficPlan{}); len(plan.Spec.Tiers) == 0 || len(plan.OwnerReferences) != 1 {
		t.Errorf("%+v", plan)
	}
}

func TestProgrammedFollowsTheNameServers(t *testing.T) {
	h := aShop(t)
	h.plan("shop", "shop")
	plan := get(h, "shop", "shop", &v1.TrafficPlan{})
	plan.Generation = 5
	if err := h.Update(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	h.inForce = map[string]int64{"ns1": 5, "ns2": 4}
	h.plan("shop", "shop")
	h.expectPolicy("shop", "shop", "True Accepted", "True ResolvedRefs", "False Pending")
	h.inForce["ns2"] = 5
	h.plan("shop", "shop")
	h.expectPolicy("shop", "shop", "True Accepted", "True ResolvedRefs", "True Programmed")
	h.inForce = nil
	h.plan("shop", "shop")
	h.expectPolicy("shop", "shop", "True Accepted", "True ResolvedRefs", "False NoServers")
}

func TestBadPolicies(t *testing.T) {
	for name, tc := range map[string]struct {
		edit                           func(*v1.TrafficPolicy)
		accepted, resolved, programmed string
	}{
		"a host name outside every zone": {func(p *v1.TrafficPolicy) { p.Spec.Hostnames = []string{"shop.example.org"} },
			"False NoZone", "True ResolvedRefs", "False NotAccepted"},
		"a host name of an older policy": {func(p *v1.TrafficPolicy) { p.Spec.Hostnames = []string{"shop.apps.example.com"} },
			"False HostnameConflict", "True ResolvedRefs", "False NotAccepted"},
		"a target of another kind": {func(p *v1.TrafficPolicy) { p.Spec.TargetRefs[0].Kind = "Ingress" },
			"True Accepted", "False UnsupportedKind", "False NotAccepted"},
		"a target that does not exist": {func(p *v1.TrafficPolicy) { p.Spec.TargetRefs[0].Name = "nothing" },
			"True Accepted", "False TargetNotFound", "True Programmed"},
		"a port that does not exist": {func(p *v1.TrafficPolicy) { p.Spec.TargetRefs[0].SectionName = "grpc" },
			"True Accepted", "False PortNotFound", "True Programmed"},
		"a TTL of nothing": {func(p *v1.TrafficPolicy) { p.Spec.DNS.TTL = &metav1.Duration{} },
			"False Invalid", "Unknown Invalid", "False NotAccepted"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := thePolicy("bad", 0, "bad.apps.example.com")
			tc.edit(bad)
			h := aShop(t, bad)
			h.plan("shop", "shop")
			before := get(h, "shop", "shop", &v1.TrafficPlan{})
			h.plan("shop", "bad")
			h.expectPolicy("shop", "bad", tc.accepted, tc.resolved, tc.programmed)
			if tc.programmed == "False NotAccepted" {
				if err := h.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "bad"}, &v1.TrafficPlan{}); err == nil {
					t.Error("has a plan")
				}
			}
			h.writes = nil
			h.plan("shop", "bad")
			h.expectWrites()
			h.plan("shop", "shop")
			if diff := cmp.Diff(before, get(h, "shop", "shop", &v1.TrafficPlan{})); diff != "" {
				t.Errorf("another policy was disturbed: %s", diff)
			}
		})
	}
}

func TestAnInvalidEditLeavesTheLastPlanInForce(t *testing.T) {
	h := aShop(t)
	h.plan("shop", "shop")
	before := get(h, "shop", "shop", &v1.TrafficPlan{})
	p := get(h, "shop", "shop", &v1.TrafficPolicy{})
	p.Spec.Failover.Failback.StepEvery = &metav1.Duration{}
	if err := h.Update(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	h.writes = nil
	h.plan("shop", "shop")
	h.expectWrites("status TrafficPolicy")
	h.expectPolicy("shop", "shop", "False Invalid", "Unknown Invalid", "False NotAccepted")
	if diff := cmp.Diff(before, get(h, "shop", "shop", &v1.TrafficPlan{})); diff != "" {
		t.Error(diff)
	}
}

func TestNamespacesAreAllowedByLabel(t *testing.T) {
	zone := theZone()
	zone.Spec.AllowedNamespaces = &v1.AllowedNamespaces{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"dns": "yes"}}}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	h := newHub(t, zone, ns, theService(), thePolicy("shop", 0, "shop.apps.example.com"), cluster("fra", "eu-central-1")).settle()
	h.plan("shop", "shop")
	h.expectPolicy("shop", "shop", "False NamespaceNotAllowed", "False NoEndpoints", "False NotAccepted")
	ns.Labels = map[string]string{"dns": "yes"}
	if err := h.Update(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	h.plan("shop", "shop")
	h.expectPolicy("shop", "shop", "True Accepted", "False NoEndpoints", "True Programmed")
}

func TestTheWallOfTheNamespace(t *testing.T) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Annotations: map[string]string{apinames.ResidencyAnnotation: "geo=eu"}}}
	h := aShop(t, ns)
	fra := get(h, "", "fra", &clusterv1alpha1.Cluster{})
	fra.Labels = map[string]string{"geo": "eu"}
	if err := h.Update(t.Context(), fra); err != nil {
		t.Fatal(err)
	}
	h.plan("shop", "shop")
	plan := get(h, "shop", "shop", &v1.TrafficPlan{})
	if e := plan.Spec.Endpoints[1]; e.Cluster != "iad" || e.State != v1.EndpointExcluded || e.Reason != v1.EndpointReasonResidency || len(e.Addresses) > 0 {
		t.Errorf("%+v", e)
	}
	ns.Annotations[apinames.ResidencyAnnotation] = "geo in eu"
	if err := h.Update(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	h.plan("shop", "shop")
	h.expectPolicy("shop", "shop", "False Invalid", "Unknown Invalid", "False NotAccepted")
	if after := get(h, "shop", "shop", &v1.TrafficPlan{}); after.Generation != plan.Generation {
		t.Error("the plan was changed by a wall that can not be read")
	}
}

func TestZones(t *testing.T) {
	newer := theZone()
	newer.Name, newer.Spec.Domain, newer.CreationTimestamp = "inner", "inner.apps.example.com", metav1.NewTime(noon.Add(time.Hour))
	faulty := theZone()
	faulty.Name, faulty.Spec.Domain = "faulty", "faulty.org"
	faulty.Spec.Records = []v1.Record{{Name: "www", Type: "A", Values: []string{"nowhere"}}}
	h := aShop(t, newer, faulty, thePolicy("faulty", 0, "a.faulty.org", "*.faulty.org"))
	h.plan("shop", "shop")
	h.plan("shop", "faulty")
	h.settle()
	for name, want := range map[string][]string{
		"apps":   {"True Accepted", "True Programmed", "1"},
		"inner":  {"False Overlap", "False NotAccepted", "0"},
		"faulty": {"False Invalid", "True Programmed", "2"},
	} {
		z := get(h, "", name, &v1.Zone{})
		got := []string{h.condition(z, v1.ConditionAccepted), h.condition(z, v1.ConditionProgrammed), fmt.Sprint(z.Status.Hosts)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		h.writes = nil
		h.run(h.zones.Reconcile, client.ObjectKey{Name: name})
		h.expectWrites()
	}
	h.run(h.zones.Reconcile, client.ObjectKey{Name: "gone"})
}

func TestZoneRecords(t *testing.T) {
	records := func(name, zone string, values ...string) *v1.ZoneRecords {
		return &v1.ZoneRecords{ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: v1.ZoneRecordsSpec{Zone: zone, Records: []v1.Record{{Name: "www", Type: "A", Values: values}}}}
	}
	older := &v1.Zone{ObjectMeta: metav1.ObjectMeta{Name: "younger", CreationTimestamp: metav1.NewTime(noon)}, Spec: v1.ZoneSpec{Domain: "eu.apps.example.com",
		NameServers: []v1.NameServer{{Name: "ns1.example.net"}}}}
	h := aShop(t, older, records("fine", "apps", "192.0.2.1"), records("lost", "nowhere", "192.0.2.1"), records("faulty", "apps", "nowhere"),
		records("loser", "apps", "192.0.2.1"), records("both", "apps", "nowhere"), records("below", "younger", "192.0.2.1"))
	for _, name := range []string{"loser", "both"} {
		o := v1.ZoneObject{Kind: v1.KindZoneRecords, Name: name}
		h.problems = append(h.problems, v1.ZoneProblem{Object: o, Field: "spec.records[0]", Message: "www.apps.example.com is an alias in Zone apps"},
			v1.ZoneProblem{Object: o, Field: "spec.records[0].values[0]", Message: "is no address"})
	}
	reconciler := &zoneRecords{client: h.zones.client, health: h}
	for name, want := range map[string]string{
		"fine":   "True Accepted: the records are well formed, and no name server leaves one out",
		"lost":   `False NoZone: there is no Zone "nowhere": name one, or make it`,
		"faulty": "False Invalid: spec.records[0].values[0]: ",
		"loser":  "False PartlyServed: not served as it stands: spec.records[0]: www.apps.example.com is an alias in Zone apps; spec.records[0].values[0]: is no address; the rest is served",
		"both":   "; the other records are served, but for spec.records[0]: www.apps.example.com is an alias in Zone apps",
		"below":  `False NoZone: Zone "younger" is not served: `,
	} {
		h.run(reconciler.Reconcile, client.ObjectKey{Name: name})
		c := meta.FindStatusCondition(get(h, "", name, &v1.ZoneRecords{}).Status.Conditions, v1.ConditionAccepted)
		if got := fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message); !strings.Contains(got, want) || name == "both" && !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		h.writes = nil
		h.run(reconciler.Reconcile, client.ObjectKey{Name: name})
		h.expectWrites()
	}
	h.run(reconciler.Reconcile, client.ObjectKey{Name: "gone"})
}

// What name servers leave out of a Zone or a plan is not programmed, and is again when they do not.
func TestWhatIsLeftOutIsSaid(t *testing.T) {
	h := aShop(t)
	h.inForce = map[string]int64{"ns1": 100}
	judge := func() []string {
		h.run(h.zones.Reconcile, client.ObjectKey{Name: "apps"})
		h.plan("shop", "shop")
		return []string{h.condition(get(h, "", "apps", &v1.Zone{}), v1.ConditionProgrammed), h.condition(get(h, "shop", "shop", &v1.TrafficPolicy{}), v1.ConditionProgrammed)}
	}
	for _, step := range []struct {
		problems []v1.ZoneProblem
		want     []string
	}{
		{nil, []string{"True Programmed", "True Programmed"}},
		{[]v1.ZoneProblem{{Object: v1.ZoneObject{Kind: v1.KindZone, Name: "apps"}}}, []string{"False PartlyServed", "True Programmed"}},
		{[]v1.ZoneProblem{{Object: v1.ZoneObject{Kind: v1.KindTrafficPlan, Namespace: "shop", Name: "shop"}}}, []string{"True Programmed", "False PartlyServed"}},
		{nil, []string{"True Programmed", "True Programmed"}},
	} {
		h.problems = step.problems
		if diff := cmp.Diff(step.want, judge()); diff != "" {
			t.Errorf("%v: %s", step.problems, diff)
		}
	}
}

func TestRegionMaps(t *testing.T) {
	regionMap := func(name string, age time.Duration, regions ...v1.Region) *v1.RegionMap {
		return &v1.RegionMap{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(noon.Add(-age))}, Spec: v1.RegionMapSpec{Regions: regions}}
	}
	h := aShop(t,
		regionMap("old", time.Hour, v1.Region{Name: "lab", Location: &v1.Coordinates{Latitude: "1", Longitude: "2"}}),
		regionMap("new", 0, v1.Region{Name: "lab"}, v1.Region{Name: "cellar"}),
		regionMap("bad", 2*time.Hour, v1.Region{Name: "lab", Location: &v1.Coordinates{Latitude: "100", Longitude: "2"}}),
	)
	h.settle() // once more: what was found invalid no longer counts
	for name, want := range map[string]string{"old": "True Accepted", "new": "False Overlap", "bad": "False Invalid"} {
		if got := h.condition(get(h, "", name, &v1.RegionMap{}), v1.ConditionAccepted); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	h.plan("shop", "shop")
	var regions []string
	for _, r := range get(h, "shop", "shop", &v1.TrafficPlan{}).Spec.Regions {
		text := r.Name
		if r.Location != nil {
			text += " " + r.Location.Latitude
		}
		regions = append(regions, text)
	}
	if diff := cmp.Diff([]string{"cellar", "eu-central-1 50.11", "lab 1", "us-east-1 38.95"}, regions); diff != "" {
		t.Error(diff)
	}
}

func TestNothingIsPlannedForWhoLeaves(t *testing.T) {
	h := aShop(t)
	p := get(h, "shop", "shop", &v1.TrafficPolicy{})
	p.Finalizers = []string{"example.com/wait"}
	if err := h.Update(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := h.Delete(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	h.writes = nil
	h.plan("shop", "shop")
	h.plan("shop", "gone")
	h.expectWrites()
}
