package managed_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/execution/membertest"
)

var configMaps = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}

func object(work string, data, status any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{
			"namespace": "shop", "name": "settings",
			"labels":      map[string]any{"karmada.io/managed": "true"},
			"annotations": map[string]any{"work.karmada.io/namespace": "karmada-es-fra", "work.karmada.io/name": work},
		},
		"data": data, "status": status,
	}}
}

func TestEvents(t *testing.T) {
	fra, members := membertest.NewMember("fra"), &membertest.Members{}
	members.Connect("fra", fra)
	w := managed.New(members, clocktesting.NewFakeClock(time.Now()))
	var mu sync.Mutex
	var events []managed.Event
	w.Notify(func(e managed.Event) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	})
	if _, err := w.Follow("fra", fra, configMaps); err != nil {
		t.Fatal(err)
	}
	ours := types.NamespacedName{Namespace: "karmada-es-fra", Name: "w"}
	steps := []struct {
		what string
		do   func() error
		want []managed.Event
	}{
		{"an object appears", func() error { return fra.Put(object("w", "a", "s")) }, []managed.Event{{Cluster: "fra", Work: ours}}},
		{"its status changes", func() error { return fra.Put(object("w", "a", "t")) }, []managed.Event{{Cluster: "fra", Work: ours, StatusOnly: true}}},
		{"it changes", func() error { return fra.Put(object("w", "b", "u")) }, []managed.Event{{Cluster: "fra", Work: ours}}},
		{"it goes over to another Work", func() error { return fra.Put(object("x", "b", "u")) },
			[]managed.Event{{Cluster: "fra", Work: types.NamespacedName{Namespace: "karmada-es-fra", Name: "x"}}, {Cluster: "fra", Work: ours}}},
		{"it goes", func() error { return fra.Remove(object("w", "b", "u")) }, []managed.Event{{Cluster: "fra", Work: ours, Deleted: true}}},
		{"one claims a Work of another cluster", func() error {
			obj := object("w", "a", "s")
			obj.SetAnnotations(map[string]string{"work.karmada.io/namespace": "karmada-es-iad", "work.karmada.io/name": "w"})
			return fra.Put(obj)
		}, nil},
	}
	for _, step := range steps {
		events = nil
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		for i := range events {
			if events[i].ResourceVersion == "" && step.what != "it goes" {
				t.Errorf("%s: no resource version", step.what)
			}
			events[i].ResourceVersion = ""
		}
		if diff := cmp.Diff(step.want, events); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.what, diff)
		}
	}
}

func TestConnections(t *testing.T) {
	members := &membertest.Members{}
	clock := clocktesting.NewFakeClock(time.Now())
	w := managed.New(members, clock)
	first, second := membertest.NewMember("fra"), membertest.NewMember("fra")
	cache := func(m *membertest.Member) *managed.Cache {
		t.Helper()
		kind, err := w.Follow("fra", m, configMaps)
		if err != nil {
			t.Fatal(err)
		}
		if w.Followed("fra", m, configMaps) != kind {
			t.Error("it is not known as followed")
		}
		return kind.Objects
	}
	members.Connect("fra", first)
	one := cache(first)
	if cache(first) != one {
		t.Error("a second watch for the same resource")
	}
	members.Connect("fra", second)
	two := cache(second)
	if two == one {
		t.Error("the watch of a connection that was replaced is still used")
	}
	if w.Followed("fra", first, configMaps) != nil {
		t.Error("the connection that was replaced is still followed")
	}
	members.Connect("fra", nil)
	members.Connect("fra", second)
	if cache(second) == two {
		t.Error("the watch of a connection that was lost is still used")
	}

	second.Unsynced.Store(true)
	c := cache(second)
	if got := c.State(); got != managed.Filling {
		t.Errorf("a watch that has just begun: %v, want Filling", got)
	}
	clock.Step(time.Minute)
	if got := c.State(); got != managed.Hopeless {
		t.Errorf("a watch that does not get anywhere: %v, want Hopeless", got)
	}
	second.Unsynced.Store(false)
	if got := c.State(); got != managed.Complete {
		t.Errorf("a watch that made it: %v, want Complete", got)
	}
}
