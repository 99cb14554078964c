package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Drill takes all requests out of clusters for a while, as if they were lost, watches what becomes of
// them, and brings them back. It moves requests only: workloads stay as they are.
//
// It is cluster-scoped, since it concerns every application with requests in the clusters, whoever owns
// its namespace: who may make one is a matter of the whole federation.
//
// Without a schedule it runs once. Its own marks on the clusters (annotation traffic.seaway.dev/drain)
// are always taken away: at the end, when something is wrong, when the Drill is deleted, and after a
// restart of the controller. What a person writes there instead stays.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=seaway
// +kubebuilder:printcolumn:name="Clusters",type=string,JSONPath=`.spec.clusters`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.run.reason`
// +kubebuilder:printcolumn:name="Changed-After",type=string,JSONPath=`.status.run.answersChangedAfter`
// +kubebuilder:printcolumn:name="Next",type=string,format=date-time,JSONPath=`.status.nextRun`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Drill struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec DrillSpec `json:"spec"`
	// +optional
	Status DrillStatus `json:"status,omitempty"`
}

// DrillList is a list of Drills.
//
// +kubebuilder:object:root=true
type DrillList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Drill `json:"items"`
}

// DrillSpec is what is rehearsed, when, and what ends it early.
//
// +kubebuilder:validation:XValidation:rule="!has(self.timeZone) || has(self.schedule)",message="timeZone: only with schedule"
// +kubebuilder:validation:XValidation:rule="!has(self.suspend) || !self.suspend || has(self.schedule)",message="suspend: only with schedule"
type DrillSpec struct {
	// Clusters that lose their requests, all at the same time.
	//
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusters is immutable; make another Drill for other clusters"
	// +listType=set
	Clusters []string `json:"clusters"`
	// Duration for which requests are kept out, from when all name servers answer so; from 10 seconds to
	// 24 hours.
	//
	// +kubebuilder:default="5m"
	// +optional
	Duration *metav1.Duration `json:"duration,omitempty"`

	// Schedule on which the drill runs again and again: five fields as in crontab, or @hourly, @daily,
	// @weekly, @monthly, @yearly. What is missed by more than five minutes is left out.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Schedule string `json:"schedule,omitempty"`
	// TimeZone of the schedule, such as Europe/Berlin; UTC when not set.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// Suspend keeps further runs of the schedule from starting. A run in progress goes on.
	//
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// Abort says what ends a run early, besides a cluster that is lost, an application that is left
	// without a healthy endpoint, a hold, and a person who takes the mark away.
	//
	// +kubebuilder:default={}
	// +optional
	Abort DrillAbort `json:"abort,omitempty"`
	// Force begins a run although a survivor is predicted to get more than it may, or an application
	// would be left in no other cluster. What is then measured still ends the run.
	//
	// +optional
	Force bool `json:"force,omitempty"`
	// AllowConcurrent lets a run begin while another Drill has requests out of other clusters.
	//
	// +optional
	AllowConcurrent bool `json:"allowConcurrent,omitempty"`
	// HistoryLimit is how many earlier runs are remembered.
	//
	// +kubebuilder:default=5
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=20
	// +optional
	HistoryLimit *int32 `json:"historyLimit,omitempty"`
}

// DrillAbort are limits.
type DrillAbort struct {
	// UtilizationAbove is the percentage of what an application declares to take in a cluster
	// (spec.capacity of its TrafficPolicy) that no survivor may get more than. It is looked at where the
	// demand is measured.
	//
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	UtilizationAbove *int32 `json:"utilizationAbove,omitempty"`
	// AnswersWithin is how long all name servers may take to answer without the clusters; from 1 second
	// to 10 minutes.
	//
	// +kubebuilder:default="30s"
	// +optional
	AnswersWithin *metav1.Duration `json:"answersWithin,omitempty"`
}

// DrillPhase is where a Drill stands.
//
// +kubebuilder:validation:Enum=Pending;Draining;Observing;Restoring;Succeeded;Failed;Aborted
type DrillPhase string

const (
	// DrillPending: it has not run yet.
	DrillPending DrillPhase = "Pending"
	// DrillDraining: requests are leaving; some name server does not answer so yet.
	DrillDraining DrillPhase = "Draining"
	// DrillObserving: all name servers answer without the clusters.
	DrillObserving DrillPhase = "Observing"
	// DrillRestoring: the marks are gone, requests return in the steps of each application's failback.
	DrillRestoring DrillPhase = "Restoring"
	// DrillSucceeded: the last run went through, and everything is back.
	DrillSucceeded DrillPhase = "Succeeded"
	// DrillFailed: the last run never began, or not everything came back.
	DrillFailed DrillPhase = "Failed"
	// DrillAborted: the last run was ended early.
	DrillAborted DrillPhase = "Aborted"
)

// InProgress says whether requests are out, or on their way.
func (p DrillPhase) InProgress() bool {
	return p == DrillDraining || p == DrillObserving || p == DrillRestoring
}

// DrillStatus is what has become of a Drill.
type DrillStatus struct {
	// Phase of the last run.
	//
	// +optional
	Phase DrillPhase `json:"phase,omitempty"`
	// Conditions: Accepted, Running, Succeeded.
	//
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Run is the one in progress, or the last.
	//
	// +optional
	Run *DrillRun `json:"run,omitempty"`
	// History are earlier runs, the newest first.
	//
	// +listType=atomic
	// +optional
	History []DrillRun `json:"history,omitempty"`
	// NextRun is when the schedule wants the next.
	//
	// +optional
	NextRun *metav1.Time `json:"nextRun,omitempty"`
}

