package placement

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestGoldenDynamicWeight(t *testing.T) {
	ab := clusters{member("m1", pods(6)), member("m2", pods(3))}
	run(t, map[string]golden{
		"in proportion to room":                       {scene: scene{clusters: ab, policy: dynamic(), replicas: 6}, want: "m1:4 m2:2"},
		"to the last place":                           {scene: scene{clusters: ab, policy: dynamic(), replicas: 9}, want: "m1:6 m2:3"},
		"one too many":                                {scene: scene{clusters: ab, policy: dynamic(), replicas: 10}, reason: noRoom, message: "there is room for 9 of 10 replicas"},
		"one too many for a workload that runs: kept": {scene: scene{clusters: ab, policy: dynamic(), replicas: 30, present: "m1:4 m2:2"}, want: "m1:4 m2:2", reason: noRoom, message: "room for 9 of 24"},
		"a full cluster gets nothing":                 {scene: scene{clusters: clusters{member("m1", pods(0)), member("m2", pods(3))}, policy: dynamic(), replicas: 2}, want: "m2:2"},
		"a cluster without a summary has no room":     {scene: scene{clusters: clusters{member("m1"), member("m2", pods(3))}, policy: dynamic(), replicas: 2}, want: "m2:2"},
		"steady: nothing to do":                       {scene: scene{clusters: ab, policy: dynamic(), replicas: 5, present: "m1:1 m2:4"}, want: "m1:1 m2:4"},
		"scale up divides only what is new":           {scene: scene{clusters: ab, policy: dynamic(), replicas: 8, present: "m1:1 m2:4"}, want: "m1:3 m2:5"},
		"scale down goes by present replicas":         {scene: scene{clusters: ab, policy: dynamic(), replicas: 3, present: "m1:2 m2:4"}, want: "m1:1 m2:2"},
		"scale down needs no room":                    {scene: scene{clusters: members("m1 m2"), policy: dynamic(), replicas: 2, present: "m1:2 m2:2"}, want: "m1:1 m2:1"},
		"fresh divides all, counting its own":         {scene: scene{clusters: ab, policy: dynamic(), replicas: 6, present: "m2:6", fresh: true}, want: "m1:2 m2:4"},
		"triggered is fresh":                          {scene: scene{clusters: ab, policy: dynamic(), replicas: 6, present: "m2:6", change: func(in *Input) { in.Spec.RescheduleTriggeredAt = &metav1.Time{} }}, want: "m1:2 m2:4"},
		"what was in a lost cluster is new elsewhere": {scene: scene{clusters: clusters{member("m1", pods(6)), member("m2", pods(3)), member("m3", pods(3))}, policy: dynamic(), replicas: 6, present: "m1:4 m2:1 m3:1", exclude: "m1"}, want: "m2:3 m3:3"},
		"no replicas with requests":                   {scene: scene{clusters: ab, policy: dynamic(), requests: true, present: "m1:2"}, want: ""},
		"a better estimate that is smaller counts":    {scene: scene{clusters: ab, policy: dynamic(), replicas: 4, change: func(in *Input) { in.Estimates = map[string]int32{"m1": 1} }}, want: "m1:1 m2:3"},
		"a better estimate that is larger does not":   {scene: scene{clusters: ab, policy: dynamic(), replicas: 9, change: func(in *Input) { in.Estimates = map[string]int32{"m2": 50} }}, want: "m1:6 m2:3"},
		"an estimate that failed is ignored":          {scene: scene{clusters: ab, policy: dynamic(), replicas: 9, change: func(in *Input) { in.Estimates = map[string]int32{"m1": -1} }}, want: "m1:6 m2:3"},
	})
}

