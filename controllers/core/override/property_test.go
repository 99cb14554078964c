package override

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"pgregory.net/rapid"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
)

// template has every mark that an object can have, and documents in its annotations.
const template = `
apiVersion: apps/v1
kind: Deployment
metadata:
  namespace: shop
  name: web
  uid: u1
  labels: {app: web, karmada.io/managed: "true", propagationpolicy.karmada.io/permanent-id: p1, work.karmada.io/permanent-id: w1}
  annotations:
    doc: '{"metadata":{"name":"web"},"list":[1]}'
    propagationpolicy.karmada.io/name: web
    work.karmada.io/name: web-1
    resourcetemplate.karmada.io/managed-labels: '{"a":1}'
spec:
  replicas: 2
  template: {spec: {containers: [{name: web, image: "nginx:1.27", args: [a]}]}}
`

var (
	pointers = rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "/", "/metadata", "/metadata/", "/metadata/name", "/metadata/name/x", "/metadata/namespace", "/metadata/uid", "/metadata/labels",
			"/metadata/labels/karmada.io~1managed", "/metadata/labels/work.karmada.io~1permanent-id", "/metadata/labels/app", "/metadata/annotations",
			"/kind", "/apiVersion", "/apiVersion/0", "/spec", "/spec/replicas", "/spec/template/spec/containers/0/image", "/spec/template/spec/containers/-",
			"//metadata/name", "/metadata//name", "/~0", "/metadata/labels/propagationpolicy.karmada.io~1permanent-id",
			"/metadata/annotations/doc", "/metadata/annotations/doc/metadata/name", "/metadata/annotations/work.karmada.io~1name",
			"/metadata/annotations/resourcetemplate.karmada.io~1managed-labels", "/metadata/labels/-", "/metadata/labels/0",
			"/metadata/annotations/resourcetemplate.karmada.io~01uid", "/metadata/annotations/resourcetemplate.karmada.io~1uid", "/list/0", "/list/-",
		}),
		rapid.StringMatching(`(/(metadata|labels|annotations|name|spec|kind|-|0|-1|~1|~0|~|a|karmada.io~1managed)){0,5}`),
	)
	operators = rapid.SampledFrom([]policyv1alpha1.OverriderOperator{"add", "remove", "replace", "move"})
	values    = rapid.SampledFrom([]string{
		``, `null`, `1`, `"x"`, `[]`, `{}`, `{"name":"evil","namespace":"kube-system"}`, `{"karmada.io/managed":"false"}`, `"nginx:1"`, `[{"name":"a"}]`, `{`,
		`{"app":"y"}`, `{"app":1}`, `{"a":null}`, `{"work.karmada.io/name":"evil"}`, `{"labels":{"karmada.io/managed":"false"}}`,
	})
	keys = rapid.OneOf(rapid.SampledFrom([]string{
		"app", "a", "karmada.io/managed", "work.karmada.io/permanent-id", "propagationpolicy.karmada.io/permanent-id", "resourcebinding.karmada.io/permanent-id",
		"work.karmada.io/conflict-resolution", "resourcetemplate.karmada.io/uid", "propagationpolicy.karmada.io/namespace", "resourcetemplate.karmada.io/retain-replicas",
		"Karmada.io/managed", "karmada.io~1managed", "/metadata/name", "", "doc",
	}), rapid.String())
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
		f := policyv1alpha1.FieldOverrider{FieldPath: pointers.Draw(t, "path")}
		if rapid.Bool().Draw(t, "json") {
			f.JSON = []policyv1alpha1.JSONPatchOperation{{SubPath: pointers.Draw(t, "sub"), Operator: operators.Draw(t, "operator"), Value: rawValue(t)}}
		} else {
			f.YAML = []policyv1alpha1.YAMLPatchOperation{{SubPath: pointers.Draw(t, "sub"), Operator: operators.Draw(t, "operator"), Value: rawValue(t)}}
		}
		o.FieldOverrider = append(o.FieldOverrider, f)
	}
	return o
}

