package override

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
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
		"image tag is removed, a digest too": {
			overriders: `{imageOverrider: [{component: Tag, operator: remove}]}`,
			path:       []string{"spec", "template", "spec", "containers"},
			want:       `[{name: web, image: nginx, args: [a, b, a]}, {name: side, image: "reg.example:5000/team/side"}]`,
		},
		"image tag replaces a digest": {
			overriders: `{imageOverrider: [{component: Tag, operator: replace, value: v2, predicate: {path: /spec/template/spec/containers/1/image}}]}`,
			path:       []string{"spec", "template", "spec", "containers"},
			want:       `[{name: web, image: "nginx:1.27", args: [a, b, a]}, {name: side, image: "reg.example:5000/team/side:v2"}]`,
		},
		"image digest for an image without a tag": {
			object:     `{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: nginx}]}}`,
			overriders: `{imageOverrider: [{component: Tag, operator: add, value: "sha256:cc"}]}`,
			path:       []string{"spec", "containers"}, want: `[{name: a, image: "nginx@sha256:cc"}]`,
		},
		"image with tag and digest keeps both when the registry changes": {
			object:     `{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: "localhost/x:1@sha256:dd"}, {name: b}]}}`,
			overriders: `{imageOverrider: [{component: Registry, operator: replace, value: mirror.example/proxy}]}`,
			path:       []string{"spec", "containers"}, want: `[{name: a, image: "mirror.example/proxy/x:1@sha256:dd"}, {name: b}]`,
		},
		"image with tag and digest gets one tag": {
			object:     `{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: "x:1@sha256:dd"}]}}`,
			overriders: `{imageOverrider: [{component: Tag, operator: replace, value: "2"}]}`,
			path:       []string{"spec", "containers"}, want: `[{name: a, image: "x:2"}]`,
		},
		"image registry is extended": {
			object:     `{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: "reg.example/x"}]}}`,
			overriders: `{imageOverrider: [{component: Registry, operator: add, value: ":5000"}]}`,
			path:       []string{"spec", "containers"}, want: `[{name: a, image: "reg.example:5000/x"}]`,
		},
		"image repository is replaced, of a job": {
			object:     `{apiVersion: batch/v1, kind: Job, metadata: {name: p}, spec: {template: {spec: {containers: [{name: a, image: "reg.example/x:1"}]}}}}`,
			overriders: `{imageOverrider: [{component: Repository, operator: replace, value: a/b}]}`,
			path:       []string{"spec", "template", "spec", "containers"}, want: `[{name: a, image: "reg.example/a/b:1"}]`,
		},
		"image that is none is left to the user": {
			object:     `{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: "$(IMAGE) x"}]}}`,
			overriders: `{imageOverrider: [{component: Tag, operator: replace, value: "2"}]}`,
			path:       []string{"spec", "containers"}, want: `[{name: a, image: "$(IMAGE) x:2"}]`,
		},
		"image value that makes no image": {
			overriders: `{imageOverrider: [{component: Tag, operator: replace, value: "v 2"}]}`,
			err:        `imageOverrider[0].value: Invalid value: "v 2": is no tag for the image nginx:1.27`,
		},
		"image errors do not tell what is at a path": {
			object:     `{apiVersion: v1, kind: Secret, metadata: {name: c}, stringData: {password: "hunter2@x"}}`,
			overriders: `{imageOverrider: [{component: Tag, operator: add, value: x, predicate: {path: /stringData/password}}]}`,
			err:        `the image at /stringData/password has a digest`,
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
			err:        `labelsOverrider[0].value[propagationpolicy.karmada.io/permanent-id]: Forbidden: an override can not change the labels and annotations that say who owns`,
		},
		"an annotation that says who owns the object": {
			overriders: `{annotationsOverrider: [{operator: add, value: {work.karmada.io/conflict-resolution: overwrite}}]}`,
			err:        `annotationsOverrider[0].value[work.karmada.io/conflict-resolution]: Forbidden: an override can not change the labels and annotations that say who owns`,
		},
		"an annotation where only those of the policy are": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c, annotations: {propagationpolicy.karmada.io/name: p}}}`,
			overriders: `{plaintext: [{path: /metadata/annotations/a, operator: add, value: x}]}`,
			path:       []string{"metadata", "annotations"}, want: `{a: x, propagationpolicy.karmada.io/name: p}`,
		},
		"all annotations are removed, but for those of the policy": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c, annotations: {a: x, propagationpolicy.karmada.io/name: p}}}`,
			overriders: `{plaintext: [{path: /metadata/annotations, operator: remove}]}`,
			path:       []string{"metadata", "annotations"}, want: `{propagationpolicy.karmada.io/name: p}`,
		},
		"a label that is a number": {
			overriders: `{plaintext: [{path: /metadata/labels/app, operator: replace, value: 1}]}`,
			err:        `plaintext[0].value: Invalid value: "a number": labels are strings`,
		},
		"labels that are a list": {
			overriders: `{plaintext: [{path: /metadata/labels, operator: replace, value: [a]}]}`,
			err:        `plaintext[0].value: Invalid value: "a list": labels are a map of strings`,
		},
		"annotations with a null": {
			overriders: `{plaintext: [{path: /metadata/annotations, operator: add, value: {a: null}}]}`,
			err:        `plaintext[0].value[a]: Invalid value: "nothing": annotations are strings`,
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
		"plaintext that takes the object over":    {overriders: `{plaintext: [{path: /metadata/labels/karmada.io~1managed, operator: add, value: "false"}]}`, err: `can not change the labels and annotations that say who owns`},
		"plaintext that replaces all labels":      {overriders: `{plaintext: [{path: /metadata/labels, operator: replace, value: {app: x}}]}`, path: []string{"metadata", "labels"}, want: `{app: x, propagationpolicy.karmada.io/permanent-id: p1}`},
		"plaintext with marks among all labels":   {overriders: `{plaintext: [{path: /metadata/labels, operator: replace, value: {app: x, propagationpolicy.karmada.io/permanent-id: p1}}]}`, err: `plaintext[0].value[propagationpolicy.karmada.io/permanent-id]: Forbidden`},
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
		"JSON in an annotation, changed by several overriders": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c, annotations: {conf: '{"a":1}'}}}`,
			overriders: `{fieldOverrider: [{fieldPath: /metadata/annotations/conf, json: [{subPath: /b, operator: add, value: 2}]}, {fieldPath: /metadata/annotations/conf, json: [{subPath: /a, operator: remove}]}], plaintext: [{path: /metadata/labels, operator: add, value: {a: b}}]}`,
			path:       []string{"metadata", "annotations"}, want: `{conf: '{"b":2}'}`,
		},
		"JSON as YAML is YAML from then on": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '{"a":1}'}}`,
			overriders: `{fieldOverrider: [{fieldPath: /data/a, json: [{subPath: /b, operator: add, value: 2}]}, {fieldPath: /data/a, yaml: [{subPath: /a, operator: remove}]}]}`,
			path:       []string{"data"}, want: `{a: "b: 2\n"}`,
		},
		"the same text by two spellings of its path": {
			object:     `{apiVersion: example.com/v1, kind: Any, metadata: {name: c}, list: ['{"a":1}']}`,
			overriders: `{fieldOverrider: [{fieldPath: /list/0, json: [{subPath: /b, operator: add, value: 2}]}, {fieldPath: /list/-1, json: [{subPath: /c, operator: add, value: 3}]}]}`,
			path:       []string{"list"}, want: `['{"a":1,"b":2,"c":3}']`,
		},
		"a text as a whole": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '{"a":1}'}}`,
			overriders: `{fieldOverrider: [{fieldPath: /data/a, json: [{subPath: "", operator: replace, value: {b: 1}}]}]}`,
			path:       []string{"data"}, want: `{a: '{"b":1}'}`,
		},
		"plaintext sees what a field overrider wrote, and comes last": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '{"a":1}'}}`,
			overriders: `{plaintext: [{path: /data/a, operator: replace, value: last}], fieldOverrider: [{fieldPath: /data/a, json: [{subPath: /a, operator: remove}]}]}`,
			path:       []string{"data"}, want: `{a: last}`,
		},
		"several YAML documents": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: "a: 1\n---\nb: 2\n"}}`,
			overriders: `{fieldOverrider: [{fieldPath: /data/a, yaml: [{subPath: /a, operator: remove}]}]}`,
			err:        `the text there is no YAML: it holds several documents`,
		},
		"one YAML document with a beginning": {
			object:     `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: "# text\n---\na: 1\nb: 2\n"}}`,
			overriders: `{fieldOverrider: [{fieldPath: /data/a, yaml: [{subPath: /a, operator: remove}]}]}`,
			path:       []string{"data"}, want: `{a: "b: 2\n"}`,
		},
		"the text of a Secret is not told": {
			object:     `{apiVersion: v1, kind: Secret, metadata: {name: c}, stringData: {a: "hunter2: ["}}`,
			overriders: `{fieldOverrider: [{fieldPath: /stringData/a, yaml: [{subPath: /a, operator: remove}]}]}`,
			err:        `the text there is no YAML: what it is, is not told of a Secret`,
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
			_, err := unchecked(obj, nil, []policyv1alpha1.OverridePolicy{policy})
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

// TestContainersOfKinds: overriders that name no path change the containers of these kinds, never those
// that initialise a pod, and nothing of any other kind.
func TestContainersOfKinds(t *testing.T) {
	pod := func(image, words string) string {
		return `{initContainers: [{name: web, image: "init:1", command: [a], args: [a]}], containers: [{name: web, image: "` + image + `"` + words + `}, {name: side, image: "` + image + `"}]}`
	}
	template := func(spec string) string { return `{template: {spec: ` + spec + `}}` }
	same := func(spec string) string { return spec }
	overriders := parsed[policyv1alpha1.Overriders](t, `
