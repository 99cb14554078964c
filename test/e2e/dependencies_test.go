//go:build linux

package e2e

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// depending shows that what a workload needs is where it is, and is there first.
func depending(t *testing.T, h *hall) {
	h.tell(t, map[string]func(*story){
		"what a workload needs is there before it": (*story).before,
		"two workloads share, one goes":            (*story).shared,
	})
}

func (s *story) before() {
	order := map[string]*arrivals{}
	for _, c := range []string{"fra", "iad", "sin"} {
		s.see(c, s.object("v1", "Namespace", s.room), nil)
		order[c] = s.watch(c)
	}
	s.apply(policyFor("web", placedIn("fra", "iad")+"\npropagateDeps: true", "apps/v1/Deployment/web"))
	s.apply(`
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys}, stringData: {a: b}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: runner}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: disk}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
`)
	s.apply(deploymentOf("web", 1, `
serviceAccountName: runner
containers:
- {name: app, image: "registry.example/app:1", envFrom: [{configMapRef: {name: settings}}], env: [{name: A, valueFrom: {secretKeyRef: {name: keys, key: a}}}]}
volumes: [{name: disk, persistentVolumeClaim: {claimName: disk}}]`))
	for _, c := range []string{"fra", "iad"} {
		s.see(c, s.deployment("web"), nil)
		order[c].wantFirst(s)
	}
	// It moves, and so does what it needs: first.
	s.apply(policyFor("web", placedIn("sin")+"\npropagateDeps: true", "apps/v1/Deployment/web"))
	s.see("sin", s.deployment("web"), nil)
	order["sin"].wantFirst(s)
	for _, c := range []string{"fra", "iad"} {
		s.gone(c, s.deployment("web"))
		s.gone(c, s.configMap("settings"))
		s.gone(c, s.object("v1", "Secret", "keys"))
	}
}

func (s *story) shared() {
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: common}, data: {a: b}}")
	needs := `containers: [{name: app, image: "registry.example/app:1", envFrom: [{configMapRef: {name: common}}]}]`
	s.apply(policyFor("one", placedIn("fra")+"\npropagateDeps: true", "apps/v1/Deployment/one"))
	s.apply(policyFor("two", placedIn("iad")+"\npropagateDeps: true", "apps/v1/Deployment/two"))
	s.apply(deploymentOf("one", 1, needs))
	s.apply(deploymentOf("two", 1, needs))
	s.everywhere([]string{"fra", "iad"}, s.configMap("common"), fields{"data a": "b"})
	s.edit("hub", s.configMap("common"), setData("a", "c"))
	s.everywhere([]string{"fra", "iad"}, s.configMap("common"), fields{"data a": "c"})
	kept := s.see("iad", s.configMap("common"), nil).GetUID()
	s.remove("hub", s.deployment("one"))
	s.gone("fra", s.configMap("common"))
	s.see("iad", s.configMap("common"), fields{"data a": "c", "metadata uid": kept})
	s.set("hub", s.object("policy.karmada.io/v1alpha1", "PropagationPolicy", "two"), "spec propagateDeps", false)
	s.gone("iad", s.configMap("common"))
	s.see("iad", s.deployment("two"), nil)
}

// arrivals notes when objects of a namespace appeared in a cluster.
type arrivals struct {
	mu sync.Mutex
	// at are revisions of the store, which grow.
	at map[string]int
}

// watch begins to note.
func (s *story) watch(cluster string) *arrivals {
	s.Helper()
	out := &arrivals{at: map[string]int{}}
	for _, gvk := range []schema.GroupVersionKind{
		{Version: "v1", Kind: "ConfigMapList"}, {Version: "v1", Kind: "SecretList"}, {Version: "v1", Kind: "ServiceAccountList"},
		{Version: "v1", Kind: "PersistentVolumeClaimList"}, {Group: "apps", Version: "v1", Kind: "DeploymentList"},
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk)
		w, err := s.clusters[cluster].Watch(s.Context(), list, client.InNamespace(s.room))
		must(s.T, err)
		s.Cleanup(w.Stop)
		go func() {
			for event := range w.ResultChan() {
				out.note(event.Object)
			}
		}()
	}
	return out
}

func (a *arrivals) note(obj any) {
	o, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return
	}
	revision, err := strconv.Atoi(o.GetResourceVersion())
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if key := o.GetKind() + "/" + o.GetName(); a.at[key] == 0 {
		a.at[key] = revision
	}
}

// wantFirst wants all that the Deployment needs to have appeared before it.
func (a *arrivals) wantFirst(s *story) {
	s.Helper()
	s.eventually("what is needed came first", func(context.Context) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		came := a.at["Deployment/web"]
		if came == 0 {
			return fmt.Errorf("the watch has not shown it: %v", a.at)
		}
		for _, key := range []string{"ConfigMap/settings", "Secret/keys", "ServiceAccount/runner", "PersistentVolumeClaim/disk"} {
			if a.at[key] == 0 || a.at[key] > came {
				return fmt.Errorf("%s came at %d, the Deployment at %d", key, a.at[key], came)
			}
		}
		return nil
	})
}

func setData(key, value string) func(*unstructured.Unstructured) {
	return func(obj *unstructured.Unstructured) {
		data, _, _ := unstructured.NestedStringMap(obj.Object, "data")
		if data == nil {
			data = map[string]string{}
		}
		data[key] = value
		_ = unstructured.SetNestedStringMap(obj.Object, data, "data")
	}
}

func annotate(key, value string) func(*unstructured.Unstructured) {
	return func(obj *unstructured.Unstructured) {
		annotations := obj.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[key] = value
		obj.SetAnnotations(annotations)
	}
}
