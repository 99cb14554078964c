package discovery

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

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

func reduced[T runtime.Object](t testing.TB, reduce func(runtime.Object) (runtime.Object, error), text string) T {
	t.Helper()
	out, err := reduce(object(t, text))
	if err != nil {
		t.Fatal(err)
	}
	again, err := reduce(out)
	if err != nil || again != out {
		t.Fatalf("reduced twice: %v, %v", again, err)
	}
	return out.(T)
}

func aService(t testing.TB, status string) *service {
	return reduced[*service](t, reduceService, `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, resourceVersion: "1", annotations: {a: b}}
spec: {type: LoadBalancer, ports: [{name: http, port: 80, nodePort: 30080}, {name: https, port: 443}]}
status: {loadBalancer: {ingress: [`+status+`]}}`)
}

// aSlice has endpoints that are ready (y), not ready (n) or silent about it (?).
func aSlice(t testing.TB, name, family, endpoints string) *slice {
	text := ""
	for i, e := range endpoints {
		text += fmt.Sprintf("- {addresses: [\"192.0.2.%d\"]%s}\n", i, map[rune]string{
			'y': ", conditions: {ready: true}", 'n': ", conditions: {ready: false, serving: true, terminating: true}", '?': ""}[e])
	}
	return reduced[*slice](t, reduceSlice, `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: `+name+`, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: `+family+`
endpoints:
`+text)
}

var ports = []Port{{"http", 80}, {"https", 443}}

func TestReduceService(t *testing.T) {
	for name, tc := range map[string]struct {
		ingress   string
		addresses []string
		hostname  string
	}{
		"no address yet":        {"", nil, ""},
		"addresses":             {`{ip: 192.0.2.2}, {ip: "2001:0db8::0001"}, {ip: 192.0.2.1}, {ip: 192.0.2.2}, {ip: "::ffff:192.0.2.9"}`, []string{"192.0.2.1", "192.0.2.2", "192.0.2.9", "2001:db8::1"}, ""},
		"names":                 {`{hostname: b.example.com}, {hostname: a.example.com}`, nil, "a.example.com"},
		"addresses beat a name": {`{hostname: a.example.com}, {ip: 192.0.2.1}`, []string{"192.0.2.1"}, ""},
		"nowhere to send to":    {`{ip: 127.0.0.1}, {ip: "::"}, {ip: 224.0.0.1}, {ip: "fe80::1"}, {ip: nonsense}`, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := aService(t, tc.ingress)
			if diff := cmp.Diff(tc.addresses, s.addresses); diff != "" {
				t.Error(diff)
			}
			if s.hostname != tc.hostname || len(s.Annotations) != 0 || s.ResourceVersion != "1" {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestAnObjectThatCanNotBeReadIsEmpty(t *testing.T) {
	s := reduced[*service](t, reduceService, `{metadata: {name: web, namespace: shop}, spec: {ports: 7}}`)
	sl := reduced[*slice](t, reduceSlice, `{metadata: {name: a, namespace: shop}, endpoints: x}`)
	if s.Name != "web" || len(s.ports) != 0 || sl.Name != "a" || sl.ready != 0 {
		t.Errorf("%+v %+v", s, sl)
	}
}

func TestLookup(t *testing.T) {
	table := New(nil)
	if _, known := table.Lookup("fra", "shop", "web"); known {
		t.Error("knows a member that was never connected")
	}
	s := newShard("fra", table.tell)
	table.put("fra", s)
	s.setService(aService(t, "{ip: 192.0.2.1}"))
	s.setSlice(nil, aSlice(t, "v4-a", "IPv4", "yy?n"))
	s.setSlice(nil, aSlice(t, "v4-b", "IPv4", "y"))
	s.setSlice(nil, aSlice(t, "v6", "IPv6", "yyy"))
	if _, known := table.Lookup("fra", "shop", "web"); known {
		t.Error("known before everything has arrived")
	}
	s.read()
	e, known := table.Lookup("fra", "shop", "web")
	if diff := cmp.Diff(Endpoint{Exists: true, Addresses: []string{"192.0.2.1"}, Ports: ports, ReadyReplicas: 4}, e); diff != "" || !known {
		t.Error(known, diff)
	}
	if e.Port("") != 80 || e.Port("https") != 443 || e.Port("metrics") != 0 {
		t.Error("wrong ports")
	}
	if e, known := table.Lookup("fra", "shop", "other"); !known || e.Exists {
		t.Errorf("another Service: %+v %t", e, known)
	}
	table.put("fra", nil)
	if _, known := table.Lookup("fra", "shop", "web"); known {
		t.Error("known without a connection")
	}
}

func TestChangesAreToldWhenAClientWouldNotice(t *testing.T) {
	var told []Change
	s := newShard("fra", func(c Change) { told = append(told, c) })
	web := types.NamespacedName{Namespace: "shop", Name: "web"}
	expect := func(what string, want ...Change) {
		t.Helper()
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		told = nil
	}
	s.setService(aService(t, ""))
	expect("while the first list arrives")
	s.read()
	expect("all has arrived", Change{Cluster: "fra"})
	s.setSlice(nil, aSlice(t, "a", "IPv4", "y"))
	expect("a replica is ready behind a Service without address")
	s.setService(aService(t, "{ip: 192.0.2.1}"))
	expect("an address", Change{Cluster: "fra", Service: web})
	s.setService(aService(t, "{ip: 192.0.2.1}"))
	expect("nothing new")
	s.setSlice(nil, aSlice(t, "b", "IPv4", "yy"))
	expect("two more replicas", Change{Cluster: "fra", Service: web, Minor: true})
	s.removeSlice(aSlice(t, "b", "IPv4", "yy"))
	expect("two fewer", Change{Cluster: "fra", Service: web, Minor: true})
	moved := aSlice(t, "a", "IPv4", "y")
	moved.service = "other"
	s.setSlice(aSlice(t, "a", "IPv4", "y"), moved)
	expect("the last one went to another Service", Change{Cluster: "fra", Service: web})
	s.setSlice(moved, aSlice(t, "a", "IPv4", "n"))
	expect("one that is not ready")
	s.setSlice(nil, aSlice(t, "a", "IPv4", "y"))
	expect("the first replica", Change{Cluster: "fra", Service: web})
	s.removeService(aService(t, ""))
	expect("the Service is gone", Change{Cluster: "fra", Service: web})
}

// However slices come and go, the number of ready replicas is that of the slices that are there.
func TestReadyReplicasAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newShard("fra", func(Change) {})
		s.setService(aService(t, "{ip: 192.0.2.1}"))
		present := map[string]*slice{}
		for range rapid.IntRange(1, 30).Draw(rt, "events") {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name")
			old := present[name]
			if old != nil && rapid.Bool().Draw(rt, "remove") {
				s.removeSlice(old)
				delete(present, name)
				continue
			}
			next := &slice{ObjectMeta: kept(&unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"namespace": "shop", "name": name}}}),
				service: rapid.SampledFrom([]string{"web", "other", ""}).Draw(rt, "service"), family: "IPv4", ready: rapid.Int32Range(0, 5).Draw(rt, "ready")}
			s.setSlice(old, next)
			present[name] = next
		}
		var want int32
		for _, sl := range present {
			if sl.service == "web" {
				want += sl.ready
			}
		}
		if e, _ := s.lookup(types.NamespacedName{Namespace: "shop", Name: "web"}); e.ReadyReplicas != want {
			rt.Fatalf("%d ready, want %d", e.ReadyReplicas, want)
		}
	})
}

