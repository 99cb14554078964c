package plugin

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

func list(pairs ...string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		out[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return out
}

// fra has GPUs and a price; iad has neither labels nor a report.
func fra() *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: "fra", UID: "uid-fra", ResourceVersion: "1", Labels: map[string]string{"price": "25", "tier": "primary"},
			Annotations: map[string]string{"owner": "ops", corev1.LastAppliedConfigAnnotation: "{}", "book": strings.Repeat("x", maxAnnotation+1)}},
		Spec: clusterv1alpha1.ClusterSpec{Region: "eu-central", Zones: []string{"a", "b"}, SyncMode: clusterv1alpha1.Push, ProxyURL: "http://user:secret@proxy",
			ProxyHeader: map[string]string{"Proxy-Authorization": "secret"}, SecretRef: &clusterv1alpha1.LocalSecretReference{Name: "secret"}},
		Status: clusterv1alpha1.ClusterStatus{
			KubernetesVersion: "v1.37.2",
			APIEnablements:    []clusterv1alpha1.APIEnablement{{GroupVersion: "apps/v1"}},
			NodeSummary:       &clusterv1alpha1.NodeSummary{TotalNum: 4, ReadyNum: 3},
			ResourceSummary: &clusterv1alpha1.ResourceSummary{
				Allocatable: list("cpu", "8", "memory", "32Gi", "nvidia.com/gpu", "2", "odd", "0"),
				Allocated:   list("cpu", "1500m", "memory", "40Gi"),
				Allocating:  list("cpu", "500m"),
			},
		},
	}
}

func iad() *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "iad", UID: "uid-iad", ResourceVersion: "1"},
		Spec: clusterv1alpha1.ClusterSpec{Region: "us-east", SyncMode: clusterv1alpha1.Pull}}
}

func web() *workv1alpha2.ResourceBinding {
	return &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-deployment", Labels: map[string]string{"team": "web"}},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}, Replicas: 3,
			ReplicaRequirements: &workv1alpha2.ReplicaRequirements{ResourceRequest: list("cpu", "250m")},
		},
		Status: workv1alpha2.ResourceBindingStatus{SchedulerObservedGeneration: 7},
	}
}

