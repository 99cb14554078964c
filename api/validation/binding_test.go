package validation

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestIdentifyBinding(t *testing.T) {
	for label, b := range map[string]workv1alpha2.Binding{
		names.ResourceBindingPermanentID:        &workv1alpha2.ResourceBinding{},
		names.ClusterResourceBindingPermanentID: &workv1alpha2.ClusterResourceBinding{},
	} {
		IdentifyBinding(b, "first")
		IdentifyBinding(b, "second")
		if got := b.GetLabels()[label]; got != "first" {
			t.Errorf("%s = %q, want the first id", label, got)
		}
	}
}

func TestValidateBinding(t *testing.T) {
	depends := func(text string) *workv1alpha2.ResourceBinding {
		return &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{names.DependenciesAnnotation: text}}}
	}
	parts := func(names ...string) *workv1alpha2.ResourceBinding {
		b := &workv1alpha2.ResourceBinding{}
		for _, name := range names {
			b.Spec.Components = append(b.Spec.Components, workv1alpha2.Component{Name: name})
		}
		return b
	}
	about := func(own, namespace string) workv1alpha2.Binding {
		var b workv1alpha2.Binding = &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: own}}
		if own == "" {
			b = &workv1alpha2.ClusterResourceBinding{}
		}
		b.GetBindingSpec().Resource = workv1alpha2.ObjectReference{APIVersion: "v1", Kind: "Secret", Namespace: namespace, Name: "a"}
		return b
	}
	tests := map[string]struct {
		in   workv1alpha2.Binding
		want []string
	}{
		"about its own namespace":            {in: about("shop", "shop")},
		"about another namespace":            {in: about("shop", "bank"), want: []string{"Invalid spec.resource.namespace"}},
		"about no namespace":                 {in: about("shop", ""), want: []string{"Invalid spec.resource.namespace"}},
		"of the cluster, about no namespace": {in: about("", "")},
		"of the cluster, about a namespace":  {in: about("", "shop"), want: []string{"Forbidden spec.resource.namespace"}},
		"a plain binding":                    {in: &workv1alpha2.ResourceBinding{}},
		"a list of dependencies":             {in: depends(`[{"apiVersion":"v1","kind":"Secret","namespace":"shop","name":"a"}]`)},
		"dependencies that are text":         {in: depends(`a`), want: []string{"Invalid metadata.annotations[" + names.DependenciesAnnotation + "]"}},
		"components with their names":        {in: parts("a", "b")},
		"components of one name":             {in: parts("a", "a"), want: []string{"Duplicate spec.components[1].name"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantFaults(t, ValidateBinding(tt.in), tt.want...)
		})
	}
}
