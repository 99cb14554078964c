// Package membertest is a member cluster in memory, for tests of what writes to members and watches
// them.
package membertest

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"

	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/member"
)

// kinds are what a member serves; true for those in namespaces.
var kinds = map[schema.GroupVersionResource]struct {
	kind       string
	namespaced bool
}{
	{Version: "v1", Resource: "configmaps"}:                                       {"ConfigMap", true},
	{Version: "v1", Resource: "services"}:                                         {"Service", true},
	{Version: "v1", Resource: "namespaces"}:                                       {"Namespace", false},
	{Group: "apps", Version: "v1", Resource: "deployments"}:                       {"Deployment", true},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}: {"ClusterRole", false},
}

// Member is one member. Its watches show every change at once.
type Member struct {
	Name string
	// Default, when set, changes what is written, as a member's API server or admission does.
	Default func(obj *unstructured.Unstructured)
	// Fail, when set, is asked before every request; its error is the answer.
	Fail func(verb, resource string) error
	// Unsynced makes the watches look as if they had just begun.
	Unsynced atomic.Bool
	// Stale, when set, is what the watches show instead of what there is.
	Stale func(obj *unstructured.Unstructured) *unstructured.Unstructured

	client  *dynamicfake.FakeDynamicClient
	version atomic.Int64

	mu       sync.Mutex
	handlers map[schema.GroupVersionResource][]cache.ResourceEventHandler
	writes   []string
}

// NewMember returns a member without objects.
func NewMember(name string) *Member {
	lists := map[schema.GroupVersionResource]string{}
	for gvr, k := range kinds {
		lists[gvr] = k.kind + "List"
	}
	m := &Member{
		Name:     name,
		client:   dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists),
		handlers: map[schema.GroupVersionResource][]cache.ResourceEventHandler{},
	}
	m.client.PrependReactor("*", "*", m.react)
	return m
}

// react plays the parts of an API server that the fake client does not have.
func (m *Member) react(action clienttesting.Action) (handled bool, answer runtime.Object, err error) {
	if m.Fail != nil {
		if err := m.Fail(action.GetVerb(), action.GetResource().Resource); err != nil {
			return true, nil, err
		}
	}
	switch a := action.(type) {
	case clienttesting.UpdateAction: // also what creates
		obj := a.GetObject().(*unstructured.Unstructured)
		m.note(action.GetVerb(), obj.GetNamespace(), obj.GetName())
		if action.GetVerb() == "create" {
			obj.SetUID(types.UID(fmt.Sprintf("%s-%d", m.Name, m.version.Load()+1)))
			obj.SetGeneration(1)
		}
		obj.SetResourceVersion(strconv.FormatInt(m.version.Add(1), 10))
		if m.Default != nil {
			m.Default(obj)
		}
	case clienttesting.DeleteAction:
		m.note("delete", action.GetNamespace(), a.GetName())
	}
	return false, nil, nil
}

func (m *Member) note(verb, namespace, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writes = append(m.writes, verb+" "+namespace+"/"+name)
}

// Writes returns what was written since the last call.
func (m *Member) Writes() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	writes := m.writes
	m.writes = nil
	return writes
}

// Put writes an object as somebody in the member would, and tells the watches.
func (m *Member) Put(obj *unstructured.Unstructured) error {
	gvr, err := m.resource(obj.GroupVersionKind())
	if err != nil {
		return err
	}
	obj = obj.DeepCopy()
	obj.SetResourceVersion(strconv.FormatInt(m.version.Add(1), 10))
	before := m.Get(gvr.Resource, obj.GetNamespace(), obj.GetName())
	if before == nil {
		err = m.client.Tracker().Create(gvr, obj, obj.GetNamespace())
	} else {
		err = m.client.Tracker().Update(gvr, obj, obj.GetNamespace())
	}
	if err != nil {
		return err
	}
	for _, h := range m.watching(gvr) {
		if before == nil {
			h.OnAdd(obj, false)
		} else {
			h.OnUpdate(before, obj)
		}
	}
	return nil
}

