package explain

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
)

const apiPolicy = `
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: api}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: api}]
  placement:
    clusterAffinities:
    - {affinityName: lab, labelSelector: {matchLabels: {tier: lab}}}
    - {affinityName: prod, labelSelector: {matchLabels: {tier: prod}}}
    replicaScheduling: {replicaSchedulingType: Divided, replicaDivisionPreference: Aggregated}
  dependentOverrides: [tls]
`

func TestDryRun(t *testing.T) {
	for name, tc := range map[string]struct {
		q       inquiry
		file    string
		args    []string
		invalid bool
	}{
		"dry-run-new-policy": {file: apiPolicy},
		"dry-run-with-its-template": {file: apiPolicy + `
---
# the application itself
apiVersion: apps/v1
kind: Deployment
metadata: {name: brand-new, labels: {team: checkout}}
spec: {replicas: 2}
---
apiVersion: v1
kind: List
items:
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: api}, spec: {replicas: 7}}
- {apiVersion: example.org/v1, kind: Widget, metadata: {name: odd, namespace: shop}}
---
`},
		"dry-run-edited": {file: `
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {namespace: shop, name: web}
spec:
  activationPreference: Lazy
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  placement: {clusterAffinity: {clusterNames: [iad, sin]}, clusterTolerations: [{operator: Exists}]}
`},
		"dry-run-lets-go": {file: `
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {namespace: shop, name: web}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: nobody}, {apiVersion: example.org/v1, kind: Widget}, {apiVersion: apps/v1beta2, kind: Deployment}]
  placement: {}
`},
		"dry-run-preempts": {file: `
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {namespace: shop, name: own-config}
spec:
  preemption: Always
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: settings}]
  placement: {clusterAffinity: {clusterNames: [iad]}}
`},
		"dry-run-left-to-others": {file: `
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: grabs}
spec:
  priority: 5
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap}, {apiVersion: apps/v1, kind: Deployment, namespace: shop, name: web}]
  placement: {clusterAffinity: {clusterNames: [iad]}}
`},
		"dry-run-not-valid": {invalid: true, file: apiPolicy + `
---
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterPropagationPolicy
metadata: {name: bad}
spec:
  preemption: Always
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, labelSelector: {matchLabels: {app: api}}}]
  placement:
    clusterAffinity: {clusterNames: [a]}
    clusterAffinities: [{affinityName: a}]
`},
		"dry-run-one-object": {q: inquiry{limit: -1}, args: []string{"deploy/web"}, file: apiPolicy},
		"dry-run-yaml":       {q: inquiry{output: output.YAML}, file: apiPolicy},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := readFiles([]string{"-"}, strings.NewReader(tc.file))
			if err != nil {
				t.Fatal(err)
			}
			if tc.q.limit == 0 {
				tc.q.limit = 20
			}
			var out bytes.Buffer
			err = tc.q.rehearse(context.Background(), &out, testHub(t), files, tc.args)
			if errors.Is(err, errInvalid) != tc.invalid || err != nil && !tc.invalid {
				t.Fatal(err)
			}
			goldentest.Compare(t, name, out.Bytes())
		})
	}
}

func TestTheLimitBoundsTheWork(t *testing.T) {
	files, err := readFiles([]string{"-"}, strings.NewReader(`
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: all}
spec:
  preemption: Never
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}, {apiVersion: v1, kind: ConfigMap}]
  placement: {}
`))
	if err != nil {
		t.Fatal(err)
	}
	r, err := testHub(t).rehearsal(context.Background(), files, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	worked, left := 0, 0
	for _, told := range r.Templates {
		switch {
		case told.Decision != nil:
			worked++
		case strings.Contains(strings.Join(told.Notes, " "), "--limit"):
			left++
		}
	}
	if worked != 1 || left != 1 {
		t.Errorf("%d worked out, %d left", worked, left)
	}
}

func TestFilesThatMakeNoSense(t *testing.T) {
	for name, tc := range map[string]struct{ file, want string }{
		"empty":                {"", "there is no PropagationPolicy"},
		"a template alone":     {"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", "there is no PropagationPolicy"},
		"no YAML":              {"a: b: c", "-: document 1: "},
		"no object":            {"a: b", "-: document 1: an object needs apiVersion, kind and metadata.name"},
		"a field that is not":  {strings.Replace(apiPolicy, "placement:", "plaecment:", 1), `-: document 1: PropagationPolicy api: error unmarshaling JSON: while decoding JSON: json: unknown field "plaecment"`},
		"a list of odd things": {"{apiVersion: v1, kind: List, items: [1, {apiVersion: v1, kind: List, items: [null]}]}", "-: document 1: "},
		"the second document":  {apiPolicy + "\n---\nkind: 1", "-: document 2: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readFiles([]string{"-"}, strings.NewReader(tc.file))
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := readFiles([]string{"testdata/none.yaml"}, nil); err == nil {
		t.Error("a file that does not exist is read")
	}
}
