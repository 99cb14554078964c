//go:build linux

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
)

// bounding shows what administrators say about clusters and teams.
func bounding(t *testing.T, h *hall) {
	h.tell(t, map[string]func(*story){
		"a quota has its share in each cluster":     (*story).shares,
		"a quota over all clusters is never passed": (*story).overall,
		"conditions taint clusters":                 (*story).tainted,
		"remedies ask for actions":                  (*story).remedied,
	})
}

func (s *story) shares() {
	s.apply(`
apiVersion: policy.karmada.io/v1alpha1
kind: FederatedResourceQuota
metadata: {name: team}
spec:
  overall: {pods: "10"}
  staticAssignments: [{clusterName: fra, hard: {pods: "3"}}, {clusterName: iad, hard: {pods: "2"}}]
`)
	team, share := s.object("policy.karmada.io/v1alpha1", "FederatedResourceQuota", "team"), s.object("v1", "ResourceQuota", "team")
	s.see("fra", share, fields{"spec hard pods": 3})
	s.see("iad", share, fields{"spec hard pods": 2})
	if s.is("sin", share) {
		s.Error("sin has a share too")
	}
	s.apply(policyFor("web", placedIn("fra", "iad"), "apps/v1/Deployment/web"))
	s.apply(deploymentOf("web", 2, plain))
	s.see("hub", team, fields{
		"status aggregatedStatus 0 clusterName": "fra", "status aggregatedStatus 0 used pods": 2, "status aggregatedStatus 0 hard pods": 3,
		"status aggregatedStatus 1 clusterName": "iad", "status aggregatedStatus 1 used pods": 2,
	})
	s.set("hub", s.deployment("web"), "spec replicas", int64(4)) // fra takes 3 of 4, iad 2
	s.see("hub", s.deployment("web"), fields{"status readyReplicas": 5})
	s.set("fra", share, "spec hard pods", "100")
	s.see("fra", share, fields{"spec hard pods": 3})
	s.remove("hub", team)
	s.gone("fra", share)
	s.gone("iad", share)
	s.see("fra", s.deployment("web"), fields{"spec replicas": 4})
}

func (s *story) overall() {
	s.apply(`
apiVersion: policy.karmada.io/v1alpha1
kind: FederatedResourceQuota
metadata: {name: team}
spec: {overall: {cpu: 100m}}
`)
	team := s.object("policy.karmada.io/v1alpha1", "FederatedResourceQuota", "team")
	s.see("hub", team, fields{"status overall cpu": "100m"})
	s.apply(policyFor("web", divided("fra:1 iad:1"), "apps/v1/Deployment/web"))
	s.apply(deploymentOf("web", 6, plain))
	web := s.deployment("web")
	s.see("hub", web, fields{"status readyReplicas": 6})
	s.see("hub", team, fields{"status overallUsed cpu": "60m"})

	s.set("hub", web, "spec replicas", int64(12))
	s.says(s.binding(web), "Scheduled", "False", "QuotaExceeded", "team", "cpu")
	s.see("hub", s.binding(web), fields{"spec clusters 0 replicas": 3, "spec clusters 1 replicas": 3})
	s.see("fra", web, fields{"spec replicas": 3})
	s.set("hub", web, "spec replicas", int64(10))
	s.says(s.binding(web), "Scheduled", "True", "Success")
	s.see("hub", web, fields{"status readyReplicas": 10})
	s.see("hub", team, fields{"status overallUsed cpu": "100m"})
	s.set("hub", web, "spec replicas", int64(2))
	s.see("hub", team, fields{"status overallUsed cpu": "20m"})
}

