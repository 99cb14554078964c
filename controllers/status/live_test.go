package status

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/manifest/manifesttest"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/hub"
)

// TestLiveTemplates gives templates on a real hub the status that clusters make together, as it goes on: the
// hub takes every step of it, and what it makes of it is not written again.
func TestLiveTemplates(t *testing.T) {
	home := hubtest.Start(t, hubtest.Options{}).Client
	if err := home.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}); err != nil {
		t.Fatal(err)
	}
	const (
		template = `selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}`
		job      = `{apiVersion: batch/v1, kind: Job, spec: {completions: 4, parallelism: 4, template: {spec: {restartPolicy: Never, containers: [{name: web, image: web}]}}}}`
		t1, t2   = `"2026-01-01T00:00:00Z"`, `"2026-01-02T00:00:00Z"`
		running  = `{active: 2, startTime: ` + t1 + `}`
		complete = `{succeeded: 2, startTime: ` + t1 + `, completionTime: ` + t2 + `, conditions: [{type: Complete, status: "True", lastTransitionTime: ` + t2 + `}]}`
		failed   = `{failed: 3, startTime: ` + t1 + `, conditions: [{type: Failed, status: "True", lastTransitionTime: ` + t2 + `}]}`
		up       = `{containerStatuses: [{name: web, ready: true, state: {running: {startedAt: ` + t1 + `}}}], phase: Running}`
		down     = `{containerStatuses: [{name: web, state: {terminated: {exitCode: 1, startedAt: ` + t1 + `, finishedAt: ` + t2 + `}}}], phase: Failed}`
	)
	counted := func(fields string) string {
		return `{generation: 1, observedGeneration: 1, resourceTemplateGeneration: 1, ` + fields + `}`
	}
	type statuses = []string
	for name, tt := range map[string]struct {
		template string
		// steps are what the clusters report one after the other; null for nothing.
		steps []statuses
		// path is where want is at the end.
		path []string
		want any
	}{
		"deployment": {`{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 3, ` + template + `}}`,
			[]statuses{{"null", "null"}, {counted("replicas: 2, readyReplicas: 1, unavailableReplicas: 1"), "null"}, {counted("replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2"), counted("replicas: 1, updatedReplicas: 1")}, {}},
			[]string{"observedGeneration"}, int64(1)},
		"replicaset": {`{apiVersion: apps/v1, kind: ReplicaSet, spec: {replicas: 3, ` + template + `}}`,
			[]statuses{{counted("replicas: 2, fullyLabeledReplicas: 2, readyReplicas: 2, availableReplicas: 2"), counted("replicas: 1, fullyLabeledReplicas: 1")}}, []string{"replicas"}, int64(3)},
		"statefulset": {`{apiVersion: apps/v1, kind: StatefulSet, spec: {serviceName: web, replicas: 3, ` + template + `}}`,
			[]statuses{{"null"}, {counted("replicas: 2, currentReplicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2"), counted("replicas: 1")}}, []string{"observedGeneration"}, int64(1)},
		"daemonset": {`{apiVersion: apps/v1, kind: DaemonSet, spec: {` + template + `}}`,
			[]statuses{{counted("currentNumberScheduled: 2, desiredNumberScheduled: 3, numberMisscheduled: 1, numberReady: 1, updatedNumberScheduled: 1, numberAvailable: 1, numberUnavailable: 2")}}, []string{"numberUnavailable"}, int64(2)},
		"job-completes": {job, []statuses{{"null", "null"}, {running, "null"}, {running, running}, {running, complete}, {complete, complete}, {running}}, []string{"completionTime"}, "2026-01-02T00:00:00Z"},
		"job-fails":     {job, []statuses{{running, running}, {failed, running}, {failed, complete}}, []string{"failed"}, int64(3)},
		"job-at-once":   {job, []statuses{{complete}}, []string{"succeeded"}, int64(2)},
		"cronjob": {`{apiVersion: batch/v1, kind: CronJob, spec: {schedule: "* * * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: web, image: web}]}}}}}}`,
			[]statuses{{`{active: [{apiVersion: batch/v1, kind: Job, namespace: shop, name: j1, uid: u1}], lastScheduleTime: ` + t1 + `}`, `{lastScheduleTime: ` + t2 + `, lastSuccessfulTime: ` + t1 + `}`}, {"{}", "null"}},
			[]string{"lastScheduleTime"}, nil},
		"pod":     {`{apiVersion: v1, kind: Pod, spec: {containers: [{name: web, image: web}]}}`, []statuses{{"null", "null"}, {up, "null"}, {up, up}, {up, down}, {up, up}, {down, up}, {up, up}, {down, down}, {up, up}}, []string{"phase"}, "Running"},
		"service": {`{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, ports: [{port: 80}]}}`, []statuses{{"null"}, {`{loadBalancer: {ingress: [{ip: 192.0.2.1}]}}`, `{loadBalancer: {ingress: [{hostname: a.example.com}]}}`}, {`{loadBalancer: {}}`}}, []string{"loadBalancer"}, map[string]any{}},
		"ingress": {`{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}}`,
			[]statuses{{"null"}, {`{loadBalancer: {ingress: [{ip: 192.0.2.1, ports: [{port: 80, protocol: TCP}]}]}}`, `{loadBalancer: {ingress: [{ip: 192.0.2.1}]}}`}, {"{}"}}, []string{"loadBalancer"}, map[string]any{}},
		"volume": {`{apiVersion: v1, kind: PersistentVolume, spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /x}}}`,
			[]statuses{{"{phase: Pending}", "null"}, {"{phase: Bound}", "{phase: Available}"}, {"{phase: Released}", "{phase: Failed}"}}, []string{"phase"}, "Failed"},
		"claim": {`{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}`,
			[]statuses{{"{phase: Pending}", "{phase: Bound}"}, {"{phase: Bound}", "{phase: Bound}"}, {"{phase: Bound}", "{phase: Lost}"}}, []string{"phase"}, "Lost"},
		"budget": {`{apiVersion: policy/v1, kind: PodDisruptionBudget, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}`,
			[]statuses{{"null"}, {`{currentHealthy: 2, desiredHealthy: 1, expectedPods: 2, disruptionsAllowed: 1, disruptedPods: {web-1: ` + t1 + `}}`, `{currentHealthy: 1, desiredHealthy: 1, expectedPods: 1}`}, {"{}"}}, []string{"currentHealthy"}, int64(0)},
		"autoscaler": {`{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 4}}`,
			[]statuses{{"null"}, {"{currentReplicas: 2, desiredReplicas: 3}", "{currentReplicas: 1, desiredReplicas: 1}"}}, []string{"desiredReplicas"}, int64(4)},
		"autoscaler-v1": {`{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 4}}`,
			[]statuses{{"{currentReplicas: 2, desiredReplicas: 3}"}, {"{}"}}, []string{"desiredReplicas"}, int64(0)},
	} {
		t.Run(name, func(t *testing.T) {
			obj := manifesttest.Object(t, tt.template)
			obj.SetName(name)
			if obj.GetKind() != "PersistentVolume" {
				obj.SetNamespace("shop")
			}
			if err := home.Create(t.Context(), obj); err != nil {
				t.Fatal(err)
			}
			for i, step := range tt.steps {
				bringHome(t, home, obj, i, itemsOf(t, step))
			}
			if tt.want == nil {
				return
			}
			got, _, err := unstructured.NestedFieldNoCopy(obj.Object, append([]string{"status"}, tt.path...)...)
			if n, isNumber := tt.want.(int64); isNumber && n == 0 && got == nil {
				return // an API server leaves zeros out
			}
			if err != nil || !cmp.Equal(got, tt.want) {
				t.Errorf("status.%v is %v, want %v", tt.path, got, tt.want)
			}
		})
	}
}

