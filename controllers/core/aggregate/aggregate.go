// Package aggregate brings status home: from the Works of a binding to the binding, and from there
// to what is added up on the template. It says what is; what the numbers of a kind mean together is
// for package interpret.
package aggregate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/render"
	"github.com/seaway-io/seaway/controllers/core/some"
)

// Items returns the state of a binding in every cluster that has a Work of it, the clusters it is
// leaving included, sorted by cluster. Works being deleted do not count. ready says whether a
// cluster's control plane answers; of one that does not, the last known status is kept and the
// health is Unknown.
func Items(works []workv1alpha1.Work, ready func(cluster string) bool) []workv1alpha2.AggregatedStatusItem {
	items := make([]workv1alpha2.AggregatedStatusItem, 0, len(works))
	for i := range works {
		work := &works[i]
		cluster, ok := names.ClusterFromExecutionNamespace(work.Namespace)
		if !ok || work.DeletionTimestamp != nil {
			continue
		}
		item := itemOf(work)
		item.ClusterName = cluster
		if !ready(cluster) {
			item.Health = workv1alpha2.ResourceUnknown
		}
		items = append(items, item)
	}
	slices.SortFunc(items, func(a, b workv1alpha2.AggregatedStatusItem) int { return cmp.Compare(a.ClusterName, b.ClusterName) })
	return items
}

// itemOf reads a Work. A Work holds one object, so its first status is the status.
func itemOf(work *workv1alpha1.Work) workv1alpha2.AggregatedStatusItem {
	item := workv1alpha2.AggregatedStatusItem{Health: workv1alpha2.ResourceUnknown}
	applied := meta.FindStatusCondition(work.Status.Conditions, workv1alpha1.WorkApplied)
	item.Applied = applied != nil && applied.Status == metav1.ConditionTrue
	if applied != nil && !item.Applied {
		item.AppliedMessage = applied.Message
	}
	if len(work.Status.ManifestStatuses) == 0 {
		return item
	}
	status := &work.Status.ManifestStatuses[0]
	item.Status = status.Status.DeepCopy()
	if item.Applied && status.Health != "" {
		item.Health = workv1alpha2.ResourceHealth(status.Health)
	}
	return item
}

// Open says whether reports are still to come from clusters that answer: of a Work that is not there
// yet, that nobody has tried to carry out, or whose object nobody has looked at.
func Open(spec *workv1alpha2.ResourceBindingSpec, items []workv1alpha2.AggregatedStatusItem, ready func(cluster string) bool) bool {
	expected := render.Kept(spec)
	for _, item := range items {
		if !ready(item.ClusterName) || item.AppliedMessage != "" || (item.Applied && item.Health != workv1alpha2.ResourceUnknown) {
			expected.Delete(item.ClusterName)
		}
	}
	return expected.Len() > 0
}

// FullyApplied is the condition that says whether exactly the clusters that should hold the object
// do: the targets, and those it is leaving gracefully.
func FullyApplied(spec *workv1alpha2.ResourceBindingSpec, items []workv1alpha2.AggregatedStatusItem) metav1.Condition {
	expected, applied := render.Kept(spec), sets.New[string]()
	for _, item := range items {
		if item.Applied {
			applied.Insert(item.ClusterName)
		}
	}
	if applied.Equal(expected) {
		return metav1.Condition{
			Type: workv1alpha2.FullyApplied, Status: metav1.ConditionTrue,
			Reason: workv1alpha2.ReasonFullyAppliedSuccess, Message: "applied in every cluster",
		}
	}
	var why []string
	if missing := expected.Difference(applied); missing.Len() > 0 {
		why = append(why, "not applied in "+some.Of(sets.List(missing), shown))
	}
	if surplus := applied.Difference(expected); surplus.Len() > 0 {
		why = append(why, "still present in "+some.Of(sets.List(surplus), shown))
	}
	return metav1.Condition{
		Type: workv1alpha2.FullyApplied, Status: metav1.ConditionFalse,
		Reason:  workv1alpha2.ReasonFullyAppliedFailed,
		Message: fmt.Sprintf("%s; see status.aggregatedStatus", strings.Join(why, "; ")),
	}
}

// shown is how many clusters a message names.
const shown = 20

// Counted returns the items that make the template's status: one for every target, empty for one
// that has not reported. What a cluster that is being left still runs is not counted, or its stale
// pods would be counted twice.
func Counted(spec *workv1alpha2.ResourceBindingSpec, items []workv1alpha2.AggregatedStatusItem) []workv1alpha2.AggregatedStatusItem {
	known := make(map[string]workv1alpha2.AggregatedStatusItem, len(items))
	for _, item := range items {
		known[item.ClusterName] = item
	}
	targets := render.Targets(spec)
	counted := make([]workv1alpha2.AggregatedStatusItem, 0, len(targets))
	for _, target := range targets {
		item, ok := known[target.Name]
		if !ok {
			item = workv1alpha2.AggregatedStatusItem{ClusterName: target.Name, Health: workv1alpha2.ResourceUnknown}
		}
		counted = append(counted, item)
	}
	slices.SortFunc(counted, func(a, b workv1alpha2.AggregatedStatusItem) int { return cmp.Compare(a.ClusterName, b.ClusterName) })
	return counted
}
