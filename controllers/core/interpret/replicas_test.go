package interpret

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seaway-io/seaway/api/manifest/manifesttest"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func TestReplicas(t *testing.T) {
	requests := func(cpu string) *workv1alpha2.ReplicaRequirements {
		return &workv1alpha2.ReplicaRequirements{Namespace: "shop", ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse(cpu)}}
	}
	tests := map[string]struct {
		object       string
		replicas     int32
		requirements *workv1alpha2.ReplicaRequirements
		err          string
	}{
		"a deployment": {
			object:   `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: shop}, spec: {replicas: 3, template: {spec: {containers: [{name: a, resources: {requests: {cpu: 100m}}}]}}}}`,
			replicas: 3, requirements: requests("100m"),
		},
		"a stateful set without a number has one replica": {
			object:   `{apiVersion: apps/v1, kind: StatefulSet, spec: {}}`,
			replicas: 1,
		},
		"a number that became a float": {
			object:   `{apiVersion: apps/v1, kind: StatefulSet, spec: {replicas: 2.0}}`,
			replicas: 2,
		},
		"a pod is one replica": {
			object:   `{apiVersion: v1, kind: Pod, metadata: {namespace: shop}, spec: {containers: [{name: a, resources: {limits: {cpu: "1"}}}]}}`,
			replicas: 1, requirements: requests("1"),
		},
		"a job without completions runs its parallelism": {
			object:   `{apiVersion: batch/v1, kind: Job, spec: {parallelism: 5}}`,
			replicas: 5,
		},
		"a suspended job with parallelism 0": {
			object: `{apiVersion: batch/v1, kind: Job, spec: {parallelism: 0, completions: 3}}`,
		},
		"everything a pod can ask for": {
			object: `
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: shop}
spec:
  replicas: 1
  template:
    spec:
      priorityClassName: high
      nodeSelector: {disk: ssd}
      tolerations: [{key: gpu, operator: Exists}]
      affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}
      overhead: {cpu: 50m}
      initContainers:
      - {name: sidecar, restartPolicy: Always, resources: {requests: {cpu: 100m}}}
      - {name: setup, resources: {requests: {cpu: "2", memory: 10Mi}}}
      containers:
      - {name: a, resources: {requests: {cpu: 500m}, limits: {cpu: "9", memory: 1Mi}}}
      - {name: b, resources: {requests: {memory: 2Mi}}}
`,
			replicas: 1,
			requirements: &workv1alpha2.ReplicaRequirements{
				Namespace: "shop", PriorityClassName: "high",
				NodeClaim: &workv1alpha2.NodeClaim{
					NodeSelector: map[string]string{"disk": "ssd"},
					Tolerations:  []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists}},
					HardNodeAffinity: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
						MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "a", Operator: corev1.NodeSelectorOpExists}}}}},
				},
				// setup (2) runs beside the sidecar (0.1): more than a, b and the sidecar; plus overhead
				ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("2150m"), "memory": resource.MustParse("10Mi")},
			},
		},
		"replicas that are a word": {
			object: `{apiVersion: apps/v1, kind: Deployment, spec: {replicas: many}}`,
			err:    "spec.replicas",
		},
		"replicas below zero": {
			object: `{apiVersion: apps/v1, kind: Deployment, spec: {replicas: -1}}`,
			err:    "must be between 0 and",
		},
		"a pod template of an odd shape": {
			object: `{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: [1]}}}`,
			err:    "spec.template.spec: must be an object",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			replicas, requirements, err := New().Replicas(manifesttest.Object(t, tt.object))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error = %v, want one that says %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if replicas != tt.replicas {
				t.Errorf("replicas = %d, want %d", replicas, tt.replicas)
			}
			if diff := cmp.Diff(tt.requirements, requirements); diff != "" {
				t.Errorf("requirements (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReviseReplica(t *testing.T) {
	tests := map[string]struct{ object, want string }{
		"a stateful set without one yet": {`{apiVersion: apps/v1, kind: StatefulSet, spec: {}}`, `{apiVersion: apps/v1, kind: StatefulSet, spec: {replicas: 7}}`},
		"a job has its parallelism":      {`{apiVersion: batch/v1, kind: Job, spec: {completions: 9}}`, `{apiVersion: batch/v1, kind: Job, spec: {completions: 9, parallelism: 7}}`},
		"a daemon set has no number":     {`{apiVersion: apps/v1, kind: DaemonSet, spec: {}}`, `{apiVersion: apps/v1, kind: DaemonSet, spec: {}}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := New().ReviseReplica(manifesttest.Object(t, tt.object), 7)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(manifesttest.Object(t, tt.want).Object, got.Object); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
