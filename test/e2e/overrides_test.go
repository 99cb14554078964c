//go:build linux

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// overriding shows what differs from cluster to cluster, and what never may.
func overriding(t *testing.T, h *hall) {
	h.tell(t, map[string]func(*story){
		"of every kind, in their order":          (*story).overridden,
		"the identity of an object stays":        (*story).identity,
		"a diff tells before it is applied":      (*story).differing,
		"a policy that goes takes its part back": (*story).withdrawn,
	})
}

func (s *story) overridden() {
	s.apply(policyFor("web", placedIn("fra", "iad"), "apps/v1/Deployment/web", "v1/ConfigMap/web"))
	s.apply(`
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterOverridePolicy
metadata: {name: ROOM-everybody}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, namespace: ROOM}]
  overrideRules:
  - overriders:
      imageOverrider: [{component: Registry, operator: replace, value: mirror.example}]
      labelsOverrider: [{operator: add, value: {who: cluster, mirror: "yes"}}]
---
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: z-all}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  overrideRules:
  - targetCluster: {clusterNames: [fra]}
    overriders: {labelsOverrider: [{operator: add, value: {who: namespace}}], annotationsOverrider: [{operator: add, value: {seen-by: all}}]}
---
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: a-web}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: web}]
  overrideRules:
  - targetCluster: {clusterNames: [fra]}
    overriders:
      imageOverrider:
      - {component: Tag, operator: replace, value: "2", predicate: {path: /spec/template/spec/containers/0/image}}
      commandOverrider: [{containerName: app, operator: add, value: [--region=eu]}]
      argsOverrider: [{containerName: app, operator: remove, value: [--debug]}]
      annotationsOverrider: [{operator: replace, value: {seen-by: web}}, {operator: remove, value: {secret-plan: ""}}]
      plaintext:
      - {path: /spec/template/spec/terminationGracePeriodSeconds, operator: add, value: 7}
---
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: settings}
spec:
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: web}]
  overrideRules:
  - targetCluster: {clusterNames: [fra]}
    overriders:
      fieldOverrider:
      - fieldPath: /data/app.yaml
        yaml: [{subPath: /db/host, operator: replace, value: db.fra.example}]
      - fieldPath: /data/app.json
        json: [{subPath: /limits/0, operator: remove}, {subPath: /region, operator: add, value: eu}]
`)
	s.apply(deploymentOf("web", 1, `
terminationGracePeriodSeconds: 30
containers:
- {name: app, image: "registry.example/app:1", command: [serve], args: [--debug, --quiet]}
- {name: side, image: "registry.example/side:1"}`))
	s.edit("hub", s.deployment("web"), annotate("secret-plan", "none"))
	s.apply(`
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data:
  app.yaml: |
    db: {host: localhost, port: 5432}
  app.json: '{"limits": [1, 2]}'
`)
	web := s.deployment("web")
	pod := "spec template spec "
	s.see("fra", web, fields{
		"metadata labels who": "namespace", "metadata labels mirror": "yes",
		"metadata annotations seen-by": "web", "metadata annotations secret-plan": nil,
		pod + "containers 0 image": "mirror.example/app:2", pod + "containers 1 image": "mirror.example/side:1",
		pod + "containers 0 command": "[serve --region=eu]", pod + "containers 0 args": "[--quiet]",
		pod + "terminationGracePeriodSeconds": 7,
	})
	s.see("iad", web, fields{
		"metadata labels who": "cluster", "metadata annotations seen-by": nil, "metadata annotations secret-plan": "none",
		pod + "containers 0 image": "mirror.example/app:1", pod + "containers 0 command": "[serve]", pod + "containers 0 args": "[--debug --quiet]",
		pod + "terminationGracePeriodSeconds": 30,
	})
	s.see("hub", web, fields{"metadata labels who": nil, pod + "containers 0 image": "registry.example/app:1"})

	settings := s.see("fra", s.configMap("web"), fields{"data app.json": `{"limits":[2],"region":"eu"}`})
	if text := at(settings.Object, []string{"data", "app.yaml"}).(string); !strings.Contains(text, "db.fra.example") || !strings.Contains(text, "5432") {
		s.Errorf("app.yaml is %s", text)
	}
	s.see("iad", s.configMap("web"), fields{"data app.json": `{"limits": [1, 2]}`})

	work := s.see("hub", s.work("fra", web), nil)
	for key, policies := range map[string][]string{
		"policy.karmada.io/applied-overrides":         {`"policyName":"a-web"`, `"policyName":"z-all"`},
		"policy.karmada.io/applied-cluster-overrides": {`"policyName":"` + s.room + `-everybody"`},
	} {
		for _, text := range policies {
			if !strings.Contains(work.GetAnnotations()[key], text) {
				s.Errorf("%s is %s, want %s", key, work.GetAnnotations()[key], text)
			}
		}
	}
}

// evil are the changes of identity that somebody may try.
var evil = []string{
	"plaintext: [{path: /metadata/name, operator: replace, value: other}]",
	"plaintext: [{path: /metadata/namespace, operator: replace, value: kube-system}]",
	"plaintext: [{path: /kind, operator: replace, value: Secret}]",
	"plaintext: [{path: /metadata, operator: replace, value: {name: other}}]",
	"labelsOverrider: [{operator: replace, value: {karmada.io/managed: \"false\"}}]",
}