imageOverrider: [{component: Registry, operator: add, value: eu.example}, {component: Repository, operator: replace, value: web}, {component: Tag, operator: remove}]
commandOverrider: [{containerName: web, operator: remove, value: [a]}, {containerName: web, operator: add, value: [b]}]
argsOverrider: [{containerName: web, operator: add, value: [c]}, {containerName: web, operator: remove, value: [a, x]}]
`)
	for kind, tt := range map[string]struct {
		apiVersion string
		spec       func(pod string) string
		none       bool
	}{
		"Pod":         {apiVersion: "v1", spec: same},
		"Deployment":  {apiVersion: "apps/v1", spec: template},
		"ReplicaSet":  {apiVersion: "apps/v1", spec: template},
		"DaemonSet":   {apiVersion: "apps/v1", spec: template},
		"StatefulSet": {apiVersion: "apps/v1", spec: template},
		"Job":         {apiVersion: "batch/v1", spec: template},
		"CronJob":     {apiVersion: "batch/v1", spec: func(pod string) string { return `{jobTemplate: {spec: ` + template(pod) + `}}` }, none: true},
		"CloneSet":    {apiVersion: "apps.kruise.io/v1alpha1", spec: template, none: true},
	} {
		t.Run(kind, func(t *testing.T) {
			of := func(pod string) *unstructured.Unstructured {
				return object(t, `{apiVersion: `+tt.apiVersion+`, kind: `+kind+`, metadata: {namespace: shop, name: web}, spec: `+tt.spec(pod)+`}`)
			}
			obj, want := of(pod("shop:1", ", command: [a], args: [a, b, a]")), of(pod("eu.example/web", ", command: [b], args: [b, c]"))
			if tt.none {
				want = obj.DeepCopy()
			}
			policy := policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p"}}
			policy.Spec.OverrideRules = []policyv1alpha1.RuleWithCluster{{Overriders: overriders}}
			if _, err := Apply(obj, frankfurt, nil, []policyv1alpha1.OverridePolicy{policy}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.Object, obj.Object); diff != "" {
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

// TestOrderInARule: each kind of overrider changes what the one before it made, in the promised order,
// however the rule lists them.
func TestOrderInARule(t *testing.T) {
	obj := object(t, `
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: web, labels: {l: "0"}, annotations: {a: '{"by":"template"}'}}
spec: {containers: [{name: web, image: nginx, command: [c], args: [a]}]}
`)
	policy := parsed[policyv1alpha1.OverridePolicy](t, `
