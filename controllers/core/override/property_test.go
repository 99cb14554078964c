package override

import (
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"pgregory.net/rapid"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

var (
	pointers = rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "/", "/metadata", "/metadata/", "/metadata/name", "/metadata/name/x", "/metadata/namespace", "/metadata/uid", "/metadata/labels",
			"/metadata/labels/karmada.io~1managed", "/metadata/labels/work.karmada.io~1permanent-id", "/metadata/labels/app", "/metadata/annotations",
			"/kind", "/apiVersion", "/apiVersion/0", "/spec", "/spec/replicas", "/spec/template/spec/containers/0/image", "/spec/template/spec/containers/-",
			"//metadata/name", "/metadata//name", "/~0", "/metadata/labels/propagationpolicy.karmada.io~1permanent-id",
		}),
		rapid.StringMatching(`(/(metadata|labels|name|spec|kind|-|0|-1|~1|a)){0,5}`),
	)
	operators = rapid.SampledFrom([]policyv1alpha1.OverriderOperator{"add", "remove", "replace", "move"})
	values    = rapid.SampledFrom([]string{
		``, `null`, `1`, `"x"`, `[]`, `{}`, `{"name":"evil","namespace":"kube-system"}`, `{"karmada.io/managed":"false"}`, `"nginx:1"`, `[{"name":"a"}]`, `{`,
	})
	keys = rapid.SampledFrom([]string{"app", "a", "karmada.io/managed", "work.karmada.io/permanent-id", "propagationpolicy.karmada.io/permanent-id", "resourcebinding.karmada.io/permanent-id"})
)

func rawValue(t *rapid.T) policyv1alpha1.JSON {
	return policyv1alpha1.JSON{Raw: []byte(values.Draw(t, "value"))}
}

func anyOverriders(t *rapid.T) (o policyv1alpha1.Overriders) {
	few := func(label string) int { return rapid.IntRange(0, 2).Draw(t, label) }
	for range few("plaintext") {
		o.Plaintext = append(o.Plaintext, policyv1alpha1.PlaintextOverrider{Path: pointers.Draw(t, "path"), Operator: operators.Draw(t, "operator"), Value: rawValue(t)})
	}
	for range few("images") {
		image := policyv1alpha1.ImageOverrider{
			Component: rapid.SampledFrom([]policyv1alpha1.ImageComponent{"Registry", "Repository", "Tag"}).Draw(t, "component"),
			Operator:  operators.Draw(t, "operator"), Value: rapid.SampledFrom([]string{"", "x", "a/b:c", "sha256:00"}).Draw(t, "image"),
		}
		if rapid.Bool().Draw(t, "predicate") {
			image.Predicate = &policyv1alpha1.ImagePredicate{Path: pointers.Draw(t, "path")}
		}
		o.ImageOverrider = append(o.ImageOverrider, image)
	}
	for range few("labels") {
		o.LabelsOverrider = append(o.LabelsOverrider, policyv1alpha1.LabelAnnotationOverrider{Operator: operators.Draw(t, "operator"), Value: map[string]string{keys.Draw(t, "key"): "x"}})
	}
	for range few("annotations") {
		o.AnnotationsOverrider = append(o.AnnotationsOverrider, policyv1alpha1.LabelAnnotationOverrider{Operator: operators.Draw(t, "operator"), Value: map[string]string{keys.Draw(t, "key"): "x"}})
	}
	for range few("args") {
		o.ArgsOverrider = append(o.ArgsOverrider, policyv1alpha1.CommandArgsOverrider{ContainerName: "web", Operator: operators.Draw(t, "operator"), Value: []string{"a"}})
	}
	for range few("fields") {
		o.FieldOverrider = append(o.FieldOverrider, policyv1alpha1.FieldOverrider{FieldPath: pointers.Draw(t, "path"),
			YAML: []policyv1alpha1.YAMLPatchOperation{{SubPath: pointers.Draw(t, "sub"), Operator: operators.Draw(t, "operator"), Value: rawValue(t)}}})
	}
	return o
}

// TestIdentityNeverChanges: whatever a policy says, what comes out without an error is the same
// object with the same owner, and still encodes.
func TestIdentityNeverChanges(t *testing.T) {
	template := object(t, deployment)
	template.SetLabels(map[string]string{"app": "web", "karmada.io/managed": "true", "propagationpolicy.karmada.io/permanent-id": "p1"})
	template.SetUID("u1")
	rapid.Check(t, func(t *rapid.T) {
		policy := policyv1alpha1.ClusterOverridePolicy{ObjectMeta: metav1.ObjectMeta{Name: "any"}}
		for range rapid.IntRange(1, 3).Draw(t, "rules") {
			policy.Spec.OverrideRules = append(policy.Spec.OverrideRules, policyv1alpha1.RuleWithCluster{Overriders: anyOverriders(t)})
		}
		obj := template.DeepCopy()
		if _, err := Apply(obj, frankfurt, []policyv1alpha1.ClusterOverridePolicy{policy}, nil); err != nil {
			return
		}
		if changed := identityOf(template).difference(identityOf(obj)); changed != "" {
			t.Fatalf("%s changed: %v", changed, obj.Object)
		}
		if _, err := json.Marshal(obj.Object); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzPlaintext(f *testing.F) {
	f.Add([]byte(`{"metadata":{"name":"a"}}`), "/spec/x", "add", []byte(`{}`))
	f.Add([]byte(`{"spec":[1,[2]]}`), "/spec/1/-1", "replace", []byte(`null`))
	f.Add([]byte(`{"metadata":[],"spec":"x"}`), "/metadata/0", "remove", []byte(`{`))
	f.Add([]byte(`{"metadata":{"labels":[]}}`), "/metadata/labels/0", "add", []byte(`"karmada.io/managed"`))
	f.Fuzz(func(t *testing.T, data []byte, path, operator string, value []byte) {
		obj := &unstructured.Unstructured{}
		if utiljson.Unmarshal(data, &obj.Object) != nil || obj.Object == nil {
			return
		}
		before := identityOf(obj)
		policy := policyv1alpha1.ClusterOverridePolicy{ObjectMeta: metav1.ObjectMeta{Name: "any"}}
		op := policyv1alpha1.OverriderOperator(operator)
		policy.Spec.Overriders = policyv1alpha1.Overriders{
			Plaintext:       []policyv1alpha1.PlaintextOverrider{{Path: path, Operator: op, Value: policyv1alpha1.JSON{Raw: value}}},
			FieldOverrider:  []policyv1alpha1.FieldOverrider{{FieldPath: path, JSON: []policyv1alpha1.JSONPatchOperation{{SubPath: path, Operator: op, Value: policyv1alpha1.JSON{Raw: value}}}}},
			LabelsOverrider: []policyv1alpha1.LabelAnnotationOverrider{{Operator: op, Value: map[string]string{path: string(value)}}},
		}
		if _, err := Apply(obj, frankfurt, []policyv1alpha1.ClusterOverridePolicy{policy}, nil); err != nil {
			return
		}
		if changed := before.difference(identityOf(obj)); changed != "" {
			t.Fatalf("%s changed", changed)
		}
	})
}