func TestGoldenAggregated(t *testing.T) {
	abc := clusters{member("m1", pods(4)), member("m2", pods(6)), member("m3", pods(2))}
	run(t, map[string]golden{
		"the roomiest takes all":          {scene: scene{clusters: abc, policy: aggregated(), replicas: 6}, want: "m2:6"},
		"two when one is too small":       {scene: scene{clusters: abc, policy: aggregated(), replicas: 10}, want: "m1:4 m2:6"},
		"two share by room":               {scene: scene{clusters: abc, policy: aggregated(), replicas: 7}, want: "m1:3 m2:4"},
		"all":                             {scene: scene{clusters: abc, policy: aggregated(), replicas: 12}, want: "m1:4 m2:6 m3:2"},
		"one too many":                    {scene: scene{clusters: abc, policy: aggregated(), replicas: 13}, reason: noRoom},
		"scale up prefers where it runs":  {scene: scene{clusters: abc, policy: aggregated(), replicas: 4, present: "m3:2"}, want: "m3:4"},
		"scale up spills to the roomiest": {scene: scene{clusters: abc, policy: aggregated(), replicas: 6, present: "m3:2"}, want: "m2:3 m3:3"},
		"scale down keeps the largest":    {scene: scene{clusters: abc, policy: aggregated(), replicas: 3, present: "m1:2 m2:5"}, want: "m2:3"},
		"a tie in room goes by name":      {scene: scene{clusters: clusters{member("m2", pods(4)), member("m1", pods(4))}, policy: aggregated(), replicas: 3}, want: "m1:3"},
		"equal: nothing to do":            {scene: scene{clusters: abc, policy: aggregated(), replicas: 2, present: "m1:1 m3:1"}, want: "m1:1 m3:1"},
		"fresh gathers what was spread":   {scene: scene{clusters: abc, policy: aggregated(), replicas: 3, present: "m1:1 m2:1 m3:1", fresh: true}, want: "m2:3"},
	})
}

func TestGoldenSpreadByCluster(t *testing.T) {
	by := func(p policy, lo, hi int) policy { return spreadBy(p, "cluster", lo, hi) }
	sized := clusters{member("m1", pods(2)), member("m2", pods(9)), member("m3", pods(5))}
	run(t, map[string]golden{
		"the roomiest are picked":                    {scene: scene{clusters: sized, policy: by(dup(), 1, 2), replicas: 1}, want: "m2:1 m3:1"},
		"present targets come first":                 {scene: scene{clusters: sized, policy: by(dup(), 1, 2), replicas: 1, present: "m1:1"}, want: "m1:1 m2:1"},
		"no upper bound: all":                        {scene: scene{clusters: sized, policy: by(dup(), 1, 0), replicas: 1}, want: "m1:1 m2:1 m3:1"},
		"an upper bound above the number":            {scene: scene{clusters: sized, policy: by(dup(), 1, 9), replicas: 1}, want: "m1:1 m2:1 m3:1"},
		"too few for the lower bound":                {scene: scene{clusters: sized, policy: by(dup(), 4, 0), replicas: 1}, reason: refused, message: "3 clusters fit, minGroups by cluster is 4"},
		"no field and no label is by cluster":        {scene: scene{clusters: sized, policy: spreadBy(dup(), "", 1, 1), replicas: 1}, want: "m2:1"},
		"names break ties":                           {scene: scene{clusters: members("m3 m1 m2"), policy: by(dup(), 1, 2), replicas: 1}, want: "m1:1 m2:1"},
		"a ConfigMap in one cluster":                 {scene: scene{clusters: members("m1 m2"), policy: by(dup(), 1, 1), config: true}, want: "m1:0"},
		"a ConfigMap stays where it is":              {scene: scene{clusters: members("m1 m2"), policy: by(dup(), 1, 1), config: true, present: "m2:0"}, want: "m2:0"},
		"dynamic: the roomiest suffice":              {scene: scene{clusters: sized, policy: by(dynamic(), 1, 2), replicas: 7}, want: "m2:4 m3:3"},
		"dynamic: present ones are swapped for room": {scene: scene{clusters: sized, policy: by(dynamic(), 1, 1), replicas: 8, present: "m1:1", fresh: true}, want: "m2:8"},
		"dynamic: the last picked is swapped first":  {scene: scene{clusters: sized, policy: by(dynamic(), 1, 2), replicas: 12, present: "m1:1 m3:1"}, want: "m2:7 m3:5"},
		"dynamic: no room even so":                   {scene: scene{clusters: sized, policy: by(dynamic(), 1, 2), replicas: 15}, reason: refused, message: "no enough resource when selecting 2 clusters"},
		"aggregated within the bound":                {scene: scene{clusters: sized, policy: by(aggregated(), 1, 2), replicas: 8}, want: "m2:8"},
	})
}

