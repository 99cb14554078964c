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
	ConditionNoHold       = "no hold"
	ConditionHubConnected = "hub not cut off"
	ConditionBrake        = "brake not on"
	ConditionFenced       = "only copy fenced"
)

// Condition is one thing that must be so before pods leave a cluster, and how it is now.
type Condition struct {
	Name string `json:"name"`
	Met  bool   `json:"met"`
	// Detail says how it is, to a person.
	Detail string `json:"detail"`
}

// Conditions are what Decide goes by before pods of the binding leave a cluster: they leave exactly when
// all are met, as far as the survey goes. It knows nothing of where they would go to.
func (s Survey) Conditions(name string, b Binding) []Condition {
	c, known := s.clusters[name]
	if !known {
		c.Name = name
	}
	return []Condition{
		{ConditionDataPath, c.DataPath.State == Down, s.tell(c.DataPath, "requests get through", "no application in it is probed, and nobody can tell")},
		{ConditionControlPlane, known && c.ControlPlane.State != Up, s.tell(c.ControlPlane, "the API server answers", "its agent is silent")},
		s.waited(c, b),
		s.notHeld(b),
		s.connected(name, b),
		s.notBraked(c, b),
		s.fencedOff(c, b),
	}
}

func (s Survey) notHeld(b Binding) Condition {
	if b.Hold.InForce(s.now) {
		return Condition{ConditionNoHold, false, b.Hold.Why}
	}
	return Condition{ConditionNoHold, true, "nobody holds the automation of this application"}
}

// movedNow is added to what would hold a binding if a person had not said that it is to move.
const movedNow = "; all the same, a person wants it moved now (" + apinames.MoveNowAnnotation + ")"

func (s Survey) connected(name string, b Binding) Condition {
	switch {
	case s.isolated == "":
		return Condition{ConditionHubConnected, true, "the hub reaches its clusters"}
	case b.movesNow(name):
		return Condition{ConditionHubConnected, true, s.isolated + movedNow}
	}
	return Condition{ConditionHubConnected, false, s.isolated}
}

func (s Survey) notBraked(c Cluster, b Binding) Condition {
	why := ""
	if c.Lost() {
		why = s.tooMany(c.Name, b.Terms.MaxUnavailable)
	}
	switch {
	case why == "":
		return Condition{ConditionBrake, true, s.together(c.Name, b.Terms)}
	case b.movesNow(c.Name):
		return Condition{ConditionBrake, true, why + movedNow}
	}
	return Condition{ConditionBrake, false, why}
}

func (s Survey) fencedOff(c Cluster, b Binding) Condition {
	still := fmt.Sprintf("it is a singleton, and its copy in %s may still run", c.Name)
	switch {
	case !b.Singleton:
		return Condition{ConditionFenced, true, "two copies for a while are no harm: the workload is no singleton"}
	case c.fenced() && c.Fence.At.IsZero():
		return Condition{ConditionFenced, true, "a person says that nothing runs there"}
	case c.fenced():
		return Condition{ConditionFenced, true, "a person says that nothing ran there any more at " + c.Fence.At.UTC().Format(time.RFC3339)}
	case c.Fence.Given && c.Lost():
		return Condition{ConditionFenced, false, fmt.Sprintf("%s: the fence of %s was about an earlier outage", still, c.Fence.At.UTC().Format(time.RFC3339))}
	}
	return Condition{ConditionFenced, false, still}
}

// tell says how a signal is and for how long.
func (s Survey) tell(signal Signal, up, unknown string) string {
	text := map[State]string{Up: up, Down: "lost", Unknown: unknown}[signal.State]
	if signal.Since.IsZero() {
		return text
	}
	return fmt.Sprintf("%s, for %s", text, s.now.Sub(signal.Since).Round(time.Second))
}

func (s Survey) waited(c Cluster, b Binding) Condition {
	terms := b.Terms
	since, lost := c.lostSince()
	if !lost {
		return Condition{ConditionWaited, false, fmt.Sprintf("moveWorkloadsAfter %s begins when both are lost", terms.MoveAfter)}
	}
	since = later(since, s.watching)
	from, why := since, ""
	if released := s.releasedAt(c.Name, terms.MaxUnavailable); !b.movesNow(c.Name) && released.After(since) {
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
