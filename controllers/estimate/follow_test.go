package estimate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/member"
)

func TestFollowConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		present := map[string]connection{}
		var announce func(string)
		e, err := newEstimator(Options{}, func(fn func(string)) { announce = fn }, func(name string) (connection, error) {
			if c := present[name]; c != nil {
				return c, nil
			}
			return nil, member.ErrNotConnected
		})
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = e.follower.Start(ctx) }()
		synctest.Wait()
		room := func() int32 {
			estimates := e.Estimates(ctx, []string{"fra"}, Request{Spec: aSpec("1")})
			if n, known := estimates["fra"]; known {
				return n
			}
			return -1
		}
		check := func(want int32, why string) {
			t.Helper()
			if got := room(); got != want {
				t.Errorf("%s: room for %d, want %d", why, got, want)
			}
		}

		check(-1, "not connected")
		first := newConnection()
		present["fra"] = first
		announce("fra")
		nodes, pods := first.handlers["nodes"], first.handlers["pods"]
		node := reduced[*nodeRecord](t, reduceNode, nodeObject(t, "a", "4"))
		nodes.OnAdd(node, true)
		check(-1, "the first list has not arrived")
		first.synced = true
		time.Sleep(time.Second)
		check(4, "the first list has arrived")

		one := reduced[*podRecord](t, reducePod, podObject(t, "p", "a", "1"))
		pods.OnAdd(one, false)
		check(3, "a pod came")
		pods.OnUpdate(one, reduced[*podRecord](t, reducePod, podObject(t, "p", "a", "1")))
		check(3, "nothing that counts has changed")
		two := reduced[*podRecord](t, reducePod, podObject(t, "p", "a", "2"))
		pods.OnUpdate(one, two)
		check(2, "the pod grew")
		ended := podObject(t, "p", "a", "2")
		_ = setNested(ended.Object, "Succeeded", "status", "phase")
		done := reduced[*podRecord](t, reducePod, ended)
		pods.OnUpdate(two, done)
		check(4, "the pod ended")
		pods.OnDelete(done)
		check(4, "a pod that had ended is gone")
		waits := reduced[*podRecord](t, reducePod, podObject(t, "q", "", "1"))
		pods.OnAdd(waits, false)
		if n, err := e.Unschedulable(ctx, "fra", aSpec("1").Resource, time.Minute); n != 0 || err != nil {
			t.Errorf("%d, %v: the bubble's clock is far before the pod's", n, err)
		}
		bound := reduced[*podRecord](t, reducePod, podObject(t, "q", "a", "1"))
		pods.OnUpdate(waits, bound)
		check(3, "a pod found its node")
		pods.OnDelete(cache.DeletedFinalStateUnknown{Key: "shop/q", Obj: bound})
		check(4, "a pod was seen no more")
		first.quotas = []runtime.Object{reduced[*quotaRecord](t, reduceQuota, quotaObject(t, "3", "1"))}
		check(2, "a quota")
		first.quotas = nil
		nodes.OnUpdate(node, reduced[*nodeRecord](t, reduceNode, nodeObject(t, "a", "8")))
		check(8, "the node grew")
		nodes.OnDelete(node)
		check(0, "the node is gone")
		nodes.OnAdd(node, false)

		first.lost = true
		announce("fra")
		check(-1, "out of reach")
		first.lost = false
		announce("fra")
		check(4, "back again, with the same watches")

		second := newConnection() // its API never answers
		present["fra"] = second
		close(first.done)
		announce("fra")
		nodes.OnAdd(node, false)
		time.Sleep(time.Second)
		check(-1, "a connection that was replaced is not believed")
		delete(present, "fra")
		close(second.done)
		announce("fra")
		announce("fra")
		check(-1, "gone")
		if e.follower.ledger("fra") != nil {
			t.Error("keeps what was known of a member that is gone")
		}
		third := newConnection()
		third.fails = errors.New("closed")
		present["fra"] = third
		announce("fra")
		check(-1, "a connection that is closed already")
		if diff := cmp.Diff(map[string]bool{"nodes": true}, third.closed); diff != "" {
			t.Error(diff)
		}
		cancel()
		synctest.Wait()
	})
}

func setNested(object map[string]any, value string, path ...string) error {
	for _, p := range path[:len(path)-1] {
		next, ok := object[p].(map[string]any)
		if !ok {
			return errors.New("no " + p)
		}
		object = next
	}
	object[path[len(path)-1]] = value
	return nil
}

