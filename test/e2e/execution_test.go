//go:build linux

package e2e

import (
	"testing"
)

// executing shows that members have what they are to have, keep what is theirs, and lose what they are to lose.
func executing(t *testing.T, h *hall) {
	h.tell(t, map[string]func(*story){
		"drift is undone":                           (*story).drift,
		"what the member decides is kept":           (*story).retained,
		"an object that is not ours is left alone":  (*story).conflict,
		"dispatching stops where it is suspended":   (*story).suspendedHere,
		"objects outlive their templates on demand": (*story).preserved,
		"a cluster that leaves the placement":       (*story).orphaned,
		"kinds without a namespace":                 (*story).clusterScoped,
		"namespaces go everywhere, or stay":         (*story).namespaces,
		"the completions of a Job are divided":      (*story).job,
	})
}

var both = []string{"fra", "iad"}

func (s *story) drift() {
	s.apply(policyFor("web", placedIn("fra"), "apps/v1/Deployment/web", "v1/ConfigMap/web"))
	s.apply(deploymentOf("web", 2, plain))
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {a: b}}")
	s.see("fra", s.deployment("web"), fields{"status readyReplicas": 2})

	s.set("fra", s.deployment("web"), "spec replicas", int64(5))
	s.see("fra", s.deployment("web"), fields{"spec replicas": 2})
	s.edit("fra", s.configMap("web"), setData("a", "x"))
	s.see("fra", s.configMap("web"), fields{"data a": "b"})
	s.set("fra", s.configMap("web"), "metadata labels", map[string]any{"karmada.io/managed": "true", "theirs": "yes"})
	s.see("fra", s.configMap("web"), fields{"metadata labels theirs": "yes", "metadata labels work.karmada.io/permanent-id": at(s.see("hub", s.work("fra", s.configMap("web")), nil).Object, []string{"metadata", "labels", "work.karmada.io/permanent-id"})})

	before := s.see("fra", s.configMap("web"), nil).GetUID()
	s.remove("fra", s.configMap("web"))
	if after := s.see("fra", s.configMap("web"), fields{"data a": "b"}).GetUID(); after == before {
		s.Error("it was not deleted")
	}
}

