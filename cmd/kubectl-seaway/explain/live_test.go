package explain

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
)

// On a real hub: what its discovery calls things, in the namespace of the kubeconfig.
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
	served := func(list client.ObjectList) {
		must(wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
			return home.Client.List(ctx, list) == nil, nil
		}))
	}
	served(&policyv1alpha1.PropagationPolicyList{})
	served(&trafficv1alpha1.DecisionList{})
	served(&clusterv1alpha1.ClusterList{})
	must(home.Client.Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "api"},
		Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](4), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "api"}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "api"}},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "api", Image: "api"}}}}},
	}))

	ask := func(q inquiry, args ...string) (string, error) {
		q.hub.Kubeconfig, q.hub.Timeout = home.Kubeconfig, 10*time.Second
		q.output, q.limit = output.Text, 20
		var out bytes.Buffer
		err := q.run(t.Context(), nil, &out, args)
		return out.String(), err
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	must(os.WriteFile(file, []byte(apiPolicy), 0o600))
	out, err := ask(inquiry{files: []string{file}})
	must(err)
	if !strings.Contains(out, "PropagationPolicy/default/api is valid") || !strings.Contains(out, "there are no clusters") {
		t.Errorf("%s", out)
	}
	for arg, want := range map[string]string{
		"deploy/api": "Deployment default/api is claimed by no policy, and none is about Deployments here",
		"no/api":     `there is no nodes "api"`,
		"widget/api": `the hub serves no kind "widget"`,
		"crd/x":      `there is no customresourcedefinitions.apiextensions.k8s.io "x"`,
		"Zone/x":     `there is no zones.traffic.seaway.dev "x"`,
	} {
		if _, err := ask(inquiry{}, arg); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", arg, err)
		}
	}
}
