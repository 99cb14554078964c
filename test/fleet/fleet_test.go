//go:build linux

package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/test/fleet/dataplane"
	"github.com/seaway-io/seaway/test/fleet/kwok"
	"github.com/seaway-io/seaway/test/fleet/netspace"
)

// patience is how long a test waits for what should happen soon.
const patience = 45 * time.Second

func eventually(t *testing.T, what string, condition func(context.Context) error) time.Duration {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		err := condition(ctx)
		if err == nil {
			return time.Since(start)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
	}
}

func client(t *testing.T, config *rest.Config) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// visitor returns the host that plays the client.
var visitor = sync.OnceValues(func() (*Host, error) { return shared.fleet.AddHost(HostSpec{Name: "client"}) })

// shop is an application in one member.
type shop struct {
	t       *testing.T
	cluster *Cluster
	client  kubernetes.Interface // from inside, so that faults do not hide the cluster from the test
	visitor *Host
	name    string
	gateway netip.Addr
}

// newShop deploys 4 replicas behind a LoadBalancer Service and waits until the Service has an address.
func newShop(t *testing.T, cluster *Cluster, image string) *shop {
	t.Helper()
	v, err := visitor()
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, cluster: cluster, client: client(t, cluster.InsideConfig()), visitor: v}
	namespace, err := s.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "shop-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.name = namespace.Name
	t.Cleanup(func() {
		if err := cluster.Heal(); err != nil {
			t.Error(err)
		}
		if err := s.client.CoreV1().Namespaces().Delete(context.Background(), s.name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	labels := map[string]string{"app": "shop"}
	port := corev1.ContainerPort{Name: "http", ContainerPort: 8080}
	_, err = s.client.AppsV1().Deployments(s.name).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](4), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: image, Ports: []corev1.ContainerPort{port}}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.client.CoreV1().Services(s.name).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: labels,
			Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "an address for the Service", func(ctx context.Context) error {
		service, err := s.client.CoreV1().Services(s.name).Get(ctx, "shop", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if s.gateway = dataplane.IngressAddr(service); !s.gateway.IsValid() {
			return fmt.Errorf("status %v", service.Status)
		}
		return nil
	})
	return s
}

// pods returns the names of the ready pods.
func (s *shop) pods(ctx context.Context) ([]string, error) {
	pods, err := s.client.CoreV1().Pods(s.name).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var ready []string
	for _, pod := range pods.Items {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				ready = append(ready, pod.Name)
			}
		}
	}
	return ready, nil
}

// visit asks the shop once over a new connection.
func (s *shop) visit(ctx context.Context) (dataplane.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var identity dataplane.Identity
	transport := s.visitor.Transport()
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/healthz", s.gateway), nil)
	if err != nil {
		return identity, err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return identity, err
	}
	defer response.Body.Close()
	if pod := response.Header.Get("X-Pod"); pod == "" || response.Header.Get("X-Cluster") != s.cluster.Name {
		return identity, fmt.Errorf("headers %v", response.Header)
	}
	return identity, json.NewDecoder(response.Body).Decode(&identity)
}

// opens waits until all four pods have answered.
func (s *shop) opens() {
	s.t.Helper()
	seen := map[string]bool{}
	eventually(s.t, "four pods that answer", func(ctx context.Context) error {
		identity, err := s.visit(ctx)
		if err != nil {
			return err
		}
		seen[identity.Pod] = true
		if len(seen) < 4 {
			return fmt.Errorf("so far %v", seen)
		}
		return nil
	})
}

func (s *shop) mustAnswer() {
	s.t.Helper()
	if _, err := s.visit(s.t.Context()); err != nil {
		s.t.Errorf("the shop in %s does not answer: %v", s.cluster.Name, err)
	}
}

func (s *shop) mustNotAnswer() {
	s.t.Helper()
	if identity, err := s.visit(s.t.Context()); err == nil {
		s.t.Errorf("the shop in %s answers: %v", s.cluster.Name, identity)
	}
}