// bringHome writes the status as the controller does, twice, of which the second time must be in vain.
func bringHome(t *testing.T, home client.Client, obj *unstructured.Unstructured, step int, items []workv1alpha2.AggregatedStatusItem) {
	t.Helper()
	for again := range 2 {
		if err := home.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
			t.Fatal(err)
		}
		aggregated, err := interpret.New().AggregateStatus(obj, items)
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		if aggregated == obj {
			return
		}
		if again > 0 {
			t.Fatalf("step %d: status is written again: %v, then %v", step, obj.Object["status"], aggregated.Object["status"])
		}
		if _, err := hub.PatchStatus(t.Context(), home, obj, func(o *unstructured.Unstructured) { o.Object["status"] = aggregated.Object["status"] }); err != nil {
			t.Fatalf("step %d: the hub refuses %v: %v", step, aggregated.Object["status"], err)
		}
	}
}

func itemsOf(t *testing.T, statuses []string) (items []workv1alpha2.AggregatedStatusItem) {
	t.Helper()
	for i, text := range statuses {
		item := workv1alpha2.AggregatedStatusItem{ClusterName: string(rune('a' + i))}
		if text != "null" {
			data, err := yaml.YAMLToJSON([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			item.Status = &runtime.RawExtension{Raw: data}
		}
		items = append(items, item)
	}
	return items
}
