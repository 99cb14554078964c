//go:build linux

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// evicting shows what makes workloads leave a cluster, besides its loss.
func evicting(t *testing.T, h *hall) {
	h.tell(t, map[string]func(*story){
		"a NoExecute taint drives out what does not tolerate it": (*story).drivenOut,
		"tolerationSeconds delay that":                           (*story).delayed,
		"what fits nowhere else stays":                           (*story).cornered,
		"an application that fails moves with its state":         (*story).fails,
		"an application that fails leaves its copy for a person": (*story).leftForAPerson,
	})
}

// taint puts a NoExecute taint on a cluster until the story ends, and returns how to take it away earlier.
func (s *story) taint(cluster, key string) (away func()) {
	s.Helper()
	edit := func(ctx context.Context, how func(*clusterv1alpha1.Cluster)) error {
		c := &clusterv1alpha1.Cluster{}
		if err := s.hub.Get(ctx, client.ObjectKey{Name: cluster}, c); err != nil {
			return err
		}
		how(c)
		return s.hub.Update(ctx, c)
	}
	s.eventually("taint "+cluster, func(ctx context.Context) error {
		return edit(ctx, func(c *clusterv1alpha1.Cluster) {
			c.Spec.Taints = append(c.Spec.Taints, corev1.Taint{Key: key, Effect: corev1.TaintEffectNoExecute})
		})
	})
	away = func() {
		eventually(s.T, "take the taint off "+cluster, func(context.Context) error {
			return edit(context.Background(), func(c *clusterv1alpha1.Cluster) {
				c.Spec.Taints = slices.DeleteFunc(c.Spec.Taints, func(t corev1.Taint) bool { return t.Key == key })
			})
		})
	}
	s.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		for edit(ctx, func(c *clusterv1alpha1.Cluster) {
			c.Spec.Taints = slices.DeleteFunc(c.Spec.Taints, func(t corev1.Taint) bool { return t.Key == key })
		}) != nil && ctx.Err() == nil {
		}
	})
	return away
}

func (s *story) drivenOut() {
	web, tough := s.deployment("web"), s.deployment("tough")
	s.apply(policyFor("web", divided("fra:1 iad:1"), "apps/v1/Deployment/web"))
	s.apply(policyFor("tough", divided("fra:1 iad:1")+"\n  clusterTolerations: [{key: harbour.example/storm, operator: Exists}]", "apps/v1/Deployment/tough"))
	s.apply(deploymentOf("web", 4, plain) + deploymentOf("tough", 4, plain))
	for _, app := range []*unstructured.Unstructured{web, tough} {
		s.see("hub", app, fields{"status readyReplicas": 4})
	}
	away := s.taint("fra", "harbour.example/storm")
	s.see("iad", web, fields{"spec replicas": 4, "status readyReplicas": 4})
	s.gone("fra", web)
	s.see("hub", s.binding(web), fields{"spec clusters 0 name": "iad", "spec clusters 0 replicas": 4, "spec clusters 1": nil, "spec gracefulEvictionTasks": nil})
	wantEvent(s.T, s.in, s.room, "web", "harbour.example/storm:NoExecute", "fra")
	s.see("fra", tough, fields{"spec replicas": 2})
	away()
	s.set("hub", web, "spec replicas", int64(6)) // it may use fra again, and nothing went there by itself
	s.see("hub", web, fields{"status readyReplicas": 6})
}

func (s *story) delayed() {
	const seconds = 5
	web := s.deployment("web")
	s.apply(policyFor("web", divided("fra:1 iad:1")+fmt.Sprintf(
		"\n  clusterTolerations: [{key: harbour.example/flood, operator: Exists, effect: NoExecute, tolerationSeconds: %d}]", seconds), "apps/v1/Deployment/web"))
	s.apply(deploymentOf("web", 2, plain))
	s.see("hub", web, fields{"status readyReplicas": 2})
	began := time.Now()
	s.taint("fra", "harbour.example/flood")
	s.see("hub", s.binding(web), fields{"spec clusters 0 name": "iad", "spec clusters 1": nil})
	if took := time.Since(began); took < (seconds-1)*time.Second { // the API server's times are whole seconds
		s.Errorf("it left after %s", took)
	}
	s.gone("fra", web)
}

