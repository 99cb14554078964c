package crowd

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
)

// object is a decoded object.
type object = map[string]any

// Member is one cluster of a Crowd.
type Member struct {
	Name string

	crowd *Crowd
	fault atomic.Pointer[Fault]

	mu      sync.Mutex
	version int64
	kinds   map[schema.GroupResource]*collection
}

// collection holds the objects of one resource.
type collection struct {
	changed  int64 // version of the last change
	objects  map[string]*stored
	watchers map[*watcher]struct{}
}

// stored is an object as it is kept: encoded once, sent to every watch.
type stored struct {
	namespace, name string
	labels          map[string]string
	raw             []byte
}

func newMember(name string, c *Crowd) *Member {
	m := &Member{Name: name, crowd: c, kinds: map[schema.GroupResource]*collection{}}
	for _, k := range kinds {
		m.kinds[k.groupResource()] = &collection{objects: map[string]*stored{}, watchers: map[*watcher]struct{}{}}
	}
	return m
}

// Set gives the member a fault; nil takes it away.
func (m *Member) Set(f *Fault) { m.fault.Store(f) }

// Count returns how many objects of a resource there are.
func (m *Member) Count(resource schema.GroupResource) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.kinds[resource]; c != nil {
		return len(c.objects)
	}
	return 0
}

// Forget deletes every object of a resource, as if somebody in the member had.
func (m *Member) Forget(resource schema.GroupResource) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.kinds[resource]
	for key, s := range c.objects {
		delete(c.objects, key)
		m.tell(c, "DELETED", s)
	}
}

func keyOf(namespace, name string) string { return namespace + "/" + name }

func (m *Member) get(k *kind, namespace, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.kinds[k.groupResource()].objects[keyOf(namespace, name)]
	if s == nil {
		return nil, apierrors.NewNotFound(k.groupResource(), name)
	}
	return s.raw, nil
}

func (m *Member) list(k *kind, namespace string, selector labels.Selector) (items []json.RawMessage, version int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.kinds[k.groupResource()].objects {
		if (namespace == "" || s.namespace == namespace) && selector.Matches(labels.Set(s.labels)) {
			items = append(items, s.raw)
		}
	}
	return items, m.version
}

// create stores a new object. As in a real cluster its namespace has to be there.
func (m *Member) create(k *kind, namespace string, obj object) ([]byte, error) {
	meta := metadata(obj)
	name, _ := meta["name"].(string)
	if name == "" {
		return nil, apierrors.NewBadRequest("metadata.name is required")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.kinds[k.groupResource()]
	if k.namespaced && m.kinds[namespaces].objects[keyOf("", namespace)] == nil {
		return nil, apierrors.NewNotFound(namespaces, namespace)
	}
	if c.objects[keyOf(namespace, name)] != nil {
		return nil, apierrors.NewAlreadyExists(k.groupResource(), name)
	}
	meta["uid"], meta["creationTimestamp"] = string(uuid.NewUUID()), time.Now().UTC().Format(time.RFC3339)
	if k.namespaced {
		meta["namespace"] = namespace
	}
	meta["generation"] = 1
	return m.put(c, "ADDED", obj)
}

// update stores an object over the present one. status says that only the status changes, else it is
// what does not.
func (m *Member) update(k *kind, namespace, name string, status bool, change func(present object) (object, error)) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.kinds[k.groupResource()]
	s := c.objects[keyOf(namespace, name)]
	if s == nil {
		return nil, apierrors.NewNotFound(k.groupResource(), name)
	}
	var present object
	if err := json.Unmarshal(s.raw, &present); err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	wanted, err := change(maps.Clone(present))
	if err != nil {
		return nil, err
	}
	meta, old := metadata(wanted), metadata(present)
	if version := meta["resourceVersion"]; version != nil && version != "" && version != old["resourceVersion"] {
		return nil, apierrors.NewConflict(k.groupResource(), name, fmt.Errorf("it is at %v", old["resourceVersion"]))
	}
	if uid := meta["uid"]; uid != nil && uid != "" && uid != old["uid"] {
		return nil, apierrors.NewConflict(k.groupResource(), name, fmt.Errorf("another uid"))
	}
	if status {
		kept := maps.Clone(present)
		kept["status"] = wanted["status"]
		wanted, meta = kept, metadata(kept)
	} else if present["status"] != nil {
		wanted["status"] = present["status"]
	}
	for _, field := range []string{"uid", "creationTimestamp", "generation", "resourceVersion"} {
		meta[field] = old[field]
	}
	if reflect.DeepEqual(present, wanted) {
		return s.raw, nil
	}
	if !reflect.DeepEqual(present["spec"], wanted["spec"]) {
		generation, _ := old["generation"].(float64)
		meta["generation"] = int64(generation) + 1
	}
	return m.put(c, "MODIFIED", wanted)
}

// put stores and tells. The caller holds the lock.
func (m *Member) put(c *collection, what string, obj object) ([]byte, error) {
	meta := metadata(obj)
	m.version++
	meta["resourceVersion"] = strconv.FormatInt(m.version, 10)
	raw, err := json.Marshal(obj)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	s := &stored{raw: raw, labels: stringsOf(meta["labels"])}
	s.namespace, _ = meta["namespace"].(string)
	s.name, _ = meta["name"].(string)
	c.objects[keyOf(s.namespace, s.name)] = s
	c.changed = m.version
	m.send(c, what, s)
	if m.crowd.options.Wrote != nil {
		m.crowd.options.Wrote(m.Name, obj)
	}
	return raw, nil
}

func (m *Member) remove(k *kind, namespace, name string, uid types.UID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.kinds[k.groupResource()]
	s := c.objects[keyOf(namespace, name)]
	if s == nil {
		return apierrors.NewNotFound(k.groupResource(), name)
	}
	var present object
	if err := json.Unmarshal(s.raw, &present); err != nil {
		return apierrors.NewInternalError(err)
	}
	if uid != "" && metadata(present)["uid"] != string(uid) {
		return apierrors.NewConflict(k.groupResource(), name, fmt.Errorf("another uid"))
	}
	delete(c.objects, keyOf(namespace, name))
	m.tell(c, "DELETED", s)
	return nil
}

// tell sends an object that is gone, at a version of its own. The caller holds the lock.
func (m *Member) tell(c *collection, what string, s *stored) {
	m.version++
	c.changed = m.version
	var obj object
	if json.Unmarshal(s.raw, &obj) == nil {
		metadata(obj)["resourceVersion"] = strconv.FormatInt(m.version, 10)
		if raw, err := json.Marshal(obj); err == nil {
			s = &stored{namespace: s.namespace, name: s.name, labels: s.labels, raw: raw}
		}
	}
	m.send(c, what, s)
}

func (m *Member) send(c *collection, what string, s *stored) {
	for w := range c.watchers {
		w.see(what, s)
	}
}

// merge applies an RFC 7386 patch.
func merge(present object, patch []byte) (object, error) {
	raw, err := json.Marshal(present)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	if raw, err = jsonpatch.MergePatch(raw, patch); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	var out object
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return out, nil
}

// metadata returns an object's metadata, which is a copy in the object from now on.
func metadata(obj object) object {
	meta, _ := obj["metadata"].(object)
	meta = maps.Clone(meta)
	if meta == nil {
		meta = object{}
	}
	obj["metadata"] = meta
	return meta
}

func stringsOf(v any) map[string]string {
	out := map[string]string{}
	fields, _ := v.(object)
	for key, value := range fields {
		out[key], _ = value.(string)
	}
	return out
}
