package failover

import (
	"fmt"
	"math"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/seaway-io/seaway/controllers/core/some"
)

// Window is how far back lost clusters are counted together: clusters lost within one window are
// taken for one event, whose size is bounded by MaxUnavailable.
const Window = 10 * time.Minute

// isolationWindow is how far back the hub compares what it can reach.
const isolationWindow = time.Minute

// Signal is one of the two ways to see a cluster, and since when it has been so.
type Signal struct {
	State State
	Since time.Time
}

// State of a Signal.
type State int

// A signal is up, down, or cannot be told.
const (
	Unknown State = iota
	Up
	Down
)

// Cluster is what is known of a member.
type Cluster struct {
	Name string
	// ControlPlane is the API server as the hub sees it.
	ControlPlane Signal
	// DataPath is what clients see, by quorum of the vantage points.
	DataPath Signal
	// Fence says whether what ran there is known to be stopped.
	Fence Fence
}

// Fence is somebody's word that nothing runs in a cluster.
type Fence struct {
	Given bool
	// At is when that was so; zero when it was not said.
	At time.Time
}

// FenceOf reads the value of names.FencedAnnotation.
func FenceOf(value string) Fence {
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return Fence{Given: value != ""}
	}
	return Fence{Given: true, At: at}
}

// fenced says whether the cluster is lost and known to be stopped. A word that is older than the
// outage by more than a Window was about another one.
func (c Cluster) fenced() bool {
	since, lost := c.lostSince()
	return lost && c.Fence.Given && (c.Fence.At.IsZero() || !c.Fence.At.Before(since.Add(-Window)))
}

// WholeSince is since when both signals have not been down; false while one of them is.
func (c Cluster) WholeSince() (time.Time, bool) {
	if c.ControlPlane.State != Up || c.DataPath.State == Down {
		return time.Time{}, false
	}
	return later(c.ControlPlane.Since, c.DataPath.Since), true
}

// lostSince is since when both signals have been down.
func (c Cluster) lostSince() (time.Time, bool) {
	if c.ControlPlane.State == Up || c.DataPath.State != Down {
		return time.Time{}, false
	}
	return later(c.ControlPlane.Since, c.DataPath.Since), true
}

// Lost says whether both signals are down now, whatever for how long.
func (c Cluster) Lost() bool {
	_, lost := c.lostSince()
	return lost
}

// Survey is the state of the fleet at one moment, from which bindings are judged.
type Survey struct {
	now      time.Time
	clusters map[string]Cluster
	lost     []string
	isolated string
	watching time.Time

	// reconnected is when the hub was last no longer isolated, and backs are when clusters may last have
	// ceased to be lost, the latest first.
	reconnected time.Time
	backs       []time.Time
}

// NewSurvey takes stock of all clusters.
func NewSurvey(now time.Time, clusters []Cluster) Survey {
	s := Survey{now: now, clusters: make(map[string]Cluster, len(clusters))}
	for _, c := range clusters {
		s.clusters[c.Name] = c
		if c.Lost() {
			s.lost = append(s.lost, c.Name)
		}
		if at, maybe := c.backAt(); maybe {
			s.backs = append(s.backs, at)
		}
	}
	slices.Sort(s.lost)
	slices.SortFunc(s.backs, func(a, b time.Time) int { return b.Compare(a) })
	seen := reachOf(clusters)
	s.isolated, s.reconnected = seen.isolation(now.Add(1)), seen.reconnected()
	return s
}

// WatchedSince returns the survey of a hub that has only watched since then. What it reads of the time
// before may be stale: a cluster that was down when the hub stopped may have come back meanwhile. So no
// loss counts from before the hub began to watch.
func (s Survey) WatchedSince(t time.Time) Survey {
	s.watching = t
	return s
}

// Lost are the clusters both of whose signals are down now, whatever for how long, by name.
func (s Survey) Lost() []string { return slices.Clone(s.lost) }

// tooMany says why the loss of one cluster is part of an event that is larger than limit allows.
func (s Survey) tooMany(name string, limit intstr.IntOrString) string {
	at, _ := s.clusters[name].lostSince()
	var together []string
	for _, other := range s.lost {
		if t, _ := s.clusters[other].lostSince(); t.Sub(at).Abs() <= Window {
			together = append(together, other)
		}
	}
	if most := atLeastOne(limit, len(s.clusters)); len(together) > most {
		return fmt.Sprintf("%d of %d clusters (%s) were lost within %s, more than the %d allowed by maxUnavailableClusters %s",
			len(together), len(s.clusters), some.Of(together, Shown), Window, most, limit.String())
	}
	return ""
}

// Shown is how many clusters a message names.
const Shown = 20

// atLeastOne is limit as a count of clusters: a percentage is rounded down, and neither allows less
// than one. A limit that can not be read allows one.
func atLeastOne(limit intstr.IntOrString, clusters int) int {
	n, err := intstr.GetScaledValueFromIntOrPercent(&limit, clusters, false)
	if err != nil {
		return 1
	}
	return min(max(1, n), math.MaxInt32)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Size is how many clusters there are.
func (s Survey) Size() int { return len(s.clusters) }
