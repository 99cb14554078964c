package evict

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

func TestReadState(t *testing.T) {
	const status = `{"jobStatus": {"jobID": "0a1b", "state": "RUNNING", "savepoint": 12345678901}, "tasks": [{"name": "a", "id": 21}, {"name": "b", "id": 22}], "replicas": 4, "ready": true, "note": "not a label"}`
	for name, tc := range map[string]struct {
		path, want, err string
	}{
		"a text":                    {"{.jobStatus.jobID}", "0a1b", ""},
		"with spaces in the braces": {"{ .jobStatus.jobID }", "0a1b", ""},
		"without braces":            {".jobStatus.jobID", "0a1b", ""},
		"a number":                  {"{.replicas}", "4", ""},
		"a large number":            {"{.jobStatus.savepoint}", "12345678901", ""},
		"a truth":                   {"{.ready}", "true", ""},
		"two in one":                {"{.jobStatus.state}-{.jobStatus.jobID}", "RUNNING-0a1b", ""},
		"what is not there":         {"{.checkpoint}", "", "label job: jsonPath {.checkpoint}: checkpoint is not found"},
		"what can not be a label":   {"{.note}", "", `label job: "not a label" can not be the value of a label`},
		"an object":                 {"{.jobStatus}", "", "can not be the value of a label"},
		"one of many":               {`{.tasks[?(@.name=="b")].id}`, "22", ""},
		"the last of many":          {"{.tasks[-1:].id}", "22", ""},
		"each of many":              {"{range .tasks[*]}{.id}{end}", "", "label job: jsonPath {range .tasks[*]}{.id}{end}: range is not allowed"},
		"recursion":                 {"{..id}", "", "recursion (..) is not allowed"},
		"recursion in a filter":     {`{.tasks[?(@..id=="1")].id}`, "", "recursion (..) is not allowed"},
		"a union":                   {"{.tasks[0,0]}", "", "a union ([a,b]) is not allowed"},
		"a path that is none":       {"{.jobStatus", "", "label job: jsonPath {.jobStatus: unclosed action"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readState([]policyv1alpha1.StatePreservationRule{{AliasLabelName: "job", JSONPath: tc.path}}, []byte(status))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want %q", err, tc.err)
				}
				return
			}
			if diff := cmp.Diff(map[string]string{"job": tc.want}, got); diff != "" || err != nil {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
	if _, err := readState([]policyv1alpha1.StatePreservationRule{{JSONPath: "{.a}"}}, []byte(`{`)); err == nil {
		t.Error("a status that can not be read gives a state")
	}
}

func FuzzReadState(f *testing.F) {
	for _, path := range []string{"{.a.b}", ".a", "{.a[0]}", `{.a[?(@.b=="c")].d}`, "{.a[*].b}", "{.a[1:2:1]}", `{"text"}{.a}`, "{$.a['b']}", "{..a}"} {
		f.Add(path, `{"a": {"b": [1, {"c": "d"}, null, true]}}`)
	}
	f.Fuzz(func(t *testing.T, path, status string) {
		if len(path) > 200 || len(status) > 2000 {
			return
		}
		labels, err := readState([]policyv1alpha1.StatePreservationRule{{AliasLabelName: "job", JSONPath: path}}, []byte(status))
		if err == nil && len(validation.IsValidLabelValue(labels["job"])) > 0 {
			t.Errorf("%q of %q gave %q", path, status, labels["job"])
		}
	})
}
