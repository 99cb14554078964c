package dataplane

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/seaway-io/seaway/test/fleet/netplan"
)

var (
	gateways = netplan.Range{First: netip.MustParseAddr("10.77.1.100"), Last: netip.MustParseAddr("10.77.1.102")}
	equal    = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}), cmpopts.EquateEmpty()}
)

func readyPod(name, addr string, ports ...corev1.ContainerPort) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec:       corev1.PodSpec{NodeName: "fra-0", Containers: []corev1.Container{{Name: "web", Image: "shop:1", Ports: ports}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: addr,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
}

func TestWhichPodsAnswer(t *testing.T) {
	web := corev1.ContainerPort{Name: "http", ContainerPort: 8080}
	at := netip.MustParseAddrPort("10.101.0.5:8080")
	identity := Identity{Pod: "web", Namespace: "shop", Cluster: "fra", Node: "fra-0", Image: "shop:1"}
	tests := map[string]struct {
		change func(*corev1.Pod)
		want   map[netip.AddrPort]Identity
	}{
		"a ready pod": {func(*corev1.Pod) {}, map[netip.AddrPort]Identity{at: identity}},
		"not one that is not ready": {
			func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }, nil,
		},
		"not one that is being deleted": {
			func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }, nil,
		},
		"not one that has ended":        {func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, nil},
		"not one without an address":    {func(p *corev1.Pod) { p.Status.PodIP = "" }, nil},
		"not one on the host's network": {func(p *corev1.Pod) { p.Spec.HostNetwork = true }, nil},
		"not on UDP ports": {
			func(p *corev1.Pod) {
				p.Spec.Containers[0].Ports = append(p.Spec.Containers[0].Ports, corev1.ContainerPort{ContainerPort: 53, Protocol: corev1.ProtocolUDP})
			},
			map[netip.AddrPort]Identity{at: identity},
		},
		"a second container answers with its own image": {
			func(p *corev1.Pod) {
				p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Image: "side:2", Ports: []corev1.ContainerPort{{ContainerPort: 9090, Protocol: corev1.ProtocolTCP}}})
			},
			map[netip.AddrPort]Identity{
				at: identity,
				netip.MustParseAddrPort("10.101.0.5:9090"): {Pod: "web", Namespace: "shop", Cluster: "fra", Node: "fra-0", Image: "side:2"},
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pod := readyPod("web", "10.101.0.5", web)
			test.change(pod)
			got := Desired(Objects{Pods: []*corev1.Pod{pod}}, "fra", gateways).Pods
			if diff := cmp.Diff(test.want, got, equal); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func service(name string, change ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, ClusterIP: "10.151.0.9", ClusterIPs: []string{"10.151.0.9"},
			Ports: []corev1.ServicePort{{Name: "http", Port: 80}},
		},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func slice(of string, ports []discoveryv1.EndpointPort, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: of + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: of}},
		AddressType: discoveryv1.AddressTypeIPv4, Ports: ports, Endpoints: endpoints,
	}
}

func httpOn(port int32) []discoveryv1.EndpointPort {
	return []discoveryv1.EndpointPort{{Name: ptr.To("http"), Port: ptr.To(port)}}
}

func endpoint(addr string, ready *bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: []string{addr}, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
}

func TestForwards(t *testing.T) {
	backend := []netip.AddrPort{netip.MustParseAddrPort("10.101.0.5:8080")}
	cluster, gateway := netip.MustParseAddrPort("10.151.0.9:80"), netip.MustParseAddrPort("10.77.1.100:80")
	tests := map[string]struct {
		service *corev1.Service
		slices  []*discoveryv1.EndpointSlice
		want    map[netip.AddrPort][]netip.AddrPort
	}{
		"a LoadBalancer forwards on both its addresses": {
			service("web"), []*discoveryv1.EndpointSlice{slice("web", httpOn(8080), endpoint("10.101.0.5", ptr.To(true)))},
			map[netip.AddrPort][]netip.AddrPort{cluster: backend, gateway: backend},
		},
		"a ClusterIP Service has no gateway": {
			service("web", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP }),
			[]*discoveryv1.EndpointSlice{slice("web", httpOn(8080), endpoint("10.101.0.5", nil))},
			map[netip.AddrPort][]netip.AddrPort{cluster: backend},
		},
		"a headless Service has nothing to listen on": {
			service("web", func(s *corev1.Service) {
				s.Spec.Type, s.Spec.ClusterIP, s.Spec.ClusterIPs = corev1.ServiceTypeClusterIP, corev1.ClusterIPNone, []string{corev1.ClusterIPNone}
			}),
			[]*discoveryv1.EndpointSlice{slice("web", httpOn(8080), endpoint("10.101.0.5", nil))}, nil,
		},
		"endpoints that are not ready get nothing": {
			service("web"), []*discoveryv1.EndpointSlice{slice("web", httpOn(8080), endpoint("10.101.0.5", ptr.To(false)))}, nil,
		},
		"ports are matched by name": {
			service("web"), []*discoveryv1.EndpointSlice{slice("web", []discoveryv1.EndpointPort{{Name: ptr.To("admin"), Port: ptr.To[int32](9)}}, endpoint("10.101.0.5", nil))}, nil,
		},
		"two slices of one Service are joined, and doubles counted once": {
			service("web"),
			[]*discoveryv1.EndpointSlice{
				slice("web", httpOn(8080), endpoint("10.101.0.7", nil), endpoint("10.101.0.5", nil)),
				slice("web", httpOn(8080), endpoint("10.101.0.5", nil)),
			},
			map[netip.AddrPort][]netip.AddrPort{
				cluster: {backend[0], netip.MustParseAddrPort("10.101.0.7:8080")},
				gateway: {backend[0], netip.MustParseAddrPort("10.101.0.7:8080")},
			},
		},
		"slices of another Service do not count": {
			service("web"), []*discoveryv1.EndpointSlice{slice("other", httpOn(8080), endpoint("10.101.0.5", nil))}, nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Desired(Objects{Services: []*corev1.Service{test.service}, Slices: test.slices}, "fra", gateways).Forwards
			if diff := cmp.Diff(test.want, got, equal); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func created(second int) func(*corev1.Service) {
	return func(s *corev1.Service) { s.CreationTimestamp = metav1.NewTime(time.Unix(int64(second), 0)) }
}

func has(addr string) func(*corev1.Service) {
	return func(s *corev1.Service) {
		s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: addr}}
	}
}

