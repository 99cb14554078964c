//go:build linux

package install

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/apiserver"
	"github.com/seaway-io/seaway/test/fleet"
)

// Names of the processes on the hub.
const (
	APIServer  = "seaway-apiserver"
	Controller = "seaway-controller"
	NameServer = "seaway-dns"
)

const (
	apiserverPort = 6444
	webhookPort   = 9443
)

// Domain is the zone that the name servers are authoritative for.
const Domain = "apps.example.com"

// Options says what is installed.
type Options struct {
	// Seaway and Plugin are the paths of the two programs.
	Seaway, Plugin string
	// NameServers is how many name servers there are; 2 if zero.
	NameServers int
	// HubOnly leaves out the name servers and joins no member.
	HubOnly bool
	// ControllerFlags are added to those of `seaway controller`.
	ControllerFlags []string
	// Log gets a line at each step. It may be nil.
	Log func(format string, args ...any)
}

// Installation is Seaway on a fleet.
type Installation struct {
	Fleet   *fleet.Fleet
	Options Options
	// Hub reads and writes the hub as an administrator.
	Hub client.Client
	// NameServers are the hosts ns1, ns2, …
	NameServers []*fleet.Host
	// Client is a host for everything that uses the applications.
	Client *fleet.Host
}

// Install puts Seaway on the fleet and waits until every member is Ready and the zone is served.
func Install(ctx context.Context, f *fleet.Fleet, o Options) (*Installation, error) {
	if o.NameServers == 0 {
		o.NameServers = 2
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	s, err := newScheme()
	if err != nil {
		return nil, err
	}
	// Not cached discovery: kinds appear while this client lives.
	config := f.Hub.RESTConfig()
	config.QPS = -1
	hub, err := client.New(config, client.Options{Scheme: s})
	if err != nil {
		return nil, err
	}
	in := &Installation{Fleet: f, Options: o, Hub: hub}
	type step struct {
		what string
		do   func(context.Context) error
	}
	steps := []step{
		{"definitions and roles", in.prepareHub},
		{"aggregated API server", in.startAPIServer},
		{"controllers", in.startController},
	}
	if !o.HubOnly {
		steps = append(steps,
			step{"name servers", in.startNameServers},
			step{"members joined", in.joinMembers},
			step{"zone " + Domain, in.delegateZone},
		)
	}
	for _, step := range steps {
		began := time.Now()
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("install %s: %w", step.what, err)
		}
		o.Log("installed: %s (%.1f s)", step.what, time.Since(began).Seconds())
	}
	return in, nil
}

func (in *Installation) prepareHub(ctx context.Context) error {
	if err := definitions(ctx, in.Hub); err != nil {
		return err
	}
	for _, ns := range []string{names.SystemNamespace, names.ClusterNamespace} {
		if err := create(ctx, in.Hub, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}); err != nil {
			return err
		}
	}
	return create(ctx, in.Hub, roles()...)
}

