package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// Reasons of the condition CompleteAPIEnablements.
const (
	ReasonEnablementsComplete = "Complete"
	ReasonEnablementsPartial  = "Partial"
	ReasonEnablementsEmpty    = "Empty"
)

// Enablements returns what a member serves, sorted, from its lists of resources. Of the
// groups and versions that could not be listed (failed: the reasons, by group and
// version) what was known before is kept: an aggregated API that is down for a minute
// must not look like one that was removed. The condition tells.
func Enablements(before []clusterv1alpha1.APIEnablement, lists []*metav1.APIResourceList, failed map[string]string) ([]clusterv1alpha1.APIEnablement, metav1.Condition) {
	var all []clusterv1alpha1.APIEnablement
	for _, list := range lists {
		if list == nil {
			continue
		}
		if _, bad := failed[list.GroupVersion]; bad {
			continue
		}
		all = append(all, clusterv1alpha1.APIEnablement{GroupVersion: list.GroupVersion, Resources: resources(list.APIResources)})
	}
	condition := metav1.Condition{Type: clusterv1alpha1.ClusterConditionCompleteAPIEnablements}
	switch {
	case len(all) == 0:
		condition.Status, condition.Reason = metav1.ConditionFalse, ReasonEnablementsEmpty
		condition.Message = "the cluster lists no API" + list(failed)
		return before, condition
	case len(failed) > 0:
		condition.Status, condition.Reason = metav1.ConditionFalse, ReasonEnablementsPartial
		condition.Message = "the cluster does not list all its APIs" + list(failed)
	default:
		condition.Status, condition.Reason = metav1.ConditionTrue, ReasonEnablementsComplete
		condition.Message = "the cluster lists all its APIs"
	}
	for _, old := range before {
		if _, bad := failed[old.GroupVersion]; bad {
			all = append(all, old)
		}
	}
	slices.SortFunc(all, func(a, b clusterv1alpha1.APIEnablement) int { return strings.Compare(a.GroupVersion, b.GroupVersion) })
	return slices.CompactFunc(all, func(a, b clusterv1alpha1.APIEnablement) bool { return a.GroupVersion == b.GroupVersion }), condition
}

// resources drops subresources and sorts.
func resources(served []metav1.APIResource) []clusterv1alpha1.APIResource {
	var out []clusterv1alpha1.APIResource
	for _, r := range served {
		if !strings.Contains(r.Name, "/") {
			out = append(out, clusterv1alpha1.APIResource{Name: r.Name, Kind: r.Kind})
		}
	}
	slices.SortFunc(out, func(a, b clusterv1alpha1.APIResource) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func list(failed map[string]string) string {
	var b strings.Builder
	for i, gv := range slices.Sorted(maps.Keys(failed)) {
		separator := "; "
		if i == 0 {
			separator = ": "
		}
		fmt.Fprintf(&b, "%s%s (%s)", separator, gv, failed[gv])
	}
	return b.String()
}