func (s *story) retained() {
	s.apply(policyFor("all", placedIn("fra"), "apps/v1/Deployment/scaled", "v1/Service/front", "v1/Pod/lone", "v1/PersistentVolumeClaim/disk", "v1/ServiceAccount/runner"))
	s.see("fra", s.object("v1", "Namespace", s.room), nil)
	s.put("fra", s.read(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: ROOM-disk}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], persistentVolumeReclaimPolicy: Delete, storageClassName: none, hostPath: {path: /tmp/disk}, claimRef: {namespace: ROOM, name: disk}}`)[0])
	s.apply(deploymentOf("scaled", 1, plain))
	s.set("hub", s.deployment("scaled"), "metadata labels resourcetemplate.karmada.io/retain-replicas", "true")
	s.apply(`
{apiVersion: v1, kind: Service, metadata: {name: front}, spec: {selector: {app: scaled}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: lone}, spec: {containers: [{name: app, image: "registry.example/app:1"}]}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: disk}, spec: {storageClassName: none, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: runner}}
`)
	s.see("fra", s.deployment("scaled"), fields{"metadata labels resourcetemplate.karmada.io/retain-replicas": "true"})
	s.set("fra", s.deployment("scaled"), "spec replicas", int64(3)) // as an autoscaler does
	front := s.object("v1", "Service", "front")
	address := at(s.see("fra", front, nil).Object, []string{"spec", "clusterIP"})
	lone := s.see("fra", s.object("v1", "Pod", "lone"), fields{"status phase": "Running"})
	disk := s.object("v1", "PersistentVolumeClaim", "disk")
	s.see("fra", disk, fields{"status phase": "Bound", "spec volumeName": s.room + "-disk"})
	runner := s.object("v1", "ServiceAccount", "runner")
	s.set("fra", runner, "secrets", []any{map[string]any{"name": "local"}})

	// Every one is written anew.
	for _, template := range []string{"Service", "Pod", "PersistentVolumeClaim", "ServiceAccount"} {
		name := map[string]string{"Service": "front", "Pod": "lone", "PersistentVolumeClaim": "disk", "ServiceAccount": "runner"}[template]
		s.set("hub", s.object("v1", template, name), "metadata labels again", "yes")
	}
	s.set("hub", s.deployment("scaled"), "metadata labels again", "yes")
	s.see("fra", s.deployment("scaled"), fields{"metadata labels again": "yes", "spec replicas": 3})
	s.see("fra", front, fields{"metadata labels again": "yes", "spec clusterIP": address})
	s.see("fra", lone, fields{"metadata labels again": "yes", "metadata uid": lone.GetUID(), "spec nodeName": at(lone.Object, []string{"spec", "nodeName"})})
	s.see("fra", disk, fields{"metadata labels again": "yes", "spec volumeName": s.room + "-disk", "status phase": "Bound"})
	s.see("fra", runner, fields{"metadata labels again": "yes", "secrets 0 name": "local"})
	s.says(s.work("fra", disk), "Applied", "True", "AppliedSuccessful")
}

func (s *story) conflict() {
	s.see("fra", s.object("v1", "Namespace", s.room), nil)
	theirs := "{apiVersion: v1, kind: ConfigMap, metadata: {name: taken, labels: {owner: them}}, data: {a: theirs}}"
	s.put("fra", s.read(theirs)[0])
	s.apply(policyFor("taken", placedIn("fra", "iad"), "v1/ConfigMap/taken"))
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: taken}, data: {a: ours}}")
	taken := s.configMap("taken")
	s.says(s.work("fra", taken), "Applied", "False", "AppliedFailed", "not managed from here", "Overwrite")
	s.see("iad", taken, fields{"data a": "ours"})
	s.see("fra", taken, fields{"data a": "theirs", "metadata labels karmada.io/managed": nil})
	s.see("hub", s.binding(taken), fields{"status aggregatedStatus 0 applied": nil, "status aggregatedStatus 1 applied": true})

	s.apply(policyFor("taken", placedIn("fra", "iad")+"\nconflictResolution: Overwrite", "v1/ConfigMap/taken"))
	s.see("fra", taken, fields{"data a": "ours", "metadata labels karmada.io/managed": "true", "metadata labels owner": "them"})
	s.says(s.work("fra", taken), "Applied", "True", "AppliedSuccessful")
	s.says(s.binding(taken), "FullyApplied", "True", "FullyAppliedSuccess")
}

func (s *story) suspendedHere() {
	policy := func(suspension string) string {
		return policyFor("slow", placedIn("fra", "iad")+suspension, "v1/ConfigMap/slow")
	}
	s.apply(policy("\nsuspension: {dispatchingOnClusters: {clusterNames: [fra]}}"))
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: slow}, data: {a: one}}")
	slow := s.configMap("slow")
	s.see("iad", slow, fields{"data a": "one"})
	s.says(s.work("fra", slow), "Dispatching", "False", "SuspendDispatching")
	if s.is("fra", slow) {
		s.Error("fra has it")
	}
	s.apply(policy(""))
	s.see("fra", slow, fields{"data a": "one"})
	s.says(s.work("fra", slow), "Dispatching", "True", "Dispatching")

	s.apply(policy("\nsuspension: {dispatching: true}"))
	for _, c := range both {
		s.says(s.work(c, slow), "Dispatching", "False", "SuspendDispatching")
	}
	s.edit("hub", slow, setData("a", "two"))
	s.see("hub", s.work("iad", slow), fields{"spec workload manifests 0 data a": "two"})
	s.everywhere(both, slow, fields{"data a": "one"})
	s.apply(policy("\nsuspension: {dispatching: false}"))
	s.everywhere(both, slow, fields{"data a": "two"})
}

func (s *story) preserved() {
	s.apply(policyFor("kept", placedIn("fra", "iad")+"\npreserveResourcesOnDeletion: true", "v1/ConfigMap/kept"))
	s.apply(policyFor("lost", placedIn("fra"), "v1/ConfigMap/lost"))
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: kept}, data: {a: b}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: lost}}")
	kept, lost := s.configMap("kept"), s.configMap("lost")
	s.everywhere(both, kept, fields{"metadata labels karmada.io/managed": "true"})
	s.see("fra", lost, nil)
	s.see("hub", s.work("fra", kept), fields{"spec preserveResourcesOnDeletion": true})
	s.remove("hub", kept)
	s.remove("hub", lost)
	s.gone("fra", lost)
	for _, c := range both {
		s.gone("hub", s.work(c, kept))
		got := s.see(c, kept, fields{"data a": "b"})
		if len(got.GetLabels())+len(got.GetAnnotations()) > 0 {
			s.Errorf("%s still has the marks %v %v", c, got.GetLabels(), got.GetAnnotations())
		}
	}
}

func (s *story) orphaned() {
	s.apply(policyFor("moved", placedIn("fra", "iad"), "v1/ConfigMap/moved", "apps/v1/Deployment/moved"))
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: moved}}\n---\n" + deploymentOf("moved", 1, plain))
	moved := s.configMap("moved")
	s.everywhere(both, moved, nil)
	s.everywhere(both, s.deployment("moved"), nil)
	uid := s.see("iad", moved, nil).GetUID()
	s.apply(policyFor("moved", placedIn("iad", "sin"), "v1/ConfigMap/moved", "apps/v1/Deployment/moved"))
	s.see("sin", moved, nil)
	s.gone("fra", moved)
	s.gone("hub", s.work("fra", moved))
	s.see("iad", moved, fields{"metadata uid": uid})
	s.see("sin", s.deployment("moved"), nil)
	s.gone("fra", s.deployment("moved"))
}

func (s *story) clusterScoped() {
	role, class := s.object("rbac.authorization.k8s.io/v1", "ClusterRole", s.room+":reader"), s.object("scheduling.k8s.io/v1", "PriorityClass", s.room+"-urgent")
	s.apply(clusterPolicyFor(s.room, placedIn("fra", "iad"), "rbac.authorization.k8s.io/v1/ClusterRole/"+role.GetName(), "scheduling.k8s.io/v1/PriorityClass/"+class.GetName()))
	s.apply(`
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: "ROOM:reader"}, rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}
---
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: ROOM-urgent}, value: 7}
`)
	s.everywhere(both, role, fields{"rules 0 verbs": "[get]"})
	s.everywhere(both, class, fields{"value": 7})
	s.see("hub", s.binding(role), fields{"status aggregatedStatus 1 applied": true})
	s.set("iad", role, "metadata labels", map[string]any{"karmada.io/managed": "true"})
	s.edit("hub", role, annotate("again", "yes"))
	s.everywhere(both, role, fields{"metadata annotations again": "yes"})
	s.remove("hub", role)
	s.remove("hub", class)
	for _, c := range both {
		s.gone(c, role)
		s.gone(c, class)
	}
}

func (s *story) namespaces() {
	home, away := s.object("v1", "Namespace", s.room+"-home"), s.object("v1", "Namespace", s.room+"-away")
	s.apply(`
{apiVersion: v1, kind: Namespace, metadata: {name: ROOM-home, labels: {namespace.karmada.io/skip-auto-propagation: "true"}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: ROOM-away, labels: {team: a}}}
`)
	all := []string{"fra", "iad", "sin"}
	s.everywhere(all, away, fields{"metadata labels team": "a"})
	s.set("hub", away, "metadata labels team", "b")
	s.everywhere(all, away, fields{"metadata labels team": "b"})
	for _, c := range all {
		if s.is(c, home) {
			s.Errorf("%s has the namespace that is to stay", c)
		}
	}
	s.remove("hub", away)
	for _, c := range all {
		s.gone("hub", s.work(c, away)) // the rest is the member's, and is awaited with the story's own
	}
}

func (s *story) job() {
	s.apply(policyFor("batch", divided("fra:1 iad:2"), "batch/v1/Job/batch"))
	s.apply(`
apiVersion: batch/v1
kind: Job
metadata: {name: batch}
spec:
  parallelism: 3
  completions: 9
  template: {spec: {restartPolicy: Never, containers: [{name: app, image: "registry.example/app:1"}]}}
`)
	batch := s.object("batch/v1", "Job", "batch")
	s.see("fra", batch, fields{"spec parallelism": 1, "spec completions": 3, "status active": 1})
	s.see("iad", batch, fields{"spec parallelism": 2, "spec completions": 6, "status active": 2})
	s.see("hub", batch, fields{"status active": 3})
	s.set("hub", batch, "spec parallelism", int64(6))
	s.see("fra", batch, fields{"spec parallelism": 2})
	s.see("iad", batch, fields{"spec parallelism": 4})
}