func wants(addr string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.LoadBalancerIP = addr }
}

func TestGatewayAddresses(t *testing.T) {
	tests := map[string]struct {
		services []*corev1.Service
		want     map[string]string
	}{
		"the lowest free, oldest first": {
			[]*corev1.Service{service("b", created(1)), service("a", created(2))},
			map[string]string{"b": "10.77.1.100", "a": "10.77.1.101"},
		},
		"one that has an address keeps it": {
			[]*corev1.Service{service("new", created(1)), service("old", created(2), has("10.77.1.100"))},
			map[string]string{"new": "10.77.1.101", "old": "10.77.1.100"},
		},
		"of two with the same address the older keeps it": {
			[]*corev1.Service{service("b", created(1), has("10.77.1.102")), service("a", created(2), has("10.77.1.102"))},
			map[string]string{"b": "10.77.1.102", "a": "10.77.1.100"},
		},
		"an address of another range is replaced": {
			[]*corev1.Service{service("a", has("10.77.9.9"))}, map[string]string{"a": "10.77.1.100"},
		},
		"a wish is granted if it is free": {
			[]*corev1.Service{service("a", created(1), wants("10.77.1.102")), service("b", created(2), wants("10.77.1.102"))},
			map[string]string{"a": "10.77.1.102", "b": "10.77.1.100"},
		},
		"another implementation's class is left alone": {
			[]*corev1.Service{service("a", func(s *corev1.Service) { s.Spec.LoadBalancerClass = ptr.To("example.org/lb") })}, nil,
		},
		"when the range is used up the youngest gets none": {
			[]*corev1.Service{service("a", created(1)), service("b", created(2)), service("c", created(3)), service("d", created(4))},
			map[string]string{"a": "10.77.1.100", "b": "10.77.1.101", "c": "10.77.1.102"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			for name, addr := range Desired(Objects{Services: test.services}, "fra", gateways).Gateways {
				got[name.Name] = addr.String()
			}
			if diff := cmp.Diff(test.want, got, equal); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestGatewayAddressesAreStable: once the addresses are in the status, no Service that comes or goes
// moves another one, and nothing is left to write.
func TestGatewayAddressesAreStable(t *testing.T) {
	wide := netplan.Range{First: gateways.First, Last: netip.MustParseAddr("10.77.1.250")}
	rapid.Check(t, func(t *rapid.T) {
		var services []*corev1.Service
		have := map[types.NamespacedName]netip.Addr{}
		for step := range rapid.IntRange(1, 20).Draw(t, "steps") {
			if len(services) > 0 && rapid.Bool().Draw(t, "delete") {
				i := rapid.IntRange(0, len(services)-1).Draw(t, "which")
				delete(have, types.NamespacedName{Namespace: "shop", Name: services[i].Name})
				services = append(services[:i:i], services[i+1:]...)
			} else {
				services = append(services, service(fmt.Sprint("s", step), created(rapid.IntRange(0, 3).Draw(t, "created"))))
			}
			assigned := Desired(Objects{Services: services}, "fra", wide).Gateways
			owner := map[netip.Addr]types.NamespacedName{}
			for name, addr := range assigned {
				if old, ok := have[name]; ok && old != addr {
					t.Fatalf("%s moved from %s to %s", name, old, addr)
				}
				if other, taken := owner[addr]; taken {
					t.Fatalf("%s belongs to %s and %s", addr, name, other)
				}
				owner[addr] = name
			}
			for _, s := range services {
				has(assigned[types.NamespacedName{Namespace: s.Namespace, Name: s.Name}].String())(s)
			}
			if left := outdated(services, assigned); len(left) > 0 {
				t.Fatalf("still to be written: %v", left)
			}
			have = assigned
		}
	})
}
