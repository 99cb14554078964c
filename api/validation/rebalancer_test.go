package validation

import (
	"testing"

	"k8s.io/utils/ptr"

	appsv1alpha1 "github.com/seaway-io/seaway/api/apps/v1alpha1"
)

func TestValidateWorkloadRebalancer(t *testing.T) {
	web := appsv1alpha1.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	of := func(workloads ...appsv1alpha1.ObjectReference) appsv1alpha1.WorkloadRebalancerSpec {
		return appsv1alpha1.WorkloadRebalancerSpec{Workloads: workloads}
	}
	with := func(change func(*appsv1alpha1.ObjectReference)) appsv1alpha1.WorkloadRebalancerSpec {
		ref := web
		change(&ref)
		return of(ref)
	}
	kept := func(seconds int32) appsv1alpha1.WorkloadRebalancerSpec {
		spec := of(web)
		spec.TTLSecondsAfterFinished = ptr.To(seconds)
		return spec
	}
	tests := map[string]struct {
		in   appsv1alpha1.WorkloadRebalancerSpec
		want []string
	}{
		"a workload":                    {in: of(web)},
		"a workload named twice":        {in: of(web, web)},
		"a cluster-scoped one":          {in: of(appsv1alpha1.ObjectReference{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: "system:auditor"})},
		"no workloads":                  {in: of(), want: []string{"Required spec.workloads"}},
		"an empty reference":            {in: of(web, appsv1alpha1.ObjectReference{}), want: []string{"Required spec.workloads[1].apiVersion", "Required spec.workloads[1].kind", "Required spec.workloads[1].name"}},
		"an apiVersion of three parts":  {in: with(func(r *appsv1alpha1.ObjectReference) { r.APIVersion = "a/b/c" }), want: []string{"Invalid spec.workloads[0].apiVersion"}},
		"a name with a slash":           {in: with(func(r *appsv1alpha1.ObjectReference) { r.Name = "shop/web" }), want: []string{"Invalid spec.workloads[0].name"}},
		"a namespace that can not be":   {in: with(func(r *appsv1alpha1.ObjectReference) { r.Namespace = "Shop" }), want: []string{"Invalid spec.workloads[0].namespace"}},
		"deleted as soon as it is done": {in: kept(0)},
		"a negative time to live":       {in: kept(-1), want: []string{"Invalid spec.ttlSecondsAfterFinished"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantFaults(t, ValidateWorkloadRebalancer(&appsv1alpha1.WorkloadRebalancer{Spec: tt.in}), tt.want...)
		})
	}
}
