// Package openapi holds the OpenAPI definitions of the kinds the aggregated API
// server serves, and of all they refer to. It describes; it serves nothing.
package openapi

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	aggregator "k8s.io/kube-aggregator/pkg/generated/openapi"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/util"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// Definitions returns our own definitions, those of the API machinery, and the one
// type of core/v1 that is in use.
func Definitions(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
	all := aggregator.GetOpenAPIDefinitions(ref)
	all[corev1.Taint{}.OpenAPIModelName()] = taint(ref)
	// Our generated code calls Kubernetes' types by their Go names, and Kubernetes'
	// calls them by their model names.
	own := GetOpenAPIDefinitions(func(name string) spec.Ref { return ref(key(name)) })
	for name, definition := range own {
		for i, dependency := range definition.Dependencies {
			definition.Dependencies[i] = key(dependency)
		}
		all[name] = definition
	}
	return all
}

func key(goName string) string {
	if strings.HasPrefix(goName, "k8s.io/") {
		return ModelName(goName)
	}
	return goName
}

// ModelName turns the Go name of a type into the name OpenAPI documents use
// ("io.k8s…"), under which the server looks for the kind of a definition. A name that
// has that form already stays.
func ModelName(name string) string {
	if !strings.Contains(name, "/") {
		return name
	}
	return util.ToRESTFriendlyName(name)
}

// taint describes core/v1's Taint; generating the whole of core/v1 for it would be
// twenty thousand lines.
func taint(ref common.ReferenceCallback) common.OpenAPIDefinition {
	text := func(description string, defaulted any) spec.Schema {
		return spec.Schema{SchemaProps: spec.SchemaProps{Description: description, Type: []string{"string"}, Default: defaulted}}
	}
	const timeName = "io.k8s.apimachinery.pkg.apis.meta.v1.Time"
	return common.OpenAPIDefinition{
		Schema: spec.Schema{SchemaProps: spec.SchemaProps{
			Description: "Taint keeps away, or evicts, what does not tolerate it.",
			Type:        []string{"object"},
			Properties: map[string]spec.Schema{
				"key":    text("Key of the taint.", ""),
				"value":  text("Value that goes with the key.", nil),
				"effect": text("Effect is NoSchedule, PreferNoSchedule or NoExecute.", ""),
				"timeAdded": {SchemaProps: spec.SchemaProps{
					Description: "TimeAdded is when the taint was added; set for NoExecute.",
					Ref:         ref(timeName),
				}},
			},
			Required: []string{"key", "effect"},
		}},
		Dependencies: []string{timeName},
	}
}
