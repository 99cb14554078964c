package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/cluster"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/join"
	"github.com/seaway-io/seaway/controllers/member"
)

// TestLifecycle joins a real cluster to a real hub, watches it live, loses it, and lets
// it go; then one that is still there.
func TestLifecycle(t *testing.T) {
	home := hubtest.Start(t, hubtest.Options{Hub: true, Controllers: []string{"namespace-controller", "garbage-collector-controller"}})
	away := hubtest.Start(t, hubtest.Options{Controllers: []string{"serviceaccount-token-controller", "garbage-collector-controller", "namespace-controller"}})
	crds(t, home)
	run(t, home)
	node(t, away)

	joined(t, home, away)
	t.Run("an idle cluster is not written to", func(t *testing.T) { idle(t, home) })
	t.Run("what happens in the cluster is seen", func(t *testing.T) { seen(t, home, away) })
	t.Run("it leaves without a trace", func(t *testing.T) { leaves(t, home, away) })
	joined(t, home, away)
	t.Run("a lost cluster is told and tainted, and goes by force", func(t *testing.T) { lost(t, home, away) })
}

// run runs the controller until the test ends.
func run(t *testing.T, home *hubtest.ControlPlane) {
	t.Helper()
	ctrl.SetLogger(klog.Background())
	mgr, err := ctrl.NewManager(home.Config, ctrl.Options{
		Scheme:  scheme.New(),
		Metrics: server.Options{BindAddress: "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := hub.SetupIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		t.Fatal(err)
	}
	pool := member.NewPool(member.Options{})
	options := cluster.Options{
		Members:               pool,
		StatusUpdateFrequency: 250 * time.Millisecond,
		FailureThreshold:      time.Second,
		SuccessThreshold:      time.Second,
		SummaryFrequency:      250 * time.Millisecond,
	}
	if err := cluster.Setup(mgr, options); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("manager: %v", err)
		}
		pool.Close()
	})
}

