package placement

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// golden is a scene and what Karmada makes of it. Where we differ on purpose (nothing that runs is
// removed because no cluster fits) the case says so in its name: "kept".
type golden struct {
	scene
	want     string // targets
	reason   string // Success when empty
	message  string // part of the message
	affinity string // the term in use
}

const (
	noFit   = workv1alpha2.ReasonNoClusterFit
	noRoom  = workv1alpha2.ReasonUnschedulable
	refused = workv1alpha2.ReasonSchedulerError

	noSchedule = corev1.TaintEffectNoSchedule
	noExecute  = corev1.TaintEffectNoExecute
	prefer     = corev1.TaintEffectPreferNoSchedule
)

func run(t *testing.T, cases map[string]golden) {
	t.Helper()
	for name, g := range cases {
		t.Run(name, func(t *testing.T) {
			in := g.input()
			result, diagnosis := Place(in)
			want := g.reason
			if want == "" {
				want = workv1alpha2.ReasonScheduledSuccess
			}
			if diagnosis.Reason != want {
				t.Fatalf("reason %s (%s), want %s", diagnosis.Reason, diagnosis.Message, want)
			}
			if got, want := Targets(result.Clusters), Targets(targets(g.want)); got != want {
				t.Errorf("placed %s, want %s", got, want)
			}
			if !strings.Contains(diagnosis.Message, g.message) {
				t.Errorf("message %q does not say %q", diagnosis.Message, g.message)
			}
			if g.affinity != "" && result.AffinityName != g.affinity {
				t.Errorf("affinity %q, want %q", result.AffinityName, g.affinity)
			}
		})
	}
}

func TestGoldenDuplicated(t *testing.T) {
	run(t, map[string]golden{
		"every cluster gets all replicas":       {scene: scene{clusters: members("m2 m1"), policy: dup(), replicas: 3}, want: "m1:3 m2:3"},
		"no replicaScheduling is Duplicated":    {scene: scene{clusters: members("m1 m2"), replicas: 3}, want: "m1:3 m2:3"},
		"new replicas go to all":                {scene: scene{clusters: members("m1 m2"), policy: dup(), replicas: 5, present: "m1:3 m2:3"}, want: "m1:5 m2:5"},
		"a new cluster joins in":                {scene: scene{clusters: members("m1 m2 m3"), policy: dup(), replicas: 2, present: "m1:2 m2:2"}, want: "m1:2 m2:2 m3:2"},
		"a cluster outside the affinity leaves": {scene: scene{clusters: members("m1 m2"), policy: only(dup(), named("m1")), replicas: 2, present: "m1:2 m2:2"}, want: "m1:2"},
		"no replicas and no requests: everywhere, as for what has no replicas": {
			scene: scene{clusters: members("m1 m2"), policy: dup()}, want: "m1:0 m2:0"},
		"no replicas with requests: nowhere": {
			scene: scene{clusters: members("m1 m2"), policy: dup(), requests: true, present: "m1:3 m2:3"}, want: "", message: "no replicas are wanted"},
		"no replicas with requests, empty workloads kept": {
			scene: scene{clusters: members("m1 m2"), policy: dup(), requests: true, change: func(in *Input) { in.KeepEmpty = true }}, want: "m1:0 m2:0"},
		"a ConfigMap has no replicas":                            {scene: scene{clusters: members("m1 m2"), policy: dup(), config: true}, want: "m1:0 m2:0"},
		"a ConfigMap under a divided policy goes everywhere":     {scene: scene{clusters: members("m1 m2"), policy: equal(), config: true}, want: "m1:0 m2:0"},
		"a ConfigMap goes where static weights have no rule too": {scene: scene{clusters: members("m1 m2"), policy: static("m1=1"), config: true}, want: "m1:0 m2:0"},
		"a ConfigMap under a dynamic policy needs no room":       {scene: scene{clusters: members("m1 m2"), policy: dynamic(), config: true}, want: "m1:0 m2:0"},
	})
}

