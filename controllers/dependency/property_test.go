package dependency

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/deps"
)

var (
	someParents  = []string{"a", "b", "c"}
	someObjects  = []string{"x", "y"}
	someClusters = []string{"fra", "iad", "sin"}
	someApps     = []string{"one", "two"}
)

// TestAnyOrderOfEventsEndsWithTheUnion lets parents and dependencies come, go, move and change while
// events and queues are worked off in any order, with restarts in between. In the end each dependency
// is required by exactly the living parents that refer to it, where they are.
func TestAnyOrderOfEventsEndsWithTheUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(5, 60).Draw(t, "steps") {
			w.step(t)
		}
		w.settle()
		w.check(t)
		w.writes, w.events = nil, nil
		w.restart()
		w.settle()
		if len(w.writes)+len(w.events) > 0 {
			t.Fatalf("a restart wrote %v and told %v", w.writes, w.events)
		}
		w.check(t)
	})
}

func (w *world) step(t *rapid.T) {
	parent := rapid.SampledFrom(someParents).Draw(t, "parent")
	name := bindingName(keyFor(deployment, parent))
	object := keyFor(configMap, rapid.SampledFrom(someObjects).Draw(t, "object"))
	alive := w.stored[name] != nil && w.stored[name].DeletionTimestamp == nil
	switch rapid.IntRange(0, 13).Draw(t, "step") {
	case 0, 1:
		if w.stored[name] == nil {
			w.refers[parent] = drawReferences(t)
			w.parent(parent, drawClusters(t)...)
		}
	case 2:
		w.remove(name)
	case 3, 4:
		if alive {
			w.change(name, func(b *binding) { move(t, b) })
		}
	case 5:
		if alive {
			w.edit(name, drawReferences(t)...)
		}
	case 6:
		if alive {
			w.change(name, func(b *binding) { b.Spec.PropagateDeps = !b.Spec.PropagateDeps })
		}
	case 7:
		w.put(object, map[string]string{"app": rapid.SampledFrom(someApps).Draw(t, "app")})
	case 8:
		w.gone(object)
	case 9:
		w.restart()
	case 10:
		w.meddle(t, bindingName(object))
	default:
		w.work(t)
	}
}

func move(t *rapid.T, b *binding) {
	b.Spec.Clusters = placed(drawClusters(t)...)
	b.Spec.GracefulEvictionTasks = nil
	if rapid.Bool().Draw(t, "leaving") {
		mode := rapid.SampledFrom([]policyv1alpha1.PurgeMode{policyv1alpha1.PurgeModeDirectly, policyv1alpha1.PurgeModeGracefully}).Draw(t, "mode")
		b.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: rapid.SampledFrom(someClusters).Draw(t, "from"), PurgeMode: mode, Reason: "x", Producer: "y"}}
	}
	b.Spec.ConflictResolution = rapid.SampledFrom([]policyv1alpha1.ConflictResolution{policyv1alpha1.ConflictAbort, policyv1alpha1.ConflictOverwrite}).Draw(t, "conflict")
	b.Spec.PreserveResourcesOnDeletion = rapid.SampledFrom([]*bool{nil, ptr.To(false), ptr.To(true)}).Draw(t, "preserve")
}

// meddle has somebody change or delete the binding of a dependency by hand.
func (w *world) meddle(t *rapid.T, name types.NamespacedName) {
	b := w.stored[name]
	if b == nil || b.DeletionTimestamp != nil {
		return
	}
	if rapid.Bool().Draw(t, "delete") {
		w.remove(name)
		return
	}
	w.change(name, func(b *binding) {
		b.Spec.RequiredBy = nil
		maps.DeleteFunc(b.Labels, func(k, _ string) bool { return strings.HasPrefix(k, names.DependedByLabelPrefix) })
	})
}

