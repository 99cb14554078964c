//go:build linux

package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
)

// interpreting shows kinds that only users know: by scripts and by webhooks.
func interpreting(t *testing.T, h *hall) {
	h.tell(t, map[string]func(*story){
		"a kind of one's own, by scripts": (*story).scripted,
		"a kind that a webhook explains":  (*story).webhook,
		"scripts tried without a hub":     (*story).tried,
	})
}

// convoys are a kind whose replicas are ships, which are docked one by one.
const convoys = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: convoys.harbour.example}
spec:
  group: harbour.example
  scope: Namespaced
  names: {plural: convoys, singular: convoy, kind: Convoy, listKind: ConvoyList}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

const convoyScripts = `
apiVersion: config.karmada.io/v1alpha1
kind: ResourceInterpreterCustomization
metadata: {name: convoys}
spec:
  target: {apiVersion: harbour.example/v1, kind: Convoy}
  customizations:
    replicaResource:
      luaScript: |
        function GetReplicas(obj)
          return obj.spec.ships, { resourceRequest = { cpu = "1m" } }
        end
    replicaRevision:
      luaScript: |
        function ReviseReplica(obj, desired)
          obj.spec.ships = desired
          return obj
        end
    retention:
      luaScript: |
        function Retain(desired, observed)
          desired.spec.pilot = observed.spec.pilot
          return desired
        end
    statusReflection:
      luaScript: |
        function ReflectStatus(obj)
          return obj.status
        end
    statusAggregation:
      luaScript: |
        function AggregateStatus(obj, items)
          local docked = 0
          for _, item in ipairs(items) do
            if item.status ~= nil then docked = docked + (item.status.docked or 0) end
          end
          obj.status = { docked = docked }
          return obj
        end
    healthInterpretation:
      luaScript: |
        function InterpretHealth(obj)
          return obj.status ~= nil and obj.status.docked == obj.spec.ships
        end
`

func (s *story) scripted() {
	s.apply(convoyScripts)
	s.apply(clusterPolicyFor("convoys", placedIn("fra", "iad"), "apiextensions.k8s.io/v1/CustomResourceDefinition/convoys.harbour.example"))
	s.apply(convoys)
	s.serve(schema.GroupVersion{Group: "harbour.example", Version: "v1"}, "fra", "iad") // who is not known to is given no part
	s.apply(policyFor("supplies", divided("fra:2 iad:1"), "harbour.example/v1/Convoy/supplies"))
	supplies := s.object("harbour.example/v1", "Convoy", "supplies")
	s.eventually("the hub takes a convoy", func(ctx context.Context) error {
		return s.write(ctx, "hub", s.read("{apiVersion: harbour.example/v1, kind: Convoy, metadata: {name: supplies}, spec: {ships: 6}}")[0])
	})
	s.see("fra", supplies, fields{"spec ships": 4})
	s.see("iad", supplies, fields{"spec ships": 2})

	dock := func(cluster string, ships int64) {
		s.Helper()
		s.eventually("dock in "+cluster, func(ctx context.Context) error {
			convoy := supplies.DeepCopy()
			if err := s.clusters[cluster].Get(ctx, client.ObjectKeyFromObject(convoy), convoy); err != nil {
				return err
			}
			convoy.Object["status"] = map[string]any{"docked": ships}
			return s.clusters[cluster].Status().Update(ctx, convoy)
		})
	}
	dock("fra", 4)
	dock("iad", 1)
	s.see("hub", supplies, fields{"status docked": 5})
	s.see("hub", s.binding(supplies), fields{"status aggregatedStatus 0 health": "Healthy", "status aggregatedStatus 1 health": "Unhealthy"})
	dock("iad", 2)
	s.see("hub", supplies, fields{"status docked": 6})
	s.see("hub", s.binding(supplies), fields{"status aggregatedStatus 1 health": "Healthy"})

	s.set("fra", supplies, "spec pilot", "local") // which the scripts retain
	s.set("hub", supplies, "spec ships", int64(3))
	s.see("fra", supplies, fields{"spec ships": 2, "spec pilot": "local"})
	s.see("iad", supplies, fields{"spec ships": 1})

	// A script that changes counts for the next change of a template.
	s.apply(strings.Replace(convoyScripts, "return obj.spec.ships,", "return obj.spec.ships * 2,", 1))
	s.see("hub", s.object("config.karmada.io/v1alpha1", "ResourceInterpreterCustomization", "convoys"), fields{"metadata generation": 2})
	s.eventually("the new script divides twice as many", func(ctx context.Context) error {
		s.set("hub", supplies, "spec cargo", strconv.FormatInt(time.Now().UnixNano(), 36))
		got := supplies.DeepCopy()
		if err := s.clusters["fra"].Get(ctx, client.ObjectKeyFromObject(got), got); err != nil {
			return err
		}
		return fields{"spec ships": 4}.missing(got)
	})
}

