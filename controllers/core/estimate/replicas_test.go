package estimate

import (
	"math"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestReplicas(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	for name, tc := range map[string]struct {
		objects []any
		req     *workv1alpha2.ReplicaRequirements
		bounds  Bounds
		want    int32
	}{
		"no nodes, no room":                       {req: asking("cpu=1")},
		"nothing asked for: a place each":         {objects: numbered(3, "cpu=4"), want: 30},
		"the sum over nodes, not of the cluster":  {objects: numbered(2, "cpu=1500m"), req: asking("cpu=1"), want: 2},
		"the scarcest resource of each node":      {objects: []any{aNode("a", "cpu=8 memory=1Gi"), aNode("b", "cpu=1 memory=8Gi")}, req: asking("cpu=1 memory=1Gi"), want: 2},
		"places bound too":                        {objects: numbered(1, "cpu=100"), req: asking("cpu=1"), want: 10},
		"what pods take":                          {objects: []any{aNode("a", "cpu=4"), aPod("p", "a", "cpu=1500m")}, req: asking("cpu=1"), want: 2},
		"a pod without requests takes a place":    {objects: []any{aNode("a", "cpu=100"), aPod("p", "a", "")}, req: asking("cpu=1"), want: 9},
		"a pod of a node that is not there":       {objects: []any{aNode("a", "cpu=4"), aPod("p", "b", "cpu=2")}, req: asking("cpu=1"), want: 4},
		"an extended resource":                    {objects: []any{aNode("a", "cpu=4 nvidia.com/gpu=2"), aNode("b", "cpu=4"), aPod("p", "a", "nvidia.com/gpu=1")}, req: asking("nvidia.com/gpu=1"), want: 1},
		"a resource no node offers":               {objects: numbered(3, "cpu=4"), req: asking("example.com/fpga=1"), want: 0},
		"too much is taken of what is asked for":  {objects: []any{aNode("a", "cpu=1"), aPod("p", "a", "cpu=2")}, req: asking("cpu=100m"), want: 0},
		"too much is taken of something else":     {objects: []any{aNode("a", "cpu=1 memory=1Gi"), aPod("p", "a", "cpu=2")}, req: asking("memory=512Mi"), want: 2},
		"a request of zero asks for nothing":      {objects: []any{aNode("a", "cpu=1"), aPod("p", "a", "cpu=2")}, req: asking("cpu=0 memory=0"), want: 9},
		"pods in the request do not count double": {objects: numbered(1, ""), req: asking("pods=5"), want: 10},
		"fractions round to the safe side":        {objects: []any{aNode("a", "cpu=1999999u memory=2047m")}, req: asking("cpu=999999u memory=1"), want: 1},
		"a cordoned node": {objects: []any{aNode("a", "cpu=4", func(n *corev1.Node) { n.Spec.Unschedulable = true })}, req: &workv1alpha2.ReplicaRequirements{
			NodeClaim: &workv1alpha2.NodeClaim{Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}}}}},
		"a node that is not ready":     {objects: []any{aNode("a", "cpu=4", func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionUnknown })}},
		"a node that says nothing":     {objects: []any{aNode("a", "cpu=4", func(n *corev1.Node) { n.Status.Conditions = nil })}},
		"negative capacity":            {objects: []any{aNode("a", "cpu=-4"), aNode("b", "cpu=2")}, req: asking("cpu=1"), want: 2},
		"negative places":              {objects: []any{aNode("a", "cpu=4", func(n *corev1.Node) { n.Status.Allocatable["pods"] = resource.MustParse("-1") })}, req: asking("cpu=1")},
		"absurd capacity":              {objects: []any{aNode("a", "cpu=1e30"), aNode("b", "cpu=10Ei"), aNode("c", "cpu=2")}, req: asking("cpu=1"), want: 2},
		"an absurd pod takes its node": {objects: []any{aNode("a", "cpu=4"), aNode("b", "cpu=4"), aPod("p", "a", "memory=1e40")}, req: asking("cpu=1"), want: 4},
		"a negative pod takes nothing": {objects: []any{aNode("a", "cpu=4"), aPod("p", "a", "cpu=-100")}, req: asking("cpu=1"), want: 4},
		"an absurd request":            {objects: numbered(1, "cpu=4"), req: asking("cpu=1e40")},
		"a negative request":           {objects: numbered(1, "cpu=4"), req: asking("cpu=-1"), want: 10},
		"more than can be said":        {objects: []any{aNode("a", "cpu=1", func(n *corev1.Node) { n.Status.Allocatable["pods"] = resource.MustParse("8Pi") })}, want: math.MaxInt32},
		"init containers and sidecars": {objects: []any{aNode("a", "cpu=10"), aPod("p", "a", "cpu=1", func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{RestartPolicy: &always, Resources: corev1.ResourceRequirements{Requests: list("cpu=2")}}, {Resources: corev1.ResourceRequirements{Requests: list("cpu=4")}}}
		})}, req: asking("cpu=1"), want: 4},
		"a pod that has ended":          {objects: []any{aNode("a", "cpu=2"), aPod("p", "a", "cpu=1", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded })}, req: asking("cpu=1"), want: 2},
		"a pod the scheduler has to do": {objects: []any{aNode("a", "cpu=4"), aPod("p", "", "cpu=1500m")}, req: asking("cpu=1"), want: 2},
		"a pod that waits in vain":      {objects: []any{aNode("a", "cpu=4"), aPod("p", "", "cpu=9", unschedulable(noon))}, req: asking("cpu=1"), want: 4},
		"a pod behind a gate":           {objects: []any{aNode("a", "cpu=4"), aPod("p", "", "cpu=1", gated)}, req: asking("cpu=1"), want: 4},

		"assumed pods of the same kind":    {objects: numbered(2, "cpu=4 memory=4Gi"), req: asking("cpu=1 memory=1Gi"), bounds: Bounds{Assumed: []Assumed{AssumedOf("", list("cpu=3 memory=3Gi pods=3"))}}, want: 5},
		"small assumed pods":               {objects: numbered(2, "cpu=4"), req: asking("cpu=1"), bounds: Bounds{Assumed: []Assumed{AssumedOf("", list("cpu=300m pods=3"))}}, want: 5},
		"large assumed pods":               {objects: numbered(2, "cpu=4"), req: asking("cpu=1"), bounds: Bounds{Assumed: []Assumed{AssumedOf("", list("cpu=3 pods=2"))}}, want: 4},
		"assumed pods without a number":    {objects: numbered(2, "cpu=4"), req: asking("cpu=1"), bounds: Bounds{Assumed: []Assumed{AssumedOf("", list("cpu=1500m"))}}, want: 6},
		"assumed pods that ask for more":   {objects: numbered(2, "cpu=4"), req: asking("cpu=1"), bounds: Bounds{Assumed: []Assumed{AssumedPods("", 100, list("cpu=1"))}}, want: 0},
		"assumed pods beyond reckoning":    {objects: numbered(2, "cpu=4"), req: asking("cpu=1"), bounds: Bounds{Assumed: []Assumed{AssumedOf("", list("cpu=1e30 pods=1"))}}, want: 0},
		"nothing assumed":                  {objects: numbered(2, "cpu=4"), req: asking("cpu=1"), bounds: Bounds{Assumed: []Assumed{AssumedOf("", nil), AssumedPods("", -1, nil)}}, want: 8},
		"assumed pods use something else":  {objects: numbered(2, "cpu=4 nvidia.com/gpu=1"), req: asking("cpu=1"), bounds: Bounds{Assumed: []Assumed{AssumedPods("", 2, list("nvidia.com/gpu=8"))}}, want: 6},
		"a quota and an assumed placement": {objects: numbered(2, "cpu=9"), req: asking("cpu=1"), bounds: Bounds{Quotas: []Quota{aQuota("cpu=5", "cpu=1")}, Assumed: []Assumed{AssumedOf("", list("cpu=1 pods=1"))}}, want: 3},
	} {
		t.Run(name, func(t *testing.T) {
			if got := aCluster(t, tc.objects...).Replicas(tc.req, tc.bounds); got != tc.want {
				t.Errorf("%d replicas fit, want %d", got, tc.want)
			}
		})
	}
}

