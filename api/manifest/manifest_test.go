package manifest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type object = map[string]any

func TestPrune(t *testing.T) {
	of := func(apiVersion, kind string, rest object) object {
		out := object{"apiVersion": apiVersion, "kind": kind}
		for k, v := range rest {
			out[k] = v
		}
		return out
	}
	tests := map[string]struct{ in, want object }{
		"what the API server sets": {
			in: of("v1", "ConfigMap", object{"metadata": object{
				"name": "a", "labels": object{"l": "x"}, "annotations": object{"n": "x"},
				"creationTimestamp": "t", "deletionTimestamp": "t", "deletionGracePeriodSeconds": int64(3), "generation": int64(3),
				"managedFields": []any{}, "resourceVersion": "7", "selfLink": "s", "uid": "u", "ownerReferences": []any{}, "finalizers": []any{"f"},
			}, "data": object{"k": "v"}, "status": object{"x": "y"}}),
			want: of("v1", "ConfigMap", object{"metadata": object{"name": "a", "labels": object{"l": "x"}, "annotations": object{"n": "x"}}, "data": object{"k": "v"}}),
		},
		"revisions of a Deployment": {
			in: of("apps/v1", "Deployment", object{"metadata": object{"annotations": object{
				"deployment.kubernetes.io/revision": "1", "deployment.kubernetes.io/revision-history": "1,2", "mine": "x"}}}),
			want: of("apps/v1", "Deployment", object{"metadata": object{"annotations": object{"mine": "x"}}}),
		},
		"a Deployment of another group is no Deployment": {
			in:   of("example.com/v1", "Deployment", object{"metadata": object{"annotations": object{"deployment.kubernetes.io/revision": "1"}}}),
			want: of("example.com/v1", "Deployment", object{"metadata": object{"annotations": object{"deployment.kubernetes.io/revision": "1"}}}),
		},
		"what is generated for a Job": {
			in: of("batch/v1", "Job", object{"metadata": object{}, "spec": object{
				"ttlSecondsAfterFinished": int64(5),
				"selector":                object{"matchLabels": object{"controller-uid": "u", "batch.kubernetes.io/controller-uid": "u"}},
				"template": object{"metadata": object{"labels": object{
					"controller-uid": "u", "job-name": "j", "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "j", "app": "x"}}}}}),
			want: of("batch/v1", "Job", object{"metadata": object{}, "spec": object{
				"template": object{"metadata": object{"labels": object{"app": "x"}}}}}),
		},
		"a Job with a selector of the user's": {
			in: of("batch/v1", "Job", object{"metadata": object{}, "spec": object{"manualSelector": true, "ttlSecondsAfterFinished": int64(5),
				"selector": object{"matchLabels": object{"controller-uid": "mine"}}}}),
			want: of("batch/v1", "Job", object{"metadata": object{}, "spec": object{"manualSelector": true,
				"selector": object{"matchLabels": object{"controller-uid": "mine"}}}}),
		},
		"addresses of a Service": {
			in:   of("v1", "Service", object{"metadata": object{}, "spec": object{"clusterIP": "10.0.0.1", "clusterIPs": []any{"10.0.0.1"}, "type": "ClusterIP"}}),
			want: of("v1", "Service", object{"metadata": object{}, "spec": object{"type": "ClusterIP"}}),
		},
		"a headless Service": {
			in:   of("v1", "Service", object{"metadata": object{}, "spec": object{"clusterIP": "None", "clusterIPs": []any{"None"}}}),
			want: of("v1", "Service", object{"metadata": object{}, "spec": object{"clusterIP": "None", "clusterIPs": []any{"None"}}}),
		},
		"generated tokens of a ServiceAccount": {
			in:   of("v1", "ServiceAccount", object{"metadata": object{"name": "a"}, "secrets": []any{object{"name": "a-token-x"}, object{"name": "mine"}}}),
			want: of("v1", "ServiceAccount", object{"metadata": object{"name": "a"}, "secrets": []any{object{"name": "mine"}}}),
		},
		"nothing but generated tokens": {
			in:   of("v1", "ServiceAccount", object{"metadata": object{"name": "a"}, "secrets": []any{object{"name": "a-token-x"}}}),
			want: of("v1", "ServiceAccount", object{"metadata": object{"name": "a"}}),
		},
		"a token Secret": {
			in: of("v1", "Secret", object{"metadata": object{"annotations": object{"kubernetes.io/service-account.name": "a", "kubernetes.io/service-account.uid": "u"}},
				"type": "kubernetes.io/service-account-token", "data": object{"token": "x"}}),
			want: of("v1", "Secret", object{"metadata": object{"annotations": object{"kubernetes.io/service-account.name": "a"}},
				"type": "kubernetes.io/service-account-token"}),
		},
		"any other Secret": {
			in:   of("v1", "Secret", object{"metadata": object{}, "type": "Opaque", "data": object{"k": "x"}}),
			want: of("v1", "Secret", object{"metadata": object{}, "type": "Opaque", "data": object{"k": "x"}}),
		},
		"the node chosen for a volume": {
			in:   of("v1", "PersistentVolumeClaim", object{"metadata": object{"annotations": object{"volume.kubernetes.io/selected-node": "n"}}}),
			want: of("v1", "PersistentVolumeClaim", object{"metadata": object{}}),
		},
		"fields of an unexpected type": {
			in:   of("v1", "Service", object{"metadata": "text", "spec": []any{int64(1)}}),
			want: of("v1", "Service", object{"metadata": "text", "spec": []any{int64(1)}}),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			obj := &unstructured.Unstructured{Object: tt.in}
			Prune(obj)
			if diff := cmp.Diff(tt.want, obj.Object); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
