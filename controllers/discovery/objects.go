package discovery

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// service and slice are what is kept of a Service and an EndpointSlice: a cluster has thousands, and
// all but a few fields would be dead weight. They are never changed once made.

type service struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	addresses []string
	hostname  string
	ports     []Port
}

type slice struct {
	metav1.TypeMeta
	metav1.ObjectMeta

	service string
	family  string
	ready   int32
}

// DeepCopyObject makes a service an object that can be cached.
func (s *service) DeepCopyObject() runtime.Object { c := *s; return &c }

// DeepCopyObject makes a slice an object that can be cached.
func (s *slice) DeepCopyObject() runtime.Object { c := *s; return &c }

func keyOf(o metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}

func (s *slice) serviceKey() types.NamespacedName {
	return types.NamespacedName{Namespace: s.Namespace, Name: s.service}
}

// kept is what a cache needs to know of an object.
func kept(o metav1.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), ResourceVersion: o.GetResourceVersion()}
}

// reduceService is the transform of the watch of Services. An error would keep the whole watch from
// ever arriving, so that an object that can not be read is one without addresses.
func reduceService(obj runtime.Object) (runtime.Object, error) {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return obj, nil // reduced already
	}
	out := &service{ObjectMeta: kept(u)}
	var full corev1.Service
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &full); err != nil {
		return out, nil
	}
	for _, p := range full.Spec.Ports {
		out.ports = append(out.ports, Port{p.Name, p.Port})
	}
	var names []string
	for _, in := range full.Status.LoadBalancer.Ingress {
		if ip, err := netip.ParseAddr(in.IP); err == nil && sendable(ip.Unmap()) {
			out.addresses = append(out.addresses, ip.Unmap().String())
		}
		if in.Hostname != "" {
			names = append(names, in.Hostname)
		}
	}
	slices.Sort(out.addresses)
	out.addresses = slices.Compact(out.addresses)
	if len(out.addresses) == 0 && len(names) > 0 {
		out.hostname = slices.Min(names)
	}
	return out, nil
}

// sendable refuses addresses that would mean another host to every client, and to the prober itself.
func sendable(ip netip.Addr) bool {
	return !ip.IsUnspecified() && !ip.IsLoopback() && !ip.IsMulticast() && !ip.IsLinkLocalUnicast() && ip.Zone() == ""
}

// reduceSlice is the transform of the watch of EndpointSlices; one that can not be read is empty.
func reduceSlice(obj runtime.Object) (runtime.Object, error) {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return obj, nil
	}
	out := &slice{ObjectMeta: kept(u), service: u.GetLabels()[discoveryv1.LabelServiceName]}
	var full discoveryv1.EndpointSlice
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &full); err != nil {
		return out, nil
	}
	out.family = string(full.AddressType)
	for _, e := range full.Endpoints {
		// Not set means ready, by the API's own words.
		if e.Conditions.Ready == nil || *e.Conditions.Ready {
			out.ready++
		}
	}
	return out, nil
}