metadata: {namespace: shop, name: p}
spec:
  overrideRules:
  - overriders:
      plaintext:
      - {path: /metadata/annotations/image, operator: add, value: last}
      - {path: /spec/containers/0/args/1, operator: replace, value: plaintext}
      - {path: /metadata/labels/l, operator: replace, value: plaintext}
      fieldOverrider: [{fieldPath: /metadata/annotations/a, json: [{subPath: /by, operator: replace, value: field}]}]
      annotationsOverrider: [{operator: replace, value: {a: '{"by":"annotations"}', image: never}}]
      labelsOverrider: [{operator: replace, value: {l: labels}}]
      argsOverrider: [{containerName: web, operator: add, value: [args]}]
      commandOverrider: [{containerName: web, operator: add, value: [command]}, {containerName: web, operator: remove, value: [c]}]
      imageOverrider: [{component: Tag, operator: add, value: "1"}, {component: Tag, operator: add, value: ".2"}]
`)
	if _, err := Apply(obj, frankfurt, nil, []policyv1alpha1.OverridePolicy{policy}); err != nil {
		t.Fatal(err)
	}
	want := object(t, `
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: web, labels: {l: plaintext}, annotations: {a: '{"by":"field"}', image: last}}
spec: {containers: [{name: web, image: "nginx:1.2", command: [command], args: [a, plaintext]}]}
`)
	if diff := cmp.Diff(want.Object, obj.Object); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAnnotations: what a Work keeps about the overrides applied.
func TestAnnotations(t *testing.T) {
	image := func(value string) policyv1alpha1.Overriders {
		return policyv1alpha1.Overriders{ImageOverrider: []policyv1alpha1.ImageOverrider{{Component: "Tag", Operator: "replace", Value: value}}}
	}
	long := strings.Repeat("x", longestList/3)
	many := func(n int) (out []AppliedRule) {
		for i := range n {
			out = append(out, AppliedRule{PolicyName: fmt.Sprintf("p%06d", i), Overriders: image("x")})
		}
		return out
	}
	for name, tt := range map[string]struct {
		applied Applied
		want    map[string]string
		short   bool
	}{
		"none": {want: map[string]string{}},
		"both kinds": {
			applied: Applied{Cluster: []AppliedRule{{"a", image("1")}, {"a", image("2")}}, Namespaced: []AppliedRule{{"b", image("3")}}},
			want: map[string]string{
				"policy.karmada.io/applied-cluster-overrides": `[{"policyName":"a","overriders":{"imageOverrider":[{"component":"Tag","operator":"replace","value":"1"}]}},{"policyName":"a","overriders":{"imageOverrider":[{"component":"Tag","operator":"replace","value":"2"}]}}]`,
				"policy.karmada.io/applied-overrides":         `[{"policyName":"b","overriders":{"imageOverrider":[{"component":"Tag","operator":"replace","value":"3"}]}}]`,
			},
		},
		"too long: the policies only": {
			applied: Applied{Namespaced: []AppliedRule{{"a", image(long)}, {"a", image(long)}, {"b", image(long)}}},
			want:    map[string]string{"policy.karmada.io/applied-overrides": `[{"policyName":"a","overriders":{}},{"policyName":"b","overriders":{}}]`},
		},
		"too many policies": {applied: Applied{Cluster: many(10_000), Namespaced: many(10_000)}, short: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tt.applied.Annotations()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); !tt.short && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			size := 0
			for key, value := range got {
				size += len(key) + len(value)
				var list []AppliedRule
				if err := json.Unmarshal([]byte(value), &list); err != nil || len(list) == 0 {
					t.Errorf("%s: %d entries, %v", key, len(list), err)
				}
			}
			if size > 256<<10 {
				t.Errorf("%d bytes: an API server refuses that", size)
			}
		})
	}
}

// TestErrorsAreShort: they become events and parts of conditions.
func TestErrorsAreShort(t *testing.T) {
	policy := policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p"}}
	policy.Spec.Overriders.Plaintext = []policyv1alpha1.PlaintextOverrider{{Path: "/spec/" + strings.Repeat("ä", 1<<16), Operator: "remove"}}
	_, err := Apply(object(t, deployment), frankfurt, nil, []policyv1alpha1.OverridePolicy{policy})
	if err == nil || len(err.Error()) > 1200 || !utf8.ValidString(err.Error()) {
		t.Fatalf("%v", err)
	}
	if text := err.Error(); !strings.HasPrefix(text, "OverridePolicy shop/p: spec.overriders.plaintext[0].path: Invalid value") || !strings.HasSuffix(text, "use add, or correct the path") {
		t.Errorf("%s", text)
	}
}

func TestVerify(t *testing.T) {
	ref := workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	for name, tt := range map[string]struct{ path, value, err string }{
		"itself":            {},
		"of another group":  {"apiVersion", "apps/v2", `apiVersion is "apps/v2" and must be "apps/v1"`},
		"of another kind":   {"kind", "Secret", `kind is "Secret" and must be "Deployment"`},
		"somewhere else":    {"metadata.namespace", "bank", `metadata.namespace is "bank" and must be "shop"`},
		"nowhere":           {"metadata.namespace", "", `metadata.namespace is "" and must be "shop"`},
		"of another name":   {"metadata.name", "x", `metadata.name is "x" and must be "web"`},
		"of no name at all": {"metadata", "x", `metadata.namespace is ""`},
	} {
		t.Run(name, func(t *testing.T) {
			obj := object(t, deployment)
			if tt.path != "" {
				if err := unstructured.SetNestedField(obj.Object, tt.value, strings.Split(tt.path, ".")...); err != nil {
					t.Fatal(err)
				}
			}
			err := Verify(obj, ref)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %s", err, tt.err)
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
