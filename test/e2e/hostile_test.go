//go:build linux

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// enduring shows that what can not be carried out is said, and disturbs nobody.
func enduring(t *testing.T, h *hall) {
	h.tell(t, map[string]func(*story){
		"objects as large as they can be":        (*story).large,
		"a kind that vanishes in a member":       (*story).vanished,
		"fields that are null, scripts that run": (*story).null,
	})
}

// wrecks are a kind that is defined by hand, in the hub and two members.
const wrecks = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: KINDs.ROOM.example}
spec:
  group: ROOM.example
  scope: Namespaced
  names: {plural: KINDs, singular: KIND, kind: KIND, listKind: KINDList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// define makes a kind of the story's own be known in clusters and waits until it is served.
func (s *story) define(kind string, clusters ...string) *unstructured.Unstructured {
	s.Helper()
	text := strings.ReplaceAll(wrecks, "KINDs", strings.ToLower(kind)+"s")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "singular: KIND", "singular: "+strings.ToLower(kind)), "KIND", kind)
	definition := s.read(text)[0]
	for _, c := range clusters {
		s.put(c, definition)
		s.see(c, definition, fields{"status acceptedNames kind": kind})
	}
	return definition
}

func (s *story) large() {
	s.define("Bulk", "hub", "fra", "iad")
	s.apply(policyFor("bulk", placedIn("fra", "iad"), "v1/ConfigMap/large", "v1/ConfigMap/small"))
	large := s.configMap("large")
	_ = unstructured.SetNestedField(large.Object, strings.Repeat("x", 1<<20-200), "data", "a") // the most that a ConfigMap holds
	must(s.T, s.hub.Create(s.Context(), large.DeepCopy()))
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: small}}")
	s.everywhere(both, s.configMap("small"), nil)
	for _, c := range both {
		got := s.see(c, s.configMap("large"), nil)
		if n := len(at(got.Object, []string{"data", "a"}).(string)); n != 1<<20-200 {
			s.Errorf("%s has %d bytes", c, n)
		}
	}

	// A kind without a bound of its own, up to what the store takes: the Work does not fit.
	s.apply(policyFor("bulk-kind", placedIn("fra", "iad"), s.room+".example/v1/Bulk/huge", s.room+".example/v1/Bulk/tiny"))
	huge := s.object(s.room+".example/v1", "Bulk", "huge")
	tiny := s.object(s.room+".example/v1", "Bulk", "tiny")
	huge.Object["spec"] = strings.Repeat("x", 1_570_864)
	s.eventually("the hub takes the kind", func(ctx context.Context) error { return s.hub.Create(ctx, huge.DeepCopy()) })
	must(s.T, s.hub.Create(s.Context(), tiny.DeepCopy()))
	s.says(s.binding(huge), "Rendered", "False", "RenderFailed", "larger than the hub stores", "fra", "iad")
	delete(huge.Object, "spec")
	s.everywhere(both, tiny, nil)
	s.set("hub", huge, "spec", "less")
	s.everywhere(both, huge, fields{"spec": "less"})
	s.says(s.binding(huge), "Rendered", "True", "Rendered")
}

func (s *story) vanished() {
	definition := s.define("Wreck", "hub", "fra", "iad")
	s.apply(policyFor("wrecks", placedIn("fra", "iad"), s.room+".example/v1/Wreck/old", "v1/ConfigMap/beside"))
	old := s.object(s.room+".example/v1", "Wreck", "old")
	old.Object["spec"] = map[string]any{"depth": int64(3)}
	s.eventually("the hub takes a wreck", func(ctx context.Context) error { return s.hub.Create(ctx, old.DeepCopy()) })
	s.everywhere(both, old, fields{"spec depth": 3})

	s.remove("fra", definition)
	s.gone("fra", definition)
	s.set("hub", old, "spec depth", int64(4))
	s.see("iad", old, fields{"spec depth": 4})
	s.says(s.work("fra", old), "Applied", "False", "AppliedFailed", "serve", "Wreck", "install what defines it")
	s.see("hub", s.binding(old), fields{"status aggregatedStatus 0 applied": nil, "status aggregatedStatus 1 applied": true})
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: beside}}")
	s.everywhere(both, s.configMap("beside"), nil)

	s.put("fra", s.read(strings.NewReplacer("KINDs", "wrecks", "singular: KIND", "singular: wreck", "KIND", "Wreck").Replace(wrecks))[0])
	s.see("fra", old, fields{"spec depth": 4})
	s.says(s.work("fra", old), "Applied", "True", "AppliedSuccessful")
}

func (s *story) null() {
	s.define("Ghost", "hub", "fra", "iad")
	s.apply(`
apiVersion: config.karmada.io/v1alpha1
kind: ResourceInterpreterCustomization
metadata: {name: ROOM-ghosts}
spec:
  target: {apiVersion: ROOM.example/v1, kind: Ghost}
  customizations:
    replicaResource: {luaScript: "function GetReplicas(obj) if obj.spec.forever then while true do end end return obj.spec.crew end"}
    healthInterpretation: {luaScript: "function InterpretHealth(obj) return obj.spec.crew > 0 end"}
`)
	ghost := func(name string) *unstructured.Unstructured { return s.object(s.room+".example/v1", "Ghost", name) }
	kind := s.room + ".example/v1/Ghost/"
	s.apply(policyFor("ghosts", placedIn("fra", "iad"), kind+"null", kind+"forever", kind+"sound", "v1/ConfigMap/beside"))
	for name, spec := range map[string]any{"null": nil, "forever": map[string]any{"forever": true}, "sound": map[string]any{"crew": int64(2), "nothing": nil}} {
		obj := ghost(name)
		obj.Object["spec"] = spec
		s.eventually("the hub takes ghosts", func(ctx context.Context) error { return ignoreExists(s.hub.Create(ctx, obj)) })
	}
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: beside}}")
	s.everywhere(both, s.configMap("beside"), nil)
	s.everywhere(both, ghost("sound"), fields{"spec crew": 2})
	s.see("hub", s.binding(ghost("sound")), fields{"status aggregatedStatus 0 health": "Healthy", "status aggregatedStatus 1 health": "Healthy"})
	for _, name := range []string{"null", "forever"} {
		wantEvent(s.T, s.in, s.room, name, fmt.Sprintf("%s-ghosts", s.room), "replicaResource")
	}
}

func ignoreExists(err error) error {
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}
