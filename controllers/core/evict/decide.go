package evict

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
)

// DefaultTimeout is how long a task without a grace period of its own waits for replacements.
const DefaultTimeout = 10 * time.Minute

// StateFunc reads the state that an application takes along: a label for each rule, from its status in the
// cluster it leaves, as JSON.
type StateFunc func(rules []policyv1alpha1.StatePreservationRule, status []byte) (map[string]string, error)

// Input is everything that decides what a binding leaves.
type Input struct {
	Now time.Time
	// Binding is not changed.
	Binding workv1alpha2.Binding
	// Clusters are those that the binding is placed in or is leaving, by name. One that is missing has left
	// the federation.
	Clusters map[string]*clusterv1alpha1.Cluster
	// UnhealthySince is when each of the clusters that Unhealthy names was first seen so. One that is
	// missing was not seen before.
	UnhealthySince map[string]time.Time

	// Taints says whether NoExecute taints evict; TaintPurgeMode is how, where the policy does not say.
	Taints         bool
	TaintPurgeMode policyv1alpha1.PurgeMode
	// Brake holds evictions by taint back.
	Brake Brake
	// Hold is what a person said to stop all moves with; nil when nobody did. What a person taints is left
	// all the same: the taint is an order, too.
	Hold *failover.Pause
	// Timeout is that of tasks without a grace period.
	Timeout time.Duration
	// State is nil when no state is taken along.
	State StateFunc
}

// Reasons of a Hold, besides those of package failover.
const (
	// ReasonLastCopy: what should be deleted may be the last copy that runs.
	ReasonLastCopy = "LastCopy"
	// ReasonStateUnreadable: the state that should go along can not be read.
	ReasonStateUnreadable = "StateUnreadable"
	// ReasonDependenciesStay: the policy does not send dependencies along.
	ReasonDependenciesStay = "DependenciesStay"
	// ReasonPaced: the rate of evictions that was asked for leaves it for later.
	ReasonPaced = "Paced"
)

// Hold is something that is due and is not done.
type Hold = failover.Hold

// Drop is a task that is done with: the copy in the cluster goes, if it is still there.
type Drop struct {
	Cluster, Message string
}

// Decision is what is to be done with one binding now.
type Decision struct {
	// Evict are the tasks of the clusters to leave.
	Evict []workv1alpha2.GracefulEvictionTask
	// Drop are the tasks to take off the binding.
	Drop []Drop
	// Stamp says that tasks that others wrote lack the time their grace period began.
	Stamp bool
	// Held is what was due and must not be done.
	Held []Hold
	// RetryAt is when time alone may change this decision; zero when only an event can.
	RetryAt time.Time
}

// Decide judges one binding. The same input gives the same decision.
func Decide(in Input) Decision {
	var d Decision
	in.finish(&d)
	spec := in.Binding.GetBindingSpec()
	for i := range spec.Clusters {
		name := spec.Clusters[i].Name
		cluster := in.Clusters[name]
		if cluster == nil || cluster.DeletionTimestamp != nil {
			continue // the scheduler takes it out
		}
		if !in.leaveTainted(cluster, &d) {
			in.leaveFailed(name, &d)
		}
	}
	return d
}

// leaveTainted says whether the cluster is left, or should be, because of its taints. What tolerates them is the
// placement as it is asked for now, also before the scheduler has seen it: a toleration that a person adds stops
// an eviction at once.
func (in *Input) leaveTainted(cluster *clusterv1alpha1.Cluster, d *Decision) bool {
	spec := in.Binding.GetBindingSpec()
	if !in.Taints || spec.Placement == nil {
		return false
	}
	p := patienceWith(cluster.Spec.Taints, spec.Placement.ClusterTolerations, in.Now)
	if len(p.due) == 0 {
		if !p.until.IsZero() {
			d.retry(p.until)
		}
		return false
	}
	if hold := in.holds(cluster.Name, p, d); hold != nil {
		d.Held = append(d.Held, *hold)
		return true
	}
	task := in.task(cluster.Name, workv1alpha2.EvictionReasonTaintUntolerated, workv1alpha2.EvictionProducerTaintManager, p.why)
	task.PurgeMode = purgeMode(in.TaintPurgeMode)
	var preserve *policyv1alpha1.StatePreservation
	if spec.Failover != nil && spec.Failover.Cluster != nil {
		if mode := spec.Failover.Cluster.PurgeMode; mode != "" {
			task.PurgeMode = purgeMode(mode)
		}
		preserve = spec.Failover.Cluster.StatePreservation
	}
	in.leave(task, preserve, d)
	return true
}

// holds says why nothing may leave a cluster for the taints that are due now. A taint that does not follow
// from conditions was put by a person, who has said so.
func (in *Input) holds(cluster string, p patience, d *Decision) *Hold {
	if !in.Brake.allFollow(p.due) {
		return nil
	}
	if hold := in.heldByPerson(cluster, p.why, d); hold != nil {
		return hold
	}
	return in.Brake.hold(cluster)
}

