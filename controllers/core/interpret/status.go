package interpret

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// setStatus overlays some fields of the template's status with typed values. It returns the template
// itself when all of them have their value already.
func setStatus(template *unstructured.Unstructured, fields map[string]any) (*unstructured.Unstructured, error) {
	present, _, err := unstructured.NestedFieldNoCopy(template.Object, "status")
	if err != nil {
		return nil, err
	}
	before, ok := present.(map[string]any)
	if present != nil && !ok {
		return nil, fmt.Errorf("status: must be an object, is %T", present)
	}
	after := make(map[string]any, len(before)+len(fields))
	for field, value := range before {
		after[field] = value
	}
	changed := false
	for field, value := range fields {
		if same(before[field], value) {
			continue
		}
		changed = true
		if after[field], err = plain(value); err != nil {
			return nil, fmt.Errorf("status.%s: %w", field, err)
		}
		if after[field] == nil {
			delete(after, field)
		}
	}
	if !changed {
		return template, nil
	}
	return withStatus(template, after), nil
}

// same compares a field as it is with a typed value, as typed values: an API server of another
// version may leave out or fill in fields that mean nothing, and to write those again would never end.
func same(present, value any) bool {
	decoded := reflect.New(reflect.TypeOf(value))
	if present != nil {
		data, err := json.Marshal(present)
		if err != nil || json.Unmarshal(data, decoded.Interface()) != nil {
			return false
		}
	}
	return equality.Semantic.DeepEqual(decoded.Elem().Interface(), value)
}

// plain turns a typed value into the form it has in an unstructured object.
func plain(value any) (out any, err error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return out, utiljson.Unmarshal(data, &out)
}

// each decodes the statuses that have been reported and hands them on with their items. The status
// is nil for a cluster that has not reported.
func each[T any](items []workv1alpha2.AggregatedStatusItem, use func(cluster string, status *T)) error {
	for _, item := range items {
		status, found, err := decodeItemInto[T](item)
		if err != nil {
			return err
		}
		if !found {
			use(item.ClusterName, nil)
			continue
		}
		use(item.ClusterName, &status)
	}
	return nil
}

// reflectService brings home the addresses of a load balancer; other Services have no status.
func reflectService(obj *unstructured.Unstructured) (*runtime.RawExtension, error) {
	serviceType, _, err := unstructured.NestedString(obj.Object, "spec", "type")
	if err != nil || serviceType != string(corev1.ServiceTypeLoadBalancer) {
		return nil, err
	}
	status, found, err := section[corev1.ServiceStatus](obj, "status")
	if err != nil || !found {
		return nil, err
	}
	return raw(corev1.ServiceStatus{LoadBalancer: status.LoadBalancer})
}

