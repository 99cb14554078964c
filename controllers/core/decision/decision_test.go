package decision

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// member has room for so many more pods; none is known when it is negative.
func member(name string, pods int64, traits ...func(*clusterv1alpha1.Cluster)) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c.Status.APIEnablements = []clusterv1alpha1.APIEnablement{
		{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}},
	}
	if pods >= 0 {
		c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{
			Allocatable: corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(pods, resource.DecimalSI)},
		}
	}
	for _, t := range traits {
		t(c)
	}
	return c
}

func tainted(c *clusterv1alpha1.Cluster) {
	c.Spec.Taints = []corev1.Taint{{Key: "maintenance", Effect: corev1.TaintEffectNoSchedule}}
}

// dynamic divides by room.
func dynamic() *policyv1alpha1.Placement {
	return &policyv1alpha1.Placement{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
		ReplicaSchedulingType:     policyv1alpha1.ReplicaSchedulingTypeDivided,
		ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceWeighted,
		WeightPreference:          &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas},
	}}
}

func inTerms(p *policyv1alpha1.Placement, terms ...policyv1alpha1.ClusterAffinityTerm) *policyv1alpha1.Placement {
	p.ClusterAffinities = terms
	return p
}

func term(name string, clusters ...string) policyv1alpha1.ClusterAffinityTerm {
	return policyv1alpha1.ClusterAffinityTerm{AffinityName: name, ClusterAffinity: policyv1alpha1.ClusterAffinity{ClusterNames: clusters}}
}

func input(p *policyv1alpha1.Placement, replicas int32, present []workv1alpha2.TargetCluster, clusters ...*clusterv1alpha1.Cluster) placement.Input {
	return placement.Input{Clusters: clusters, Spec: &workv1alpha2.ResourceBindingSpec{
		Resource:  workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web", UID: "1"},
		Replicas:  replicas,
		Placement: p,
		Clusters:  present,
	}}
}

// made lets the placement decide.
func made(in placement.Input) Made {
	result, d := placement.Place(in)
	return Made{
		Controller: "default-scheduler", Policy: "PropagationPolicy/shop/web", Cause: placement.CauseReplicas,
		Input: in, Result: result, Diagnosis: d, Now: now, TTL: time.Hour,
	}
}

func targets(pairs ...any) (out []workv1alpha2.TargetCluster) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, workv1alpha2.TargetCluster{Name: pairs[i].(string), Replicas: int32(pairs[i+1].(int))})
	}
	return out
}

