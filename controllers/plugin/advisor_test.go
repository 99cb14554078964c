package plugin

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/scheme"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

func TestAdviseAsksAllThatSelectTheTemplate(t *testing.T) {
	cheap := cel("cheap", v1.CELPlugin{Score: `100 - int(cluster.metadata.labels.price)`})
	cheap.Spec.Weight = ptr.To[int32](3)
	jobs := cel("jobs-only", v1.CELPlugin{Filter: `false`})
	jobs.Spec.ResourceSelectors = []policyv1alpha1.ResourceSelector{{APIVersion: "batch/v1", Kind: "Job"}}
	w := newWorld(t, []client.Object{cheap, jobs, cel("z-typo", v1.CELPlugin{Filter: `clster.x`}), cel("b-missing", v1.CELPlugin{Filter: `cluster.metadata.labels.gpu == "yes"`})},
		goPlugin{"m-compiled", func(context.Context) (map[string]placement.Opinion, error) {
			return map[string]placement.Opinion{"iad": {Excluded: true, Reason: "is\nfull"}, "fra": {Score: 900}, "mars": {Score: 1}}, nil
		}},
		goPlugin{"a-broken", func(context.Context) (map[string]placement.Opinion, error) { return nil, errBroken }},
		goPlugin{"n-panics", func(context.Context) (map[string]placement.Opinion, error) { panic("oh") }},
	)
	want := []placement.Advice{
		{Plugin: "a-broken", Weight: 1, Failed: "broken"},
		{Plugin: "b-missing", Weight: 1, Failed: `2 of 2 clusters, such as fra: filter: no such key: gpu; write [?"gpu"].orValue(...) for what may be missing`},
		{Plugin: "cheap", Weight: 3, Opinions: map[string]placement.Opinion{"fra": {Score: 75}, "iad": {Score: 60}}},
		{Plugin: "m-compiled", Weight: 1, Opinions: map[string]placement.Opinion{"fra": {Score: 100}, "iad": {Excluded: true, Reason: "is full"}}},
		{Plugin: "n-panics", Weight: 1, Failed: "it panicked: oh"},
		{Plugin: "z-typo", Weight: 1, Failed: `not accepted: spec.cel.filter: Invalid value: "clster.x": line 1, column 1: undeclared reference to 'clster' (in container ''); the variables are cluster, binding and metrics`},
	}
	if diff := cmp.Diff(want, w.advise()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAPluginIsUsedFromTheNextDecisionOn(t *testing.T) {
	w := newWorld(t, nil)
	expect := func(step string, changes int, want ...string) {
		t.Helper()
		var got []string
		for _, a := range w.advise() {
			got = append(got, fmt.Sprintf("%s %d", a.Plugin, a.Opinions["fra"].Score))
		}
		if diff := cmp.Diff(want, got); diff != "" || w.changes != changes {
			t.Errorf("%s: (-want +got):\n%s%d changes told, want %d", step, diff, w.changes, changes)
		}
	}
	ctx, p := context.Background(), cel("p", v1.CELPlugin{Score: "7"})
	expect("none", 0)
	w.advisor.put(ctx, p)
	expect("added", 1, "p 7")
	w.advisor.put(ctx, p)
	expect("looked at again", 1, "p 7")
	p.Generation, p.Spec.CEL.Score = 2, "9"
	w.advisor.put(ctx, p)
	expect("edited", 2, "p 9")
	p.UID, p.Generation, p.Spec.CEL.Score = "anew", 2, "11"
	w.advisor.put(ctx, p)
	expect("made anew", 3, "p 11")
	w.advisor.drop("p")
	w.advisor.drop("p")
	expect("gone", 4)
}

func TestNoPluginNoAdvice(t *testing.T) {
	if got := newWorld(t, nil).advise(); got != nil {
		t.Errorf("%v", got)
	}
}

func TestCompiledPluginsNeedNamesOfTheirOwn(t *testing.T) {
	for _, compiled := range [][]Plugin{{goPlugin{name: ""}}, {goPlugin{name: "a"}, goPlugin{name: "a"}}} {
		if _, err := newAdvisor(nil, nil, Options{Compiled: compiled}); err == nil {
			t.Errorf("%v accepted", compiled)
		}
	}
}

// inBubble is an advisor on virtual time.
func inBubble(t *testing.T, compiled ...Plugin) *Advisor {
	return advisor(t, fake.NewClientBuilder().WithScheme(scheme.New()).Build(), clock.RealClock{}, func() {}, compiled...)
}

func TestADeadPluginCostsFewDecisionsTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		a := inBubble(t, goPlugin{"dead", func(ctx context.Context) (map[string]placement.Opinion, error) {
			asked.Add(1)
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		start := time.Now()
		for i := range 1000 {
			advice := a.Advise(context.Background(), web(), clusters())
			want := "no answer within 200ms"
			if i >= 3 {
				want = "not asked after several failures: no answer within 200ms"
			}
			if advice[0].Failed != want {
				t.Fatalf("decision %d: %+v", i, advice[0])
			}
		}
		if took := time.Since(start); took != 600*time.Millisecond || asked.Load() != 3 {
			t.Errorf("1000 decisions waited %s, %d questions", took, asked.Load())
		}
	})
}

func TestAPluginThatIsBackIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		a := inBubble(t, goPlugin{"p", func(context.Context) (map[string]placement.Opinion, error) {
			if !up.Load() {
				return nil, errBroken
			}
			return map[string]placement.Opinion{"fra": {Score: 1}}, nil
		}})
		failed := func() string { return a.Advise(context.Background(), web(), clusters())[0].Failed }
		for range 4 {
			failed()
		}
		up.Store(true)
		if got := failed(); got != "not asked after several failures: broken" {
			t.Errorf("at once: %q", got)
		}
		time.Sleep(time.Second) // of virtual time
		for range 2 {
			if got := failed(); got != "" {
				t.Errorf("after the pause: %q", got)
			}
		}
	})
}