func aggregateService(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	serviceType, _, err := unstructured.NestedString(template.Object, "spec", "type")
	if err != nil || serviceType != string(corev1.ServiceTypeLoadBalancer) {
		return template, err
	}
	var all []corev1.LoadBalancerIngress
	err = each(items, func(_ string, status *corev1.ServiceStatus) {
		if status != nil {
			all = append(all, status.LoadBalancer.Ingress...)
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		// what the API server would fill in for a member too old to say it
		if all[i].IP != "" && all[i].IPMode == nil {
			mode := corev1.LoadBalancerIPModeVIP
			all[i].IPMode = &mode
		}
	}
	return setStatus(template, map[string]any{"loadBalancer": corev1.LoadBalancerStatus{Ingress: distinct(all,
		func(a corev1.LoadBalancerIngress) (string, string) { return a.IP, a.Hostname })}})
}

func aggregateIngress(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	var all []networkingv1.IngressLoadBalancerIngress
	err := each(items, func(_ string, status *networkingv1.IngressStatus) {
		if status != nil {
			all = append(all, status.LoadBalancer.Ingress...)
		}
	})
	if err != nil {
		return nil, err
	}
	return setStatus(template, map[string]any{"loadBalancer": networkingv1.IngressLoadBalancerStatus{Ingress: distinct(all,
		func(a networkingv1.IngressLoadBalancerIngress) (string, string) { return a.IP, a.Hostname })}})
}

// distinct sorts addresses and keeps the first of those that are the same.
func distinct[T any](all []T, key func(T) (ip, host string)) []T {
	slices.SortStableFunc(all, func(a, b T) int {
		ipA, hostA := key(a)
		ipB, hostB := key(b)
		return cmp.Or(cmp.Compare(ipA, ipB), cmp.Compare(hostA, hostB))
	})
	return slices.CompactFunc(all, func(a, b T) bool {
		ipA, hostA := key(a)
		ipB, hostB := key(b)
		return ipA == ipB && hostA == hostB
	})
}

// aggregatePod shows the containers of all clusters and the phase that needs the most attention.
func aggregatePod(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	before, _, err := section[corev1.PodStatus](template, "status")
	if err != nil {
		return nil, err
	}
	containers, initContainers := containersAfter(before.ContainerStatuses), containersAfter(before.InitContainerStatuses)
	phases := map[corev1.PodPhase]bool{}
	err = each(items, func(cluster string, status *corev1.PodStatus) {
		if status == nil || status.Phase == "" {
			phases[corev1.PodPending] = true
			return
		}
		phases[status.Phase] = true
		containers.add(cluster, status.ContainerStatuses)
		initContainers.add(cluster, status.InitContainerStatuses)
	})
	if err != nil || len(items) == 0 {
		return template, err
	}
	fields := map[string]any{"containerStatuses": containers.all, "initContainerStatuses": initContainers.all}
	for _, phase := range []corev1.PodPhase{corev1.PodFailed, corev1.PodPending, corev1.PodRunning, corev1.PodSucceeded} {
		if phases[phase] {
			fields["phase"] = phase
			break
		}
	}
	return setStatus(template, fields)
}

// containers are those of a pod in all clusters, with what is worth knowing from afar. Their names tell
// the clusters apart: an API server takes two statuses of one name for the same container.
type containers struct {
	all []corev1.ContainerStatus
	// before says of each name that is there whether its container has ended.
	before map[string]bool
}

func containersAfter(before []corev1.ContainerStatus) *containers {
	c := &containers{all: []corev1.ContainerStatus{}, before: make(map[string]bool, len(before))}
	for i := range before {
		c.before[before[i].Name] = before[i].State.Terminated != nil
	}
	return c
}

func (c *containers) add(cluster string, statuses []corev1.ContainerStatus) {
	for _, s := range statuses {
		name := c.name(cluster+"/"+s.Name, s.State.Terminated != nil)
		c.all = append(c.all, corev1.ContainerStatus{Name: name, Ready: s.Ready, State: s.State})
	}
}

// name is the one of two that a container has already, or else the first that is free. An API server
// refuses that what has ended runs again under the same name, unless the pod's own spec lets a container
// of that name restart. So what comes back takes the other name.
func (c *containers) name(first string, ended bool) string {
	names := []string{first, first + "/restarted"}
	for _, name := range names {
		if was, there := c.before[name]; there && (ended || !was) {
			return name
		}
	}
	if c.before[first] {
		return names[1]
	}
	return first
}

func aggregateVolume(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	phases := map[corev1.PersistentVolumePhase]bool{}
	err := each(items, func(_ string, status *corev1.PersistentVolumeStatus) {
		if status != nil {
			phases[status.Phase] = true
		}
	})
	if err != nil {
		return nil, err
	}
	for _, phase := range []corev1.PersistentVolumePhase{
		corev1.VolumeFailed, corev1.VolumePending, corev1.VolumeAvailable, corev1.VolumeBound, corev1.VolumeReleased} {
		if phases[phase] {
			return setStatus(template, map[string]any{"phase": phase})
		}
	}
	return template, nil
}

func aggregateVolumeClaim(template *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
	var phase corev1.PersistentVolumeClaimPhase
	err := each(items, func(_ string, status *corev1.PersistentVolumeClaimStatus) {
		switch {
		case status == nil || status.Phase == "" || phase == corev1.ClaimLost:
		case phase == "" || status.Phase != corev1.ClaimBound:
			phase = status.Phase
		}
	})
	if err != nil || phase == "" {
		return template, err
	}
	return setStatus(template, map[string]any{"phase": phase})
}