func (s *story) identity() {
	s.apply(policyFor("crown", placedIn("fra", "iad"), "v1/ConfigMap/crown"))
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: crown}, data: {jewels: \"4\", rubies: \"\"}}")
	s.everywhere([]string{"fra", "iad"}, s.configMap("crown"), fields{"data jewels": "4"})

	thief := func(overriders string) string {
		return `
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: thief}
spec:
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: crown}]
  overrideRules: [{targetCluster: {clusterNames: [fra]}, overriders: {` + overriders + `}}]`
	}
	for _, overriders := range evil {
		if err := s.write(s.Context(), "hub", s.read(thief(overriders))[0]); !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "spec.overrideRules[0].overriders.") {
			s.Errorf("%s: %v, want a refusal that names the field", overriders, err)
		}
	}

	s.withoutAdmission(func() {
		for _, overriders := range evil {
			s.apply(thief(overriders))
			s.says(s.binding(s.configMap("crown")), "Rendered", "False", "RenderFailed", "thief", "fra", "overriders.")
			// The other clusters go on.
			s.edit("hub", s.configMap("crown"), setData("rubies", overriders))
			s.see("iad", s.configMap("crown"), fields{"data rubies": overriders})
			s.see("fra", s.configMap("crown"), fields{"data rubies": "", "data jewels": "4", "metadata labels karmada.io/managed": "true"})
			s.remove("hub", s.read(thief(overriders))[0])
			s.says(s.binding(s.configMap("crown")), "Rendered", "True", "Rendered")
			s.see("fra", s.configMap("crown"), fields{"data rubies": overriders})
			s.edit("hub", s.configMap("crown"), setData("rubies", ""))
			s.see("fra", s.configMap("crown"), fields{"data rubies": ""})
		}
	})
	wantEvent(s.T, s.in, s.room, "crown", "thief", "fra")
	if s.is("fra", s.configMap("other")) {
		s.Error("there is another object in the member")
	}
}

// withoutAdmission does something while the hub's API server asks nobody.
func (s *story) withoutAdmission(do func()) {
	asked := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	must(s.T, s.hub.Get(s.Context(), client.ObjectKey{Name: "seaway"}, asked))
	must(s.T, s.hub.Delete(s.Context(), asked))
	again := asked.DeepCopy()
	again.ObjectMeta = metav1.ObjectMeta{Name: asked.Name}
	defer func() { must(s.T, s.hub.Create(context.Background(), again)) }()
	// The API server forgets a webhook in its own time.
	probe := s.read(`
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: probe}
spec: {resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: nobody}], overrideRules: [{overriders: {plaintext: [{path: /kind, operator: replace, value: x}]}}]}`)[0]
	s.eventually("admission is off", func(ctx context.Context) error { return s.write(ctx, "hub", probe) })
	s.remove("hub", probe)
	do()
}

func (s *story) differing() {
	diff := func(more ...string) (string, error) {
		return s.kubectl(append([]string{"diff", "deploy/web", "--cluster=fra", "-n", s.room}, more...)...)
	}
	s.apply(policyFor("web", placedIn("fra")+"\nsuspension: {dispatching: true}", "apps/v1/Deployment/web"))
	s.apply(deploymentOf("web", 2, plain))
	s.see("hub", s.work("fra", s.deployment("web")), fields{"spec suspendDispatching": true})
	if out, err := diff(); err == nil || !strings.Contains(out, "+  replicas: 2") {
		s.Errorf("before it is there: %v\n%s", err, out)
	}
	s.apply(policyFor("web", placedIn("fra")+"\nsuspension: {dispatching: false}", "apps/v1/Deployment/web"))
	s.see("fra", s.deployment("web"), fields{"spec replicas": 2})
	if out, err := diff(); err != nil || strings.Contains(out, "+") {
		s.Errorf("when it is there: %v\n%s", err, out)
	}
	override := `
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: newer, namespace: ROOM}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: web}]
  overrideRules: [{overriders: {imageOverrider: [{component: Tag, operator: replace, value: "9"}]}}]`
	file := filepath.Join(s.TempDir(), "override.yaml")
	must(s.T, os.WriteFile(file, []byte(strings.ReplaceAll(override, "ROOM", s.room)), 0o600))
	out, err := diff("-f", file)
	for _, text := range []string{"-      - image: registry.example/app:1", "+      - image: registry.example/app:9"} {
		if err == nil || !strings.Contains(out, text) {
			s.Errorf("with an override that is not applied: %v, no %q in\n%s", err, text, out)
		}
	}
	s.apply(override)
	s.see("fra", s.deployment("web"), fields{"spec template spec containers 0 image": "registry.example/app:9"})
	if out, err := diff(); err != nil || strings.Contains(out, "+") {
		s.Errorf("when it is applied: %v\n%s", err, out)
	}
}

func (s *story) withdrawn() {
	s.apply(policyFor("flag", placedIn("fra"), "v1/ConfigMap/flag"))
	override := `
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterOverridePolicy
metadata: {name: ROOM-flag}
spec:
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap, namespace: ROOM, name: flag}]
  overrideRules: [{targetCluster: {clusterNames: [fra]}, overriders: {labelsOverrider: [{operator: add, value: {colour: red}}], plaintext: [{path: /data/colour, operator: replace, value: red}]}}]`
	s.apply(override)
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: flag}, data: {colour: white}}")
	s.see("fra", s.configMap("flag"), fields{"data colour": "red", "metadata labels colour": "red"})
	s.set("fra", s.configMap("flag"), "metadata labels theirs", "kept")
	s.remove("hub", s.read(override)[0])
	s.see("fra", s.configMap("flag"), fields{"data colour": "white", "metadata labels colour": nil, "metadata labels theirs": "kept"})
	s.see("hub", s.work("fra", s.configMap("flag")), fields{"metadata annotations policy.karmada.io/applied-cluster-overrides": nil})
}
