package deps

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Leads says whether a binding is a parent: its dependencies follow it, and it is here to stay. One that
// speaks of a template in another namespace leads nobody.
func Leads(b *workv1alpha2.ResourceBinding) bool {
	return b.Spec.PropagateDeps && b.DeletionTimestamp == nil && b.Spec.Resource.Namespace == b.Namespace
}

// Marked says whether a binding bears what Record leaves on it.
func Marked(b *workv1alpha2.ResourceBinding) bool {
	_, listed := b.Annotations[names.DependenciesAnnotation]
	return listed || slices.Contains(b.Finalizers, names.DependenciesFinalizer)
}

// Record writes on a parent what its template refers to, in the order of kind, namespace, name and
// selector, and keeps it from going before its snapshots have. Without references both marks come off.
func Record(b *workv1alpha2.ResourceBinding, found []configv1alpha1.DependentObjectReference) error {
	if len(found) == 0 {
		delete(b.Annotations, names.DependenciesAnnotation)
		b.Finalizers = slices.DeleteFunc(b.Finalizers, func(f string) bool { return f == names.DependenciesFinalizer })
		return nil
	}
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b configv1alpha1.DependentObjectReference) int {
		return cmp.Or(cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.LabelSelector.String(), b.LabelSelector.String()))
	})
	list, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("encode the dependencies: %w", err)
	}
	if b.Annotations == nil {
		b.Annotations = map[string]string{}
	}
	b.Annotations[names.DependenciesAnnotation] = string(list)
	if !slices.Contains(b.Finalizers, names.DependenciesFinalizer) {
		b.Finalizers = append(b.Finalizers, names.DependenciesFinalizer)
	}
	return nil
}

// Snapshot is what a dependency has to know of a parent: where the parent is, and where it still is.
// It is false for a parent that is nowhere, which needs nothing.
func Snapshot(parent *workv1alpha2.ResourceBinding) (workv1alpha2.BindingSnapshot, bool) {
	s := workv1alpha2.BindingSnapshot{Namespace: parent.Namespace, Name: parent.Name}
	for _, target := range parent.Spec.Clusters {
		s.Clusters = append(s.Clusters, *target.DeepCopy())
	}
	for _, task := range parent.Spec.GracefulEvictionTasks {
		named := func(t workv1alpha2.TargetCluster) bool { return t.Name == task.FromCluster }
		if task.PurgeMode == policyv1alpha1.PurgeModeDirectly || slices.ContainsFunc(s.Clusters, named) {
			continue
		}
		s.Clusters = append(s.Clusters, workv1alpha2.TargetCluster{Name: task.FromCluster, Replicas: ptr.Deref(task.Replicas, 0)})
	}
	return s, len(s.Clusters) > 0
}

// Holds says whether an attached binding has the parent's snapshot as it is now, or none if the parent
// is nowhere.
func Holds(attached, parent *workv1alpha2.ResourceBinding) bool {
	want, anywhere := Snapshot(parent)
	at := slices.IndexFunc(attached.Spec.RequiredBy, func(s workv1alpha2.BindingSnapshot) bool {
		return s.Namespace == parent.Namespace && s.Name == parent.Name
	})
	if !anywhere || at < 0 {
		return !anywhere && at < 0
	}
	return equality.Semantic.DeepEqual(attached.Spec.RequiredBy[at], want) && attached.Labels[label(want)] == idOf(parent)
}

// Agrees says whether an attached binding resolves conflicts as the parent does. If not, another
// parent may be the reason, or the attached binding has to be looked at again.
func Agrees(attached, parent *workv1alpha2.ResourceBinding) bool {
	return attached.Spec.Placement != nil || overwrites(attached) == overwrites(parent) && preserves(attached) == preserves(parent)
}

func label(s workv1alpha2.BindingSnapshot) string {
	return names.DependedByLabelKey(s.Namespace, s.Name)
}

func idOf(b *workv1alpha2.ResourceBinding) string { return b.Labels[names.ResourceBindingPermanentID] }

func overwrites(b *workv1alpha2.ResourceBinding) bool {
	return b.Spec.ConflictResolution == policyv1alpha1.ConflictOverwrite
}

func preserves(b *workv1alpha2.ResourceBinding) bool {
	return ptr.Deref(b.Spec.PreserveResourcesOnDeletion, false)
}
