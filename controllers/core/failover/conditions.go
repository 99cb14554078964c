package failover

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	apinames "github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// Names of the conditions for pods to leave a cluster, in the order in which they are looked at.
const (
	ConditionDataPath     = "data path lost"
	ConditionControlPlane = "control plane lost"
	ConditionWaited       = "lost long enough"
	ConditionHubConnected = "hub not cut off"
	ConditionBrake        = "brake not on"
)

// Condition is one thing that must be so before pods leave a cluster, and how it is now.
type Condition struct {
	Name string `json:"name"`
	Met  bool   `json:"met"`
	// Detail says how it is, to a person.
	Detail string `json:"detail"`
}

// Conditions are what a survey says of one cluster under some terms. Pods leave when all are met, as
// far as the survey goes: it knows nothing of where they would go to.
func (s Survey) Conditions(name string, terms Terms) []Condition {
	c, known := s.clusters[name]
	if !known {
		c.Name = name
	}
	out := []Condition{
		{ConditionDataPath, c.DataPath.State == Down, s.tell(c.DataPath, "requests get through", "no application in it is probed, and nobody can tell")},
		{ConditionControlPlane, known && c.ControlPlane.State != Up, s.tell(c.ControlPlane, "the API server answers", "its agent is silent")},
		s.waited(c, terms),
		{ConditionHubConnected, s.isolated == "", orElse(s.isolated, "the hub reaches its clusters")},
	}
	brake := Condition{ConditionBrake, true, s.together(name, terms)}
	if c.Lost() {
		if why := s.tooMany(name, terms.MaxUnavailable); why != "" {
			brake.Met, brake.Detail = false, why
		}
	}
	return append(out, brake)
}

// tell says how a signal is and for how long.
func (s Survey) tell(signal Signal, up, unknown string) string {
	text := map[State]string{Up: up, Down: "lost", Unknown: unknown}[signal.State]
	if signal.Since.IsZero() {
		return text
	}
	return fmt.Sprintf("%s, for %s", text, s.now.Sub(signal.Since).Round(time.Second))
}

func (s Survey) waited(c Cluster, terms Terms) Condition {
	since, lost := c.lostSince()
	if !lost {
		return Condition{ConditionWaited, false, fmt.Sprintf("moveWorkloadsAfter %s begins when both are lost", terms.MoveAfter)}
	}
	since = later(since, s.watching)
	from, why := since, ""
	if released := s.releasedAt(c.Name, terms.MaxUnavailable); released.After(since) {
		from, why = released, ", counted since the brake was released or the hub was cut off no longer"
	}
	left := terms.MoveAfter - s.now.Sub(from)
	if left > 0 {
		return Condition{ConditionWaited, false, fmt.Sprintf("%s left of moveWorkloadsAfter %s%s", left.Round(time.Second), terms.MoveAfter, why)}
	}
	return Condition{ConditionWaited, true, fmt.Sprintf("for %s, moveWorkloadsAfter is %s", s.now.Sub(since).Round(time.Second), terms.MoveAfter)}
}

// together counts the clusters that were lost within one window, of this one or of the present.
func (s Survey) together(name string, terms Terms) string {
	at := s.now
	if since, lost := s.clusters[name].lostSince(); lost {
		at = since
	}
	return fmt.Sprintf("%d of %d clusters lost within %s, %d allowed by maxUnavailableClusters %s",
		s.lostWith(at), len(s.clusters), Window, atLeastOne(terms.MaxUnavailable, len(s.clusters)), terms.MaxUnavailable.String())
}

// ClusterOf reads the two signals from the conditions of a Cluster, and the fence from its annotation.
// For the control plane Unknown is a lost lease and as bad as False.
func ClusterOf(c *clusterv1alpha1.Cluster) Cluster {
	signal := func(conditionType string) Signal {
		cond := meta.FindStatusCondition(c.Status.Conditions, conditionType)
		if cond == nil {
			return Signal{State: Unknown, Since: c.CreationTimestamp.Time}
		}
		s := Signal{Since: cond.LastTransitionTime.Time}
		switch cond.Status {
		case metav1.ConditionTrue:
			s.State = Up
		case metav1.ConditionFalse:
			s.State = Down
		}
		return s
	}
	return Cluster{
		Name:         c.Name,
		ControlPlane: signal(clusterv1alpha1.ClusterConditionReady),
		DataPath:     signal(trafficv1alpha1.ClusterConditionDataPath),
		Fence:        FenceOf(c.Annotations[apinames.FencedAnnotation]),
	}
}

// TermsOf are those of a policy, with the defaults for what it leaves open.
func TermsOf(p *trafficv1alpha1.TrafficPolicy) Terms {
	t := DefaultTerms()
	f := p.Spec.Failover
	if f.MoveWorkloadsAfter != nil {
		t.MoveAfter = f.MoveWorkloadsAfter.Duration
	}
	if f.Failback.StableFor != nil {
		t.StableFor = f.Failback.StableFor.Duration
	}
	if f.MaxUnavailableClusters != nil {
		t.MaxUnavailable = *f.MaxUnavailableClusters
	}
	return t
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
