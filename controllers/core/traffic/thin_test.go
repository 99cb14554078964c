package traffic

import (
	"fmt"
	"testing"
	"time"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// twoRegions are three clusters in Frankfurt and two in Virginia.
func twoRegions(t *testing.T) *world {
	w := newWorld(t)
	for i, region := range []string{"eu-central-1", "eu-central-1", "eu-central-1", "us-east-1", "us-east-1"} {
		name := fmt.Sprintf("%s%d", region[:2], i)
		w.members[name] = &Member{
			Cluster:    cluster(name, region),
			Discovered: Discovered{Known: true, Exists: true, Addresses: []string{fmt.Sprintf("192.0.2.%d", i+1)}, Port: 80, ReadyReplicas: 3},
			Verdict:    v1.VerdictHealthy,
		}
	}
	w.step()
	return w
}

// A region that has lost most of its clusters comes behind those that have not, and comes back when
// they begin to return.
func TestARegionThatHasLostMostIsPassedOver(t *testing.T) {
	w := twoRegions(t)
	expect := func(what, want string) {
		t.Helper()
		got := ""
		for _, r := range w.plan.Regions {
			if r.Name == "eu-central-1" {
				got = tierText(r.Tiers)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	const own, other = "eu0 1000 + eu1 1000 + eu2 1000", "us3 1000 + us4 1000"
	expect("at first", own+" > "+other)
	w.verdict("eu0", v1.VerdictUnhealthy)
	expect("two of three are enough", "eu1 1000 + eu2 1000 > "+other)
	w.verdict("eu1", v1.VerdictUnhealthy)
	expect("one of three is not", other+" > eu2 1000")
	w.verdict("us3", v1.VerdictUnhealthy)
	expect("half of the other region is", "us4 1000 > eu2 1000")
	w.hit("us3", func(m *Member) { m.Verdict, m.ReadyReplicas = v1.VerdictHealthy, 0 })
	expect("what somebody scaled to nothing is not missed", "us4 1000 > eu2 1000")
	w.hit("us3", func(m *Member) { m.Verdict, m.ReadyReplicas = v1.VerdictHealthy, 3 })
	w.verdict("eu2", v1.VerdictUnhealthy)
	w.sleep(time.Hour)
	expect("nobody is left", other)
	for _, name := range []string{"eu0", "eu1", "eu2"} {
		w.verdict(name, v1.VerdictHealthy)
	}
	expect("back, and not yet stable", other)
	w.sleep(time.Hour)
	expect("back", own+" > "+other)
}

func TestWhatIsLeftServesTogetherWhereEveryRegionHasLostMost(t *testing.T) {
	w := twoRegions(t)
	w.members["us5"] = &Member{
		Cluster:    cluster("us5", "us-east-1"),
		Discovered: Discovered{Known: true, Exists: true, Addresses: []string{"192.0.2.9"}, Port: 80, ReadyReplicas: 3},
		Verdict:    v1.VerdictHealthy,
	}
	w.step()
	for _, name := range []string{"eu0", "eu1", "us3", "us4"} {
		w.verdict(name, v1.VerdictUnhealthy)
	}
	for _, r := range w.plan.Regions {
		if got := tierText(r.Tiers); got != "eu2 1000 + us5 1000" {
			t.Errorf("%s: %s", r.Name, got)
		}
	}
	for _, name := range []string{"eu2", "us5"} {
		w.verdict(name, v1.VerdictUnhealthy)
	}
	if !w.plan.FailOpen {
		t.Error("with nothing left the plan fails open")
	}
}
