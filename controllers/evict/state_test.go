package evict

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

func TestReadState(t *testing.T) {
	const status = `{"jobStatus": {"jobID": "0a1b", "state": "RUNNING"}, "replicas": 4, "ready": true, "note": "not a label"}`
	for name, tc := range map[string]struct {
		path, want, err string
	}{
		"a text":                    {"{.jobStatus.jobID}", "0a1b", ""},
		"with spaces in the braces": {"{ .jobStatus.jobID }", "0a1b", ""},
		"without braces":            {".jobStatus.jobID", "0a1b", ""},
		"a number":                  {"{.replicas}", "4", ""},
		"a truth":                   {"{.ready}", "true", ""},
		"two in one":                {"{.jobStatus.state}-{.jobStatus.jobID}", "RUNNING-0a1b", ""},
		"what is not there":         {"{.checkpoint}", "", "label job: jsonPath {.checkpoint}: checkpoint is not found"},
		"what can not be a label":   {"{.note}", "", `label job: "not a label" can not be the value of a label`},
		"an object":                 {"{.jobStatus}", "", "can not be the value of a label"},
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
