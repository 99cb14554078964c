package failover

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Everybody in a lost cluster is placed in one pass, in order, against one account.
func TestHundredsOfBindingsInOnePass(t *testing.T) {
	objs := []client.Object{sized("fra", 5000), sized("iad", 570), sized("sin", 570)}
	for _, o := range objs {
		o.(*clusterv1alpha1.Cluster).Status.ResourceSummary.Allocatable[corev1.ResourcePods] = resource.MustParse("10000")
	}
	const bindings = 300
	for i := range bindings {
		objs = append(objs, app(fmt.Sprintf("app%04d", i), int32(i%10), "fra", 4))
	}
	f := tellOf(t, objs...)
	f.dies("fra")
	f.clock.Step(20 * time.Second)
	start := time.Now()
	if _, err := f.evacuator.Reconcile(context.Background(), ctrl.Request{}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bindings in %s, a fake hub included", bindings, time.Since(start))
	moved, room := map[int32]int{}, map[string]int32{}
	for _, b := range f.bindings() {
		if len(away(&b)) > 0 {
			moved[hub.PriorityOf(&b)]++
			for _, c := range b.Spec.Clusters {
				room[c.Name] += c.Replicas
			}
		}
	}
	// 1,140 of 1,200 cores: the least important tier gives way, all others fit.
	want := map[int32]int{0: 15, 1: 30, 2: 30, 3: 30, 4: 30, 5: 30, 6: 30, 7: 30, 8: 30, 9: 30}
	if diff := cmp.Diff(want, moved); diff != "" {
		t.Errorf("moved by priority (-want +got):\n%s", diff)
	}
	if room["iad"] != 570 || room["sin"] != 570 {
		t.Errorf("the survivors got %v", room)
	}
}

// Who does not fit is not in the way of smaller ones.
func TestASmallerOneTakesWhatALargerOneCanNotUse(t *testing.T) {
	f := tellOf(t, sized("fra", 20), sized("iad", 3), sized("sin", 1), app("large", 9, "fra", 6), app("small", 0, "fra", 3), app("tiny", 0, "fra", 2))
	f.dies("fra")
	f.clock.Step(20 * time.Second)
	f.look()
	for name, want := range map[string]string{"large": "{fra:6}", "small": "{iad:2, sin:1}", "tiny": "{fra:2}"} {
		b := f.find(name)
		if got := placement.Targets(b.Spec.Clusters); got != want {
			t.Errorf("%s is on %s, want %s", name, got, want)
		}
	}
	if text := f.picture(); !strings.Contains(text, "NoRoom: 6 replicas need 1 cpu each, and the survivors have room for 1 (iad 1, sin 0)") {
		t.Errorf("conditions:\n%s", text)
	}
	if !f.evacuator.waiting.Load() {
		t.Error("room wakes nobody")
	}
}

func (f *fable) find(name string) *workv1alpha2.ResourceBinding {
	f.t.Helper()
	for _, b := range f.bindings() {
		if b.Spec.Resource.Name == name {
			return &b
		}
	}
	f.t.Fatalf("no binding of %s", name)
	return nil
}

func TestWhoGivesUpWhat(t *testing.T) {
	template := func(name string, annotations map[string]string) client.Object {
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Annotations: annotations}}
	}
	anything := template("low", map[string]string{names.PreemptibleAnnotation: "true"})
	duplicated := func(b *workv1alpha2.ResourceBinding) { b.Spec.Placement.ReplicaScheduling = nil }
	for name, tc := range map[string]struct {
		win  int32 // priority; that of low is 0
		low  *workv1alpha2.ResourceBinding
		mod  func(*workv1alpha2.ResourceBinding)
		more []client.Object
		vip  *workv1alpha2.ResourceBinding
		want string // where low is
		held bool   // vip stays
	}{
		"as much as is needed":                   {win: 9, low: app("low", 0, "iad", 4), want: "{iad:2}"},
		"an equal gives nothing":                 {win: 0, low: app("low", 0, "iad", 4), want: "{iad:4}", held: true},
		"the last one stays":                     {win: 9, low: app("low", 0, "iad", 2), want: "{iad:2}", held: true},
		"unless its template says it may go":     {win: 9, low: app("low", 0, "iad", 2), more: []client.Object{anything}, want: "{}"},
		"nothing lives on in a lost cluster":     {win: 9, low: app("low", 0, "iad", 2, "fra", 1), want: "{iad:2, fra:1}", held: true},
		"what is not divided by room is left be": {win: 9, low: app("low", 0, "iad", 4), mod: duplicated, want: "{iad:4}", held: true},
		"what is suspended is left be": {win: 9, low: app("low", 0, "iad", 4), mod: func(b *workv1alpha2.ResourceBinding) {
			b.Spec.Suspension = &workv1alpha2.Suspension{Scheduling: ptr.To(true)}
		}, want: "{iad:4}", held: true},
		"a class that never pre-empts": {win: 9, low: app("low", 0, "iad", 4), vip: claimed(app("vip", 9, "fra", 2)), more: []client.Object{
			&policyv1alpha1.PropagationPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p"}, Spec: policyv1alpha1.PropagationSpec{
				SchedulePriority: &policyv1alpha1.SchedulePriority{PriorityClassSource: policyv1alpha1.KubePriorityClass, PriorityClassName: "patient"}}},
			&schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "patient"}, Value: 9, PreemptionPolicy: ptr.To(corev1.PreemptNever)},
		}, want: "{iad:4}", held: true},
		"a class that is gone": {win: 9, low: app("low", 0, "iad", 4), vip: claimed(app("vip", 9, "fra", 2)), more: []client.Object{
			&policyv1alpha1.PropagationPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "p"}, Spec: policyv1alpha1.PropagationSpec{
				SchedulePriority: &policyv1alpha1.SchedulePriority{PriorityClassName: "patient"}}},
		}, want: "{iad:2}"},
	} {
		t.Run(name, func(t *testing.T) {
			vip := app("vip", tc.win, "fra", 2)
			if tc.vip != nil {
				vip = tc.vip
			}
			if tc.mod != nil {
				tc.mod(tc.low)
			}
			cores := int64(replicasOf(tc.low.Spec.Clusters, "iad"))
			f := tellOf(t, append(tc.more, sized("fra", 20), sized("iad", cores), sized("sin", 0), vip, tc.low)...)
			f.dies("fra")
			f.clock.Step(20 * time.Second)
			f.look()
			if got := placement.Targets(f.find("low").Spec.Clusters); got != tc.want {
				t.Errorf("low is on %s, want %s", got, tc.want)
			}
			want := "{iad:2}"
			if tc.held {
				want = "{fra:2}"
			}
			if got := placement.Targets(f.find("vip").Spec.Clusters); got != want {
				t.Errorf("vip is on %s, want %s\n%s", got, want, f.picture())
			}
			told := f.String()
			for _, reason := range []string{names.EventReasonPreempted, names.EventReasonPreempts} {
				if strings.Contains(told, " "+reason+": ") == tc.held {
					t.Errorf("event %s:\n%s", reason, told)
				}
			}
			writes := f.picture()
			if f.look(); f.picture() != writes {
				t.Errorf("a second look takes more:\n%s", f.picture())
			}
		})
	}
}

