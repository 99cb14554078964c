package fresh

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func configMap(version string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "b", ResourceVersion: version}, Data: data}
}

func TestReader(t *testing.T) {
	cached := fake.NewClientBuilder().WithObjects(configMap("10", map[string]string{"old": "x"})).Build()
	live := fake.NewClientBuilder().WithObjects(configMap("12", map[string]string{"new": "x"})).Build()
	key := client.ObjectKey{Namespace: "a", Name: "b"}
	get := func(r *Reader) *corev1.ConfigMap {
		t.Helper()
		var out corev1.ConfigMap
		if err := r.Get(t.Context(), key, &out); err != nil {
			t.Fatal(err)
		}
		return &out
	}
	r := New(cached, live)
	if got := get(r); got.ResourceVersion != "10" {
		t.Errorf("before any write: version %s, want that of the cache", got.ResourceVersion)
	}
	r.Wrote(configMap("11", nil))
	if got := get(r); got.ResourceVersion != "12" || got.Data["old"] != "" || got.Data["new"] != "x" {
		t.Errorf("while the cache is behind: %v, want the live object and nothing of the cached one", got)
	}
	r.Wrote(configMap("10", nil))
	if got := get(r); got.ResourceVersion != "10" {
		t.Errorf("once the cache has caught up: version %s, want that of the cache", got.ResourceVersion)
	}
	if len(r.written) != 0 {
		t.Errorf("the write is still remembered: %v", r.written)
	}
	r.Wrote(configMap("11", nil))
	if err := cached.Delete(t.Context(), configMap("", nil)); err != nil {
		t.Fatal(err)
	}
	if err := r.Get(t.Context(), key, &corev1.ConfigMap{}); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("a deleted object: %v, want not found", err)
	}
	if len(r.written) != 0 {
		t.Errorf("a deleted object is still remembered: %v", r.written)
	}
}
