package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Decision records why something was placed, moved or left where it is, or why requests are sent where
// they are sent. It is written by the
// controller that decided, is never changed afterwards, and is deleted after a time. Nothing reads it
// to decide anything.
//
// It lies in the namespace of its subject, or in karmada-system for a cluster-scoped one, and the
// label seaway.dev/decision-of is equal for all decisions about one subject. It has no owner: why
// something moved the night before it was deleted can be read until the time is over.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=seaway
// +kubebuilder:printcolumn:name="Subject",type=string,JSONPath=`.spec.subject.name`
// +kubebuilder:printcolumn:name="Kind",type=string,JSONPath=`.spec.subject.kind`
// +kubebuilder:printcolumn:name="Cause",type=string,JSONPath=`.spec.cause`
// +kubebuilder:printcolumn:name="Outcome",type=string,JSONPath=`.spec.outcome`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.spec.message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.spec.time`
type Decision struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec DecisionSpec `json:"spec"`
}

// DecisionList is a list of Decisions.
//
// +kubebuilder:object:root=true
type DecisionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Decision `json:"items"`
}

// DecisionOutcome is what came of a decision.
//
// +kubebuilder:validation:Enum=Placed;Kept;Refused;Steered
type DecisionOutcome string

const (
	// DecisionPlaced: the subject was placed, perhaps elsewhere than before.
	DecisionPlaced DecisionOutcome = "Placed"
	// DecisionKept: no better place was found, what runs goes on where it is.
	DecisionKept DecisionOutcome = "Kept"
	// DecisionRefused: what was asked for cannot be done, and why.
	DecisionRefused DecisionOutcome = "Refused"
)

// DecisionSpec is one decision.
type DecisionSpec struct {
	// Time of the decision.
	Time metav1.MicroTime `json:"time"`
	// Controller that decided, for example default-scheduler or failover.
	Controller string `json:"controller"`
	// Subject is what was decided about: the template, the TrafficPolicy or the Drill.
	Subject DecisionSubject `json:"subject"`
	// Cause is why a decision was due, for example ScaleSchedule.
	//
	// +optional
	Cause string `json:"cause,omitempty"`
	// Outcome of the decision.
	Outcome DecisionOutcome `json:"outcome"`
	// Reason is that of the condition Scheduled that came of it, for example Success or NoClusterFit.
	//
	// +optional
	Reason string `json:"reason,omitempty"`
	// Message is a sentence for people.
	//
	// +optional
	Message string `json:"message,omitempty"`
	// InputHash is equal for decisions made from equal inputs.
	//
	// +optional
	InputHash string `json:"inputHash,omitempty"`
	// Policy whose placement was applied, as KIND/NAMESPACE/NAME or KIND/NAME.
	//
	// +optional
	Policy string `json:"policy,omitempty"`
	// Affinity is the name of the affinity group in use.
	//
	// +optional
	Affinity string `json:"affinity,omitempty"`
	// Clusters holds what was decided about each cluster, those with the most to tell first. Of a
	// fleet too large for one object it holds the targets and the nearest misses.
	//
	// +listType=map
	// +listMapKey=cluster
	// +optional
	Clusters []DecisionCluster `json:"clusters,omitempty"`
	// ClustersOmitted is how many clusters were left out of Clusters, by the filter that excluded them.
	// Target counts targets, and Passed what no filter excluded and that is no target all the same.
	//
	// +optional
	ClustersOmitted map[string]int32 `json:"clustersOmitted,omitempty"`
	// Changes are what became of the endpoints, of a decision about a TrafficPolicy: those that
	// changed, as many as there is space for.
	//
	// +listType=map
	// +listMapKey=cluster
	// +optional
	Changes []DecisionChange `json:"changes,omitempty"`
	// Inputs are the signals about the clusters of Changes.
	//
	// +listType=atomic
	// +optional
	Inputs []DecisionInput `json:"inputs,omitempty"`
	// Actor is who asked for it, where a person did: the field manager of the edit.
	//
	// +optional
	Actor string `json:"actor,omitempty"`
	// Steps are how the result came about, in order, a sentence each: affinity groups tried, clusters
	// selected, replicas divided.
	//
	// +listType=atomic
	// +optional
	Steps []string `json:"steps,omitempty"`
	// Counterfactual is the smallest change that would have led to another result.
	//
	// +optional
	Counterfactual string `json:"counterfactual,omitempty"`
	// TTLSeconds is how long after Time the object is kept.
	//
	// +optional
	TTLSeconds int32 `json:"ttlSeconds,omitempty"`
}

// DecisionSubject is the template, the TrafficPolicy or the Drill that a decision is about.
type DecisionSubject struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// +optional
	UID types.UID `json:"uid,omitempty"`
}

// Keys of ClustersOmitted that are no filters.
const (
	// DecisionOmittedTarget counts targets.
	DecisionOmittedTarget = "Target"
	// DecisionOmittedPassed counts what no filter excluded and that is no target.
	DecisionOmittedPassed = "Passed"
)

// DecisionCluster is what was decided about one cluster.
type DecisionCluster struct {
	Cluster string `json:"cluster"`
	// Before and After are its replicas; absent where it was, or is, no target.
	//
	// +optional
	Before *int32 `json:"before,omitempty"`
	// +optional
	After *int32 `json:"after,omitempty"`
	// Affinity is the affinity group in which the cluster was judged, where that is not the one in use.
	//
	// +optional
	Affinity string `json:"affinity,omitempty"`
	// Filter that excluded the cluster.
	//
	// +optional
	Filter string `json:"filter,omitempty"`
	// Detail says why, after the name of the cluster.
	//
	// +optional
	Detail string `json:"detail,omitempty"`
	// Scores are the points it got, by who gave them.
	//
	// +listType=map
	// +listMapKey=name
	// +optional
	Scores []DecisionScore `json:"scores,omitempty"`
	// Available is the room for replicas, with those it has.
	//
	// +optional
	Available *int64 `json:"available,omitempty"`
}

// DecisionScore is one reason to prefer a cluster.
type DecisionScore struct {
	Name  string `json:"name"`
	Score int64  `json:"score"`
}