// claimed is a binding of the policy p.
func claimed(b *workv1alpha2.ResourceBinding) *workv1alpha2.ResourceBinding {
	b.Labels = map[string]string{names.PropagationPolicyPermanentID: "id"}
	b.Annotations = map[string]string{names.PropagationPolicyNamespaceAnnotation: "shop", names.PropagationPolicyNameAnnotation: "p"}
	return b
}

// What runs everywhere in full has nothing to move.
func TestADuplicatedWorkloadIsNotWritten(t *testing.T) {
	everywhere := app("web", 0, "fra", 3, "iad", 3, "sin", 3)
	everywhere.Spec.Replicas, everywhere.Spec.Placement.ReplicaScheduling = 3, nil
	f := tellOf(t, sized("fra", 9), sized("iad", 9), sized("sin", 9), everywhere)
	f.dies("fra")
	f.clock.Step(20 * time.Second)
	f.writes = nil
	f.look()
	f.wantWrites()
}

// What a person writes while a pass is being made wins: the pass sees a conflict, and looks again.
func TestAnEditDuringAPassWins(t *testing.T) {
	w := newWorld(t, lost("fra", time.Minute), whole("iad"), whole("sin"), deployment(on("fra", 6)))
	w.to, w.conflict = on("iad", 6), true
	w.reconcile()
	if got := tasks(w.binding()); len(got) != 0 {
		t.Fatalf("written over an edit: %v", got)
	}
	w.reconcile()
	w.wantWrites("patch")
}

// The cache may show for a moment what a pass has written already.
func TestAStaleCacheIsNotWrittenAgain(t *testing.T) {
	w := newWorld(t, lost("fra", time.Minute), whole("iad"), whole("sin"), deployment(on("fra", 6)))
	w.evacuator.wrote[web] = w.binding().ResourceVersion
	w.to = on("iad", 6)
	if again := w.reconcile(); again != cacheLag {
		t.Errorf("looks again in %s", again)
	}
	w.wantWrites()
}

func TestWhatBeginsAPass(t *testing.T) {
	w := newWorld(t, lost("fra", time.Minute), whole("iad"))
	for name, tc := range map[string]struct {
		b    client.Object
		want int
	}{
		"a binding in a lost cluster": {deployment(on("fra", 6)), 1},
		"one in whole clusters":       {deployment(on("iad", 6)), 0},
		"one that has left":           {awayFrom(deployment(on("iad", 6)), "fra"), 0},
	} {
		if got := w.evacuator.inTrouble(context.Background(), tc.b); len(got) != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	before, roomier := sized("iad", 5), sized("iad", 9)
	fenced := sized("iad", 5)
	fenced.Annotations = map[string]string{names.FencedAnnotation: "gone"}
	changed := w.evacuator.clusterChanged().Update
	if changed(event.UpdateEvent{ObjectOld: before, ObjectNew: roomier}) {
		t.Error("room wakes although nothing waits")
	}
	w.evacuator.waiting.Store(true)
	if !changed(event.UpdateEvent{ObjectOld: before, ObjectNew: roomier}) || changed(event.UpdateEvent{ObjectOld: before, ObjectNew: before}) {
		t.Error("room wakes nobody, or the same room does")
	}
	if !changed(event.UpdateEvent{ObjectOld: before, ObjectNew: fenced}) {
		t.Error("a fence wakes nobody")
	}
}
