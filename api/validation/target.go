package validation

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

const (
	identityFault  = "an override can not change what makes the object itself: apiVersion, kind, metadata.name, metadata.namespace, metadata.uid"
	ownershipFault = "an override can not change the labels and annotations that say who owns the object: " + names.ManagedLabel +
		", the permanent ids, work.karmada.io/… and those that name policy, binding and template"
)

// ownership says, for the two maps of metadata, which keys tell who owns an object.
var ownership = map[string]func(key string) bool{"labels": names.IsOwnershipLabel, "annotations": names.IsOwnershipAnnotation}

// validateTarget checks the place an override writes to.
func validateTarget(pointer string, path *field.Path) field.ErrorList {
	tokens, err := parsePointer(pointer)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(path, pointer, err.Error())}
	case touchesIdentity(tokens):
		return field.ErrorList{field.Forbidden(path, identityFault)}
	case touchesOwnership(tokens):
		return field.ErrorList{field.Forbidden(path, ownershipFault)}
	}
	return nil
}

func touchesOwnership(tokens []string) bool {
	if len(tokens) < 3 || tokens[0] != "metadata" {
		return false
	}
	owns := ownership[tokens[1]]
	return owns != nil && owns(tokens[2])
}

// touchesIdentity reports whether a write at a path, or at anything it holds, reaches a
// field of the identity.
func touchesIdentity(tokens []string) bool {
	if len(tokens) == 0 {
		return true
	}
	switch tokens[0] {
	case "apiVersion", "kind":
		return true
	case "metadata":
		return len(tokens) == 1 || slices.Contains([]string{"name", "namespace", "uid"}, tokens[1])
	}
	return false
}

// validateMarks checks a value that becomes a label or an annotation, or stands for all of them at
// once. Anything but strings there would cost the object all the others.
func validateMarks(o *policyv1alpha1.PlaintextOverrider, path *field.Path) field.ErrorList {
	tokens, err := parsePointer(o.Path)
	if err != nil || o.Operator == policyv1alpha1.OverriderOpRemove || o.Value.IsZero() || len(tokens) < 2 || tokens[0] != "metadata" {
		return nil
	}
	owns := ownership[tokens[1]]
	switch {
	case owns == nil:
		return nil
	case len(tokens) == 3:
		var text *string
		if json.Unmarshal(o.Value.Raw, &text) != nil || text == nil {
			return field.ErrorList{field.Invalid(path, string(o.Value.Raw), tokens[1]+" are strings; put the value in quotes")}
		}
		return nil
	}
	var marks map[string]*string
	if len(tokens) == 2 && (json.Unmarshal(o.Value.Raw, &marks) != nil || slices.Contains(slices.Collect(maps.Values(marks)), nil)) {
		return field.ErrorList{field.Invalid(path, string(o.Value.Raw), tokens[1]+" are a map of strings")}
	}
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(marks)) {
		if owns(key) {
			errs = append(errs, field.Forbidden(path.Key(key), ownershipFault))
		}
	}
	return errs
}

var errPointer = errors.New(`must be a JSON pointer (RFC 6901): "/" before every part, "~0" for "~" and "~1" for "/" inside a part`)

// parsePointer splits a JSON pointer (RFC 6901) into its unescaped parts.
func parsePointer(pointer string) ([]string, error) {
	if pointer == "" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(pointer, "/")
	if !ok {
		return nil, errPointer
	}
	tokens := strings.Split(rest, "/")
	for i, token := range tokens {
		unescaped := strings.ReplaceAll(strings.ReplaceAll(token, "~1", ""), "~0", "")
		if strings.Contains(unescaped, "~") {
			return nil, errPointer
		}
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return tokens, nil
}
