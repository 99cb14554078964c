package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/controllers/member"
)

// api is a member's API server, as far as this package looks at it.
type api struct {
	*httptest.Server
	mu       sync.Mutex
	readyz   http.HandlerFunc
	groups   []string
	broken   map[string]bool
	requests map[string]int
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{broken: map[string]bool{}, requests: map[string]int{}, groups: []string{"apps"}}
	a.readyz = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }
	a.Server = httptest.NewUnstartedServer(a)
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.Start()
	t.Cleanup(func() { a.CloseClientConnections(); a.Close() })
	return a
}

func (a *api) set(change func(*api)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.requests[r.URL.Path]++
	readyz, groups, broken := a.readyz, a.groups, a.broken
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	list := func(gv string, names ...string) {
		l := metav1.APIResourceList{GroupVersion: gv}
		for _, n := range names {
			l.APIResources = append(l.APIResources, metav1.APIResource{Name: n, Kind: n})
		}
		_ = json.NewEncoder(w).Encode(l)
	}
	for _, g := range groups {
		if r.URL.Path == "/apis/"+g+"/v1" {
			if broken[g] {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			list(g+"/v1", "things")
			return
		}
	}
	switch r.URL.Path {
	case "/readyz":
		readyz(w, r)
	case "/version":
		fmt.Fprint(w, `{"gitVersion":"v1.37.2"}`)
	case "/api":
		fmt.Fprint(w, `{"kind":"APIVersions","versions":["v1"]}`)
	case "/api/v1":
		list("v1", "pods", "nodes")
	case "/apis":
		l := metav1.APIGroupList{}
		for _, g := range groups {
			v := metav1.GroupVersionForDiscovery{GroupVersion: g + "/v1", Version: "v1"}
			l.Groups = append(l.Groups, metav1.APIGroup{Name: g, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
		}
		_ = json.NewEncoder(w).Encode(l)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func down(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }

// connect makes a pool with a member "fra" at the server, and its Cluster.
func connect(t *testing.T, a *api, name string, pool *member.Pool) *clusterv1alpha1.Cluster {
	t.Helper()
	c := newCluster()
	c.Name, c.Spec.APIEndpoint = name, a.URL
	if err := pool.Set(c, newSecret()); err != nil {
		t.Fatal(err)
	}
	return c
}

func newWorker(t *testing.T, a *api, c client.Client, clock *clocktesting.FakeClock) *worker {
	t.Helper()
	pool := member.NewPool(member.Options{})
	t.Cleanup(pool.Close)
	connect(t, a, "fra", pool)
	m, err := pool.Member("fra")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Members: pool, Clock: clock}.withDefaults()
	return &worker{client: c, reader: c, options: o, member: m, collector: newCollector(m, o)}
}

func fakeClock() *clocktesting.FakeClock {
	return clocktesting.NewFakeClock(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
}

func fetch(t *testing.T, c client.Client) *clusterv1alpha1.Cluster {
	t.Helper()
	got := &clusterv1alpha1.Cluster{}
	if err := c.Get(t.Context(), key("fra"), got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAWorkerTellsLossAndReturnAfterTheirThresholds(t *testing.T) {
	a, clock := newAPI(t), fakeClock()
	writes := 0
	c := fakeHub(interceptor.Funcs{SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, o ...client.SubResourcePatchOption) error {
		writes++
		return c.SubResource(sub).Patch(ctx, obj, p, o...)
	}}, newCluster())
	w := newWorker(t, a, c, clock)
	w.collector.askAPIs(t.Context())
	begin := clock.Now()
	look := func() string {
		w.look(t.Context())
		condition := readyCondition(fetch(t, c))
		return fmt.Sprintf("%s at %s since %s, %d writes", condition.Reason, clock.Since(begin), condition.LastTransitionTime.Sub(begin), writes)
	}
	var got []string
	step := func() {
		got = append(got, look())
		clock.Step(2 * time.Second)
	}
	step()
	step()
	a.set(func(a *api) { a.readyz = down })
	for range 4 {
		step()
	}
	a.set(func(a *api) { a.readyz = func(http.ResponseWriter, *http.Request) {} })
	for range 4 {
		step()
	}
	want := []string{
		"ClusterReady at 0s since 0s, 1 writes",
		"ClusterReady at 2s since 0s, 1 writes",
		"ClusterReady at 4s since 0s, 1 writes",
		"ClusterReady at 6s since 0s, 1 writes",
		"ClusterReady at 8s since 0s, 1 writes",
		"ClusterNotReady at 10s since 4s, 2 writes",
		"ClusterNotReady at 12s since 4s, 2 writes",
		"ClusterNotReady at 14s since 4s, 2 writes",
		"ClusterNotReady at 16s since 4s, 2 writes",
		"ClusterReady at 18s since 12s, 3 writes",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A cluster that is told to be ready before anybody knows what it serves would be passed over.
func TestAClusterIsReadyWhenItsAPIsAreKnown(t *testing.T) {
	a, clock := newAPI(t), fakeClock()
	c := fakeHub(interceptor.Funcs{}, newCluster())
	w := newWorker(t, a, c, clock)
	w.look(t.Context())
	if status := readyStatus(fetch(t, c)); status != "" {
		t.Errorf("Ready is %s before the APIs are known", status)
	}
	w.collector.askAPIs(t.Context())
	w.look(t.Context())
	if got := fetch(t, c); readyStatus(got) != metav1.ConditionTrue || len(got.Status.APIEnablements) != 2 {
		t.Errorf("Ready is %s, %d APIs", readyStatus(got), len(got.Status.APIEnablements))
	}
	// The next worker knows nothing yet, but the hub does.
	w = newWorker(t, a, c, clock)
	w.look(t.Context())
	if status := readyStatus(fetch(t, c)); status != metav1.ConditionTrue {
		t.Errorf("Ready is %s after a restart", status)
	}
}

func TestAListThatDoesNotComeIsNotWaitedForWithoutEnd(t *testing.T) {
	a, clock := newAPI(t), fakeClock()
	c := fakeHub(interceptor.Funcs{}, newCluster())
	w := newWorker(t, a, c, clock)
	var got []metav1.ConditionStatus
	for range 3 {
		w.look(t.Context())
		got = append(got, readyStatus(fetch(t, c)))
		clock.Step(apiRetry / 2)
	}
	if diff := cmp.Diff([]metav1.ConditionStatus{"", "", metav1.ConditionTrue}, got); diff != "" {
		t.Error(diff)
	}
}

func TestConditionsOfOthersSurviveAConflict(t *testing.T) {
	a, clock := newAPI(t), fakeClock()
	foreign := metav1.Condition{Type: "DataPath", Status: metav1.ConditionTrue, Reason: "Test"}
	stale := newCluster()
	interfered := false
	c := fakeHub(interceptor.Funcs{SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, o ...client.SubResourcePatchOption) error {
		if !interfered {
			interfered = true
			other := &clusterv1alpha1.Cluster{}
			if err := c.Get(ctx, key("fra"), other); err != nil {
				return err
			}
			meta.SetStatusCondition(&other.Status.Conditions, foreign)
			if err := c.Status().Update(ctx, other); err != nil {
				return err
			}
		}
		return c.SubResource(sub).Patch(ctx, obj, p, o...)
	}}, stale)
	w := newWorker(t, a, c, clock)
	w.collector.askAPIs(t.Context())
	w.look(t.Context())
	got := fetch(t, c)
	if meta.FindStatusCondition(got.Status.Conditions, "DataPath") == nil || !meta.IsStatusConditionTrue(got.Status.Conditions, "Ready") {
		t.Errorf("conditions %+v, want both", got.Status.Conditions)
	}
}

func TestAChangeThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	a, clock := newAPI(t), fakeClock()
	a.readyz = down
	cluster := newCluster()
	cluster.Status.Conditions = ready(metav1.ConditionTrue)
	broken := true
	c := fakeHub(interceptor.Funcs{SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, o ...client.SubResourcePatchOption) error {
		if broken {
			return apierrors.NewServiceUnavailable("the hub is busy")
		}
		return c.SubResource(sub).Patch(ctx, obj, p, o...)
	}}, cluster)
	w := newWorker(t, a, c, clock)
	for range 5 {
		w.look(t.Context())
		clock.Step(2 * time.Second)
	}
	broken = false
	w.look(t.Context())
	if status := readyStatus(fetch(t, c)); status != metav1.ConditionFalse {
		t.Errorf("Ready is %s right after the hub came back, want False", status)
	}
}

func TestFactsAreKeptWhileTheClusterIsAway(t *testing.T) {
	a, clock := newAPI(t), fakeClock()
	a.groups = []string{"apps", "metrics"}
	c := fakeHub(interceptor.Funcs{}, newCluster())
	w := newWorker(t, a, c, clock)
	w.look(t.Context())
	if !w.collector.askAPIs(t.Context()) {
		t.Error("the first answer changed nothing")
	}
	w.look(t.Context())
	served := func() (out []string) {
		for _, e := range fetch(t, c).Status.APIEnablements {
			out = append(out, e.GroupVersion)
		}
		return out
	}
	all := []string{"apps/v1", "metrics/v1", "v1"}
	if diff := cmp.Diff(all, served()); diff != "" {
		t.Error(diff)
	}
	if version := fetch(t, c).Status.KubernetesVersion; version != "v1.37.2" {
		t.Errorf("version %q", version)
	}
	if w.collector.askAPIs(t.Context()) || a.requests["/version"] != 1 {
		t.Errorf("asked again at once, %d times in all", a.requests["/version"])
	}

	a.set(func(a *api) { a.broken["metrics"] = true })
	clock.Step(apiAge + time.Second)
	w.collector.askAPIs(t.Context())
	w.look(t.Context())
	if diff := cmp.Diff(all, served()); diff != "" {
		t.Errorf("an API that is down was taken off: %s", diff)
	}
	condition := meta.FindStatusCondition(fetch(t, c).Status.Conditions, clusterv1alpha1.ClusterConditionCompleteAPIEnablements)
	if condition.Reason != "Partial" || condition.Message != "the cluster does not list all its APIs: metrics/v1 (ServiceUnavailable)" {
		t.Errorf("condition %+v", condition)
	}

	a.set(func(a *api) { a.broken["metrics"] = false; a.groups = []string{"apps"} })
	clock.Step(apiRetry + time.Second)
	w.collector.askAPIs(t.Context())
	w.look(t.Context())
	if diff := cmp.Diff([]string{"apps/v1", "v1"}, served()); diff != "" {
		t.Error(diff)
	}

	a.set(func(a *api) { a.readyz = down })
	for range 5 {
		w.look(t.Context())
		clock.Step(2 * time.Second)
	}
	if got := fetch(t, c); readyStatus(got) != metav1.ConditionFalse || len(got.Status.APIEnablements) != 2 {
		t.Errorf("away: Ready %s, %d APIs", readyStatus(got), len(got.Status.APIEnablements))
	}
}

// TestAHangingMemberDelaysNobody runs the monitor with one member that never answers.
func TestAHangingMemberDelaysNobody(t *testing.T) {
	sick, well := newAPI(t), newAPI(t)
	hung := make(chan struct{}, 10)
	sick.readyz = func(_ http.ResponseWriter, r *http.Request) {
		hung <- struct{}{}
		<-r.Context().Done()
	}
	pool := member.NewPool(member.Options{ProbeTimeout: time.Hour})
	defer pool.Close()
	one, two := connect(t, sick, "fra", pool), connect(t, well, "iad", pool)
	written := make(chan string, 100)
	c := fakeHub(interceptor.Funcs{SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, p client.Patch, o ...client.SubResourcePatchOption) error {
		err := c.SubResource(sub).Patch(ctx, obj, p, o...)
		written <- obj.GetName()
		return err
	}}, one, two)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	m := newMonitor(c, c, Options{Members: pool}.withDefaults())
	go func() { ended <- m.Start(ctx) }()
	wait := func(what string, from any) string {
		t.Helper()
		limit := time.After(20 * time.Second)
		switch from := from.(type) {
		case chan struct{}:
			select {
			case <-from:
				return ""
			case <-limit:
			}
		case chan string:
			select {
			case v := <-from:
				return v
			case <-limit:
			}
		}
		t.Fatalf("waited in vain for %s", what)
		return ""
	}
	wait("the probe that hangs", hung)
	if name := wait("a status", written); name != "iad" {
		t.Errorf("the status of %s was written, want that of iad", name)
	}
	pool.Remove("fra")
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the monitor does not end")
	}
}

func TestRecords(t *testing.T) {
	pod := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": "web", "namespace": "shop", "labels": map[string]any{"a": "b"}},
		"spec": map[string]any{"nodeName": "n1", "containers": []any{map[string]any{
			"name": "c", "resources": map[string]any{"requests": map[string]any{"cpu": "100m"}},
		}}},
	}}
	obj, err := reducePod(pod)
	if err != nil {
		t.Fatal(err)
	}
	r := obj.(*podRecord)
	if r.Name != "web" || r.Namespace != "shop" || len(r.Labels) != 0 || !r.counts || r.pod.Node != "n1" || r.pod.Requests.Cpu().String() != "100m" {
		t.Errorf("record %+v", r)
	}
	if again, err := reducePod(r); err != nil || again != runtime.Object(r) {
		t.Error("a record was reduced again")
	}
	weird := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "x"}, "spec": "garbage"}}
	if obj, err := reducePod(weird); err != nil || obj.(*podRecord).counts {
		t.Errorf("a pod that cannot be read: %+v, %v", obj, err)
	}
	if obj, err := reduceNode(weird); err != nil || obj.(*nodeRecord).node.Ready {
		t.Errorf("a node that cannot be read: %+v, %v", obj, err)
	}
}
