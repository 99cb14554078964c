package diff

import (
	"fmt"
	"io"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
)

// contents are what the files hold.
type contents struct {
	cops      []policyv1alpha1.ClusterOverridePolicy
	ops       []policyv1alpha1.OverridePolicy
	templates []*unstructured.Unstructured
}

func readFiles(paths []string, stdin io.Reader) (*contents, error) {
	out := &contents{}
	return out, hubclient.ReadFiles(paths, stdin, out.add)
}

func (c *contents) add(obj *unstructured.Unstructured, doc []byte) error {
	switch obj.GroupVersionKind() {
	case policyv1alpha1.GroupVersion.WithKind("ClusterOverridePolicy"):
		p := policyv1alpha1.ClusterOverridePolicy{}
		if err := read(doc, &p); err != nil {
			return err
		}
		c.cops = append(c.cops, p)
	case policyv1alpha1.GroupVersion.WithKind("OverridePolicy"):
		p := policyv1alpha1.OverridePolicy{}
		if err := read(doc, &p); err != nil {
			return err
		}
		c.ops = append(c.ops, p)
	default:
		c.templates = append(c.templates, obj)
	}
	return nil
}

// read decodes a policy. A field that it does not have is an error, as it is on the hub.
func read(doc []byte, p policyv1alpha1.Override) error {
	if err := yaml.UnmarshalStrict(doc, p); err != nil {
		return fmt.Errorf("%s: %w", label(p), err)
	}
	return nil
}

// complete makes policies what they would be on the hub; an error says which would be refused.
func (c *contents) complete(namespace string) error {
	for i := range c.ops {
		if c.ops[i].Namespace == "" {
			c.ops[i].Namespace = namespace
		}
	}
	for _, p := range c.policies() {
		validation.DefaultOverride(p)
		if errs := validation.ValidateOverride(p); len(errs) > 0 {
			return fmt.Errorf("%s is not valid: %w", label(p), errs.ToAggregate())
		}
	}
	return nil
}

func (c *contents) policies() (out []policyv1alpha1.Override) {
	for i := range c.cops {
		out = append(out, &c.cops[i])
	}
	for i := range c.ops {
		out = append(out, &c.ops[i])
	}
	return out
}

func label(p policyv1alpha1.Override) string {
	if _, namespaced := p.(*policyv1alpha1.OverridePolicy); !namespaced {
		return "ClusterOverridePolicy " + p.GetName()
	}
	if p.GetNamespace() == "" {
		return "OverridePolicy " + p.GetName()
	}
	return "OverridePolicy " + p.GetNamespace() + "/" + p.GetName()
}

// inPlaceOf puts the policies of files in the place of those of the hub that have their names.
func inPlaceOf[T any, P interface {
	*T
	policyv1alpha1.Override
}](present, own []T) []T {
	out := slices.DeleteFunc(slices.Clone(present), func(p T) bool {
		return slices.ContainsFunc(own, func(o T) bool {
			return P(&o).GetName() == P(&p).GetName() && P(&o).GetNamespace() == P(&p).GetNamespace()
		})
	})
	return append(out, own...)
}

// asTemplate returns an object of a file as the hub would have it in the place of a template; nil when
// it is another object.
func asTemplate(obj, template *unstructured.Unstructured) *unstructured.Unstructured {
	out := obj.DeepCopy()
	if out.GetNamespace() == "" {
		out.SetNamespace(template.GetNamespace())
	}
	if group(out) != group(template) || out.GetName() != template.GetName() || out.GetNamespace() != template.GetNamespace() {
		return nil
	}
	out.SetUID(template.GetUID())
	out.SetGeneration(template.GetGeneration())
	out.SetLabels(withMarks(out.GetLabels(), template.GetLabels(), names.IsOwnershipLabel))
	out.SetAnnotations(withMarks(out.GetAnnotations(), template.GetAnnotations(), names.IsOwnershipAnnotation))
	return out
}

func group(obj *unstructured.Unstructured) schema.GroupKind {
	return obj.GroupVersionKind().GroupKind()
}

// withMarks adds what the hub itself has put onto an object.
func withMarks(own, present map[string]string, isMark func(string) bool) map[string]string {
	for key, value := range present {
		if _, set := own[key]; set || !isMark(key) {
			continue
		}
		if own == nil {
			own = map[string]string{}
		}
		own[key] = value
	}
	return own
}
