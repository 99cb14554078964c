package estimate

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// Waiting is what counts of a pod without a node.
type Waiting struct {
	// Owner is the group, kind and name of the controller; for a pod of a Deployment's ReplicaSet it
	// is the Deployment.
	Owner      schema.GroupKind
	OwnerName  string
	Controller types.UID
	// Created is when the pod was.
	Created time.Time
	// Unschedulable is since when the member's scheduler finds no node for it; zero when it does not
	// say so.
	Unschedulable time.Time
	// InFlight says that the scheduler has yet to look at it: it will take room in a moment.
	InFlight bool
}

// hashLabel is what the Deployment controller puts on pods; the name of a ReplicaSet is the name of
// the Deployment, a dash and this hash.
const hashLabel = "pod-template-hash"

func waitingOf(pod *corev1.Pod) *Waiting {
	w := &Waiting{Created: pod.CreationTimestamp.Time, InFlight: pod.DeletionTimestamp == nil}
	if owner := metav1.GetControllerOfNoCopy(pod); owner != nil {
		w.Owner = schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).GroupKind()
		w.OwnerName, w.Controller = owner.Name, owner.UID
		hash := pod.Labels[hashLabel]
		if deployment, ok := strings.CutSuffix(owner.Name, "-"+hash); ok && hash != "" && w.Owner == (schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}) {
			w.Owner.Kind, w.OwnerName = "Deployment", deployment
		}
	}
	for i := range pod.Status.Conditions {
		c := &pod.Status.Conditions[i]
		if c.Type != corev1.PodScheduled || c.Status != corev1.ConditionFalse {
			continue
		}
		switch c.Reason {
		case corev1.PodReasonUnschedulable:
			w.InFlight = false
			if pod.DeletionTimestamp == nil {
				w.Unschedulable = c.LastTransitionTime.Time
			}
		case corev1.PodReasonSchedulingGated:
			w.InFlight = false
		}
	}
	return w
}

// shape is what a pod asks for, as a key.
type shape struct {
	cpu, memory, storage int64
	other                string
	huge                 bool
}

func shapeOf(p *Pod) shape {
	s := shape{cpu: p.Asks.cpu, memory: p.Asks.memory, storage: p.Asks.storage, huge: p.Huge}
	for _, name := range slices.Sorted(maps.Keys(p.Asks.other)) {
		s.other += string(name) + "=" + strconv.FormatInt(p.Asks.other[name], 10) + " "
	}
	return s
}

// byShape orders what is in flight, so that the same question has the same answer.
func (c *Cluster) byShape() []*Assumed {
	keys := slices.SortedFunc(maps.Keys(c.inFlight), func(a, b shape) int {
		return cmp.Or(cmp.Compare(b.cpu, a.cpu), cmp.Compare(b.memory, a.memory), cmp.Compare(b.storage, a.storage), cmp.Compare(a.other, b.other))
	})
	alike := make([]*Assumed, 0, len(keys))
	for _, key := range keys {
		alike = append(alike, c.inFlight[key])
	}
	return alike
}

// Unschedulable is how many replicas of a workload have waited for a node for longer than a time,
// by the word of the member's scheduler. Of a Deployment in the middle of a rollout only the newest
// pods count: those of older versions are about to go anyway.
func (c *Cluster) Unschedulable(of workv1alpha2.ObjectReference, now time.Time, longerThan time.Duration) int32 {
	kind := schema.FromAPIVersionAndKind(of.APIVersion, of.Kind).GroupKind()
	newest, controller, counts := time.Time{}, types.UID(""), map[types.UID]int64{}
	for key, pod := range c.waiting {
		w := pod.Waiting
		if w == nil || key.Namespace != of.Namespace || w.OwnerName != of.Name || w.Owner != kind {
			continue
		}
		if !w.Created.Before(newest) && (w.Created.After(newest) || w.Controller > controller) {
			newest, controller = w.Created, w.Controller
		}
		if !w.Unschedulable.IsZero() && now.Sub(w.Unschedulable) > longerThan {
			counts[w.Controller]++
		}
	}
	return clamp(counts[controller])
}