func TestGoldenStaticWeight(t *testing.T) {
	abc, ab := members("m1 m2 m3"), members("m1 m2")
	run(t, map[string]golden{
		"2:1 of 3":                            {scene: scene{clusters: ab, policy: static("m1=2 m2=1"), replicas: 3}, want: "m1:2 m2:1"},
		"3:1 of 1 goes to the heavier":        {scene: scene{clusters: ab, policy: static("m1=3 m2=1"), replicas: 1}, want: "m1:1"},
		"3:1 of 2: a tie goes to fewer seats": {scene: scene{clusters: ab, policy: static("m1=3 m2=1"), replicas: 2}, want: "m1:1 m2:1"},
		"3:1 of 3":                            {scene: scene{clusters: ab, policy: static("m1=3 m2=1"), replicas: 3}, want: "m1:2 m2:1"},
		"3:1 of 4":                            {scene: scene{clusters: ab, policy: static("m1=3 m2=1"), replicas: 4}, want: "m1:3 m2:1"},
		"1:2:3 of 6":                          {scene: scene{clusters: abc, policy: static("m1=1 m2=2 m3=3"), replicas: 6}, want: "m1:1 m2:2 m3:3"},
		"1:2:3 of 7":                          {scene: scene{clusters: abc, policy: static("m1=1 m2=2 m3=3"), replicas: 7}, want: "m1:1 m2:2 m3:4"},
		"1:2:3 of 8":                          {scene: scene{clusters: abc, policy: static("m1=1 m2=2 m3=3"), replicas: 8}, want: "m1:1 m2:3 m3:4"},
		"1:2:3 of 9: fewer seats win a tie":   {scene: scene{clusters: abc, policy: static("m1=1 m2=2 m3=3"), replicas: 9}, want: "m1:2 m2:3 m3:4"},
		"1:2:3 of 10":                         {scene: scene{clusters: abc, policy: static("m1=1 m2=2 m3=3"), replicas: 10}, want: "m1:2 m2:3 m3:5"},
		"equal, no uid: names ascend":         {scene: scene{clusters: ab, policy: equal(), replicas: 3}, want: "m1:2 m2:1"},
		"equal, even uid: names ascend":       {scene: scene{clusters: ab, policy: equal(), replicas: 3, uid: even}, want: "m1:2 m2:1"},
		"equal, odd uid: names descend":       {scene: scene{clusters: ab, policy: equal(), replicas: 3, uid: odd}, want: "m1:1 m2:2"},
		"equal, 10 over 3, even uid":          {scene: scene{clusters: abc, policy: equal(), replicas: 10, uid: even}, want: "m1:4 m2:3 m3:3"},
		"equal, 11 over 3, odd uid":           {scene: scene{clusters: abc, policy: equal(), replicas: 11, uid: odd}, want: "m1:3 m2:4 m3:4"},
		"an odd uid changes nothing without ties": {
			scene: scene{clusters: abc, policy: static("m1=1 m2=2 m3=3"), replicas: 8, uid: odd}, want: "m1:1 m2:3 m3:4"},
		"fewer replicas than clusters: the first by name":         {scene: scene{clusters: abc, policy: equal(), replicas: 2, uid: even}, want: "m1:1 m2:1"},
		"fewer replicas than clusters: the last by name, odd uid": {scene: scene{clusters: abc, policy: equal(), replicas: 2, uid: odd}, want: "m2:1 m3:1"},
		"a cluster without a rule gets nothing":                   {scene: scene{clusters: abc, policy: static("m1=1 m2=1"), replicas: 4}, want: "m1:2 m2:2"},
		"no rule matches: all are equal":                          {scene: scene{clusters: ab, policy: static("x=7"), replicas: 4}, want: "m1:2 m2:2"},
		"the heaviest of several rules counts":                    {scene: scene{clusters: ab, policy: static("m1=1 m1,m2=3 m2=2"), replicas: 4}, want: "m1:2 m2:2"},
		"an empty weightPreference is equal":                      {scene: scene{clusters: ab, policy: static(""), replicas: 4}, want: "m1:2 m2:2"},
		"Divided without a preference is equal":                   {scene: scene{clusters: ab, policy: divided("", nil), replicas: 4}, want: "m1:2 m2:2"},
		"the division is from scratch, not from the present one":  {scene: scene{clusters: ab, policy: equal(), replicas: 5, present: "m2:4", uid: even}, want: "m1:3 m2:2"},
		"scale down is from scratch as well":                      {scene: scene{clusters: ab, policy: static("m1=1 m2=3"), replicas: 4, present: "m1:4 m2:4"}, want: "m1:1 m2:3"},
		"no capacity is asked for":                                {scene: scene{clusters: ab, policy: equal(), replicas: 1000}, want: "m1:500 m2:500"},
		"spread constraints do not select under static weights":   {scene: scene{clusters: abc, policy: spreadBy(static("m1,m2,m3=1"), "cluster", 1, 1), replicas: 3}, want: "m1:1 m2:1 m3:1"},
		"spread constraints do select under empty weights":        {scene: scene{clusters: abc, policy: spreadBy(static(""), "cluster", 1, 2), replicas: 4}, want: "m1:2 m2:2"},
		"zero replicas with requests: nowhere":                    {scene: scene{clusters: ab, policy: equal(), requests: true, present: "m1:1 m2:1"}, want: ""},
		"huge weights do not overflow":                            {scene: scene{clusters: ab, policy: static("m1=9223372036854775807 m2=9223372036854775807"), replicas: 7, uid: even}, want: "m1:4 m2:3"},
		"a lost cluster's share is divided over the rest":         {scene: scene{clusters: abc, policy: static("m1=2 m2=1 m3=1"), replicas: 8, present: "m1:4 m2:2 m3:2", exclude: "m1"}, want: "m2:4 m3:4"},
		"with two of three lost the last takes all":               {scene: scene{clusters: abc, policy: equal(), replicas: 9, present: "m1:3 m2:3 m3:3", exclude: "m1 m2"}, want: "m3:9"},
		"all lost: kept":                     {scene: scene{clusters: ab, policy: equal(), replicas: 4, present: "m1:2 m2:2", exclude: "m1 m2"}, want: "m1:2 m2:2", reason: noFit, message: "2 by Exclude: m1 is lost, m2 is lost"},
		"a cluster being left takes no part": {scene: scene{clusters: abc, policy: equal(), replicas: 6, present: "m2:3 m3:3", evicting: "m1"}, want: "m2:3 m3:3"},
	})
}