func (in *Installation) startAPIServer(ctx context.Context) error {
	hub := in.Fleet.Hub
	kubeconfig, err := hub.Files.KubeconfigFor("seaway-apiserver.kubeconfig", apiserverUser)
	if err != nil {
		return err
	}
	cert, key, err := hub.Files.ServingFor("seaway-apiserver", apiserver.ServerName, hub.Addr().String())
	if err != nil {
		return err
	}
	if _, err := hub.Keep(APIServer, []string{in.Options.Seaway, "apiserver",
		"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
		"--etcd-servers=" + in.Fleet.EtcdURL(), "--etcd-prefix=" + in.Fleet.EtcdPrefix("seaway-apiserver"),
		"--bind-address=" + hub.Addr().String(), fmt.Sprintf("--secure-port=%d", apiserverPort),
		"--tls-cert-file=" + cert, "--tls-private-key-file=" + key,
	}); err != nil {
		return err
	}
	registration := apiserver.APIService(apiserverPort, hub.Files.CA.Pair().Certificate)
	if err := create(ctx, in.Hub, apiserver.Service(hub.Addr().String(), apiserverPort), registration); err != nil {
		return err
	}
	return Await(ctx, time.Minute, func(ctx context.Context) error {
		var got apiregistrationv1.APIService
		if err := in.Hub.Get(ctx, client.ObjectKeyFromObject(registration), &got); err != nil {
			return err
		}
		for _, c := range got.Status.Conditions {
			if c.Type == apiregistrationv1.Available && c.Status == apiregistrationv1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("%s is not available: %v", got.Name, got.Status.Conditions)
	})
}

func (in *Installation) startController(context.Context) error {
	hub := in.Fleet.Hub
	kubeconfig, err := hub.Files.KubeconfigFor("seaway-controller.kubeconfig", controllerUser)
	if err != nil {
		return err
	}
	argv := append([]string{in.Options.Seaway, "controller",
		"--kubeconfig=" + kubeconfig,
		fmt.Sprintf("--webhook-url=https://%s:%d", hub.Addr(), webhookPort),
		"--webhook-cert-dir=" + filepath.Join(hub.Dir(), "webhook"),
		"--metrics-bind-address=" + hub.Addr().String() + ":8080",
		"--health-probe-bind-address=" + hub.Addr().String() + ":10357",
	}, in.Options.ControllerFlags...)
	_, err = hub.Keep(Controller, argv)
	return err
}

func (in *Installation) startNameServers(ctx context.Context) error {
	var err error
	if in.Client, err = in.Fleet.AddHost(fleet.HostSpec{Name: "client"}); err != nil {
		return err
	}
	for i := range in.Options.NameServers {
		name := fmt.Sprintf("ns%d", i+1)
		host, err := in.Fleet.AddHost(fleet.HostSpec{Name: name})
		if err != nil {
			return err
		}
		kubeconfig, err := in.Fleet.Hub.Files.KubeconfigFor(name+".kubeconfig", nameServerUser(name), nameServerGroup)
		if err != nil {
			return err
		}
		if err := create(ctx, in.Hub, nameServerRole(name)...); err != nil {
			return err
		}
		state := filepath.Join(host.Dir(), "state")
		if err := os.MkdirAll(state, 0o755); err != nil {
			return err
		}
		if _, err := host.Keep(NameServer, []string{in.Options.Seaway, "dns",
			"--name=" + name, "--kubeconfig=" + kubeconfig, "--listen=" + netip.AddrPortFrom(host.Addr(), 53).String(),
			"--state-dir=" + state, "--metrics-address=" + host.Addr().String() + ":9153",
		}); err != nil {
			return err
		}
		in.NameServers = append(in.NameServers, host)
	}
	return nil
}

// joinMembers joins every member with the command that an administrator uses.
func (in *Installation) joinMembers(ctx context.Context) error {
	for _, c := range in.Fleet.Clusters() {
		if c == in.Fleet.Hub {
			continue
		}
		out, err := in.Kubectl(ctx, "join", c.Name, "--cluster-kubeconfig="+c.Kubeconfig(),
			"--cluster-region="+c.Spec.Region, "--cluster-provider="+c.Spec.Provider)
		if err != nil {
			return fmt.Errorf("join %s: %w\n%s", c.Name, err, out)
		}
	}
	return Await(ctx, time.Minute, func(ctx context.Context) error {
		for name := range in.Fleet.Members {
			var c clusterv1alpha1.Cluster
			if err := in.Hub.Get(ctx, client.ObjectKey{Name: name}, &c); err != nil {
				return err
			}
			if !Ready(&c) {
				return fmt.Errorf("cluster %s is not Ready: %+v", name, c.Status.Conditions)
			}
		}
		return nil
	})
}

// Ready says whether a cluster's control plane is reached.
func Ready(c *clusterv1alpha1.Cluster) bool {
	for _, cond := range c.Status.Conditions {
		if cond.Type == clusterv1alpha1.ClusterConditionReady {
			return cond.Status == metav1.ConditionTrue
		}
	}
	return false
}

func (in *Installation) delegateZone(ctx context.Context) error {
	zone := &trafficv1alpha1.Zone{
		ObjectMeta: metav1.ObjectMeta{Name: "apps"},
		Spec: trafficv1alpha1.ZoneSpec{
			Domain:  Domain,
			Records: []trafficv1alpha1.Record{{Name: "@", Type: "TXT", Values: []string{"served by seaway"}}},
		},
	}
	for _, ns := range in.NameServers {
		zone.Spec.NameServers = append(zone.Spec.NameServers, trafficv1alpha1.NameServer{
			Name: ns.Name + "." + Domain, Addresses: []string{ns.Addr().String()},
		})
	}
	return create(ctx, in.Hub, zone)
}

// Kubectl runs `kubectl seaway …` on the hub's host and returns what it printed.
func (in *Installation) Kubectl(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	argv := append(append([]string{in.Options.Plugin}, args...), "--kubeconfig="+in.Fleet.Hub.Kubeconfig())
	out, err := in.Fleet.Hub.Exec(ctx, argv...).CombinedOutput()
	return string(out), err
}
