package interpret

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestStatus(t *testing.T) {
	const annotated = `generation: 4, annotations: {resourcetemplate.karmada.io/generation: "7"}`
	tests := map[string]struct{ object, want, err string }{
		"a deployment": {
			object: `{apiVersion: apps/v1, kind: Deployment, metadata: {` + annotated + `}, status: {observedGeneration: 4, replicas: 3, updatedReplicas: 3, readyReplicas: 2, availableReplicas: 2, unavailableReplicas: 1, conditions: [{type: Available}]}}`,
			want:   `{observedGeneration: 4, generation: 4, resourceTemplateGeneration: 7, replicas: 3, updatedReplicas: 3, readyReplicas: 2, availableReplicas: 2, unavailableReplicas: 1}`,
		},
		"a deployment nobody has looked at": {
			object: `{apiVersion: apps/v1, kind: Deployment, metadata: {` + annotated + `}, status: {}}`,
			want:   `{generation: 4, resourceTemplateGeneration: 7}`,
		},
		"a deployment without a status": {
			object: `{apiVersion: apps/v1, kind: Deployment, metadata: {` + annotated + `}}`,
			want:   `null`,
		},
		"a replica set": {
			object: `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {` + annotated + `}, status: {observedGeneration: 3, replicas: 3, fullyLabeledReplicas: 3, readyReplicas: 2, availableReplicas: 1, conditions: []}}`,
			want:   `{observedGeneration: 3, generation: 4, resourceTemplateGeneration: 7, replicas: 3, fullyLabeledReplicas: 3, readyReplicas: 2, availableReplicas: 1}`,
		},
		"a stateful set": {
			object: `{apiVersion: apps/v1, kind: StatefulSet, metadata: {generation: 1}, status: {observedGeneration: 1, replicas: 3, readyReplicas: 2, currentReplicas: 3, updatedReplicas: 0, availableReplicas: 1, currentRevision: x}}`,
			want:   `{observedGeneration: 1, generation: 1, replicas: 3, readyReplicas: 2, currentReplicas: 3, updatedReplicas: 0, availableReplicas: 1}`,
		},
		"a daemon set": {
			object: `{apiVersion: apps/v1, kind: DaemonSet, metadata: {generation: 1}, status: {observedGeneration: 1, currentNumberScheduled: 1, numberMisscheduled: 2, desiredNumberScheduled: 3, numberReady: 4, updatedNumberScheduled: 5, numberAvailable: 6, numberUnavailable: 7}}`,
			want:   `{observedGeneration: 1, generation: 1, currentNumberScheduled: 1, numberMisscheduled: 2, desiredNumberScheduled: 3, numberReady: 4, updatedNumberScheduled: 5, numberAvailable: 6, numberUnavailable: 7}`,
		},
		"a job": {
			object: `{apiVersion: batch/v1, kind: Job, status: {active: 1, succeeded: 2, failed: 3, ready: 1, startTime: "2026-01-01T00:00:00Z", uncountedTerminatedPods: {}}}`,
			want:   `{active: 1, succeeded: 2, failed: 3, startTime: "2026-01-01T00:00:00Z"}`,
		},
		"a load balancer": {
			object: `{apiVersion: v1, kind: Service, spec: {type: LoadBalancer}, status: {conditions: [], loadBalancer: {ingress: [{ip: 192.0.2.1, ipMode: VIP}]}}}`,
			want:   `{loadBalancer: {ingress: [{ip: 192.0.2.1, ipMode: VIP}]}}`,
		},
		"any other service": {
			object: `{apiVersion: v1, kind: Service, spec: {type: ClusterIP}, status: {loadBalancer: {}}}`,
			want:   `null`,
		},
		"an ingress": {
			object: `{apiVersion: networking.k8s.io/v1, kind: Ingress, status: {loadBalancer: {ingress: [{hostname: a}]}}}`,
			want:   `{loadBalancer: {ingress: [{hostname: a}]}}`,
		},
		"a disruption budget": {
			object: `{apiVersion: policy/v1, kind: PodDisruptionBudget, status: {observedGeneration: 1, currentHealthy: 1, desiredHealthy: 2, expectedPods: 3, disruptionsAllowed: 0, disruptedPods: {p: "2026-01-01T00:00:00Z"}, conditions: [{type: x, status: "True", lastTransitionTime: null, reason: r, message: m}]}}`,
			want:   `{currentHealthy: 1, desiredHealthy: 2, expectedPods: 3, disruptionsAllowed: 0, disruptedPods: {p: "2026-01-01T00:00:00Z"}}`,
		},
		"an autoscaler": {
			object: `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, status: {currentReplicas: 2, desiredReplicas: 3, currentMetrics: null}}`,
			want:   `{currentReplicas: 2, desiredReplicas: 3}`,
		},
		"a claim has its whole status": {
			object: `{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Bound, capacity: {storage: 1Gi}}}`,
			want:   `{phase: Bound, capacity: {storage: 1Gi}}`,
		},
		"fields that are null are left out": {
			object: `{apiVersion: v1, kind: Pod, status: {phase: Running, reason: null, conditions: [{type: Ready, lastProbeTime: null}], empty: {a: null}}}`,
			want:   `{phase: Running, conditions: [{type: Ready}], empty: {}}`,
		},
		"a status that is no object": {
			object: `{apiVersion: example.com/v1, kind: Lamp, status: lit}`,
			err:    "status: must be an object",
		},
		"a counter that is a word": {
			object: `{apiVersion: apps/v1, kind: Deployment, status: {replicas: three}}`,
			err:    "status.replicas: must be a whole number",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := New().Status(object(t, tt.object))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error = %v, want one that says %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(value(t, tt.want), statusOf(t, got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	deployment := func(kind, status string) string {
		return `{apiVersion: apps/v1, kind: ` + kind + `, metadata: {generation: 2}, spec: {replicas: 3}, status: ` + status + `}`
	}
	tests := map[string]struct {
		object string
		want   workv1alpha2.ResourceHealth
	}{
		"a deployment rolled out":           {deployment("Deployment", `{observedGeneration: 2, updatedReplicas: 3, availableReplicas: 3}`), "Healthy"},
		"a deployment half rolled out":      {deployment("Deployment", `{observedGeneration: 2, updatedReplicas: 2, availableReplicas: 3}`), "Unhealthy"},
		"a deployment half available":       {deployment("Deployment", `{observedGeneration: 2, updatedReplicas: 3, availableReplicas: 2}`), "Unhealthy"},
		"a deployment with old news":        {deployment("Deployment", `{observedGeneration: 1, updatedReplicas: 3, availableReplicas: 3}`), "Unhealthy"},
		"a deployment with an odd status":   {deployment("Deployment", `{observedGeneration: two}`), "Unknown"},
		"a stateful set rolled out":         {deployment("StatefulSet", `{observedGeneration: 2, updatedReplicas: 3, availableReplicas: 3}`), "Healthy"},
		"a stateful set half available":     {deployment("StatefulSet", `{observedGeneration: 2, updatedReplicas: 3, availableReplicas: 1}`), "Unhealthy"},
		"a replica set that is available":   {deployment("ReplicaSet", `{observedGeneration: 2, availableReplicas: 3}`), "Healthy"},
		"a replica set that is not":         {deployment("ReplicaSet", `{observedGeneration: 2, availableReplicas: 2}`), "Unhealthy"},
		"a daemon set on all its nodes":     {deployment("DaemonSet", `{observedGeneration: 2, updatedNumberScheduled: 5, desiredNumberScheduled: 5, numberAvailable: 5}`), "Healthy"},
		"a daemon set still rolling out":    {deployment("DaemonSet", `{observedGeneration: 2, updatedNumberScheduled: 4, desiredNumberScheduled: 5, numberAvailable: 5}`), "Unhealthy"},
		"a daemon set not available":        {deployment("DaemonSet", `{observedGeneration: 2, updatedNumberScheduled: 5, desiredNumberScheduled: 5, numberAvailable: 4}`), "Unhealthy"},
		"a service inside the cluster":      {`{apiVersion: v1, kind: Service, spec: {type: ClusterIP}}`, "Healthy"},
		"a load balancer with an address":   {`{apiVersion: v1, kind: Service, spec: {type: LoadBalancer}, status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}}`, "Healthy"},
		"a load balancer that waits":        {`{apiVersion: v1, kind: Service, spec: {type: LoadBalancer}, status: {loadBalancer: {}}}`, "Unhealthy"},
		"an ingress with a name":            {`{apiVersion: networking.k8s.io/v1, kind: Ingress, status: {loadBalancer: {ingress: [{hostname: a.example}]}}}`, "Healthy"},
		"an ingress that waits":             {`{apiVersion: networking.k8s.io/v1, kind: Ingress}`, "Unhealthy"},
		"a bound claim":                     {`{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Bound}}`, "Healthy"},
		"a pending claim":                   {`{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Pending}}`, "Unhealthy"},
		"a pod that is done":                {`{apiVersion: v1, kind: Pod, status: {phase: Succeeded}}`, "Healthy"},
		"a pod that is ready":               {`{apiVersion: v1, kind: Pod, status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}`, "Healthy"},
		"a pod that runs and is not ready":  {`{apiVersion: v1, kind: Pod, status: {phase: Running, conditions: [{type: Ready, status: "False"}]}}`, "Unhealthy"},
		"a pod that runs and says nothing":  {`{apiVersion: v1, kind: Pod, status: {phase: Running}}`, "Unhealthy"},
		"a pod that waits":                  {`{apiVersion: v1, kind: Pod, status: {phase: Pending}}`, "Unhealthy"},
		"a budget that is kept":             {`{apiVersion: policy/v1, kind: PodDisruptionBudget, status: {currentHealthy: 2, desiredHealthy: 2}}`, "Healthy"},
		"a budget that is overdrawn":        {`{apiVersion: policy/v1, kind: PodDisruptionBudget, status: {currentHealthy: 1, desiredHealthy: 2}}`, "Unhealthy"},
		"a job is not judged":               {`{apiVersion: batch/v1, kind: Job, status: {failed: 9}}`, "Healthy"},
		"a config map is not judged either": {`{apiVersion: v1, kind: ConfigMap}`, "Healthy"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := New().Health(object(t, tt.object))
			if got != tt.want || (err != nil) != (tt.want == workv1alpha2.ResourceUnknown) {
				t.Errorf("Health = %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

// reported builds items from YAML, one per cluster: a, b, c …; "null" has not reported.
func reported(t *testing.T, statuses ...string) []workv1alpha2.AggregatedStatusItem {
	t.Helper()
	var items []workv1alpha2.AggregatedStatusItem
	for i, status := range statuses {
		item := workv1alpha2.AggregatedStatusItem{ClusterName: string(rune('a' + i))}
		if status != "null" {
			data, err := yaml.YAMLToJSON([]byte(status))
			if err != nil {
				t.Fatal(err)
			}
			item.Status = &runtime.RawExtension{Raw: data}
		}
		items = append(items, item)
	}
	return items
}

func TestAggregateStatus(t *testing.T) {
	const (
		t1 = `"2026-01-01T00:00:00Z"`
		t2 = `"2026-01-02T00:00:00Z"`
		t3 = `"2026-01-03T00:00:00Z"`
	)
	ended := func(kind string, at string) string {
		return `conditions: [{type: ` + kind + `, status: "True", lastTransitionTime: ` + at + `}]`
	}
	condition := func(kind, reason, message, at string) string {
		return `{type: ` + kind + `, status: "True", reason: ` + reason + `, message: "` + message + `", lastProbeTime: ` + at + `, lastTransitionTime: ` + at + `}`
	}
	tests := map[string]struct {
		template string
		items    []string
		// want is the status; "" means that nothing changes
		want string
		err  string
	}{
		"a deployment adds up, and is observed when everyone is": {
			template: `{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 5}, status: {observedGeneration: 4, replicas: 9, conditions: [{type: x}]}}`,
			items: []string{
				`{observedGeneration: 2, generation: 2, resourceTemplateGeneration: 5, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2}`,
				`{observedGeneration: 7, generation: 7, resourceTemplateGeneration: 5, replicas: 1, updatedReplicas: 1, unavailableReplicas: 1}`},
			want: `{observedGeneration: 5, replicas: 3, updatedReplicas: 3, readyReplicas: 2, availableReplicas: 2, unavailableReplicas: 1, conditions: [{type: x}]}`,
		},
		"a deployment that one cluster has not observed keeps its generation": {
			template: `{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 5}, status: {observedGeneration: 4}}`,
			items:    []string{`{observedGeneration: 1, generation: 2, resourceTemplateGeneration: 5, replicas: 2}`, `{observedGeneration: 7, generation: 7, resourceTemplateGeneration: 5, replicas: 1}`},
			want:     `{observedGeneration: 4, replicas: 3}`,
		},
		"a deployment that one cluster has in an older version keeps its generation": {
			template: `{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 5}, status: {observedGeneration: 4}}`,
			items:    []string{`{observedGeneration: 2, generation: 2, resourceTemplateGeneration: 4, replicas: 2}`},
			want:     `{observedGeneration: 4, replicas: 2}`,
		},
		"a deployment that one cluster has said nothing of keeps its generation": {
			template: `{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 5}, status: {}}`,
			items:    []string{`{observedGeneration: 2, generation: 2, resourceTemplateGeneration: 5, replicas: 2}`, `null`},
			want:     `{replicas: 2}`,
		},
		"a deployment with nothing new": {
			template: `{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 5}, status: {observedGeneration: 5, replicas: 2}}`,
			items:    []string{`{observedGeneration: 2, generation: 2, resourceTemplateGeneration: 5, replicas: 2, readyReplicas: 0}`},
		},
		"a deployment scaled to nothing": {
			template: `{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 6}, status: {observedGeneration: 5, replicas: 2}}`,
			want:     `{observedGeneration: 6, replicas: 0}`,
		},
		"a replica set": {
			template: `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {generation: 1}, status: {replicas: 0}}`,
			items:    []string{`{observedGeneration: 1, generation: 1, resourceTemplateGeneration: 1, replicas: 2, fullyLabeledReplicas: 2}`, `{observedGeneration: 1, generation: 1, resourceTemplateGeneration: 1, replicas: 2, readyReplicas: 1, availableReplicas: 1}`},
			want:     `{observedGeneration: 1, replicas: 4, fullyLabeledReplicas: 2, readyReplicas: 1, availableReplicas: 1}`,
		},
		"a stateful set": {
			template: `{apiVersion: apps/v1, kind: StatefulSet, metadata: {generation: 3}, status: {replicas: 0}}`,
			items:    []string{`{observedGeneration: 1, generation: 1, resourceTemplateGeneration: 3, replicas: 2, currentReplicas: 2}`, `{observedGeneration: 1, generation: 1, resourceTemplateGeneration: 3, replicas: 2, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}`},
			want:     `{observedGeneration: 3, replicas: 4, currentReplicas: 2, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}`,
		},
		"a stateful set that a cluster runs in an older version": {
			template: `{apiVersion: apps/v1, kind: StatefulSet, metadata: {generation: 3}, status: {observedGeneration: 2, replicas: 2}}`,
			items:    []string{`{observedGeneration: 1, generation: 1, resourceTemplateGeneration: 2, replicas: 2}`},
		},
		"a daemon set": {
			template: `{apiVersion: apps/v1, kind: DaemonSet, metadata: {generation: 1}}`,
			items:    []string{`{observedGeneration: 1, generation: 1, resourceTemplateGeneration: 1, currentNumberScheduled: 1, numberMisscheduled: 1, desiredNumberScheduled: 1, numberReady: 1, updatedNumberScheduled: 1, numberAvailable: 1}`, `{observedGeneration: 1, generation: 1, resourceTemplateGeneration: 1, desiredNumberScheduled: 4, numberUnavailable: 3}`},
			want:     `{observedGeneration: 1, currentNumberScheduled: 1, numberMisscheduled: 1, desiredNumberScheduled: 5, numberReady: 1, updatedNumberScheduled: 1, numberAvailable: 1, numberUnavailable: 3}`,
		},
		"an autoscaler": {
			template: `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, status: {currentReplicas: 1, desiredReplicas: 1, currentMetrics: null}}`,
			items:    []string{`{currentReplicas: 2, desiredReplicas: 3}`, `{currentReplicas: 2, desiredReplicas: 2}`},
			want:     `{currentReplicas: 4, desiredReplicas: 5, currentMetrics: null}`,
		},
		"a job that runs": {
			template: `{apiVersion: batch/v1, kind: Job, status: {}}`,
			items:    []string{`{active: 1, succeeded: 1, startTime: ` + t2 + `}`, `{active: 2, failed: 1, startTime: ` + t1 + `}`},
			want:     `{active: 3, succeeded: 1, failed: 1, startTime: ` + t1 + `}`,
		},
		"a job that one cluster has not started has no start": {
			template: `{apiVersion: batch/v1, kind: Job, status: {}}`,
			items:    []string{`{active: 1, startTime: ` + t2 + `}`, `null`},
			want:     `{active: 1}`,
		},
		"a job never starts twice": {
			template: `{apiVersion: batch/v1, kind: Job, status: {startTime: ` + t2 + `}}`,
			items:    []string{`{active: 1, startTime: ` + t1 + `}`},
			want:     `{active: 1, startTime: ` + t2 + `}`,
		},
		"a job's ended pods do not come back when a cluster leaves": {
			template: `{apiVersion: batch/v1, kind: Job, status: {succeeded: 3, failed: 2, active: 1, startTime: ` + t1 + `}}`,
			items:    []string{`{active: 2, succeeded: 1, startTime: ` + t1 + `}`},
			want:     `{succeeded: 3, failed: 2, active: 2, startTime: ` + t1 + `}`,
		},
		"a job complete everywhere is complete": {
			template: `{apiVersion: batch/v1, kind: Job, status: {active: 1, startTime: ` + t1 + `}}`,
			items: []string{`{succeeded: 2, startTime: ` + t1 + `, completionTime: ` + t3 + `, ` + ended("Complete", t3) + `}`,
				`{succeeded: 1, startTime: ` + t1 + `, completionTime: ` + t2 + `, ` + ended("Complete", t2) + `}`},
			want: `{active: 0, succeeded: 3, startTime: ` + t1 + `, completionTime: ` + t3 + `, conditions: [` +
				condition("SuccessCriteriaMet", "CompletionsReached", "Job completed in all clusters", t3) + `, ` +
				condition("Complete", "Completed", "Job completed in all clusters", t3) + `]}`,
		},
		"a job complete in one of two clusters is not": {
			template: `{apiVersion: batch/v1, kind: Job, status: {active: 1, startTime: ` + t1 + `}}`,
			items: []string{`{succeeded: 2, startTime: ` + t1 + `, completionTime: ` + t3 + `, ` + ended("Complete", t3) + `}`,
				`{active: 1, startTime: ` + t1 + `}`},
			want: `{active: 1, succeeded: 2, startTime: ` + t1 + `}`,
		},
		"a job that failed in one cluster is failing while another runs": {
			template: `{apiVersion: batch/v1, kind: Job, status: {active: 2, startTime: ` + t1 + `}}`,
			items:    []string{`{active: 1, startTime: ` + t1 + `}`, `{failed: 4, startTime: ` + t1 + `, ` + ended("Failed", t2) + `}`},
			want: `{active: 1, failed: 4, startTime: ` + t1 + `, conditions: [` +
				condition("FailureTarget", "JobFailed", "Job failed in clusters b", t2) + `]}`,
		},
		"a job that failed somewhere has failed when nothing runs": {
			template: `{apiVersion: batch/v1, kind: Job, status: {active: 2, startTime: ` + t1 + `}}`,
			items: []string{`{failed: 1, startTime: ` + t1 + `, ` + ended("Failed", t3) + `}`,
				`{succeeded: 1, startTime: ` + t1 + `, completionTime: ` + t2 + `, ` + ended("Complete", t2) + `}`,
				`{failed: 4, startTime: ` + t1 + `, ` + ended("Failed", t2) + `}`},
			want: `{active: 0, succeeded: 1, failed: 5, startTime: ` + t1 + `, conditions: [` +
				condition("FailureTarget", "JobFailed", "Job failed in clusters a, c", t3) + `, ` +
				condition("Failed", "JobFailed", "Job failed in clusters a, c", t3) + `]}`,
		},
		"an ended job stays as it is": {
			template: `{apiVersion: batch/v1, kind: Job, status: {succeeded: 1, ` + ended("Complete", t1) + `}}`,
			items:    []string{`{active: 5}`},
		},
		"a cron job": {
			template: `{apiVersion: batch/v1, kind: CronJob, status: {lastScheduleTime: ` + t1 + `}}`,
			items:    []string{`{active: [{name: j1}], lastScheduleTime: ` + t2 + `, lastSuccessfulTime: ` + t3 + `}`, `{active: [{name: j2}], lastScheduleTime: ` + t3 + `, lastSuccessfulTime: ` + t2 + `}`, `null`},
			want:     `{active: [{name: j1}, {name: j2}], lastScheduleTime: ` + t3 + `, lastSuccessfulTime: ` + t3 + `}`,
		},
		"a load balancer shows the addresses of all clusters, each once": {
			template: `{apiVersion: v1, kind: Service, spec: {type: LoadBalancer}, status: {loadBalancer: {}}}`,
			items:    []string{`{loadBalancer: {ingress: [{ip: 192.0.2.9, ipMode: VIP}, {hostname: b.example}]}}`, `{loadBalancer: {ingress: [{ip: 192.0.2.1}, {ip: 192.0.2.9}]}}`, `null`},
			want:     `{loadBalancer: {ingress: [{hostname: b.example}, {ip: 192.0.2.1, ipMode: VIP}, {ip: 192.0.2.9, ipMode: VIP}]}}`,
		},
		"a load balancer without addresses is left alone": {
			template: `{apiVersion: v1, kind: Service, spec: {type: LoadBalancer}, status: {loadBalancer: {}}}`,
			items:    []string{`{loadBalancer: {}}`},
		},
		"any other service is left alone": {
			template: `{apiVersion: v1, kind: Service, spec: {type: ClusterIP}, status: {loadBalancer: {}}}`,
			items:    []string{`{loadBalancer: {ingress: [{ip: 192.0.2.9}]}}`},
		},
		"an ingress": {
			template: `{apiVersion: networking.k8s.io/v1, kind: Ingress, status: {loadBalancer: {ingress: [{ip: 192.0.2.7}]}}}`,
			items:    []string{`{loadBalancer: {ingress: [{ip: 192.0.2.9}]}}`, `{loadBalancer: {ingress: [{ip: 192.0.2.1}]}}`},
			want:     `{loadBalancer: {ingress: [{ip: 192.0.2.1}, {ip: 192.0.2.9}]}}`,
		},
		"a pod is pending when one cluster has not reported": {
			template: `{apiVersion: v1, kind: Pod, status: {phase: Pending, qosClass: Burstable}}`,
			items:    []string{`{phase: Running, containerStatuses: [{name: app, ready: true, image: x, restartCount: 4, state: {running: {startedAt: ` + t1 + `}}}]}`, `null`},
			want:     `{phase: Pending, qosClass: Burstable, containerStatuses: [{name: a/app, ready: true, image: "", imageID: "", lastState: {}, restartCount: 0, state: {running: {startedAt: ` + t1 + `}}}]}`,
		},
		"a pod has failed when it failed somewhere": {
			template: `{apiVersion: v1, kind: Pod, status: {phase: Pending}}`,
			items:    []string{`{phase: Running}`, `{phase: Failed}`, `{phase: Succeeded}`},
			want:     `{phase: Failed}`,
		},
		"a pod runs when it runs somewhere and is done elsewhere": {
			template: `{apiVersion: v1, kind: Pod, status: {phase: Pending}}`,
			items:    []string{`{phase: Running}`, `{phase: Succeeded}`},
			want:     `{phase: Running}`,
		},
		"a volume": {
			template: `{apiVersion: v1, kind: PersistentVolume, status: {phase: Pending}}`,
			items:    []string{`{phase: Bound}`, `{phase: Available}`, `null`},
			want:     `{phase: Available}`,
		},
		"a lost claim is lost": {
			template: `{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Bound}}`,
			items:    []string{`{phase: Bound}`, `{phase: Lost}`, `{phase: Pending}`},
			want:     `{phase: Lost}`,
		},
		"a claim that waits somewhere waits": {
			template: `{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Bound}}`,
			items:    []string{`{phase: Pending}`, `{phase: Bound}`},
			want:     `{phase: Pending}`,
		},
		"a claim bound everywhere is bound": {
			template: `{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Pending}}`,
			items:    []string{`{phase: Bound}`, `{phase: Bound}`},
			want:     `{phase: Bound}`,
		},
		"a disruption budget names the cluster of a pod": {
			template: `{apiVersion: policy/v1, kind: PodDisruptionBudget, status: {currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0}}`,
			items:    []string{`{currentHealthy: 1, desiredHealthy: 2, expectedPods: 3, disruptionsAllowed: 1}`, `{currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, disruptedPods: {p: ` + t1 + `}}`},
			want:     `{currentHealthy: 2, desiredHealthy: 3, expectedPods: 4, disruptionsAllowed: 1, disruptedPods: {b/p: ` + t1 + `}}`,
		},
		"what a cluster reported is no JSON object": {
			template: `{apiVersion: apps/v1, kind: Deployment}`,
			items:    []string{`null`, `[1]`},
			err:      `status reported by cluster "b"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			template := object(t, tt.template)
			items := reported(t, tt.items...)
			got, err := New().AggregateStatus(template, items)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error = %v, want one that says %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(object(t, tt.template).Object, template.Object); diff != "" {
				t.Errorf("the template changed:\n%s", diff)
			}
			if tt.want == "" {
				if got != template {
					t.Errorf("the status changed:\n%s", cmp.Diff(template.Object["status"], got.Object["status"]))
				}
				return
			}
			if diff := cmp.Diff(value(t, tt.want), got.Object["status"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if again, err := New().AggregateStatus(got, items); err != nil || again != got {
				t.Errorf("a second time changes something: %v\n%s", err, cmp.Diff(got.Object, again.Object))
			}
		})
	}
}
