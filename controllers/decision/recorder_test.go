package decision

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

func TestADecisionIsWrittenDown(t *testing.T) {
	o := Options{
		InputHash: func(placement.Input) string { return "hash" },
		Steps:     func(d *placement.Diagnosis) []string { return []string{d.Message} },
		Counterfactual: func(in placement.Input, r placement.Result, _ placement.Diagnosis) string {
			return fmt.Sprintf("%d clusters would be %d", len(r.Clusters), len(in.Clusters))
		},
	}
	inWorld(t, o, func(w *world) {
		w.start()
		b := binding("web", 3, "fra", "iad")
		b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 1}}
		w.place(b, placement.CauseReplicas)
		b.Spec.Clusters[0].Replicas = 99 // the caller goes on with its object
		synctest.Wait()

		all := w.decisions()
		if len(all) != 1 {
			t.Fatalf("%d decisions", len(all))
		}
		got := all[0]
		want := trafficv1alpha1.DecisionSpec{
			Time: got.Spec.Time, Controller: "mine", Cause: "ScaleSchedule", Outcome: trafficv1alpha1.DecisionPlaced,
			Subject: trafficv1alpha1.DecisionSubject{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web", UID: "1"},
			Reason:  "Success", Message: "Placed in 2 clusters.", InputHash: "hash", Steps: []string{"Placed in 2 clusters."},
			Counterfactual: "2 clusters would be 3", TTLSeconds: 7 * 24 * 3600,
			Clusters: []trafficv1alpha1.DecisionCluster{
				{Cluster: "fra", Before: ptr.To[int32](1), After: ptr.To[int32](2), Scores: []trafficv1alpha1.DecisionScore{{Name: "ClusterLocality", Score: 100}}},
				{Cluster: "iad", After: ptr.To[int32](1)},
				{Cluster: "sin", Filter: "ClusterAffinity", Detail: "is not listed in clusterNames"},
			},
		}
		if diff := cmp.Diff(want, got.Spec); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got.Namespace != "shop" || got.Labels[names.DecisionOfLabel] != names.DecisionOf("apps", "Deployment", "shop", "web") || len(got.OwnerReferences) > 0 {
			t.Errorf("metadata %+v", got.ObjectMeta)
		}
	})
}

func TestOfAnotherControllerAndAClusterScopedTemplate(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		w.start()
		b := binding("admin", 1, "fra")
		b.Spec.Resource.Namespace = ""
		in := placement.Input{Clusters: fleet, Spec: &b.Spec}
		result, d := placement.Place(in)
		signals := []trafficv1alpha1.DecisionInput{{Cluster: "fra", Signal: trafficv1alpha1.SignalDataPath, By: "ns1", Value: "Unhealthy"}}
		w.By("failover")(b, placement.CauseTerminating, in, result, d, signals)
		synctest.Wait()
		all := w.decisions()
		if len(all) != 1 || all[0].Namespace != names.SystemNamespace || all[0].Spec.Controller != "failover" || !cmp.Equal(signals, all[0].Spec.Inputs) {
			t.Errorf("%+v", all)
		}
	})
}

func TestWhatIsNoNewsIsNotWritten(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		w.start()
		b := binding("web", 3, "fra", "iad")
		w.place(b, placement.CausePlacement)
		w.after(time.Second)
		for range 5 {
			w.place(b, placement.CauseEvery)
			w.after(time.Second)
		}
		if w.writes != 1 {
			t.Errorf("%d writes", w.writes)
		}
		// It is still none when the process that wrote the last one is gone.
		w.restart(Options{})
		w.start()
		w.place(b, placement.CauseEvery)
		w.after(time.Second)
		if w.writes != 1 {
			t.Errorf("%d writes after a restart", w.writes)
		}
		// A move is.
		b.Spec.Placement.ClusterAffinity.ClusterNames = []string{"sin"}
		w.place(b, placement.CausePlacement)
		w.after(time.Second)
		if w.writes != 2 {
			t.Errorf("%d writes after a move", w.writes)
		}
	})
}

// staleClient writes, and lists nothing.
type staleClient struct{ client.Client }

func (staleClient) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// The cache that tells what the last decision said is late now and then.
func TestWhatIsNoNewsIsNotWrittenBeforeTheCacheKnows(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		late := w.Recorder
		late.client = staleClient{w.hub}
		w.start()
		b := binding("web", 3, "fra", "iad")
		w.place(b, placement.CausePlacement)
		w.after(time.Second)
		w.place(b, placement.CauseEvery)
		w.after(time.Second)
		if w.writes != 1 {
			t.Errorf("%d writes", w.writes)
		}
		written := w.decisions()[0]
		late.seen(metadataOf(&written))
		if len(late.unseen) > 0 {
			t.Error("it is remembered although the cache has it")
		}
	})
}

func TestOnlyTheNewestWaits(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		b := binding("web", 3, "fra")
		w.place(b, placement.CausePlacement)
		time.Sleep(time.Second)
		b.Spec.Placement.ClusterAffinity.ClusterNames = []string{"iad"}
		w.place(b, placement.CausePlacement)
		time.Sleep(time.Second)
		w.place(b, placement.CauseEvery) // everything stays: the move before has more to tell
		w.start()
		w.after(time.Second)
		all := w.decisions()
		if len(all) != 1 || all[0].Spec.Cause != "ReconcileSchedule" || ptr.Deref(all[0].Spec.Clusters[0].Before, 0)+ptr.Deref(all[0].Spec.Clusters[1].Before, 0) != 3 {
			t.Errorf("%+v", all)
		}
	})
}

