//go:build linux

package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// restarting shows that a controller that starts anew writes nothing when nothing has changed.
func restarting(t *testing.T, h *hall) {
	h.clear(t)
	h.tell(t, map[string]func(*story){"nothing is written": (*story).silent})
}

func (s *story) silent() {
	s.apply(policyFor("web", divided("fra:1 iad:2")+"\npropagateDeps: true", "apps/v1/Deployment/web", "batch/v1/Job/batch"))
	s.apply(policyFor("copied", placedIn("fra", "iad", "sin"), "v1/Service/front", "v1/Pod/lone", "apps/v1/StatefulSet/db"))
	s.apply(`
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}
---
{apiVersion: v1, kind: Service, metadata: {name: front}, spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: lone}, spec: {containers: [{name: app, image: "registry.example/app:1"}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: batch}
spec:
  parallelism: 2
  completions: 2
  template: {spec: {restartPolicy: Never, containers: [{name: app, image: "registry.example/app:1"}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 1
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: app, image: "registry.example/app:1"}]}}
---
apiVersion: policy.karmada.io/v1alpha1
kind: OverridePolicy
metadata: {name: images}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]
  overrideRules: [{targetCluster: {clusterNames: [fra]}, overriders: {imageOverrider: [{component: Tag, operator: replace, value: "2"}]}}]
---
apiVersion: policy.karmada.io/v1alpha1
kind: FederatedResourceQuota
metadata: {name: team}
spec: {overall: {cpu: "1", pods: "100"}, staticAssignments: [{clusterName: fra, hard: {pods: "20"}}]}
---
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: nowhere}
spec:
  resourceSelectors: [{apiVersion: v1, kind: ConfigMap, name: nowhere}]
  placement: {clusterAffinity: {clusterNames: [atlantis]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: nowhere}}
`)
	s.apply(deploymentOf("web", 3, `
containers: [{name: app, image: "registry.example/app:1", resources: {requests: {cpu: 10m}}, envFrom: [{configMapRef: {name: settings}}]}]`))
	s.see("hub", s.deployment("web"), fields{"status readyReplicas": 3, "status observedGeneration": same("metadata generation")})
	s.see("hub", s.object("apps/v1", "StatefulSet", "db"), fields{"status readyReplicas": 3})
	s.see("hub", s.object("batch/v1", "Job", "batch"), fields{"status succeeded": 2, "status conditions 0 status": "True"})
	s.see("iad", s.configMap("settings"), nil)
	s.see("hub", s.object("policy.karmada.io/v1alpha1", "FederatedResourceQuota", "team"), fields{"status overallUsed cpu": "30m", "status aggregatedStatus 0 used pods": 3})
	s.says(s.binding(s.configMap("nowhere")), "Scheduled", "False", "NoClusterFit")
	s.quiet()

	before := s.writes()
	must(s.T, s.in.Fleet.Hub.Process(install.Controller).Restart())
	s.quiet()
	after := s.writes()
	var what []string
	for _, key := range slices.Sorted(maps.Keys(after)) {
		resource, _, _ := strings.Cut(strings.Fields(key)[2], "/")
		if n := after[key] - before[key]; n > 0 && !beats[resource] {
			what = append(what, fmt.Sprintf("%s: %.0f", key, n))
		}
	}
	if len(what) > 0 {
		s.Errorf("the restart wrote\n%s", strings.Join(what, "\n"))
	}
}

// beats are what is written all the time, questions in the shape of writes, and the announcements of
// admission, which the API server is asked to keep as they are.
var beats = map[string]bool{
	"leases": true, "endpointhealths": true,
	"tokenreviews": true, "subjectaccessreviews": true, "selfsubjectaccessreviews": true, "selfsubjectreviews": true,
	"validatingwebhookconfigurations": true, "mutatingwebhookconfigurations": true,
	"validatingadmissionpolicies": true, "validatingadmissionpolicybindings": true, "customresourcedefinitions": true,
}

func (s *story) writes() map[string]float64 {
	s.Helper()
	out := map[string]float64{}
	for _, c := range s.in.Fleet.Clusters() {
		counted, err := c.Writes(s.Context())
		must(s.T, err)
		for what, n := range counted {
			out[c.Name+" "+what] = n
		}
	}
	return out
}

// quiet waits until the controllers have had nothing to do for a while.
func (s *story) quiet() {
	s.Helper()
	hub := s.in.Fleet.Hub
	transport := hub.Transport()
	defer transport.CloseIdleConnections()
	scraper := &http.Client{Transport: transport, Timeout: time.Second}
	var done float64
	var since time.Time
	s.eventually("the controllers rest", func(ctx context.Context) error {
		families, err := fleet.Scrape(ctx, scraper, "http://"+hub.Addr().String()+":8080/metrics")
		if err != nil {
			return err
		}
		var now, waiting float64
		for _, m := range families["controller_runtime_reconcile_total"].GetMetric() {
			if !periodic[fleet.Labels(m)["controller"]] {
				now += m.GetCounter().GetValue()
			}
		}
		for _, m := range families["workqueue_depth"].GetMetric() {
			waiting += m.GetGauge().GetValue()
		}
		if now != done || now == 0 || waiting > 0 {
			done, since = now, time.Now()
		}
		if rested := time.Since(since); rested < 2*time.Second {
			return fmt.Errorf("%.0f done, %.0f wait, rested for %s", now, waiting, rested.Round(time.Millisecond))
		}
		return nil
	})
}

// periodic are the controllers that look again and again.
var periodic = map[string]bool{"cluster": true, "cluster-status": true, "failover": true, "traffic": true}