func node(t *testing.T, away *hubtest.ControlPlane) {
	t.Helper()
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{
			corev1.LabelTopologyRegion: "eu-central-1", corev1.LabelTopologyZone: "eu-central-1a",
		}},
		Spec: corev1.NodeSpec{ProviderID: "kwok://n1"},
	}
	if err := away.Client.Create(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	n.Status.Allocatable = corev1.ResourceList{"cpu": resource.MustParse("8"), "memory": resource.MustParse("32Gi"), "pods": resource.MustParse("110")}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	if err := away.Client.Status().Update(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

func memberOf(t *testing.T, away *hubtest.ControlPlane) join.Member {
	t.Helper()
	m, err := join.LoadMember(away.Kubeconfig, "")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func get(ctx context.Context, home *hubtest.ControlPlane) (*clusterv1alpha1.Cluster, error) {
	c := &clusterv1alpha1.Cluster{}
	return c, home.Client.Get(ctx, client.ObjectKey{Name: "fra"}, c)
}

func joined(t *testing.T, home, away *hubtest.ControlPlane) {
	t.Helper()
	began := time.Now()
	report, err := join.Join(t.Context(), join.Options{Name: "fra", Member: memberOf(t, away), Hub: home.Client})
	if err != nil {
		t.Fatal(err)
	}
	spec := report.Cluster.Spec
	if spec.Region != "eu-central-1" || spec.Provider != "kwok" || len(spec.Zones) != 1 || spec.ID == "" {
		t.Errorf("inferred %+v", spec)
	}
	home.Eventually("the cluster is ready and known", func(ctx context.Context) error {
		c, err := get(ctx, home)
		switch {
		case err != nil:
			return err
		case !meta.IsStatusConditionTrue(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady),
			!meta.IsStatusConditionTrue(c.Status.Conditions, clusterv1alpha1.ClusterConditionCompleteAPIEnablements):
			return fmt.Errorf("conditions %+v", c.Status.Conditions)
		case len(c.Spec.Taints) > 0:
			return fmt.Errorf("taints %+v", c.Spec.Taints)
		case c.Status.KubernetesVersion == "" || len(c.Status.APIEnablements) < 10:
			return fmt.Errorf("version %q, %d APIs", c.Status.KubernetesVersion, len(c.Status.APIEnablements))
		case c.Status.NodeSummary == nil || c.Status.NodeSummary.ReadyNum != 1 || c.Status.ResourceSummary.Allocatable.Cpu().Value() != 8:
			return fmt.Errorf("nodes %+v, resources %+v", c.Status.NodeSummary, c.Status.ResourceSummary)
		}
		return nil
	})
	t.Logf("ready and known %s after the join began", time.Since(began).Round(10*time.Millisecond))
	namespace := &corev1.Namespace{}
	if err := home.Client.Get(t.Context(), client.ObjectKey{Name: "karmada-es-fra"}, namespace); err != nil || namespace.Labels[names.SystemLabel] != "true" {
		t.Errorf("execution namespace %+v: %v", namespace, err)
	}
	var events corev1.EventList
	home.Eventually("the event is there", func(ctx context.Context) error {
		if err := home.Client.List(ctx, &events, client.InNamespace("default"), client.MatchingFields{"involvedObject.name": "fra"}); err != nil {
			return err
		}
		for _, e := range events.Items {
			if e.Reason == names.EventReasonCreateExecutionSpaceSucceed {
				return nil
			}
		}
		return fmt.Errorf("%d events, none of them CreateExecutionSpaceSucceed", len(events.Items))
	})

	again, err := join.Join(t.Context(), join.Options{Name: "fra", Member: memberOf(t, away), Hub: home.Client})
	if err != nil {
		t.Fatalf("joining again: %v", err)
	}
	if again.Cluster.UID != report.Cluster.UID {
		t.Error("joining again made another Cluster")
	}
	_, err = join.Join(t.Context(), join.Options{Name: "twice", Member: memberOf(t, away), Hub: home.Client})
	if err == nil {
		t.Error("one cluster was joined by two names")
	}
}

// idle counts the writes to the Cluster during some rounds of probes, when all is known that there is to know: the
// first rounds after a join may still tell something new.
func idle(t *testing.T, home *hubtest.ControlPlane) {
	settled, since := "", time.Now()
	home.Eventually("the Cluster is not written any more", func(ctx context.Context) error {
		c, err := get(ctx, home)
		if err != nil {
			return err
		}
		if c.ResourceVersion != settled {
			settled, since = c.ResourceVersion, time.Now()
		}
		if time.Since(since) < time.Second { // four rounds
			return errors.New("it still changes")
		}
		return nil
	})
	w, err := watchClusters(t, home, settled)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	select {
	case e := <-w.ResultChan():
		t.Errorf("%s of the idle cluster: %+v", e.Type, e.Object)
	case <-time.After(2 * time.Second): // eight rounds
	}
}

func seen(t *testing.T, home, away *hubtest.ControlPlane) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "default"},
		Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{
			Name: "web", Image: "web",
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("500m")}},
		}}},
	}
	if err := away.Client.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	if err := away.Client.Create(t.Context(), widget()); err != nil {
		t.Fatal(err)
	}
	home.Eventually("the pod and the new API are counted", func(ctx context.Context) error {
		c, err := get(ctx, home)
		if err != nil {
			return err
		}
		if cpu := c.Status.ResourceSummary.Allocated.Cpu().String(); cpu != "500m" {
			return fmt.Errorf("allocated cpu %s", cpu)
		}
		for _, e := range c.Status.APIEnablements {
			if e.GroupVersion == "example.com/v1" {
				return nil
			}
		}
		return errors.New("example.com/v1 is not listed")
	})
	foreign := metav1.Condition{Type: "ServiceDomainNameResolutionReady", Status: metav1.ConditionFalse, Reason: "Test", LastTransitionTime: metav1.Now()}
	home.Eventually("the condition of another writer is written", func(ctx context.Context) error {
		c, err := get(ctx, home)
		if err != nil {
			return err
		}
		meta.SetStatusCondition(&c.Status.Conditions, foreign)
		return home.Client.Status().Update(ctx, c)
	})
	if err := away.Client.Delete(t.Context(), pod, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	home.Eventually("the pod is gone and the condition is not", func(ctx context.Context) error {
		c, err := get(ctx, home)
		if err != nil {
			return err
		}
		if !c.Status.ResourceSummary.Allocated.Cpu().IsZero() {
			return errors.New("the pod still counts")
		}
		if meta.FindStatusCondition(c.Status.Conditions, foreign.Type) == nil {
			t.Fatal("the condition of another writer is lost")
		}
		return nil
	})
}