// The golden files are what people see with kubectl get -o yaml.
func TestOf(t *testing.T) {
	for name, m := range map[string]Made{
		"first-placement": made(input(dynamic(), 3, nil, member("fra", 20), member("iad", 10), member("sin", 10, tainted), member("lab", -1))),
		"scaled-up":       made(input(dynamic(), 6, targets("fra", 2, "iad", 1), member("fra", 4), member("iad", 2), member("sin", 9))),
		"second-group": made(input(inTerms(dynamic(), term("home", "sin", "lost"), term("away", "fra", "iad")), 4, targets("lost", 4),
			member("fra", 20), member("iad", 10), member("sin", 10, tainted))),
		"no-room-and-kept":   made(input(dynamic(), 9, targets("fra", 2), member("fra", 1), member("iad", 3))),
		"no-cluster-fits":    made(input(inTerms(dynamic(), term("home", "sin"), term("away", "iad")), 2, nil, member("iad", 5, tainted), member("sin", 5, tainted), member("fra", 9))),
		"not-valid-and-kept": made(input(inTerms(&policyv1alpha1.Placement{ClusterAffinity: &policyv1alpha1.ClusterAffinity{}}, term("a")), 2, targets("fra", 2, "gone", 1), member("fra", 5), member("iad", 5))),
		"excluded-by-failover": func() Made {
			in := input(dynamic(), 3, targets("fra", 2, "iad", 1), member("fra", 9), member("iad", 9))
			in.Exclude = sets.New("fra")
			m := made(in)
			m.Controller, m.Steps, m.Counterfactual, m.InputHash = "failover", []string{"fra is lost", "2 replicas are divided"}, "fra would get 2 if it were not lost", "abc"
			return m
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := yaml.Marshal(Of(m))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestObject(t *testing.T) {
	got := Object(Of(made(input(dynamic(), 1, nil, member("fra", 5)))))
	want := metav1.ObjectMeta{
		Namespace: "shop",
		Name:      names.DecisionName("apps", "Deployment", "shop", "web", now),
		Labels:    map[string]string{names.DecisionOfLabel: names.DecisionOf("apps", "Deployment", "shop", "web")},
		Annotations: map[string]string{
			names.DecisionTimeAnnotation:    "2026-05-01T12:00:00Z",
			names.DecisionExpiresAnnotation: "2026-05-01T13:00:00Z",
			names.DecisionSaysAnnotation:    Says(&got.Spec),
		},
	}
	if diff := cmp.Diff(want, got.ObjectMeta); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	global := Of(made(input(dynamic(), 1, nil)))
	global.Subject.Namespace = ""
	if got := Object(global).Namespace; got != names.SystemNamespace {
		t.Errorf("a decision about a cluster-scoped template lies in %s", got)
	}
}

func TestPolicyOf(t *testing.T) {
	marked := func(label string, annotations map[string]string) *metav1.ObjectMeta {
		return &metav1.ObjectMeta{Labels: map[string]string{label: "id"}, Annotations: annotations}
	}
	for name, tc := range map[string]struct {
		obj  *metav1.ObjectMeta
		want string
	}{
		"a namespaced policy": {marked(names.PropagationPolicyPermanentID, map[string]string{
			names.PropagationPolicyNamespaceAnnotation: "shop", names.PropagationPolicyNameAnnotation: "web"}), "PropagationPolicy/shop/web"},
		"a cluster-scoped policy": {marked(names.ClusterPropagationPolicyPermanentID, map[string]string{
			names.ClusterPropagationPolicyNameAnnotation: "all"}), "ClusterPropagationPolicy/all"},
		"none": {&metav1.ObjectMeta{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := PolicyOf(tc.obj); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func fleet(n int, traits ...func(*clusterv1alpha1.Cluster)) (out []*clusterv1alpha1.Cluster) {
	for i := range n {
		out = append(out, member(fmt.Sprintf("cluster-with-a-rather-long-name-of-48-chars-%04d", i), 100, traits...))
	}
	return out
}

func TestALargeFleetMakesNoLargeObject(t *testing.T) {
	chatty := make([]string, 5000)
	for i := range chatty {
		chatty[i] = strings.Repeat("é", 3000)
	}
	for name, m := range map[string]Made{
		"all are targets":     made(input(dynamic(), 5000, nil, fleet(1000)...)),
		"all are excluded":    made(input(dynamic(), 5000, nil, fleet(1000, tainted)...)),
		"all say a lot":       made(input(dynamic(), 5000, targets("x", 1), fleet(1000)...)),
		"a long explanation":  made(input(dynamic(), 0, nil)),
		"scores by many, too": made(input(dynamic(), 5000, nil, fleet(1000)...)),
	} {
		t.Run(name, func(t *testing.T) {
			m.Steps, m.Counterfactual = chatty, chatty[0]
			for i := range m.Diagnosis.Terms {
				for j := range m.Diagnosis.Terms[i].Clusters {
					v := &m.Diagnosis.Terms[i].Clusters[j]
					v.Detail = strings.Repeat(v.Detail+" x", 500)
					for k := range 20 {
						v.Scores = append(v.Scores, placement.Score{Name: fmt.Sprintf("plugin/%d-%s", k, strings.Repeat("n", 253)), Points: 100})
					}
				}
			}
			spec := Of(m)
			text, err := json.Marshal(Object(spec))
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > 100<<10 {
				t.Errorf("%d bytes", len(text))
			}
			var counted int
			for _, n := range spec.ClustersOmitted {
				counted += int(n)
			}
			if want := len(m.Input.Clusters) + len(m.Input.Spec.Clusters); counted+len(spec.Clusters) != want {
				t.Errorf("%d shown and %d omitted of %d", len(spec.Clusters), counted, want)
			}
		})
	}
}

func TestTargetsComeFirstThenTheNearestMisses(t *testing.T) {
	m := made(input(inTerms(dynamic(), term("a", "stays", "new", "tainted", "leaves")), 4, targets("stays", 2, "gone", 2),
		member("stays", 0), member("new", 5), member("tainted", 5, tainted), member("other", 5), member("young", 5, func(c *clusterv1alpha1.Cluster) { c.Status.APIEnablements = nil })))
	var got []string
	for _, c := range Of(m).Clusters {
		got = append(got, c.Cluster)
	}
	if diff := cmp.Diff([]string{"new", "gone", "stays", "tainted", "other", "young"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNews(t *testing.T) {
	decide := func(pods int64, present []workv1alpha2.TargetCluster, change func(*Made)) trafficv1alpha1.DecisionSpec {
		m := made(input(dynamic(), 3, present, member("fra", pods), member("iad", 0)))
		if change != nil {
			change(&m)
		}
		return Of(m)
	}
	at := targets("fra", 3)
	hashed := func(h string) func(*Made) { return func(m *Made) { m.InputHash = h } }
	for name, tc := range map[string]struct {
		last, next trafficv1alpha1.DecisionSpec
		want       bool
	}{
		"the first":                            {trafficv1alpha1.DecisionSpec{}, decide(9, at, nil), true},
		"the placement holds":                  {decide(9, nil, nil), decide(9, at, nil), false},
		"the placement holds, with other room": {decide(9, nil, hashed("1")), decide(7, at, hashed("2")), false},
		"the same move from the same input":    {decide(9, nil, hashed("1")), decide(9, nil, hashed("1")), false},
		"the same move from another input":     {decide(9, nil, hashed("1")), decide(8, nil, hashed("2")), true},
		"it moved":                             {decide(9, nil, nil), decide(9, targets("iad", 3), func(m *Made) { m.Input.Fresh = true }), true},
		"still no room, if not as little":      {decide(1, nil, nil), decide(2, nil, nil), false},
		"no room any more":                     {decide(9, nil, nil), decide(1, targets("fra", 1), nil), true},
		"by another policy":                    {decide(9, nil, nil), decide(9, at, func(m *Made) { m.Policy = "ClusterPropagationPolicy/all" }), true},
		"by another controller":                {decide(9, nil, nil), decide(9, at, func(m *Made) { m.Controller = "failover" }), true},
		"another cluster is tainted":           {decide(9, nil, nil), Of(made(input(dynamic(), 3, at, member("fra", 9), member("iad", 0, tainted)))), true},
	} {
		t.Run(name, func(t *testing.T) {
			last := ""
			if tc.last.Controller != "" {
				last = Says(&tc.last)
			}
			if got := News(&tc.next, last); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, size := rapid.String().Draw(t, "text"), rapid.IntRange(8, 100).Draw(t, "size")
		got := cut(s, size)
		if len(got) > size || len(s) <= size && got != s || utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

// Whatever was decided, what moves and what stays is told: nothing is lost, nothing made up.
func TestEveryTargetIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d", "e"}
		var clusters []*clusterv1alpha1.Cluster
		for _, n := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "members") {
			traits := []func(*clusterv1alpha1.Cluster){}
			if rapid.Bool().Draw(t, "tainted") {
				traits = append(traits, tainted)
			}
			clusters = append(clusters, member(n, rapid.Int64Range(-1, 5).Draw(t, "pods"), traits...))
		}
		var present []workv1alpha2.TargetCluster
		for _, n := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "present") {
			present = append(present, workv1alpha2.TargetCluster{Name: n, Replicas: rapid.Int32Range(0, 3).Draw(t, "replicas")})
		}
		p := dynamic()
		if rapid.Bool().Draw(t, "groups") {
			p = inTerms(p, term("one", "a", "b"), term("two", "c", "d"))
		}
		m := made(input(p, rapid.Int32Range(0, 6).Draw(t, "wanted"), present, clusters...))
		spec := Of(m)
		before, after, seen := map[string]int32{}, map[string]int32{}, map[string]bool{}
		for _, c := range spec.Clusters {
			if seen[c.Cluster] {
				t.Fatalf("%s is told twice", c.Cluster)
			}
			seen[c.Cluster] = true
			if c.Before != nil {
				before[c.Cluster] = *c.Before
			}
			if c.After != nil {
				after[c.Cluster] = *c.After
			}
		}
		plain := func(targets []workv1alpha2.TargetCluster) map[string]int32 {
			out := map[string]int32{}
			for n, r := range replicas(targets) {
				out[n] = ptr.Deref(r, 0)
			}
			return out
		}
		if diff := cmp.Diff(plain(present), before); diff != "" {
			t.Fatalf("before: %s", diff)
		}
		if diff := cmp.Diff(plain(m.Result.Clusters), after); diff != "" {
			t.Fatalf("after: %s", diff)
		}
	})
}

func BenchmarkOf1000Clusters(b *testing.B) {
	m := made(input(dynamic(), 500, nil, fleet(1000)...))
	b.ReportAllocs()
	for b.Loop() {
		Of(m)
	}
}