func views(t testing.TB, clusters ...*clusterv1alpha1.Cluster) []*Cluster {
	t.Helper()
	var out []*Cluster
	for _, c := range clusters {
		v, err := NewCluster(c)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func compiled(t testing.TB, spec trafficv1alpha1.CELPlugin) *Program {
	t.Helper()
	p, errs := Compile(&spec, field.NewPath("spec", "cel"))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return p
}

func never() bool { return false }

func TestMetrics(t *testing.T) {
	want := map[string]float64{
		"nodes.total": 4, "nodes.ready": 3,
		"cpu.allocatable": 8, "cpu.allocated": 1.5, "cpu.allocating": 0.5, "cpu.free": 6, "cpu.utilization": 25,
		"memory.allocatable": 32 << 30, "memory.allocated": 40 << 30, "memory.allocating": 0, "memory.free": 0, "memory.utilization": 125,
		"nvidia.com/gpu.allocatable": 2, "nvidia.com/gpu.allocated": 0, "nvidia.com/gpu.allocating": 0, "nvidia.com/gpu.free": 2, "nvidia.com/gpu.utilization": 0,
		"odd.allocatable": 0, "odd.allocated": 0, "odd.allocating": 0, "odd.free": 0,
	}
	if diff := cmp.Diff(want, Metrics(&fra().Status)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := Metrics(&iad().Status); len(got) != 0 {
		t.Errorf("metrics of a cluster without a report: %v", got)
	}
	broken := fra()
	broken.Status.ResourceSummary.Allocatable["cpu"] = resource.MustParse("-5")
	broken.Status.NodeSummary.ReadyNum = -1
	if got := Metrics(&broken.Status); got["cpu.free"] != 0 || got["cpu.allocatable"] != 0 || got["nodes.ready"] != 0 {
		t.Errorf("negative reports count: %v", got)
	}
}

func TestScores(t *testing.T) {
	for text, want := range map[string]int64{
		`50`: 50, `7u`: 7, `49.5`: 50, `49.4`: 49, `-3`: 0, `1000`: 100, `1.0 / 0.0`: 100, `-1.0 / 0.0`: 0, `9223372036854775807`: 100,
		`100.0 - metrics["cpu.utilization"]`:                                               75,
		`metrics[?"cost"].orValue(12.0)`:                                                   12,
		`100 - int(cluster.metadata.labels.price)`:                                         75,
		`100.0 - double(cluster.metadata.labels[?"price"].orValue("100"))`:                 75,
		`math.least(metrics["nvidia.com/gpu.free"] * 10.0, 100.0)`:                         20,
		`cluster.spec.zones.size() * 10`:                                                   20,
		`cluster.spec.zones.exists(z, z == "b") ? 80 : 0`:                                  80,
		`"b" in cluster.spec.zones ? 80 : 0`:                                               80,
		`"c" in cluster.spec.zones ? 80 : 1`:                                               1,
		`cluster.spec.zones != ["a", "b"] ? 80 : 2`:                                        2,
		`cluster.spec.region.startsWith("eu") ? 33 : 0`:                                    33,
		`cluster.metadata.name.matches("^f.a$") ? 34 : 0`:                                  34,
		`cluster.spec.region.split("-")[1] == "central" ? 35 : 0`:                          35,
		`quantity(cluster.status.resourceSummary.allocatable["memory"]) / quantity("1Gi")`: 32,
		`binding.spec.replicas * 2`:                                                        6,
		`quantity(binding.spec.replicaRequirements.resourceRequest.cpu) * 100.0`:           25,
		`binding.metadata.labels.team == "web" && binding.kind == "ResourceBinding" && binding.metadata.namespace == "shop" ? 9 : 0`: 9,
		`metrics["cpu.free"] > 5 ? 10 : 0`:                                                                   10,
		`has(binding.status) || has(cluster.status.apiEnablements) ? 1 : 2`:                                  2,
		`has(cluster.spec.proxyURL) || has(cluster.spec.proxyHeader) || has(cluster.spec.secretRef) ? 1 : 2`: 2,
		`cluster.metadata.annotations.size()`:                                                                1,
		`[1, 2, 3].map(x, x * 2).filter(x, x > 2).size()`:                                                    2,
		`timestamp(cluster.metadata.creationTimestamp).getFullYear()`:                                        1,
	} {
		t.Run(text, func(t *testing.T) {
			got, err := compiled(t, trafficv1alpha1.CELPlugin{Score: text}).Evaluate(NewBinding(web()), views(t, fra()), never)
			if err != nil || got["fra"].Score != want {
				t.Errorf("%+v, error %v; want %d points", got, err, want)
			}
		})
	}
}

func TestEvaluate(t *testing.T) {
	type opinions = map[string]placement.Opinion
	for name, tc := range map[string]struct {
		spec trafficv1alpha1.CELPlugin
		want opinions
		err  string
	}{
		"only clusters with GPUs": {
			trafficv1alpha1.CELPlugin{Filter: `metrics[?"nvidia.com/gpu.free"].orValue(0.0) >= 1.0`, Reason: `"has no free GPU"`},
			opinions{"iad": {Excluded: true, Reason: "has no free GPU"}}, ""},
		"a filter without a reason": {trafficv1alpha1.CELPlugin{Filter: `cluster.metadata.name == "iad"`},
			opinions{"fra": {Excluded: true, Reason: "does not pass the filter"}}, ""},
		"a reason of many lines is one, and not long": {trafficv1alpha1.CELPlugin{Filter: `false`, Reason: `"lies in\n\t" + cluster.spec.region`},
			opinions{"fra": {Excluded: true, Reason: "lies in eu-central"}, "iad": {Excluded: true, Reason: "lies in us-east"}}, ""},
		"a reason that fails changes nothing": {trafficv1alpha1.CELPlugin{Filter: `cluster.metadata.name != "iad"`, Reason: `cluster.metadata.labels.why`},
			opinions{"iad": {Excluded: true, Reason: "does not pass the filter"}}, ""},
		"a reason that is no text changes nothing": {trafficv1alpha1.CELPlugin{Filter: `cluster.metadata.name != "iad"`, Reason: `cluster.metadata.labels`},
			opinions{"iad": {Excluded: true, Reason: "does not pass the filter"}}, ""},
		"a score only for those that pass": {
			trafficv1alpha1.CELPlugin{Filter: `"price" in cluster.metadata.labels`, Score: `double(cluster.metadata.labels.price)`},
			opinions{"fra": {Score: 25}, "iad": {Excluded: true, Reason: "does not pass the filter"}}, ""},
		"no points, no opinion": {trafficv1alpha1.CELPlugin{Score: `0`}, opinions{}, ""},
		"a label that is missing in one cluster fails the whole, with the fix": {trafficv1alpha1.CELPlugin{Filter: `cluster.metadata.labels.tier == "primary"`},
			nil, `cluster iad: filter: no such key: tier; write [?"tier"].orValue(...) for what may be missing`},
		"a metric that is missing": {trafficv1alpha1.CELPlugin{Score: `metrics["cpu.free"]`},
			nil, `cluster iad: score: no such key: cpu.free; write [?"cpu.free"].orValue(...) for what may be missing`},
		"the first by name of several": {trafficv1alpha1.CELPlugin{Score: `metrics["carbon"]`},
			nil, `2 of 2 clusters, such as fra: score: no such key: carbon; write [?"carbon"].orValue(...) for what may be missing`},
		"a filter of another type":  {trafficv1alpha1.CELPlugin{Filter: `cluster.spec.region`}, nil, `2 of 2 clusters, such as fra: filter: is of type string; it must be true or false`},
		"a score of another type":   {trafficv1alpha1.CELPlugin{Score: `cluster.spec.region`}, nil, `2 of 2 clusters, such as fra: score: is of type string; it must be a number`},
		"a score that is no number": {trafficv1alpha1.CELPlugin{Score: `0.0 / 0.0`}, nil, `2 of 2 clusters, such as fra: score: is not a number, as after 0.0 / 0.0`},
		"division by zero":          {trafficv1alpha1.CELPlugin{Score: `1 / (1 - 1)`}, nil, `2 of 2 clusters, such as fra: score: division by zero`},
		"no quantity":               {trafficv1alpha1.CELPlugin{Score: `quantity("a lot")`}, nil, `2 of 2 clusters, such as fra: score: "a lot" is not a quantity, such as 4Gi or 500m`},
		"too costly": {trafficv1alpha1.CELPlugin{Filter: nested(5)}, nil,
			"filter: costs too much: 10000 for one cluster and 1000000 for all are allowed; look into fewer lists"},
		"too costly in the reason": {trafficv1alpha1.CELPlugin{Filter: `false`, Reason: nested(5) + ` ? "a" : "b"`}, nil,
			"reason: costs too much: 10000 for one cluster and 1000000 for all are allowed; look into fewer lists"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := compiled(t, tc.spec).Evaluate(NewBinding(web()), views(t, iad(), fra()), never)
			if text := fmt.Sprint(err); (err != nil || tc.err != "") && text != tc.err {
				t.Fatalf("error %q\nwant  %q", text, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// nested is a filter of n nested loops over ten elements.
func nested(n int) string {
	text := "true"
	for i := range n {
		text = fmt.Sprintf("[0,1,2,3,4,5,6,7,8,9].all(x%d, %s)", i, text)
	}
	return text
}

// Expressions whose cost is known too late, or not at all: each would run for hours.
func TestBounds(t *testing.T) {
	chain := func(start, step string, n int) string {
		return "[" + start + "]" + strings.Repeat(".map(x, "+step+")", n)
	}
	for name, tc := range map[string]struct{ text, err string }{
		"lists that double":              {chain("[1, 2]", "x + x", 16) + ".size() > 0", "a sum of texts or lists has more than 4096 parts"},
		"texts that double":              {chain(`"ab"`, "x + x", 16) + ".size() > 0", "a sum of texts or lists has more than 4096 parts"},
		"shared lists compared":          {chain("[1]", "[x, x, x, x, x, x, x, x]", 8) + ` == ` + chain("[1]", "[x, x, x, x, x, x, x, x]", 8), "values with more than 1000 parts can not be compared"},
		"shared lists compared unequal":  {chain("[1]", "[x, x, x, x, x, x, x, x]", 8) + ` != ` + chain("[1]", "[x, x, x, x, x, x, x, x]", 8), "values with more than 1000 parts can not be compared"},
		"shared maps compared":           {chain("{1: 1}", "{1: x, 2: x, 3: x, 4: x, 5: x}", 8) + ` == ` + chain("{1: 1}", "{1: x, 2: x, 3: x, 4: x, 5: x}", 8), "values with more than 1000 parts can not be compared"},
		"shared lists looked for":        {chain("[1]", "[x, x, x, x, x, x, x, x]", 8) + ` in [` + chain("[1]", "[x, x, x, x, x, x, x, x]", 8) + "]", "values with more than 1000 parts can not be compared"},
		"optional shared lists compared": {"optional.of(" + chain("[1]", "[x, x, x, x, x, x, x, x]", 8) + `) == optional.of(` + chain("[1]", "[x, x, x, x, x, x, x, x]", 8) + ")", "values with more than 1000 parts can not be compared"},
		"nested loops":                   {nested(12), "costs too much"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := compiled(t, trafficv1alpha1.CELPlugin{Filter: tc.text}).Evaluate(NewBinding(web()), views(t, fra()), never)
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("error %v; want %s", err, tc.err)
			}
		})
	}
}

func TestTheCostOfADecisionIsBoundedToo(t *testing.T) {
	p := compiled(t, trafficv1alpha1.CELPlugin{Filter: nested(3)})
	one := views(t, fra())[0]
	many := make([]*Cluster, 1000)
	for i := range many {
		many[i] = one
	}
	if _, err := p.Evaluate(NewBinding(web()), many[:10], never); err != nil {
		t.Errorf("ten clusters: %v", err)
	}
	if _, err := p.Evaluate(NewBinding(web()), many, never); !errors.Is(err, ErrCostly) {
		t.Errorf("a thousand clusters: %v", err)
	}
}

func TestEvaluateStopsWhenTheTimeIsUp(t *testing.T) {
	p, asked := compiled(t, trafficv1alpha1.CELPlugin{Score: `1`}), 0
	_, err := p.Evaluate(NewBinding(web()), views(t, fra(), iad(), fra()), func() bool { asked++; return asked > 2 })
	if !errors.Is(err, ErrSlow) || asked != 3 {
		t.Errorf("error %v after %d clusters", err, asked-1)
	}
}

func TestCompileNamesFieldPlaceAndFix(t *testing.T) {
	for name, tc := range map[string]struct {
		spec trafficv1alpha1.CELPlugin
		want string
	}{
		"an unknown variable": {trafficv1alpha1.CELPlugin{Filter: "true &&\n  clster.spec.region == 'eu'"},
			`spec.cel.filter: Invalid value: "true &&\n  clster.spec.region == 'eu'": line 2, column 3: undeclared reference to 'clster' (in container ''); the variables are cluster, binding and metrics`},
		"a mixture of numbers": {trafficv1alpha1.CELPlugin{Score: `100 - metrics["cpu.utilization"]`},
			`spec.cel.score: Invalid value: "100 - metrics[\"cpu.utilization\"]": line 1, column 5: found no matching overload for '_-_' applied to '(int, double)'; metrics are doubles: write numbers with a point, such as 100.0, or convert with double()`},
		"an optional value without an alternative": {trafficv1alpha1.CELPlugin{Filter: `metrics[?"gpu"] > 1.0`},
			`spec.cel.filter: Invalid value: "metrics[?\"gpu\"] > 1.0": line 1, column 17: found no matching overload for '_>_' applied to '(optional_type(double), double)'; a value that may be missing needs .orValue(...)`},
		"no expression":                          {trafficv1alpha1.CELPlugin{Filter: `cluster.spec.region ==`}, `line 1, column 23: Syntax error`},
		"a filter that is a text":                {trafficv1alpha1.CELPlugin{Filter: `"yes"`}, `spec.cel.filter: Invalid value: "\"yes\"": is of type string; it must be true or false`},
		"a score that is a text":                 {trafficv1alpha1.CELPlugin{Score: `"yes"`}, `is of type string; it must be a number`},
		"a reason that is none":                  {trafficv1alpha1.CELPlugin{Filter: `true`, Reason: `true`}, `spec.cel.reason: Invalid value: "true": is of type bool; it must be a string`},
		"a dangerous function":                   {trafficv1alpha1.CELPlugin{Filter: `"a".replace("a", "b") == "b"`}, `line 1, column 12: replace() is not available: the result could be of any size`},
		"a dangerous function on anything":       {trafficv1alpha1.CELPlugin{Filter: `cluster.spec.zones.join(",") == "b"`}, `join() is not available: the result could be of any size`},
		"a pattern that is computed":             {trafficv1alpha1.CELPlugin{Filter: `"a".matches(cluster.metadata.name)`}, `line 1, column 12: the pattern of matches() must be a literal string`},
		"a pattern that does not compile":        {trafficv1alpha1.CELPlugin{Filter: `"a".matches("(")`}, `missing closing )`},
		"a pattern that becomes large":           {trafficv1alpha1.CELPlugin{Filter: `"a".matches("` + strings.Repeat("a{1000}", 500) + `")`}, `the pattern of matches() becomes a program of 500002 steps; 2000 are allowed: repeat less`},
		"a message":                              {trafficv1alpha1.CELPlugin{Filter: `google.protobuf.BoolValue{value: true}`}, `can not be made here; use a map`},
		"an expression that grows as it is read": {trafficv1alpha1.CELPlugin{Filter: `metrics[?"a"]` + strings.Repeat(".optMap(x, x)", 60) + `.hasValue()`}, `undeclared reference to`},
		"too long":                               {trafficv1alpha1.CELPlugin{Filter: strings.Repeat(" ", maxExpression) + "true"}, `has 4100 characters; 4096 are allowed`},
		"too deep":                               {trafficv1alpha1.CELPlugin{Filter: strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500)}, `recursion`},
		"too many loops":                         {trafficv1alpha1.CELPlugin{Filter: "[[1]]" + strings.Repeat(".map(x, [x])", 20) + ".size() > 0"}, `has 20 loops (all, exists, exists_one, map, filter); 16 are allowed`},
		"two fields":                             {trafficv1alpha1.CELPlugin{Filter: `1`, Score: `true`}, `spec.cel.score`},
	} {
		t.Run(name, func(t *testing.T) {
			p, errs := Compile(&tc.spec, field.NewPath("spec", "cel"))
			if p != nil || len(errs) == 0 {
				t.Fatalf("%v, %v", p, errs)
			}
			if text := errs.ToAggregate().Error(); !strings.Contains(text, tc.want) {
				t.Errorf("got  %s\nwant %s", text, tc.want)
			}
		})
	}
}

// Expressions that are long in one way or another are judged soon.
func TestLongExpressions(t *testing.T) {
	fill := func(head, one, tail string) string {
		return head + strings.Repeat(one, (maxExpression-len(head)-len(tail))/len(one)) + tail
	}
	for name, text := range map[string]string{
		"sums": fill("1", " + 1", ""), "sums of anything": fill("cluster.a", "+cluster.a", ""), "fields": fill("cluster", ".a", ""), "optional fields": fill("cluster", ".?a", ""),
		"choices": fill("", "true ? 1 : ", "1"), "negations": fill("", "!", "true"), "minus": fill("", "-", "1"), "lists": fill("[1", ",1", "]"), "lists in lists": fill("", "[", "1"),
		"maps": fill("{1:1", ",1:1", "}"), "indexes": fill("cluster", "[0]", ""), "membership": fill("1", " in [1]", ""), "and": fill("true", "&&true", ""),
		"and or": fill("true", "&&true||false", ""), "comparisons": fill("1==1", "==true", ""), "greatest": fill("math.greatest(1", ",1", ")"),
		"optional": fill("", "optional.of(", "1"), "calls": fill("'a'", ".trim()", ""), "conversions": fill("", "dyn(", "1"), "text": fill("'", "a", "'"), "escapes": fill("'", `\n`, "'"),
		"comments": fill("1 ", "//a\n", ""), "commas": fill("", ",", ""), "quotes": fill("", "'", ""), "backticks": fill("a", ".`b`", ""), "names": fill("", "a", ""), "digits": fill("", "9", ""),
		"pattern": `"` + strings.Repeat("a", 100) + `".matches("` + strings.Repeat("(a*)*", 100) + `b")`,
	} {
		t.Run(name, func(t *testing.T) {
			p, errs := Compile(&trafficv1alpha1.CELPlugin{Score: text}, field.NewPath("spec", "cel"))
			if len(errs) == 0 {
				_, err := p.Evaluate(NewBinding(web()), views(t, fra()), never)
				t.Log(err)
			} else {
				t.Log(errs)
			}
		})
	}
}

// FuzzProgram: whatever is written compiles and is evaluated without a panic, and soon.
func FuzzProgram(f *testing.F) {
	for _, seed := range []string{
		`metrics[?"nvidia.com/gpu.free"].orValue(0.0) >= 1.0`, `100.0 - metrics["cpu.utilization"]`, `cluster.metadata.labels.price`, nested(3),
		`[[1]].map(x, [x, x]).map(x, [x, x]) == [[1]]`, `{"a": [1, 2u, 3.0, null, b"x", duration("1s")]}.a.map(x, type(x))`, `[?cluster.?spec, {}][0]`,
		`math.greatest([1, 2.0])`, `"a".charAt(9)`, `"ü".substring(1, 0)`, `timestamp("2026-01-01T00:00:00Z") - duration("1h")`, "`a`.b", `cluster.all(k, v, true)`,
		`quantity("1e400")`, `1 / 0`, `-9223372036854775808`, `"x".split("", -1)`, `string(1.0 / 0.0)`, `a.b.c(d)`, `has(cluster.x)`, `"".matches("a{1000}")`,
	} {
		f.Add(seed)
	}
	clusters, b := views(f, fra(), iad()), NewBinding(web())
	f.Fuzz(func(t *testing.T, text string) {
		for _, spec := range []trafficv1alpha1.CELPlugin{{Filter: text, Reason: text}, {Score: text}, {Filter: "false", Reason: text}} {
			p, errs := Compile(&spec, field.NewPath("spec", "cel"))
			if len(errs) > 0 {
				continue
			}
			opinions, err := p.Evaluate(b, clusters, never)
			if err != nil && strings.Contains(err.Error(), "internal error") {
				t.Errorf("%q: %v", text, err)
			}
			for name, o := range opinions {
				if o.Score < 0 || o.Score > 100 || o.Excluded == (o.Reason == "") || len([]rune(o.Reason)) > 256 {
					t.Errorf("%q: opinion of %s: %+v", text, name, o)
				}
			}
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	for name, spec := range map[string]trafficv1alpha1.CELPlugin{
		"filter": {Filter: `metrics[?"nvidia.com/gpu.free"].orValue(0.0) >= 1.0`},
		"score":  {Score: `100.0 - metrics["cpu.utilization"]`},
		"both, with the binding": {
			Filter: `cluster.spec.region.startsWith("eu") && "b" in cluster.spec.zones`,
			Score:  `100.0 - double(cluster.metadata.labels[?"price"].orValue("100")) - double(binding.spec.replicas)`,
		},
	} {
		b.Run(name+"/100 clusters", func(b *testing.B) {
			p, one := compiled(b, spec), fra()
			var clusters []*Cluster
			for i := range 100 {
				c := one.DeepCopy()
				c.Name = fmt.Sprintf("c%03d", i)
				clusters = append(clusters, views(b, c)...)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Evaluate(NewBinding(web()), clusters, never); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "evaluations/s")
		})
	}
}

func BenchmarkNewCluster(b *testing.B) {
	c := fra()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewCluster(c); err != nil {
			b.Fatal(err)
		}
	}
}