// serve waits until the hub knows that clusters serve an API.
func (s *story) serve(api schema.GroupVersion, clusters ...string) {
	s.Helper()
	for _, name := range clusters {
		s.eventually(name+" serves "+api.String(), func(ctx context.Context) error {
			c := &clusterv1alpha1.Cluster{}
			if err := s.hub.Get(ctx, client.ObjectKey{Name: name}, c); err != nil {
				return err
			}
			if !slices.ContainsFunc(c.Status.APIEnablements, func(e clusterv1alpha1.APIEnablement) bool { return e.GroupVersion == api.String() }) {
				return errors.New("not that the hub knew")
			}
			return nil
		})
	}
}

// webhook has PodTemplates explained by a server of the test's own: the annotation "crew" is their number of
// replicas, and the settings they are named after go with them.
func (s *story) webhook() {
	hub := s.in.Fleet.Hub
	listener, err := hub.Listen(s.Context(), "tcp", hub.Addr().String()+":0")
	must(s.T, err)
	certificate, key, err := hub.Files.ServingFor("e2e-interpreter", hub.Addr().String())
	must(s.T, err)
	pair, err := tls.LoadX509KeyPair(certificate, key)
	must(s.T, err)
	server := &http.Server{Handler: http.HandlerFunc(crew), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_ = server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}))
	}()
	s.Cleanup(func() { _ = server.Close() })

	configuration := s.read(fmt.Sprintf(`
apiVersion: config.karmada.io/v1alpha1
kind: ResourceInterpreterWebhookConfiguration
metadata: {name: crew}
webhooks:
- name: crew.harbour.example
  clientConfig: {url: "https://%s/explain", caBundle: ""}
  interpreterContextVersions: [v1alpha1]
  timeoutSeconds: 3
  rules:
  - {apiGroups: [""], apiVersions: [v1], kinds: [PodTemplate], operations: [InterpretReplica, ReviseReplica, Retain, InterpretStatus, InterpretHealth, InterpretDependency]}
`, listener.Addr()))[0]
	webhooks, _, _ := unstructured.NestedSlice(configuration.Object, "webhooks")
	webhooks[0].(map[string]any)["clientConfig"].(map[string]any)["caBundle"] = hub.Files.CA.Pair().Certificate
	encoded, err := json.Marshal(webhooks)
	must(s.T, err)
	must(s.T, json.Unmarshal(encoded, &webhooks)) // bytes as JSON has them
	configuration.Object["webhooks"] = webhooks
	s.put("hub", configuration)

	s.apply(policyFor("watch", divided("fra:1 iad:1")+"\npropagateDeps: true", "v1/PodTemplate/watch"))
	s.apply(`
{apiVersion: v1, kind: ConfigMap, metadata: {name: watch-settings}, data: {bell: "8"}}
---
{apiVersion: v1, kind: PodTemplate, metadata: {name: watch, annotations: {crew: "6"}}, template: {metadata: {labels: {app: watch}}, spec: {containers: [{name: app, image: "registry.example/app:1"}]}}}
`)
	watch := s.object("v1", "PodTemplate", "watch")
	for _, c := range []string{"fra", "iad"} {
		s.see(c, watch, fields{"metadata annotations crew": "3"})
		s.see(c, s.configMap("watch-settings"), fields{"data bell": "8"})
		s.set(c, watch, "template metadata annotations", map[string]any{"on": "duty"}) // a foreign change is undone, or kept if the webhook says so
	}
	s.see("hub", s.binding(watch), fields{
		"spec replicas": 6, "status aggregatedStatus 0 health": "Unhealthy", "status aggregatedStatus 0 status crew": "3",
	})
	s.set("hub", watch, "metadata annotations crew", "2")
	s.see("hub", s.binding(watch), fields{"status aggregatedStatus 0 health": "Healthy", "status aggregatedStatus 1 health": "Healthy"})
	s.see("iad", watch, fields{"metadata annotations crew": "1", "template metadata annotations on": "duty"})
}

