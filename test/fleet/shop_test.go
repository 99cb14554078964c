//go:build linux

package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/test/fleet/dataplane"
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
