package estimate

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/member"
)

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

func nodeObject(t testing.TB, name, cpu string) *unstructured.Unstructured {
	return object(t, `
apiVersion: v1
kind: Node
metadata: {name: `+name+`, resourceVersion: "5", labels: {kubernetes.io/hostname: `+name+`}}
status:
  allocatable: {cpu: "`+cpu+`", memory: 8Gi, pods: "10"}
  conditions: [{type: Ready, status: "True"}]`)
}

// podObject is on a node, or waits for one in vain since 2026 began.
func podObject(t testing.TB, name, node, cpu string) *unstructured.Unstructured {
	status := `{phase: Running}`
	if node == "" {
		status = `{phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, lastTransitionTime: "2026-01-01T00:00:00Z"}]}`
	}
	return object(t, `
apiVersion: v1
kind: Pod
metadata:
  name: `+name+`
  namespace: shop
  resourceVersion: "7"
  labels: {pod-template-hash: h1, app: web}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-h1, uid: u1, controller: true}]
spec: {nodeName: "`+node+`", containers: [{name: app, resources: {requests: {cpu: "`+cpu+`"}}}]}
status: `+status)
}

func quotaObject(t testing.TB, hard, used string) *unstructured.Unstructured {
	return object(t, `
apiVersion: v1
kind: ResourceQuota
metadata: {name: cpu, namespace: shop, resourceVersion: "3"}
status: {hard: {cpu: "`+hard+`"}, used: {cpu: "`+used+`"}}`)
}

func reduced[T runtime.Object](t testing.TB, reduce func(runtime.Object) (runtime.Object, error), u *unstructured.Unstructured) T {
	t.Helper()
	out, err := reduce(u)
	if err != nil {
		t.Fatal(err)
	}
	again, err := reduce(out)
	if err != nil || again != out {
		t.Fatalf("reduced twice: %v, %v", again, err)
	}
	return out.(T)
}

// fakeConnection hands its handlers to the test.
type fakeConnection struct {
	done     chan struct{}
	handlers map[string]cache.ResourceEventHandler
	closed   map[string]bool
	quotas   []runtime.Object
	synced   bool
	lost     bool
	fails    error
}

type fakeLister struct {
	member.Lister
	connection *fakeConnection
	resource   string
}

func (l fakeLister) HasSynced() bool              { return l.connection.synced }
func (l fakeLister) Close()                       { l.connection.closed[l.resource] = true }
func (l fakeLister) List(string) []runtime.Object { return l.connection.quotas }

func newConnection() *fakeConnection {
	return &fakeConnection{done: make(chan struct{}), handlers: map[string]cache.ResourceEventHandler{}, closed: map[string]bool{}}
}

func (c *fakeConnection) Done() <-chan struct{} { return c.done }
func (c *fakeConnection) Reachable() bool       { return !c.lost }

func (c *fakeConnection) Watch(gvr schema.GroupVersionResource, o member.WatchOptions, h cache.ResourceEventHandler) (member.Lister, error) {
	if o.View == "" || o.Transform == nil {
		return nil, errors.New("watches everything in full")
	}
	if c.fails != nil && len(c.handlers) == 1 {
		return nil, c.fails
	}
	c.handlers[gvr.Resource] = h
	return fakeLister{connection: c, resource: gvr.Resource}, nil
}

// knowing is an estimator that knows clusters, each of one node with so many cores.
func knowing(t testing.TB, o Options, cores map[string]string) *Estimator {
	t.Helper()
	e, err := newEstimator(o, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for cluster, cpu := range cores {
		l := &ledger{connection: newConnection()}
		l.known.Store(true)
		l.setNode(reduced[*nodeRecord](t, reduceNode, nodeObject(t, "only", cpu)))
		e.follower.put(cluster, l)
	}
	return e
}

func aSpec(cpu string) *workv1alpha2.ResourceBindingSpec {
	return &workv1alpha2.ResourceBindingSpec{
		Resource:            workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		ReplicaRequirements: &workv1alpha2.ReplicaRequirements{ResourceRequest: list("cpu", cpu)},
	}
}

func list(name, quantity string) corev1.ResourceList {
	var l corev1.ResourceList
	if err := yaml.Unmarshal([]byte(name+`: "`+quantity+`"`), &l); err != nil {
		panic(err)
	}
	return l
}

// api is a member's API server with nodes, pods and quotas, which can be added to while it is watched.
type api struct {
	*httptest.Server

	mu       sync.Mutex
	items    map[string][]*unstructured.Unstructured
	watchers map[string][]chan map[string]any
	broken   bool
}

var kinds = map[string]string{"/api/v1/nodes": "Node", "/api/v1/pods": "Pod", "/api/v1/resourcequotas": "ResourceQuota"}

func newAPI(t testing.TB, items ...*unstructured.Unstructured) *api {
	a := &api{items: map[string][]*unstructured.Unstructured{}, watchers: map[string][]chan map[string]any{}}
	for _, item := range items {
		a.items[item.GetKind()] = append(a.items[item.GetKind()], item)
	}
	a.Server = httptest.NewUnstartedServer(a)
	a.EnableHTTP2 = true
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.StartTLS()
	t.Cleanup(func() {
		a.CloseClientConnections()
		a.Close()
	})
	return a
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	broken := a.broken
	a.mu.Unlock()
	kind := kinds[r.URL.Path]
	query := r.URL.Query()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case broken:
		panic(http.ErrAbortHandler)
	case r.URL.Path == "/readyz":
		fmt.Fprint(w, "ok")
	case kind == "" || query.Get("sendInitialEvents") != "":
		w.WriteHeader(http.StatusUnprocessableEntity)
		_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: metav1.StatusReasonInvalid, Code: 422})
	case query.Get("watch") != "":
		a.watch(w, r, kind)
	default:
		a.mu.Lock()
		items := append([]*unstructured.Unstructured{}, a.items[kind]...)
		a.mu.Unlock()
		_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "v1", "kind": kind + "List", "metadata": map[string]any{"resourceVersion": "9"}, "items": items})
	}
}

func (a *api) watch(w http.ResponseWriter, r *http.Request, kind string) {
	events := make(chan map[string]any, 10)
	a.mu.Lock()
	a.watchers[kind] = append(a.watchers[kind], events)
	a.mu.Unlock()
	w.(http.Flusher).Flush()
	for {
		select {
		case event := <-events:
			_ = json.NewEncoder(w).Encode(event)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// send tells every watch of a kind; false while there is none.
func (a *api) send(event string, u *unstructured.Unstructured) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range a.watchers[u.GetKind()] {
		w <- map[string]any{"type": event, "object": u.Object}
	}
	return len(a.watchers[u.GetKind()]) > 0
}

func (a *api) abort() {
	a.mu.Lock()
	a.broken = true
	a.mu.Unlock()
	a.CloseClientConnections()
}

// join connects a pool to the API.
func (a *api) join(t testing.TB, pool *member.Pool, name string) {
	t.Helper()
	cluster := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	cluster.Spec.APIEndpoint = a.URL
	cluster.Spec.SecretRef = &clusterv1alpha1.LocalSecretReference{Namespace: "karmada-cluster", Name: name}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: name}, Data: map[string][]byte{
		names.SecretKeyToken:    []byte("token"),
		names.SecretKeyCABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw}),
	}}
	if err := pool.Set(cluster, secret); err != nil {
		t.Fatal(err)
	}
}

// eventually looks again and again until the condition holds: what it waits for comes over a socket.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick, late := time.NewTicker(5*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
