package override

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

// unchecked applies policies in frankfurt as if admission had found nothing wrong with them: what is
// refused then is refused by what applies them.
func unchecked(obj *unstructured.Unstructured, cops []policyv1alpha1.ClusterOverridePolicy, ops []policyv1alpha1.OverridePolicy) (Applied, error) {
	p := Select(obj, cops, ops)
	for i := range p.policies {
		p.policies[i].fault = nil
	}
	return p.Apply(obj, frankfurt)
}

// TestPoliciesThatAreNotValid: what admission would refuse holds up the clusters it is for, whole.
func TestPoliciesThatAreNotValid(t *testing.T) {
	const good = `{targetCluster: {clusterNames: [fra]}, overriders: {labelsOverrider: [{operator: add, value: {a: b}}]}}`
	for name, tt := range map[string]struct {
		spec string
		// err by cluster; one that is not named is served.
		err map[string]string
	}{
		"a policy without a fault": {`{overrideRules: [` + good + `]}`, nil},
		"a fault in a rule for one cluster": {
			`{overrideRules: [` + good + `, {targetCluster: {clusterNames: [fra]}, overriders: {plaintext: [{path: /spec/paused, operator: add}]}}]}`,
			map[string]string{"fra": "spec.overrideRules[1].overriders.plaintext[0].value: Required"},
		},
		"a fault in a rule for another": {
			`{overrideRules: [` + good + `, {targetCluster: {clusterNames: [iad]}, overriders: {plaintext: [{path: /spec/paused, operator: add}]}}]}`,
			map[string]string{"fra": "spec.overrideRules[1]", "iad": "spec.overrideRules[1]"},
		},
		"a target that says nothing": {
			`{overrideRules: [{targetCluster: {labelSelector: {matchExpressions: [{key: a, operator: Near}]}}, overriders: {labelsOverrider: [{operator: add, value: {a: b}}]}}]}`,
			map[string]string{"fra": "targetCluster", "iad": "targetCluster", "sin": "targetCluster"},
		},
		"another namespace, beside the own": {
			`{resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, namespace: bank}, {apiVersion: apps/v1, kind: Deployment}], overrideRules: [` + good + `]}`,
			map[string]string{"fra": "spec.resourceSelectors[0].namespace"},
		},
		"a policy for other kinds": {`{resourceSelectors: [{apiVersion: v1, kind: Secret, namespace: bank}], overrideRules: [` + good + `]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "test"}, Spec: parsed[policyv1alpha1.OverrideSpec](t, tt.spec)}
			for _, cluster := range []string{"fra", "iad", "sin"} {
				obj := object(t, deployment)
				obj.SetNamespace("shop")
				before := obj.DeepCopy()
				_, err := Apply(obj, &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: cluster}}, nil, []policyv1alpha1.OverridePolicy{policy})
				want := tt.err[cluster]
				if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "OverridePolicy shop/test: ")) {
					t.Errorf("%s: error %v, want one that says %q", cluster, err, want)
				}
				if diff := cmp.Diff(before.Object, obj.Object); err != nil && diff != "" {
					t.Errorf("%s: half of it is done (-before +after):\n%s", cluster, diff)
				}
			}
		})
	}
}

const roleBinding = `{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {namespace: shop, name: readers, labels: {team: a}},
	roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ann}]}`

func TestNoOverridePolicyGrantsPower(t *testing.T) {
	const refused = "labels and annotations of "
	for name, tt := range map[string]struct{ overriders, err string }{
		"a label":            {`{labelsOverrider: [{operator: replace, value: {team: b}}]}`, ""},
		"an annotation":      {`{plaintext: [{path: /metadata/annotations, operator: add, value: {a: b}}]}`, ""},
		"nothing in the end": {`{plaintext: [{path: /roleRef/name, operator: replace, value: view}]}`, ""},
		"another role":       {`{plaintext: [{path: /roleRef/name, operator: replace, value: cluster-admin}]}`, refused},
		"another subject":    {`{plaintext: [{path: /subjects/0/name, operator: replace, value: eve}]}`, refused},
		"one more subject":   {`{plaintext: [{path: /subjects/-, operator: add, value: {kind: User, name: eve}}]}`, refused},
		"a rule where no is": {`{plaintext: [{path: /rules, operator: add, value: [{verbs: ["*"]}]}]}`, refused},
		"a text in the name": {`{fieldOverrider: [{fieldPath: /roleRef/name, yaml: [{subPath: "", operator: replace, value: cluster-admin}]}]}`, refused},
		"an image of a role": {`{imageOverrider: [{predicate: {path: /roleRef/name}, component: Repository, operator: replace, value: cluster-admin}]}`, refused},
		"a label and a role": {`{labelsOverrider: [{operator: add, value: {a: b}}], plaintext: [{path: /roleRef/name, operator: replace, value: edit}]}`, refused},
	} {
		t.Run(name, func(t *testing.T) {
			spec := policyv1alpha1.OverrideSpec{OverrideRules: []policyv1alpha1.RuleWithCluster{{Overriders: parsed[policyv1alpha1.Overriders](t, tt.overriders)}}}
			local := policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "test"}, Spec: spec}
			_, err := unchecked(object(t, roleBinding), nil, []policyv1alpha1.OverridePolicy{local})
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want one that says %q", err, tt.err)
			}
			global := policyv1alpha1.ClusterOverridePolicy{ObjectMeta: metav1.ObjectMeta{Name: "test"}, Spec: spec}
			if _, err := Apply(object(t, roleBinding), frankfurt, []policyv1alpha1.ClusterOverridePolicy{global}, nil); err != nil && strings.Contains(err.Error(), refused) {
				t.Errorf("an administrator is refused: %v", err)
			}
		})
	}
}

// TestPowerNeverChanges: whatever a namespaced policy says, checked before or not, what comes out grants
// what went in.
func TestPowerNeverChanges(t *testing.T) {
	template := object(t, roleBinding)
	rapid.Check(t, func(rt *rapid.T) {
		policy := policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "any"}}
		for range rapid.IntRange(1, 3).Draw(rt, "rules") {
			o := anyOverriders(rt)
			for i := range o.Plaintext {
				if rapid.Bool().Draw(rt, "aimed") {
					o.Plaintext[i].Path = rapid.SampledFrom([]string{"/roleRef", "/roleRef/name", "/subjects", "/subjects/0", "/subjects/0/name", "/rules"}).Draw(rt, "at")
				}
			}
			policy.Spec.OverrideRules = append(policy.Spec.OverrideRules, policyv1alpha1.RuleWithCluster{Overriders: o})
		}
		obj := template.DeepCopy()
		if _, err := unchecked(obj, nil, []policyv1alpha1.OverridePolicy{policy}); err != nil {
			return
		}
		for _, field := range []string{"roleRef", "subjects", "rules", "aggregationRule"} {
			if diff := cmp.Diff(template.Object[field], obj.Object[field]); diff != "" {
				rt.Fatalf("%s (-before +after):\n%s", field, diff)
			}
		}
	})
}
