package decision

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// DrillController is who decides about drills, in Decisions.
const DrillController = "drill"

// Drilled is the Decision behind a new status of a Drill: that a run begins, that it may not, or that
// requests are given back, and why; false when none of this has happened.
func Drilled(d *trafficv1alpha1.Drill, after *trafficv1alpha1.DrillStatus, now time.Time) (spec trafficv1alpha1.DecisionSpec, ok bool) {
	before, run := &d.Status, after.Run
	if run == nil {
		return spec, false
	}
	began := before.Run == nil || !before.Run.Started.Equal(&run.Started)
	spec = trafficv1alpha1.DecisionSpec{
		Time:       metav1.NewMicroTime(now),
		Controller: DrillController,
		Subject:    trafficv1alpha1.DecisionSubject{APIVersion: trafficv1alpha1.GroupVersion.String(), Kind: "Drill", Name: d.Name, UID: d.UID},
		Cause:      trafficv1alpha1.CauseDrill,
		Reason:     run.Reason,
		Message:    cut(run.Message, maxSentence),
	}
	switch {
	case began && after.Phase == trafficv1alpha1.DrillFailed:
		spec.Outcome = trafficv1alpha1.DecisionRefused
	case began:
		spec.Outcome = trafficv1alpha1.DecisionSteered
		spec.Message = cut(fmt.Sprintf("requests of %d applications leave %s for %s", run.Applications, strings.Join(d.Spec.Clusters, ", "), d.Spec.Duration.Duration), maxSentence)
	case after.Phase == trafficv1alpha1.DrillRestoring && before.Phase != after.Phase:
		spec.Outcome, spec.Cause = trafficv1alpha1.DecisionSteered, trafficv1alpha1.CauseDrillEnded
	default:
		return spec, false
	}
	spec.Steps = steps(survivors(run))
	return spec, true
}

// survivors says what the run brings each cluster that takes its requests.
func survivors(run *trafficv1alpha1.DrillRun) (out []string) {
	for _, v := range run.Survivors {
		switch {
		case v.Predicted == nil:
			out = append(out, fmt.Sprintf("%s takes requests of %d applications; its load is not measured", v.Cluster, v.Applications))
		case v.Seen != nil:
			out = append(out, fmt.Sprintf("%s was predicted to get %s of %s requests/s, and had at most %s", v.Cluster, v.Predicted, v.Capacity, v.Seen))
		default:
			out = append(out, fmt.Sprintf("%s is to get %s of %s requests/s, %s before", v.Cluster, v.Predicted, v.Capacity, v.Before))
		}
	}
	for _, o := range run.Over {
		out = append(out, fmt.Sprintf("%s in %s gets %s requests/s and can take %s", o.Application, o.Cluster, &o.RequestsPerSecond, &o.Capacity))
	}
	return out
}
