// Package cluster decides what is said of a member cluster: from probes, whether it is
// Ready (with thresholds against flapping), and which taints follow from that; from its
// nodes and pods, what it holds and what is left; from its discovery, what it serves.
//
// It knows no client and no clock. Who samples, how often, and who writes the answers
// is not its business.
package cluster

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// Sample is what one probe of a member's API server saw.
type Sample struct {
	At        time.Time
	Reachable bool
	Ready     bool
	// Message says why it is not ready; the same text for the same trouble.
	Message string
}

// Thresholds say how long samples must contradict the Ready condition, without a
// break, before it follows them.
type Thresholds struct {
	// Failure is for a cluster that is Ready.
	Failure time.Duration
	// Success is for a cluster that is not.
	Success time.Duration
	// Hole is the longest time between two samples of one run: when nobody looked for
	// longer (the hub slept, another instance took over), the run begins anew. Zero
	// means any time.
	Hole time.Duration
}

// Memory is what must be kept from one sample to the next: the run of samples that
// contradict the condition. The zero value is right to begin with, also for a cluster
// that has a condition already.
type Memory struct {
	status metav1.ConditionStatus
	since  time.Time
	last   time.Time
}

// Ready returns the condition Ready after a sample. The first sample ever counts at
// once. A change has the time of the first sample that asked for it: that is when the
// cluster was lost or came back, and not when we were sure of it.
func Ready(current *metav1.Condition, memory Memory, sample Sample, t Thresholds) (metav1.Condition, Memory) {
	observed := conditionOf(sample)
	if current == nil {
		observed.LastTransitionTime = metav1.NewTime(sample.At)
		return observed, Memory{}
	}
	if current.Status == observed.Status {
		observed.LastTransitionTime = current.LastTransitionTime
		return observed, Memory{}
	}
	hole := t.Hole > 0 && sample.At.Sub(memory.last) > t.Hole
	if memory.status != observed.Status || hole {
		memory = Memory{status: observed.Status, since: sample.At}
	}
	memory.last = sample.At
	threshold := t.Failure
	if observed.Status == metav1.ConditionTrue {
		threshold = t.Success
	}
	if sample.At.Sub(memory.since) < threshold {
		return *current, memory
	}
	observed.LastTransitionTime = metav1.NewTime(memory.since)
	return observed, Memory{}
}

func conditionOf(sample Sample) metav1.Condition {
	c := metav1.Condition{
		Type:    clusterv1alpha1.ClusterConditionReady,
		Status:  metav1.ConditionFalse,
		Message: sample.Message,
	}
	switch {
	case !sample.Reachable:
		c.Reason = clusterv1alpha1.ReasonClusterNotReachable
	case !sample.Ready:
		c.Reason = clusterv1alpha1.ReasonClusterNotReady
	default:
		c.Status = metav1.ConditionTrue
		c.Reason = clusterv1alpha1.ReasonClusterReady
		c.Message = "the cluster's API server is ready"
	}
	return c
}

// NotConnectable is the condition Ready of a cluster that cannot even be called: its
// spec or its credentials are wrong. Nothing is to be waited for.
func NotConnectable(message string) metav1.Condition {
	return metav1.Condition{
		Type:    clusterv1alpha1.ClusterConditionReady,
		Status:  metav1.ConditionFalse,
		Reason:  clusterv1alpha1.ReasonStatusCollectionFailed,
		Message: message,
	}
}
