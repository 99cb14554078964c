// Package corpus renders realistic manifests of many kinds for three clusters, all the way that a
// template goes on the hub: a policy claims it, its replicas are placed, overrides change it, and
// what comes out are Works. Nothing is written anywhere.
//
// testdata/manifests holds the templates as a hub has stored them, clusters.yaml, policies.yaml and
// overrides.yaml what they meet, and golden/ what comes out, for people to review; `go test -update`
// writes it anew. What must hold of every Work is checked besides.
package corpus

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/claim"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/override"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/core/render"
)

var update = flag.Bool("update", false, "write the golden files anew")

// size is how many manifests there are at the least.
const size = 60

var interpreter = interpret.New()

// shipment is one template on its way.
type shipment struct {
	// template is marked with its policy.
	template *unstructured.Unstructured
	policy   policyv1alpha1.Propagation
	binding  workv1alpha2.Binding
	rendered []render.Rendered
}

func TestCorpus(t *testing.T) {
	w, all := readWorld(t), manifests(t)
	if len(all) < size {
		t.Errorf("%d manifests, want %d", len(all), size)
	}
	for name, stored := range all {
		t.Run(name, func(t *testing.T) {
			before := stored.DeepCopy()
			s := w.ship(t, stored)
			if diff := cmp.Diff(before.Object, stored.Object); diff != "" {
				t.Errorf("the template changed:\n%s", diff)
			}
			if again := w.ship(t, stored); !bytes.Equal(document(t, again), document(t, s)) {
				t.Error("a second time renders something else")
			}
			check(t, s)
			compare(t, name, document(t, s))
		})
	}
	noOthers(t, all)
}

// ship takes a template all the way.
func (w world) ship(t *testing.T, stored *unstructured.Unstructured) shipment {
	t.Helper()
	s := shipment{template: stored.DeepCopy()}
	decision := claim.Decide(claim.Input{Template: claim.Template{Object: s.template, GVK: s.template.GroupVersionKind()}, Policies: w.policies, ClusterPolicies: w.clusterPolicies})
	if decision.Action != claim.Claim {
		t.Fatalf("%s: no policy claims it", decision.Action)
	}
	s.policy = decision.Policy.Propagation
	claim.Mark(s.template, s.policy)
	s.binding = bind(t, s.template, decision.Policy)
	w.place(t, s)
	s.rendered = render.Works(render.Input{
		Binding: s.binding, Template: s.template, Clusters: w.byName(),
		Overrides:   override.Select(s.template, w.clusterOverride, w.overrides),
		Interpreter: interpreter,
		WorkID:      workID,
	})
	return s
}

func workID(cluster string) string { return "work-in-" + cluster }

func (w world) byName() map[string]*clusterv1alpha1.Cluster {
	out := map[string]*clusterv1alpha1.Cluster{}
	for _, c := range w.clusters {
		out[c.Name] = c
	}
	return out
}

func bind(t *testing.T, template *unstructured.Unstructured, policy *claim.Policy) workv1alpha2.Binding {
	t.Helper()
	replicas, requirements, err := interpreter.Replicas(template)
	if err != nil {
		t.Fatal(err)
	}
	var binding workv1alpha2.Binding = &workv1alpha2.ResourceBinding{}
	if template.GetNamespace() == "" {
		binding = &workv1alpha2.ClusterResourceBinding{}
	}
	stamp, _ := claim.NewStamp(template, policy)
	claim.Bind(binding, claim.Source{Template: template, Policy: policy, Stamp: stamp, NewID: "binding-id",
		Demand: claim.Demand{Replicas: replicas, Requirements: requirements}})
	return binding
}

// place has the clusters serve every kind: what they do when they do not is the scheduler's story.
func (w world) place(t *testing.T, s shipment) {
	t.Helper()
	in := placement.Input{Spec: s.binding.GetBindingSpec(), Status: s.binding.GetBindingStatus()}
	for _, c := range w.clusters {
		c = c.DeepCopy()
		c.Status.APIEnablements = []clusterv1alpha1.APIEnablement{{GroupVersion: s.template.GetAPIVersion(), Resources: []clusterv1alpha1.APIResource{{Kind: s.template.GetKind()}}}}
		c.Status.Conditions = []metav1.Condition{{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue}}
		in.Clusters = append(in.Clusters, c)
	}
	result, diagnosis := placement.Place(in)
	if !diagnosis.Fits() {
		t.Fatalf("%s: %s", diagnosis.Reason, diagnosis.Message)
	}
	s.binding.GetBindingSpec().Clusters = result.Clusters
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name+".yaml")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// noOthers finds golden files of manifests that are gone.
func noOthers(t *testing.T, all map[string]*unstructured.Unstructured) {
	t.Helper()
	files, err := filepath.Glob("testdata/golden/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if all[name[:len(name)-len(".yaml")]] == nil {
			t.Errorf("%s: there is no such manifest; remove the file", file)
		}
	}
}

