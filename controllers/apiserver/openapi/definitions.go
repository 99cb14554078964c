// Package openapi holds the OpenAPI definitions of the kinds the aggregated API
// server serves, and of all they refer to. It describes; it serves nothing.
package openapi

import (
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	aggregator "k8s.io/kube-aggregator/pkg/generated/openapi"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// Definitions returns our own definitions, those of the API machinery, and the one
// type of core/v1 that is in use.
func Definitions(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
	all := GetOpenAPIDefinitions(ref)
	maps.Copy(all, aggregator.GetOpenAPIDefinitions(ref))
	all[corev1.Taint{}.OpenAPIModelName()] = taint(ref)
	return all
}

// ModelName turns the Go name of one of our types into the form OpenAPI documents
// use ("io.k8s…"), in which the server looks for the kinds a definition belongs to.
// Names of Kubernetes' types have that form already.
func ModelName(name string) string {
	host, rest, found := strings.Cut(name, "/")
	if !found {
		return name
	}
	parts := strings.Split(host, ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, ".") + "." + strings.ReplaceAll(rest, "/", ".")
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
