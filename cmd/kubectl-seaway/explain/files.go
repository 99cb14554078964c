package explain

import (
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
)

// contents are what the files of a dry run hold.
type contents struct {
	policies  []policyv1alpha1.Propagation
	templates []*unstructured.Unstructured
}

func readFiles(paths []string, stdin io.Reader) (*contents, error) {
	out := &contents{}
	if err := hubclient.ReadFiles(paths, stdin, out.add); err != nil {
		return nil, err
	}
	if len(out.policies) == 0 {
		return nil, errors.New("there is no PropagationPolicy or ClusterPropagationPolicy in the files")
	}
	return out, nil
}

// add takes one object. A field that a policy does not have is an error, as it is on the hub.
func (c *contents) add(obj *unstructured.Unstructured, doc []byte) error {
	var p policyv1alpha1.Propagation
	switch obj.GroupVersionKind() {
	case policyv1alpha1.GroupVersion.WithKind("PropagationPolicy"):
		p = &policyv1alpha1.PropagationPolicy{}
	case policyv1alpha1.GroupVersion.WithKind("ClusterPropagationPolicy"):
		p = &policyv1alpha1.ClusterPropagationPolicy{}
	default:
		c.templates = append(c.templates, obj)
		return nil
	}
	if err := yaml.UnmarshalStrict(doc, p); err != nil {
		return fmt.Errorf("%s %s: %w", obj.GetKind(), obj.GetName(), err)
	}
	c.policies = append(c.policies, p)
	return nil
}
