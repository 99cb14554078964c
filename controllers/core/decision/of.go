package decision

import (
	"math"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

// Made is a placement that was decided on, and what is told of it.
type Made struct {
	// Controller decided, Cause made it due. An empty cause stands for a question that nobody but
	// its reader asked.
	Controller string
	Cause      placement.Cause
	// Policy is that of PolicyOf.
	Policy string

	Input     placement.Input
	Result    placement.Result
	Diagnosis placement.Diagnosis

	// InputHash, Steps and Counterfactual are what the placement says of itself; each may be empty.
	InputHash      string
	Steps          []string
	Counterfactual string

	// Signals are those that made it due, where there were any.
	Signals []trafficv1alpha1.DecisionInput

	// Now is when the decision was made; it is kept for TTL.
	Now time.Time
	TTL time.Duration
}

// Bounds of a Decision. With all of them exhausted it stays below 100 KiB.
const (
	maxClusters  = 100
	maxScores    = 4
	maxDetail    = 160      // bytes of one cluster's detail
	maxSentence  = 2 << 10  // bytes of the message and the counterfactual
	maxStep      = 1 << 10  // bytes of one step
	maxSteps     = 16 << 10 // bytes of all steps
	maxScoreName = 64
)

// Of is the Decision that was made.
func Of(m Made) trafficv1alpha1.DecisionSpec {
	spec := trafficv1alpha1.DecisionSpec{
		Time:           metav1.NewMicroTime(m.Now),
		Controller:     m.Controller,
		Subject:        subject(m.Input.Spec.Resource),
		Cause:          string(m.Cause),
		Outcome:        outcome(m.Result, &m.Diagnosis),
		Reason:         m.Diagnosis.Reason,
		Message:        cut(m.Diagnosis.Message, maxSentence),
		InputHash:      m.InputHash,
		Policy:         m.Policy,
		Affinity:       m.Result.AffinityName,
		Inputs:         inputs(m.Signals),
		Steps:          steps(m.Steps),
		Counterfactual: cut(m.Counterfactual, maxSentence),
		TTLSeconds:     int32(min(int64(m.TTL/time.Second), math.MaxInt32)),
	}
	spec.Clusters, spec.ClustersOmitted = foremost(judged(&m))
	return spec
}

func subject(ref workv1alpha2.ObjectReference) trafficv1alpha1.DecisionSubject {
	return trafficv1alpha1.DecisionSubject{
		APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, UID: ref.UID,
	}
}

func outcome(r placement.Result, d *placement.Diagnosis) trafficv1alpha1.DecisionOutcome {
	switch {
	case d.Fits():
		return trafficv1alpha1.DecisionPlaced
	case len(r.Clusters) > 0:
		return trafficv1alpha1.DecisionKept
	}
	return trafficv1alpha1.DecisionRefused
}

// Group is the value of names.DecisionOfLabel for the subject.
func Group(s trafficv1alpha1.DecisionSubject) string {
	gvk := schema.FromAPIVersionAndKind(s.APIVersion, s.Kind)
	return names.DecisionOf(gvk.Group, s.Kind, s.Namespace, s.Name)
}

// Object is the Decision with the metadata that its keeper and its readers go by.
func Object(spec trafficv1alpha1.DecisionSpec) *trafficv1alpha1.Decision {
	s, at := spec.Subject, spec.Time.Time
	gvk := schema.FromAPIVersionAndKind(s.APIVersion, s.Kind)
	return &trafficv1alpha1.Decision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: names.DecisionNamespace(s.Namespace),
			Name:      names.DecisionName(gvk.Group, s.Kind, s.Namespace, s.Name, at),
			Labels:    map[string]string{names.DecisionOfLabel: Group(s)},
			Annotations: map[string]string{
				names.DecisionTimeAnnotation:    at.UTC().Format(time.RFC3339Nano),
				names.DecisionExpiresAnnotation: at.Add(time.Duration(spec.TTLSeconds) * time.Second).UTC().Format(time.RFC3339),
				names.DecisionSaysAnnotation:    Says(&spec),
			},
		},
		Spec: spec,
	}
}

// PolicyOf names the policy that owns a binding or a template, as KIND/NAMESPACE/NAME or KIND/NAME;
// empty when none does.
func PolicyOf(obj metav1.Object) string {
	marks, ok := claim.MarksOf(obj)
	switch {
	case !ok:
		return ""
	case marks.Namespace != "":
		return "PropagationPolicy/" + marks.Namespace + "/" + marks.Name
	}
	return "ClusterPropagationPolicy/" + marks.Name
}

func room(n int64) *int64 {
	if n >= math.MaxInt32 {
		return nil // no bound is known
	}
	return ptr.To(n)
}