// TestIdentityNeverChanges: whatever a policy says, what comes out without an error is the same
// object with the same owner, whose labels and annotations can be read, and still encodes.
func TestIdentityNeverChanges(t *testing.T) {
	template := object(t, template)
	rapid.Check(t, func(t *rapid.T) {
		policy := policyv1alpha1.ClusterOverridePolicy{ObjectMeta: metav1.ObjectMeta{Name: "any"}}
		for range rapid.IntRange(1, 3).Draw(t, "rules") {
			policy.Spec.OverrideRules = append(policy.Spec.OverrideRules, policyv1alpha1.RuleWithCluster{Overriders: anyOverriders(t)})
		}
		obj := template.DeepCopy()
		if _, err := unchecked(obj, []policyv1alpha1.ClusterOverridePolicy{policy}, nil); err != nil {
			return
		}
		if changed := IdentityOf(template).Difference(IdentityOf(obj)); changed != "" {
			t.Fatalf("%s changed: %v", changed, obj.Object)
		}
		if obj.GetLabels()["karmada.io/managed"] != "true" || obj.GetAnnotations()["work.karmada.io/name"] != "web-1" {
			t.Fatalf("labels or annotations are no maps of strings: %v", obj.Object)
		}
		if _, err := json.Marshal(obj.Object); err != nil {
			t.Fatal(err)
		}
	})
}

// TestAdmissionAgrees: what admission lets pass is never refused later because of whose object it is,
// and what it refuses for that reason never applies. Which fields a template has, it does not know.
func TestAdmissionAgrees(t *testing.T) {
	const refusal = "an override can not change"
	template := object(t, template)
	rapid.Check(t, func(t *rapid.T) {
		policy := policyv1alpha1.ClusterOverridePolicy{ObjectMeta: metav1.ObjectMeta{Name: "any"}}
		policy.Spec.Overriders = anyOverriders(t)
		admission := validation.ValidateOverride(&policy).ToAggregate()
		refused := admission != nil && strings.Contains(admission.Error(), refusal)
		_, err := unchecked(template.DeepCopy(), []policyv1alpha1.ClusterOverridePolicy{policy}, nil)
		switch late := err != nil && strings.Contains(err.Error(), refusal); {
		case refused && err == nil:
			t.Fatalf("admission refuses what applies: %v", admission)
		case late && admission == nil:
			t.Fatalf("admission lets pass what is refused: %v", err)
		}
	})
}

func FuzzPlaintext(f *testing.F) {
	f.Add([]byte(`{"metadata":{"name":"a"}}`), "/spec/x", "add", []byte(`{}`))
	f.Add([]byte(`{"spec":[1,[2]]}`), "/spec/1/-1", "replace", []byte(`null`))
	f.Add([]byte(`{"metadata":[],"spec":"x"}`), "/metadata/0", "remove", []byte(`{`))
	f.Add([]byte(`{"metadata":{"labels":[]}}`), "/metadata/labels/0", "add", []byte(`"karmada.io/managed"`))
	f.Add([]byte(`{"metadata":{"annotations":{"a":"{\"b\":1}","work.karmada.io/name":"x"}}}`), "/metadata/annotations/a", "remove", []byte(`1`))
	f.Fuzz(func(t *testing.T, data []byte, path, operator string, value []byte) {
		obj := &unstructured.Unstructured{}
		if utiljson.Unmarshal(data, &obj.Object) != nil || obj.Object == nil {
			return
		}
		before := IdentityOf(obj)
		op, raw := policyv1alpha1.OverriderOperator(operator), policyv1alpha1.JSON{Raw: value}
		for name, o := range map[string]policyv1alpha1.Overriders{
			"plaintext":   {Plaintext: []policyv1alpha1.PlaintextOverrider{{Path: path, Operator: op, Value: raw}}},
			"json":        {FieldOverrider: []policyv1alpha1.FieldOverrider{{FieldPath: path, JSON: []policyv1alpha1.JSONPatchOperation{{SubPath: path, Operator: op, Value: raw}}}}},
			"yaml":        {FieldOverrider: []policyv1alpha1.FieldOverrider{{FieldPath: path, YAML: []policyv1alpha1.YAMLPatchOperation{{SubPath: "", Operator: op, Value: raw}}}}},
			"labels":      {LabelsOverrider: []policyv1alpha1.LabelAnnotationOverrider{{Operator: op, Value: map[string]string{path: string(value)}}}},
			"annotations": {AnnotationsOverrider: []policyv1alpha1.LabelAnnotationOverrider{{Operator: op, Value: map[string]string{path: string(value)}}}},
			"image":       {ImageOverrider: []policyv1alpha1.ImageOverrider{{Component: "Tag", Operator: op, Value: string(value), Predicate: &policyv1alpha1.ImagePredicate{Path: path}}}},
		} {
			policy := policyv1alpha1.ClusterOverridePolicy{ObjectMeta: metav1.ObjectMeta{Name: "any"}}
			policy.Spec.Overriders = o
			got := obj.DeepCopy()
			if _, err := unchecked(got, []policyv1alpha1.ClusterOverridePolicy{policy}, nil); err != nil {
				continue
			}
			if changed := before.Difference(IdentityOf(got)); changed != "" {
				t.Fatalf("%s: %s changed", name, changed)
			}
		}
	})
}

