package decision

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/decision"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// decided is a Decision about a template, made so long ago.
func decided(template string, ago time.Duration) *trafficv1alpha1.Decision {
	d := decision.Object(trafficv1alpha1.DecisionSpec{
		Time:       metav1.NewMicroTime(now.Add(-ago)),
		Subject:    trafficv1alpha1.DecisionSubject{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: template},
		TTLSeconds: 3600,
	})
	d.Name = fmt.Sprintf("%s-%s", template, ago)
	d.CreationTimestamp = metav1.NewTime(now)
	return d
}

func TestKeeper(t *testing.T) {
	byHand := func(d *trafficv1alpha1.Decision, age time.Duration) *trafficv1alpha1.Decision {
		d.Labels, d.Annotations, d.CreationTimestamp = nil, nil, metav1.NewTime(now.Add(-age))
		return d
	}
	for name, tc := range map[string]struct {
		present []*trafficv1alpha1.Decision
		look    string
		want    []string
		again   time.Duration
	}{
		"its time is not over": {[]*trafficv1alpha1.Decision{decided("web", 20*time.Minute)}, "web-20m0s", []string{"web-20m0s"}, 40 * time.Minute},
		"its time is over":     {[]*trafficv1alpha1.Decision{decided("web", time.Hour), decided("web", 0)}, "web-1h0m0s", []string{"web-0s"}, 0},
		"too many: the oldest go": {
			[]*trafficv1alpha1.Decision{decided("web", 1*time.Second), decided("web", 5*time.Second), decided("web", 3*time.Second), decided("web", 0), decided("web", 4*time.Second), decided("api", 9*time.Second)},
			"web-0s", []string{"api-9s", "web-0s", "web-1s", "web-3s"}, time.Hour,
		},
		"one made by hand has the time of the others":      {[]*trafficv1alpha1.Decision{byHand(decided("web", 0), 30*time.Minute)}, "web-0s", []string{"web-0s"}, 90 * time.Minute},
		"one made by hand, whose time is over":             {[]*trafficv1alpha1.Decision{byHand(decided("web", 0), 3*time.Hour)}, "web-0s", nil, 0},
		"it is gone already":                               {nil, "web-0s", nil, 0},
		"of other templates there may be as many":          {[]*trafficv1alpha1.Decision{decided("web", 0), decided("a", 0), decided("b", 0), decided("c", 0)}, "web-0s", []string{"a-0s", "b-0s", "c-0s", "web-0s"}, time.Hour},
		"what says when it ends in no known way goes late": {[]*trafficv1alpha1.Decision{annotated(decided("web", 0), "soon")}, "web-0s", []string{"web-0s"}, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			var objects []client.Object
			for _, d := range tc.present {
				objects = append(objects, d)
			}
			w := &world{T: t}
			w.hub = newHub(w, objects...)
			w.restart(Options{TTL: 2 * time.Hour, Keep: 3, PerSecond: math.MaxFloat64, Clock: clocktesting.NewFakeClock(now)})
			got, err := w.keeper().Reconcile(context.Background(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "shop", Name: tc.look}})
			if err != nil {
				t.Fatal(err)
			}
			if got.RequeueAfter != tc.again {
				t.Errorf("looks again in %v, want %v", got.RequeueAfter, tc.again)
			}
			var left []string
			for _, d := range w.decisions() {
				left = append(left, d.Name)
			}
			slices.Sort(left)
			if diff := cmp.Diff(tc.want, left); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Deletions share the pace of the writes.
func TestDeletionsAreSpreadOverTime(t *testing.T) {
	inWorld(t, Options{PerSecond: 10, Keep: 1}, func(w *world) {
		for i := range 21 {
			d := decided("web", time.Duration(i)*time.Second)
			d.Annotations[names.DecisionExpiresAnnotation] = "2100-01-01T00:00:00Z"
			if err := w.hub.Create(context.Background(), d); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		if _, err := w.keeper().Reconcile(context.Background(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "shop", Name: "web-0s"}}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 1800*time.Millisecond || len(w.decisions()) != 1 {
			t.Errorf("20 deletions took %v", took)
		}
	})
}

func annotated(d *trafficv1alpha1.Decision, expires string) *trafficv1alpha1.Decision {
	d.Annotations[names.DecisionExpiresAnnotation] = expires
	return d
}
