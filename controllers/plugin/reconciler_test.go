package plugin

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

const (
	isAccepted = "True/Accepted: its spec can be used"
	isInUse    = "True/InUse: decisions ask it"
)

func TestStatusOfAPluginNobodyHasAskedYet(t *testing.T) {
	for name, tc := range map[string]struct {
		plugin          *v1.PlacementPlugin
		accepted, ready string
	}{
		"one that can be used": {cel("p", v1.CELPlugin{Score: "1"}), isAccepted, isInUse},
		"one with a typo": {cel("p", v1.CELPlugin{Score: "clster.x"}),
			`False/Invalid: spec.cel.score: Invalid value: "clster.x": line 1, column 1: undeclared reference to 'clster' (in container ''); the variables are cluster, binding and metrics`,
			"False/NotAccepted: decisions pass it over: see the condition Accepted"},
		"one with a name that is compiled in": {cel("builtin", v1.CELPlugin{Score: "1"}),
			"False/NameTaken: an algorithm that is compiled in has this name; choose another", "False/NotAccepted: decisions pass it over: see the condition Accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, []client.Object{tc.plugin}, goPlugin{"builtin", func(context.Context) (map[string]placement.Opinion, error) { return nil, nil }})
			for range 3 {
				if again := w.reconcile(tc.plugin.Name); again != 0 {
					t.Errorf("looked at again in %s", again)
				}
			}
			accepted, ready := w.conditions(tc.plugin.Name)
			if diff := cmp.Diff([]string{tc.accepted, tc.ready}, []string{accepted, ready}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if w.writes != 1 {
				t.Errorf("%d writes", w.writes)
			}
		})
	}
}

func TestANameThatIsCompiledInStays(t *testing.T) {
	w := newWorld(t, []client.Object{cel("builtin", v1.CELPlugin{Score: "1"})},
		goPlugin{"builtin", func(context.Context) (map[string]placement.Opinion, error) {
			return map[string]placement.Opinion{"fra": {Score: 77}}, nil
		}})
	w.reconcile("builtin")
	if got := w.advise(); len(got) != 1 || got[0].Opinions["fra"].Score != 77 {
		t.Errorf("%+v", got)
	}
}

func TestAnEditIsSeenInTheStatus(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, []client.Object{cel("p", v1.CELPlugin{Score: "x"})})
	w.reconcile("p")
	p := &v1.PlacementPlugin{}
	if err := w.Get(ctx, types.NamespacedName{Name: "p"}, p); err != nil {
		t.Fatal(err)
	}
	p.Generation, p.Spec.CEL.Score = 2, "5"
	if err := w.Update(ctx, p); err != nil {
		t.Fatal(err)
	}
	w.reconcile("p")
	if accepted, ready := w.conditions("p"); accepted != isAccepted || ready != isInUse {
		t.Errorf("%s, %s", accepted, ready)
	}
	if diff := cmp.Diff([]string{"Warning PassedOver decisions pass it over: see the condition Accepted", "Normal InUse decisions ask it"}, w.events()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if err := w.Delete(ctx, p); err != nil {
		t.Fatal(err)
	}
	w.reconcile("p")
	if got := w.advise(); got != nil {
		t.Errorf("asked although it is gone: %+v", got)
	}
}

