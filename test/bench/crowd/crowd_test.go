package crowd_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"

	"github.com/seaway-io/seaway/test/bench/crowd"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/controllers/member"
)

// connect serves a crowd and connects one of its members as the product does.
func connect(t *testing.T, c *crowd.Crowd, name string) *member.Member {
	t.Helper()
	server := httptest.NewUnstartedServer(c)
	server.EnableHTTP2 = true
	server.StartTLS()
	pool := member.NewPool(member.Options{Timeout: time.Second})
	t.Cleanup(func() {
		pool.Close()
		c.Close()
		server.Close()
	})
	err := pool.Set(&clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: clusterv1alpha1.ClusterSpec{APIEndpoint: server.URL + "/" + name, InsecureSkipTLSVerification: true,
			SecretRef: &clusterv1alpha1.LocalSecretReference{Name: name}},
	}, &corev1.Secret{Data: map[string][]byte{"token": []byte("t")}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := pool.Member(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func configMap(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "labels": map[string]any{"ours": "true"}}, "data": map[string]any{"a": "1"},
	}}
}

// TestAMemberOfTheCrowd: what the product does with a member works with one of the crowd.
func TestAMemberOfTheCrowd(t *testing.T) {
	m := connect(t, crowd.New([]string{"a", "b"}, crowd.Options{}), "b")
	ctx := t.Context()
	if health := m.Probe(ctx); !health.Ready {
		t.Errorf("health = %+v", health)
	}
	if _, served, err := m.Discovery().ServerGroupsAndResourcesWithContext(ctx); err != nil || len(served) != 5 {
		t.Errorf("served = %v, %v", served, err)
	}
	mapping, err := m.Mapping(schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 10)
	tell := func(what string) func(any) {
		return func(obj any) { seen <- what + " " + obj.(*unstructured.Unstructured).GetName() }
	}
	watch, err := m.Watch(mapping.Resource, member.WatchOptions{LabelSelector: "ours=true"}, cache.ResourceEventHandlerFuncs{
		AddFunc: tell("add"), DeleteFunc: tell("delete"),
		UpdateFunc: func(_, obj any) { tell("update")(obj) },
	})
	if err != nil {
		t.Fatal(err)
	}
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-seen:
			if got != want {
				t.Errorf("saw %q, want %q", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%q was not seen", want)
		}
	}
	client := m.Dynamic().Resource(mapping.Resource).Namespace("shop")
	if _, err := client.Create(ctx, configMap("x"), metav1.CreateOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("without its namespace: %v", err)
	}
	create(t, m.Dynamic(), "Namespace", "namespaces", "shop")
	created, err := client.Create(ctx, configMap("x"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	expect("add x")
	if _, err := client.Create(ctx, configMap("x"), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("twice: %v", err)
	}
	_ = unstructured.SetNestedField(created.Object, "2", "data", "a")
	if _, err := client.Update(ctx, created, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	expect("update x")
	if _, err := client.Update(ctx, created, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("at an old version: %v", err)
	}
	patched, err := client.Patch(ctx, "x", "application/merge-patch+json", []byte(`{"data":{"b":"3"}}`), metav1.PatchOptions{})
	if err != nil || patched.Object["data"].(map[string]any)["a"] != "2" {
		t.Errorf("patched = %v, %v", patched, err)
	}
	expect("update x")
	if !watch.HasSynced() || len(watch.List("shop")) != 1 {
		t.Errorf("the watch has %v", watch.List("shop"))
	}
	wrong := created.GetUID() + "x"
	if err := client.Delete(ctx, "x", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &wrong}}); !apierrors.IsConflict(err) {
		t.Errorf("another one: %v", err)
	}
	if err := client.Delete(ctx, "x", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	expect("delete x")
	if _, err := client.Get(ctx, "x", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("gone: %v", err)
	}
}

func create(t *testing.T, c dynamic.Interface, kind, resource, name string) {
	t.Helper()
	obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name}}}
	if _, err := c.Resource(schema.GroupVersionResource{Version: "v1", Resource: resource}).Create(t.Context(), obj, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestFaults(t *testing.T) {
	c := crowd.New([]string{"a"}, crowd.Options{})
	m := connect(t, c, "a")
	spaces := m.Dynamic().Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"})
	list := func() error {
		_, err := spaces.List(t.Context(), metav1.ListOptions{})
		return err
	}
	if err := list(); err != nil {
		t.Fatal(err)
	}
	c.Member("a").Set(&crowd.Fault{Status: http.StatusTooManyRequests})
	if err := list(); !apierrors.IsTooManyRequests(err) {
		t.Errorf("busy: %v", err)
	}
	if health := m.Probe(t.Context()); !health.Ready {
		t.Errorf("health = %+v", health)
	}
	c.Member("a").Set(&crowd.Fault{Refuse: "no"})
	if _, err := spaces.Create(t.Context(), configMap("x"), metav1.CreateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("refused: %v", err)
	}
	c.Member("a").Set(&crowd.Fault{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := spaces.List(ctx, metav1.ListOptions{}); err == nil {
		t.Error("it answers although it hangs")
	}
	c.Member("a").Set(nil)
	if err := list(); err != nil {
		t.Errorf("healed: %v", err)
	}
}
