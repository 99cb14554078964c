//go:build linux

package e2e

import (
	"strings"
	"testing"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

// reporting shows that templates say what is so in the members, and nothing else.
func reporting(t *testing.T, h *hall) {
	h.tell(t, map[string]func(*story){
		"of several kinds":                          (*story).reported,
		"observed when every member has caught up":  (*story).observed,
		"what does not run is not told to be ready": (*story).truthful,
		"bindings in both versions":                 (*story).versions,
	})
}

func (s *story) reported() {
	s.apply(policyFor("counted", divided("fra:1 iad:1"), "apps/v1/Deployment/web", "apps/v1/StatefulSet/db"))
	s.apply(policyFor("copied", placedIn("fra", "iad"), "apps/v1/DaemonSet/agent", "v1/Service/front", "policy/v1/PodDisruptionBudget/web"))
	s.apply(deploymentOf("web", 4, plain))
	s.apply(`
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: app, image: "registry.example/app:1"}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: app, image: "registry.example/app:1"}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: front}, spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}
`)
	s.see("hub", s.deployment("web"), fields{
		"status replicas": 4, "status readyReplicas": 4, "status availableReplicas": 4, "status updatedReplicas": 4, "status observedGeneration": same("metadata generation"), "status conditions": nil,
	})
	s.see("hub", s.object("apps/v1", "StatefulSet", "db"), fields{"status replicas": 2, "status readyReplicas": 2, "status availableReplicas": 2, "status observedGeneration": same("metadata generation")})
	s.see("hub", s.object("apps/v1", "DaemonSet", "agent"), fields{"status desiredNumberScheduled": 4, "status numberReady": 4, "status observedGeneration": same("metadata generation")})
	s.see("hub", s.object("policy/v1", "PodDisruptionBudget", "web"), fields{"status expectedPods": 4, "status currentHealthy": 4, "status disruptionsAllowed": 2})
	front := s.object("v1", "Service", "front")
	s.see("hub", front, fields{
		"status loadBalancer ingress 0 ip": at(s.see("fra", front, nil).Object, strings.Fields("status loadBalancer ingress 0 ip")),
		"status loadBalancer ingress 1 ip": at(s.see("iad", front, nil).Object, strings.Fields("status loadBalancer ingress 0 ip")),
		"status loadBalancer ingress 2":    nil,
	})
	for _, name := range []string{"web-deployment", "db-statefulset", "agent-daemonset", "front-service", "web-poddisruptionbudget"} {
		binding := s.binding(s.deployment("web"))
		binding.SetName(name)
		s.see("hub", binding, fields{
			"status aggregatedStatus 0 clusterName": "fra", "status aggregatedStatus 0 applied": true, "status aggregatedStatus 0 health": "Healthy",
			"status aggregatedStatus 1 clusterName": "iad", "status aggregatedStatus 1 applied": true, "status aggregatedStatus 1 health": "Healthy",
			"status aggregatedStatus 2": nil,
		})
		s.says(binding, "FullyApplied", "True", "FullyAppliedSuccess")
	}
}

func (s *story) observed() {
	policy := func(suspension string) string {
		return policyFor("web", placedIn("fra", "iad")+suspension, "apps/v1/Deployment/web")
	}
	s.apply(policy(""))
	s.apply(deploymentOf("web", 1, plain))
	web := s.deployment("web")
	generation := s.see("hub", web, fields{"status readyReplicas": 2, "status observedGeneration": same("metadata generation")}).GetGeneration()

	s.apply(policy("\nsuspension: {dispatchingOnClusters: {clusterNames: [iad]}}"))
	s.says(s.work("iad", web), "Dispatching", "False", "SuspendDispatching")
	s.set("hub", web, "spec minReadySeconds", int64(1))
	s.see("fra", web, fields{"spec minReadySeconds": 1})
	s.see("hub", s.binding(web), fields{"status aggregatedStatus 0 status resourceTemplateGeneration": generation + 1, "status aggregatedStatus 1 status resourceTemplateGeneration": generation})
	s.see("hub", web, fields{"metadata generation": generation + 1, "status observedGeneration": generation})
	s.apply(policy(""))
	s.see("hub", web, fields{"metadata generation": generation + 1, "status observedGeneration": generation + 1, "status readyReplicas": 2})
}

func (s *story) truthful() {
	s.apply(policyFor("web", placedIn("fra", "iad"), "apps/v1/Deployment/web"))
	s.apply(`
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: broken}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: web}]
  overrideRules: [{targetCluster: {clusterNames: [iad]}, overriders: {imageOverrider: [{component: Tag, operator: replace, value: broken}]}}]`)
	s.apply(deploymentOf("web", 2, plain))
	web := s.deployment("web")
	s.see("hub", web, fields{"status replicas": 4, "status readyReplicas": 2, "status availableReplicas": 2, "status unavailableReplicas": 2, "status observedGeneration": same("metadata generation")})
	s.see("hub", s.binding(web), fields{"status aggregatedStatus 0 health": "Healthy", "status aggregatedStatus 1 health": "Unhealthy", "status aggregatedStatus 1 applied": true})
}

func (s *story) versions() {
	s.apply(policyFor("web", divided("fra:1 iad:1"), "apps/v1/Deployment/web"))
	s.apply(deploymentOf("web", 2, plain))
	newer := s.binding(s.deployment("web"))
	older := newer.DeepCopy()
	older.SetGroupVersionKind(workv1alpha1.GroupVersion.WithKind("ResourceBinding"))
	s.see("hub", older, fields{
		"spec resource kind": "Deployment", "spec resource replicas": 2, "spec resource resourcePerReplicas cpu": "10m",
		"spec clusters 0 name": "fra", "spec clusters 1 replicas": 1, "spec replicas": nil, "spec placement": nil,
		"status aggregatedStatus 1 applied": true,
	})
	// A client of the older version changes what it knows.
	s.edit("hub", older, annotate("written-in", "v1alpha1"))
	s.see("hub", newer, fields{"metadata annotations written-in": "v1alpha1", "spec replicas": 2, "spec replicaRequirements resourceRequest cpu": "10m"})
	// What it does not know is not lost.
	s.see("hub", newer, fields{"spec placement clusterAffinity clusterNames": "[fra iad]", "spec schedulerName": "default-scheduler"})
	s.see("hub", s.deployment("web"), fields{"status readyReplicas": 2})
}
