// Package v1alpha1 is Seaway's own API group, traffic.seaway.dev: who may be reached under which
// host name, how requests are steered over clusters, and what was computed from that.
//
// Users write Zone, RegionMap and TrafficPolicy. The planner writes one TrafficPlan for every
// TrafficPolicy; DNS servers write EndpointHealth. Every actuator (DNS, mesh, scaler) acts on the
// TrafficPlan alone, so that `kubectl get trafficplan -o yaml` is the truth about traffic.
//
// +kubebuilder:object:generate=true
// +groupName=traffic.seaway.dev
package v1alpha1
