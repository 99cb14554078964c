package scheme

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

func TestNewKnowsEveryKind(t *testing.T) {
	s := New()
	for group, kinds := range map[schema.GroupVersion][]string{
		{Group: "apps.karmada.io", Version: "v1alpha1"}:        {"WorkloadRebalancer"},
		{Group: "autoscaling.karmada.io", Version: "v1alpha1"}: {"FederatedHPA", "CronFederatedHPA"},
		{Group: "cluster.karmada.io", Version: "v1alpha1"}:     {"Cluster"},
		{Group: "config.karmada.io", Version: "v1alpha1"}:      {"ResourceInterpreterCustomization", "ResourceInterpreterWebhookConfiguration"},
		{Group: "multicluster.x-k8s.io", Version: "v1alpha1"}:  {"ServiceExport", "ServiceImport"},
		{Group: "networking.karmada.io", Version: "v1alpha1"}:  {"MultiClusterService", "MultiClusterIngress"},
		{Group: "policy.karmada.io", Version: "v1alpha1"}:      {"PropagationPolicy", "ClusterPropagationPolicy", "OverridePolicy", "ClusterOverridePolicy", "FederatedResourceQuota", "ClusterTaintPolicy"},
		{Group: "remedy.karmada.io", Version: "v1alpha1"}:      {"Remedy"},
		{Group: "search.karmada.io", Version: "v1alpha1"}:      {"ResourceRegistry"},
		{Group: "traffic.seaway.dev", Version: "v1alpha1"}:     {"Zone", "RegionMap", "TrafficPolicy", "TrafficPlan", "EndpointHealth"},
		{Group: "work.karmada.io", Version: "v1alpha1"}:        {"Work", "ResourceBinding", "ClusterResourceBinding"},
		{Group: "work.karmada.io", Version: "v1alpha2"}:        {"ResourceBinding", "ClusterResourceBinding"},
		{Group: "", Version: "v1"}:                             {"Service", "Event"},
		{Group: "apps", Version: "v1"}:                         {"Deployment"},
		{Group: "discovery.k8s.io", Version: "v1"}:             {"EndpointSlice"},
		{Group: "autoscaling", Version: "v2"}:                  {"HorizontalPodAutoscaler"},
		{Group: "admissionregistration.k8s.io", Version: "v1"}: {"ValidatingWebhookConfiguration"},
		{Group: "scheduling.k8s.io", Version: "v1"}:            {"PriorityClass"},
		{Group: "coordination.k8s.io", Version: "v1"}:          {"Lease"},
		{Group: "rbac.authorization.k8s.io", Version: "v1"}:    {"ClusterRole"},
		{Group: "policy", Version: "v1"}:                       {"PodDisruptionBudget"},
		{Group: "certificates.k8s.io", Version: "v1"}:          {"CertificateSigningRequest"},
		{Group: "networking.k8s.io", Version: "v1"}:            {"Ingress"},
		{Group: "batch", Version: "v1"}:                        {"Job", "CronJob"},
	} {
		for _, kind := range kinds {
			for _, name := range []string{kind, kind + "List"} {
				if !s.Recognizes(group.WithKind(name)) {
					t.Errorf("%s %s is not registered", group, name)
				}
			}
		}
	}
}

// TestUnstructuredRoundTrip checks the types that marshal themselves.
func TestUnstructuredRoundTrip(t *testing.T) {
	tests := map[string]string{
		"plaintext values of every type": `{"apiVersion":"policy.karmada.io/v1alpha1","kind":"OverridePolicy","metadata":{"name":"a"},
			"spec":{"overrideRules":[{"overriders":{"plaintext":[
				{"path":"/a","operator":"add","value":{"b":[1,"x",true]}},
				{"path":"/a","operator":"add","value":"text"},
				{"path":"/a","operator":"replace","value":3},
				{"path":"/a","operator":"remove"}]}}],"overriders":{}}}`,
		"manifest of a work": `{"apiVersion":"work.karmada.io/v1alpha1","kind":"Work","metadata":{"name":"a","namespace":"karmada-es-m1"},
			"spec":{"workload":{"manifests":[{"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap"}]}},"status":{}}`,
		"inlined affinity of a term": `{"apiVersion":"policy.karmada.io/v1alpha1","kind":"PropagationPolicy","metadata":{"name":"a"},
			"spec":{"resourceSelectors":[{"apiVersion":"v1","kind":"ConfigMap"}],"placement":{"clusterAffinities":[
				{"affinityName":"x","clusterNames":["m1"],"exclude":["m2"],"overflowAffinities":[{"affinityName":"y","clusterNames":["m3"]}]}]}}}`,
	}
	s := New()
	decoder := serializer.NewCodecFactory(s).UniversalDeserializer()
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			obj, _, err := decoder.Decode([]byte(in), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
			if err != nil {
				t.Fatal(err)
			}
			var want map[string]any
			if err := json.NewDecoder(bytes.NewReader([]byte(in))).Decode(&want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plain(t, want), plain(t, content)); diff != "" {
				t.Errorf("content changed (-sent +kept):\n%s", diff)
			}
			back := obj.DeepCopyObject()
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(obj, back); diff != "" {
				t.Errorf("object changed (-was +is):\n%s", diff)
			}
		})
	}
}

// plain brings numbers to one type.
func plain(t *testing.T, v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAbsentValueIsNotWritten(t *testing.T) {
	for in, want := range map[string]string{
		`{"path":"/a","operator":"remove"}`:              `{"path":"/a","operator":"remove"}`,
		`{"path":"/a","operator":"remove","value":null}`: `{"path":"/a","operator":"remove"}`,
		`{"path":"/a","operator":"add","value":0}`:       `{"path":"/a","operator":"add","value":0}`,
	} {
		var o policyv1alpha1.PlaintextOverrider
		if err := json.Unmarshal([]byte(in), &o); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}