// fakeConnection hands its handlers to the test.
type fakeConnection struct {
	done     chan struct{}
	handlers map[string]cache.ResourceEventHandler
	synced   bool
	fails    error
}

type fakeLister struct {
	member.Lister
	*fakeConnection
}

func (l fakeLister) HasSynced() bool { return l.synced }
func (l fakeLister) Close()          {}

func newConnection() *fakeConnection {
	return &fakeConnection{done: make(chan struct{}), handlers: map[string]cache.ResourceEventHandler{}}
}

func (c *fakeConnection) Done() <-chan struct{} { return c.done }

func (c *fakeConnection) Watch(gvr schema.GroupVersionResource, o member.WatchOptions, h cache.ResourceEventHandler) (member.Lister, error) {
	if o.View == "" || o.Transform == nil {
		return nil, errors.New("watches everything in full")
	}
	c.handlers[gvr.Resource] = h
	return fakeLister{fakeConnection: c}, c.fails
}

func TestFollowConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		table := New(nil)
		var told []Change
		table.Subscribe(func(c Change) { told = append(told, c) })
		present := map[string]connection{}
		var announce func(string)
		f := &follower{table: table, current: map[string]connection{},
			subscribe: func(fn func(string)) { announce = fn },
			connect: func(name string) (connection, error) {
				if c := present[name]; c != nil {
					return c, nil
				}
				return nil, member.ErrNotConnected
			}}
		go func() { _ = f.Start(ctx) }()
		synctest.Wait()
		known := func() bool { _, k := table.Lookup("fra", "shop", "web"); return k }

		first := newConnection()
		present["fra"] = first
		announce("fra")
		first.handlers["services"].OnAdd(aService(t, "{ip: 192.0.2.1}"), true)
		if known() {
			t.Error("known before the first list has arrived")
		}
		first.synced = true
		time.Sleep(time.Second)
		if !known() {
			t.Error("not known after the first list has arrived")
		}
		told = nil
		announce("fra") // lost, or regained
		if !known() || len(told) > 0 {
			t.Error("began anew with the same connection")
		}
		first.handlers["endpointslices"].OnAdd(aSlice(t, "a", "IPv4", "y"), false)
		if e, _ := table.Lookup("fra", "shop", "web"); e.ReadyReplicas != 1 {
			t.Errorf("%+v", e)
		}
		first.handlers["endpointslices"].OnUpdate(aSlice(t, "a", "IPv4", "y"), aSlice(t, "a", "IPv4", "yy"))
		first.handlers["endpointslices"].OnDelete(cache.DeletedFinalStateUnknown{Obj: aSlice(t, "a", "IPv4", "yy")})
		first.handlers["services"].OnDelete(aService(t, ""))
		if e, _ := table.Lookup("fra", "shop", "web"); e.Exists {
			t.Errorf("%+v", e)
		}

		second := newConnection() // its API never answers
		present["fra"] = second
		close(first.done)
		announce("fra")
		first.handlers["services"].OnAdd(aService(t, "{ip: 192.0.2.1}"), false)
		time.Sleep(time.Second)
		if known() {
			t.Error("believes a connection that was replaced")
		}
		delete(present, "fra")
		close(second.done)
		told = nil
		announce("fra")
		announce("fra")
		if diff := cmp.Diff([]Change{{Cluster: "fra"}}, told); diff != "" {
			t.Error(diff)
		}
		third := newConnection()
		third.fails = errors.New("closed")
		present["fra"] = third
		announce("fra")
		cancel()
		synctest.Wait()
	})
}