func (s *story) cornered() {
	web := s.deployment("web")
	s.apply(policyFor("web", placedIn("fra"), "apps/v1/Deployment/web"))
	s.apply(deploymentOf("web", 2, plain))
	s.see("hub", web, fields{"status readyReplicas": 2})
	away := s.taint("fra", "harbour.example/fire")
	s.says(s.binding(web), "EvictionHeld", "True", "NoClusterFits", "harbour.example/fire")
	s.see("hub", s.binding(web), fields{"spec clusters 0 name": "fra"})
	away()
	s.eventually("the condition goes", func(ctx context.Context) error {
		got := s.binding(web)
		if err := s.hub.Get(ctx, client.ObjectKeyFromObject(got), got); err != nil {
			return err
		}
		conditions, _, _ := unstructured.NestedSlice(got.Object, "status", "conditions")
		for _, c := range conditions {
			if c := c.(map[string]any); c["type"] == "EvictionHeld" {
				return fmt.Errorf("%v", c)
			}
		}
		return nil
	})
	s.see("fra", web, fields{"status readyReplicas": 2})
}

// failing is an application that can not run in fra, its home, and what its policy says about that.
func (s *story) failing(failover string) *unstructured.Unstructured {
	s.apply(policyFor("web", `
placement:
  clusterAffinities: [{affinityName: home, clusterNames: [fra]}, {affinityName: abroad, clusterNames: [iad]}]
  replicaScheduling: {replicaSchedulingType: Divided, replicaDivisionPreference: Aggregated}
propagateDeps: true
failover: {application: {decisionConditions: {tolerationSeconds: 3}, `+failover+`}}`, "apps/v1/Deployment/web"))
	s.apply(`
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: broken}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  overrideRules: [{targetCluster: {clusterNames: [fra]}, overriders: {imageOverrider: [{component: Tag, operator: replace, value: broken}]}}]`)
	s.apply(deploymentOf("web", 2, plain))
	return s.deployment("web")
}

func (s *story) fails() {
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("apps/v1")
	list.SetKind("DeploymentList")
	arriving, err := s.clusters["iad"].Watch(s.Context(), list, client.InNamespace(s.room))
	must(s.T, err)
	s.Cleanup(arriving.Stop)
	web := s.failing(`purgeMode: Directly, statePreservation: {rules: [{aliasLabelName: harbour.example/ran, jsonPath: "{.replicas}"}]}`)
	s.see("fra", web, fields{"metadata labels harbour.example/ran": nil})

	patience := time.NewTimer(30 * time.Second)
	defer patience.Stop()
	select {
	case event := <-arriving.ResultChan():
		came, _ := event.Object.(*unstructured.Unstructured)
		if came == nil || came.GetLabels()["harbour.example/ran"] != "2" {
			s.Errorf("came without its state: %v", event)
		}
	case <-patience.C:
		s.Fatal("it did not come")
	}
	s.see("iad", web, fields{"status readyReplicas": 2})
	s.gone("fra", web)
	s.see("hub", s.binding(web), fields{
		"spec clusters 0 name": "iad", "spec gracefulEvictionTasks": nil, "status schedulerObservingAffinityName": "abroad",
	})
	wantEvent(s.T, s.in, s.room, "web", "unhealthy in fra")
}

func (s *story) leftForAPerson() {
	web := s.failing("purgeMode: Never")
	s.see("iad", web, fields{"status readyReplicas": 2})
	task := "spec gracefulEvictionTasks 0 "
	s.see("hub", s.binding(web), fields{
		"spec clusters 0 name": "iad", task + "fromCluster": "fra", task + "reason": "ApplicationFailure", task + "purgeMode": "Never", task + "suppressDeletion": true,
		task + "producer": "resource-binding-application-failover-controller",
	})
	s.see("fra", web, fields{"spec replicas": 2})
	s.edit("hub", s.binding(web), func(b *unstructured.Unstructured) {
		tasks, _, _ := unstructured.NestedSlice(b.Object, "spec", "gracefulEvictionTasks")
		tasks[0].(map[string]any)["suppressDeletion"] = false
		must(s.T, unstructured.SetNestedSlice(b.Object, tasks, "spec", "gracefulEvictionTasks"))
	})
	s.gone("fra", web)
	s.see("hub", s.binding(web), fields{"spec gracefulEvictionTasks": nil})
}
