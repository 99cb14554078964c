package join

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Place says where a cluster is.
type Place struct {
	Provider string
	Region   string
	Zones    []string
}

// inferPlace fills in what is not stated from the nodes: their labels
// topology.kubernetes.io/region and /zone, and the scheme of their provider ids. Notes
// say what was inferred from what, or why it could not be.
func inferPlace(stated Place, nodes []corev1.Node) (Place, []string) {
	place := stated
	var notes []string
	one := func(value *string, what, from, flag string, found []string) {
		switch {
		case *value != "":
		case len(found) == 1:
			*value = found[0]
			notes = append(notes, fmt.Sprintf("%s %s, from %s", what, found[0], from))
		case len(found) > 1:
			notes = append(notes, fmt.Sprintf("%s not set: %s name several (%s); choose one with --%s", what, from, strings.Join(found, ", "), flag))
		default:
			notes = append(notes, fmt.Sprintf("%s not set: %s name none; set it with --%s", what, from, flag))
		}
	}
	one(&place.Provider, "provider", "the nodes' provider ids", "cluster-provider", distinct(nodes, func(n corev1.Node) string {
		scheme, _, found := strings.Cut(n.Spec.ProviderID, "://")
		if !found {
			return ""
		}
		return scheme
	}))
	one(&place.Region, "region", "the nodes' labels "+corev1.LabelTopologyRegion, "cluster-region", distinct(nodes, label(corev1.LabelTopologyRegion)))
	if len(place.Zones) == 0 {
		place.Zones = distinct(nodes, label(corev1.LabelTopologyZone))
		if len(place.Zones) > 0 {
			notes = append(notes, fmt.Sprintf("zones %s, from the nodes' labels %s", strings.Join(place.Zones, ", "), corev1.LabelTopologyZone))
		}
	}
	return place, notes
}

func label(key string) func(corev1.Node) string {
	return func(n corev1.Node) string { return n.Labels[key] }
}

// distinct returns the values of the nodes that a Cluster can hold, sorted.
func distinct(nodes []corev1.Node, value func(corev1.Node) string) []string {
	found := map[string]bool{}
	for _, n := range nodes {
		if v := value(n); v != "" && len(validation.IsValidLabelValue(v)) == 0 {
			found[v] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
