// Package hubtest starts real control planes for tests, as net/http/httptest starts
// web servers: an etcd and a kube-apiserver, on request Kubernetes controllers, and on
// request the aggregated API server of this project, which makes it a hub. Everything
// listens on loopback addresses or unix sockets and ends with the test.
package hubtest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	"github.com/seaway-io/seaway/controllers/apiserver"
)

// startLimit bounds how long a control plane may take to start.
const startLimit = 2 * time.Minute

// Options say what to start.
type Options struct {
	// Hub adds the aggregated API server.
	Hub bool
	// Controllers are the controllers of kube-controller-manager to run, by their
	// names for its --controllers flag. None: no kube-controller-manager.
	Controllers []string
}

// ControlPlane is a running one.
type ControlPlane struct {
	// Config is an administrator's way in.
	Config *rest.Config
	// Kubeconfig is the path of a file with the same.
	Kubeconfig string
	// Client reads and writes all kinds of api/scheme.
	Client client.Client

	t         testing.TB
	dir       string
	address   string
	apiserver *process
}

// Start starts a control plane, or skips the test: in short mode, and on a machine
// without the Kubernetes binary (see binary).
func Start(t testing.TB, options Options) *ControlPlane {
	t.Helper()
	kubeall := binary(t)
	dir, err := os.MkdirTemp("", "hub") // t.TempDir() is too long for a unix socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := &ControlPlane{t: t, dir: dir, address: "127.0.30.1"}
	if err := c.writeCertificates(); err != nil {
		t.Fatal(err)
	}
	c.startEtcd(kubeall)
	c.startAPIServer(kubeall)
	if len(options.Controllers) > 0 {
		c.startControllers(kubeall, options.Controllers)
	}
	if options.Hub {
		c.startAggregated()
	}
	return c
}

func (c *ControlPlane) path(name string) string { return filepath.Join(c.dir, name) }

func (c *ControlPlane) etcd() string { return "unix://" + c.path("etcd.sock") }

func (c *ControlPlane) startEtcd(kubeall string) {
	start(c.t, c.path("etcd.log"), kubeall, "etcd",
		"--name=test", "--data-dir="+c.path("etcd"),
		"--listen-client-urls="+c.etcd(), "--advertise-client-urls="+c.etcd(),
		"--listen-peer-urls=unix://"+c.path("peer.sock"), "--initial-advertise-peer-urls=http://localhost:1",
		"--initial-cluster=test=http://localhost:1",
		"--unsafe-no-fsync=true", "--log-level=error")
}