// work works off one thing of those that are due.
func (w *world) work(t *rapid.T) {
	switch what := rapid.IntRange(0, 4).Draw(t, "work"); {
	case what == 4:
		w.collect()
	case what == 0 && len(w.unseen) > 0:
		w.see()
	case what == 1 && len(w.pending) > 0:
		w.deliver()
	case what == 2 && len(w.parentQ.items) > 0:
		w.doParent(rapid.IntRange(0, len(w.parentQ.items)-1).Draw(t, "which"))
	case what == 3 && len(w.dependency.items) > 0:
		w.doDependency(rapid.IntRange(0, len(w.dependency.items)-1).Draw(t, "which"))
	}
}

func drawClusters(t *rapid.T) []string {
	return slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.SampledFrom(someClusters), 0, 2, rapid.ID).Draw(t, "clusters")))
}

func drawReferences(t *rapid.T) (out []configv1alpha1.DependentObjectReference) {
	for _, object := range rapid.SliceOfNDistinct(rapid.SampledFrom(someObjects), 0, 2, rapid.ID).Draw(t, "names") {
		out = append(out, named("ConfigMap", object))
	}
	if rapid.Bool().Draw(t, "labels") {
		out = append(out, labelled("ConfigMap", "app", rapid.SampledFrom(someApps).Draw(t, "app")))
	}
	return out
}

// check compares what every dependency has with what the living parents need.
func (w *world) check(t *rapid.T) {
	for _, object := range someObjects {
		key := keyFor(configMap, object)
		if w.objects[key] == nil {
			continue // its binding is gone or goes with it
		}
		b := w.stored[bindingName(key)]
		var want []workv1alpha2.BindingSnapshot
		labels := map[string]string{}
		overwrite, preserve := false, false
		for _, parent := range w.needing(key) {
			if s, anywhere := deps.Snapshot(parent); anywhere {
				want = append(want, s)
				labels[names.DependedByLabelKey(parent.Namespace, parent.Name)] = parent.Labels[names.ResourceBindingPermanentID]
				overwrite = overwrite || parent.Spec.ConflictResolution == policyv1alpha1.ConflictOverwrite
				preserve = preserve || ptr.Deref(parent.Spec.PreserveResourcesOnDeletion, false)
			}
		}
		if b == nil {
			if len(want) > 0 {
				t.Fatalf("%s is required by %v and has no binding", key, want)
			}
			continue
		}
		if got := fmt.Sprint(b.Spec.RequiredBy); got != fmt.Sprint(want) {
			t.Fatalf("%s is required by %v, want %v", key, got, want)
		}
		got := maps.Clone(b.Labels)
		maps.DeleteFunc(got, func(k, _ string) bool { return !strings.HasPrefix(k, names.DependedByLabelPrefix) })
		if !maps.Equal(got, labels) {
			t.Fatalf("%s has the labels %v, want %v", key, got, labels)
		}
		if len(want) > 0 && ((b.Spec.ConflictResolution == policyv1alpha1.ConflictOverwrite) != overwrite || ptr.Deref(b.Spec.PreserveResourcesOnDeletion, false) != preserve) {
			t.Fatalf("%s: %s, %v; want overwrite %v, preserve %v", key, b.Spec.ConflictResolution, b.Spec.PreserveResourcesOnDeletion, overwrite, preserve)
		}
	}
	for name, b := range w.stored {
		if b.DeletionTimestamp != nil {
			t.Fatalf("%s is still there, with the finalizers %v", name, b.Finalizers)
		}
		if deps.Marked(b) && !b.Spec.PropagateDeps {
			t.Fatalf("%s is marked as a parent and is none", name)
		}
	}
}

// needing are the living parents that refer to an object, in order of their names.
func (w *world) needing(key deps.Key) (out []*binding) {
	for _, parent := range someParents {
		b := w.stored[bindingName(keyFor(deployment, parent))]
		if b == nil || !deps.Leads(b) {
			continue
		}
		if slices.ContainsFunc(w.refers[parent], func(d configv1alpha1.DependentObjectReference) bool {
			return d.Name == key.Name || d.LabelSelector != nil && d.LabelSelector.MatchLabels["app"] == w.objects[key].Labels["app"]
		}) {
			out = append(out, b)
		}
	}
	return out
}
