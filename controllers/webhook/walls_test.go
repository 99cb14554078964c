package webhook

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
)

func walledHub(funcs ...interceptor.Funcs) client.Client {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Annotations: map[string]string{names.ResidencyAnnotation: "geo=eu"}}}
	b := fake.NewClientBuilder().WithScheme(scheme.New()).WithObjects(ns, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "blog"}})
	for name, geo := range map[string]string{"fra": "eu", "dub": "eu", "iad": "us"} {
		b = b.WithObjects(&clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"geo": geo}}})
	}
	for _, f := range funcs {
		b = b.WithInterceptorFuncs(f)
	}
	return b.Build()
}

func trafficPolicy(namespace, affinity string) string {
	return `{apiVersion: traffic.seaway.dev/v1alpha1, kind: TrafficPolicy, metadata: {namespace: ` + namespace + `, name: web}, spec: {hostnames: [web.example.com], targetRefs: [{name: web}],
		steering: {strategy: Geo}, health: {interval: 1s, timeout: 800ms, unhealthyAfter: 2, healthyAfter: 3},
		failover: {moveWorkloadsAfter: 15s, maxUnavailableClusters: 1, failback: {stableFor: 5m, stepPercent: 25, stepEvery: 30s}}, dns: {ttl: 10s, maxAnswers: 2},
		residency: {clusterAffinity: ` + affinity + `}}}`
}

func propagation(namespace, placement string) string {
	return `{apiVersion: policy.karmada.io/v1alpha1, kind: PropagationPolicy, metadata: {namespace: ` + namespace + `, name: web, labels: {propagationpolicy.karmada.io/permanent-id: p-1}},
		spec: {resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: web, namespace: ` + namespace + `}], placement: ` + placement + `}}`
}

func clusterPropagation(namespace, placement string) string {
	if namespace != "" {
		namespace = ", namespace: " + namespace
	}
	return `{apiVersion: policy.karmada.io/v1alpha1, kind: ClusterPropagationPolicy, metadata: {name: web, labels: {clusterpropagationpolicy.karmada.io/permanent-id: p-1}},
		spec: {resourceSelectors: [{apiVersion: apps/v1, kind: Deployment` + namespace + `}], placement: ` + placement + `}}`
}

func TestWallsAtAdmission(t *testing.T) {
	const namespace = `{apiVersion: v1, kind: Namespace, metadata: {name: shop, annotations: {traffic.seaway.dev/residency: `
	for name, tc := range map[string]struct {
		rule, object, old string
		refused           string // the text of the refusal; none: allowed
	}{
		"a wall":                      {"namespace", namespace + `"geo=eu"}}}`, "", ""},
		"a wall that can not be read": {"namespace", namespace + `"geo in eu"}}}`, "", "metadata.annotations[traffic.seaway.dev/residency]"},
		"an empty wall":               {"namespace", namespace + `""}}}`, "", "must select something"},
		"no wall":                     {"namespace", `{apiVersion: v1, kind: Namespace, metadata: {name: shop}}`, "", ""},

		"a policy inside":           {"trafficpolicy", trafficPolicy("shop", `{clusterNames: [fra]}`), "", ""},
		"a policy that is wider":    {"trafficpolicy", trafficPolicy("shop", `{clusterNames: [fra, iad]}`), "", "spec.residency.clusterAffinity: Forbidden: is wider than the namespace's wall (traffic.seaway.dev/residency: geo=eu): leave out iad"},
		"a policy without a wall":   {"trafficpolicy", trafficPolicy("blog", `{clusterNames: [fra, iad]}`), "", ""},
		"one that was wider before": {"trafficpolicy", trafficPolicy("shop", `{clusterNames: [fra, iad]}`), trafficPolicy("shop", `{clusterNames: [fra, iad]}`), ""},
		"one that becomes wider":    {"trafficpolicy", trafficPolicy("shop", `{clusterNames: [fra, iad]}`), trafficPolicy("shop", `{clusterNames: [fra]}`), "leave out iad"},

		"placed everywhere":           {"propagationpolicy", propagation("shop", `{}`), "", ""},
		"placed inside":               {"propagationpolicy", propagation("shop", `{clusterAffinity: {clusterNames: [dub, iad]}}`), "", ""},
		"placed outside only":         {"propagationpolicy", propagation("shop", `{clusterAffinity: {clusterNames: [iad]}}`), "", "spec.placement.clusterAffinity: Forbidden: picks only clusters outside"},
		"every group is outside":      {"propagationpolicy", propagation("shop", `{clusterAffinities: [{affinityName: a, clusterNames: [iad]}, {affinityName: b, labelSelector: {matchLabels: {geo: us}}}]}`), "", "spec.placement.clusterAffinities"},
		"one group is inside":         {"propagationpolicy", propagation("shop", `{clusterAffinities: [{affinityName: a, clusterNames: [iad]}, {affinityName: b, clusterNames: [fra]}]}`), "", ""},
		"a cluster that is to come":   {"propagationpolicy", propagation("shop", `{clusterAffinity: {clusterNames: [zrh]}}`), "", ""},
		"for all, a namespace named":  {"clusterpropagationpolicy", clusterPropagation("shop", `{clusterAffinity: {clusterNames: [iad]}}`), "", "outside of the wall of namespace shop (traffic.seaway.dev/residency: geo=eu): iad; pick one inside"},
		"for all, one inside":         {"clusterpropagationpolicy", clusterPropagation("shop", `{clusterAffinity: {clusterNames: [iad, fra]}}`), "", ""},
		"for all, no namespace named": {"clusterpropagationpolicy", clusterPropagation("", `{clusterAffinity: {clusterNames: [iad]}}`), "", ""},
		"for all, one without a wall": {"clusterpropagationpolicy", clusterPropagation("blog", `{clusterAffinity: {clusterNames: [iad]}}`), "", ""},
		"for all, as it was before":   {"clusterpropagationpolicy", clusterPropagation("shop", `{clusterAffinity: {clusterNames: [iad]}}`), clusterPropagation("shop", `{clusterAffinity: {clusterNames: [iad]}}`), ""},
		"for all, a namespace more":   {"clusterpropagationpolicy", clusterPropagation("shop", `{clusterAffinity: {clusterNames: [iad]}}`), clusterPropagation("", `{clusterAffinity: {clusterNames: [iad]}}`), "namespace shop"},
		"outside where there is none": {"propagationpolicy", propagation("blog", `{clusterAffinity: {clusterNames: [iad]}}`), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp := validator{ruleOf(t, tc.rule), decoder, walledHub()}.Handle(context.Background(), request(t, tc.object, tc.old))
			if tc.refused == "" {
				if !resp.Allowed {
					t.Errorf("refused: %s", resp.Result.Message)
				}
			} else if resp.Allowed || !strings.Contains(resp.Result.Message, tc.refused) {
				t.Errorf("allowed: %t, %+v; want %q", resp.Allowed, resp.Result, tc.refused)
			}
		})
	}
}

func TestAWallThatCanNotBeSeenRefusesNothing(t *testing.T) {
	broken := walledHub(interceptor.Funcs{List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
		return errors.New("the hub is away")
	}})
	resp := validator{ruleOf(t, "trafficpolicy"), decoder, broken}.Handle(context.Background(), request(t, trafficPolicy("shop", `{clusterNames: [iad]}`), ""))
	if !resp.Allowed || len(resp.Warnings) != 1 {
		t.Errorf("%+v", resp)
	}
}