func TestWritesAreSpreadOverTime(t *testing.T) {
	inWorld(t, Options{PerSecond: 20}, func(w *world) {
		w.Recorder.client = staleClient{w.hub} // to list is slow in the fake hub
		w.start()
		for i := range 500 {
			w.place(binding(fmt.Sprintf("web-%d", i), 3, "fra"), placement.CausePlacement)
		}
		w.after(10 * time.Second)
		if w.writes < 195 || w.writes > 205 {
			t.Errorf("%d writes in 10 seconds", w.writes)
		}
		w.after(16 * time.Second)
		if w.writes != 500 {
			t.Errorf("%d writes in the end", w.writes)
		}
	})
}

func TestACrowdIsBounded(t *testing.T) {
	count := func(result string) float64 { return testutil.ToFloat64(records.WithLabelValues(result)) }
	inWorld(t, Options{Waiting: 10}, func(w *world) {
		before := count(resultDropped)
		for i := range 15 {
			w.place(binding(fmt.Sprintf("web-%d", i), 3, "fra"), placement.CausePlacement)
		}
		if got := count(resultDropped) - before; got != 5 {
			t.Errorf("%v dropped by number", got)
		}
		w.heavy = w.weight
		w.place(binding("web-0", 4, "fra"), placement.CausePlacement) // takes the place of its older one
		if got := count(resultDropped) - before; got != 5 {
			t.Errorf("%v dropped", got)
		}
		w.most = 100
		w.place(binding("another", 3, "fra"), placement.CausePlacement)
		if got := count(resultDropped) - before; got != 6 {
			t.Errorf("%v dropped by weight", got)
		}
		w.start()
		w.after(time.Minute)
		if w.writes != 10 || w.weight != 0 || len(w.notes) != 0 {
			t.Errorf("%d writes; %d of %d are left", w.writes, w.weight, len(w.notes))
		}
	})
}

func TestFailures(t *testing.T) {
	kind := schema.GroupResource{Group: "traffic.seaway.dev", Resource: "decisions"}
	for name, tc := range map[string]struct {
		err         error
		times       int
		want, tries int
	}{
		"the hub is away for a while":          {errors.New("connection refused"), 3, 1, 4},
		"the namespace is gone":                {apierrors.NewNotFound(kind, "shop"), 1, 0, 1},
		"the namespace is being deleted":       {apierrors.NewForbidden(kind, "x", nil), 1, 0, 1},
		"it was written, but nobody said so":   {apierrors.NewAlreadyExists(kind, "x"), 1, 0, 1},
		"the hub has too much to do otherwise": {apierrors.NewTooManyRequests("later", 1), 2, 1, 3},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{}, func(w *world) {
				tries := 0
				w.refuse = func() error {
					if tries++; tries <= tc.times {
						return tc.err
					}
					return nil
				}
				w.start()
				w.place(binding("web", 3, "fra"), placement.CausePlacement)
				w.after(time.Hour)
				if w.writes != tc.want || tries != tc.tries {
					t.Errorf("%d writes, %d tries", w.writes, tries)
				}
			})
		})
	}
}

// A newer decision that comes while an older one cannot be written takes its place.
func TestANewerDecisionIsNotOvertaken(t *testing.T) {
	inWorld(t, Options{}, func(w *world) {
		away := true
		w.refuse = func() error {
			if away {
				return context.DeadlineExceeded
			}
			return nil
		}
		w.start()
		b := binding("web", 3, "fra")
		w.place(b, placement.CausePlacement)
		synctest.Wait()
		b.Spec.Placement.ClusterAffinity.ClusterNames = []string{"iad"}
		w.place(b, placement.CausePlacement)
		away = false
		w.after(time.Minute)
		all := w.decisions()
		if len(all) != 1 || all[0].Spec.Clusters[0].Cluster != "fra" && all[0].Spec.Clusters[0].Cluster != "iad" || w.writes != 1 {
			t.Errorf("%+v", all)
		}
	})
}

func TestWhatCostsIsAskedForNewsOnly(t *testing.T) {
	asked := 0
	o := Options{Counterfactual: func(placement.Input, placement.Result, placement.Diagnosis) string { asked++; return "" }}
	inWorld(t, o, func(w *world) {
		w.start()
		b := binding("web", 3, "fra")
		for range 4 {
			w.place(b, placement.CauseEvery)
			w.after(time.Second)
		}
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	o := Options{Waiting: 1 << 30}
	o.complete()
	r := newRecorder(nil, o)
	r.heavy = 1 << 60
	rb := binding("web", 30, "fra", "iad", "sin")
	in := placement.Input{Clusters: fleet, Spec: &rb.Spec, Status: &rb.Status}
	result, d := placement.Place(in)
	b.ReportAllocs()
	for b.Loop() {
		r.Record(rb, placement.CausePlacement, in, result, d)
	}
}
