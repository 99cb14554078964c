//go:build linux

package dataplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/seaway-io/seaway/test/fleet/netplan"
)

// retryAfter is the pause after something could not be brought about.
const retryAfter = time.Second

// Config says for whom a data plane runs.
type Config struct {
	// Cluster is the name the pods give as theirs.
	Cluster string
	// Client reaches the cluster's API server.
	Client *rest.Config
	// Gateways is the range LoadBalancer Services get addresses from, and Uplink the interface that
	// carries them.
	Gateways netplan.Range
	Uplink   string
	Log      *slog.Logger
}

// Run serves until the context ends.
func Run(ctx context.Context, config Config) error {
	reach := rest.CopyConfig(config.Client)
	reach.Wrap(func(next http.RoundTripper) http.RoundTripper { return patient{next} })
	client, err := kubernetes.NewForConfig(reach)
	if err != nil {
		return err
	}
	uplink, err := newUplinkAddresses(config.Uplink, config.Gateways)
	if err != nil {
		return err
	}
	p := &plane{
		Config:     config,
		uplink:     uplink,
		servers:    newServers(func(d time.Duration, do func()) { time.AfterFunc(d, do) }),
		forwarders: forwarders{running: map[netip.AddrPort]*forwarder{}},
		changed:    make(chan struct{}, 1),
	}
	if err := p.watch(ctx, client); err != nil {
		return err
	}
	status := &statusWriter{client: client.CoreV1(), log: config.Log, failed: p.changed, changed: make(chan struct{}, 1)}
	go status.run(ctx)
	config.Log.Info("serving", "cluster", config.Cluster, "gateways", config.Gateways.String())
	p.serve(ctx, status)
	return nil
}

type plane struct {
	Config
	uplink     *uplinkAddresses
	servers    servers
	forwarders forwarders

	pods     corelisters.PodLister
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
	changed  chan struct{}
}

// watch starts the informers and waits until they know all there is.
func (p *plane) watch(ctx context.Context, client kubernetes.Interface) error {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(withoutManagedFields))
	pods, services, endpoints := factory.Core().V1().Pods(), factory.Core().V1().Services(), factory.Discovery().V1().EndpointSlices()
	p.pods, p.services, p.slices = pods.Lister(), services.Lister(), endpoints.Lister()
	signal := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { notify(p.changed) },
		UpdateFunc: func(any, any) { notify(p.changed) },
		DeleteFunc: func(any) { notify(p.changed) },
	}
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), services.Informer(), endpoints.Informer()} {
		if _, err := informer.AddEventHandler(signal); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("read %s: %w", kind, context.Cause(ctx))
		}
	}
	notify(p.changed)
	return nil
}

func (p *plane) serve(ctx context.Context, status *statusWriter) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.changed:
		}
		if err := p.sync(status); err != nil {
			p.Log.Error("not all is as it should be; trying again", "err", err)
			time.AfterFunc(retryAfter, func() { notify(p.changed) })
		}
	}
}

// sync brings about what the objects ask for. Addresses come before what listens on them.
func (p *plane) sync(status *statusWriter) error {
	objects, err := p.objects()
	if err != nil {
		return err
	}
	want := Desired(objects, p.Cluster, p.Gateways)
	err = errors.Join(
		p.uplink.sync(slices.Collect(maps.Values(want.Gateways))),
		p.servers.sync(want.Pods),
		p.forwarders.sync(want.Forwards),
	)
	status.set(outdated(objects.Services, want.Gateways))
	return err
}

func (p *plane) objects() (objects Objects, err error) {
	if objects.Pods, err = p.pods.List(labels.Everything()); err != nil {
		return objects, err
	}
	if objects.Services, err = p.services.List(labels.Everything()); err != nil {
		return objects, err
	}
	objects.Slices, err = p.slices.List(labels.Everything())
	return objects, err
}

// notify leaves one note in the channel, however often it is called before the note is read.
func notify(changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}

func withoutManagedFields(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}
