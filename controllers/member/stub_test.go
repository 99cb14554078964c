package member

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
)

const testToken = "very-secret-token-value"

// stub is a small API server that serves configmaps, what a test overrides, and
// counts its requests.
type stub struct {
	*httptest.Server

	mu       sync.Mutex
	requests map[string]int
	handlers map[string]http.HandlerFunc
	objects  []map[string]any
	watchers []chan map[string]any
	watching chan struct{}
}

func newStub(t *testing.T) *stub {
	t.Helper()
	s := &stub{
		requests: map[string]int{},
		handlers: map[string]http.HandlerFunc{},
		watching: make(chan struct{}, 100),
	}
	s.Server = httptest.NewUnstartedServer(s)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	s.handle("/readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	s.handle("/api/v1", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, metav1.APIResourceList{GroupVersion: "v1", APIResources: []metav1.APIResource{
			{Name: "configmaps", Kind: "ConfigMap", Namespaced: true},
			{Name: "namespaces", Kind: "Namespace"},
			{Name: "namespaces/status", Kind: "Namespace"},
		}})
	})
	s.handle("/api/v1/configmaps", s.configMaps)
	return s
}

func (s *stub) handle(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[path] = h
}

func (s *stub) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	name := r.URL.Path
	if r.URL.Query().Get("watch") != "" {
		name += "?watch"
	}
	s.requests[name]++
	h := s.handlers[r.URL.Path]
	s.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+testToken:
		writeStatus(w, http.StatusUnauthorized, metav1.StatusReasonUnauthorized)
	case h == nil:
		writeStatus(w, http.StatusNotFound, metav1.StatusReasonNotFound)
	default:
		h(w, r)
	}
}

func (s *stub) configMaps(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	switch {
	case query.Get("sendInitialEvents") != "":
		writeStatus(w, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid)
	case query.Get("watch") != "":
		s.watch(w, r)
	default:
		s.mu.Lock()
		list := map[string]any{
			"apiVersion": "v1", "kind": "ConfigMapList",
			"metadata": map[string]any{"resourceVersion": "1"}, "items": s.objects,
		}
		s.mu.Unlock()
		if strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadataList") {
			list["apiVersion"], list["kind"] = "meta.k8s.io/v1", "PartialObjectMetadataList"
		}
		writeJSON(w, list)
	}
}

func (s *stub) watch(w http.ResponseWriter, r *http.Request) {
	events := make(chan map[string]any, 10)
	s.mu.Lock()
	s.watchers = append(s.watchers, events)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.(http.Flusher).Flush()
	s.watching <- struct{}{}
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

// send delivers an event to every watch.
func (s *stub) send(kind string, object map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.watchers {
		w <- map[string]any{"type": kind, "object": object}
	}
}

func configMap(name string) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{
			"name": name, "namespace": "shop", "resourceVersion": "2",
			"managedFields": []any{map[string]any{"manager": "someone", "operation": "Update"}},
		},
		"data": map[string]any{"key": "value"},
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func writeStatus(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Reason: reason, Code: int32(code),
	})
}

// joined returns the Cluster and Secret of a stub.
func joined(name string, s *stub) (*clusterv1alpha1.Cluster, *corev1.Secret) {
	cluster := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	cluster.Spec.APIEndpoint = s.URL
	cluster.Spec.SecretRef = &clusterv1alpha1.LocalSecretReference{Namespace: "karmada-cluster", Name: name}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: name}}
	secret.Data = map[string][]byte{
		names.SecretKeyToken:    []byte(testToken),
		names.SecretKeyCABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}),
	}
	return cluster, secret
}

// connected returns a pool with one member, "fra", connected to the stub.
func connected(t *testing.T, s *stub, options Options) (*Pool, *Member) {
	t.Helper()
	pool := NewPool(options)
	t.Cleanup(pool.Close)
	if err := pool.Set(joined("fra", s)); err != nil {
		t.Fatal(err)
	}
	m, err := pool.Member("fra")
	if err != nil {
		t.Fatal(err)
	}
	return pool, m
}

// short makes timeouts quick in tests of them.
var short = Options{Timeout: 100 * time.Millisecond, ProbeTimeout: 100 * time.Millisecond}

// receive takes a value, or fails the test when none comes.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}
