package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
)

const manifests = "../../charts/seaway/crds"

// crd is the part of a CustomResourceDefinition that the contract speaks of.
type crd struct {
	Spec struct {
		Group    string `json:"group"`
		Scope    string `json:"scope"`
		Versions []struct {
			Name         string          `json:"name"`
			Served       bool            `json:"served"`
			Storage      bool            `json:"storage"`
			Deprecated   bool            `json:"deprecated"`
			Subresources map[string]any  `json:"subresources"`
			Columns      []printedColumn `json:"additionalPrinterColumns"`
			Schema       struct {
				Root schema `json:"openAPIV3Schema"`
			} `json:"schema"`
		} `json:"versions"`
		Names struct {
			Kind       string   `json:"kind"`
			ListKind   string   `json:"listKind"`
			Plural     string   `json:"plural"`
			Singular   string   `json:"singular"`
			ShortNames []string `json:"shortNames"`
			Categories []string `json:"categories"`
		} `json:"names"`
	} `json:"spec"`
}

type printedColumn struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	JSONPath string `json:"jsonPath"`
	Priority int    `json:"priority"`
}

// schema is the part of JSON Schema that controller-gen writes.
type schema struct {
	Type                 string            `json:"type"`
	Format               string            `json:"format"`
	Required             []string          `json:"required"`
	Properties           map[string]schema `json:"properties"`
	Items                *schema           `json:"items"`
	AdditionalProperties *schema           `json:"additionalProperties"`
	Enum                 []any             `json:"enum"`
	Default              json.RawMessage   `json:"default"`
	Pattern              string            `json:"pattern"`
	MinLength            *int64            `json:"minLength"`
	MaxLength            *int64            `json:"maxLength"`
	Minimum              *float64          `json:"minimum"`
	Maximum              *float64          `json:"maximum"`
	MinItems             *int64            `json:"minItems"`
	MaxItems             *int64            `json:"maxItems"`
	Nullable             bool              `json:"nullable"`
	IntOrString          bool              `json:"x-kubernetes-int-or-string"`
	PreserveUnknown      bool              `json:"x-kubernetes-preserve-unknown-fields"`
	EmbeddedResource     bool              `json:"x-kubernetes-embedded-resource"`
	ListType             string            `json:"x-kubernetes-list-type"`
	ListMapKeys          []string          `json:"x-kubernetes-list-map-keys"`
	MapType              string            `json:"x-kubernetes-map-type"`
	Rules                []any             `json:"x-kubernetes-validations"`
}

// readManifests returns the definitions by kind.
func readManifests(t *testing.T) map[string]crd {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(manifests, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests in %s: run make generate-api (%v)", manifests, err)
	}
	byKind := map[string]crd{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c crd
		if err := yaml.Unmarshal(data, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		byKind[c.Spec.Group+"/"+c.Spec.Names.Kind] = c
	}
	return byKind
}

// flatten adds a schema's properties to out, each under its path.
func flatten(s schema, path string, out fields) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		child := s.Properties[name]
		at := name
		if path != "" {
			at = path + "." + name
		}
		f := describe(child)
		if slices.Contains(s.Required, name) {
			f.Required = "required"
		}
		out[at] = f
		for child.Items != nil {
			child, at = *child.Items, at+"[]"
		}
		if child.AdditionalProperties != nil {
			child, at = *child.AdditionalProperties, at+"{*}"
		}
		flatten(child, at, out)
	}
}

func describe(s schema) field {
	return field{
		Type:       typeOf(s),
		Enum:       enumOf(s),
		Default:    string(s.Default),
		Validation: strings.Join(slices.Sorted(slices.Values(checksOf(s))), "; "),
		Structure:  structureOf(s),
	}
}

func typeOf(s schema) string {
	switch {
	case s.IntOrString:
		return "int-or-string"
	case s.Type == "array":
		return "[]" + typeOf(*s.Items)
	case s.AdditionalProperties != nil:
		return "map[string]" + typeOf(*s.AdditionalProperties)
	case s.Type == "":
		return "any"
	case s.Format != "":
		return s.Type + "(" + s.Format + ")"
	}
	return s.Type
}

func enumOf(s schema) string {
	var values []string
	for _, v := range s.Enum {
		values = append(values, fmt.Sprint(v))
	}
	slices.Sort(values)
	return strings.Join(values, "|")
}

func checksOf(s schema) []string {
	var out []string
	for name, bound := range map[string]*int64{
		"minLength": s.MinLength, "maxLength": s.MaxLength, "minItems": s.MinItems, "maxItems": s.MaxItems,
	} {
		if bound != nil {
			out = append(out, fmt.Sprintf("%s=%d", name, *bound))
		}
	}
	for name, bound := range map[string]*float64{"minimum": s.Minimum, "maximum": s.Maximum} {
		if bound != nil {
			out = append(out, fmt.Sprintf("%s=%g", name, *bound))
		}
	}
	if s.Pattern != "" {
		out = append(out, "pattern="+s.Pattern)
	}
	if s.Nullable {
		out = append(out, "nullable")
	}
	for _, rule := range s.Rules {
		out = append(out, fmt.Sprintf("rule=%v", rule))
	}
	return out
}

func structureOf(s schema) string {
	switch {
	case s.ListType == "map":
		return "map[" + strings.Join(s.ListMapKeys, ",") + "]"
	case s.ListType != "":
		return s.ListType
	case s.MapType != "":
		return "map-" + s.MapType
	case s.EmbeddedResource:
		return "embedded-resource"
	case s.PreserveUnknown:
		return "any-content"
	}
	return ""
}
