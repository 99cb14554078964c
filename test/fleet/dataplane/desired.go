package dataplane

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seaway-io/seaway/test/fleet/netplan"
)

// Objects is what the API server says. Nothing in it is changed.
type Objects struct {
	Pods     []*corev1.Pod
	Services []*corev1.Service
	Slices   []*discoveryv1.EndpointSlice
}

// State is what should be there.
type State struct {
	// Pods maps every address where a pod answers to who answers there.
	Pods map[netip.AddrPort]Identity
	// Forwards maps every Service address to its ready endpoints, sorted. One with no endpoint is
	// absent, so that it refuses connections.
	Forwards map[netip.AddrPort][]netip.AddrPort
	// Gateways gives every LoadBalancer Service its address.
	Gateways map[types.NamespacedName]netip.Addr
}

// Identity is who a pod says it is.
type Identity struct {
	Pod       string `json:"pod"`
	Namespace string `json:"namespace"`
	Cluster   string `json:"cluster"`
	Node      string `json:"node"`
	// Image is that of the container whose port it is.
	Image string `json:"image"`
}

// Desired computes the state of a cluster from its objects. LoadBalancer Services get addresses from
// the range; one that has an address keeps it.
func Desired(objects Objects, cluster string, gateways netplan.Range) State {
	state := State{
		Pods:     podServers(objects.Pods, cluster),
		Forwards: map[netip.AddrPort][]netip.AddrPort{},
		Gateways: assign(objects.Services, gateways),
	}
	endpoints := readyEndpoints(objects.Slices)
	for _, service := range objects.Services {
		name := types.NamespacedName{Namespace: service.Namespace, Name: service.Name}
		addrs := clusterAddrs(service)
		if gateway, ok := state.Gateways[name]; ok {
			addrs = append(addrs, gateway)
		}
		for _, port := range service.Spec.Ports {
			backends := endpoints[endpointKey{name, port.Name}]
			if len(backends) == 0 || !isTCP(port.Protocol) {
				continue
			}
			for _, addr := range addrs {
				state.Forwards[netip.AddrPortFrom(addr, uint16(port.Port))] = backends
			}
		}
	}
	return state
}

// IngressAddr is the address a Service's status names, the zero address if none.
func IngressAddr(service *corev1.Service) netip.Addr {
	if len(service.Status.LoadBalancer.Ingress) != 1 {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(service.Status.LoadBalancer.Ingress[0].IP)
	if err != nil {
		return netip.Addr{}
	}
	return addr
}

func podServers(pods []*corev1.Pod, cluster string) map[netip.AddrPort]Identity {
	servers := map[netip.AddrPort]Identity{}
	for _, pod := range pods {
		addr, err := netip.ParseAddr(pod.Status.PodIP)
		if err != nil || !answers(pod) {
			continue
		}
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				at := netip.AddrPortFrom(addr, uint16(port.ContainerPort))
				if _, taken := servers[at]; !taken && isTCP(port.Protocol) {
					servers[at] = Identity{Pod: pod.Name, Namespace: pod.Namespace, Cluster: cluster, Node: pod.Spec.NodeName, Image: container.Image}
				}
			}
		}
	}
	return servers
}

// answers reports whether a pod serves requests. One on the host's network does not: its ports would
// be the cluster's own.
func answers(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning || pod.Spec.HostNetwork {
		return false
	}
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// assign gives an address to every LoadBalancer Service: the one it has, else the one it asks for,
// else the lowest free. Older Services come first. When the range is used up, the rest get none.
func assign(services []*corev1.Service, gateways netplan.Range) map[types.NamespacedName]netip.Addr {
	var waiting []*corev1.Service
	assigned := map[types.NamespacedName]netip.Addr{}
	taken := map[netip.Addr]bool{}
	try := func(service *corev1.Service, addr netip.Addr) bool {
		if !addr.IsValid() || !gateways.Contains(addr) || taken[addr] {
			return false
		}
		taken[addr] = true
		assigned[types.NamespacedName{Namespace: service.Namespace, Name: service.Name}] = addr
		return true
	}
	for _, service := range slices.SortedFunc(slices.Values(services), byAge) {
		if service.Spec.Type == corev1.ServiceTypeLoadBalancer && service.Spec.LoadBalancerClass == nil && !try(service, IngressAddr(service)) {
			waiting = append(waiting, service)
		}
	}
	for _, service := range waiting {
		if wish, err := netip.ParseAddr(service.Spec.LoadBalancerIP); err == nil && try(service, wish) {
			continue
		}
		for addr := gateways.First; gateways.Contains(addr) && !try(service, addr); {
			addr = addr.Next()
		}
	}
	return assigned
}

func byAge(a, b *corev1.Service) int {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

func clusterAddrs(service *corev1.Service) []netip.Addr {
	var addrs []netip.Addr
	for _, s := range service.Spec.ClusterIPs {
		// "None" and the addresses of another family are no places to listen.
		if addr, err := netip.ParseAddr(s); err == nil && addr.Is4() {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

type endpointKey struct {
	service types.NamespacedName
	port    string
}

func readyEndpoints(all []*discoveryv1.EndpointSlice) map[endpointKey][]netip.AddrPort {
	endpoints := map[endpointKey][]netip.AddrPort{}
	for _, slice := range all {
		service := slice.Labels[discoveryv1.LabelServiceName]
		if service == "" || slice.AddressType != discoveryv1.AddressTypeIPv4 {
			continue
		}
		name := types.NamespacedName{Namespace: slice.Namespace, Name: service}
		for _, port := range slice.Ports {
			if port.Port == nil {
				continue
			}
			key := endpointKey{service: name}
			if port.Name != nil {
				key.port = *port.Name
			}
			for _, addr := range readyAddrs(slice.Endpoints) {
				endpoints[key] = append(endpoints[key], netip.AddrPortFrom(addr, uint16(*port.Port)))
			}
		}
	}
	for key, addrs := range endpoints {
		slices.SortFunc(addrs, netip.AddrPort.Compare)
		endpoints[key] = slices.Compact(addrs)
	}
	return endpoints
}

func readyAddrs(endpoints []discoveryv1.Endpoint) []netip.Addr {
	var addrs []netip.Addr
	for _, endpoint := range endpoints {
		if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready {
			continue
		}
		for _, s := range endpoint.Addresses {
			if addr, err := netip.ParseAddr(s); err == nil {
				addrs = append(addrs, addr)
			}
		}
	}
	return addrs
}

func isTCP(protocol corev1.Protocol) bool { return protocol == "" || protocol == corev1.ProtocolTCP }