// DrillRun is one run.
type DrillRun struct {
	// Started is when it was due and judged.
	Started metav1.MicroTime `json:"started"`
	// Marked is when the clusters were marked; empty when the run never began.
	//
	// +optional
	Marked *metav1.MicroTime `json:"marked,omitempty"`
	// AnswersChanged is when all name servers answered without the clusters.
	//
	// +optional
	AnswersChanged *metav1.MicroTime `json:"answersChanged,omitempty"`
	// AnswersChangedAfter is how long that took from Marked on.
	//
	// +optional
	AnswersChangedAfter *metav1.Duration `json:"answersChangedAfter,omitempty"`
	// Unmarked is when the marks were taken away.
	//
	// +optional
	Unmarked *metav1.MicroTime `json:"unmarked,omitempty"`
	// Ended is when all requests were back where they had been.
	//
	// +optional
	Ended *metav1.MicroTime `json:"ended,omitempty"`
	// Result is Succeeded, Failed or Aborted. It is known before the run has ended, when only the way
	// back is left.
	//
	// +optional
	Result DrillPhase `json:"result,omitempty"`
	// Reason is one CamelCase word for the result.
	//
	// +optional
	Reason string `json:"reason,omitempty"`
	// Message says the same to a person.
	//
	// +optional
	Message string `json:"message,omitempty"`
	// Applications is how many had an endpoint in the clusters.
	//
	// +optional
	Applications int32 `json:"applications,omitempty"`
	// Survivors are the other clusters that these applications are in: those that are to get most, 64 at
	// most.
	//
	// +listType=map
	// +listMapKey=cluster
	// +optional
	Survivors []DrillSurvivor `json:"survivors,omitempty"`
	// Over are applications that got more in a cluster than they may, or were predicted to: the worst,
	// twenty at most.
	//
	// +listType=atomic
	// +optional
	Over []DrillOver `json:"over,omitempty"`
}

// DrillSurvivor is a cluster that takes over. The numbers are requests per second of the applications
// whose demand is measured and whose capacity is declared, summed up.
type DrillSurvivor struct {
	Cluster string `json:"cluster"`
	// Applications of the drill that are there.
	Applications int32 `json:"applications"`
	// Capacity of them.
	//
	// +optional
	Capacity *resource.Quantity `json:"capacity,omitempty"`
	// Before is what they got there when the run began.
	//
	// +optional
	Before *resource.Quantity `json:"before,omitempty"`
	// Predicted is what they were to get.
	//
	// +optional
	Predicted *resource.Quantity `json:"predicted,omitempty"`
	// Seen is the most that was measured.
	//
	// +optional
	Seen *resource.Quantity `json:"seen,omitempty"`
}

// DrillOver is more than a cluster may get.
type DrillOver struct {
	// Application is the TrafficPolicy, as NAMESPACE/NAME.
	Application string `json:"application"`
	Cluster     string `json:"cluster"`
	// RequestsPerSecond that it gets there.
	RequestsPerSecond resource.Quantity `json:"requestsPerSecond"`
	Capacity          resource.Quantity `json:"capacity"`
	// Predicted says that it was not measured.
	//
	// +optional
	Predicted bool `json:"predicted,omitempty"`
}

// Conditions of a Drill besides Accepted.
const (
	// ConditionDrillRunning says whether a run is in progress. Its reason is the phase, or why none is.
	ConditionDrillRunning = "Running"
	// ConditionDrillSucceeded says what came of the last run. Its reason is that of the run.
	ConditionDrillSucceeded = "Succeeded"
)

// Reasons of a DrillRun, and of the conditions of a Drill.
const (
	// DrillReasonCompleted: requests were out for as long as asked for, and are back.
	DrillReasonCompleted = "Completed"
	// DrillReasonClusterNotFound: there is no Cluster of that name.
	DrillReasonClusterNotFound = "ClusterNotFound"
	// DrillReasonClusterLeaving: the Cluster is being deleted.
	DrillReasonClusterLeaving = "ClusterLeaving"
	// DrillReasonAlreadyDrained: somebody else drains a cluster of the drill.
	DrillReasonAlreadyDrained = "AlreadyDrained"
	// DrillReasonClusterNotWhole: the control plane or the data path of a cluster is lost.
	DrillReasonClusterNotWhole = "ClusterNotWhole"
	// DrillReasonFailoverHeld: something keeps workloads from moving that should.
	DrillReasonFailoverHeld = "FailoverHeld"
	// DrillReasonHeld: automation is held for an application of the drill.
	DrillReasonHeld = "Held"
	// DrillReasonNoServers: no name server is alive.
	DrillReasonNoServers = "NoServers"
	// DrillReasonNothingToDrain: no application has requests in the clusters.
	DrillReasonNothingToDrain = "NothingToDrain"
	// DrillReasonOtherDrill: another Drill is in progress.
	DrillReasonOtherDrill = "OtherDrill"
	// DrillReasonOverCapacity: a survivor gets more than it may, or would.
	DrillReasonOverCapacity = "OverCapacity"
	// DrillReasonNobodyLeft: an application is, or would be, left without a healthy endpoint elsewhere.
	DrillReasonNobodyLeft = "NobodyLeft"
	// DrillReasonNotFollowed: a name server took too long to answer without the clusters.
	DrillReasonNotFollowed = "NotFollowed"
	// DrillReasonEndedByHand: somebody took the mark away, or wrote another reason there.
	DrillReasonEndedByHand = "EndedByHand"
	// DrillReasonNotRestored: requests did not return in the time that their steps take.
	DrillReasonNotRestored = "NotRestored"

	// DrillReasonWaiting goes with Running=False: the schedule says when the next run begins.
	DrillReasonWaiting = "Waiting"
	// DrillReasonSuspended goes with Running=False.
	DrillReasonSuspended = "Suspended"
	// DrillReasonFinished goes with Running=False: it runs no more.
	DrillReasonFinished = "Finished"
)