func (c *ControlPlane) startAPIServer(kubeall string) {
	port := freePort(c.t, c.address)
	c.apiserver = start(c.t, c.path("apiserver.log"), kubeall, "kube-apiserver",
		"--etcd-servers="+c.etcd(), "--etcd-prefix=/kubernetes",
		"--bind-address="+c.address, "--secure-port="+port, "--advertise-address="+c.address, "--endpoint-reconciler-type=none",
		"--tls-cert-file="+c.path("server.crt"), "--tls-private-key-file="+c.path("server.key"), "--client-ca-file="+c.path("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+c.path("account.key"), "--service-account-signing-key-file="+c.path("account.key"),
		"--service-cluster-ip-range=10.130.0.0/16", "--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount",
		"--requestheader-client-ca-file="+c.path("ca.crt"), "--requestheader-allowed-names=front-proxy",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+c.path("front-proxy.crt"), "--proxy-client-key-file="+c.path("front-proxy.key"),
		"--profiling=false", "--shutdown-delay-duration=0s")

	c.Kubeconfig = c.path("admin.kubeconfig")
	if err := c.writeKubeconfig("https://" + net.JoinHostPort(c.address, port)); err != nil {
		c.t.Fatal(err)
	}
	var err error
	if c.Config, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig); err != nil {
		c.t.Fatal(err)
	}
	c.Config.QPS, c.Config.Burst = 500, 500
	s := scheme.New()
	if err := apiregistrationv1.AddToScheme(s); err != nil {
		c.t.Fatal(err)
	}
	c.Eventually("the API server is ready", func(ctx context.Context) error {
		return c.ready(ctx, "/readyz")
	})
	if c.Client, err = client.New(c.Config, client.Options{Scheme: s}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *ControlPlane) startControllers(kubeall string, controllers []string) {
	start(c.t, c.path("controllers.log"), kubeall, "kube-controller-manager",
		"--kubeconfig="+c.Kubeconfig, "--authentication-kubeconfig="+c.Kubeconfig, "--authorization-kubeconfig="+c.Kubeconfig,
		"--bind-address="+c.address, "--secure-port="+freePort(c.t, c.address), "--leader-elect=false",
		"--controllers="+strings.Join(controllers, ","),
		"--service-account-private-key-file="+c.path("account.key"), "--root-ca-file="+c.path("ca.crt"),
		"--kube-api-qps=500", "--kube-api-burst=1000", "--profiling=false")
}

// startAggregated runs our API server in the process of the test, and registers it.
func (c *ControlPlane) startAggregated() {
	port := freePort(c.t, c.address)
	options := apiserver.NewOptions()
	flags := pflag.NewFlagSet("apiserver", pflag.ContinueOnError)
	options.AddFlags(flags)
	err := flags.Parse([]string{
		"--kubeconfig=" + c.Kubeconfig,
		"--etcd-servers=" + c.etcd(),
		"--bind-address=" + c.address, "--secure-port=" + port,
		"--tls-cert-file=" + c.path("server.crt"), "--tls-private-key-file=" + c.path("server.key"),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ended error
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended = options.Run(ctx)
	}()
	c.t.Cleanup(func() {
		cancel()
		<-done
	})
	c.register(port)
	c.Eventually("clusters are served", func(ctx context.Context) error {
		select {
		case <-done:
			c.t.Fatalf("the aggregated API server ended: %v", ended)
		default:
		}
		return c.Client.List(ctx, &clusterv1alpha1.ClusterList{})
	})
}

func (c *ControlPlane) register(port string) {
	ca, err := os.ReadFile(c.path("ca.crt"))
	if err != nil {
		c.t.Fatal(err)
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, obj := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: names.SystemNamespace}},
		apiserver.Service(c.address, int32(number)),
		apiserver.APIService(int32(number), ca),
	} {
		if err := c.Client.Create(c.t.Context(), obj); err != nil && !apierrors.IsAlreadyExists(err) {
			c.t.Fatal(err)
		}
	}
}

func (c *ControlPlane) ready(ctx context.Context, path string) error {
	httpClient, err := rest.HTTPClientFor(c.Config)
	if err != nil {
		return err
	}
	return get(ctx, httpClient, c.Config.Host+path)
}

// Eventually calls check until it returns nil, and fails the test when that takes too
// long.
func (c *ControlPlane) Eventually(what string, check func(ctx context.Context) error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), startLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-c.apiserver.ended:
			c.t.Fatalf("the API server ended: %v\n%s", c.apiserver.err, c.apiserver.tail())
		case <-ctx.Done():
			c.t.Fatalf("waited in vain until %s: %v", what, err)
		}
	}
}

// Stop kills the API server, so that nothing answers any more.
func (c *ControlPlane) Stop() {
	c.apiserver.kill()
}

func (c *ControlPlane) writeKubeconfig(server string) error {
	read := func(name string) []byte {
		data, err := os.ReadFile(c.path(name))
		if err != nil {
			c.t.Fatal(err)
		}
		return data
	}
	if err := os.WriteFile(c.Kubeconfig, nil, 0o600); err != nil {
		return err
	}
	return clientcmd.WriteToFile(kubeconfig(server, read("ca.crt"), read("admin.crt"), read("admin.key")), c.Kubeconfig)
}