func TestGoldenAffinity(t *testing.T) {
	world := clusters{
		member("eu1", in("aws", "eu", "eu-a", "eu-b"), label("env", "prod")),
		member("eu2", in("gcp", "eu", "eu-c"), label("env", "dev")),
		member("us1", in("aws", "us", "us-a"), label("env", "prod")),
		member("bare"),
	}
	one := func(a set) scene { return scene{clusters: world, policy: only(dup(), a), replicas: 1} }
	run(t, map[string]golden{
		"none: all":                      {scene: scene{clusters: world, policy: dup(), replicas: 1}, want: "bare:1 eu1:1 eu2:1 us1:1"},
		"an empty one: all":              {scene: one(set{}), want: "bare:1 eu1:1 eu2:1 us1:1"},
		"names":                          {scene: one(named("us1 eu1")), want: "eu1:1 us1:1"},
		"names that do not exist":        {scene: one(named("nowhere")), reason: noFit, message: "0/4 clusters fit (4 by ClusterAffinity: bare is not listed in clusterNames"},
		"exclude":                        {scene: one(set{ExcludeClusters: []string{"eu1", "bare"}}), want: "eu2:1 us1:1"},
		"exclude beats names":            {scene: one(set{ClusterNames: []string{"eu1", "eu2"}, ExcludeClusters: []string{"eu1"}}), want: "eu2:1"},
		"labels":                         {scene: one(set{LabelSelector: matchLabels("env", "prod")}), want: "eu1:1 us1:1"},
		"labels that must be absent":     {scene: one(set{LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "env", Operator: metav1.LabelSelectorOpDoesNotExist}}}}), want: "bare:1"},
		"provider in":                    {scene: one(where("provider", corev1.NodeSelectorOpIn, "aws")), want: "eu1:1 us1:1"},
		"provider not in, absent is not": {scene: one(where("provider", corev1.NodeSelectorOpNotIn, "aws")), want: "bare:1 eu2:1"},
		"region in several":              {scene: one(where("region", corev1.NodeSelectorOpIn, "eu", "us")), want: "eu1:1 eu2:1 us1:1"},
		"zone in: any of its zones":      {scene: one(where("zone", corev1.NodeSelectorOpIn, "eu-b", "us-a")), want: "eu1:1 us1:1"},
		"zone not in: none of its zones": {scene: one(where("zone", corev1.NodeSelectorOpNotIn, "eu-b")), want: "bare:1 eu2:1 us1:1"},
		"all parts must hold":            {scene: one(set{LabelSelector: matchLabels("env", "prod"), FieldSelector: where("region", corev1.NodeSelectorOpIn, "eu").FieldSelector, ClusterNames: []string{"eu1", "us1"}}), want: "eu1:1"},
		"lost by every target: kept":     {scene: scene{clusters: world, policy: only(equal(), set{LabelSelector: matchLabels("env", "gone")}), replicas: 2, present: "eu1:1 us1:1"}, want: "eu1:1 us1:1", reason: noFit},
		"an unparsable label selector":   {scene: one(set{LabelSelector: matchLabels("env", "not a label!")}), reason: refused, message: "spec.placement.clusterAffinity.labelSelector"},
		"an unknown field":               {scene: one(where("continent", corev1.NodeSelectorOpIn, "eu")), reason: refused, message: "spec.placement.clusterAffinity.fieldSelector.matchExpressions[0].key"},
		"an operator that means nothing": {scene: one(where("region", corev1.NodeSelectorOpExists)), reason: refused, message: "matchExpressions[0].operator"},
		"an error keeps what runs: kept": {scene: scene{clusters: world, policy: only(dup(), where("x", "In")), replicas: 1, present: "eu1:1"}, want: "eu1:1", reason: refused},
		"no clusters at all":             {scene: scene{policy: dup(), replicas: 1}, reason: noFit, message: "there are no clusters"},
		"both forms of affinity":         {scene: scene{clusters: world, policy: only(terms(dup(), "a=eu1"), named("eu2")), replicas: 1}, reason: refused, message: "spec.placement.clusterAffinity: Forbidden"},
	})
}