// Remove deletes an object as somebody in the member would, and tells the watches.
func (m *Member) Remove(obj *unstructured.Unstructured) error {
	gvr, err := m.resource(obj.GroupVersionKind())
	if err != nil {
		return err
	}
	if err := m.client.Tracker().Delete(gvr, obj.GetNamespace(), obj.GetName()); err != nil {
		return err
	}
	for _, h := range m.watching(gvr) {
		h.OnDelete(obj)
	}
	return nil
}

// Get returns an object, nil if it is not there.
func (m *Member) Get(resource, namespace, name string) *unstructured.Unstructured {
	for gvr := range kinds {
		if gvr.Resource != resource {
			continue
		}
		if obj, err := m.client.Tracker().Get(gvr, namespace, name); err == nil {
			return obj.(*unstructured.Unstructured).DeepCopy()
		}
	}
	return nil
}

func (m *Member) watching(gvr schema.GroupVersionResource) []cache.ResourceEventHandler {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.handlers[gvr]
}

func (m *Member) resource(gvk schema.GroupVersionKind) (schema.GroupVersionResource, error) {
	for gvr, k := range kinds {
		if gvr.GroupVersion() == gvk.GroupVersion() && k.kind == gvk.Kind {
			return gvr, nil
		}
	}
	return schema.GroupVersionResource{}, &meta.NoKindMatchError{GroupKind: gvk.GroupKind(), SearchedVersions: []string{gvk.Version}}
}

// Dynamic implements managed.Member.
func (m *Member) Dynamic() dynamic.Interface { return m.client }

// Mapping implements managed.Member.
func (m *Member) Mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	gvr, err := m.resource(gvk)
	if err != nil {
		return nil, err
	}
	scope := meta.RESTScopeRoot
	if kinds[gvr].namespaced {
		scope = meta.RESTScopeNamespace
	}
	return &meta.RESTMapping{Resource: gvr, GroupVersionKind: gvk, Scope: scope}, nil
}

// Watch implements managed.Member. It shows managed objects only, whatever the selector.
func (m *Member) Watch(gvr schema.GroupVersionResource, _ member.WatchOptions, handler cache.ResourceEventHandler) (member.Lister, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.handlers[gvr] = append(m.handlers[gvr], handler)
	return &lister{m, gvr}, nil
}

type lister struct {
	*Member
	gvr schema.GroupVersionResource
}

func (l *lister) Get(key string) (runtime.Object, bool) {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil || l.Unsynced.Load() {
		return nil, false
	}
	obj := l.Member.Get(l.gvr.Resource, namespace, name)
	if obj == nil || obj.GetLabels()["karmada.io/managed"] != "true" {
		return nil, false
	}
	if l.Stale != nil {
		if obj = l.Stale(obj); obj == nil {
			return nil, false
		}
	}
	return obj, true
}

func (l *lister) List(string) []runtime.Object { return nil }
func (l *lister) HasSynced() bool              { return !l.Unsynced.Load() }
func (l *lister) Close()                       {}

// Members is a set of connections.
type Members struct {
	mu          sync.Mutex
	members     map[string]*Member
	subscribers []func(string)
}

// Connect connects a member, or another one in its place, or none when m is nil.
func (s *Members) Connect(name string, m *Member) {
	s.mu.Lock()
	if s.members == nil {
		s.members = map[string]*Member{}
	}
	delete(s.members, name)
	if m != nil {
		s.members[name] = m
	}
	subscribers := s.subscribers
	s.mu.Unlock()
	for _, fn := range subscribers {
		fn(name)
	}
}

// Member implements managed.Members.
func (s *Members) Member(name string) (managed.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.members[name]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("cluster %q: %w", name, member.ErrNotConnected)
}

// Subscribe implements managed.Members.
func (s *Members) Subscribe(fn func(name string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscribers = append(s.subscribers, fn)
}
