package decision

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func TestDrilled(t *testing.T) {
	run := func(since time.Duration, reason string) *v1.DrillRun {
		return &v1.DrillRun{
			Started: metav1.NewMicroTime(noon.Add(since)), Applications: 2, Reason: reason,
			Survivors: []v1.DrillSurvivor{
				{Cluster: "ber", Applications: 1},
				{Cluster: "iad", Applications: 2, Capacity: ptr.To(resource.MustParse("200")), Before: ptr.To(resource.MustParse("80")), Predicted: ptr.To(resource.MustParse("120"))},
			},
		}
	}
	for name, tc := range map[string]struct {
		before, after v1.DrillStatus
		want          string // none: no decision
	}{
		"nothing yet":     {v1.DrillStatus{}, v1.DrillStatus{Phase: v1.DrillPending}, ""},
		"it begins":       {v1.DrillStatus{Phase: v1.DrillPending}, v1.DrillStatus{Phase: v1.DrillDraining, Run: run(0, "")}, "Drill Steered "},
		"it begins again": {v1.DrillStatus{Phase: v1.DrillSucceeded, Run: run(0, "x")}, v1.DrillStatus{Phase: v1.DrillDraining, Run: run(time.Hour, "")}, "Drill Steered "},
		"it may not":      {v1.DrillStatus{Phase: v1.DrillFailed, Run: run(0, "x")}, v1.DrillStatus{Phase: v1.DrillFailed, Run: run(time.Hour, "NoServers")}, "Drill Refused NoServers"},
		"it goes on":      {v1.DrillStatus{Phase: v1.DrillDraining, Run: run(0, "")}, v1.DrillStatus{Phase: v1.DrillObserving, Run: run(0, "")}, ""},
		"it gives back":   {v1.DrillStatus{Phase: v1.DrillObserving, Run: run(0, "")}, v1.DrillStatus{Phase: v1.DrillRestoring, Run: run(0, "OverCapacity")}, "DrillEnded Steered OverCapacity"},
		"it is over":      {v1.DrillStatus{Phase: v1.DrillRestoring, Run: run(0, "x")}, v1.DrillStatus{Phase: v1.DrillSucceeded, Run: run(0, "x")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := &v1.Drill{ObjectMeta: metav1.ObjectMeta{Name: "friday", UID: "u"}, Spec: v1.DrillSpec{Clusters: []string{"fra"}, Duration: &metav1.Duration{Duration: time.Minute}}, Status: tc.before}
			spec, ok := Drilled(d, &tc.after, noon)
			got := ""
			if ok {
				got = spec.Cause + " " + string(spec.Outcome) + " " + spec.Reason
			}
			if got != tc.want {
				t.Fatalf("%q", got)
			}
			if ok {
				want := []string{"ber takes requests of 1 applications; its load is not measured", "iad is to get 120 of 200 requests/s, 80 before"}
				if diff := cmp.Diff(want, spec.Steps); diff != "" || spec.Subject.Kind != "Drill" || spec.Subject.UID != "u" {
					t.Errorf("%+v\n%s", spec.Subject, diff)
				}
			}
		})
	}
}