func TestGoldenFilters(t *testing.T) {
	tolerate := func(p policy, ts ...corev1.Toleration) policy { p.ClusterTolerations = ts; return p }
	notReady := clusters{member("m1", taint("cluster.karmada.io/not-ready", "", noSchedule)), member("m2")}
	evicting := clusters{member("m1", taint("fail-test", "yes", noExecute)), member("m2")}
	run(t, map[string]golden{
		"a cluster that is not ready gets nothing new":    {scene: scene{clusters: notReady, policy: equal(), replicas: 2}, want: "m2:2"},
		"a present target passes its NoSchedule taint":    {scene: scene{clusters: notReady, policy: equal(), replicas: 4, present: "m1:1 m2:1"}, want: "m1:2 m2:2"},
		"a present target passes its NoExecute taint":     {scene: scene{clusters: evicting, policy: dup(), replicas: 1, present: "m1:1 m2:1"}, want: "m1:1 m2:1"},
		"NoExecute keeps new ones away":                   {scene: scene{clusters: evicting, policy: dup(), replicas: 1}, want: "m2:1"},
		"PreferNoSchedule does not":                       {scene: scene{clusters: clusters{member("m1", taint("a", "", prefer))}, policy: dup(), replicas: 1}, want: "m1:1"},
		"tolerated by key":                                {scene: scene{clusters: evicting, policy: tolerate(dup(), corev1.Toleration{Key: "fail-test", Operator: corev1.TolerationOpExists}), replicas: 1}, want: "m1:1 m2:1"},
		"tolerated by key and value":                      {scene: scene{clusters: evicting, policy: tolerate(dup(), corev1.Toleration{Key: "fail-test", Value: "yes"}), replicas: 1}, want: "m1:1 m2:1"},
		"another value is not tolerated":                  {scene: scene{clusters: evicting, policy: tolerate(dup(), corev1.Toleration{Key: "fail-test", Value: "no"}), replicas: 1}, want: "m2:1"},
		"another effect is not tolerated":                 {scene: scene{clusters: evicting, policy: tolerate(dup(), corev1.Toleration{Key: "fail-test", Operator: corev1.TolerationOpExists, Effect: noSchedule}), replicas: 1}, want: "m2:1"},
		"everything is tolerated":                         {scene: scene{clusters: evicting, policy: tolerate(dup(), corev1.Toleration{Operator: corev1.TolerationOpExists}), replicas: 1}, want: "m1:1 m2:1"},
		"tolerated for a time counts when placing":        {scene: scene{clusters: evicting, policy: tolerate(dup(), corev1.Toleration{Key: "fail-test", Operator: corev1.TolerationOpExists, TolerationSeconds: new(int64)}), replicas: 1}, want: "m1:1 m2:1"},
		"all of several taints must be tolerated":         {scene: scene{clusters: clusters{member("m1", taint("a", "", noSchedule), taint("b", "", noSchedule))}, policy: tolerate(dup(), corev1.Toleration{Key: "a", Operator: corev1.TolerationOpExists}), replicas: 1}, reason: noFit, message: "1 by TaintToleration: m1 has the taint b:NoSchedule"},
		"an API that is missing":                          {scene: scene{clusters: clusters{member("m1", noAPIs), member("m2")}, policy: dup(), replicas: 1}, want: "m2:1"},
		"an API that is missing nowhere else: no fit":     {scene: scene{clusters: clusters{member("m1", noAPIs)}, policy: dup(), replicas: 1}, reason: noFit, message: "m1 does not serve apps/v1 Deployment"},
		"a present target passes without the API":         {scene: scene{clusters: clusters{member("m1", noAPIs), member("m2")}, policy: dup(), replicas: 1, present: "m1:1"}, want: "m1:1 m2:1"},
		"a cluster being deleted is left":                 {scene: scene{clusters: clusters{member("m1", dying), member("m2")}, policy: equal(), replicas: 2, present: "m1:1 m2:1"}, want: "m2:2"},
		"the only cluster is being deleted":               {scene: scene{clusters: clusters{member("m1", dying)}, policy: equal(), replicas: 2, present: "m1:2"}, want: "", reason: noFit, message: "m1 is being deleted"},
		"a cluster being left is not used, Duplicated":    {scene: scene{clusters: members("m1 m2 m3"), policy: dup(), replicas: 2, present: "m2:2", evicting: "m1"}, want: "m2:2 m3:2"},
		"every cluster is being left: kept":               {scene: scene{clusters: members("m1 m2"), policy: dup(), replicas: 2, present: "m2:2", evicting: "m1 m2"}, want: "m2:2", reason: noFit, message: "2 by ClusterEviction"},
		"Duplicated without the lost: simply the rest":    {scene: scene{clusters: members("m1 m2 m3"), policy: dup(), replicas: 2, present: "m1:2 m2:2 m3:2", exclude: "m2"}, want: "m1:2 m3:2"},
		"a spread by region needs a region":               {scene: scene{clusters: clusters{member("m1"), member("m2", in("", "eu"))}, policy: spreadBy(spreadBy(dup(), "region", 1, 0), "cluster", 1, 0), replicas: 1}, want: "m2:1"},
		"a spread by zone needs a zone":                   {scene: scene{clusters: clusters{member("m1", in("", "eu")), member("m2", in("", "", "z"))}, policy: spreadBy(spreadBy(dup(), "zone", 1, 0), "cluster", 1, 0), replicas: 1}, want: "m2:1"},
		"a spread by provider needs a provider":           {scene: scene{clusters: clusters{member("m1"), member("m2", in("aws", ""))}, policy: spreadBy(spreadBy(dup(), "provider", 1, 0), "cluster", 1, 0), replicas: 1}, want: "m2:1"},
		"spread by provider under static weights filters": {scene: scene{clusters: clusters{member("m1"), member("m2", in("aws", ""))}, policy: spreadBy(static("m1,m2=1"), "provider", 1, 0), replicas: 2}, want: "m2:2"},
	})
}

