package names

import (
	"encoding/hex"
	"hash/fnv"
	"strings"
	"time"
)

// Marks of a Decision. With them whoever keeps decisions within bounds needs no more of them than
// their metadata.
const (
	// DecisionOfLabel is what DecisionOf makes of the template: it finds the decisions about one.
	DecisionOfLabel = "seaway.dev/decision-of"
	// DecisionTimeAnnotation is spec.time, DecisionExpiresAnnotation the end of spec.ttlSeconds;
	// both in RFC 3339.
	DecisionTimeAnnotation = "seaway.dev/decided-at"
	// DecisionExpiresAnnotation: see DecisionTimeAnnotation.
	DecisionExpiresAnnotation = "seaway.dev/expires-at"
	// DecisionSaysAnnotation is equal for decisions that say the same of the same input.
	DecisionSaysAnnotation = "seaway.dev/decision-says"
)

// decisionPrefixLength leaves room in a name for a dash and the hash.
const decisionPrefixLength = 200

// DecisionOf returns the value of DecisionOfLabel for a template. The version of its API does not
// count: it is the same template in each. The namespace is empty for a cluster-scoped template.
func DecisionOf(group, kind, namespace, name string) string {
	return digest(group, kind, namespace, name)
}

// DecisionName returns the name of the Decision about a template made at a time. Two decisions about
// one template are never made within a microsecond.
func DecisionName(group, kind, namespace, name string, at time.Time) string {
	prefix := BindingName(kind, name)
	if len(prefix) > decisionPrefixLength {
		prefix = strings.TrimRight(prefix[:decisionPrefixLength], "-.")
	}
	return prefix + "-" + digest(group, kind, namespace, name, at.UTC().Format(time.RFC3339Nano))[:10]
}

// DecisionNamespace returns where decisions about templates of a namespace are kept: there, or in
// SystemNamespace for cluster-scoped templates.
func DecisionNamespace(namespace string) string {
	if namespace == "" {
		return SystemNamespace
	}
	return namespace
}

// digest is FNV-1a (64 bit) of the parts, in hexadecimal digits.
func digest(parts ...string) string {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p + "\x00")) // never fails, says hash.Hash
	}
	return hex.EncodeToString(h.Sum(nil))
}
