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
	ownershipFault = "an override can not change the labels that say who owns the object: " + names.ManagedLabel + " and the permanent ids"
)

// validateTarget checks the place an override writes to.
func validateTarget(pointer string, path *field.Path) field.ErrorList {
	tokens, err := parsePointer(pointer)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(path, pointer, err.Error())}
	case touchesIdentity(tokens):
		return field.ErrorList{field.Forbidden(path, identityFault)}
	case len(tokens) >= 3 && tokens[0] == "metadata" && tokens[1] == "labels" && names.IsOwnershipLabel(tokens[2]):
		return field.ErrorList{field.Forbidden(path, ownershipFault)}
	}
	return nil
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

// validateWholeLabels checks a value that stands for all labels at once.
func validateWholeLabels(o *policyv1alpha1.PlaintextOverrider, path *field.Path) field.ErrorList {
	if o.Path != "/metadata/labels" || o.Value.IsZero() {
		return nil
	}
	var labels map[string]any
	if err := json.Unmarshal(o.Value.Raw, &labels); err != nil {
		return field.ErrorList{field.Invalid(path, string(o.Value.Raw), "labels are a map of strings")}
	}
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if names.IsOwnershipLabel(key) {
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
