package execution

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/manifest"
	"github.com/seaway-io/seaway/api/manifest/manifesttest"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

// TestLiveMember writes every native kind to a real API server as a member's, after the member has made the
// object its own: the write is accepted and changes nothing, and what is drift is repaired.
func TestLiveMember(t *testing.T) {
	member := hubtest.Start(t, hubtest.Options{}).Client
	if err := member.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}); err != nil {
		t.Fatal(err)
	}
	const (
		pod      = `{containers: [{name: web, image: web}], initContainers: [{name: init, image: init}]}`
		template = `{metadata: {labels: {app: web}}, spec: ` + pod + `}`
		selector = `selector: {matchLabels: {app: web}}`
		once     = `{metadata: {labels: {app: web}}, spec: {restartPolicy: Never, containers: [{name: web, image: web}]}}`
	)
	for name, tt := range map[string]struct {
		// desired is what the hub has, theirs what the member's own controllers make of it, drift what nobody
		// should have done; both are merge patches.
		desired, theirs, drift string
		node                   string
	}{
		"deployment": {desired: `{apiVersion: apps/v1, kind: Deployment, spec: {replicas: 3, ` + selector + `, template: ` + template + `}}`,
			theirs: `{metadata: {annotations: {deployment.kubernetes.io/revision: "1"}}}`, drift: `{spec: {replicas: 9, paused: true}}`},
		"deployment-scaled": {desired: `{apiVersion: apps/v1, kind: Deployment, metadata: {labels: {resourcetemplate.karmada.io/retain-replicas: "true"}}, spec: {replicas: 3, ` + selector + `, template: ` + template + `}}`,
			theirs: `{spec: {replicas: 7}}`, drift: `{spec: {paused: true}}`},
		"replicaset": {desired: `{apiVersion: apps/v1, kind: ReplicaSet, spec: {replicas: 3, ` + selector + `, template: ` + template + `}}`, drift: `{spec: {replicas: 9}}`},
		"statefulset": {desired: `{apiVersion: apps/v1, kind: StatefulSet, spec: {serviceName: web, replicas: 3, ` + selector + `, template: ` + template + `,
			volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}`, drift: `{spec: {replicas: 9}}`},
		"daemonset":      {desired: `{apiVersion: apps/v1, kind: DaemonSet, spec: {` + selector + `, template: ` + template + `}}`, drift: `{spec: {minReadySeconds: 9}}`},
		"job":            {desired: `{apiVersion: batch/v1, kind: Job, spec: {parallelism: 2, completions: 4, ttlSecondsAfterFinished: 60, template: ` + once + `}}`, drift: `{spec: {parallelism: 9}}`},
		"job-of-a-queue": {desired: `{apiVersion: batch/v1, kind: Job, spec: {parallelism: 2, template: ` + once + `}}`, drift: `{spec: {suspend: true}}`},
		"cronjob":        {desired: `{apiVersion: batch/v1, kind: CronJob, spec: {schedule: "* * * * *", jobTemplate: {spec: {template: ` + once + `}}}}`, drift: `{spec: {suspend: true}}`},
		"pod": {desired: `{apiVersion: v1, kind: Pod, metadata: {labels: {app: web}}, spec: ` + pod + `}`, node: "n1",
			theirs: `{metadata: {annotations: {cni.example.com/ip: 10.1.1.1}}}`, drift: `{metadata: {labels: {app: other}}}`},
		"service": {desired: `{apiVersion: v1, kind: Service, spec: {selector: {app: web}, ports: [{port: 80}]}}`, drift: `{spec: {selector: {app: other}}}`},
		"service-node-port": {desired: `{apiVersion: v1, kind: Service, spec: {type: NodePort, selector: {app: web}, ports: [{name: a, port: 80}, {name: b, port: 81}]}}`,
			drift: `{spec: {sessionAffinity: ClientIP}}`},
		"service-load-balancer": {desired: `{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80}]}}`,
			theirs: `{metadata: {finalizers: [service.kubernetes.io/load-balancer-cleanup]}}`, drift: `{spec: {selector: {app: other}}}`},
		"service-headless": {desired: `{apiVersion: v1, kind: Service, spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}}`, drift: `{spec: {selector: {app: other}}}`},
		"service-external": {desired: `{apiVersion: v1, kind: Service, spec: {type: ExternalName, externalName: a.example.com}}`, drift: `{spec: {externalName: b.example.com}}`},
		"ingress": {desired: `{apiVersion: networking.k8s.io/v1, kind: Ingress, spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}}`,
			drift: `{spec: {ingressClassName: other}}`},
		"claim": {desired: `{apiVersion: v1, kind: PersistentVolumeClaim, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}`,
			theirs: `{metadata: {annotations: {volume.kubernetes.io/selected-node: n1, pv.kubernetes.io/bind-completed: "yes"}}, spec: {volumeName: pv-1}}`, drift: `{metadata: {labels: {ours: other}}}`},
		"volume": {desired: `{apiVersion: v1, kind: PersistentVolume, spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /x}}}`,
			theirs: `{spec: {claimRef: {namespace: shop, name: data, uid: u1}}}`, drift: `{spec: {persistentVolumeReclaimPolicy: Delete}}`},
		"account": {desired: `{apiVersion: v1, kind: ServiceAccount, imagePullSecrets: [{name: ours}]}`,
			theirs: `{secrets: [{name: account-dockercfg}], imagePullSecrets: [{name: ours}, {name: account-dockercfg}]}`, drift: `{automountServiceAccountToken: false}`},
		"token": {desired: `{apiVersion: v1, kind: Secret, metadata: {annotations: {kubernetes.io/service-account.name: web}}, type: kubernetes.io/service-account-token}`,
			theirs: `{metadata: {annotations: {kubernetes.io/service-account.uid: u1}}, data: {token: dG9rZW4=}}`, drift: `{metadata: {labels: {ours: other}}}`},
		"secret": {desired: `{apiVersion: v1, kind: Secret, data: {key: b3Vycw==}}`, drift: `{data: {key: dGhlaXJz, more: dGhlaXJz}}`},
		"budget": {desired: `{apiVersion: policy/v1, kind: PodDisruptionBudget, spec: {minAvailable: 1, ` + selector + `}}`, drift: `{spec: {minAvailable: 2}}`},
		"autoscaler": {desired: `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 4,
			metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]}}`, drift: `{spec: {maxReplicas: 9}}`},
	} {
		t.Run(name, func(t *testing.T) {
			m := &onMember{t, member}
			desired := manifesttest.Object(t, tt.desired)
			desired.SetName(name)
			if desired.GetKind() != "PersistentVolume" {
				desired.SetNamespace("shop")
			}
			labels := desired.GetLabels()
			if labels == nil {
				labels = map[string]string{}
			}
			labels["ours"] = "yes"
			desired.SetLabels(labels)
			manifest.Prune(desired)
			if err := member.Create(t.Context(), desired.DeepCopy()); err != nil {
				t.Fatal(err)
			}
			if tt.node != "" {
				binding := manifesttest.Object(t, `{apiVersion: v1, kind: Binding, metadata: {name: `+name+`}, target: {kind: Node, name: `+tt.node+`}}`)
				if err := member.SubResource("binding").Create(t.Context(), m.get(desired), binding); err != nil {
					t.Fatal(err)
				}
			}
			m.patch(desired, tt.theirs)
			settled := m.get(desired)
			if diff := cmp.Diff(comparableOf(settled), comparableOf(m.write(desired))); diff != "" {
				t.Errorf("a write changes what is the member's own:\n%s", diff)
			}
			m.patch(desired, tt.drift)
			if cmp.Equal(comparableOf(settled), comparableOf(m.get(desired))) {
				t.Error("there was no drift")
			}
			if diff := cmp.Diff(comparableOf(settled), comparableOf(m.write(desired))); diff != "" {
				t.Errorf("drift is not repaired:\n%s", diff)
			}
		})
	}
}

// onMember acts on objects of a member.
type onMember struct {
	*testing.T
	member client.Client
}

func (m *onMember) get(obj *unstructured.Unstructured) *unstructured.Unstructured {
	m.Helper()
	out := obj.DeepCopy()
	if err := m.member.Get(m.Context(), client.ObjectKeyFromObject(obj), out); err != nil {
		m.Fatal(err)
	}
	return out
}

func (m *onMember) patch(obj *unstructured.Unstructured, patch string) {
	m.Helper()
	if patch == "" {
		return
	}
	data, err := manifesttest.Object(m.T, patch).MarshalJSON()
	if err == nil {
		err = m.member.Patch(m.Context(), obj.DeepCopy(), client.RawPatch(types.MergePatchType, data))
	}
	if err != nil {
		m.Fatal(err)
	}
}

// write writes as a Work is carried out, and returns what the member made of it.
func (m *onMember) write(desired *unstructured.Unstructured) *unstructured.Unstructured {
	m.Helper()
	target, err := Target(interpret.New(), desired, m.get(desired))
	if err != nil {
		m.Fatal(err)
	}
	if err := m.member.Update(m.Context(), target); err != nil {
		m.Fatal(err)
	}
	return target
}