// apiAnswers asks the API server from the switch, with little patience.
func apiAnswers(t *testing.T, cluster *Cluster) error {
	t.Helper()
	config := cluster.RESTConfig()
	config.Timeout = time.Second
	_, err := client(t, config).CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{})
	return err
}

func TestDeploymentsBecomeShopsThatAnswer(t *testing.T) {
	f := sharedFleet(t)
	for _, name := range []string{"fra", "iad"} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, f.Members[name], "shop:"+name)
			s.opens()
			identity, err := s.visit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pods, err := s.pods(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(pods, identity.Pod) {
				t.Errorf("%s answered, which is none of %v", identity.Pod, pods)
			}
			want := dataplane.Identity{Pod: identity.Pod, Namespace: s.name, Cluster: name, Node: identity.Node, Image: "shop:" + name}
			if diff := cmp.Diff(want, identity); diff != "" || !strings.HasPrefix(identity.Node, name+"-") {
				t.Errorf("node %s %s", identity.Node, diff)
			}
			if gateways := f.Members[name].Plan().Gateways; !gateways.Contains(s.gateway) {
				t.Errorf("gateway %s is not in %s", s.gateway, gateways)
			}
		})
	}
}

func TestNodesSayWhereTheyStand(t *testing.T) {
	f := sharedFleet(t)
	nodes, err := client(t, f.Members["fra"].RESTConfig()).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, node := range nodes.Items {
		got[node.Name] = node.Labels[corev1.LabelTopologyRegion] + " " + node.Labels[corev1.LabelTopologyZone] + " " + node.Spec.PodCIDR
	}
	want := map[string]string{"fra-0": "eu-central-1 eu-central-1a 10.10.0.0/24", "fra-1": "eu-central-1 eu-central-1b 10.10.1.0/24"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPodsOfTwoMembersMayHaveTheSameAddress(t *testing.T) {
	f := sharedFleet(t)
	for _, name := range []string{"fra", "iad"} {
		s := newShop(t, f.Members[name], "shop:1")
		s.opens()
		pods, err := s.client.CoreV1().Pods(s.name).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		at := netip.AddrPortFrom(netip.MustParseAddr(pods.Items[0].Status.PodIP), 8080).String()
		conn, err := f.Members[name].DialContext(t.Context(), "tcp", at)
		if err != nil {
			t.Errorf("%s does not reach its own pod at %s: %v", name, at, err)
		} else {
			conn.Close()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if conn, err := s.visitor.DialContext(ctx, "tcp", at); err == nil {
			conn.Close()
			t.Errorf("the pod at %s in %s is reachable from outside", at, name)
		}
	}
}

func TestAServiceFollowsItsPodsAndGoes(t *testing.T) {
	f := sharedFleet(t)
	s := newShop(t, f.Members["iad"], "shop:1")
	s.opens()
	scale := func(replicas int) {
		t.Helper()
		patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
		if _, err := s.client.AppsV1().Deployments(s.name).Patch(t.Context(), "shop", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	scale(0)
	eventually(t, "a refusal without pods", func(ctx context.Context) error {
		_, err := s.visit(ctx)
		if err == nil || !strings.Contains(err.Error(), "connection refused") {
			return fmt.Errorf("got %w", err)
		}
		return nil
	})
	scale(4)
	s.opens()
	if err := s.client.CoreV1().Services(s.name).Delete(t.Context(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no address without a Service", func(ctx context.Context) error {
		addrs, err := s.cluster.Exec(ctx, "cat", "/proc/net/fib_trie").Output()
		if err == nil && strings.Contains(string(addrs), s.gateway.String()+"\n") {
			err = fmt.Errorf("%s is still there", s.gateway)
		}
		return err
	})
}

func TestReadinessOpensAndClosesThePort(t *testing.T) {
	f := sharedFleet(t)
	s := newShop(t, f.Members["iad"], "shop:1")
	s.opens()
	pods, err := s.pods(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	label := func(value string) {
		t.Helper()
		patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:%s}}}`, kwok.HoldUnreadyLabel, value)
		for _, pod := range pods {
			if _, err := s.client.CoreV1().Pods(s.name).Patch(t.Context(), pod, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	label(`"true"`)
	eventually(t, "a refusal when no pod is ready", func(ctx context.Context) error {
		identity, err := s.visit(ctx)
		if err == nil {
			return fmt.Errorf("%s answers", identity.Pod)
		}
		return nil
	})
	label("null")
	s.opens()
}

func TestABrokenImageNeverRuns(t *testing.T) {
	f := sharedFleet(t)
	s := newShop(t, f.Members["iad"], "shop:"+kwok.BrokenTag)
	eventually(t, "four pods that wait for their image", func(ctx context.Context) error {
		pods, err := s.client.CoreV1().Pods(s.name).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		waiting := 0
		for _, pod := range pods.Items {
			for _, status := range pod.Status.ContainerStatuses {
				if status.State.Waiting != nil && status.State.Waiting.Reason == "ImagePullBackOff" {
					waiting++
				}
			}
		}
		if waiting != 4 {
			return fmt.Errorf("%d wait", waiting)
		}
		return nil
	})
	s.mustNotAnswer()
}

func TestAKilledMemberIsGoneAndComesBack(t *testing.T) {
	f := sharedFleet(t)
	fra := f.Members["fra"]
	s := newShop(t, fra, "shop:1")
	s.opens()
	if err := fra.Kill(); err != nil {
		t.Fatal(err)
	}
	s.mustNotAnswer()
	if err := apiAnswers(t, fra); err == nil {
		t.Error("the API server answers")
	}
	if err := apiAnswers(t, f.Hub); err != nil {
		t.Errorf("the hub does not answer: %v", err)
	}
	start := time.Now()
	if err := fra.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.opens()
	t.Logf("revived and answering after %.1f s", time.Since(start).Seconds())
	eventually(t, "four ready pods", func(ctx context.Context) error {
		pods, err := s.pods(ctx)
		if err == nil && len(pods) != 4 {
			err = fmt.Errorf("%d are ready", len(pods))
		}
		return err
	})
	// It is not only the old that answers: new pods run too.
	if err := s.client.CoreV1().Pods(s.name).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	s.opens()
}

func TestAFrozenMemberHangsAndGoesOn(t *testing.T) {
	f := sharedFleet(t)
	iad := f.Members["iad"]
	s := newShop(t, iad, "shop:1")
	s.opens()
	if err := iad.Freeze(); err != nil {
		t.Fatal(err)
	}
	s.mustNotAnswer()
	if err := apiAnswers(t, iad); err == nil {
		t.Error("the frozen API server answers")
	}
	if err := iad.Thaw(); err != nil {
		t.Fatal(err)
	}
	s.opens()
}

func TestTheDataPathOutlivesAFrozenAPIServer(t *testing.T) {
	f := sharedFleet(t)
	iad := f.Members["iad"]
	s := newShop(t, iad, "shop:1")
	s.opens()
	if err := iad.Freeze(APIServer); err != nil {
		t.Fatal(err)
	}
	if err := apiAnswers(t, iad); err == nil {
		t.Error("the frozen API server answers")
	}
	s.opens()
	if err := iad.Thaw(APIServer); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an answer of the API server", func(context.Context) error { return apiAnswers(t, iad) })
}

func TestCutAPIKeepsTheDataPathAndTheReverse(t *testing.T) {
	f := sharedFleet(t)
	iad := f.Members["iad"]
	s := newShop(t, iad, "shop:1")
	s.opens()
	steps := []struct {
		name      string
		do        func() error
		api, data bool
		faults    string
	}{
		{"CutAPI", iad.CutAPI, false, true, "api cut"},
		{"RestoreAPI", iad.RestoreAPI, true, true, ""},
		{"CutData", iad.CutData, true, false, "data cut"},
		{"CutAPI too", iad.CutAPI, false, false, "api cut, data cut"},
		{"RestoreData", iad.RestoreData, false, true, "api cut"},
		{"Heal", iad.Heal, true, true, ""},
		{"Cut", iad.Cut, false, false, "cut"},
		{"Restore", iad.Restore, true, true, ""},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if step.data {
				eventually(t, "an answer of the shop", func(ctx context.Context) error { _, err := s.visit(ctx); return err })
			} else {
				s.mustNotAnswer()
			}
			if step.api {
				eventually(t, "an answer of the API server", func(context.Context) error { return apiAnswers(t, iad) })
			} else if err := apiAnswers(t, iad); err == nil {
				t.Error("the API server answers")
			}
			if _, err := s.pods(t.Context()); err != nil {
				t.Errorf("from inside: %v", err)
			}
			if diff := cmp.Diff(step.faults, iad.Faults().String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestASlowMemberIsSlow(t *testing.T) {
	f := sharedFleet(t)
	iad := f.Members["iad"]
	s := newShop(t, iad, "shop:1")
	s.opens()
	const delay = 50 * time.Millisecond
	if err := iad.Slow(Link{Delay: delay}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	s.mustAnswer()
	if took := time.Since(start); took < 4*delay { // two round trips
		t.Errorf("an answer took %s", took)
	}
	if err := iad.Slow(Link{}); err != nil {
		t.Fatal(err)
	}
	s.mustAnswer()
}

func TestTheHubIsKilledAlone(t *testing.T) {
	f := sharedFleet(t)
	hub := client(t, f.Hub.RESTConfig())
	marker := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "marker-"}}
	marker, err := hub.CoreV1().ConfigMaps("default").Create(t.Context(), marker, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	attached, err := f.Hub.Run("attached", []string{"sleep", "600"})
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(t, f.Members["fra"], "shop:1")
	s.opens()
	if err := f.Hub.Kill(); err != nil {
		t.Fatal(err)
	}
	if attached.Running() {
		t.Error("a process on the hub outlived it")
	}
	s.mustAnswer()
	if err := apiAnswers(t, f.Members["fra"]); err != nil {
		t.Errorf("a member's API server: %v", err)
	}
	if err := f.Hub.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !attached.Running() {
		t.Error("what ran on the hub was not started again")
	}
	attached.Kill()
	if _, err := hub.CoreV1().ConfigMaps("default").Get(t.Context(), marker.Name, metav1.GetOptions{}); err != nil {
		t.Errorf("what was stored before: %v", err)
	}
}

// TestTheHubActsOnNothing: templates of workloads are stored as they are.
func TestTheHubActsOnNothing(t *testing.T) {
	f := sharedFleet(t)
	hub := client(t, f.Hub.RESTConfig())
	config, err := hub.CoreV1().ConfigMaps("kube-system").Get(t.Context(), "extension-apiserver-authentication", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if config.Data["requestheader-client-ca-file"] != string(f.Hub.Files.FrontProxyCA.Pair().Certificate) {
		t.Error("aggregated API servers are not told the front proxy's authority")
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "template-"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "shop:1"}}},
	}
	pod, err = hub.CoreV1().Pods("default").Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if pod.Spec.ServiceAccountName != "" || len(pod.Spec.Volumes) > 0 {
		t.Errorf("admission has changed the template: %+v", pod.Spec)
	}
	if err := hub.CoreV1().Pods("default").Delete(t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}); err != nil {
		t.Error(err)
	}
}

func TestHostsResolveAndAreSeenByTheirAddresses(t *testing.T) {
	f := sharedFleet(t)
	server, err := f.AddHost(HostSpec{Name: "server"})
	if err != nil {
		t.Fatal(err)
	}
	far, err := f.AddHost(HostSpec{Name: "far", Addresses: []string{"203.0.113.7"}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := server.Listen(t.Context(), "tcp", netip.AddrPortFrom(server.Addr(), 80).String())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) }))
	transport := far.Transport()
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Get("http://" + server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	seen := make([]byte, 100)
	n, _ := response.Body.Read(seen)
	if !strings.HasPrefix(string(seen[:n]), "203.0.113.7:") {
		t.Errorf("the server sees %s", seen[:n])
	}
	for name, spec := range map[string]HostSpec{
		"a name that is taken":     {Name: "fra"},
		"an address that is taken": {Name: "other", Addresses: []string{"203.0.113.7"}},
		"a cluster's address":      {Name: "other", Addresses: []string{"10.77.1.1"}},
		"no name":                  {},
	} {
		if _, err := f.AddHost(spec); err == nil {
			t.Errorf("%s: a host was made", name)
		}
	}
}

func TestPortsLeadInsideFromOutside(t *testing.T) {
	f := sharedFleet(t)
	s := newShop(t, f.Members["fra"], "shop:1")
	s.opens()
	at, err := f.Forward(Forward{Name: "shop", To: netip.AddrPortFrom(s.gateway, 80).String()})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + at.String())
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.Header.Get("X-Cluster") != "fra" {
		t.Errorf("%v", response.Header)
	}
	both, err := f.Forward(Forward{Name: "dns", Networks: []string{"udp", "tcp"}, From: s.visitor, To: "10.77.0.10:53"})
	if err != nil {
		t.Fatal(err)
	}
	all := f.Forwards()
	want := Forwarded{Name: "dns", Address: both.String(), Networks: []string{"udp", "tcp"}, From: "client", To: "10.77.0.10:53"}
	if diff := cmp.Diff(want, all[len(all)-1]); diff != "" {
		t.Error(diff)
	}
	if _, err := f.Forward(Forward{Name: "bad", Networks: []string{"sctp"}, To: "10.77.0.10:53"}); err == nil {
		t.Error("a port for SCTP was opened")
	}
}

func TestStopLeavesNothingAndANameIsHeldOnce(t *testing.T) {
	dir := requirements(t)
	options := Options{Name: fmt.Sprintf("fleetstop%d", os.Getpid()), Dir: t.TempDir(), Binaries: dir}
	f, err := Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), options); err == nil || !strings.Contains(err.Error(), "running already") {
		t.Errorf("a second fleet of the same name: %v", err)
	}
	pids := []int{f.etcd.Pid()}
	for _, name := range []string{APIServer, ControllerManager} {
		pids = append(pids, f.Hub.Process(name).Pid())
	}
	if err := f.Hub.Freeze(APIServer); err != nil { // the hardest to stop
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
			t.Errorf("process %d: %v", pid, err)
		}
	}
	if names, err := netspace.Names(namespacePrefix(f.Name)); err != nil || len(names) > 0 {
		t.Errorf("namespaces %v, %v", names, err)
	}
}

func TestWhatACrashLeftBehindIsRemoved(t *testing.T) {
	requirements(t)
	name := fmt.Sprintf("fleetcrash%d", os.Getpid())
	namespace, err := netspace.Create(namespacePrefix(name) + "fra")
	if err != nil {
		t.Fatal(err)
	}
	left := namespace.Command(t.Context(), "sleep", "600")
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- left.Wait() }()
	claim, err := claimName(name)
	if err != nil {
		t.Fatal(err)
	}
	defer claim.release()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the process still runs")
	}
	if names, err := netspace.Names(namespacePrefix(name)); err != nil || len(names) > 0 {
		t.Errorf("namespaces %v, %v", names, err)
	}
}

func TestAFailedStartSaysWhyAndLeavesNothing(t *testing.T) {
	dir := requirements(t)
	broken := t.TempDir()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		target := dir + "/" + entry.Name()
		if entry.Name() == APIServer {
			target = "/bin/false"
		}
		if err := os.Symlink(target, broken+"/"+entry.Name()); err != nil {
			t.Fatal(err)
		}
	}
	options := Options{Name: fmt.Sprintf("fleetfail%d", os.Getpid()), Dir: t.TempDir(), Binaries: broken}
	_, err = Start(t.Context(), options)
	if err == nil || !strings.Contains(err.Error(), "kube-apiserver of hub ended: exit status 1") {
		t.Errorf("%v", err)
	}
	if names, err := netspace.Names(namespacePrefix(options.Name)); err != nil || len(names) > 0 {
		t.Errorf("namespaces %v, %v", names, err)
	}
}
