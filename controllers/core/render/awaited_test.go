package render

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

func spec(t *testing.T, text string) *workv1alpha2.ResourceBindingSpec {
	t.Helper()
	s := &workv1alpha2.ResourceBindingSpec{}
	if err := yaml.UnmarshalStrict([]byte(text), s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAwaited(t *testing.T) {
	for name, tc := range map[string]struct {
		spec string
		want []workv1alpha2.TargetCluster
	}{
		"nothing is being left": {
			spec: `{clusters: [{name: iad, replicas: 3}]}`,
		},
		"a cluster that failover left, with the replicas it had": {
			spec: `{clusters: [{name: iad, replicas: 3}], gracefulEvictionTasks: [{fromCluster: fra, replicas: 2, reason: ClusterLost, producer: seaway-failover}]}`,
			want: []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 2}},
		},
		"what has no replicas": {
			spec: `{clusters: [{name: iad}], gracefulEvictionTasks: [{fromCluster: fra, reason: ClusterLost, producer: seaway-failover}]}`,
			want: []workv1alpha2.TargetCluster{{Name: "fra"}},
		},
		"a cluster that somebody else leaves": {
			spec: `{clusters: [{name: iad, replicas: 3}], gracefulEvictionTasks: [{fromCluster: fra, replicas: 2, reason: TaintUntolerated, producer: TaintManager}]}`,
		},
		"a cluster that it is placed in again": {
			spec: `{clusters: [{name: fra, replicas: 3}], gracefulEvictionTasks: [{fromCluster: fra, replicas: 2, reason: ClusterLost, producer: seaway-failover}]}`,
		},
		"a cluster that another binding requires": {
			spec: `{clusters: [{name: iad}], requiredBy: [{namespace: shop, name: web, clusters: [{name: fra, replicas: 1}]}],
				gracefulEvictionTasks: [{fromCluster: fra, replicas: 2, reason: ClusterLost, producer: seaway-failover}]}`,
		},
		"left twice: the first task counts": {
			spec: `{clusters: [{name: iad, replicas: 3}], gracefulEvictionTasks: [{fromCluster: fra, replicas: 2, reason: ClusterLost, producer: seaway-failover},
				{fromCluster: fra, replicas: 1, reason: ClusterLost, producer: seaway-failover}]}`,
			want: []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 2}},
		},
		"two clusters, in the order they were left": {
			spec: `{clusters: [{name: iad, replicas: 3}], gracefulEvictionTasks: [{fromCluster: sin, replicas: 1, reason: ClusterLost, producer: seaway-failover},
				{fromCluster: fra, replicas: 2, reason: ClusterLost, producer: seaway-failover}]}`,
			want: []workv1alpha2.TargetCluster{{Name: "sin", Replicas: 1}, {Name: "fra", Replicas: 2}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Awaited(spec(t, tc.spec))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestWorksOfAwaitedClusters looks at the replicas (a Deployment's) or the completions (a Job's) that
// each cluster is told.
func TestWorksOfAwaitedClusters(t *testing.T) {
	const (
		deployment = `{apiVersion: apps/v1, kind: Deployment, metadata: {namespace: shop, name: web, uid: u1}, spec: {replicas: 4}}`
		job        = `{apiVersion: batch/v1, kind: Job, metadata: {namespace: shop, name: web, uid: u1}, spec: {parallelism: 4, completions: 8, template: {spec: {restartPolicy: Never}}}}`
		divided    = `placement: {replicaScheduling: {replicaSchedulingType: Divided}}, replicas: 4, `
		duplicated = `placement: {replicaScheduling: {replicaSchedulingType: Duplicated}}, replicas: 4, `
		moved      = `clusters: [{name: iad, replicas: 3}, {name: sin, replicas: 1}], gracefulEvictionTasks: [{fromCluster: fra, replicas: 2, reason: ClusterLost, producer: seaway-failover}]`
	)
	for name, tc := range map[string]struct {
		spec, template string
		field          string
		want           map[string]int64
	}{
		"a divided Deployment: fra keeps what it had": {divided + moved, deployment, "replicas", map[string]int64{"fra": 2, "iad": 3, "sin": 1}},
		"a divided Job: its part has been given away": {divided + moved, job, "completions", map[string]int64{"iad": 6, "sin": 2}},
		"a duplicated Job: each cluster does it all":  {duplicated + moved, job, "completions", map[string]int64{"fra": 8, "iad": 8, "sin": 8}},
		"a cluster that is placed again is rendered once": {
			divided + `clusters: [{name: fra, replicas: 1}, {name: iad, replicas: 3}], gracefulEvictionTasks: [{fromCluster: fra, replicas: 2, reason: ClusterLost, producer: seaway-failover}]`,
			deployment, "replicas", map[string]int64{"fra": 1, "iad": 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := &workv1alpha2.ResourceBinding{Spec: *spec(t, "{"+tc.spec+"}")}
			b.Namespace, b.Name = "shop", "web"
			template := &unstructured.Unstructured{}
			data, err := yaml.YAMLToJSON([]byte(tc.template))
			if err != nil {
				t.Fatal(err)
			}
			if err := utiljson.Unmarshal(data, &template.Object); err != nil {
				t.Fatal(err)
			}
			got := map[string]int64{}
			for _, r := range Works(Input{Binding: b, Template: template, Clusters: clusters(t), Interpreter: interpret.New(),
				WorkID: func(string) string { return "w" }}) {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
				if _, twice := got[r.Cluster]; twice {
					t.Errorf("%s is rendered twice", r.Cluster)
				}
				var manifest map[string]any
				if err := utiljson.Unmarshal(r.Work.Spec.Workload.Manifests[0].Raw, &manifest); err != nil {
					t.Fatal(err)
				}
				n, _, _ := unstructured.NestedInt64(manifest, "spec", tc.field)
				got[r.Cluster] = n
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.field, diff)
			}
		})
	}
}

func TestAnAwaitedClusterIsKept(t *testing.T) {
	s := spec(t, `{clusters: [{name: iad, replicas: 3}], gracefulEvictionTasks: [{fromCluster: fra, purgeMode: Gracefully, replicas: 2, reason: ClusterLost, producer: seaway-failover}]}`)
	if kept := Kept(s); !kept.HasAll(Clusters(s)...) || kept.Len() != 2 {
		t.Errorf("kept %v of %v", kept.UnsortedList(), Clusters(s))
	}
}

// TestComponents: a workload with one component is divided by its replicas; one with several goes to its
// cluster whole, and its targets have no number that could be told it.
func TestComponents(t *testing.T) {
	for name, tc := range map[string]struct {
		components string
		want       int64
	}{
		"one":     {`[{name: worker, replicas: 4}]`, 3},
		"several": {`[{name: head, replicas: 1}, {name: worker, replicas: 3}]`, 4},
	} {
		t.Run(name, func(t *testing.T) {
			b := &workv1alpha2.ResourceBinding{Spec: *spec(t, `{components: `+tc.components+`, clusters: [{name: fra}]}`)}
			if name == "one" {
				b.Spec.Clusters[0].Replicas = 3
			}
			template := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment",
				"metadata": map[string]any{"namespace": "shop", "name": "web"}, "spec": map[string]any{"replicas": int64(4)}}}
			works := Works(Input{Binding: b, Template: template, Clusters: clusters(t), Interpreter: interpret.New(), WorkID: func(string) string { return "w" }})
			if len(works) != 1 || works[0].Err != nil {
				t.Fatalf("%+v", works)
			}
			var manifest map[string]any
			if err := utiljson.Unmarshal(works[0].Work.Spec.Workload.Manifests[0].Raw, &manifest); err != nil {
				t.Fatal(err)
			}
			if n, _, _ := unstructured.NestedInt64(manifest, "spec", "replicas"); n != tc.want {
				t.Errorf("%d replicas, want %d", n, tc.want)
			}
		})
	}
}