func TestReduceKeepsWhatCanNotBeRead(t *testing.T) {
	for _, tc := range []struct {
		reduce func(runtime.Object) (runtime.Object, error)
		text   string
	}{
		{reduceNode, `{kind: Node, metadata: {name: a, resourceVersion: "1"}, status: {allocatable: {cpu: plenty}, conditions: [{type: Ready, status: "True"}]}}`},
		{reducePod, `{kind: Pod, metadata: {name: a, namespace: shop, resourceVersion: "1"}, spec: {nodeName: [a]}}`},
		{reduceQuota, `{kind: ResourceQuota, metadata: {name: a, namespace: shop, resourceVersion: "1"}, status: {hard: 3}}`},
	} {
		in := object(t, tc.text)
		out := reduced[runtime.Object](t, tc.reduce, in)
		key, err := cache.MetaNamespaceKeyFunc(out)
		want, _ := cache.MetaNamespaceKeyFunc(in)
		if err != nil || key != want {
			t.Errorf("%q, %v; want %q", key, err, want)
		}
	}
}

func TestEstimates(t *testing.T) {
	e := knowing(t, Options{}, map[string]string{"fra": "4", "iad": "8"})
	sets := aSpec("1")
	sets.Components = []workv1alpha2.Component{
		{Name: "a", Replicas: 1, ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: list("cpu", "1")}},
		{Name: "b", Replicas: 2, ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: list("cpu", "1")}},
	}
	single := aSpec("1")
	single.ReplicaRequirements = nil
	single.Components = sets.Components[:1]
	for name, tc := range map[string]struct {
		req  Request
		want map[string]int32
	}{
		"replicas":                      {Request{Spec: aSpec("1500m")}, map[string]int32{"fra": 2, "iad": 5}},
		"whole sets":                    {Request{Spec: sets}, map[string]int32{"fra": 1, "iad": 2}},
		"a single component":            {Request{Spec: single}, map[string]int32{"fra": 4, "iad": 8}},
		"no requirements: places":       {Request{Spec: &workv1alpha2.ResourceBindingSpec{}}, map[string]int32{"fra": 10, "iad": 10}},
		"what was placed in one":        {Request{Spec: aSpec("1"), Assumed: map[string]corev1.ResourceList{"iad": {"cpu": resource.MustParse("3"), "pods": resource.MustParse("3")}}}, map[string]int32{"fra": 4, "iad": 5}},
		"no binding":                    {Request{}, map[string]int32{}},
		"a request that can not be met": {Request{Spec: aSpec("1e40")}, map[string]int32{"fra": 0, "iad": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			got := e.Estimates(t.Context(), []string{"fra", "sin", "iad"}, tc.req)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("time is up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := e.Estimates(ctx, []string{"fra"}, Request{Spec: aSpec("1")}); len(got) > 0 {
			t.Errorf("%v", got)
		}
	})
	t.Run("unschedulable in a cluster that is not known", func(t *testing.T) {
		if _, err := e.Unschedulable(t.Context(), "sin", aSpec("1").Resource, time.Minute); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v", err)
		}
	})
}

// TestPool follows an API server over a socket, through a real pool of connections.
func TestPool(t *testing.T) {
	a := newAPI(t, nodeObject(t, "a", "4"), nodeObject(t, "b", "2"), podObject(t, "p", "a", "1"), podObject(t, "w", "", "9"), quotaObject(t, "9", "1"))
	pool := member.NewPool(member.Options{ProbeTimeout: time.Second})
	t.Cleanup(pool.Close)
	e, err := newEstimator(Options{Members: pool}, pool.Subscribe, func(name string) (connection, error) {
		m, err := pool.Member(name)
		if err != nil {
			return nil, err
		}
		return m, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = e.follower.Start(t.Context()) }()
	a.join(t, pool, "fra")
	room := func(want int32) func() bool {
		return func() bool {
			n, known := e.Estimates(t.Context(), []string{"fra"}, Request{Spec: aSpec("1")})["fra"]
			return known && n == want
		}
	}
	eventually(t, "the cluster is known", room(5))
	if n, err := e.Unschedulable(t.Context(), "fra", aSpec("1").Resource, time.Minute); n != 1 || err != nil {
		t.Errorf("%d unschedulable, %v", n, err)
	}
	grown := podObject(t, "p", "a", "3")
	grown.SetResourceVersion("10")
	eventually(t, "the pods are watched", func() bool { return a.send("MODIFIED", grown) })
	eventually(t, "the pod grew", room(3))

	a.abort()
	m, err := pool.Member("fra")
	if err != nil {
		t.Fatal(err)
	}
	if health := m.Probe(t.Context()); health.Reachable {
		t.Fatal("still reachable")
	}
	if got := e.Estimates(t.Context(), []string{"fra"}, Request{Spec: aSpec("1")}); len(got) > 0 {
		t.Errorf("a member out of reach is known: %v", got)
	}
}
