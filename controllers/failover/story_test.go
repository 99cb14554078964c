package failover

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/scheduler"
)

var update = flag.Bool("update", false, "write the golden stories anew")

// fable is a world with the real placer in it, told in words.
type fable struct {
	*world
	strings.Builder
	until map[string]time.Time // when a reconciler wants to be asked again
	last  string

	mu    sync.Mutex
	heard []saying
}

// sized is a whole cluster with room for so many cores.
func sized(name string, cores int64) *clusterv1alpha1.Cluster {
	c := whole(name)
	c.Status.APIEnablements = []clusterv1alpha1.APIEnablement{{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Kind: "Deployment"}}}}
	c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{
		Allocatable: corev1.ResourceList{corev1.ResourceCPU: *resource.NewQuantity(cores, resource.DecimalSI), corev1.ResourcePods: resource.MustParse("100")},
		Allocated:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("0"), corev1.ResourcePods: resource.MustParse("0")},
	}
	return c
}

// app is the binding of a Deployment of replicas of one core each, divided by room.
func app(name string, priority int32, to ...any) *workv1alpha2.ResourceBinding {
	b := deployment(on(to...))
	b.Name, b.Spec.Resource.Name, b.CreationTimestamp = name+"-deployment", name, metav1.NewTime(t0.Add(-24*time.Hour))
	b.Generation = 1 // the fake hub counts none, and 0 would be a write that never was
	b.Spec.Replicas = 0
	for _, c := range b.Spec.Clusters {
		b.Spec.Replicas += c.Replicas
	}
	b.Spec.SchedulePriority = &workv1alpha2.SchedulePriority{Priority: priority}
	b.Spec.ReplicaRequirements = &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}}
	b.Spec.Placement = &policyv1alpha1.Placement{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
		ReplicaSchedulingType:     policyv1alpha1.ReplicaSchedulingTypeDivided,
		ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceWeighted,
		WeightPreference:          &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas},
	}}
	return b
}

// teller keeps events for the fable. Writes go on beside decisions, so that only the order of the events
// of one binding is certain.
type teller struct{ f *fable }

type saying struct{ who, what string }

// flush writes down what was told, by binding.
func (f *fable) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.SortStableFunc(f.heard, func(a, b saying) int { return strings.Compare(a.who, b.who) })
	for _, e := range f.heard {
		fmt.Fprintf(f, "%s    %s\n", f.time(), e.what)
	}
	f.heard = nil
}

func (t teller) Event(obj runtime.Object, kind, reason, message string) {
	if b, ok := obj.(workv1alpha2.Binding); ok { // and not its template as well
		name := b.GetBindingSpec().Resource.Name
		t.f.mu.Lock()
		defer t.f.mu.Unlock()
		t.f.heard = append(t.f.heard, saying{name, fmt.Sprintf("%-7s %s: %s: %s", kind, name, reason, message)})
	}
}

func (t teller) Eventf(obj runtime.Object, kind, reason, format string, args ...any) {
	t.Event(obj, kind, reason, fmt.Sprintf(format, args...))
}

func (t teller) AnnotatedEventf(obj runtime.Object, _ map[string]string, kind, reason, format string, args ...any) {
	t.Event(obj, kind, reason, fmt.Sprintf(format, args...))
}

var _ record.EventRecorder = teller{}

// count sets what the clusters report to what runs in them: what is placed in a cluster that is reached.
func count(objs []client.Object) {
	for _, o := range objs {
		c, ok := o.(*clusterv1alpha1.Cluster)
		if !ok {
			continue
		}
		var n int64
		for _, o := range objs {
			if b, ok := o.(*workv1alpha2.ResourceBinding); ok {
				n += int64(replicasOf(b.Spec.Clusters, c.Name))
			}
		}
		c.Status.ResourceSummary.Allocated = corev1.ResourceList{corev1.ResourceCPU: *resource.NewQuantity(n, resource.DecimalSI), corev1.ResourcePods: *resource.NewQuantity(n, resource.DecimalSI)}
	}
}

func tellOf(t *testing.T, objs ...client.Object) *fable {
	count(objs)
	f := &fable{world: newWorld(t, objs...), until: map[string]time.Time{}}
	f.events = nil
	f.start()
	f.show()
	return f
}

// start begins a process: nothing but the objects is left of the one before.
func (f *fable) start() {
	before := f.evacuator.hands
	h := &hands{
		client: before.client, live: before.live, policies: before.policies, clock: before.clock, workers: 1,
		recorder: teller{f}, placer: Through(scheduler.PlacerOver(before.client), f.clock),
	}
	h.started.Do(func() { h.watching = before.watching })
	f.evacuator = newEvacuator(h)
	f.reconciler = &reconciler{hands: h, empty: f.empty}
}

