//go:build linux

package fleet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seaway-io/seaway/test/fleet/netplan"
	"github.com/seaway-io/seaway/test/fleet/netspace"
	"github.com/seaway-io/seaway/test/fleet/pki"
	"github.com/seaway-io/seaway/test/fleet/process"
)

// Fleet is a hub, its members and the hosts beside them. It is safe for use by several goroutines.
type Fleet struct {
	Name string
	// Dir holds a folder for every cluster and host.
	Dir string
	Hub *Cluster
	// Members are the other clusters by name.
	Members map[string]*Cluster

	options  Options
	claim    *claim
	cable    *netspace.Switch
	etcd     *Process
	clusters []*Cluster // hub first
	stop     sync.Once

	mu       sync.Mutex
	plan     netplan.Hosts
	hosts    map[string]*Host
	foreign  []netip.Addr // addresses outside the segment's own range
	forwards []*openForward
}

// Start starts a fleet and waits until every cluster is ready. What a fleet of the same name left behind
// when its program crashed is removed first; one that still runs is an error. If Start fails, it leaves
// nothing behind but the logs, and the error quotes the one that matters.
//
// The processes live until Stop, or until this program ends, however it ends.
func Start(ctx context.Context, options Options) (*Fleet, error) {
	plans, err := options.complete()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, options.StartTimeout, fmt.Errorf("the fleet was not ready within %s", options.StartTimeout))
	defer cancel()
	claim, err := claimName(options.Name)
	if err != nil {
		return nil, err
	}
	f := &Fleet{
		Name: options.Name, Dir: options.Dir, Members: map[string]*Cluster{},
		options: options, claim: claim, hosts: map[string]*Host{},
	}
	if err := f.start(ctx, plans); err != nil {
		f.Stop()
		return nil, fmt.Errorf("start fleet %s: %w", options.Name, err)
	}
	return f, nil
}

func (f *Fleet) start(ctx context.Context, plans []netplan.Cluster) error {
	began := time.Now()
	log := func(format string, args ...any) {
		f.options.Log("%5.1f s  %s", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	if err := f.buildNetwork(plans); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.startEtcd(groupCtx) })
	for _, c := range f.clusters {
		group.Go(c.writeFiles)
	}
	if err := group.Wait(); err != nil {
		return err
	}
	log("network, certificates and etcd are ready")
	group, groupCtx = errgroup.WithContext(ctx)
	for _, c := range f.clusters {
		group.Go(func() error {
			if err := c.start(groupCtx); err != nil {
				return err
			}
			log("%s is ready at %s", c.Name, c.Server())
			return nil
		})
	}
	return group.Wait()
}

// buildNetwork makes the switch and every cluster's namespace.
func (f *Fleet) buildNetwork(plans []netplan.Cluster) (err error) {
	f.cable, err = netspace.NewSwitch(f.namespaceName(switchName), netip.PrefixFrom(netplan.Switch, netplan.Network.Bits()))
	if err != nil {
		return err
	}
	if f.Hub, err = f.addCluster(HubName, MemberSpec{}, netplan.Hub()); err != nil {
		return err
	}
	for i, spec := range f.options.Members {
		if f.Members[spec.Name], err = f.addCluster(spec.Name, spec, plans[i]); err != nil {
			return err
		}
	}
	if f.options.Flat {
		return f.joinPods()
	}
	return nil
}

func (f *Fleet) addCluster(name string, spec MemberSpec, plan netplan.Cluster) (*Cluster, error) {
	host, err := f.attach(name, filepath.Join(f.Dir, name), []netip.Addr{plan.Address})
	if err != nil {
		return nil, err
	}
	for _, prefix := range []netip.Prefix{plan.Pods, plan.Services} {
		if err := host.namespace.AddLocal(prefix); err != nil {
			return nil, err
		}
	}
	c := &Cluster{Host: host, Spec: spec, plan: plan, timeout: f.options.StartTimeout}
	c.plane = controlPlane{
		name: name, plan: plan, binaries: f.options.Binaries, seaway: f.options.Seaway,
		etcd: f.EtcdURL(), prefix: f.EtcdPrefix(name), hub: name == HubName,
	}
	host.filter = c.drops
	f.clusters = append(f.clusters, c)
	return c, nil
}

// joinPods routes every member's pods to every other member.
func (f *Fleet) joinPods() error {
	for _, from := range f.Members {
		for _, to := range f.Members {
			if from == to {
				continue
			}
			if err := from.namespace.AddRoute(to.plan.Pods, to.plan.Address); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Cluster) writeFiles() (err error) {
	if err := os.RemoveAll(c.dir); err != nil {
		return err
	}
	c.Files, err = pki.Write(c.dir, pki.Cluster{
		Name: c.Name, Address: c.plan.Address, APIService: c.plan.APIService(), Server: c.Server(),
	})
	c.plane.files = c.Files
	return err
}

// startEtcd starts the store of all clusters, away from any of them, so that killing a cluster never
// kills it.
func (f *Fleet) startEtcd(ctx context.Context) error {
	dir := filepath.Join(f.Dir, "etcd")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	etcd, err := process.Start(process.Spec{
		Name: "etcd", Argv: etcdArguments(f.options.Binaries, filepath.Join(dir, "data"), f.claim.dir),
		Log: filepath.Join(dir, "etcd.log"), Starter: f.cable.Namespace,
	})
	if err != nil {
		return err
	}
	f.etcd = etcd
	client := unixClient(etcdSocket(f.claim.dir))
	defer client.CloseIdleConnections()
	return await(ctx, etcd, func(ctx context.Context) error { return get(ctx, client, "http://etcd/health") })
}

// Clusters lists the hub and then the members in the order they were asked for.
func (f *Fleet) Clusters() []*Cluster { return slices.Clone(f.clusters) }

// Cluster returns a cluster by name, the hub included.
func (f *Fleet) Cluster(name string) (*Cluster, error) {
	for _, c := range f.clusters {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no cluster %q in fleet %s", name, f.Name)
}

// Options returns what the fleet was started with, defaults filled in.
func (f *Fleet) Options() Options { return f.options }

// DialContext connects from the switch, the place where nothing is ever cut but what is at the other
// end.
func (f *Fleet) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f.cable.DialContext(ctx, network, address)
}

// EtcdURL is the URL of the one etcd, for servers that keep something of their own in it. It is a unix
// socket and can be reached from every host.
func (f *Fleet) EtcdURL() string { return etcdURL(f.claim.dir) }

// EtcdPrefix is the place in etcd that belongs to a user of the store, for example "apiserver".
// Clusters have their own under their names.
func (f *Fleet) EtcdPrefix(user string) string { return "/fleet/" + user }

func (f *Fleet) namespaceName(host string) string { return namespacePrefix(f.Name) + host }