func TestMatching(t *testing.T) {
	term := func(requirements ...corev1.NodeSelectorRequirement) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchExpressions: requirements}
	}
	is := func(key string, op corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: key, Operator: op, Values: values}
	}
	byName := func(op corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{is("metadata.name", op, values...)}}
	}
	affinity := func(terms ...corev1.NodeSelectorTerm) *workv1alpha2.NodeClaim {
		return &workv1alpha2.NodeClaim{HardNodeAffinity: &corev1.NodeSelector{NodeSelectorTerms: terms}}
	}
	tolerating := func(ts ...corev1.Toleration) *workv1alpha2.NodeClaim {
		return &workv1alpha2.NodeClaim{Tolerations: ts}
	}
	node := func(change ...func(*corev1.Node)) *corev1.Node {
		return aNode("a", "", append(change, labelled("zone", "z1"), labelled("cores", "16"))...)
	}
	ssd := tainted("disk", "ssd", corev1.TaintEffectNoSchedule)
	for name, tc := range map[string]struct {
		node  *corev1.Node
		claim *workv1alpha2.NodeClaim
		want  bool
	}{
		"no claim":                             {node(), nil, true},
		"a selector that fits":                 {node(), &workv1alpha2.NodeClaim{NodeSelector: map[string]string{"zone": "z1"}}, true},
		"a selector with another value":        {node(), &workv1alpha2.NodeClaim{NodeSelector: map[string]string{"zone": "z2"}}, false},
		"a selector for a label not there":     {node(), &workv1alpha2.NodeClaim{NodeSelector: map[string]string{"gpu": ""}}, false},
		"an affinity without terms":            {node(), affinity(), false},
		"an empty term":                        {node(), affinity(term()), false},
		"an empty term and one that fits":      {node(), affinity(term(), term(is("zone", "Exists"))), true},
		"in":                                   {node(), affinity(term(is("zone", "In", "z0", "z1"))), true},
		"not in":                               {node(), affinity(term(is("zone", "NotIn", "z1"))), false},
		"not in, label not there":              {node(), affinity(term(is("gpu", "NotIn", "yes"))), true},
		"does not exist":                       {node(), affinity(term(is("gpu", "DoesNotExist"))), true},
		"greater":                              {node(), affinity(term(is("cores", "Gt", "8"))), true},
		"less":                                 {node(), affinity(term(is("cores", "Lt", "8"))), false},
		"greater than what is no number":       {node(), affinity(term(is("zone", "Gt", "8"))), false},
		"both requirements of a term":          {node(), affinity(term(is("zone", "In", "z1"), is("gpu", "Exists"))), false},
		"one of two terms":                     {node(), affinity(term(is("gpu", "Exists")), term(is("zone", "In", "z1"))), true},
		"a term that can not be understood":    {node(), affinity(term(is("zone", "Like", "z"))), false},
		"a broken term beside one that fits":   {node(), affinity(term(is("zone", "In")), term(is("zone", "In", "z1"))), true},
		"by name":                              {node(), affinity(byName("In", "a")), true},
		"by another name":                      {node(), affinity(byName("In", "b")), false},
		"not by name":                          {node(), affinity(byName("NotIn", "b")), true},
		"by two names, which is not allowed":   {node(), affinity(byName("In", "a", "b")), false},
		"by name with a wrong operator":        {node(), affinity(byName("Exists", "a")), false},
		"selector and affinity must both fit":  {node(), &workv1alpha2.NodeClaim{NodeSelector: map[string]string{"zone": "z2"}, HardNodeAffinity: affinity(term(is("zone", "Exists"))).HardNodeAffinity}, false},
		"a taint":                              {node(ssd), nil, false},
		"a taint that only is preferred":       {node(tainted("disk", "ssd", corev1.TaintEffectPreferNoSchedule)), nil, true},
		"a taint that evicts":                  {node(tainted("disk", "ssd", corev1.TaintEffectNoExecute)), nil, false},
		"tolerated by value":                   {node(ssd), tolerating(corev1.Toleration{Key: "disk", Value: "ssd"}), true},
		"tolerated by another value":           {node(ssd), tolerating(corev1.Toleration{Key: "disk", Operator: "Equal", Value: "hdd"}), false},
		"tolerated by key":                     {node(ssd), tolerating(corev1.Toleration{Key: "disk", Operator: "Exists", Effect: "NoSchedule"}), true},
		"tolerated for another effect":         {node(ssd), tolerating(corev1.Toleration{Key: "disk", Operator: "Exists", Effect: "NoExecute"}), false},
		"everything is tolerated":              {node(ssd, tainted("x", "", corev1.TaintEffectNoExecute)), tolerating(corev1.Toleration{Operator: "Exists"}), true},
		"one of two taints is tolerated":       {node(ssd, tainted("x", "", corev1.TaintEffectNoExecute)), tolerating(corev1.Toleration{Key: "disk", Operator: "Exists"}), false},
		"tolerated for a while is tolerated":   {node(tainted("x", "", corev1.TaintEffectNoExecute)), tolerating(corev1.Toleration{Key: "x", Operator: "Exists", TolerationSeconds: new(int64)}), true},
		"tolerated by comparison, not default": {node(tainted("tier", "3", corev1.TaintEffectNoSchedule)), tolerating(corev1.Toleration{Key: "tier", Operator: "Lt", Value: "5"}), false},
	} {
		t.Run(name, func(t *testing.T) {
			n, m := NodeOf(tc.node), newMatcher(tc.claim)
			if got := m.matches(&n); got != tc.want {
				t.Errorf("matches: %t", got)
			}
		})
	}
}