func (f *fable) time() string { return "+" + f.clock.Now().Sub(t0).String() }

func (f *fable) bindings() []workv1alpha2.ResourceBinding {
	f.t.Helper()
	var list workv1alpha2.ResourceBindingList
	if err := f.client.List(context.Background(), &list); err != nil {
		f.t.Fatal(err)
	}
	return list.Items
}

// then says what happens and lets it happen; then everybody looks.
func (f *fable) then(what string, happens func()) {
	fmt.Fprintf(f, "%s  %s\n", f.time(), what)
	happens()
	f.look()
}

// look lets all controllers look until nothing changes any more.
func (f *fable) look() {
	f.t.Helper()
	ctx := context.Background()
	for range 5 {
		before := f.picture()
		result, err := f.evacuator.Reconcile(ctx, ctrl.Request{})
		if err != nil {
			f.t.Fatal(err)
		}
		f.wake("", result)
		f.flush()
		for _, b := range f.bindings() {
			result, err := f.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&b)})
			if err != nil {
				f.t.Fatal(err)
			}
			f.wake(b.Name, result)
			f.flush()
		}
		if f.picture() == before {
			break
		}
	}
	f.show()
}

func (f *fable) wake(who string, r ctrl.Result) {
	if delete(f.until, who); r.RequeueAfter > 0 {
		f.until[who] = f.clock.Now().Add(r.RequeueAfter)
	}
}

// sleep lets time pass, with all looks that somebody asked for.
func (f *fable) sleep(d time.Duration) {
	end := f.clock.Now().Add(d)
	for {
		next := end
		for _, at := range f.until {
			if at.Before(next) {
				next = at
			}
		}
		if f.clock.SetTime(next); !next.Before(end) {
			f.look()
			return
		}
		f.look()
	}
}

