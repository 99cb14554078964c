//go:build linux

package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seaway-io/seaway/test/fleet/kwok"
	"github.com/seaway-io/seaway/test/fleet/netplan"
	"github.com/seaway-io/seaway/test/fleet/pki"
)

// Cluster is a control plane and, unless it is the hub, its simulated nodes and its data plane. The
// processes of its Host include those.
type Cluster struct {
	*Host
	// Spec is what the member was asked to be, with defaults filled in. The hub's is empty.
	Spec MemberSpec
	// Files are the certificates, keys and kubeconfigs. They can issue more.
	Files *pki.Files

	plan    netplan.Cluster
	plane   controlPlane
	timeout time.Duration // bounds Revive
}

// Plan returns the cluster's addresses and ranges.
func (c *Cluster) Plan() netplan.Cluster { return c.plan }

// Server is the URL of the API server on the segment.
func (c *Cluster) Server() string { return serverURL(c.plan) }

// Kubeconfig is the path of the administrator's kubeconfig. It works for processes on any host of the
// fleet; outside the namespaces there is no route to the server it names.
func (c *Cluster) Kubeconfig() string { return c.Files.Path(pki.AdminKubeconfig) }

// RESTConfigFrom returns an administrator's client configuration that connects with the given function,
// for example another host's DialContext.
func (c *Cluster) RESTConfigFrom(dial func(ctx context.Context, network, address string) (net.Conn, error)) *rest.Config {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		// The file was written by this program. A client that is made from this says what is wrong.
		return &rest.Config{Host: c.Server(), Dial: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	}
	config.Dial = dial
	config.Proxy = http.ProxyURL(nil)
	config.QPS, config.Burst = 200, 400
	return config
}

// RESTConfig returns an administrator's client configuration that connects from the switch: it fails
// when the cluster is cut off, as everyone else's does.
func (c *Cluster) RESTConfig() *rest.Config { return c.RESTConfigFrom(c.cable.DialContext) }

// InsideConfig returns an administrator's client configuration that connects from inside the cluster,
// whatever its network suffers from.
func (c *Cluster) InsideConfig() *rest.Config { return c.RESTConfigFrom(c.DialContext) }

// Revive starts the cluster's processes again on the store they had, and what Kill ended besides them,
// and waits until the control plane is ready and kwok has taken up its nodes. It does not repair the
// network: see Heal.
func (c *Cluster) Revive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := c.Thaw(); err != nil {
		return err
	}
	if err := c.start(ctx); err != nil {
		return err
	}
	return c.Host.Revive(ctx)
}

// start starts whatever of the cluster does not run and waits until it is ready.
func (c *Cluster) start(ctx context.Context) error {
	api, err := c.launch(APIServer)
	if err != nil {
		return err
	}
	if err := c.awaitAPI(ctx, api); err != nil {
		return err
	}
	if !c.plane.hub {
		if err := c.prepareNodes(ctx); err != nil {
			return err
		}
	}
	running := map[string]*Process{}
	for _, name := range c.plane.processes() {
		if running[name], err = c.launch(name); err != nil {
			return err
		}
	}
	if err := c.awaitHealth(ctx, running[ControllerManager], managerPort); err != nil || c.plane.hub {
		return err
	}
	if err := c.awaitHealth(ctx, running[Scheduler], schedulerPort); err != nil {
		return err
	}
	return c.awaitNodes(ctx, running[Kwok])
}

func (c *Cluster) launch(name string) (*Process, error) {
	p := c.Process(name)
	switch {
	case p == nil:
		return c.Run(name, c.plane.argv(name), c.plane.env(name)...)
	case p.Running():
		return p, nil
	default:
		return p, p.Restart()
	}
}

// prepareNodes creates the nodes that are missing and takes away the leases of a kwok that is gone: the
// new one would wait for them to expire before it played any stage.
func (c *Cluster) prepareNodes(ctx context.Context) error {
	if p := c.Process(Kwok); p != nil && p.Running() {
		return nil
	}
	if err := os.WriteFile(c.Files.Path(kwokConfig), kwok.Stages, 0o644); err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(c.InsideConfig())
	if err != nil {
		return err
	}
	for i := range c.Spec.Nodes {
		node, err := c.node(i)
		if err != nil {
			return err
		}
		if _, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create node %s: %w", node.Name, err)
		}
	}
	leases := client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	if err := leases.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return fmt.Errorf("remove the node leases of %s: %w", c.Name, err)
	}
	return nil
}

func (c *Cluster) node(i int) (*corev1.Node, error) {
	pods, err := netplan.NodePods(c.plan.Pods, i)
	if err != nil {
		return nil, err
	}
	spec := kwok.NodeSpec{
		Name: fmt.Sprintf("%s-%d", c.Name, i), Region: c.Spec.Region, Provider: c.Spec.Provider,
		Pods: pods, Capacity: c.Spec.Capacity,
	}
	if zones := c.Spec.Zones; len(zones) > 0 {
		spec.Zone = zones[i%len(zones)]
	}
	return kwok.Node(spec), nil
}

func (c *Cluster) awaitAPI(ctx context.Context, p *Process) error {
	client, err := rest.HTTPClientFor(c.InsideConfig())
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	return await(ctx, p, func(ctx context.Context) error { return get(ctx, client, c.Server()+"/readyz") })
}

func (c *Cluster) awaitHealth(ctx context.Context, p *Process, port int) error {
	transport := c.Transport()
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // it is our own child on a loopback port
	client := &http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	return await(ctx, p, func(ctx context.Context) error {
		return get(ctx, client, fmt.Sprintf("https://127.0.0.1:%d/healthz", port))
	})
}

// awaitNodes waits until kwok holds every node's lease and pods can be scheduled and created.
func (c *Cluster) awaitNodes(ctx context.Context, p *Process) error {
	client, err := kubernetes.NewForConfig(c.InsideConfig())
	if err != nil {
		return err
	}
	return await(ctx, p, func(ctx context.Context) error {
		leases, err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(leases.Items) < c.Spec.Nodes {
			return fmt.Errorf("%d of %d nodes have a lease", len(leases.Items), c.Spec.Nodes)
		}
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, node := range nodes.Items {
			if !usable(node) {
				return fmt.Errorf("node %s is not ready", node.Name)
			}
		}
		_, err = client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// usable reports whether a node is Ready and kube-controller-manager has noticed. Taints that a person
// or a test has set do not count.
func usable(node corev1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Key == corev1.TaintNodeNotReady || taint.Key == corev1.TaintNodeUnreachable {
			return false
		}
	}
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// await repeats the check until it succeeds. It gives up when the process ends or the context does, and
// then quotes the log.
func await(ctx context.Context, p *Process, check func(context.Context) error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := check(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-p.Done():
			return p.Failure()
		case <-ctx.Done():
			return p.NotReady(fmt.Errorf("%w: %w", context.Cause(ctx), err))
		case <-tick.C:
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10)) // it only explains the status
	return errors.New(response.Status + ": " + string(body))
}

func serverURL(plan netplan.Cluster) string {
	return fmt.Sprintf("https://%s:%d", plan.Address, APIPort)
}