func TestGoldenOrderedAffinities(t *testing.T) {
	ab := members("m1 m2 m3")
	run(t, map[string]golden{
		"the first that fits":                      {scene: scene{clusters: ab, policy: terms(equal(), "home=m1 away=m2,m3"), replicas: 2}, want: "m1:2", affinity: "home"},
		"the second when the first does not":       {scene: scene{clusters: members("m2 m3"), policy: terms(equal(), "home=m1 away=m2,m3"), replicas: 2}, want: "m2:1 m3:1", affinity: "away"},
		"the second when the first is lost":        {scene: scene{clusters: ab, policy: terms(equal(), "home=m1 away=m2,m3"), replicas: 2, affinity: "home", present: "m1:2", exclude: "m1"}, want: "m2:1 m3:1", affinity: "away"},
		"it does not go back by itself":            {scene: scene{clusters: ab, policy: terms(equal(), "home=m1 away=m2,m3"), replicas: 2, affinity: "away", present: "m2:1 m3:1"}, want: "m2:1 m3:1", affinity: "away"},
		"it goes back when asked":                  {scene: scene{clusters: ab, policy: terms(equal(), "home=m1 away=m2,m3"), replicas: 2, affinity: "away", present: "m2:1 m3:1", change: func(in *Input) { in.Spec.RescheduleTriggeredAt = &metav1.Time{} }}, want: "m1:2", affinity: "home"},
		"a term that is gone: from the first":      {scene: scene{clusters: ab, policy: terms(equal(), "home=m1 away=m2,m3"), replicas: 2, affinity: "old", present: "m3:2"}, want: "m1:2", affinity: "home"},
		"none fits: kept, the first error is told": {scene: scene{clusters: ab, policy: terms(equal(), "x=y z=w"), replicas: 2, affinity: "x", present: "m3:2"}, want: "m3:2", affinity: "x", reason: noFit, message: "0/3 clusters fit"},
		"room is a reason to go on":                {scene: scene{clusters: clusters{member("m1", pods(1)), member("m2", pods(5))}, policy: terms(dynamic(), "home=m1 away=m2"), replicas: 3}, want: "m2:3", affinity: "away"},
		"what was tried before is not tried again": {scene: scene{clusters: members("m1"), policy: terms(equal(), "home=m1 away=m2"), replicas: 2, affinity: "away", present: "m2:2"}, want: "m2:2", affinity: "away", reason: noFit},
		"overflow takes what the term cannot":      {scene: scene{clusters: clusters{member("m1", pods(3)), member("m2", pods(9))}, policy: overflow(terms(dynamic(), "home=m1"), "m2"), replicas: 5}, want: "m1:3 m2:2", affinity: "home"},
		"overflow is not used while there is room": {scene: scene{clusters: clusters{member("m1", pods(5)), member("m2", pods(9))}, policy: overflow(terms(dynamic(), "home=m1"), "m2"), replicas: 5}, want: "m1:5"},
		"overflow in order":                        {scene: scene{clusters: clusters{member("m1", pods(1)), member("m2", pods(2)), member("m3", pods(9))}, policy: overflow(terms(aggregated(), "home=m1"), "m2", "m3"), replicas: 5}, want: "m1:1 m2:2 m3:2"},
		"scale down empties overflow first":        {scene: scene{clusters: clusters{member("m1", pods(0)), member("m2", pods(9))}, policy: overflow(terms(dynamic(), "home=m1"), "m2"), replicas: 4, present: "m1:3 m2:2"}, want: "m1:3 m2:1"},
		"too little in all tiers":                  {scene: scene{clusters: clusters{member("m1", pods(1)), member("m2", pods(1))}, policy: overflow(terms(dynamic(), "home=m1"), "m2"), replicas: 5}, reason: noRoom, message: "there is room for 2 of 5 replicas"},
		"overflow is for replicas only":            {scene: scene{clusters: members("m1 m2"), policy: overflow(terms(dynamic(), "home=m1"), "m2"), config: true}, want: "m1:0"},
		"overflow with static weights":             {scene: scene{clusters: members("m1 m2"), policy: overflow(terms(equal(), "home=m1"), "m2"), replicas: 2}, reason: refused, message: "spec.placement.clusterAffinities[0].overflowAffinities"},
	})
}

