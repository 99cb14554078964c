package explain

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// contents are what the files of a dry run hold.
type contents struct {
	policies  []policyv1alpha1.Propagation
	templates []*unstructured.Unstructured
}

func readFiles(paths []string, stdin io.Reader) (*contents, error) {
	out := &contents{}
	for _, path := range paths {
		in := stdin
		if path != "-" {
			f, err := os.Open(path)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			in = f
		}
		if err := out.read(in); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(out.policies) == 0 {
		return nil, errors.New("there is no PropagationPolicy or ClusterPropagationPolicy in the files")
	}
	return out, nil
}

// read reads the documents of one file, YAML or JSON.
func (c *contents) read(in io.Reader) error {
	docs := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for n := 1; ; n++ {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(doc)) == 0 {
			continue
		}
		if err := c.add(doc); err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
	}
}

// add takes one document. A field that a policy does not have is an error, as it is on the hub.
func (c *contents) add(doc []byte) error {
	obj := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(doc, &obj.Object); err != nil {
		return err
	}
	switch {
	case len(obj.Object) == 0: // nothing but comments
		return nil
	case obj.IsList():
		return obj.EachListItem(func(item runtime.Object) error {
			one, err := yaml.Marshal(item)
			if err != nil {
				return err
			}
			return c.add(one)
		})
	case obj.GetKind() == "" || obj.GetAPIVersion() == "" || obj.GetName() == "":
		return errors.New("an object needs apiVersion, kind and metadata.name")
	}
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