// crew is the webhook.
func crew(w http.ResponseWriter, r *http.Request) {
	var review configv1alpha1.ResourceInterpreterContext
	var obj unstructured.Unstructured
	if json.NewDecoder(r.Body).Decode(&review) != nil || json.Unmarshal(review.Request.Object.Raw, &obj.Object) != nil {
		http.Error(w, "not a question", http.StatusBadRequest)
		return
	}
	response := &configv1alpha1.ResourceInterpreterResponse{UID: review.Request.UID, Successful: true}
	hands, _ := strconv.Atoi(obj.GetAnnotations()["crew"])
	patch := func(path string, value any) {
		response.PatchType = ptr.To(configv1alpha1.PatchTypeJSONPatch)
		response.Patch, _ = json.Marshal([]map[string]any{{"op": "add", "path": path, "value": value}})
	}
	switch review.Request.Operation {
	case configv1alpha1.InterpreterOperationInterpretReplica:
		response.Replicas = ptr.To(int32(hands))
	case configv1alpha1.InterpreterOperationReviseReplica:
		patch("/metadata/annotations/crew", strconv.Itoa(int(*review.Request.DesiredReplicas)))
	case configv1alpha1.InterpreterOperationRetain:
		var observed unstructured.Unstructured
		if review.Request.ObservedObject != nil && json.Unmarshal(review.Request.ObservedObject.Raw, &observed.Object) == nil {
			if kept := at(observed.Object, []string{"template", "metadata", "annotations"}); kept != nil {
				patch("/template/metadata/annotations", kept)
			}
		}
	case configv1alpha1.InterpreterOperationInterpretStatus:
		raw, _ := json.Marshal(map[string]any{"crew": strconv.Itoa(hands)})
		response.RawStatus = &runtime.RawExtension{Raw: raw}
	case configv1alpha1.InterpreterOperationInterpretHealth:
		response.Healthy = ptr.To(hands < 3)
	case configv1alpha1.InterpreterOperationInterpretDependency:
		response.Dependencies = []configv1alpha1.DependentObjectReference{{APIVersion: "v1", Kind: "ConfigMap", Namespace: obj.GetNamespace(), Name: obj.GetName() + "-settings"}}
	default:
		response.Successful, response.Status = false, &configv1alpha1.RequestStatus{Message: "no answer to that", Code: http.StatusNotImplemented}
	}
	review.Request, review.Response = nil, response
	_ = json.NewEncoder(w).Encode(&review)
}

// tried shows the scripts at work on this machine, without a hub.
func (s *story) tried() {
	dir := s.TempDir()
	scripts, convoy := filepath.Join(dir, "scripts.yaml"), filepath.Join(dir, "convoy.yaml")
	must(s.T, os.WriteFile(scripts, []byte(convoyScripts), 0o600))
	must(s.T, os.WriteFile(convoy, []byte("{apiVersion: harbour.example/v1, kind: Convoy, metadata: {name: supplies}, spec: {ships: 6}, status: {docked: 6}}"), 0o600))
	out, err := s.in.Fleet.Hub.Exec(s.Context(), s.in.Options.Plugin, "interpret", "-f", scripts, "--desired-file", convoy, "--desired-replica", "4").CombinedOutput()
	if err != nil {
		s.Errorf("interpret: %v", err)
	}
	for _, text := range []string{"GetReplicas", "ships: 4", "health: Healthy"} {
		if !strings.Contains(string(out), text) {
			s.Errorf("no %q in\n%s", text, out)
		}
	}
}