func TestQuotas(t *testing.T) {
	class := corev1.ResourceQuotaScopePriorityClass
	for name, tc := range map[string]struct {
		quotas []Quota
		class  string
		want   int32
	}{
		"none":                                 {nil, "", 100},
		"what is left of cpu":                  {[]Quota{aQuota("cpu=5", "cpu=1500m")}, "", 3},
		"requests.cpu is cpu":                  {[]Quota{aQuota("requests.cpu=5", "requests.cpu=1")}, "", 4},
		"both, and the smaller counts":         {[]Quota{aQuota("requests.cpu=5 cpu=3", "requests.cpu=1 cpu=1")}, "", 2},
		"limits are not known":                 {[]Quota{aQuota("limits.cpu=1", "limits.cpu=1")}, "", 100},
		"an extended resource":                 {[]Quota{aQuota("requests.nvidia.com/gpu=7", "requests.nvidia.com/gpu=2")}, "", 5},
		"a resource not asked for":             {[]Quota{aQuota("requests.storage=1", "requests.storage=1")}, "", 100},
		"pods":                                 {[]Quota{aQuota("pods=5", "pods=3")}, "", 2},
		"counted pods":                         {[]Quota{aQuota("count/pods=5 services=1", "count/pods=4 services=1")}, "", 1},
		"used up":                              {[]Quota{aQuota("cpu=5", "cpu=9")}, "", 0},
		"use is not known yet":                 {[]Quota{aQuota("cpu=5", "")}, "", 100},
		"as good as without bound":             {[]Quota{aQuota("cpu=1e30 memory=8Ei", "cpu=1 memory=1")}, "", 100},
		"the tightest of several":              {[]Quota{aQuota("cpu=50", "cpu=1"), aQuota("pods=9", "pods=2")}, "", 7},
		"for a class, and of it":               {[]Quota{aQuota("cpu=5", "cpu=1", scoped(class, "In", "high"))}, "high", 4},
		"for a class, and of another":          {[]Quota{aQuota("cpu=5", "cpu=1", scoped(class, "In", "high"))}, "low", 100},
		"for a class, and of none":             {[]Quota{aQuota("cpu=5", "cpu=1", scoped(class, "In", "high"))}, "", 100},
		"for other classes":                    {[]Quota{aQuota("cpu=5", "cpu=1", scoped(class, "NotIn", "high"))}, "high", 100},
		"for other classes, and of none":       {[]Quota{aQuota("cpu=5", "cpu=1", scoped(class, "NotIn", "high"))}, "", 4},
		"for any class":                        {[]Quota{aQuota("cpu=5", "cpu=1", scoped(class, "Exists"))}, "low", 4},
		"for any class, by scopes":             {[]Quota{aQuota("cpu=5", "cpu=1", func(q *corev1.ResourceQuota) { q.Spec.Scopes = []corev1.ResourceQuotaScope{class} })}, "low", 4},
		"for no class":                         {[]Quota{aQuota("cpu=5", "cpu=1", scoped(class, "DoesNotExist"))}, "", 4},
		"for no class, and of one":             {[]Quota{aQuota("cpu=5", "cpu=1", scoped(class, "DoesNotExist"))}, "low", 100},
		"either of two class scopes":           {[]Quota{aQuota("cpu=5", "cpu=1", scoped(class, "In", "high"), scoped(class, "In", "low"))}, "low", 4},
		"an operator that is not one":          {[]Quota{aQuota("cpu=5", "cpu=1", scoped(class, "Like", "l"))}, "low", 100},
		"scopes that can not be told":          {[]Quota{aQuota("cpu=5", "cpu=1", scoped("NotBestEffort", ""), scoped("Terminating", ""), scoped("CrossNamespacePodAffinity", ""))}, "low", 100},
		"a scope that can be told among them":  {[]Quota{aQuota("cpu=5", "cpu=1", scoped("NotTerminating", ""), scoped(class, "Exists"))}, "low", 4},
		"a scope not known to this program":    {[]Quota{aQuota("cpu=5", "cpu=1", scoped("Moonlight", "Exists"))}, "low", 100},
		"bound by memory though cpu is plenty": {[]Quota{aQuota("cpu=50 memory=3Gi", "cpu=1 memory=1Gi")}, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			req := asking("cpu=1 memory=1Gi nvidia.com/gpu=1")
			req.PriorityClassName = tc.class
			c := aCluster(t, numbered(10, "cpu=10 memory=10Gi nvidia.com/gpu=10")...)
			if got := c.Replicas(req, Bounds{Namespace: "shop", Quotas: tc.quotas}); got != tc.want {
				t.Errorf("%d replicas fit, want %d", got, tc.want)
			}
		})
	}

	t.Run("assumed pods of another namespace do not use the quota", func(t *testing.T) {
		c := aCluster(t, numbered(10, "cpu=10")...)
		bounds := Bounds{Namespace: "shop", Quotas: []Quota{aQuota("cpu=9", "cpu=1")}, Assumed: []Assumed{AssumedPods("bank", 5, list("cpu=1"))}}
		if got := c.Replicas(asking("cpu=1"), bounds); got != 8 {
			t.Errorf("%d replicas fit, want 8", got)
		}
		bounds.Assumed[0].Namespace = "shop"
		if got := c.Replicas(asking("cpu=1"), bounds); got != 3 {
			t.Errorf("%d replicas fit, want 3", got)
		}
	})
}
