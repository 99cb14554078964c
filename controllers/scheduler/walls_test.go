package scheduler

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/event"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/residency"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

func geo(where string) func(*clusterv1alpha1.Cluster) {
	return func(c *clusterv1alpha1.Cluster) {
		c.Labels, c.Status.ResourceSummary = map[string]string{"geo": where}, room(100)
	}
}

func namespace(wall string) *corev1.Namespace {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	if wall != "" {
		ns.Annotations = map[string]string{names.ResidencyAnnotation: wall}
	}
	return ns
}

func targetsOf(b *workv1alpha2.ResourceBinding) string { return placement.Targets(b.Spec.Clusters) }

func TestAWallMovesWhatIsOutside(t *testing.T) {
	ns := namespace("")
	w := newWorld(t, ns, cluster("m1", geo("us")), cluster("m2", geo("eu")), binding(nil))
	if b := w.reconcile(t); !strings.Contains(targetsOf(b), "m1") {
		t.Fatalf("placed in %s", targetsOf(b))
	}
	draw := func(text string) {
		ns.Annotations = map[string]string{names.ResidencyAnnotation: text}
		if err := w.client.Update(context.Background(), ns); err != nil {
			t.Fatal(err)
		}
	}
	draw("geo=eu")
	if b := w.reconcile(t); targetsOf(b) != "{m2:3}" || resident(b) != "" {
		t.Errorf("placed in %s, %s", targetsOf(b), resident(b))
	}
	before := w.writes
	if w.reconcile(t); w.writes != before {
		t.Error("a placement inside was written again")
	}
	draw("geo=mars")
	if b := w.reconcile(t); targetsOf(b) != "{m2:3}" || !strings.Contains(scheduled(b).Message, "Residency") {
		t.Errorf("in %s: %s", targetsOf(b), scheduled(b).Message)
	} else if got := resident(b); got != "False ResidencyViolated: runs outside of the namespace's wall (traffic.seaway.dev/residency: geo=mars) in m2, until there is a place inside" {
		t.Error(got)
	}
	before = w.writes
	if w.reconcile(t); w.writes != before {
		t.Error("the same was written again")
	}
	draw("geo=eu")
	if b := w.reconcile(t); resident(b) != "True ResidencyKept: nothing runs outside of a wall" {
		t.Error(resident(b))
	}
	draw("geo in eu")
	if b := w.reconcile(t); targetsOf(b) != "{m2:3}" || scheduled(b).Status != metav1.ConditionFalse {
		t.Errorf("a wall that can not be read: in %s: %+v", targetsOf(b), scheduled(b))
	}
}

// What is leaving a cluster outside of the wall still runs there.
func TestWhatIsLeavingStillRunsOutside(t *testing.T) {
	outside := enclose(mustWall(t, "geo=eu"), []*clusterv1alpha1.Cluster{cluster("m1", geo("us")), cluster("m2", geo("eu"))})
	b := binding(func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "m2", Replicas: 3}}
		b.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "m1"}}
	})
	c := outside.resident(b)
	if c == nil || c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "in m1,") {
		t.Fatalf("%+v", c)
	}
	b.Status.Conditions = []metav1.Condition{*c}
	b.Spec.GracefulEvictionTasks = nil
	if c = outside.resident(b); c == nil || c.Status != metav1.ConditionTrue {
		t.Errorf("%+v", c)
	}
	if observed(b, c) {
		t.Error("the end of it is not written")
	}
}

func mustWall(t *testing.T, text string) residency.Wall {
	wall, err := residency.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return wall
}

// resident is the condition of that name as a sentence; empty when there is none.
func resident(b *workv1alpha2.ResourceBinding) string {
	c := meta.FindStatusCondition(b.Status.Conditions, names.ConditionResident)
	if c == nil {
		return ""
	}
	return string(c.Status) + " " + c.Reason + ": " + c.Message
}

// Failover asks the placer for a placement without the clusters that are lost: it stays inside.
func TestFailoverStaysInsideTheWall(t *testing.T) {
	b := binding(func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "m1", Replicas: 3}}
	})
	w := newWorld(t, namespace("geo=eu"), cluster("m1", geo("eu")), cluster("m2", geo("eu")), cluster("m3", geo("us")), b)
	result, d, err := w.placer.Place(context.Background(), b, sets.New("m1"), false)
	if err != nil || placement.Targets(result.Clusters) != "{m2:3}" {
		t.Errorf("%v, %s: %s", err, placement.Targets(result.Clusters), d.Message)
	}
	result, d, err = w.placer.Place(context.Background(), b, sets.New("m1", "m2"), false)
	if err != nil || d.Fits() || placement.Targets(result.Clusters) != "{m1:3}" {
		t.Errorf("%v, %s: %s", err, placement.Targets(result.Clusters), d.Message)
	}
}

func TestAWallWakesTheBindingsOfItsNamespace(t *testing.T) {
	f := newFollowing(t)
	elsewhere := binding(func(b *workv1alpha2.ResourceBinding) { b.Namespace, b.Name = "blog", "blog" })
	hub := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(binding(nil), elsewhere).Build()
	h := f.walls(hub)
	for name, tc := range map[string]struct {
		before, after *corev1.Namespace
		want          []string
	}{
		"drawn":    {namespace(""), namespace("geo=eu"), []string{"web-deployment"}},
		"moved":    {namespace("geo=us"), namespace("geo=eu"), []string{"web-deployment"}},
		"torn":     {namespace("geo=us"), namespace(""), []string{"web-deployment"}},
		"the same": {namespace("geo=us"), namespace("geo=us"), nil},
	} {
		h.Update(context.Background(), event.UpdateEvent{ObjectOld: tc.before, ObjectNew: tc.after}, f.q)
		if diff := cmp.Diff(tc.want, f.queued()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
