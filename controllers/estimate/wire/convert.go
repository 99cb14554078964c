package wire

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Requirements puts what a replica asks for on the wire; nil stays nil.
func Requirements(in *workv1alpha2.ReplicaRequirements) (*ReplicaRequirements, error) {
	if in == nil {
		return nil, nil
	}
	claim, err := claimOf(in.NodeClaim)
	if err != nil {
		return nil, err
	}
	request, err := bytesOf(in.ResourceRequest)
	if err != nil {
		return nil, err
	}
	return &ReplicaRequirements{NodeClaim: claim, Namespace: in.Namespace, PriorityClassName: in.PriorityClassName, ResourceRequestBytes: request}, nil
}

// Components puts the parts of a workload on the wire.
func Components(in []workv1alpha2.Component) ([]*Component, error) {
	var out []*Component
	for _, c := range in {
		part := &Component{Name: c.Name, Replicas: c.Replicas}
		if req := c.ReplicaRequirements; req != nil {
			claim, err := claimOf(req.NodeClaim)
			if err != nil {
				return nil, err
			}
			request, err := bytesOf(req.ResourceRequest)
			if err != nil {
				return nil, err
			}
			part.ReplicaRequirements = &ComponentReplicaRequirements{NodeClaim: claim, PriorityClassName: req.PriorityClassName, ResourceRequestBytes: request}
		}
		out = append(out, part)
	}
	return out, nil
}

func claimOf(in *workv1alpha2.NodeClaim) (*NodeClaim, error) {
	if in == nil {
		return nil, nil
	}
	out := &NodeClaim{NodeSelector: in.NodeSelector}
	var err error
	if in.HardNodeAffinity != nil {
		if out.NodeAffinityBytes, err = in.HardNodeAffinity.Marshal(); err != nil {
			return nil, fmt.Errorf("hardNodeAffinity: %w", err)
		}
	}
	for i := range in.Tolerations {
		b, err := in.Tolerations[i].Marshal()
		if err != nil {
			return nil, fmt.Errorf("tolerations[%d]: %w", i, err)
		}
		out.TolerationsBytes = append(out.TolerationsBytes, b)
	}
	return out, nil
}

func bytesOf(in corev1.ResourceList) (map[string][]byte, error) {
	if len(in) == 0 {
		return nil, nil
	}
	out := make(map[string][]byte, len(in))
	for name, q := range in {
		b, err := q.Marshal()
		if err != nil {
			return nil, fmt.Errorf("resourceRequest[%s]: %w", name, err)
		}
		out[string(name)] = b
	}
	return out, nil
}

// Read takes what a replica asks for from the wire; nil stays nil. An error names the field.
func (x *ReplicaRequirements) Read() (*workv1alpha2.ReplicaRequirements, error) {
	if x == nil {
		return nil, nil
	}
	claim, err := x.NodeClaim.read()
	if err != nil {
		return nil, err
	}
	request, err := readRequest(x.ResourceRequestBytes)
	if err != nil {
		return nil, err
	}
	return &workv1alpha2.ReplicaRequirements{NodeClaim: claim, ResourceRequest: request, Namespace: x.Namespace, PriorityClassName: x.PriorityClassName}, nil
}

// Read takes a part of a workload from the wire.
func (x *Component) Read() (workv1alpha2.Component, error) {
	out := workv1alpha2.Component{Name: x.GetName(), Replicas: x.GetReplicas()}
	req := x.GetReplicaRequirements()
	if req == nil {
		return out, nil
	}
	claim, err := req.NodeClaim.read()
	if err != nil {
		return out, fmt.Errorf("component %q: %w", out.Name, err)
	}
	request, err := readRequest(req.ResourceRequestBytes)
	if err != nil {
		return out, fmt.Errorf("component %q: %w", out.Name, err)
	}
	out.ReplicaRequirements = &workv1alpha2.ComponentReplicaRequirements{NodeClaim: claim, ResourceRequest: request, PriorityClassName: req.PriorityClassName}
	return out, nil
}

func (x *NodeClaim) read() (*workv1alpha2.NodeClaim, error) {
	if x == nil {
		return nil, nil
	}
	out := &workv1alpha2.NodeClaim{NodeSelector: x.NodeSelector}
	if len(x.NodeAffinityBytes) > 0 {
		out.HardNodeAffinity = &corev1.NodeSelector{}
		if err := out.HardNodeAffinity.Unmarshal(x.NodeAffinityBytes); err != nil {
			return nil, fmt.Errorf("nodeAffinityBytes is not a NodeSelector: %w", err)
		}
	}
	for i, b := range x.TolerationsBytes {
		var t corev1.Toleration
		if err := t.Unmarshal(b); err != nil {
			return nil, fmt.Errorf("tolerationsBytes[%d] is not a Toleration: %w", i, err)
		}
		out.Tolerations = append(out.Tolerations, t)
	}
	return out, nil
}

func readRequest(in map[string][]byte) (corev1.ResourceList, error) {
	if len(in) == 0 {
		return nil, nil
	}
	out := make(corev1.ResourceList, len(in))
	for name, b := range in {
		var q resource.Quantity
		if err := q.Unmarshal(b); err != nil {
			return nil, fmt.Errorf("resourceRequestBytes[%q] is not a Quantity: %w", name, err)
		}
		out[corev1.ResourceName(name)] = q
	}
	return out, nil
}
