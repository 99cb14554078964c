package traffic

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	apinames "github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/residency"
	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func spilling(target int32) func(*world) {
	return func(w *world) {
		w.policy.Spec.Capacity = &v1.Capacity{RequestsPerSecondPerReplica: resource.MustParse("50")}
		w.policy.Spec.Steering = v1.Steering{Strategy: v1.StrategyGeo, Spillover: &v1.Spillover{TargetUtilization: target}}
	}
}

// asks says what the clients of Frankfurt, Virginia and Singapore ask for, and has it measured every ten
// seconds for a time.
func (s *story) asks(d time.Duration, fra, iad, sin float64) {
	s.t.Helper()
	measure := func() {
		s.demand = &Demand{At: s.now, Clusters: map[string]float64{"fra": fra, "iad": iad, "sin": sin},
			Clients: map[string]float64{"eu-central-1": fra, "us-east-1": iad, "ap-southeast-1": sin}}
		s.step()
	}
	for end := s.now.Add(d); s.now.Before(end); s.sleep(10 * time.Second) {
		measure()
	}
}

func TestStorySpillover(t *testing.T) {
	s := tell(t, "fra", "iad", "sin")
	spilling(80)(s.world)
	s.then("the shop is deployed, 150 requests/s for each cluster; nobody measures", func() { s.step() })
	s.later(time.Minute)
	s.then("somebody measures: 60 requests/s everywhere", func() { s.asks(time.Minute, 60, 60, 60) })
	s.then("clients of fra ask for 200", func() { s.asks(3*time.Minute, 200, 60, 60) })
	s.then("they ask for 190: it stays", func() { s.asks(3*time.Minute, 190, 60, 60) })
	s.then("they ask for 60 again", func() { s.asks(5*time.Minute, 60, 60, 60) })
	s.then("all ask for 200: nobody has room", func() { s.asks(time.Minute, 200, 200, 200) })
	s.then("only fra does, and then nobody measures", func() { s.asks(time.Minute, 200, 60, 60) })
	s.later(20 * time.Minute)
	s.end("spillover")
}

func TestStorySpilloverAfterALoss(t *testing.T) {
	s := tell(t, "fra", "iad", "sin")
	spilling(80)(s.world)
	s.then("the shop is deployed, and 90 requests/s are asked for everywhere", func() { s.asks(time.Minute, 90, 90, 90) })
	s.then("fra dies: both others take what it had, at once", func() { s.kill("fra") })
	s.later(20 * time.Second)
	s.end("spillover-after-a-loss")
}

func TestStoryDrain(t *testing.T) {
	s := tell(t, "fra", "iad")
	drain := func(name string, annotations map[string]string) func() {
		return func() { s.hit(name, func(m *Member) { m.Cluster.Annotations = annotations }) }
	}
	s.then("the shop is deployed", func() { s.step() })
	s.later(time.Minute)
	s.then("somebody drains fra", drain("fra", map[string]string{apinames.DrainAnnotation: "new load balancers"}))
	s.later(time.Minute)
	s.then("somebody drains iad for the shop: nothing else is left", func() {
		s.policy.Spec.Drain = []v1.Drain{{Cluster: "iad", Reason: "a bad release"}}
		s.policy.Generation++
		s.step()
	})
	s.later(time.Minute)
	s.then("fra is drained no longer: in full, for it is alone", drain("fra", nil))
	s.later(10 * time.Minute)
	s.then("nor is iad: it was well all the time, and comes back in steps that begin at once", func() {
		s.policy.Spec.Drain = nil
		s.policy.Generation++
		s.step()
	})
	s.later(10 * time.Minute)
	s.end("drain")
}

func TestStoryHold(t *testing.T) {
	s := tell(t, "fra", "iad")
	s.then("the shop is deployed", func() { s.step() })
	s.later(time.Minute)
	s.then("fra dies", func() { s.kill("fra") })
	s.later(time.Minute)
	s.then("fra returns", func() { s.revive("fra") })
	s.later(5*time.Minute + 10*time.Second)
	s.then("somebody holds the shop for an hour", func() {
		s.policy.Spec.Hold = &v1.Hold{Until: metav1.NewTime(s.now.Add(time.Hour)), Reason: "the sale"}
		s.policy.Generation++
		s.step()
	})
	s.later(20 * time.Minute)
	s.then("there are twice as many pods in iad", func() { s.hit("iad", func(m *Member) { m.ReadyReplicas = 6 }) })
	s.then("iad dies", func() { s.kill("iad") })
	s.later(time.Hour)
	s.end("hold")
}

func TestStoryResidency(t *testing.T) {
	s := tell(t, "fra", "dub", "iad")
	for name, geo := range map[string]string{"fra": "eu", "dub": "eu", "iad": "us"} {
		s.members[name].Cluster.Labels = map[string]string{"geo": geo}
	}
	s.then("the shop is deployed", func() { s.step() })
	s.later(time.Minute)
	s.then("the namespace is walled in to Europe", func() {
		s.wall, _ = residency.Of(map[string]string{apinames.ResidencyAnnotation: "geo=eu"})
		s.step()
	})
	s.later(time.Minute)
	s.then("dub dies", func() { s.kill("dub") })
	s.later(10 * time.Second)
	s.then("fra dies: answers stay inside", func() { s.kill("fra") })
	s.later(time.Minute)
	s.then("the policy walls itself in further: dub is out as well", func() {
		s.policy.Spec.Residency = &v1.Residency{ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{"fra"}}}
		s.policy.Generation++
		s.step()
	})
	s.end("residency")
}

func TestStoryWeightsFollowCapacity(t *testing.T) {
	s := tell(t, "fra", "dub", "iad")
	s.policy.Spec.Steering = v1.Steering{Strategy: v1.StrategyOrdered, Tiers: []v1.Tier{{ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: []string{"fra", "dub", "iad"}}}}}
	replicas := func(name string, n int32) func() {
		return func() { s.hit(name, func(m *Member) { m.ReadyReplicas = n }) }
	}
	s.members["fra"].ReadyReplicas, s.members["dub"].ReadyReplicas = 20, 10
	s.then("the shop is deployed with 20, 10 and 3 pods", func() { s.step() })
	s.then("one pod more in fra moves nobody", replicas("fra", 21))
	s.then("nor does a second", replicas("fra", 22))
	s.then("a third does", replicas("fra", 23))
	s.then("a pod of dub restarts", replicas("dub", 9))
	s.later(time.Minute)
	s.then("iad dies: weights are true again", func() { s.kill("iad") })
	s.end("weights-follow-capacity")
}