// One that does not heed the context holds no decision, and a bounded number of goroutines.
func TestAPluginThatNeverReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, running := make(chan struct{}), atomic.Int32{}
		a := inBubble(t, goPlugin{"stuck", func(context.Context) (map[string]placement.Opinion, error) {
			running.Add(1)
			<-release
			return nil, nil
		}}, goPlugin{"works", func(context.Context) (map[string]placement.Opinion, error) {
			return map[string]placement.Opinion{"fra": {Score: 1}}, nil
		}})
		start := time.Now()
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() {
				advice := a.Advise(context.Background(), web(), clusters())
				if !strings.HasSuffix(advice[0].Failed, "200ms") || advice[1].Opinions["fra"].Score != 1 {
					t.Errorf("%+v", advice)
				}
			})
		}
		wait.Wait()
		if took := time.Since(start); took != 200*time.Millisecond || running.Load() != maxOpen {
			t.Errorf("took %s, %d goroutines", took, running.Load())
		}
		close(release)
	})
}

func TestADecisionThatIsCancelledSaysNothingAboutThePlugin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := inBubble(t, goPlugin{"p", func(ctx context.Context) (map[string]placement.Opinion, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		for range 10 {
			if got := a.Advise(ctx, web(), clusters())[0].Failed; got != "the decision was cancelled" {
				t.Errorf("%q", got)
			}
		}
		if a.compiled[0].health.Asked() {
			t.Error("counted as a failure of the plugin")
		}
	})
}

func TestDecisionsGoOnWhilePluginsChange(t *testing.T) {
	w := newWorld(t, nil)
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := range 50 {
				if worker == 0 {
					p := cel(fmt.Sprintf("p%d", i%3), v1.CELPlugin{Score: "1"})
					p.Generation = int64(i)
					w.advisor.put(context.Background(), p)
					w.advisor.drop(fmt.Sprintf("p%d", (i+1)%3))
					continue
				}
				for _, a := range w.advisor.Advise(context.Background(), web(), clusters()) {
					if a.Failed != "" && !strings.HasPrefix(a.Failed, "no answer within") && !strings.HasPrefix(a.Failed, "not asked") {
						t.Errorf("%+v", a)
					}
				}
			}
		})
	}
	wait.Wait()
}

func TestViewsAreMadeOncePerVersion(t *testing.T) {
	var v views
	of := func(clusters ...*clusterv1alpha1.Cluster) []any {
		t.Helper()
		made, err := v.of(clusters)
		if err != nil {
			t.Fatal(err)
		}
		var out []any
		for _, m := range made {
			out = append(out, m)
		}
		return out
	}
	fra, iad := cluster("fra", nil), cluster("iad", nil)
	first := of(fra, iad)
	if again := of(iad, fra); again[0] != first[1] || again[1] != first[0] {
		t.Error("made again though nothing changed")
	}
	newer, anew, unsaved := fra.DeepCopy(), fra.DeepCopy(), fra.DeepCopy()
	newer.ResourceVersion, anew.UID, unsaved.ResourceVersion = "2", "anew", ""
	last := first[0]
	for name, c := range map[string]*clusterv1alpha1.Cluster{"newer": newer, "anew": anew, "without version": unsaved} {
		if of(c, iad)[0] == last {
			t.Errorf("%s: not made again", name)
		}
	}
	of(iad)
	if n := len(*v.last.Load()); n != 1 {
		t.Errorf("%d views kept of 1 cluster", n)
	}
}

func BenchmarkAdvise(b *testing.B) {
	for name, plugins := range map[string][]client.Object{
		"no plugin": nil,
		"two expressions": {
			cel("cheap", v1.CELPlugin{Score: `100 - int(cluster.metadata.labels.price)`}),
			cel("gpu", v1.CELPlugin{Filter: `metrics[?"nvidia.com/gpu.free"].orValue(0.0) >= 0.0`}),
		},
	} {
		b.Run(name+"/100 clusters", func(b *testing.B) {
			w, binding := newWorld(b, plugins), web()
			var all []*clusterv1alpha1.Cluster
			for i := range 100 {
				all = append(all, cluster(fmt.Sprintf("c%03d", i), map[string]string{"price": "25"}))
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, a := range w.advisor.Advise(context.Background(), binding, all) {
					if a.Failed != "" {
						b.Fatal(a.Failed)
					}
				}
			}
		})
	}
}
