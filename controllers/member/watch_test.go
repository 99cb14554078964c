package member

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
)

// plainProxy serves a handler without TLS and returns its address.
func plainProxy(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.Listener.Addr().(*net.TCPAddr).String()
}

// tell is a handler that tells the kind and name of each event.
func tell(to chan<- string) cache.ResourceEventHandler {
	say := func(what string, obj any) {
		key, _ := cache.DeletionHandlingMetaNamespaceKeyFunc(obj)
		to <- what + " " + key
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { say("add", obj) },
		UpdateFunc: func(_, obj any) { say("update", obj) },
		DeleteFunc: func(obj any) { say("delete", obj) },
	}
}

func expectEvent(t *testing.T, from <-chan string, want string) {
	t.Helper()
	if got := receive(t, from, want); got != want {
		t.Errorf("event %q, want %q", got, want)
	}
}

func TestWatchesShareOneInformer(t *testing.T) {
	s := newStub(t)
	s.objects = []map[string]any{configMap("one")}
	_, m := connected(t, s, Options{})
	first, second := make(chan string, 10), make(chan string, 10)
	lister, err := m.Watch(configMaps, WatchOptions{}, tell(first))
	if err != nil {
		t.Fatal(err)
	}
	expectEvent(t, first, "add shop/one")
	other, err := m.Watch(configMaps, WatchOptions{}, tell(second))
	if err != nil {
		t.Fatal(err)
	}
	expectEvent(t, second, "add shop/one")
	receive(t, s.watching, "the watch")
	if got := s.count("/api/v1/configmaps"); got != 1 {
		t.Errorf("%d lists for two watches, want 1", got)
	}

	s.send("ADDED", configMap("two"))
	expectEvent(t, first, "add shop/two")
	expectEvent(t, second, "add shop/two")
	obj, ok := lister.Get("shop/two")
	if !ok {
		t.Fatal("the cache lacks what was delivered")
	}
	u := obj.(*unstructured.Unstructured)
	if len(u.GetManagedFields()) != 0 {
		t.Error("managedFields are cached")
	}
	if value, _, _ := unstructured.NestedString(u.Object, "data", "key"); value != "value" {
		t.Error("the rest of the object is not")
	}
	if got := len(lister.List("")); got != 2 {
		t.Errorf("%d objects in all namespaces, want 2", got)
	}
	if got := len(lister.List("other")); got != 0 {
		t.Errorf("%d objects in another namespace, want 0", got)
	}

	lister.Close()
	lister.Close()
	s.send("DELETED", configMap("two"))
	expectEvent(t, second, "delete shop/two")
	if len(first) != 0 {
		t.Error("a closed watch was called")
	}
	if len(m.informers) != 1 {
		t.Error("the informer stopped while it has a watch")
	}
	other.Close()
	m.running.Wait()
	if len(m.informers) != 0 {
		t.Error("the informer outlived its last watch")
	}
}

func TestWatchesThatSeeDifferentThings(t *testing.T) {
	s := newStub(t)
	s.objects = []map[string]any{configMap("one")}
	_, m := connected(t, s, Options{})
	events := make(chan string, 10)
	lister, err := m.Watch(configMaps, WatchOptions{MetadataOnly: true}, tell(events))
	if err != nil {
		t.Fatal(err)
	}
	expectEvent(t, events, "add shop/one")
	if obj, _ := lister.Get("shop/one"); obj == nil {
		t.Error("no metadata cached")
	} else if _, ok := obj.(*metav1.PartialObjectMetadata); !ok {
		t.Errorf("metadata only, but a %T is cached", obj)
	}

	bare := WatchOptions{View: "bare", Transform: func(obj runtime.Object) (runtime.Object, error) {
		delete(obj.(*unstructured.Unstructured).Object, "data")
		return obj, nil
	}}
	if lister, err = m.Watch(configMaps, bare, tell(events)); err != nil {
		t.Fatal(err)
	}
	expectEvent(t, events, "add shop/one")
	obj, _ := lister.Get("shop/one")
	if _, found := obj.(*unstructured.Unstructured).Object["data"]; found {
		t.Error("the transform was not applied")
	}
	if _, err := m.Watch(configMaps, WatchOptions{Transform: bare.Transform}, nil); err == nil {
		t.Error("a transform without a name was accepted: two of them would share a cache")
	}
	if _, err := m.Watch(configMaps, WatchOptions{LabelSelector: "a in"}, nil); err == nil {
		t.Error("a broken label selector was accepted")
	}
}

func TestRemovalStopsEverything(t *testing.T) {
	s := newStub(t)
	pool, m := connected(t, s, Options{})
	lister, err := m.Watch(configMaps, WatchOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	receive(t, s.watching, "the watch")
	pool.Remove("fra")
	receive(t, m.Done(), "the end of the connection")
	m.running.Wait()
	if _, err := m.Watch(configMaps, WatchOptions{}, nil); !errors.Is(err, ErrNotConnected) {
		t.Errorf("watching a removed member: error %v, want ErrNotConnected", err)
	}
	lister.Close()
	s.CloseClientConnections()

	// The HTTP library ends its goroutines in its own time.
	deadline := time.Now().Add(20 * time.Second)
	for {
		left := goroutinesOf("controllers/member.(*", "client-go/tools/cache", "http.(*persistConn)", "http.(*http2ClientConn)")
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines left:\n%s", left)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// goroutinesOf returns the stacks of the goroutines that run one of the functions.
func goroutinesOf(functions ...string) string {
	var text, left strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&text, 2)
	for stack := range strings.SplitSeq(text.String(), "\n\n") {
		for _, f := range functions {
			if strings.Contains(stack, f) && !strings.Contains(stack, "_test.go") {
				left.WriteString(stack + "\n\n")
				break
			}
		}
	}
	return left.String()
}

func TestAWatchWaitsForALostMember(t *testing.T) {
	s := newStub(t)
	s.objects = []map[string]any{configMap("one")}
	s.handle("/readyz", abort)
	_, m := connected(t, s, Options{})
	m.Probe(t.Context())
	events := make(chan string, 10)
	lister, err := m.Watch(configMaps, WatchOptions{}, tell(events))
	if err != nil {
		t.Fatal(err)
	}
	if lister.HasSynced() {
		t.Error("synced with a member that is away")
	}
	s.handle("/readyz", status(200, "ok"))
	if got := s.count("/api/v1/configmaps") + s.count("/api/v1/configmaps?watch"); got != 0 {
		t.Errorf("a lost member was called %d times", got)
	}
	m.Probe(t.Context())
	expectEvent(t, events, "add shop/one")
}
