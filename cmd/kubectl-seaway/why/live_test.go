package why_test

import (
	"bytes"
	"context"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/explain"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/timeline"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/why"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/core/decision"
)

// On a real hub without any controller: what a person asks first, and what nobody has judged yet.
func TestLive(t *testing.T) {
	home := hubtest.Start(t, hubtest.Options{Hub: true})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(fs.WalkDir(charts.CRDs(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(charts.CRDs(), path)
		if err != nil {
			return err
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			return err
		}
		return home.Client.Create(t.Context(), crd)
	}))
	for _, list := range []client.ObjectList{
		&trafficv1alpha1.TrafficPolicyList{}, &trafficv1alpha1.TrafficPlanList{}, &trafficv1alpha1.ZoneList{}, &trafficv1alpha1.RegionMapList{},
		&trafficv1alpha1.EndpointHealthList{}, &trafficv1alpha1.DecisionList{}, &workv1alpha2.ResourceBindingList{},
		&workv1alpha2.ClusterResourceBindingList{}, &workv1alpha1.WorkList{}, &clusterv1alpha1.ClusterList{},
	} {
		must(wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
			return home.Client.List(ctx, list) == nil, nil
		}))
	}
	labels := map[string]string{"app": "web"}
	must(home.Client.Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](2), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}}}},
	}))
	policy := &trafficv1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "shop"}, Spec: trafficv1alpha1.TrafficPolicySpec{
		Hostnames: []string{"shop.apps.example.com"}, TargetRefs: []trafficv1alpha1.TargetRef{{Name: "web"}},
	}}
	must(home.Client.Create(t.Context(), policy, client.FieldOwner("alice")))

	ask := func(command *cobra.Command, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		command.SetOut(&out)
		command.SetErr(&out)
		command.SetArgs(append(args, "--kubeconfig", home.Kubeconfig))
		if err := command.ExecuteContext(t.Context()); err != nil {
			return err.Error()
		}
		return out.String()
	}
	expect := func(got string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("no %q in:\n%s", w, got)
			}
		}
	}
	expect(ask(why.Command(), "shop"), "no controller has judged it yet", "The first broken link is the target of Service web: it is not on the hub.", "Next: kubectl get services -n default")

	must(home.Client.Create(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}, Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeLoadBalancer, Selector: labels, Ports: []corev1.ServicePort{{Port: 80}},
	}}))
	binding := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web-deployment", Labels: map[string]string{"resourcebinding.karmada.io/permanent-id": "b1"}},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web"}, Replicas: 2,
			Clusters: []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 2}},
		},
	}
	must(home.Client.Create(t.Context(), binding))
	meta.SetStatusCondition(&binding.Status.Conditions, metav1.Condition{Type: workv1alpha2.Scheduled, Status: metav1.ConditionTrue, Reason: "Success", Message: "Placed in 1 cluster."})
	must(home.Client.Status().Update(t.Context(), binding))
	must(home.Client.Create(t.Context(), decision.Object(trafficv1alpha1.DecisionSpec{
		Time: metav1.NowMicro(), Controller: "traffic", Cause: trafficv1alpha1.CauseFailover, Outcome: trafficv1alpha1.DecisionSteered,
		Subject: trafficv1alpha1.DecisionSubject{APIVersion: trafficv1alpha1.GroupVersion.String(), Kind: "TrafficPolicy", Namespace: "default", Name: "shop"},
		Changes: []trafficv1alpha1.DecisionChange{{Cluster: "fra", FromState: "Serving", ToState: "Down", FromShare: 100, Message: "requests do not get through"}},
		Inputs:  []trafficv1alpha1.DecisionInput{{Cluster: "fra", Signal: trafficv1alpha1.SignalDataPath, By: "ns1", Value: "Unhealthy", Since: ptr.To(metav1.NowMicro())}},
	})))
	expect(ask(why.Command(), "deployments.apps/web"), "no PropagationPolicy claims it: it stays on the hub", "there is no Work in karmada-es-fra", "Next: kubectl seaway explain placement service/web -n default")
	for _, args := range [][]string{{"shop"}, {"deploy/web"}, {"-A"}, {"--cluster", "fra"}} {
		expect(ask(timeline.Command(), args...), "TrafficPolicy default/shop", "Steered (Failover): fra Serving→Down 100→0 %", "requests do not get through (seen down by ns1)")
	}
	expect(ask(timeline.Command(), "shop"), "Deployment default/web", "Scheduled=True", "edited", "alice")
	expect(ask(explain.Command(), "failover", "shop"), "Deployment web: moveWorkloadsAfter 15s", "fra: would not move")
	expect(ask(explain.Command(), "failover", "tp/none"), `there is no TrafficPolicy "none" in namespace default`)
}
