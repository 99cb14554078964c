package validation

import (
	"encoding/json"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	autoscalingv1alpha1 "github.com/seaway-io/seaway/api/autoscaling/v1alpha1"
	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	networkingv1alpha1 "github.com/seaway-io/seaway/api/networking/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// checks default and validate one kind each, whatever the text holds.
var checks = map[string]func(text []byte) field.ErrorList{
	"PropagationPolicy": check(func(p *policyv1alpha1.PropagationPolicy) field.ErrorList {
		DefaultPropagation(p)
		IdentifyPropagation(p, "id")
		return ValidatePropagation(p, p.DeepCopy())
	}),
	"ClusterPropagationPolicy": check(func(p *policyv1alpha1.ClusterPropagationPolicy) field.ErrorList {
		DefaultPropagation(p)
		return ValidatePropagation(p, nil)
	}),
	"OverridePolicy": check(func(p *policyv1alpha1.OverridePolicy) field.ErrorList {
		DefaultOverride(p)
		return ValidateOverride(p)
	}),
	"ClusterOverridePolicy": check(func(p *policyv1alpha1.ClusterOverridePolicy) field.ErrorList { return ValidateOverride(p) }),
	"ClusterTaintPolicy": check(func(p *policyv1alpha1.ClusterTaintPolicy) field.ErrorList {
		return append(ValidateClusterTaintPolicy(p, false), ValidateClusterTaintPolicy(p, true)...)
	}),
	"FederatedResourceQuota": check(ValidateFederatedResourceQuota),
	"ResourceBinding":        check(func(b *workv1alpha2.ResourceBinding) field.ErrorList { return ValidateBinding(b) }),
	"Work": check(func(w *workv1alpha1.Work) field.ErrorList {
		DefaultWork(w, "id")
		return ValidateWork(w, w.DeepCopy())
	}),
	"Cluster": check(func(c *clusterv1alpha1.Cluster) field.ErrorList {
		DefaultCluster(c, true, metav1.Time{})
		return ValidateCluster(c)
	}),
	"FederatedHPA": check(func(h *autoscalingv1alpha1.FederatedHPA) field.ErrorList {
		bare := ValidateFederatedHPA(h)
		DefaultFederatedHPA(h)
		return append(bare, ValidateFederatedHPA(h)...)
	}),
	"CronFederatedHPA": check(ValidateCronFederatedHPA),
	"MultiClusterService": check(func(s *networkingv1alpha1.MultiClusterService) field.ErrorList {
		return ValidateMultiClusterService(s, s.DeepCopy())
	}),
	"MultiClusterIngress":                     check(ValidateMultiClusterIngress),
	"ResourceInterpreterWebhookConfiguration": check(ValidateInterpreterWebhooks),
}

func check[T any](inspect func(*T) field.ErrorList) func([]byte) field.ErrorList {
	return func(text []byte) field.ErrorList {
		obj := new(T)
		if json.Unmarshal(text, obj) != nil {
			return nil // refused before it comes to us
		}
		return inspect(obj)
	}
}

// FuzzObjects: no object makes a check panic, every fault names a field and says something, and a
// second look finds the same.
func FuzzObjects(f *testing.F) {
	for _, text := range []string{
		`{}`,
		`{"metadata":{"namespace":"shop","name":"p"},"spec":{"resourceSelectors":[{"apiVersion":"apps/v1","kind":"Deployment","labelSelector":{"matchExpressions":[{"key":"a","operator":"Is"}]}}],"preemption":"Always","placement":{"clusterAffinity":{},"clusterAffinities":[{"affinityName":"a","overflowAffinities":[{"affinityName":"a"}]}],"clusterTolerations":[{"operator":"Gt"}],"spreadConstraints":[{"spreadByField":"region","spreadByLabel":"a b","minGroups":-1,"maxGroups":-2}],"replicaScheduling":{"weightPreference":{"staticWeightList":[{"targetCluster":{},"weight":0},{"targetCluster":{},"weight":9223372036854775807}]}},"workloadAffinity":{"affinity":{"groupByLabelKey":"a"},"antiAffinity":{"groupByLabelKey":"a"}}},"failover":{"application":{"decisionConditions":{"tolerationSeconds":-1},"purgeMode":"Gracefully"},"cluster":{"statePreservation":{"rules":[{}]}}},"suspension":{"dispatching":true,"dispatchingOnClusters":{"clusterNames":["a"]}}}}`,
		`{"spec":{"targetCluster":{},"overrideRules":[{"overriders":{"plaintext":[{"path":"/metadata/name","operator":"replace"},{"path":"~","operator":"add","value":{}}],"labelsOverrider":[{"operator":"add","value":{"karmada.io/managed":"x"}}],"annotationsOverrider":[{"operator":"add","value":{"A b":""}}],"imageOverrider":[{"predicate":{"path":""},"component":"Tag","operator":"add"}],"fieldOverrider":[{"fieldPath":"/a","json":[{"subPath":"x","operator":"remove","value":1}],"yaml":[{"subPath":"/","operator":"add"}]}]}}]}}`,
		`{"spec":{"overall":{"cpu":"1","pods":"1500m"},"staticAssignments":[{"clusterName":"m","hard":{"cpu":"2"}}]}}`,
		`{"spec":{"components":[{"name":"a"},{"name":"a"}]},"metadata":{"annotations":{"resourcebinding.karmada.io/dependencies":"["}}}`,
		`{"spec":{"workload":{"manifests":[null,{"kind":"A"},{"apiVersion":"v1","kind":"Pod","metadata":{"name":1,"labels":[]}}]}}}`,
		`{"spec":{"resourceModels":[{"grade":0,"ranges":[{"name":"cpu","min":"0","max":"1"}]},{"grade":0,"ranges":[]}],"taints":[{"effect":"NoExecute"}],"proxyURL":":"}}`,
		`{"spec":{"scaleTargetRef":{"apiVersion":"autoscaling.karmada.io/v1alpha1","kind":"FederatedHPA"},"rules":[{"schedule":"*/0 1-","timeZone":"../x"}],"metrics":[{"type":"Pods"},{"type":"Object","object":{}}],"behavior":{"scaleUp":{"tolerance":"-1"}}}}`,
		`{"spec":{"types":["CrossCluster","x"],"ports":[{"port":-1}],"rules":[{"host":"*","http":{"paths":[{"pathType":"Exact","backend":{"service":{}}}]}}],"tls":[{"hosts":[""]}],"taints":[{}],"addOnConditions":[{}]}}`,
		`{"webhooks":[{"clientConfig":{"url":"%"},"rules":[{}]},{"clientConfig":{"service":{"port":70000,"path":""}}}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for kind, inspect := range checks {
			errs := inspect(text)
			for _, err := range errs {
				if err.Field == "" || err.Error() == "" {
					t.Errorf("%s: a fault without a field: %v", kind, err)
				}
			}
			if !slices.Equal(faults(errs), faults(inspect(text))) {
				t.Errorf("%s: the second look differs", kind)
			}
		}
	})
}
