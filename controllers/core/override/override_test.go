package override

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{}
	if err := utiljson.Unmarshal(data, &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}

func parsed[T any](t testing.TB, text string) (out T) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

var frankfurt = &clusterv1alpha1.Cluster{
	ObjectMeta: metav1.ObjectMeta{Name: "fra", Labels: map[string]string{"tier": "primary"}},
	Spec:       clusterv1alpha1.ClusterSpec{Region: "eu-central-1"},
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web, propagationpolicy.karmada.io/permanent-id: p1}}
spec:
  replicas: 2
  template: {spec: {initContainers: [{name: init, image: busybox}], containers: [{name: web, image: "nginx:1.27", args: [a, b, a]}, {name: side, image: "reg.example:5000/team/side@sha256:aa"}]}}
`

// TestOverriders applies one rule to the Deployment above, or to another object.
func TestOverriders(t *testing.T) {
	tests := map[string]struct {
		object, overriders string
		// want is a change of the object: YAML merged into it by hand at the given path
		path []string
		want string
		err  string
	}{
		"image registry is replaced in all containers": {
			overriders: `{imageOverrider: [{component: Registry, operator: replace, value: mirror.example}]}`,
			path:       []string{"spec", "template", "spec", "containers"},
			want:       `[{name: web, image: "mirror.example/nginx:1.27", args: [a, b, a]}, {name: side, image: "mirror.example/team/side@sha256:aa"}]`,
		},
		"image registry is removed": {
			overriders: `{imageOverrider: [{component: Registry, operator: remove}]}`,
			path:       []string{"spec", "template", "spec", "containers"},
			want:       `[{name: web, image: "nginx:1.27", args: [a, b, a]}, {name: side, image: "team/side@sha256:aa"}]`,
		},
		"image repository is extended": {
			overriders: `{imageOverrider: [{component: Repository, operator: add, value: -slim}]}`,
			path:       []string{"spec", "template", "spec", "containers"},
			want:       `[{name: web, image: "nginx-slim:1.27", args: [a, b, a]}, {name: side, image: "reg.example:5000/team/side-slim@sha256:aa"}]`,
		},
		"image tag becomes a digest": {
			overriders: `{imageOverrider: [{component: Tag, operator: replace, value: "sha256:bb"}]}`,
			path:       []string{"spec", "template", "spec", "containers"},
			want:       `[{name: web, image: "nginx@sha256:bb", args: [a, b, a]}, {name: side, image: "reg.example:5000/team/side@sha256:bb"}]`,
		},
		"image at a path": {
			overriders: `{imageOverrider: [{component: Tag, operator: add, value: -eu, predicate: {path: /spec/template/spec/containers/0/image}}]}`,
			path:       []string{"spec", "template", "spec", "containers"},
			want:       `[{name: web, image: "nginx:1.27-eu", args: [a, b, a]}, {name: side, image: "reg.example:5000/team/side@sha256:aa"}]`,
		},
		"image of a kind whose containers are not known": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {image: x}}`,
			overriders: `{imageOverrider: [{component: Tag, operator: replace, value: v2}]}`,
			path:       []string{"data"}, want: `{image: x}`,
		},
		"image at a path of any kind": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {image: x}}`,
			overriders: `{imageOverrider: [{component: Tag, operator: replace, value: v2, predicate: {path: /data/image}}]}`,
			path:       []string{"data"}, want: `{image: "x:v2"}`,
		},
		"image at a path that is not there": {
			overriders: `{imageOverrider: [{component: Tag, operator: replace, value: v2, predicate: {path: /spec/template/spec/containers/7/image}}]}`,
			err:        `OverridePolicy shop/test: spec.overrideRules[0].overriders.imageOverrider[0].predicate.path: Invalid value: "/spec/template/spec/containers/7/image": /spec/template/spec/containers has no item 7; correct the position`,
		},
		"image at a path that is no string": {
			overriders: `{imageOverrider: [{component: Tag, operator: replace, value: v2, predicate: {path: /spec/replicas}}]}`,
			err:        `is a number in the object, must be a string`,
		},
		"image tag added to a digest": {
			overriders: `{imageOverrider: [{component: Tag, operator: add, value: -eu}]}`,
			err:        `imageOverrider[0].operator: Invalid value: "add": the image reg.example:5000/team/side@sha256:aa has a digest`,
		},
		"image without a repository": {
			overriders: `{imageOverrider: [{component: Repository, operator: remove}]}`,
			err:        `leaves the image nginx:1.27 without a repository`,
		},
		"command is set": {
			overriders: `{commandOverrider: [{containerName: web, operator: add, value: [run, it]}]}`,
			path:       []string{"spec", "template", "spec", "containers"},
			want:       `[{name: web, image: "nginx:1.27", args: [a, b, a], command: [run, it]}, {name: side, image: "reg.example:5000/team/side@sha256:aa"}]`,
		},
		"arguments are removed": {
			overriders: `{argsOverrider: [{containerName: web, operator: remove, value: [a]}]}`,
			path:       []string{"spec", "template", "spec", "containers"},
			want:       `[{name: web, image: "nginx:1.27", args: [b]}, {name: side, image: "reg.example:5000/team/side@sha256:aa"}]`,
		},
		"arguments of a container that is not there": {
			overriders: `{argsOverrider: [{containerName: other, operator: add, value: [a]}]}`,
			path:       []string{"spec", "replicas"}, want: `2`,
		},
		"labels": {
			overriders: `{labelsOverrider: [{operator: add, value: {a: "1", app: new}}, {operator: replace, value: {a: "2", none: x}}, {operator: remove, value: {app: "", none: ""}}]}`,
			path:       []string{"metadata", "labels"},
			want:       `{a: "2", propagationpolicy.karmada.io/permanent-id: p1}`,
		},
		"annotations where there are none": {
			overriders: `{annotationsOverrider: [{operator: remove, value: {b: ""}}, {operator: add, value: {a: "1"}}]}`,
			path:       []string{"metadata", "annotations"}, want: `{a: "1"}`,
		},
		"a label that says who owns the object": {
			overriders: `{labelsOverrider: [{operator: remove, value: {propagationpolicy.karmada.io/permanent-id: ""}}]}`,
			err:        `labelsOverrider[0].value[propagationpolicy.karmada.io/permanent-id]: Forbidden: an override can not change the labels that say who owns`,
		},
		"plaintext add, replace and remove": {
			overriders: `{plaintext: [{path: /spec/replicas, operator: replace, value: 5}, {path: /spec/paused, operator: add, value: true}, {path: /spec/template/spec/initContainers, operator: remove}, {path: /spec/template/spec/containers/-, operator: add, value: {name: last}}, {path: /spec/template/spec/containers/0, operator: remove}]}`,
			path:       []string{"spec"},
			want:       `{replicas: 5, paused: true, template: {spec: {containers: [{name: side, image: "reg.example:5000/team/side@sha256:aa"}, {name: last}]}}}`,
		},
		"plaintext with escapes and a position from the end": {
			overriders: `{plaintext: [{path: /metadata/annotations, operator: add, value: {}}, {path: /metadata/annotations/a~1b~0c, operator: add, value: x}, {path: /spec/template/spec/containers/-1/name, operator: replace, value: x}]}`,
			path:       []string{"metadata", "annotations"}, want: `{"a/b~c": x}`,
		},
		"plaintext at a path that is not there": {
			overriders: `{plaintext: [{path: /spec/replicas, operator: replace, value: 5}, {path: /spec/strategy/type, operator: replace, value: Recreate}]}`,
			err:        `OverridePolicy shop/test: spec.overrideRules[0].overriders.plaintext[1].path: Invalid value: "/spec/strategy/type": there is no /spec/strategy in the object; add it first, or correct the path`,
		},
		"plaintext replaces what is not there": {
			overriders: `{plaintext: [{path: /spec/paused, operator: replace, value: true}]}`,
			err:        `there is no /spec/paused to replace in the object; use add, or correct the path`,
		},
		"plaintext through a number": {
			overriders: `{plaintext: [{path: /spec/replicas/x, operator: add, value: true}]}`,
			err:        `/spec/replicas is a number and has no "x"`,
		},
		"plaintext without a value": {
			overriders: `{plaintext: [{path: /spec/replicas, operator: replace}]}`,
			err:        `plaintext[0].value: Invalid value: "": add and replace need a value`,
		},
		"plaintext that is no pointer": {
			overriders: `{plaintext: [{path: spec.replicas, operator: replace, value: 1}]}`,
			err:        `must be a JSON pointer`,
		},
		"plaintext that renames":                  {overriders: `{plaintext: [{path: /metadata/name, operator: replace, value: x}]}`, err: `can not change metadata.name`},
		"plaintext that moves":                    {overriders: `{plaintext: [{path: /metadata/namespace, operator: replace, value: kube-system}]}`, err: `can not change metadata.namespace`},
		"plaintext that makes another kind":       {overriders: `{plaintext: [{path: /kind, operator: replace, value: Secret}]}`, err: `can not change kind`},
		"plaintext that replaces the metadata":    {overriders: `{plaintext: [{path: /metadata, operator: replace, value: {}}]}`, err: `can not change metadata.name`},
		"plaintext that replaces all":             {overriders: `{plaintext: [{path: "", operator: replace, value: {}}]}`, err: `can not change apiVersion`},
		"plaintext that takes the object over":    {overriders: `{plaintext: [{path: /metadata/labels/karmada.io~1managed, operator: add, value: "false"}]}`, err: `can not change the labels that say who owns`},
		"plaintext that replaces all labels":      {overriders: `{plaintext: [{path: /metadata/labels, operator: replace, value: {app: x}}]}`, err: `spec.overrideRules[0].overriders: Forbidden: changes the labels that say who owns`},
		"plaintext that replaces the free ones":   {overriders: `{plaintext: [{path: /metadata/labels, operator: replace, value: {app: x, propagationpolicy.karmada.io/permanent-id: p1}}]}`, path: []string{"metadata", "labels"}, want: `{app: x, propagationpolicy.karmada.io/permanent-id: p1}`},
		"predicate that renames":                  {overriders: `{imageOverrider: [{component: Tag, operator: replace, value: x, predicate: {path: /metadata/name}}]}`, err: `can not change metadata.name`},
		"field path that renames":                 {overriders: `{fieldOverrider: [{fieldPath: /metadata/name, json: [{subPath: "", operator: replace, value: x}]}]}`, err: `can not change metadata.name`},
		"an operator that is none":                {overriders: `{labelsOverrider: [{operator: move, value: {a: b}}]}`, err: `labelsOverrider[0].operator: Unsupported value: "move"`},
		"a component that is none":                {overriders: `{imageOverrider: [{component: Size, operator: replace, value: x}]}`, err: `imageOverrider[0].component: Unsupported value: "Size"`},
		"a plaintext operator that is none":       {overriders: `{plaintext: [{path: /spec/replicas, operator: move, value: 1}]}`, err: `operator must be add, remove or replace`},
		"arguments with an operator that is none": {overriders: `{argsOverrider: [{containerName: web, operator: replace, value: [x]}]}`, err: `argsOverrider[0].operator: Unsupported value: "replace"`},
		"JSON in a field": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {config.json: '{"a":{"b":1,"html":"<a>"},"l":[1]}'}}`,
			overriders: `{fieldOverrider: [{fieldPath: /data/config.json, json: [{subPath: /a/b, operator: replace, value: {c: 2}}, {subPath: /l/0, operator: add, value: 7}, {subPath: /a/n, operator: add, value: 9007199254740993}]}]}`,
			path:       []string{"data"}, want: `{config.json: '{"a":{"b":{"c":2},"html":"<a>","n":9007199254740993},"l":[7,1]}'}`,
		},
		"YAML in a field": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {config.yaml: "db: {host: local, port: 1}\n"}}`,
			overriders: `{fieldOverrider: [{fieldPath: /data/config.yaml, yaml: [{subPath: /db/host, operator: replace, value: eu.example}, {subPath: /db/port, operator: remove}]}]}`,
			path:       []string{"data"}, want: `{config.yaml: "db:\n  host: eu.example\n"}`,
		},
		"text that is not what it should be": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: "no: json"}}`,
			overriders: `{fieldOverrider: [{fieldPath: /data/a, json: [{subPath: /x, operator: add, value: 1}]}]}`,
			err:        `fieldOverrider[0].fieldPath: Invalid value: "/data/a": the text there is no JSON`,
		},
		"a path inside the text that is not there": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: "x: 1"}}`,
			overriders: `{fieldOverrider: [{fieldPath: /data/a, yaml: [{subPath: /y/z, operator: replace, value: 1}]}]}`,
			err:        `fieldOverrider[0].yaml[0].subPath: Invalid value: "/y/z": there is no /y`,
		},
		"a field overrider that says neither JSON nor YAML": {
			overriders: `{fieldOverrider: [{fieldPath: /spec/x}]}`,
			err:        `set either json or yaml`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text := tt.object
			if text == "" {
				text = deployment
			}
			obj := object(t, text)
			obj.SetNamespace("shop")
			policy := policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "test"}}
			policy.Spec.OverrideRules = []policyv1alpha1.RuleWithCluster{{Overriders: parsed[policyv1alpha1.Overriders](t, tt.overriders)}}
			_, err := Apply(obj, frankfurt, nil, []policyv1alpha1.OverridePolicy{policy})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error = %v\nwant one that says %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, _, _ := unstructured.NestedFieldNoCopy(obj.Object, tt.path...)
			if diff := cmp.Diff(object(t, "x: "+tt.want).Object["x"], got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestOrder shows who wins: each policy sets the same label to its own name.
func TestOrder(t *testing.T) {
	rule := func(name string) string {
		return `{overriders: {labelsOverrider: [{operator: add, value: {winner: ` + name + `, ` + name + `: "yes"}}]}}`
	}
	const all = `[]`
	kind := `[{apiVersion: apps/v1, kind: Deployment}]`
	labelled := `[{apiVersion: apps/v1, kind: Deployment, labelSelector: {matchLabels: {app: web}}}]`
	named := `[{apiVersion: apps/v1, kind: Deployment, name: web}]`
	policy := func(namespace, name, selectors, rules string) string {
		return `{metadata: {namespace: "` + namespace + `", name: ` + name + `}, spec: {resourceSelectors: ` + selectors + `, ` + rules + `}}`
	}
	rules := func(name string) string { return `overrideRules: [` + rule(name) + `]` }
	tests := map[string]struct {
		cops, ops []string
		winner    string
		applied   [2]string // policies of the annotations, cluster and namespaced
	}{
		"nothing": {},
		"the namespaced one comes last, however vague": {
			cops: []string{policy("", "cop", named, rules("cop"))}, ops: []string{policy("shop", "op", all, rules("op"))},
			winner: "op", applied: [2]string{"cop", "op"},
		},
		"a name beats labels": {
			ops:    []string{policy("shop", "a", named, rules("a")), policy("shop", "b", labelled, rules("b"))},
			winner: "a", applied: [2]string{"", "a b"},
		},
		"labels beat a kind, and a kind is as good as nothing": {
			cops:   []string{policy("", "c", kind, rules("c")), policy("", "a", labelled, rules("a")), policy("", "d", all, rules("d"))},
			winner: "a", applied: [2]string{"a c d", ""},
		},
		"of equals the greater name wins": {
			ops:    []string{policy("shop", "b", kind, rules("b")), policy("shop", "a", kind, rules("a"))},
			winner: "b", applied: [2]string{"", "a b"},
		},
		"of several selectors the best counts": {
			ops:    []string{policy("shop", "b", labelled, rules("b")), policy("shop", "a", `[{apiVersion: v1, kind: Pod}, {apiVersion: apps/v1, kind: Deployment}, {apiVersion: apps/v1, kind: Deployment, name: web}]`, rules("a"))},
			winner: "a", applied: [2]string{"", "a b"},
		},
		"rules of one policy apply in order": {
			ops:    []string{policy("shop", "p", all, `overrideRules: [`+rule("one")+`, `+rule("two")+`]`)},
			winner: "two", applied: [2]string{"", "p p"},
		},
		"rules for other clusters do not apply": {
			ops:    []string{policy("shop", "p", all, `overrideRules: [{targetCluster: {clusterNames: [fra]}, overriders: {labelsOverrider: [{operator: add, value: {winner: here}}]}}, {targetCluster: {fieldSelector: {matchExpressions: [{key: region, operator: NotIn, values: [eu-central-1]}]}}, overriders: {labelsOverrider: [{operator: add, value: {winner: there}}]}}]`)},
			winner: "here", applied: [2]string{"", "p"},
		},
		"the deprecated form is one rule": {
			ops:    []string{policy("shop", "p", all, `targetCluster: {labelSelector: {matchLabels: {tier: primary}}}, overriders: {labelsOverrider: [{operator: add, value: {winner: old}}]}`)},
			winner: "old", applied: [2]string{"", "p"},
		},
		"the deprecated form for another cluster": {
			ops: []string{policy("shop", "p", all, `targetCluster: {clusterNames: [iad]}, overriders: {labelsOverrider: [{operator: add, value: {winner: old}}]}`)},
		},
		"a policy of another namespace has no say": {ops: []string{policy("bank", "p", all, rules("p"))}},
		"another kind, another name, other labels, a selector that makes no sense": {
			cops: []string{policy("", "a", `[{apiVersion: v1, kind: Deployment}]`, rules("a")), policy("", "b", `[{apiVersion: apps/v1, kind: Deployment, name: other}]`, rules("b")),
				policy("", "c", `[{apiVersion: apps/v1, kind: Deployment, namespace: bank}]`, rules("c")), policy("", "d", `[{apiVersion: apps/v1, kind: Deployment, labelSelector: {matchExpressions: [{key: app, operator: Maybe}]}}]`, rules("d"))},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			obj := object(t, deployment)
			var cops []policyv1alpha1.ClusterOverridePolicy
			for _, text := range tt.cops {
				cops = append(cops, parsed[policyv1alpha1.ClusterOverridePolicy](t, text))
			}
			var ops []policyv1alpha1.OverridePolicy
			for _, text := range tt.ops {
				ops = append(ops, parsed[policyv1alpha1.OverridePolicy](t, text))
			}
			applied, err := Apply(obj, frankfurt, cops, ops)
			if err != nil {
				t.Fatal(err)
			}
			if got := obj.GetLabels()["winner"]; got != tt.winner {
				t.Errorf("winner = %q, want %q", got, tt.winner)
			}
			got := [2]string{policyNames(applied.Cluster), policyNames(applied.Namespaced)}
			if got != tt.applied {
				t.Errorf("applied = %q, want %q", got, tt.applied)
			}
			if applied.Empty() != (tt.applied == [2]string{}) {
				t.Errorf("Empty = %v", applied.Empty())
			}
		})
	}
}

func policyNames(rules []AppliedRule) string {
	var all []string
	for _, r := range rules {
		all = append(all, r.PolicyName)
	}
	return strings.Join(all, " ")
}

func TestClusterScopedTemplate(t *testing.T) {
	obj := object(t, `{apiVersion: v1, kind: Namespace, metadata: {name: shop}}`)
	op := parsed[policyv1alpha1.OverridePolicy](t, `{metadata: {name: p}, spec: {overriders: {labelsOverrider: [{operator: add, value: {a: b}}]}}}`)
	if applied, err := Apply(obj, frankfurt, nil, []policyv1alpha1.OverridePolicy{op}); err != nil || !applied.Empty() {
		t.Errorf("Apply = %v, %v; a namespaced policy must not reach a cluster-scoped object", applied, err)
	}
}

func TestAnnotations(t *testing.T) {
	cop := parsed[policyv1alpha1.ClusterOverridePolicy](t, `{metadata: {name: mirror}, spec: {overrideRules: [{targetCluster: {clusterNames: [fra]}, overriders: {imageOverrider: [{component: Registry, operator: replace, value: mirror.example}]}}]}}`)
	applied, err := Apply(object(t, deployment), frankfurt, []policyv1alpha1.ClusterOverridePolicy{cop}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := applied.Annotations()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"policy.karmada.io/applied-cluster-overrides": `[{"policyName":"mirror","overriders":{"imageOverrider":[{"component":"Registry","operator":"replace","value":"mirror.example"}]}}]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
