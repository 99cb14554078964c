package webhook

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
)

// ric is a customization with scripts for health and dependencies, or other fields.
func ric(name, kind, fields string) string {
	return `{apiVersion: config.karmada.io/v1alpha1, kind: ResourceInterpreterCustomization, metadata: {name: ` + name + `},
		spec: {target: {apiVersion: example.com/v1, kind: ` + kind + `}, customizations: {` + fields + `}}}`
}

const (
	healthy      = `healthInterpretation: {luaScript: "function InterpretHealth(o) return true end"}`
	sick         = `healthInterpretation: {luaScript: "function InterpretHealth(o) return false end"}`
	dependencies = `dependencyInterpretation: {luaScript: "function GetDependencies(o) return {} end"}`
	replicas     = `replicaResource: {luaScript: "function GetReplicas(o) return 1 end"}`
)

func TestTwoCustomizationsOfOneOperationAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		others      []string
		object, old string
		fields      []string // none: allowed
	}{
		"the first of its kind":         {nil, ric("x", "Fleet", healthy), "", nil},
		"another kind":                  {[]string{ric("a", "Ship", healthy)}, ric("x", "Fleet", healthy), "", nil},
		"another operation":             {[]string{ric("a", "Fleet", replicas)}, ric("x", "Fleet", healthy), "", nil},
		"the same operation":            {[]string{ric("a", "Fleet", healthy)}, ric("x", "Fleet", sick+", "+replicas), "", []string{"spec.customizations.healthInterpretation"}},
		"dependencies are put together": {[]string{ric("a", "Fleet", dependencies)}, ric("x", "Fleet", dependencies), "", nil},
		"an edit that takes an operation of another": {[]string{ric("a", "Fleet", healthy), ric("x", "Fleet", replicas)},
			ric("x", "Fleet", replicas+", "+healthy), ric("x", "Fleet", replicas), []string{"spec.customizations.healthInterpretation"}},
		"an edit of what was there before": {[]string{ric("a", "Fleet", healthy), ric("x", "Fleet", healthy)},
			ric("x", "Fleet", sick), ric("x", "Fleet", healthy), nil},
		"an edit of it that takes one more": {[]string{ric("a", "Fleet", healthy+", "+replicas), ric("x", "Fleet", healthy)},
			ric("x", "Fleet", sick+", "+replicas), ric("x", "Fleet", healthy), []string{"spec.customizations.replicaResource"}},
	} {
		t.Run(name, func(t *testing.T) {
			var others []client.Object
			for _, text := range tc.others {
				obj := &configv1alpha1.ResourceInterpreterCustomization{}
				if err := yaml.UnmarshalStrict([]byte(text), obj); err != nil {
					t.Fatal(err)
				}
				others = append(others, obj)
			}
			hub := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(others...).Build()
			v := validator{ruleOf(t, "resourceinterpretercustomization"), decoder, hub}
			resp := v.Handle(context.Background(), request(t, tc.object, tc.old))
			var fields []string
			if !resp.Allowed {
				for _, c := range resp.Result.Details.Causes {
					fields = append(fields, c.Field)
				}
			}
			if diff := cmp.Diff(tc.fields, fields); diff != "" {
				t.Errorf("refused for (-want +got):\n%s", diff)
			}
		})
	}
}

// Whether two conflict is said by an event all the same.
func TestACustomizationThatCanNotBeComparedIsLetThrough(t *testing.T) {
	broken := interceptor.NewClient(nothing, interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("the hub is away")
		},
	})
	v := validator{ruleOf(t, "resourceinterpretercustomization"), decoder, broken}
	resp := v.Handle(context.Background(), request(t, ric("x", "Fleet", healthy), ""))
	if !resp.Allowed || len(resp.Warnings) != 1 {
		t.Errorf("%+v", resp)
	}
	if resp := v.Handle(context.Background(), request(t, ric("x", "Fleet", `healthInterpretation: {luaScript: "function"}`), "")); resp.Allowed {
		t.Error("what is wrong by itself is let through")
	}
}
