package placement

import (
	"strings"
	"testing"
)

// peersOf reads "web=m1,m2 db=".
func peersOf(text string) (out []Peer) {
	for _, f := range strings.Fields(text) {
		name, at, _ := strings.Cut(f, "=")
		p := Peer{Name: name}
		if at != "" {
			p.Clusters = strings.Split(at, ",")
		}
		out = append(out, p)
	}
	return out
}

func TestWorkloadAffinity(t *testing.T) {
	near := func(peers string) func(*Input) { return func(in *Input) { in.Groups.Affinity = peersOf(peers) } }
	apart := func(peers string) func(*Input) { return func(in *Input) { in.Groups.AntiAffinity = peersOf(peers) } }
	abc := members("m1 m2 m3")
	run(t, map[string]golden{
		"no peers: everything passes":                {scene: scene{clusters: abc, policy: dup(), replicas: 1}, want: "m1:1 m2:1 m3:1"},
		"a peer that is not placed does not count":   {scene: scene{clusters: abc, policy: dup(), replicas: 1, change: near("db=")}, want: "m1:1 m2:1 m3:1"},
		"where the peer runs":                        {scene: scene{clusters: abc, policy: dup(), replicas: 1, change: near("db=m1,m3")}, want: "m1:1 m3:1"},
		"where every peer runs":                      {scene: scene{clusters: abc, policy: dup(), replicas: 1, change: near("cache=m2,m3 db=m1,m3")}, want: "m3:1"},
		"a peer that names a cluster twice":          {scene: scene{clusters: abc, policy: dup(), replicas: 1, change: near("cache=m2,m2 db=m3")}, reason: noFit, message: "3 by WorkloadAffinity: m1 does not run cache of the same affinity group, m2 does not run db of the same affinity group"},
		"peers apart leave no cluster: kept":         {scene: scene{clusters: abc, policy: dup(), replicas: 1, present: "m9:1", change: near("cache=m2 db=m1")}, want: "m9:1", reason: noFit, message: "by WorkloadAffinity"},
		"a present target stays":                     {scene: scene{clusters: abc, policy: dup(), replicas: 1, present: "m1:1", change: near("db=m3")}, want: "m1:1 m3:1"},
		"not where a peer of the other kind runs":    {scene: scene{clusters: abc, policy: dup(), replicas: 1, change: apart("batch=m1 noisy=m3")}, want: "m2:1"},
		"everywhere runs one":                        {scene: scene{clusters: abc, policy: dup(), replicas: 1, change: apart("batch=m1,m2 noisy=m3")}, reason: noFit, message: "3 by WorkloadAntiAffinity: m1 runs batch of the same anti-affinity group, m2 runs batch"},
		"a present target stays beside it":           {scene: scene{clusters: abc, policy: dup(), replicas: 1, present: "m1:1", change: apart("batch=m1,m2,m3")}, want: "m1:1"},
		"affinity and anti-affinity":                 {scene: scene{clusters: abc, policy: dup(), replicas: 1, change: func(in *Input) { near("db=m1,m2")(in); apart("batch=m2")(in) }}, want: "m1:1"},
		"a taint is told before another workload is": {scene: scene{clusters: clusters{member("m1", taint("a", "", noSchedule))}, policy: dup(), replicas: 1, change: apart("batch=m1")}, reason: noFit, message: "TaintToleration"},
	})
}
