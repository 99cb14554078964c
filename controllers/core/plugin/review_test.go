package plugin

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
)

func TestQuestionIsAPlacementReviewRequest(t *testing.T) {
	for name, b := range map[string]workv1alpha2.Binding{
		"ResourceBinding":        web(),
		"ClusterResourceBinding": &workv1alpha2.ClusterResourceBinding{Spec: web().Spec},
	} {
		body, err := Question(NewBinding(b), views(t, fra(), iad()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(body), "secret") {
			t.Errorf("the question holds credentials: %s", body)
		}
		var got trafficv1alpha1.PlacementReviewRequest
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		if got.APIVersion != "traffic.seaway.dev/v1alpha1" || got.Kind != "PlacementReviewRequest" || len(got.Clusters) != 2 || got.Clusters[1].Name != "iad" {
			t.Errorf("%+v", got)
		}
		var binding workv1alpha2.ResourceBinding
		if err := json.Unmarshal(got.Binding.Raw, &binding); err != nil {
			t.Fatal(err)
		}
		if binding.Kind != name || cmp.Diff(web().Spec, binding.Spec) != "" || binding.Status.SchedulerObservedGeneration != 0 {
			t.Errorf("binding %s: %s", name, got.Binding.Raw)
		}
		var cluster clusterv1alpha1.Cluster
		if err := json.Unmarshal(got.Clusters[0].Cluster.Raw, &cluster); err != nil {
			t.Fatal(err)
		}
		if cluster.Name != "fra" || cluster.Spec.Region != "eu-central" || cluster.Labels["price"] != "25" || len(cluster.Annotations) != 1 {
			t.Errorf("cluster: %s", got.Clusters[0].Cluster.Raw)
		}
		if got.Clusters[0].Metrics["cpu.free"] != 6 {
			t.Errorf("metrics: %v", got.Clusters[0].Metrics)
		}
	}
}

func TestAnswer(t *testing.T) {
	const head = `{"apiVersion":"traffic.seaway.dev/v1alpha1","kind":"PlacementReviewResponse","clusters":`
	type opinions = map[string]placement.Opinion
	for name, tc := range map[string]struct {
		body string
		want opinions
		err  string
	}{
		"opinions": {head + `{"fra":{"score":41.6},"iad":{"excluded":true,"reason":"burns\n coal","score":9}}}`,
			opinions{"fra": {Score: 42}, "iad": {Excluded: true, Reason: "burns coal"}}, ""},
		"nothing to say":             {head + `{}}`, opinions{}, ""},
		"no clusters":                {head + `null}`, opinions{}, ""},
		"fields of a later version":  {head + `{"fra":{"score":1,"why":"?"}},"next":1}`, opinions{"fra": {Score: 1}}, ""},
		"a cluster of another":       {head + `{"mars":{"score":41}}}`, opinions{}, ""},
		"scores out of range":        {head + `{"fra":{"score":1e300},"iad":{"score":-7}}}`, opinions{"fra": {Score: 100}}, ""},
		"no reason":                  {head + `{"iad":{"excluded":true}}}`, opinions{"iad": {Excluded: true, Reason: "is excluded without a reason"}}, ""},
		"a score that overflows":     {head + `{"fra":{"score":1e999}}}`, nil, "the answer is no PlacementReviewResponse: json: cannot unmarshal number 1e999"},
		"a page":                     {`<html>`, nil, "the answer is no PlacementReviewResponse: invalid character '<'"},
		"nothing":                    {``, nil, "the answer is no PlacementReviewResponse: unexpected end of JSON input"},
		"another version":            {`{"apiVersion":"traffic.seaway.dev/v2","kind":"PlacementReviewResponse"}`, nil, `the answer has apiVersion "traffic.seaway.dev/v2"`},
		"the question sent back":     {`{"apiVersion":"traffic.seaway.dev/v1alpha1","kind":"PlacementReviewRequest"}`, nil, `kind "PlacementReviewRequest"; it must have`},
		"an opinion of another type": {head + `{"fra":7}}`, nil, "the answer is no PlacementReviewResponse"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Answer([]byte(tc.body), views(t, fra(), iad()))
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("error %v; want %s", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"apiVersion":"traffic.seaway.dev/v1alpha1","kind":"PlacementReviewResponse","clusters":{"fra":{"score":41.6},"iad":{"excluded":true}}}`))
	f.Add([]byte(`{"clusters":[]}`))
	clusters := views(f, fra(), iad())
	f.Fuzz(func(t *testing.T, body []byte) {
		opinions, err := Answer(body, clusters)
		if err != nil && (opinions != nil || len([]rune(err.Error())) > 800) {
			t.Errorf("%v, %v", opinions, err)
		}
		for name, o := range opinions {
			if name != "fra" && name != "iad" || o.Score < 0 || o.Score > 100 || o.Excluded == (o.Reason == "") || len([]rune(o.Reason)) > 256 {
				t.Errorf("opinion of %s: %+v", name, o)
			}
		}
	})
}

func TestSelects(t *testing.T) {
	type selector = policyv1alpha1.ResourceSelector
	for name, tc := range map[string]struct {
		selectors []selector
		want      bool
	}{
		"none":                  {nil, true},
		"the kind":              {[]selector{{APIVersion: "apps/v1", Kind: "Deployment"}}, true},
		"another version":       {[]selector{{APIVersion: "apps/v2", Kind: "Deployment"}}, false},
		"the namespace":         {[]selector{{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop"}}, true},
		"another namespace":     {[]selector{{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "bank"}}, false},
		"the name":              {[]selector{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}}, true},
		"another name":          {[]selector{{APIVersion: "apps/v1", Kind: "Deployment", Name: "db"}}, false},
		"the second of several": {[]selector{{APIVersion: "batch/v1", Kind: "Job"}, {APIVersion: "apps/v1", Kind: "Deployment"}}, true},
	} {
		if got := Selects(tc.selectors, web().Spec.Resource); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestValidateJudgesTheExpressionsToo(t *testing.T) {
	p := &trafficv1alpha1.PlacementPlugin{Spec: trafficv1alpha1.PlacementPluginSpec{CEL: &trafficv1alpha1.CELPlugin{Filter: "1", Score: "x"}}}
	var fields []string
	for _, e := range Validate(p) {
		fields = append(fields, e.Field)
	}
	if diff := cmp.Diff([]string{"spec.weight", "spec.timeout", "spec.cel.filter", "spec.cel.score"}, fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
