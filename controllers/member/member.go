package member

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
)

// Member is one connection to one cluster. It is safe for concurrent use and stays
// usable as a value after it was closed; its calls fail then.
type Member struct {
	// Name of the Cluster.
	Name string

	target    target
	options   Options
	client    *http.Client
	transport *transport
	prober    *transport
	discovery *discovery.DiscoveryClient
	dynamic   dynamic.Interface
	metadata  metadata.Interface
	mapper    *mapper
	reach     *reach

	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex
	informers map[informerKey]*informer
	running   sync.WaitGroup
}

// connect builds the clients of a member. notify is called when probes find the
// member lost or regained.
func connect(name string, target target, options Options, notify func(string)) (*Member, error) {
	ctx, cancel := context.WithCancel(context.Background())
	tr, err := newTransport(ctx, name, target, options)
	if err != nil {
		cancel()
		return nil, err
	}
	m := &Member{
		Name:      name,
		target:    target,
		options:   options,
		transport: tr,
		prober:    tr.apart(),
		client:    tr.client(),
		reach:     newReach(func() { notify(name) }),
		ctx:       ctx,
		cancel:    cancel,
		informers: map[informerKey]*informer{},
	}
	// The token is added by the transport, so the configuration the clients keep
	// (and may print) holds no secret.
	config := &rest.Config{
		Host:        target.endpoint.String(),
		RateLimiter: flowcontrol.NewTokenBucketRateLimiter(options.QPS, options.Burst),
	}
	if err := m.newClients(config); err != nil {
		m.close()
		return nil, fmt.Errorf("cluster %q: %w", name, err)
	}
	m.mapper = newMapper(m.discovery, options.Clock)
	return m, nil
}

func (m *Member) newClients(config *rest.Config) (err error) {
	if m.dynamic, err = dynamic.NewForConfigAndClient(dynamic.ConfigFor(config), m.client); err != nil {
		return err
	}
	if m.metadata, err = metadata.NewForConfigAndClient(metadata.ConfigFor(config), m.client); err != nil {
		return err
	}
	m.discovery, err = discovery.NewDiscoveryClientForConfigAndClient(config, m.client)
	return err
}

// Dynamic returns a client for any resource of the member.
func (m *Member) Dynamic() dynamic.Interface { return m.dynamic }

// Discovery returns a client for what the member serves: version, groups,
// resources. Nothing is cached.
func (m *Member) Discovery() discovery.DiscoveryInterfaceWithContext { return m.discovery }

// String is all that printing a Member shows.
func (m *Member) String() string { return "member " + m.Name + " at " + m.target.String() }

// GoString keeps the credentials out of %#v, too.
func (m *Member) GoString() string { return m.String() }

// Done is closed when this connection was removed or replaced.
func (m *Member) Done() <-chan struct{} { return m.ctx.Done() }

// close stops everything the connection runs. It does not wait for handlers that
// are in the middle of an event.
func (m *Member) close() {
	m.cancel()
	m.transport.close()
	m.prober.close()
}
