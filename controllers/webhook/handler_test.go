package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
)

var decoder = admission.NewDecoder(scheme.New())

// nothing is a hub without anything on it.
var nothing = fake.NewClientBuilder().WithScheme(scheme.New()).Build()

func ruleOf(t *testing.T, name string) rule {
	t.Helper()
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
	if i < 0 {
		t.Fatalf("there is no rule %s", name)
	}
	return rules[i]
}

func raw(t *testing.T, text string) runtime.RawExtension {
	t.Helper()
	if text == "" {
		return runtime.RawExtension{}
	}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return runtime.RawExtension{Raw: data}
}

func request(t *testing.T, obj, old string) admission.Request {
	t.Helper()
	req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{UID: "u", Operation: admissionv1.Create, Object: raw(t, obj), OldObject: raw(t, old)}}
	if old != "" {
		req.Operation = admissionv1.Update
	}
	return req
}

// mutated is the object after the patches of the answer.
func mutated(t *testing.T, req admission.Request, resp admission.Response) *unstructured.Unstructured {
	t.Helper()
	if !resp.Allowed {
		t.Fatalf("refused: %+v", resp.Result)
	}
	data := req.Object.Raw
	if len(resp.Patches) > 0 {
		ops, err := json.Marshal(resp.Patches)
		if err != nil {
			t.Fatal(err)
		}
		patch, err := jsonpatch.DecodePatch(ops)
		if err != nil {
			t.Fatal(err)
		}
		if data, err = patch.Apply(data); err != nil {
			t.Fatal(err)
		}
	}
	obj := &unstructured.Unstructured{}
	if err := json.Unmarshal(data, &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}

func TestDefaultsAreFilledIn(t *testing.T) {
	for name, tc := range map[string]struct {
		rule, object, old string
		at                []string
		want              any
	}{
		"a policy selects in its own namespace": {
			rule: "propagationpolicy",
			object: `{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: shop, name: p},
				spec: {resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]}}`,
			at:   []string{"spec", "resourceSelectors"},
			want: []any{map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop"}},
		},
		"a cluster policy spreads over clusters": {
			rule: "clusterpropagationpolicy",
			object: `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterPropagationPolicy, metadata: {name: p},
				spec: {resourceSelectors: [{apiVersion: v1, kind: Namespace, name: shop}], placement: {spreadConstraints: [{maxGroups: 2}]}}}`,
			at:   []string{"spec", "placement", "spreadConstraints"},
			want: []any{map[string]any{"spreadByField": "cluster", "maxGroups": int64(2), "minGroups": int64(1)}},
		},
		"an override policy selects in its own namespace, on update too": {
			rule: "overridepolicy",
			object: `{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {namespace: shop, name: o},
				spec: {resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: web}]}}`,
			old: `{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {namespace: shop, name: o}, spec: {}}`,
			at:  []string{"spec", "resourceSelectors"},
			want: []any{map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web",
				"namespace": "shop"}},
		},
		"a cluster override policy selects everywhere": {
			rule: "clusteroverridepolicy",
			object: `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterOverridePolicy, metadata: {name: o},
				spec: {resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: web}]}}`,
			at:   []string{"spec", "resourceSelectors"},
			want: []any{map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
		},
		"an autoscaler without a metric looks at the CPU": {
			rule: "federatedhpa",
			object: `{apiVersion: autoscaling.karmada.io/v1alpha1, kind: FederatedHPA, metadata: {namespace: shop, name: h},
				spec: {scaleTargetRef: {kind: Deployment, name: web}, maxReplicas: 3}}`,
			at: []string{"spec"},
			want: map[string]any{"scaleTargetRef": map[string]any{"kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 3,
				"metrics": []any{map[string]any{"type": "Resource", "resource": map[string]any{"name": "cpu", "target": map[string]any{"type": "Utilization", "averageUtilization": 80}}}}},
		},
		"the manifests of a Work carry no status": {
			rule: "work",
			object: `{apiVersion: work.karmada.io/v1alpha1, kind: Work, metadata: {namespace: karmada-es-fra, name: w, labels: {work.karmada.io/permanent-id: w-1}},
				spec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: shop, uid: u1}, status: {x: 1}}]}}}`,
			at: []string{"spec", "workload", "manifests"},
			want: []any{map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{
				"name": "c", "namespace": "shop",
				"annotations": map[string]any{names.WorkNamespaceAnnotation: "karmada-es-fra", names.WorkNameAnnotation: "w",
					names.ManagedAnnotationsAnnotation: "resourcetemplate.karmada.io/managed-annotations,resourcetemplate.karmada.io/managed-labels,work.karmada.io/name,work.karmada.io/namespace",
					names.ManagedLabelsAnnotation:      "karmada.io/managed,work.karmada.io/permanent-id"},
				"labels": map[string]any{names.ManagedLabel: "true", names.WorkPermanentID: "w-1"},
			}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			req := request(t, tc.object, tc.old)
			resp := mutator{ruleOf(t, tc.rule), decoder}.Handle(context.Background(), req)
			got, _, err := unstructured.NestedFieldNoCopy(mutated(t, req, resp).Object, tc.at...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plain(t, tc.want), plain(t, got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// plain makes numbers comparable.
func plain(t *testing.T, in any) (out any) {
	t.Helper()
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestThePermanentIDIsGivenAtCreationOnly(t *testing.T) {
	const (
		namespaced = `{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: shop, name: p}, spec: {}}`
		restored   = `{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: shop, name: p, labels: {propagationpolicy.karmada.io/permanent-id: before}}, spec: {}}`
		global     = `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterPropagationPolicy, metadata: {name: p}, spec: {}}`
		override   = `{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {namespace: shop, name: p}, spec: {}}`
		binding    = `{apiVersion: work.karmada.io/v1alpha2, kind: ResourceBinding, metadata: {namespace: shop, name: b}, spec: {}}`
		crb        = `{apiVersion: work.karmada.io/v1alpha2, kind: ClusterResourceBinding, metadata: {name: b}, spec: {}}`
		service    = `{apiVersion: networking.karmada.io/v1alpha1, kind: MultiClusterService, metadata: {namespace: shop, name: s}, spec: {}}`
		work       = `{apiVersion: work.karmada.io/v1alpha1, kind: Work, metadata: {namespace: karmada-es-fra, name: w}, spec: {}}`
	)
	const made = "made"
	for name, tc := range map[string]struct {
		rule, object, old, label string
		want                     string // the id, or made for a new one
		finalizers               []string
	}{
		"a new policy":           {"propagationpolicy", namespaced, "", names.PropagationPolicyPermanentID, made, []string{names.PropagationPolicyFinalizer}},
		"a restored policy":      {"propagationpolicy", restored, "", names.PropagationPolicyPermanentID, "before", []string{names.PropagationPolicyFinalizer}},
		"an update of a policy":  {"propagationpolicy", namespaced, restored, names.PropagationPolicyPermanentID, "", nil},
		"a new cluster policy":   {"clusterpropagationpolicy", global, "", names.ClusterPropagationPolicyPermanentID, made, []string{names.ClusterPropagationPolicyFinalizer}},
		"an override policy":     {"overridepolicy", override, "", names.PropagationPolicyPermanentID, "", nil},
		"a new binding":          {"resourcebinding", binding, "", names.ResourceBindingPermanentID, made, nil},
		"a new cluster binding":  {"clusterresourcebinding", crb, "", names.ClusterResourceBindingPermanentID, made, nil},
		"a new exposed service":  {"multiclusterservice", service, "", names.MultiClusterServicePermanentID, made, nil},
		"a new Work, once given": {"work", work, "", names.WorkPermanentID, made, nil},
	} {
		t.Run(name, func(t *testing.T) {
			req := request(t, tc.object, tc.old)
			resp := mutator{ruleOf(t, tc.rule), decoder}.Handle(context.Background(), req)
			obj := mutated(t, req, resp)
			id := obj.GetLabels()[tc.label]
			if tc.want == made && len(id) != len("00000000-0000-0000-0000-000000000000") || tc.want != made && id != tc.want {
				t.Errorf("id %q, want %q", id, tc.want)
			}
			if diff := cmp.Diff(tc.finalizers, obj.GetFinalizers()); diff != "" {
				t.Errorf("finalizers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatCanNotBeRightIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		rule, object, old string
		kind              string
		fields            []string // none: allowed
	}{
		"a policy that selects in another namespace": {
			rule: "propagationpolicy", kind: "PropagationPolicy",
			object: `{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: shop, name: x, labels: {propagationpolicy.karmada.io/permanent-id: i}},
				spec: {resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, namespace: bank}]}}`,
			fields: []string{"spec.resourceSelectors[0].namespace"},
		},
		"a policy whose id is taken away": {
			rule: "propagationpolicy", kind: "PropagationPolicy",
			object: `{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: shop, name: x}, spec: {}}`,
			old:    `{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: shop, name: x, labels: {propagationpolicy.karmada.io/permanent-id: i}}, spec: {}}`,
			fields: []string{"metadata.labels[propagationpolicy.karmada.io/permanent-id]"},
		},
		"a cluster policy that changes its scheduler": {
			rule: "clusterpropagationpolicy", kind: "ClusterPropagationPolicy",
			object: `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterPropagationPolicy, metadata: {name: x, labels: {clusterpropagationpolicy.karmada.io/permanent-id: i}}, spec: {schedulerName: mine}}`,
			old:    `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterPropagationPolicy, metadata: {name: x, labels: {clusterpropagationpolicy.karmada.io/permanent-id: i}}, spec: {}}`,
			fields: []string{"spec.schedulerName"},
		},
		"a cluster policy with a scheduler of its own from the start": {
			rule:   "clusterpropagationpolicy",
			object: `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterPropagationPolicy, metadata: {name: x, labels: {clusterpropagationpolicy.karmada.io/permanent-id: i}}, spec: {schedulerName: mine}}`,
		},
		"an override policy that selects in another namespace": {
			rule: "overridepolicy", kind: "OverridePolicy",
			object: `{apiVersion: policy.karmada.io/v1alpha1, kind: OverridePolicy, metadata: {namespace: shop, name: x},
				spec: {resourceSelectors: [{apiVersion: v1, kind: Secret, namespace: bank}]}}`,
			fields: []string{"spec.resourceSelectors[0].namespace"},
		},
		"a cluster override policy that replaces by nothing": {
			rule: "clusteroverridepolicy", kind: "ClusterOverridePolicy",
			object: `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterOverridePolicy, metadata: {name: x},
				spec: {overrideRules: [{overriders: {plaintext: [{path: /spec/replicas, operator: replace}]}}]}}`,
			fields: []string{"spec.overrideRules[0].overriders.plaintext[0].value"},
		},
		"a Work with nameless manifests": {
			rule: "work", kind: "Work",
			object: `{apiVersion: work.karmada.io/v1alpha1, kind: Work, metadata: {namespace: karmada-es-fra, name: x, labels: {work.karmada.io/permanent-id: i}},
				spec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap}, {metadata: {name: a}}]}}}`,
			fields: []string{"spec.workload.manifests[0].metadata.name", "spec.workload.manifests[1].apiVersion", "spec.workload.manifests[1].kind"},
		},
		"a binding whose dependencies are no list": {
			rule: "resourcebinding", kind: "ResourceBinding",
			object: `{apiVersion: work.karmada.io/v1alpha2, kind: ResourceBinding, metadata: {namespace: shop, name: x, annotations: {resourcebinding.karmada.io/dependencies: "{"}}, spec: {resource: {namespace: shop}}}`,
			fields: []string{"metadata.annotations[resourcebinding.karmada.io/dependencies]"},
		},
		"a binding about another namespace": {
			rule: "resourcebinding", kind: "ResourceBinding",
			object: `{apiVersion: work.karmada.io/v1alpha2, kind: ResourceBinding, metadata: {namespace: shop, name: x}, spec: {resource: {namespace: bank}}}`,
			fields: []string{"spec.resource.namespace"},
		},
		"a binding with a component twice": {
			rule: "clusterresourcebinding", kind: "ClusterResourceBinding",
			object: `{apiVersion: work.karmada.io/v1alpha2, kind: ClusterResourceBinding, metadata: {name: x}, spec: {components: [{name: a, replicas: 1}, {name: a, replicas: 2}]}}`,
			fields: []string{"spec.components[1].name"},
		},
		"a service whose type changes": {
			rule: "multiclusterservice", kind: "MultiClusterService",
			object: `{apiVersion: networking.karmada.io/v1alpha1, kind: MultiClusterService, metadata: {namespace: shop, name: x, labels: {multiclusterservice.karmada.io/permanent-id: i}}, spec: {types: [LoadBalancer]}}`,
			old:    `{apiVersion: networking.karmada.io/v1alpha1, kind: MultiClusterService, metadata: {namespace: shop, name: x, labels: {multiclusterservice.karmada.io/permanent-id: i}}, spec: {types: [CrossCluster]}}`,
			fields: []string{"spec.types"},
		},
		"a Zone that moves to another domain": {
			rule: "zone", kind: "Zone",
			object: `{apiVersion: traffic.seaway.dev/v1alpha1, kind: Zone, metadata: {name: x}, spec: {domain: b.example.com, nameServers: [{name: ns.example.net}]}}`,
			old:    `{apiVersion: traffic.seaway.dev/v1alpha1, kind: Zone, metadata: {name: x}, spec: {domain: a.example.com, nameServers: [{name: ns.example.net}]}}`,
			fields: []string{"spec.domain"},
		},
		"a Zone whose server inside it has no address": {
			rule: "zone", kind: "Zone",
			object: `{apiVersion: traffic.seaway.dev/v1alpha1, kind: Zone, metadata: {name: x}, spec: {domain: a.example.com, nameServers: [{name: ns.a.example.com}]}}`,
			fields: []string{"spec.nameServers[0].addresses"},
		},
		"a RegionMap without regions": {
			rule: "regionmap", kind: "RegionMap",
			object: `{apiVersion: traffic.seaway.dev/v1alpha1, kind: RegionMap, metadata: {name: x}, spec: {}}`,
			fields: []string{"spec.regions"},
		},
		"a TrafficPolicy with a host name that is none": {
			rule: "trafficpolicy", kind: "TrafficPolicy",
			object: `{apiVersion: traffic.seaway.dev/v1alpha1, kind: TrafficPolicy, metadata: {namespace: shop, name: x},
				spec: {hostnames: [Shop.example.com.], targetRefs: [{kind: Service, name: web}], ` + defaults + `}}`,
			fields: []string{"spec.hostnames[0]"},
		},
		"a TrafficPolicy that is right": {
			rule: "trafficpolicy",
			object: `{apiVersion: traffic.seaway.dev/v1alpha1, kind: TrafficPolicy, metadata: {namespace: shop, name: x},
				spec: {hostnames: [shop.example.com], targetRefs: [{kind: Service, name: web}], ` + defaults + `}}`,
		},
		"a PlacementPlugin with an expression that is none": {
			rule: "placementplugin", kind: "PlacementPlugin",
			object: `{apiVersion: traffic.seaway.dev/v1alpha1, kind: PlacementPlugin, metadata: {name: x},
				spec: {weight: 1, timeout: 200ms, cel: {score: clster.spec}}}`,
			fields: []string{"spec.cel.score"},
		},
		"a PlacementPlugin that is right": {
			rule: "placementplugin",
			object: `{apiVersion: traffic.seaway.dev/v1alpha1, kind: PlacementPlugin, metadata: {name: x},
				spec: {weight: 1, timeout: 200ms, cel: {filter: "true"}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			resp := validator{ruleOf(t, tc.rule), decoder, nothing}.Handle(context.Background(), request(t, tc.object, tc.old))
			if resp.Allowed != (len(tc.fields) == 0) {
				t.Fatalf("allowed %v: %+v", resp.Allowed, resp.Result)
			}
			if resp.Allowed {
				return
			}
			if resp.Result.Code != http.StatusUnprocessableEntity || resp.Result.Reason != metav1.StatusReasonInvalid {
				t.Fatalf("status %+v", resp.Result)
			}
			var fields []string
			for _, c := range resp.Result.Details.Causes {
				fields = append(fields, c.Field)
			}
			if diff := cmp.Diff(tc.fields, fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if d := resp.Result.Details; d.Kind != tc.kind || d.Name != "x" {
				t.Errorf("details name %s %s, want %s x", d.Kind, d.Name, tc.kind)
			}
		})
	}
}

// defaults are what the schema of a TrafficPolicy fills in before admission.
const defaults = `steering: {strategy: Geo}, health: {interval: 1s, timeout: 800ms, unhealthyAfter: 2, healthyAfter: 3},
	failover: {moveWorkloadsAfter: 15s, maxUnavailableClusters: 34%, failback: {stableFor: 5m, stepPercent: 25, stepEvery: 30s}}, dns: {ttl: 10s, maxAnswers: 2}`

// typed begins an object of a rule's kind.
func typed(t *testing.T, r rule) string {
	t.Helper()
	gvks, _, err := scheme.New().ObjectKinds(r.empty())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("{apiVersion: %s, kind: %s", gvks[0].GroupVersion(), gvks[0].Kind)
}

// body is the top-level field in which an object of the rule says what it wants.
func body(r rule) string {
	if r.name == "resourceinterpreterwebhookconfiguration" {
		return "webhooks"
	}
	return "spec"
}

func TestAnObjectOnItsWayOutIsLetThrough(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			gone := typed(t, r) + `, metadata: {name: x, deletionTimestamp: "2026-05-01T12:00:00Z"}}`
			resp := validator{r, decoder, nothing}.Handle(context.Background(), request(t, gone, typed(t, r)+`, metadata: {name: x}}`))
			if !resp.Allowed {
				t.Errorf("refused: %+v", resp.Result)
			}
		})
	}
}

func TestWhatCanNotBeDecodedIsABadRequest(t *testing.T) {
	for _, r := range rules {
		good := typed(t, r) + `, metadata: {name: x}}`
		for name, req := range map[string]admission.Request{
			"nothing":         request(t, "", ""),
			"a spec of text":  request(t, typed(t, r)+`, metadata: {name: x}, `+body(r)+`: text}`, ""),
			"not of the kind": request(t, `{apiVersion: v1, kind: Marmalade, metadata: {name: x}}`, ""),
		} {
			t.Run(r.name+", "+name, func(t *testing.T) {
				handlers := []admission.Handler{validator{r, decoder, nothing}}
				if r.fill != nil {
					handlers = append(handlers, mutator{r, decoder})
				}
				for _, h := range handlers {
					resp := h.Handle(context.Background(), req)
					if resp.Allowed || resp.Result.Code != http.StatusBadRequest {
						t.Errorf("%T: allowed %v: %+v", h, resp.Allowed, resp.Result)
					}
				}
			})
		}
		t.Run(r.name+", an old object that is none", func(t *testing.T) {
			resp := validator{r, decoder, nothing}.Handle(context.Background(), request(t, good, typed(t, r)+`, `+body(r)+`: text}`))
			if resp.Allowed || resp.Result.Code != http.StatusBadRequest {
				t.Errorf("allowed %v: %+v", resp.Allowed, resp.Result)
			}
		})
	}
}

func TestARefusalStaysShort(t *testing.T) {
	rules := strings.Repeat("{overriders: {plaintext: [{path: /a, operator: replace}]}},", 10_000)
	obj := `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterOverridePolicy, metadata: {name: x}, spec: {overrideRules: [` + rules + `]}}`
	resp := validator{ruleOf(t, "clusteroverridepolicy"), decoder, nothing}.Handle(context.Background(), request(t, obj, ""))
	causes := resp.Result.Details.Causes
	if resp.Allowed || len(causes) != shownFaults+1 || !strings.Contains(causes[shownFaults].Message, "and 9950 more faults") {
		t.Errorf("allowed %v, %d causes", resp.Allowed, len(causes))
	}
}

func TestTaintsThatEvictHaveToBeAllowed(t *testing.T) {
	policy := func(effect string) admission.Request {
		return request(t, `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterTaintPolicy, metadata: {name: x}, spec: {taints: [{key: a, effect: `+effect+`}]}}`, "")
	}
	for name, tc := range map[string]struct {
		options Options
		effect  string
		allowed bool
	}{
		"as it comes, a taint that evicts":               {Options{}, "NoExecute", false},
		"as it comes, a taint that keeps out":            {Options{}, "NoSchedule", true},
		"where it is allowed, a taint that evicts":       {Options{AllowNoExecuteTaints: true}, "NoExecute", true},
		"where it is allowed, a taint of another effect": {Options{AllowNoExecuteTaints: true}, "Always", false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := handlers(scheme.New(), nothing, tc.options)["/validate-clustertaintpolicy"].(*webhook.Admission).Handler
			if resp := asked.Handle(t.Context(), policy(tc.effect)); resp.Allowed != tc.allowed {
				t.Errorf("allowed %v: %+v", resp.Allowed, resp.Result)
			}
		})
	}
}
