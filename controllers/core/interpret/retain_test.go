package interpret

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seaway-io/seaway/api/manifest/manifesttest"
)

func TestRetain(t *testing.T) {
	tests := map[string]struct{ desired, observed, want string }{
		"a service keeps its addresses and ports": {
			desired:  `{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, ports: [{port: 80}, {port: 53, protocol: UDP, nodePort: 30053}]}}`,
			observed: `{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], healthCheckNodePort: 31000, ports: [{port: 80, protocol: TCP, nodePort: 30080}, {port: 53, protocol: UDP, nodePort: 30999}]}}`,
			want:     `{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], healthCheckNodePort: 31000, ports: [{port: 80, nodePort: 30080}, {port: 53, protocol: UDP, nodePort: 30053}]}}`,
		},
		"a service that is no longer a node port gives its ports up": {
			desired:  `{apiVersion: v1, kind: Service, spec: {type: ClusterIP, ports: [{port: 80}]}}`,
			observed: `{apiVersion: v1, kind: Service, spec: {type: NodePort, clusterIP: 10.0.0.1, ports: [{port: 80, nodePort: 30080}]}}`,
			want:     `{apiVersion: v1, kind: Service, spec: {type: ClusterIP, clusterIP: 10.0.0.1, ports: [{port: 80}]}}`,
		},
		"a service without allocations is as desired": {
			desired:  `{apiVersion: v1, kind: Service, spec: {type: ExternalName, externalName: a.example}}`,
			observed: `{apiVersion: v1, kind: Service, spec: {type: ExternalName, externalName: b.example, healthCheckNodePort: 0, clusterIP: ""}}`,
			want:     `{apiVersion: v1, kind: Service, spec: {type: ExternalName, externalName: a.example}}`,
		},
		"a claim that names a class gets it": {
			desired:  `{apiVersion: v1, kind: PersistentVolumeClaim, spec: {storageClassName: fast}}`,
			observed: `{apiVersion: v1, kind: PersistentVolumeClaim, spec: {storageClassName: standard}}`,
			want:     `{apiVersion: v1, kind: PersistentVolumeClaim, spec: {storageClassName: fast}}`,
		},
		"a job that has ended keeps its size": {
			desired:  `{apiVersion: batch/v1, kind: Job, spec: {completions: 5, parallelism: 3}}`,
			observed: `{apiVersion: batch/v1, kind: Job, spec: {completions: 2, parallelism: 1}, status: {conditions: [{type: Complete, status: "True"}]}}`,
			want:     `{apiVersion: batch/v1, kind: Job, spec: {completions: 2, parallelism: 1}}`,
		},
		"a job that runs is resized": {
			desired:  `{apiVersion: batch/v1, kind: Job, spec: {completions: 5, parallelism: 3}}`,
			observed: `{apiVersion: batch/v1, kind: Job, spec: {completions: 2, parallelism: 1}, status: {conditions: [{type: Suspended, status: "True"}]}}`,
			want:     `{apiVersion: batch/v1, kind: Job, spec: {completions: 5, parallelism: 3}}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			observed := manifesttest.Object(t, tt.observed)
			got, err := New().Retain(manifesttest.Object(t, tt.desired), observed)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(manifesttest.Object(t, tt.want).Object, got.Object); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(manifesttest.Object(t, tt.observed).Object, observed.Object); diff != "" {
				t.Errorf("the observed object changed:\n%s", diff)
			}
		})
	}
}

func TestDependencies(t *testing.T) {
	pod := `{serviceAccountName: robot, imagePullSecrets: [{name: pull}],
 initContainers: [{name: i, envFrom: [{secretRef: {name: from}}]}],
 containers: [{name: c, env: [{name: A, value: x}, {name: B, valueFrom: {configMapKeyRef: {name: settings, key: k}}}, {name: C, valueFrom: {secretKeyRef: {name: keys, key: k}}}], envFrom: [{configMapRef: {name: settings}}]}],
 volumes: [{name: a, configMap: {name: files}}, {name: b, secret: {secretName: certs}}, {name: c, persistentVolumeClaim: {claimName: data}},
  {name: d, projected: {sources: [{configMap: {name: p1}}, {secret: {name: p2}}]}}, {name: e, csi: {driver: x, nodePublishSecretRef: {name: csi}}}]}`
	all := []string{"ConfigMap/files", "ConfigMap/p1", "ConfigMap/settings", "PersistentVolumeClaim/data",
		"Secret/certs", "Secret/csi", "Secret/from", "Secret/keys", "Secret/p2", "Secret/pull", "ServiceAccount/robot"}
	tests := map[string]struct {
		object string
		want   []string
	}{
		"a pod":         {`{apiVersion: v1, kind: Pod, metadata: {namespace: shop}, spec: ` + pod + `}`, all},
		"a deployment":  {`{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: shop}, spec: {template: {spec: ` + pod + `}}}`, all},
		"a replica set": {`{apiVersion: apps/v1, kind: ReplicaSet, metadata: {namespace: shop}, spec: {template: {spec: ` + pod + `}}}`, all},
		"a daemon set":  {`{apiVersion: apps/v1, kind: DaemonSet, metadata: {namespace: shop}, spec: {template: {spec: ` + pod + `}}}`, all},
		"a job":         {`{apiVersion: batch/v1, kind: Job, metadata: {namespace: shop}, spec: {template: {spec: ` + pod + `}}}`, all},
		"a cron job":    {`{apiVersion: batch/v1, kind: CronJob, metadata: {namespace: shop}, spec: {jobTemplate: {spec: {template: {spec: ` + pod + `}}}}}`, all},
		"a stateful set makes its own claims": {
			`{apiVersion: apps/v1, kind: StatefulSet, metadata: {namespace: shop}, spec: {volumeClaimTemplates: [{metadata: {name: own}}], template: {spec: {volumes: [{name: own, persistentVolumeClaim: {claimName: own}}, {name: v, persistentVolumeClaim: {claimName: data}}]}}}}`,
			[]string{"PersistentVolumeClaim/data"},
		},
		"the default account is everywhere": {`{apiVersion: v1, kind: Pod, metadata: {namespace: shop}, spec: {serviceAccountName: default}}`, []string{}},
		"an ingress needs its certificates": {
			`{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {namespace: shop}, spec: {tls: [{secretName: b}, {secretName: a}, {hosts: [x]}, {secretName: a}]}}`,
			[]string{"Secret/a", "Secret/b"},
		},
		"a service import needs its derived service": {
			`{apiVersion: multicluster.x-k8s.io/v1alpha1, kind: ServiceImport, metadata: {namespace: shop, name: web}}`,
			[]string{"Service/derived-web", "EndpointSlice/kubernetes.io/service-name=derived-web"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dependencies, err := New().Dependencies(manifesttest.Object(t, tt.object))
			if err != nil {
				t.Fatal(err)
			}
			got := briefly(t, "shop", dependencies)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