// picture is where everything is and what is said of it.
func (f *fable) picture() string {
	var out strings.Builder
	for _, b := range f.bindings() {
		fmt.Fprintf(&out, "%14s %s", b.Spec.Resource.Name, placement.Targets(b.Spec.Clusters))
		if gone := away(&b); len(gone) > 0 {
			fmt.Fprintf(&out, " away from %s", strings.Join(gone, ", "))
		}
		for _, kind := range []string{workv1alpha2.ConditionFailoverHeld, names.ConditionPreempted, names.ConditionPreempts} {
			if c := meta.FindStatusCondition(b.Status.Conditions, kind); c != nil {
				fmt.Fprintf(&out, "\n%16s %s/%s: %s", "", c.Type, c.Reason, c.Message)
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}

func (f *fable) show() {
	if now := f.picture(); now != f.last {
		f.WriteString(now)
		f.last = now
	}
}

func (f *fable) dies(name string)    { f.signals(name, metav1.ConditionFalse, metav1.ConditionFalse, 0) }
func (f *fable) returns(name string) { f.signals(name, metav1.ConditionTrue, metav1.ConditionTrue, 0) }

// signals changes the conditions only.
func (f *fable) signals(name string, ready, dataPath metav1.ConditionStatus, ago time.Duration) {
	f.t.Helper()
	f.change(name, func(c *clusterv1alpha1.Cluster) {
		c.Status.Conditions = cluster(name, ready, dataPath, f.clock.Now().Add(-ago)).Status.Conditions
	})
}

func (f *fable) change(name string, how func(*clusterv1alpha1.Cluster)) {
	f.t.Helper()
	var c clusterv1alpha1.Cluster
	if err := f.client.Get(context.Background(), client.ObjectKey{Name: name}, &c); err != nil {
		f.t.Fatal(err)
	}
	how(&c)
	f.set(&c)
}

// edit changes a binding as somebody else does.
func (f *fable) edit(name string, how func(*workv1alpha2.ResourceBinding)) {
	f.t.Helper()
	var b workv1alpha2.ResourceBinding
	if err := f.client.Get(context.Background(), client.ObjectKey{Namespace: "shop", Name: name + "-deployment"}, &b); err != nil {
		f.t.Fatal(err)
	}
	how(&b)
	f.set(&b)
}

// report lets members say that all that is placed runs, and clusters count it; the account begins anew.
func (f *fable) report() {
	f.t.Helper()
	objs := []client.Object{}
	for _, b := range f.bindings() {
		healthy(&b, clusterNames(slices.Concat(b.Spec.Clusters, waitingIn(&b)))...)
		if err := f.client.Status().Update(context.Background(), &b); err != nil {
			f.t.Fatal(err)
		}
		objs = append(objs, &b)
	}
	var list clusterv1alpha1.ClusterList
	if err := f.client.List(context.Background(), &list); err != nil {
		f.t.Fatal(err)
	}
	for i := range list.Items {
		objs = append(objs, &list.Items[i])
	}
	count(objs)
	for i := range list.Items {
		f.set(&list.Items[i])
	}
	f.start()
}

func waitingIn(b *workv1alpha2.ResourceBinding) (out []workv1alpha2.TargetCluster) {
	for _, name := range away(b) {
		out = append(out, workv1alpha2.TargetCluster{Name: name})
	}
	return out
}

func (f *fable) end(name string) {
	f.t.Helper()
	path := filepath.Join("testdata", "stories", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(f.String()), 0o644); err != nil {
			f.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), f.String()); diff != "" {
		f.t.Errorf("story (-want +got):\n%s", diff)
	}
}

func TestStoryOfShortage(t *testing.T) {
	f := tellOf(t, sized("fra", 12), sized("iad", 8), sized("sin", 8),
		app("checkout", 100, "fra", 6), app("search", 50, "fra", 4, "iad", 2), app("reports", 0, "fra", 2, "iad", 3, "sin", 3), app("batch", 0, "iad", 1, "sin", 3))
	f.then("fra is lost: 12 replicas look for room, 5 + 2 cores are free", func() { f.dies("fra") })
	f.sleep(15 * time.Second)
	f.sleep(time.Minute)
	f.then("the clusters have counted what runs now; nothing more is taken from anybody", f.report)
	f.sleep(time.Minute)
	f.then("sin grows by 8 cores: what waits finds room", func() {
		f.change("sin", func(c *clusterv1alpha1.Cluster) {
			c.Status.ResourceSummary.Allocatable[corev1.ResourceCPU] = resource.MustParse("16")
		})
	})
	f.then("the scheduler gives the victims theirs back", func() {
		f.edit("batch", func(b *workv1alpha2.ResourceBinding) { b.Spec.Clusters = on("sin", int(b.Spec.Replicas)) })
	})
	f.end("shortage")
}

func TestStoryOfTheBrake(t *testing.T) {
	f := tellOf(t, sized("fra", 9), sized("iad", 9), sized("sin", 9), sized("gru", 9), app("web", 0, "fra", 2, "iad", 2, "sin", 2), app("api", 0, "iad", 4))
	f.then("fra is lost", func() { f.dies("fra") })
	f.sleep(8 * time.Minute)
	f.then("eight minutes later iad is lost too: half of the fleet within ten minutes", func() { f.dies("iad") })
	f.sleep(time.Minute)
	f.then("a person knows that iad burnt down, and says so for web", func() {
		f.edit("web", func(b *workv1alpha2.ResourceBinding) {
			b.Annotations = map[string]string{names.MoveNowAnnotation: "iad"}
		})
	})
	f.then("another edits the placement of api: it is where they want it, at once", func() {
		f.edit("api", func(b *workv1alpha2.ResourceBinding) { b.Spec.Clusters = on("gru", 4) })
	})
	f.then("and takes that back", func() {
		f.edit("api", func(b *workv1alpha2.ResourceBinding) { b.Spec.Clusters = on("iad", 4) })
	})
	f.then("fra returns: the brake is released, and the loss of iad counts anew", func() { f.returns("fra") })
	f.sleep(time.Minute)
	f.end("brake")
}

func TestStoryOfACutHub(t *testing.T) {
	f := tellOf(t, sized("fra", 9), sized("iad", 9), sized("sin", 9), sized("gru", 9), app("web", 0, "fra", 2, "iad", 2, "sin", 2))
	f.then("the hub loses its network; fra is really gone", func() {
		f.dies("fra")
		for _, name := range []string{"iad", "sin", "gru"} {
			f.signals(name, metav1.ConditionFalse, metav1.ConditionTrue, 0)
		}
	})
	f.sleep(10 * time.Minute)
	f.then("the hub is back", func() {
		for _, name := range []string{"iad", "sin", "gru"} {
			f.returns(name)
		}
	})
	f.sleep(time.Minute)
	f.end("hub-cut")
}

func TestStoryOfFlapping(t *testing.T) {
	f := tellOf(t, sized("fra", 9), sized("iad", 9), sized("sin", 9), app("web", 0, "fra", 2, "iad", 2, "sin", 2))
	rounds := func(n int) {
		for range n {
			f.dies("fra")
			f.sleep(10 * time.Second)
			f.returns("fra")
			f.sleep(10 * time.Second)
		}
	}
	f.then("20 rounds of 10 s down and 10 s up", func() { rounds(20) })
	f.then("fra is lost for 20 s", func() { f.dies("fra") })
	f.sleep(20 * time.Second)
	f.then("20 more rounds, and then it is well", func() { f.returns("fra"); rounds(20); f.report() })
	f.sleep(10 * time.Minute)
	f.end("flapping")
}

func TestStoryOfTheReturn(t *testing.T) {
	f := tellOf(t, sized("fra", 9), sized("iad", 9), sized("sin", 9), app("web", 0, "fra", 2, "iad", 2, "sin", 2), plan("web"), webTemplate(),
		application("web", trafficv1alpha1.Failover{}, map[string]string{"app": "web"})[0], application("web", trafficv1alpha1.Failover{}, map[string]string{"app": "web"})[1])
	requests := func(state trafficv1alpha1.EndpointState, share int32) func() {
		return func() {
			p := &trafficv1alpha1.TrafficPlan{}
			if err := f.client.Get(context.Background(), client.ObjectKey{Namespace: "shop", Name: "web"}, p); err != nil {
				t.Fatal(err)
			}
			p.Spec.Endpoints = []trafficv1alpha1.PlanEndpoint{endpoint("fra", state, share)}
			f.set(p)
		}
	}
	f.then("fra is lost", func() { f.dies("fra"); requests(trafficv1alpha1.EndpointDown, 0)() })
	f.sleep(time.Minute)
	f.then("the clusters have counted what runs now", f.report)
	f.sleep(6 * time.Hour)
	f.then("hours later fra returns", func() { f.returns("fra") })
	f.sleep(4 * time.Minute)
	f.then("a quarter of the requests is back", requests(trafficv1alpha1.EndpointRecovering, 25))
	f.sleep(2 * time.Minute)
	f.then("a person holds all moves for half an hour", func() {
		p := &trafficv1alpha1.TrafficPolicy{}
		if err := f.client.Get(context.Background(), client.ObjectKey{Namespace: "shop", Name: "web"}, p); err != nil {
			t.Fatal(err)
		}
		p.Annotations = map[string]string{names.HoldUntilAnnotation: f.clock.Now().Add(30 * time.Minute).UTC().Format(time.RFC3339)}
		f.set(p)
	})
	f.then("all requests are back", requests(trafficv1alpha1.EndpointServing, 100))
	f.sleep(30 * time.Minute)
	f.end("return")
}

func TestStoryOfARestart(t *testing.T) {
	f := tellOf(t, sized("fra", 9), sized("iad", 9), sized("sin", 9), app("one", 9, "fra", 3), app("two", 5, "fra", 3), app("three", 0, "fra", 3))
	f.then("fra is lost", func() { f.dies("fra") })
	f.clock.Step(15 * time.Second)
	f.then("the hub dies when it has written the first of three moves, and starts again", func() {
		f.writes, f.breakAfter = nil, 1
		if _, err := f.evacuator.Reconcile(context.Background(), ctrl.Request{}); err == nil {
			t.Error("the hub did not die")
		}
		f.breakAfter = 0
		f.flush()
		f.show()
		f.evacuator.hands.watching = f.clock.Now()
		f.start()
	})
	f.sleep(14 * time.Second)
	f.then("(it looks for itself before it goes on)", func() {})
	f.sleep(2 * time.Second)
	f.end("restart")
}

func TestStoryOfASingleton(t *testing.T) {
	template := webTemplate()
	template.Annotations = map[string]string{names.SingletonAnnotation: "true"}
	f := tellOf(t, sized("fra", 9), sized("iad", 9), sized("sin", 9), app("web", 0, "fra", 1), template)
	f.then("fra is lost; nobody knows whether what runs there has stopped", func() { f.dies("fra") })
	f.sleep(10 * time.Minute)
	fence := func(value string) func() {
		return func() {
			f.change("fra", func(c *clusterv1alpha1.Cluster) { c.Annotations = map[string]string{names.FencedAnnotation: value} })
		}
	}
	f.then("a fence from an outage of last month is still there", fence("2026-04-01T12:00:00Z"))
	f.then("a person has pulled the plug of fra", fence(f.clock.Now().UTC().Format(time.RFC3339)))
	f.then("fra returns: the copy stays where it is", func() { f.returns("fra") })
	f.sleep(time.Hour)
	f.end("singleton")
}
