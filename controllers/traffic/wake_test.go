package traffic

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/health"
	"github.com/seaway-io/seaway/controllers/discovery"
)

func namesOf(requests []reconcile.Request) (out []string) {
	for _, r := range requests {
		out = append(out, r.Name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestWhomAnEventConcerns(t *testing.T) {
	elsewhere := thePolicy("elsewhere", 0, "a.other.org")
	elsewhere.Namespace = "other"
	zone := func(name, domain string) *v1.Zone {
		return &v1.Zone{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.ZoneSpec{Domain: domain}}
	}
	plan := &v1.TrafficPlan{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "one"},
		Spec: v1.TrafficPlanSpec{Hostnames: []string{"one.apps.example.com"}, Endpoints: []v1.PlanEndpoint{{Cluster: "fra"}}}}
	h := newHub(t, zone("apps", "apps.example.com"), zone("top", "example.com"), zone("inner", "x.apps.example.com"), zone("other", "other.org"),
		thePolicy("one", 0, "one.apps.example.com", "both.apps.example.com"), thePolicy("two", 0, "both.apps.example.com", "*.apps.example.com"), elsewhere, plan)
	w := &waker{reader: h.Client, sweep: make(chan struct{}, 1)}
	ctx := t.Context()
	for name, tc := range map[string]struct {
		got  []reconcile.Request
		want []string
	}{
		"rivals":                       {w.rivals(ctx, thePolicy("x", 0, "both.apps.example.com")), []string{"one", "two"}},
		"a zone":                       {w.inZone(ctx, zone("", "apps.example.com")), []string{"one", "two"}},
		"a zone of nobody":             {w.inZone(ctx, zone("", "pps.example.com")), nil},
		"a namespace":                  {w.inNamespace(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other"}}), []string{"elsewhere"}},
		"a target":                     {w.targeting(ctx, theService()), []string{"one", "two"}},
		"a cluster":                    {w.inCluster(ctx, cluster("fra", "")), []string{"one"}},
		"a cluster of nobody":          {w.inCluster(ctx, cluster("iad", "")), nil},
		"zones that overlap":           {w.overlapping(ctx, zone("", "apps.example.com")), []string{"apps", "inner", "top"}},
		"zones of a report":            {w.zonesServed(health.Changes{Zones: sets.New("other.org")}), []string{"other"}},
		"zones of a new vantage point": {w.zonesServed(health.Changes{VantagePoints: true}), []string{"apps", "inner", "other", "top"}},
		"plans of a report":            {w.judged(health.Changes{Plans: sets.New(types.NamespacedName{Namespace: "shop", Name: "two"})}), []string{"two"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, namesOf(tc.got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPredicates(t *testing.T) {
	update := func(p predicate.Predicate, before, after client.Object) bool {
		return p.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	ready, notReady := cluster("fra", "a"), cluster("fra", "a")
	notReady.Status.Conditions[0].Status = metav1.ConditionFalse
	heartbeat := cluster("fra", "a")
	heartbeat.Status.NodeSummary = &clusterv1alpha1.NodeSummary{TotalNum: 3}
	leaving := cluster("fra", "a")
	leaving.DeletionTimestamp = &metav1.Time{Time: noon}
	remedied := cluster("fra", "a")
	remedied.Status.RemedyActions = []string{"TrafficControl"}
	port := theService()
	port.Spec.Ports[0].Port = 81
	address := theService()
	address.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
	overlap := theZone()
	overlap.Status.Conditions = []metav1.Condition{{Type: v1.ConditionAccepted, Reason: v1.ReasonOverlap}}
	renamed := thePolicy("a", 0, "b.org")
	for name, tc := range map[string]struct{ got, want bool }{
		"a cluster loses its control plane": {update(clusterChanged, ready, notReady), true},
		"a cluster moves":                   {update(clusterChanged, ready, cluster("fra", "b")), true},
		"a cluster is taken out of traffic": {update(clusterChanged, ready, remedied), true},
		"a cluster leaves":                  {update(clusterChanged, ready, leaving), true},
		"a cluster counts its nodes":        {update(clusterChanged, ready, heartbeat), false},
		"a cluster is new":                  {clusterChanged.Create(event.CreateEvent{Object: ready}), false},
		"a cluster is gone":                 {clusterChanged.Delete(event.DeleteEvent{Object: ready}), true},
		"a service gets a port":             {update(serviceChanged, theService(), port), true},
		"a service gets an address":         {update(serviceChanged, theService(), address), false},
		"a zone is judged":                  {update(zoneChanged, theZone(), overlap), true},
		"a zone stays as it is":             {update(zoneChanged, theZone(), theZone()), false},
		"a policy claims another name":      {update(claimsChanged, thePolicy("a", 0, "a.org"), renamed), true},
		"a policy claims the same":          {update(claimsChanged, thePolicy("a", 0, "a.org"), thePolicy("a", time.Hour, "a.org")), false},
		"a plan was made":                   {edited.Create(event.CreateEvent{Object: &v1.TrafficPlan{}}), false},
		"a plan was deleted":                {edited.Delete(event.DeleteEvent{Object: &v1.TrafficPlan{}}), true},
		"a plan serves another name":        {update(hostsChanged, &v1.TrafficPlan{}, &v1.TrafficPlan{Spec: v1.TrafficPlanSpec{Hostnames: []string{"a.org"}}}), true},
		"a namespace gets a label":          {update(namespaceChanged, &corev1.Namespace{}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "b"}}}), true},
		"a region map that was not changed": {update(mapChanged, &v1.RegionMap{}, &v1.RegionMap{}), false},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %t", name, tc.got)
		}
	}
}

// recordingQueue remembers what was added with which options.
type recordingQueue struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	mu    sync.Mutex
	added map[string]priorityqueue.AddOpts
}

func (q *recordingQueue) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range requests {
		q.added[r.Name] = o
	}
}

func (q *recordingQueue) take() map[string]priorityqueue.AddOpts {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.added
	q.added = map[string]priorityqueue.AddOpts{}
	return out
}

// What a client would notice goes first, a rollout is counted together, and waking everybody comes
// last, once however often it is asked for.
func TestOrderOfWakeUps(t *testing.T) {
	h := newHub(t, thePolicy("one", 0, "one.apps.example.com"), thePolicy("two", 0, "two.apps.example.com"))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		q := &recordingQueue{added: map[string]priorityqueue.AddOpts{}}
		w := &waker{reader: h.Client, settle: 2 * time.Second, sweep: make(chan struct{}, 1)}
		tell := func(c discovery.Change) { w.changed(ctx, c, q) }
		if err := w.sweeps().Start(ctx, q); err != nil {
			t.Fatal(err)
		}
		web := types.NamespacedName{Namespace: "shop", Name: "web"}
		tell(discovery.Change{Cluster: "fra", Service: web})
		if got := q.take(); len(got) != 2 || *got["one"].Priority != urgent || got["one"].After != 0 {
			t.Errorf("an address changed: %v", got)
		}
		tell(discovery.Change{Cluster: "fra", Service: web, Minor: true})
		if got := q.take(); len(got) != 2 || got["one"].After != 2*time.Second {
			t.Errorf("a replica more: %v", got)
		}
		tell(discovery.Change{Cluster: "fra", Service: types.NamespacedName{Namespace: "shop", Name: "other"}})
		if got := q.take(); len(got) != 0 {
			t.Errorf("a service of nobody: %v", got)
		}
		tell(discovery.Change{Cluster: "fra"})
		tell(discovery.Change{Cluster: "iad"})
		w.judged(health.Changes{VantagePoints: true})
		synctest.Wait()
		if got := q.take(); len(got) != 2 || *got["two"].Priority != lowest {
			t.Errorf("a member was connected: %v", got)
		}
		everybody := w.everybody()
		everybody.Create(ctx, event.CreateEvent{Object: &v1.RegionMap{}}, q)
		synctest.Wait()
		if got := q.take(); len(got) != 2 {
			t.Errorf("a region map: %v", got)
		}
		cancel()
		synctest.Wait()
	})
}