func leaves(t *testing.T, home, away *hubtest.ControlPlane) {
	report, err := join.Unjoin(t.Context(), join.UnjoinOptions{Name: "fra", Hub: home.Client})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Notes) > 0 {
		t.Errorf("notes %v", report.Notes)
	}
	gone(t, home, "in the hub", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "karmada-es-fra"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: "fra"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: "fra-impersonator"}})
	gone(t, away, "in the cluster",
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "karmada-controller-manager:karmada-fra"}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "karmada-controller-manager:karmada-fra"}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: "karmada-fra"}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: "karmada-impersonator"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: "karmada-fra"}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "karmada-cluster"}})
}

// lost stops the member, with a hand-made taint on the Cluster.
func lost(t *testing.T, home, away *hubtest.ControlPlane) {
	byHand := corev1.Taint{Key: "fail-test", Effect: corev1.TaintEffectNoExecute}
	home.Eventually("the hand-made taint is written", func(ctx context.Context) error {
		c, err := get(ctx, home)
		if err != nil {
			return err
		}
		c.Spec.Taints = append(c.Spec.Taints, byHand)
		return home.Client.Update(ctx, c)
	})
	work(t, home)
	stopped := time.Now()
	away.Stop()
	home.Eventually("the loss is told and tainted", func(ctx context.Context) error {
		c, err := get(ctx, home)
		if err != nil {
			return err
		}
		ready := meta.FindStatusCondition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
		if ready.Status != metav1.ConditionFalse || ready.Reason != clusterv1alpha1.ReasonClusterNotReachable {
			return fmt.Errorf("Ready is %+v", ready)
		}
		if len(c.Spec.Taints) != 2 || c.Spec.Taints[0].Key != byHand.Key || c.Spec.Taints[1].Key != names.TaintClusterNotReady {
			return fmt.Errorf("taints %+v", c.Spec.Taints)
		}
		if c.Status.KubernetesVersion == "" || c.Status.NodeSummary == nil {
			t.Fatal("the facts of a cluster that is away were wiped")
		}
		return nil
	})
	t.Logf("told and tainted %s after the loss", time.Since(stopped).Round(10*time.Millisecond))
	if _, err := join.Unjoin(t.Context(), join.UnjoinOptions{Name: "fra", Hub: home.Client, Wait: 2 * time.Second, Force: true}); err != nil {
		t.Fatal(err)
	}
	gone(t, home, "in the hub", &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "fra"}},
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "karmada-es-fra"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: "fra"}})
}

func gone(t *testing.T, where *hubtest.ControlPlane, place string, objects ...client.Object) {
	t.Helper()
	for _, obj := range objects {
		where.Eventually(join.Describe(obj)+" is gone "+place, func(ctx context.Context) error {
			err := where.Client.Get(ctx, client.ObjectKeyFromObject(obj), obj)
			if client.IgnoreNotFound(err) == nil && err != nil {
				return nil
			}
			return fmt.Errorf("it is there, or not to be read: %w", err)
		})
	}
}
