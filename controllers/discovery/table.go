// Package discovery knows what every Service of every connected member looks like to a client: the
// addresses of its load balancer, its ports, and how many endpoints behind it are ready. It keeps that
// in memory, in a Table that answers at once and tells who asked to be told when something changed.
//
// It reads Services and EndpointSlices through one shared watch each per member, stripped to the few
// fields that matter before they are kept. It writes nothing and decides nothing.
package discovery

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seaway-io/seaway/controllers/member"
)

// Endpoint is a Service of a member as a client sees it.
type Endpoint struct {
	// Exists says that the Service is in the member.
	Exists bool
	// Addresses of the load balancer, IPv4 and IPv6, in their shortest form, sorted.
	Addresses []string
	// Hostname of the load balancer where it has a name and no addresses.
	Hostname string
	// Ports of the Service, in its own order.
	Ports []Port
	// ReadyReplicas is the number of ready endpoints. Where the Service has endpoints of two address
	// families, those of the larger are counted.
	ReadyReplicas int32
}

// Port of a Service.
type Port struct {
	Name   string
	Number int32
}

// Port returns the number of the port of a name, of the first port when the name is empty, and 0 when
// there is none.
func (e Endpoint) Port(name string) int32 {
	for _, p := range e.Ports {
		if name == "" || p.Name == name {
			return p.Number
		}
	}
	return 0
}

func (e Endpoint) reachable() bool { return len(e.Addresses) > 0 || e.Hostname != "" }

// sameButReplicas says whether two endpoints differ at most in the number of ready replicas.
func (e Endpoint) sameButReplicas(o Endpoint) bool {
	return e.Exists == o.Exists && e.Hostname == o.Hostname && slices.Equal(e.Addresses, o.Addresses) && slices.Equal(e.Ports, o.Ports)
}

// Change is something that happened in a member.
type Change struct {
	Cluster string
	// Service whose endpoint changed. Empty when the member as a whole became known or unknown.
	Service types.NamespacedName
	// Minor says that only the number of ready replicas changed, and not from or to none. It need
	// not be acted on at once.
	Minor bool
}

// Table holds the endpoints of all members. It is safe for concurrent use; each member has a lock of
// its own.
type Table struct {
	pool *member.Pool

	mu          sync.RWMutex
	members     map[string]*shard
	subscribers []func(Change)
}

// New returns an empty table of the members of a pool. Setup fills it.
func New(pool *member.Pool) *Table {
	return &Table{pool: pool, members: map[string]*shard{}}
}

// Lookup returns a Service of a member. known is false while the member is not connected or has not
// yet been read; nothing is said then.
func (t *Table) Lookup(cluster, namespace, service string) (e Endpoint, known bool) {
	s := t.shard(cluster)
	if s == nil {
		return Endpoint{}, false
	}
	return s.lookup(types.NamespacedName{Namespace: namespace, Name: service})
}

// Subscribe calls fn with every change, from now on. fn is called without any lock, from the
// goroutines of several members, and must not block: it enqueues.
func (t *Table) Subscribe(fn func(Change)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.subscribers = append(t.subscribers, fn)
}

func (t *Table) tell(c Change) {
	t.mu.RLock()
	subscribers := t.subscribers
	t.mu.RUnlock()
	for _, fn := range subscribers {
		fn(c)
	}
}

func (t *Table) shard(cluster string) *shard {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.members[cluster]
}

// put begins a new shard for a member, or with nil forgets the member.
func (t *Table) put(cluster string, s *shard) {
	t.mu.Lock()
	if s == nil {
		delete(t.members, cluster)
	} else {
		t.members[cluster] = s
	}
	t.mu.Unlock()
	t.tell(Change{Cluster: cluster})
}

// shard holds the endpoints of one connection to one member.
type shard struct {
	cluster string
	tell    func(Change)

	mu       sync.RWMutex
	known    bool
	services map[types.NamespacedName]*service
	slices   map[types.NamespacedName]map[string]*slice // by Service and name
}

func newShard(cluster string, tell func(Change)) *shard {
	return &shard{
		cluster:  cluster,
		tell:     tell,
		services: map[types.NamespacedName]*service{},
		slices:   map[types.NamespacedName]map[string]*slice{},
	}
}

func (s *shard) lookup(key types.NamespacedName) (Endpoint, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.endpoint(key), s.known
}

// endpoint is called with the lock held.
func (s *shard) endpoint(key types.NamespacedName) Endpoint {
	svc := s.services[key]
	if svc == nil {
		return Endpoint{}
	}
	ready := map[string]int32{}
	for _, sl := range s.slices[key] {
		ready[sl.family] += sl.ready
	}
	e := Endpoint{Exists: true, Addresses: svc.addresses, Hostname: svc.hostname, Ports: svc.ports}
	for _, n := range ready {
		e.ReadyReplicas = max(e.ReadyReplicas, n)
	}
	return e
}

// read marks the shard as known: all that was in the member has arrived.
func (s *shard) read() {
	s.mu.Lock()
	s.known = true
	s.mu.Unlock()
	s.tell(Change{Cluster: s.cluster})
}

// change applies a change to what is known of a Service and tells when a client would notice.
func (s *shard) change(key types.NamespacedName, apply func()) {
	s.mu.Lock()
	before := s.endpoint(key)
	apply()
	after, known := s.endpoint(key), s.known
	s.mu.Unlock()
	same := before.sameButReplicas(after)
	if !known || same && (before.ReadyReplicas == after.ReadyReplicas || !after.reachable()) {
		return
	}
	s.tell(Change{
		Cluster: s.cluster,
		Service: key,
		Minor:   same && before.ReadyReplicas > 0 && after.ReadyReplicas > 0,
	})
}

func (s *shard) setService(svc *service) {
	key := keyOf(svc)
	s.change(key, func() { s.services[key] = svc })
}

func (s *shard) removeService(svc *service) {
	key := keyOf(svc)
	s.change(key, func() { delete(s.services, key) })
}

// setSlice replaces a slice, whose Service may have changed.
func (s *shard) setSlice(old, sl *slice) {
	if old != nil && old.service != sl.service {
		s.removeSlice(old)
	}
	if sl.service == "" {
		return
	}
	key := sl.serviceKey()
	s.change(key, func() {
		if s.slices[key] == nil {
			s.slices[key] = map[string]*slice{}
		}
		s.slices[key][sl.Name] = sl
	})
}

func (s *shard) removeSlice(sl *slice) {
	key := sl.serviceKey()
	s.change(key, func() {
		delete(s.slices[key], sl.Name)
		if len(s.slices[key]) == 0 {
			delete(s.slices, key)
		}
	})
}