func (s *story) tainted() {
	storm := corev1.Taint{Key: "harbour.example/storm", Effect: corev1.TaintEffectNoSchedule, Value: "strong"}
	has := func(ctx context.Context) (bool, error) {
		c := &clusterv1alpha1.Cluster{}
		err := s.hub.Get(ctx, client.ObjectKey{Name: "sin"}, c)
		return slices.ContainsFunc(c.Spec.Taints, func(t corev1.Taint) bool { return t.MatchTaint(&storm) && t.Value == storm.Value }), err
	}
	wait := func(want bool) {
		s.Helper()
		s.eventually(fmt.Sprintf("the taint is there: %v", want), func(ctx context.Context) error {
			if got, err := has(ctx); err != nil || got != want {
				return fmt.Errorf("it is: %v (%v)", got, err)
			}
			return nil
		})
	}
	policy := func(when string) string {
		return `
apiVersion: policy.karmada.io/v1alpha1
kind: ClusterTaintPolicy
metadata: {name: ROOM-storm}
spec:
  targetClusters: {clusterNames: [sin]}
  ` + when + `: [{conditionType: Ready, operator: In, statusValues: ["True"]}]
  taints: [{key: harbour.example/storm, effect: NoSchedule, value: strong}]`
	}
	s.apply(policy("addOnConditions"))
	wait(true)
	s.apply(policyFor("web", "placement: {clusterAffinity: {clusterNames: [iad, sin]}}", "v1/ConfigMap/web"))
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: web}}")
	s.see("iad", s.configMap("web"), nil)
	s.see("hub", s.binding(s.configMap("web")), fields{"spec clusters 0 name": "iad", "spec clusters 1": nil})
	s.apply(policy("removeOnConditions"))
	wait(false)
	s.see("sin", s.configMap("web"), nil)
}

func (s *story) remedied() {
	s.apply(`
apiVersion: remedy.karmada.io/v1alpha1
kind: Remedy
metadata: {name: ROOM-always}
spec: {clusterAffinity: {clusterNames: [fra]}, actions: [TrafficControl]}
---
apiVersion: remedy.karmada.io/v1alpha1
kind: Remedy
metadata: {name: ROOM-when}
spec:
  clusterAffinity: {clusterNames: [iad, sin]}
  decisionMatches: [{clusterConditionMatch: {conditionType: ServiceDomainNameResolutionReady, operator: Equal, conditionStatus: "False"}}]
  actions: [TrafficControl]
`)
	cluster := func(name string) *clusterv1alpha1.Cluster {
		return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	asked := func(name string, want string) {
		s.Helper()
		s.eventually("the actions of "+name, func(ctx context.Context) error {
			c := cluster(name)
			if err := s.hub.Get(ctx, client.ObjectKeyFromObject(c), c); err != nil {
				return err
			}
			if got := strings.Join(c.Status.RemedyActions, " "); got != want {
				return fmt.Errorf("%q, want %q", got, want)
			}
			return nil
		})
	}
	asked("fra", "TrafficControl")
	asked("iad", "")
	c := cluster("iad") // the detector of Karmada sets this
	s.eventually("names are not resolved in iad", func(ctx context.Context) error {
		if err := s.hub.Get(ctx, client.ObjectKeyFromObject(c), c); err != nil {
			return err
		}
		c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{
			Type: "ServiceDomainNameResolutionReady", Status: metav1.ConditionFalse, Reason: "Test", LastTransitionTime: metav1.Now(),
		})
		return s.hub.Status().Update(ctx, c)
	})
	asked("iad", "TrafficControl")
	asked("sin", "")
	s.remove("hub", s.object("remedy.karmada.io/v1alpha1", "Remedy", s.room+"-always"))
	s.remove("hub", s.object("remedy.karmada.io/v1alpha1", "Remedy", s.room+"-when"))
	asked("fra", "")
	asked("iad", "")
	s.eventually("the condition goes", func(ctx context.Context) error {
		if err := s.hub.Get(ctx, client.ObjectKeyFromObject(c), c); err != nil {
			return err
		}
		c.Status.Conditions = slices.DeleteFunc(c.Status.Conditions, func(c metav1.Condition) bool { return c.Type == "ServiceDomainNameResolutionReady" })
		return s.hub.Status().Update(ctx, c)
	})
}
