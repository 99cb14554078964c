package interpret

import (
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seaway-io/seaway/api/names"
)

// keep copies a field from the observed to the desired object. A field that the member does not
// have is left as desired.
func keep(desired, observed *unstructured.Unstructured, path ...string) error {
	value, found, err := unstructured.NestedFieldNoCopy(observed.Object, path...)
	if err != nil || !found || value == nil {
		return err
	}
	if err := unstructured.SetNestedField(desired.Object, value, path...); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(path, "."), err)
	}
	return nil
}

// keepIfUnset is keep for a field that the template may decide.
func keepIfUnset(desired, observed *unstructured.Unstructured, path ...string) error {
	value, found, err := unstructured.NestedFieldNoCopy(desired.Object, path...)
	if err != nil || (found && value != nil && value != "") {
		return err
	}
	return keep(desired, observed, path...)
}

func retainReplicas(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if desired.GetLabels()[names.RetainReplicasLabel] != "true" {
		return desired, nil
	}
	return desired, keep(desired, observed, "spec", "replicas")
}

// retainJob keeps the selector that the member's API server generated, for it cannot be changed; and
// the size of a Job that has ended, for there is nothing left to size when its clusters change.
func retainJob(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	status, _, err := section[batchv1.JobStatus](observed, "status")
	if err != nil {
		return nil, err
	}
	if jobEnded(status.Conditions) {
		for _, field := range []string{"completions", "parallelism"} {
			if err := keep(desired, observed, "spec", field); err != nil {
				return nil, err
			}
		}
	}
	if err := keep(desired, observed, "spec", "selector", "matchLabels"); err != nil {
		return nil, err
	}
	return desired, keep(desired, observed, "spec", "template", "metadata", "labels")
}

// retainPod keeps what admission and the scheduler of the member filled in, and the containers that
// somebody debugs with there: they can not be taken out of a pod again.
func retainPod(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	for _, field := range []string{"nodeName", "serviceAccountName", "volumes", "ephemeralContainers"} {
		if err := keep(desired, observed, "spec", field); err != nil {
			return nil, err
		}
	}
	for _, field := range []string{"containers", "initContainers"} {
		if err := keepByName(desired, observed, "volumeMounts", "spec", field); err != nil {
			return nil, err
		}
	}
	return desired, nil
}

// keepByName keeps one field of the items of a list. Items belong together by name.
func keepByName(desired, observed *unstructured.Unstructured, field string, path ...string) error {
	theirs, err := items(observed, path...)
	if err != nil {
		return err
	}
	ours, err := items(desired, path...)
	if err != nil || len(ours) == 0 {
		return err
	}
	kept := map[string]any{}
	for _, item := range theirs {
		if name, ok := item["name"].(string); ok && item[field] != nil {
			kept[name] = item[field]
		}
	}
	for _, item := range ours {
		if name, ok := item["name"].(string); ok && kept[name] != nil {
			item[field] = kept[name]
		}
	}
	return nil
}

// items returns the objects in a list without copying them.
func items(obj *unstructured.Unstructured, path ...string) ([]map[string]any, error) {
	value, found, err := unstructured.NestedFieldNoCopy(obj.Object, path...)
	if err != nil || !found || value == nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: must be a list, is %T", strings.Join(path, "."), value)
	}
	out := make([]map[string]any, 0, len(list))
	for i, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s[%d]: must be an object, is %T", strings.Join(path, "."), i, item)
		}
		out = append(out, object)
	}
	return out, nil
}

// retainService keeps what the member's API server allocated: the cluster addresses and the health
// check port always, node ports where the template leaves them open. The API server would not let
// go of them anyway; keeping them lets an unchanged Service compare equal.
func retainService(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	port, _, err := integer(observed.Object, "spec", "healthCheckNodePort")
	if err != nil {
		return nil, err
	}
	if port > 0 {
		if err := keep(desired, observed, "spec", "healthCheckNodePort"); err != nil {
			return nil, err
		}
	}
	address, _, err := unstructured.NestedString(observed.Object, "spec", "clusterIP")
	if err != nil {
		return nil, err
	}
	if address != "" {
		for _, field := range []string{"clusterIP", "clusterIPs"} {
			if err := keep(desired, observed, "spec", field); err != nil {
				return nil, err
			}
		}
	}
	return desired, keepNodePorts(desired, observed)
}

func keepNodePorts(desired, observed *unstructured.Unstructured) error {
	serviceType, _, err := unstructured.NestedString(desired.Object, "spec", "type")
	if err != nil {
		return err
	}
	if serviceType != string(corev1.ServiceTypeNodePort) && serviceType != string(corev1.ServiceTypeLoadBalancer) {
		return nil
	}
	theirs, err := items(observed, "spec", "ports")
	if err != nil {
		return err
	}
	ours, err := items(desired, "spec", "ports")
	if err != nil {
		return err
	}
	allocated := map[[2]string]any{}
	for _, port := range theirs {
		allocated[portKey(port)] = port["nodePort"]
	}
	for _, port := range ours {
		if nodePort := allocated[portKey(port)]; port["nodePort"] == nil && nodePort != nil {
			port["nodePort"] = nodePort
		}
	}
	return nil
}

func portKey(port map[string]any) [2]string {
	protocol, _ := port["protocol"].(string)
	if protocol == "" {
		protocol = string(corev1.ProtocolTCP)
	}
	return [2]string{protocol, fmt.Sprint(port["port"])}
}

// retainServiceAccount keeps the secrets that the member added.
func retainServiceAccount(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	for _, field := range []string{"secrets", "imagePullSecrets"} {
		theirs, err := items(observed, field)
		if err != nil {
			return nil, err
		}
		ours, err := items(desired, field)
		if err != nil {
			return nil, err
		}
		seen := map[any]bool{}
		var union []any
		for _, reference := range append(ours, theirs...) {
			name, _ := reference["name"].(string)
			if !seen[name] {
				seen[name] = true
				union = append(union, reference)
			}
		}
		if len(union) > 0 {
			desired.Object[field] = union
		}
	}
	return desired, nil
}

// retainVolumeClaim keeps the volume the claim is bound to, and the class and mode that the member
// filled in, for they cannot be changed either.
func retainVolumeClaim(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if err := keep(desired, observed, "spec", "volumeName"); err != nil {
		return nil, err
	}
	for _, field := range []string{"storageClassName", "volumeMode"} {
		if err := keepIfUnset(desired, observed, "spec", field); err != nil {
			return nil, err
		}
	}
	return desired, nil
}

func retainVolume(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return desired, keep(desired, observed, "spec", "claimRef")
}

// retainSecret keeps the token that the member issued.
func retainSecret(desired, observed *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if desired.Object["type"] != string(corev1.SecretTypeServiceAccountToken) {
		return desired, nil
	}
	return desired, keep(desired, observed, "data")
}
