// Package member holds the connections to member clusters: one Pool per process,
// one Member per connected cluster. It is the only place where a member's
// credentials live in memory; they never appear in an error, a log line or an
// exported field.
//
// A Member offers a dynamic client, a REST mapping, shared watches and a health
// probe. Every call has a time limit, every member has a rate limit of its own,
// and nothing a member does (hang, refuse, send garbage) holds up another.
//
// The package does not decide anything: whether a cluster is Ready, what is
// written to it and when it is given up are matters of the controllers.
package member

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// ErrNotConnected is returned, wrapped with the cluster's name, for a cluster the
// pool has no connection to.
var ErrNotConnected = errors.New("cluster is not connected")

// Defaults of Options.
const (
	DefaultQPS          = 200
	DefaultBurst        = 400
	DefaultTimeout      = 10 * time.Second
	DefaultProbeTimeout = 2 * time.Second
	DefaultUserAgent    = "seaway"
)

// Options tune a Pool. The zero value uses the defaults above.
type Options struct {
	// Clock measures the age of cached mappings. Default: the real clock.
	Clock clock.Clock
	// QPS and Burst limit the requests to each member; probes are not limited.
	QPS   float32
	Burst int
	// Timeout bounds the wait for a response and each pause in its body. A watch
	// is bounded only until its first byte.
	Timeout time.Duration
	// ProbeTimeout bounds one health probe.
	ProbeTimeout time.Duration
	// UserAgent is sent to members.
	UserAgent string
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.QPS <= 0 {
		o.QPS = DefaultQPS
	}
	if o.Burst <= 0 {
		o.Burst = DefaultBurst
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.ProbeTimeout <= 0 {
		o.ProbeTimeout = DefaultProbeTimeout
	}
	if o.UserAgent == "" {
		o.UserAgent = DefaultUserAgent
	}
	return o
}

// Pool holds the connections. It is safe for concurrent use.
type Pool struct {
	options Options

	mu          sync.RWMutex
	members     map[string]*Member
	subscribers []*subscriber
}

// NewPool returns an empty pool. It starts nothing.
func NewPool(options Options) *Pool {
	return &Pool{options: options.withDefaults(), members: map[string]*Member{}}
}

// Set connects a cluster, or connects it anew when its endpoint, proxy or
// credentials changed; it does nothing when they did not. It does not dial: whether
// the member answers is for Probe to say. On an error the present connection, if
// any, is left as it is. The error names the field at fault and never a credential.
func (p *Pool) Set(cluster *clusterv1alpha1.Cluster, secret *corev1.Secret) error {
	target, err := targetOf(cluster, secret)
	if err != nil {
		return err
	}
	p.mu.Lock()
	old := p.members[cluster.Name]
	if old != nil && old.target.equal(target) {
		p.mu.Unlock()
		return nil
	}
	connected, err := connect(cluster.Name, target, p.options, p.notify)
	if err != nil {
		p.mu.Unlock()
		return err
	}
	p.members[cluster.Name] = connected
	p.mu.Unlock()

	if old != nil {
		old.close()
	}
	p.notify(cluster.Name)
	return nil
}

// Remove drops the connection of a cluster: its watches stop, its calls in flight
// fail, its Done channel closes. Removing an unknown name does nothing.
func (p *Pool) Remove(name string) {
	p.mu.Lock()
	old := p.members[name]
	delete(p.members, name)
	p.mu.Unlock()
	if old != nil {
		old.close()
		p.notify(name)
	}
}

// Member returns the present connection of a cluster, or an error for which
// errors.Is(err, ErrNotConnected) holds. Callers should not keep it for longer than
// one piece of work, unless they watch its Done channel.
func (p *Pool) Member(name string) (*Member, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if m := p.members[name]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("cluster %q: %w", name, ErrNotConnected)
}

// Names returns the names of the connected clusters, sorted.
func (p *Pool) Names() []string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	names := make([]string, 0, len(p.members))
	for name := range p.members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Subscribe calls fn with the name of a cluster whenever that cluster was
// connected, replaced, removed, or was lost or regained as seen by its probes; and
// once for each cluster connected already. Calls for one subscriber come one after
// the other, on a goroutine of their own and never under a lock; several changes of
// one cluster may come as one call, so fn must look at the present state.
func (p *Pool) Subscribe(fn func(name string)) {
	s := &subscriber{fn: fn, pending: map[string]bool{}}
	p.mu.Lock()
	p.subscribers = append(p.subscribers, s)
	present := make([]string, 0, len(p.members))
	for name := range p.members {
		present = append(present, name)
	}
	p.mu.Unlock()
	for _, name := range present {
		s.notify(name)
	}
}

// Close removes every connection.
func (p *Pool) Close() {
	for _, name := range p.Names() {
		p.Remove(name)
	}
}

func (p *Pool) notify(name string) {
	p.mu.RLock()
	subscribers := p.subscribers
	p.mu.RUnlock()
	for _, s := range subscribers {
		s.notify(name)
	}
}

// subscriber delivers names to one function. A goroutine exists only while names
// are waiting, so a pool without changes costs nothing and leaks nothing.
type subscriber struct {
	fn func(name string)

	mu      sync.Mutex
	pending map[string]bool
	order   []string
	running bool
}

func (s *subscriber) notify(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending[name] {
		return
	}
	s.pending[name] = true
	s.order = append(s.order, name)
	if !s.running {
		s.running = true
		go s.deliver()
	}
}

func (s *subscriber) deliver() {
	for {
		s.mu.Lock()
		if len(s.order) == 0 {
			s.running = false
			s.mu.Unlock()
			return
		}
		name := s.order[0]
		s.order = s.order[1:]
		delete(s.pending, name)
		s.mu.Unlock()
		s.fn(name)
	}
}
