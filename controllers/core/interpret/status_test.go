package interpret

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/manifest/manifesttest"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestStatus(t *testing.T) {
	const annotated = `generation: 4, annotations: {resourcetemplate.karmada.io/generation: "7"}`
	tests := map[string]struct{ object, want, err string }{
		"a deployment nobody has looked at": {
			object: `{apiVersion: apps/v1, kind: Deployment, metadata: {` + annotated + `}, status: {}}`,
			want:   `{generation: 4, resourceTemplateGeneration: 7}`,
		},
		"a deployment without a status": {
			object: `{apiVersion: apps/v1, kind: Deployment, metadata: {` + annotated + `}}`,
			want:   `null`,
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
			got, err := New().Status(manifesttest.Object(t, tt.object))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error = %v, want one that says %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(manifesttest.Value(t, tt.want), statusOf(t, got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	tests := map[string]struct {
		object string
		want   workv1alpha2.ResourceHealth
	}{
		"a stateful set whose partition is beyond its replicas": {`{apiVersion: apps/v1, kind: StatefulSet, spec: {replicas: 2, updateStrategy: {rollingUpdate: {partition: 5}}}, status: {availableReplicas: 2}}`, "Healthy"},
		"a stateful set with an odd partition":                  {`{apiVersion: apps/v1, kind: StatefulSet, spec: {updateStrategy: {rollingUpdate: {partition: most}}}}`, "Unknown"},
		"an ingress with odd addresses":                         {`{apiVersion: networking.k8s.io/v1, kind: Ingress, status: {loadBalancer: {ingress: all}}}`, "Unknown"},
		"a deployment with an odd status":                       {`{apiVersion: apps/v1, kind: Deployment, status: {observedGeneration: two}}`, "Unknown"},
		"an ingress that waits":                                 {`{apiVersion: networking.k8s.io/v1, kind: Ingress}`, "Unhealthy"},
		"a pod that runs and says nothing":                      {`{apiVersion: v1, kind: Pod, status: {phase: Running}}`, "Unhealthy"},
		"a pod that waits":                                      {`{apiVersion: v1, kind: Pod, status: {phase: Pending}}`, "Unhealthy"},
		"a config map is not judged":                            {`{apiVersion: v1, kind: ConfigMap}`, "Healthy"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := New().Health(manifesttest.Object(t, tt.object))
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
		"a deployment that one cluster has not observed keeps its generation": {
			template: `{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 5}, status: {observedGeneration: 4}}`,
			items:    []string{`{observedGeneration: 1, generation: 2, resourceTemplateGeneration: 5, replicas: 2}`, `{observedGeneration: 7, generation: 7, resourceTemplateGeneration: 5, replicas: 1}`},
			want:     `{observedGeneration: 4, replicas: 3}`,
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
		"a stateful set that a cluster runs in an older version": {
			template: `{apiVersion: apps/v1, kind: StatefulSet, metadata: {generation: 3}, status: {observedGeneration: 2, replicas: 2}}`,
			items:    []string{`{observedGeneration: 1, generation: 1, resourceTemplateGeneration: 2, replicas: 2}`},
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
		"a pod is pending when one cluster has not reported": {
			template: `{apiVersion: v1, kind: Pod, status: {phase: Pending, qosClass: Burstable}}`,
			items:    []string{`{phase: Running, containerStatuses: [{name: app, ready: true, image: x, restartCount: 4, state: {running: {startedAt: ` + t1 + `}}}]}`, `null`},
			want:     `{phase: Pending, qosClass: Burstable, containerStatuses: [{name: a/app, ready: true, image: "", imageID: "", lastState: {}, restartCount: 0, state: {running: {startedAt: ` + t1 + `}}}]}`,
		},
		"a container that ended and is back is not taken for the one that ended": {
			template: `{apiVersion: v1, kind: Pod, status: {phase: Failed, containerStatuses: [{name: a/app, state: {terminated: {exitCode: 1}}}]}}`,
			items:    []string{`{phase: Running, containerStatuses: [{name: app, ready: true, state: {running: {}}}]}`},
			want:     `{phase: Running, containerStatuses: [{name: a/app/restarted, ready: true, image: "", imageID: "", lastState: {}, restartCount: 0, state: {running: {startedAt: null}}}]}`,
		},
		"one that comes back again takes the name that is free": {
			template: `{apiVersion: v1, kind: Pod, status: {phase: Failed, containerStatuses: [{name: a/app/restarted, state: {terminated: {exitCode: 1}}}]}}`,
			items:    []string{`{phase: Running, containerStatuses: [{name: app, state: {waiting: {reason: CrashLoopBackOff}}}]}`},
			want:     `{phase: Running, containerStatuses: [{name: a/app, ready: false, image: "", imageID: "", lastState: {}, restartCount: 0, state: {waiting: {reason: CrashLoopBackOff}}}]}`,
		},
		"one that ends keeps its name": {
			template: `{apiVersion: v1, kind: Pod, status: {phase: Running, containerStatuses: [{name: a/app/restarted, state: {running: {}}}]}}`,
			items:    []string{`{phase: Running, containerStatuses: [{name: app, state: {terminated: {exitCode: 1}}}]}`},
			want:     `{phase: Running, containerStatuses: [{name: a/app/restarted, ready: false, image: "", imageID: "", lastState: {}, restartCount: 0, state: {terminated: {exitCode: 1, startedAt: null, finishedAt: null}}}]}`,
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
		"a claim bound everywhere is bound": {
			template: `{apiVersion: v1, kind: PersistentVolumeClaim, status: {phase: Pending}}`,
			items:    []string{`{phase: Bound}`, `{phase: Bound}`},
			want:     `{phase: Bound}`,
		},
		"what a cluster reported is no JSON object": {
			template: `{apiVersion: apps/v1, kind: Deployment}`,
			items:    []string{`null`, `[1]`},
			err:      `status reported by cluster "b"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			template := manifesttest.Object(t, tt.template)
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
			if diff := cmp.Diff(manifesttest.Object(t, tt.template).Object, template.Object); diff != "" {
				t.Errorf("the template changed:\n%s", diff)
			}
			if tt.want == "" {
				if got != template {
					t.Errorf("the status changed:\n%s", cmp.Diff(template.Object["status"], got.Object["status"]))
				}
				return
			}
			if diff := cmp.Diff(manifesttest.Value(t, tt.want), got.Object["status"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if again, err := New().AggregateStatus(got, items); err != nil || again != got {
				t.Errorf("a second time changes something: %v\n%s", err, cmp.Diff(got.Object, again.Object))
			}
		})
	}
}