func TestGoldenRefused(t *testing.T) {
	ab := members("m1 m2")
	run(t, map[string]golden{
		"spread by zone alone":        {scene: scene{clusters: ab, policy: spreadBy(dup(), "zone", 1, 0), replicas: 1}, reason: refused, message: "spec.placement.spreadConstraints[0].spreadByField"},
		"spread by region alone":      {scene: scene{clusters: ab, policy: spreadBy(dup(), "region", 1, 0), replicas: 1}, reason: refused, message: "add {spreadByField: cluster}"},
		"a field that does not exist": {scene: scene{clusters: ab, policy: spreadBy(dup(), "rack", 1, 0), replicas: 1}, reason: refused, message: "spreadConstraints[0].spreadByField: Unsupported value"},
		"a field twice":               {scene: scene{clusters: ab, policy: spreadBy(spreadBy(dup(), "cluster", 1, 0), "cluster", 1, 0), replicas: 1}, reason: refused, message: "spreadConstraints[1].spreadByField: Duplicate"},
		"max below min":               {scene: scene{clusters: ab, policy: spreadBy(dup(), "cluster", 3, 2), replicas: 1}, reason: refused, message: "spreadConstraints[0].maxGroups"},
		"no placement":                {scene: scene{clusters: ab, change: func(in *Input) { in.Spec.Placement = nil }}, reason: refused, message: "spec.placement: Required"},
		"a weight of zero":            {scene: scene{clusters: ab, policy: static("m1=0"), replicas: 1}, reason: refused, message: "staticWeightList[0].weight"},
		"negative replicas":           {scene: scene{clusters: ab, policy: dup(), replicas: -1}, reason: refused, message: "spec.replicas"},
		"an unknown type":             {scene: scene{clusters: ab, policy: policy{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: "Tripled"}}, replicas: 1}, reason: refused, message: "replicaSchedulingType"},
		"an unknown preference":       {scene: scene{clusters: ab, policy: divided("Random", nil), replicas: 1}, reason: refused, message: "replicaDivisionPreference"},
		"an unknown dynamic weight":   {scene: scene{clusters: ab, policy: divided("Weighted", &policyv1alpha1.ClusterPreferences{DynamicWeight: "Cost"}), replicas: 1}, reason: refused, message: "dynamicWeight"},
	})
}