// TestManyRules: twice the rules take about twice the memory, whatever they grow: none copies what those
// before it have made.
func TestManyRules(t *testing.T) {
	field := func(i int, change func(n string) policyv1alpha1.Overriders) policyv1alpha1.RuleWithCluster {
		return policyv1alpha1.RuleWithCluster{Overriders: change(fmt.Sprint("k", i))}
	}
	raw := policyv1alpha1.JSON{Raw: []byte(`"value"`)}
	for name, change := range map[string]func(n string) policyv1alpha1.Overriders{
		"labels": func(n string) policyv1alpha1.Overriders {
			return policyv1alpha1.Overriders{LabelsOverrider: []policyv1alpha1.LabelAnnotationOverrider{{Operator: "add", Value: map[string]string{n: "x"}}}}
		},
		"a map": func(n string) policyv1alpha1.Overriders {
			return policyv1alpha1.Overriders{Plaintext: []policyv1alpha1.PlaintextOverrider{{Path: "/spec/" + n, Operator: "add", Value: raw}}}
		},
		"the end of a list": func(string) policyv1alpha1.Overriders {
			return policyv1alpha1.Overriders{Plaintext: []policyv1alpha1.PlaintextOverrider{{Path: "/spec/template/spec/containers/-", Operator: "add", Value: raw}}}
		},
		"the beginning of a list": func(string) policyv1alpha1.Overriders {
			return policyv1alpha1.Overriders{Plaintext: []policyv1alpha1.PlaintextOverrider{{Path: "/spec/template/spec/containers/0", Operator: "add", Value: raw}}}
		},
		"arguments": func(n string) policyv1alpha1.Overriders {
			return policyv1alpha1.Overriders{ArgsOverrider: []policyv1alpha1.CommandArgsOverrider{{ContainerName: "web", Operator: "add", Value: []string{n}}}}
		},
		"a text": func(n string) policyv1alpha1.Overriders {
			return policyv1alpha1.Overriders{FieldOverrider: []policyv1alpha1.FieldOverrider{{FieldPath: "/metadata/annotations/doc",
				JSON: []policyv1alpha1.JSONPatchOperation{{SubPath: "/" + n, Operator: "add", Value: raw}}}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			took := func(rules int) uint64 {
				policy := policyv1alpha1.ClusterOverridePolicy{ObjectMeta: metav1.ObjectMeta{Name: "any"}}
				for i := range rules {
					policy.Spec.OverrideRules = append(policy.Spec.OverrideRules, field(i, change))
				}
				obj := object(t, template)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				applied, err := Apply(obj, frankfurt, []policyv1alpha1.ClusterOverridePolicy{policy}, nil)
				runtime.ReadMemStats(&after)
				if err != nil {
					t.Fatal(err)
				}
				if len(applied.Cluster) != rules {
					t.Errorf("%d rules applied", len(applied.Cluster))
				}
				return after.TotalAlloc - before.TotalAlloc
			}
			if half, whole := took(5_000), took(10_000); whole > 3*half {
				t.Errorf("5,000 rules took %d MB, 10,000 %d MB", half>>20, whole>>20)
			}
		})
	}
}

// TestTooMuchWork: a policy that asks for the same large text again and again is stopped.
func TestTooMuchWork(t *testing.T) {
	obj := object(t, `{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop, name: c}, data: {}}`)
	obj.Object["data"] = map[string]any{"a": `["` + strings.Repeat("x", 1<<20) + `"]`}
	policy := policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "hungry"}}
	for range 1000 {
		policy.Spec.OverrideRules = append(policy.Spec.OverrideRules, policyv1alpha1.RuleWithCluster{Overriders: policyv1alpha1.Overriders{
			FieldOverrider: []policyv1alpha1.FieldOverrider{{FieldPath: "/data/a", JSON: []policyv1alpha1.JSONPatchOperation{{SubPath: "/-", Operator: "add", Value: policyv1alpha1.JSON{Raw: []byte("1")}}}}},
			Plaintext:      []policyv1alpha1.PlaintextOverrider{{Path: "/data/b", Operator: "add", Value: policyv1alpha1.JSON{Raw: []byte(`"1"`)}}},
		}})
	}
	_, err := Apply(obj, frankfurt, nil, []policyv1alpha1.OverridePolicy{policy})
	if err == nil || !strings.HasPrefix(err.Error(), "OverridePolicy shop/hungry: spec.overrideRules[") || !strings.Contains(err.Error(), "too much work") {
		t.Fatalf("got %v", err)
	}
}
