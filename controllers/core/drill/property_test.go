package drill

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// tick is how often the drill is looked at.
const tick = 5 * time.Second

// TestWhateverHappens lets anything happen to a federation with a drill in it. At any time: a mark is
// there only while a run is in progress; what a person writes is never touched; a run never begins in an
// outage, and ends in bounded time; its story is told in order.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := chance(t)
		persons := map[string]string{} // their reasons, by cluster
		for range rapid.IntRange(1, 15).Draw(t, "events") {
			disturb(t, f, persons)
			wasIn := f.drill.Status.Phase.InProgress()
			for range rapid.IntRange(1, 12).Draw(t, "ticks") {
				f.plan()
				lost := slices.ContainsFunc(f.world().Clusters, isLost)
				f.step()
				f.now = f.now.Add(tick)
				isIn := f.drill.Status.Phase.InProgress()
				if isIn && !wasIn && lost {
					t.Fatal("a run began while a cluster is lost")
				}
				wasIn = isIn
				check(t, f, persons)
			}
		}
		finish(t, f, persons)
	})
}

func isLost(c *clusterv1alpha1.Cluster) bool {
	return status(c, clusterv1alpha1.ClusterConditionReady) != metav1.ConditionTrue && status(c, v1.ClusterConditionDataPath) == metav1.ConditionFalse
}

func chance(t *rapid.T) *fleet {
	f := newFleet(t, "fra", "iad", "sin")
	f.deploy("web", "fra", "iad").asks(map[string]float64{"fra": 60, "iad": 60})
	f.deploy("api", "fra", "iad", "sin").asks(map[string]float64{"fra": 30, "iad": 30, "sin": 30})
	if rapid.Bool().Draw(t, "nowhere else") {
		f.deploy("alone", "fra")
	}
	clusters := []string{"fra"}
	if rapid.Bool().Draw(t, "two clusters") {
		clusters = append(clusters, "sin")
	}
	d := f.order(clusters...)
	d.Spec.Force = rapid.Bool().Draw(t, "force")
	d.Spec.Duration = &metav1.Duration{Duration: time.Duration(rapid.IntRange(10, 120).Draw(t, "duration")) * time.Second}
	if rapid.Bool().Draw(t, "scheduled") {
		d.Spec.Schedule = "*/5 * * * *"
	}
	return f
}

// disturb lets one thing happen.
func disturb(t *rapid.T, f *fleet, persons map[string]string) {
	name := rapid.SampledFrom([]string{"fra", "iad", "sin"}).Draw(t, "cluster")
	switch rapid.SampledFrom([]string{"nothing", "cluster", "person drains", "person undrains", "server", "demand", "restart", "hold", "held", "suspend", "invalid"}).Draw(t, "event") {
	case "cluster":
		f.clusters[name] = f.clusters[name].DeepCopy()
		f.set(name, rapid.Bool().Draw(t, "api"), rapid.Bool().Draw(t, "data"))
	case "person drains":
		persons[name] = "by hand"
		f.drain(name, "by hand")
	case "person undrains":
		delete(persons, name)
		f.drain(name, "")
	case "server":
		f.servers["ns2"] = !f.servers["ns2"]
	case "demand":
		f.apps[0].asks(map[string]float64{"fra": float64(rapid.IntRange(0, 200).Draw(t, "fra")), "iad": float64(rapid.IntRange(0, 200).Draw(t, "iad"))})
	case "restart":
		f.followers = &Followers{}
	case "hold":
		p := f.apps[0].policy.DeepCopy()
		p.Spec.Hold = nil
		if rapid.Bool().Draw(t, "held") {
			p.Spec.Hold = &v1.Hold{Until: metav1.NewTime(f.now.Add(30 * time.Second))}
		}
		f.apps[0].policy = p
	case "held":
		f.held = nil
		if rapid.Bool().Draw(t, "failover held") {
			f.held = []string{"shop/web (TooManyClustersLost)"}
		}
	case "suspend":
		f.drill.Spec.Suspend = f.drill.Spec.Schedule != "" && rapid.Bool().Draw(t, "suspended")
	case "invalid":
		limit := int32(100)
		if rapid.Bool().Draw(t, "wrong") {
			limit = 0
		}
		f.drill.Spec.Abort.UtilizationAbove = &limit
	}
}

func check(t *rapid.T, f *fleet, persons map[string]string) {
	s, run := &f.drill.Status, f.drill.Status.Run
	if marked := f.marked(); len(marked) > 0 && s.Phase != v1.DrillDraining && s.Phase != v1.DrillObserving {
		t.Fatalf("%s, and %v are marked", s.Phase, marked)
	}
	for name, why := range persons {
		if got := f.clusters[name].Annotations[names.DrainAnnotation]; got != why {
			t.Fatalf("a person wrote %q at %s, now it is %q", why, name, got)
		}
	}
	if run == nil {
		return
	}
	last := run.Started
	for _, at := range []*metav1.MicroTime{run.Marked, run.AnswersChanged, run.Unmarked, run.Ended} {
		if at != nil && at.Time.Before(last.Time) {
			t.Fatalf("out of order: %+v", run)
		} else if at != nil {
			last = *at
		}
	}
	if (run.Ended != nil) == s.Phase.InProgress() {
		t.Fatalf("%s, and the run %+v", s.Phase, run)
	}
	if run.Ended != nil && (run.Result != s.Phase || run.Reason == "" || run.Message == "") {
		t.Fatalf("%s, and the run ended as %q for %q", s.Phase, run.Result, run.Reason)
	}
	if len(s.History) > int(*f.drill.Spec.HistoryLimit) {
		t.Fatalf("%d runs are remembered", len(s.History))
	}
	const slack = 12 * tick
	if took := f.now.Sub(run.Started.Time); run.Ended == nil && took > f.drill.Spec.Duration.Duration+f.drill.Spec.Abort.AnswersWithin.Duration+f.world().returnWithin(f.drill)+slack {
		t.Fatalf("it has not ended after %s: %+v", took, run)
	}
}

// finish lets everything be well, and wants all requests back.
func finish(t *rapid.T, f *fleet, persons map[string]string) {
	limit := int32(100)
	f.drill.Spec.Abort.UtilizationAbove = &limit
	f.drill.Spec.Suspend = f.drill.Spec.Schedule != ""
	for range int((f.drill.Spec.Duration.Duration + 15*time.Minute) / (3 * tick)) {
		f.plan()
		f.step()
		f.now = f.now.Add(3 * tick)
		check(t, f, persons)
	}
	if f.drill.Status.Phase.InProgress() || len(f.marked()) > 0 {
		t.Fatalf("%s, %v are marked", f.drill.Status.Phase, f.marked())
	}
}