// TestTheCorpusIsWide: every kind whose meaning is built in, every kind of override with every
// operator, and every shape of policy occur.
func TestTheCorpusIsWide(t *testing.T) {
	w, all := readWorld(t), manifests(t)
	kinds, uids, shapes, overriders := map[string]bool{}, map[string]string{}, map[placement.Strategy]bool{}, map[string]bool{}
	for name, stored := range all {
		kinds[stored.GetAPIVersion()+" "+stored.GetKind()] = true
		if other := uids[string(stored.GetUID())]; other != "" || stored.GetUID() == "" {
			t.Errorf("%s has the uid of %s, or none", name, other)
		}
		uids[string(stored.GetUID())] = name
		s := w.ship(t, stored)
		if spec := s.binding.GetBindingSpec(); placement.IsWorkload(spec) {
			shapes[placement.StrategyOf(spec.Placement)] = true
		}
		for _, r := range s.rendered {
			for _, rule := range slices.Concat(r.Applied.Cluster, r.Applied.Namespaced) {
				noteOverriders(overriders, rule.Overriders)
			}
		}
	}
	for _, kind := range []string{
		"apps/v1 Deployment", "apps/v1 ReplicaSet", "apps/v1 StatefulSet", "apps/v1 DaemonSet", "batch/v1 Job", "batch/v1 CronJob", "v1 Pod",
		"v1 Service", "networking.k8s.io/v1 Ingress", "v1 ServiceAccount", "v1 PersistentVolumeClaim", "v1 PersistentVolume", "v1 Secret",
		"policy/v1 PodDisruptionBudget", "autoscaling/v2 HorizontalPodAutoscaler", "autoscaling/v1 HorizontalPodAutoscaler", "multicluster.x-k8s.io/v1alpha1 ServiceImport",
	} {
		if !kinds[kind] {
			t.Errorf("no manifest of %s", kind)
		}
	}
	for _, shape := range []placement.Strategy{placement.Duplicated, placement.StaticWeight, placement.DynamicWeight, placement.Aggregated} {
		if !shapes[shape] {
			t.Errorf("no workload is placed by %s", shape)
		}
	}
	for _, want := range []string{
		"image Registry add", "image Registry replace", "image Registry remove", "image Repository add", "image Repository replace",
		"image Tag add", "image Tag replace", "image Tag remove", "image with a predicate", "command add", "command remove", "args add", "args remove",
		"labels add", "labels replace", "labels remove", "annotations add", "annotations replace", "annotations remove",
		"plaintext add", "plaintext replace", "plaintext remove", "json add", "json replace", "json remove", "yaml add", "yaml replace", "yaml remove",
	} {
		if !overriders[want] {
			t.Errorf("no override is applied that does %s", want)
		}
	}
}

func noteOverriders(seen map[string]bool, o policyv1alpha1.Overriders) {
	note := func(what string, operator policyv1alpha1.OverriderOperator) { seen[what+" "+string(operator)] = true }
	for _, x := range o.ImageOverrider {
		note("image "+string(x.Component), x.Operator)
		seen["image with a predicate"] = seen["image with a predicate"] || x.Predicate != nil
	}
	for _, x := range o.CommandOverrider {
		note("command", x.Operator)
	}
	for _, x := range o.ArgsOverrider {
		note("args", x.Operator)
	}
	for _, x := range o.LabelsOverrider {
		note("labels", x.Operator)
	}
	for _, x := range o.AnnotationsOverrider {
		note("annotations", x.Operator)
	}
	for _, x := range o.Plaintext {
		note("plaintext", x.Operator)
	}
	for _, x := range o.FieldOverrider {
		for _, op := range x.JSON {
			note("json", op.Operator)
		}
		for _, op := range x.YAML {
			note("yaml", op.Operator)
		}
	}
}

// TestEveryQuestionIsAnswered asks the interpreter all it knows about every manifest, as it is and
// as a member has it. None of them is odd, so nothing fails.
func TestEveryQuestionIsAnswered(t *testing.T) {
	for name, obj := range manifests(t) {
		t.Run(name, func(t *testing.T) {
			replicas, _, err := interpreter.Replicas(obj)
			note(t, err)
			_, err = interpreter.Components(obj)
			note(t, err)
			dependencies, err := interpreter.Dependencies(obj)
			note(t, err)
			for _, d := range dependencies {
				if d.Namespace != obj.GetNamespace() || (d.Name == "") == (d.LabelSelector == nil) {
					t.Errorf("dependency %+v", d)
				}
			}
			status, err := interpreter.Status(obj)
			note(t, err)
			if health, err := interpreter.Health(obj); err != nil || health == "" || health == workv1alpha2.ResourceUnknown {
				t.Errorf("health %q, %v", health, err)
			}
			_, err = interpreter.AggregateStatus(obj, []workv1alpha2.AggregatedStatusItem{{ClusterName: "fra", Status: status}, {ClusterName: "iad"}})
			note(t, err)
			revised, err := interpreter.ReviseReplica(obj.DeepCopy(), replicas)
			note(t, err)
			retained, err := interpreter.Retain(obj.DeepCopy(), obj)
			note(t, err)
			if err == nil {
				if diff := cmp.Diff(obj.Object, retained.Object); diff != "" {
					t.Errorf("to retain from itself changes it:\n%s", diff)
				}
			}
			if revised != nil && names.BindingName(revised.GetKind(), revised.GetName()) != names.BindingName(obj.GetKind(), obj.GetName()) {
				t.Errorf("revised into %s %s", revised.GetKind(), revised.GetName())
			}
		})
	}
}

func note(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