func TestGoldenSpreadByRegion(t *testing.T) {
	by := func(p policy, minRegions, maxRegions, minClusters, maxClusters int) policy {
		return spreadBy(spreadBy(p, "region", minRegions, maxRegions), "cluster", minClusters, maxClusters)
	}
	world := clusters{
		member("eu1", in("", "eu"), pods(5)), member("eu2", in("", "eu"), pods(1)),
		member("us1", in("", "us"), pods(9)), member("us2", in("", "us"), pods(8)), member("us3", in("", "us"), pods(7)),
		member("ap1", in("", "ap"), pods(2)),
	}
	run(t, map[string]golden{
		"the region with the most clusters that have room":          {scene: scene{clusters: world, policy: by(dup(), 1, 1, 1, 0), replicas: 3}, want: "us1:3 us2:3 us3:3"},
		"the best of that region":                                   {scene: scene{clusters: world, policy: by(dup(), 1, 1, 1, 2), replicas: 3}, want: "us1:3 us2:3"},
		"two regions, one cluster each":                             {scene: scene{clusters: world, policy: by(dup(), 2, 2, 2, 2), replicas: 3}, want: "eu1:3 us1:3"},
		"two regions, filled up by room":                            {scene: scene{clusters: world, policy: by(dup(), 2, 2, 2, 4), replicas: 3}, want: "eu1:3 us1:3 us2:3 us3:3"},
		"three regions":                                             {scene: scene{clusters: world, policy: by(dup(), 3, 0, 3, 3), replicas: 1}, want: "ap1:1 eu1:1 us1:1"},
		"too few regions":                                           {scene: scene{clusters: world, policy: by(dup(), 4, 0, 4, 0), replicas: 1}, reason: refused, message: "clusters of 3 regions fit, minGroups by region is 4"},
		"too few clusters in the regions allowed":                   {scene: scene{clusters: world, policy: by(dup(), 1, 1, 4, 0), replicas: 1}, reason: refused, message: "the 4 clusters that minGroups by cluster asks for"},
		"more regions than clusters allowed":                        {scene: scene{clusters: world, policy: by(dup(), 3, 3, 1, 2), replicas: 1}, reason: refused, message: "maxGroups by cluster is 2"},
		"a second region only when clusters are short":              {scene: scene{clusters: world, policy: by(dup(), 1, 2, 4, 4), replicas: 1}, want: "eu1:1 us1:1 us2:1 us3:1"},
		"where it runs is preferred":                                {scene: scene{clusters: world, policy: by(dup(), 1, 1, 1, 1), replicas: 6, present: "eu1:6"}, want: "us1:6"},
		"where it runs breaks a tie":                                {scene: scene{clusters: clusters{member("a", in("", "x"), pods(5)), member("b", in("", "y"), pods(5))}, policy: by(dup(), 1, 1, 1, 1), replicas: 2, present: "b:2"}, want: "b:2"},
		"dynamic: the region with room":                             {scene: scene{clusters: world, policy: by(dynamic(), 1, 1, 1, 0), replicas: 12}, want: "us1:4 us2:4 us3:4"},
		"dynamic: of regions with room that with the most clusters": {scene: scene{clusters: world, policy: by(dynamic(), 1, 1, 1, 0), replicas: 2}, want: "us1:1 us2:1"},
		"dynamic: too little in the regions chosen":                 {scene: scene{clusters: world, policy: by(dynamic(), 1, 1, 1, 0), replicas: 25}, reason: noRoom},
		"a ConfigMap in one region":                                 {scene: scene{clusters: world, policy: by(dup(), 1, 1, 1, 0), config: true}, want: "us1:0 us2:0 us3:0"},
	})
}
