package explain

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/controllers/core/claim"
)

func selecting(name string, s policyv1alpha1.ResourceSelector, change func(*policyv1alpha1.PropagationPolicy)) *policy {
	p := &policyv1alpha1.PropagationPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	p.Spec.ResourceSelectors = []policyv1alpha1.ResourceSelector{s}
	validation.IdentifyPropagation(p, "id-"+name)
	if change != nil {
		change(p)
	}
	return newPolicy(p)
}

func TestNearest(t *testing.T) {
	web := claim.Template{
		GVK:    schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"},
		Object: &metav1.ObjectMeta{Namespace: "shop", Name: "web", Labels: map[string]string{"app": "web"}},
	}
	deployments := policyv1alpha1.ResourceSelector{APIVersion: "apps/v1", Kind: "Deployment"}
	of := func(change func(*policyv1alpha1.ResourceSelector)) policyv1alpha1.ResourceSelector {
		s := deployments
		change(&s)
		return s
	}
	got := nearest([]*policy{
		selecting("a-match", deployments, nil),
		selecting("b-other-kind", of(func(s *policyv1alpha1.ResourceSelector) { s.Kind = "StatefulSet" }), nil),
		selecting("c-other-group", of(func(s *policyv1alpha1.ResourceSelector) { s.APIVersion = "example.org/v1" }), nil),
		selecting("d-name", of(func(s *policyv1alpha1.ResourceSelector) { s.Name = "api" }), nil),
		selecting("e-labels", of(func(s *policyv1alpha1.ResourceSelector) {
			s.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "api"}}
		}), nil),
		selecting("f-version", of(func(s *policyv1alpha1.ResourceSelector) { s.APIVersion = "apps/v1beta1" }), nil),
		selecting("g-going", deployments, func(p *policyv1alpha1.PropagationPolicy) { p.DeletionTimestamp = &metav1.Time{} }),
		selecting("h-bad", deployments, func(p *policyv1alpha1.PropagationPolicy) { p.Spec.Preemption = policyv1alpha1.PreemptAlways }),
	}, web)
	var said []string
	for _, m := range got {
		said = append(said, m.Policy+" "+m.Why)
	}
	want := []string{
		"PropagationPolicy/shop/h-bad selects it, but is not valid: spec.resourceSelectors[0].name: Required value: a policy with preemption Always names each object it may take; set a name or preemption: Never",
		"PropagationPolicy/shop/g-going selects it, but is being deleted",
		"PropagationPolicy/shop/f-version spec.resourceSelectors[0] selects apiVersion apps/v1beta1; write apps/v1, the version that the hub prefers",
		"PropagationPolicy/shop/e-labels spec.resourceSelectors[0] selects the labels app=api",
		"PropagationPolicy/shop/d-name spec.resourceSelectors[0] selects the name api",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A template that its policy selects no more stays with it until that policy changes, or one comes
// that takes it.
func TestAPolicyStirsWhatItMayTake(t *testing.T) {
	for name, tc := range map[string]struct {
		preemption string
		want       string
	}{
		"one that takes nothing from others": {"Never", actionLeave},
		"one that takes what it names":       {"Always", string(claim.Preempt)},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := readFiles([]string{"-"}, strings.NewReader(`
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: takes}
spec:
  preemption: `+tc.preemption+`
  priority: 7
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: web}]
  placement: {}
`))
			if err != nil {
				t.Fatal(err)
			}
			r, err := testHub(t).rehearsal(context.Background(), files, nil, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Templates) != 1 || r.Templates[0].Action != tc.want || r.Templates[0].From != "PropagationPolicy/shop/web" {
				t.Errorf("%+v", r.Templates)
			}
		})
	}
}