// However often a plugin fails, its status is written when it starts to and when it has stopped.
func TestFailuresAreReportedOnce(t *testing.T) {
	w := newWorld(t, []client.Object{cel("p", v1.CELPlugin{Score: `int(cluster.metadata.labels.cost)`})})
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer queue.ShutDown()
	if err := w.advisor.reportTo(context.Background(), queue); err != nil {
		t.Fatal(err)
	}
	// work does what the controller would do.
	work := func() {
		for queue.Len() > 0 {
			req, _ := queue.Get()
			w.reconcile(req.Name)
			queue.Done(req)
		}
	}
	labelled := clusters()
	for i, c := range labelled {
		labelled[i] = c.DeepCopy()
		labelled[i].Labels["cost"], labelled[i].ResourceVersion = "5", "2"
	}
	w.reconcile("p")
	w.advise()
	work()
	w.writes = 0
	for i := range 1000 { // every other binding meets a cluster without the label
		if i%2 == 0 {
			w.advise()
		} else if got := w.advisor.Advise(context.Background(), web(), labelled); got[0].Failed != "" {
			t.Fatalf("%+v", got)
		}
		w.clock.SetTime(noon.Add(time.Duration(i) * 20 * time.Millisecond))
		work()
	}
	_, ready := w.conditions("p")
	if w.writes != 0 { // the failure was told before the loop
		t.Errorf("%d writes", w.writes)
	}
	if want := "False/Failing: decisions pass it over when it fails: 2 of 2 clusters, such as fra: score: no such key: cost"; !strings.HasPrefix(ready, want) {
		t.Errorf("%s", ready)
	}
	again := w.reconcile("p")
	w.clock.SetTime(w.clock.Now().Add(again))
	w.reconcile("p")
	if _, ready := w.conditions("p"); ready != isInUse || again <= 0 || again > 30*time.Second {
		t.Errorf("after %s: %s", again, ready)
	}
	events := w.events()
	if len(events) != 2 || !strings.HasPrefix(events[0], "Warning PassedOver") || !strings.HasPrefix(events[1], "Normal InUse") {
		t.Errorf("%q", events)
	}
}

func TestWhatWasKnownBeforeARestartHolds(t *testing.T) {
	p := cel("p", v1.CELPlugin{Score: `1`})
	p.Status.Conditions = []metav1.Condition{{Type: v1.ConditionPluginReady, Status: metav1.ConditionFalse, Reason: v1.ReasonPluginSlow, Message: "slow", ObservedGeneration: 1, LastTransitionTime: metav1.NewTime(noon)}}
	w := newWorld(t, []client.Object{p})
	w.reconcile("p")
	if _, ready := w.conditions("p"); ready != "False/Slow: slow" {
		t.Errorf("not asked yet: %s", ready)
	}
	w.advise()
	w.reconcile("p")
	if _, ready := w.conditions("p"); ready != isInUse {
		t.Errorf("answered: %s", ready)
	}
}

func TestTokens(t *testing.T) {
	ctx := context.Background()
	var sent atomic.Value
	_, spec := served(t, func(w http.ResponseWriter, r *http.Request) {
		sent.Store(r.Header.Get("Authorization"))
		io.WriteString(w, head+`{}}`)
	})
	spec.TokenSecretRef = &v1.SecretKeyRef{Name: "scores"}
	p := cel("p", v1.CELPlugin{})
	p.Spec = v1.PlacementPluginSpec{HTTP: spec}
	w := newWorld(t, []client.Object{p})
	expect := func(step, ready, failed, token string) {
		t.Helper()
		if again := w.reconcile("p"); again != tokenEvery {
			t.Errorf("%s: looked at again in %s", step, again)
		}
		sent.Store("")
		got := w.advise()
		if _, is := w.conditions("p"); is != ready || got[0].Failed != failed || sent.Load() != token {
			t.Errorf("%s: %s\n%+v\nsent %q", step, is, got, sent.Load())
		}
	}
	missing := "its token can not be read: there is no Secret scores in namespace karmada-system"
	expect("no Secret", "False/SecretUnavailable: decisions pass it over: "+missing, missing, "")
	s := secret("scores", "first\n")
	if err := w.Create(ctx, s); err != nil {
		t.Fatal(err)
	}
	expect("a Secret", isInUse, "", "Bearer first")
	for token, why := range map[string]string{
		"":                "the key token of Secret scores in namespace karmada-system must hold one word of ASCII",
		"two words":       "the key token of Secret scores in namespace karmada-system must hold one word of ASCII",
		"line\r\nX-Evil:": "the key token of Secret scores in namespace karmada-system must hold one word of ASCII",
	} {
		s.Data["token"] = []byte(token)
		if err := w.Update(ctx, s); err != nil {
			t.Fatal(err)
		}
		why = "its token can not be used: " + why
		expect(token, "False/SecretUnavailable: decisions pass it over: "+why, why, "")
	}
	s.Data["token"] = []byte("second")
	if err := w.Update(ctx, s); err != nil {
		t.Fatal(err)
	}
	expect("a new token", isInUse, "", "Bearer second")
	if w.changes != 1 {
		t.Errorf("%d changes told; a token is none", w.changes)
	}
}