// heldByPerson says whether a person holds what is due. It is judged again when the hold ends.
func (in *Input) heldByPerson(cluster, why string, d *Decision) *Hold {
	if !in.Hold.InForce(in.Now) {
		return nil
	}
	if !in.Hold.Until.IsZero() {
		d.retry(in.Hold.Until)
	}
	return &Hold{Cluster: cluster, Reason: failover.ReasonHeldByPerson, Message: why + "; but " + in.Hold.Why}
}

// leave adds the eviction, with the state it takes along.
func (in *Input) leave(task workv1alpha2.GracefulEvictionTask, preserve *policyv1alpha1.StatePreservation, d *Decision) {
	if preserve != nil && in.State != nil && len(preserve.Rules) > 0 {
		labels, err := in.state(task.FromCluster, preserve.Rules)
		if err != nil {
			d.Held = append(d.Held, Hold{Cluster: task.FromCluster, Reason: ReasonStateUnreadable, Message: fmt.Sprintf("%s; but the state to take along can not be read: %v", task.Message, err)})
			return
		}
		task.PreservedLabelState = labels
	}
	d.Evict = append(d.Evict, task)
}

func (in *Input) state(cluster string, rules []policyv1alpha1.StatePreservationRule) (map[string]string, error) {
	item := itemOf(in.Binding.GetBindingStatus(), cluster)
	if item == nil || item.Status == nil || len(item.Status.Raw) == 0 {
		return nil, fmt.Errorf("cluster %s has not reported a status", cluster)
	}
	return in.State(rules, item.Status.Raw)
}

// task is the task of leaving a cluster now.
func (in *Input) task(cluster, reason, producer, why string) workv1alpha2.GracefulEvictionTask {
	now := metav1.NewTime(in.Now)
	task := workv1alpha2.GracefulEvictionTask{
		FromCluster: cluster, Reason: reason, Producer: producer, Message: short(why), CreationTimestamp: &now,
	}
	for _, t := range in.Binding.GetBindingSpec().Clusters {
		task.ClustersBeforeFailover = append(task.ClustersBeforeFailover, t.Name)
		if t.Name == cluster && t.Replicas > 0 {
			task.Replicas = &t.Replicas
		}
	}
	return task
}

// longestMessage is how many characters the schema takes.
const longestMessage = 1024

func short(text string) string {
	if runes := []rune(text); len(runes) > longestMessage {
		return string(runes[:longestMessage-1]) + "…"
	}
	return text
}

// purgeMode reads a mode. Objects written for Karmada before 1.15 may still hold the old names.
func purgeMode(mode policyv1alpha1.PurgeMode) policyv1alpha1.PurgeMode {
	switch mode {
	case policyv1alpha1.PurgeModeDirectly, "Immediately":
		return policyv1alpha1.PurgeModeDirectly
	case policyv1alpha1.PurgeModeNever:
		return policyv1alpha1.PurgeModeNever
	}
	return policyv1alpha1.PurgeModeGracefully
}

// Idle says whether there is nothing to do or to say.
func (d *Decision) Idle() bool {
	return len(d.Evict) == 0 && len(d.Drop) == 0 && len(d.Held) == 0 && !d.Stamp
}

// Apply writes a decision into the spec: to is where the template is from now on. A cluster that has a task
// already gets no second one.
func (d *Decision) Apply(spec *workv1alpha2.ResourceBindingSpec, to []workv1alpha2.TargetCluster, now time.Time) {
	spec.GracefulEvictionTasks = slices.DeleteFunc(spec.GracefulEvictionTasks, func(t workv1alpha2.GracefulEvictionTask) bool {
		return ours(&t) && !kept(&t) && slices.ContainsFunc(d.Drop, func(x Drop) bool { return x.Cluster == t.FromCluster })
	})
	for i := range spec.GracefulEvictionTasks {
		if t := &spec.GracefulEvictionTasks[i]; d.Stamp && ours(t) && t.CreationTimestamp.IsZero() {
			t.CreationTimestamp = &metav1.Time{Time: now}
		}
	}
	for _, task := range d.Evict {
		if !slices.ContainsFunc(spec.GracefulEvictionTasks, func(t workv1alpha2.GracefulEvictionTask) bool { return t.FromCluster == task.FromCluster }) {
			spec.GracefulEvictionTasks = append(spec.GracefulEvictionTasks, task)
		}
	}
	if len(d.Evict) > 0 {
		spec.Clusters = to
	}
}

// Without are the targets that are left when the evicted ones go, for what somebody else places.
func (d *Decision) Without(targets []workv1alpha2.TargetCluster) []workv1alpha2.TargetCluster {
	return slices.DeleteFunc(slices.Clone(targets), func(t workv1alpha2.TargetCluster) bool {
		return slices.ContainsFunc(d.Evict, func(x workv1alpha2.GracefulEvictionTask) bool { return x.FromCluster == t.Name })
	})
}

func (d *Decision) retry(at time.Time) {
	if d.RetryAt.IsZero() || at.Before(d.RetryAt) {
		d.RetryAt = at
	}
}

func itemOf(status *workv1alpha2.ResourceBindingStatus, cluster string) *workv1alpha2.AggregatedStatusItem {
	for i := range status.AggregatedStatus {
		if item := &status.AggregatedStatus[i]; item.ClusterName == cluster {
			return item
		}
	}
	return nil
}
