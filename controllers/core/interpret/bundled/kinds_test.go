package bundled

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/manifest/manifesttest"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/interpret/lua"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	replica    = configv1alpha1.InterpreterOperationInterpretReplica
	component  = configv1alpha1.InterpreterOperationInterpretComponent
	revise     = configv1alpha1.InterpreterOperationReviseReplica
	retain     = configv1alpha1.InterpreterOperationRetain
	aggregate  = configv1alpha1.InterpreterOperationAggregateStatus
	status     = configv1alpha1.InterpreterOperationInterpretStatus
	health     = configv1alpha1.InterpreterOperationInterpretHealth
	dependency = configv1alpha1.InterpreterOperationInterpretDependency
)

type operations = []configv1alpha1.InterpreterOperation

// promised are the kinds that Karmada's users expect to be known, and what of them.
var promised = map[schema.GroupVersionKind]operations{
	kind("apps.kruise.io/v1alpha1", "AdvancedCronJob"):         {aggregate, dependency},
	kind("apps.kruise.io/v1alpha1", "BroadcastJob"):            {replica, revise, retain, aggregate, status, health, dependency},
	kind("apps.kruise.io/v1alpha1", "CloneSet"):                {replica, revise, aggregate, status, health, dependency},
	kind("apps.kruise.io/v1alpha1", "DaemonSet"):               {aggregate, status, health, dependency},
	kind("apps.kruise.io/v1alpha1", "SidecarSet"):              {replica, retain, aggregate, status, health, dependency},
	kind("apps.kruise.io/v1alpha1", "UnitedDeployment"):        {replica, revise, aggregate, status, health, dependency},
	kind("apps.kruise.io/v1beta1", "StatefulSet"):              {replica, revise, aggregate, status, health, dependency},
	kind("argoproj.io/v1alpha1", "Workflow"):                   {replica, revise, retain, health, dependency},
	kind("batch.volcano.sh/v1alpha1", "Job"):                   {component, aggregate, status, health},
	kind("flink.apache.org/v1beta1", "FlinkDeployment"):        {replica, component, aggregate, status, health},
	kind("helm.toolkit.fluxcd.io/v2beta1", "HelmRelease"):      {retain, aggregate, status, health, dependency},
	kind("kubeflow.org/v1", "Notebook"):                        {replica, aggregate, status, health},
	kind("kubeflow.org/v1", "PyTorchJob"):                      {component, aggregate, health, dependency},
	kind("kubeflow.org/v1", "TFJob"):                           {component, aggregate, health, dependency},
	kind("kubeflow.org/v2beta1", "MPIJob"):                     {component, aggregate, status, health, dependency},
	kind("kustomize.toolkit.fluxcd.io/v1", "Kustomization"):    {retain, aggregate, status, health, dependency},
	kind("kyverno.io/v1", "ClusterPolicy"):                     {aggregate, status, health},
	kind("kyverno.io/v1", "Policy"):                            {aggregate, status, health},
	kind("ray.io/v1", "RayCluster"):                            {component, aggregate, status, health},
	kind("ray.io/v1", "RayJob"):                                {component, aggregate, status, health, dependency},
	kind("ray.io/v1", "RayService"):                            {replica, revise, aggregate, status, health, dependency},
	kind("source.toolkit.fluxcd.io/v1", "GitRepository"):       {retain, aggregate, status, health, dependency},
	kind("source.toolkit.fluxcd.io/v1beta2", "Bucket"):         {retain, aggregate, status, health, dependency},
	kind("source.toolkit.fluxcd.io/v1beta2", "HelmChart"):      {retain, aggregate, status, health, dependency},
	kind("source.toolkit.fluxcd.io/v1beta2", "HelmRepository"): {retain, aggregate, status, health, dependency},
	kind("source.toolkit.fluxcd.io/v1beta2", "OCIRepository"):  {retain, aggregate, status, health, dependency},
	kind("sparkoperator.k8s.io/v1beta2", "SparkApplication"):   {component, aggregate, status, health},
}

func kind(apiVersion, name string) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(apiVersion, name)
}

// TestTheTableIsComplete: each promised kind has each promised operation and no other, and an object of
// it is in testdata.
func TestTheTableIsComplete(t *testing.T) {
	said := map[schema.GroupVersionKind]bool{}
	for name, file := range kindFiles(t) {
		of := file.member().GroupVersionKind()
		if said[of] || promised[of] == nil {
			t.Errorf("%s: is about %s, which is not promised or has another file", name, of)
		}
		said[of] = true
	}
	bundled := map[schema.GroupVersionKind]bool{}
	for _, of := range Table().Kinds() {
		bundled[of] = true
		if promised[of] == nil {
			t.Errorf("%s has a script and is not promised", of)
		}
	}
	for of, want := range promised {
		if !bundled[of] || !said[of] {
			t.Errorf("%s: has a script: %v, has an object in testdata: %v; want both", of, bundled[of], said[of])
		}
		var got operations
		for _, operation := range lua.Operations {
			if len(Table().Scripts(of, operation)) > 0 {
				got = append(got, operation)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", of, diff)
		}
	}
}

// kindFile is a file of testdata/kinds.
type kindFile struct {
	// Member is an object as a member has it.
	Member map[string]any `json:"member"`
	// Desired changes Member into what the hub wants there, as a merge patch.
	Desired map[string]any `json:"desired"`
	// States are other states of Member, as merge patches.
	States map[string]map[string]any `json:"states"`
	// Reports are what the clusters fra, iad and sin report, as merge patches of what is brought home of
	// Member; null for a cluster that has not reported.
	Reports map[string][]any `json:"reports"`
}

func (f kindFile) member() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: runtime.DeepCopyJSON(f.Member)}
}

// template is the object on the hub: it has a generation of its own and no status.
func (f kindFile) template(t testing.TB) *unstructured.Unstructured {
	template := f.member()
	delete(template.Object, "status")
	generation, err := json.Number(template.GetAnnotations()["resourcetemplate.karmada.io/generation"]).Int64()
	if err != nil {
		t.Fatal(err)
	}
	template.SetGeneration(generation)
	return template
}

// items are reports of clusters.
func (f kindFile) items(t testing.TB, reports []any) []workv1alpha2.AggregatedStatusItem {
	t.Helper()
	home := map[string]any{}
	reflected, err := interpreter().Status(f.member())
	if err != nil {
		t.Fatal(err)
	}
	if err := utiljson.Unmarshal(reflected.Raw, &home); err != nil {
		t.Fatal(err)
	}
	out := make([]workv1alpha2.AggregatedStatusItem, len(reports))
	for i, report := range reports {
		out[i].ClusterName = []string{"fra", "iad", "sin"}[i]
		if report == nil {
			continue
		}
		merged := manifesttest.Merged(&unstructured.Unstructured{Object: home}, report.(map[string]any))
		data, err := utiljson.Marshal(merged.Object)
		if err != nil {
			t.Fatal(err)
		}
		out[i].Status, out[i].Applied = &runtime.RawExtension{Raw: data}, true
	}
	return out
}

func interpreter() *interpret.Interpreter { return interpret.New(Table()) }

func kindFiles(t testing.TB) map[string]kindFile {
	t.Helper()
	paths, err := filepath.Glob("testdata/kinds/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no kinds: %v", err)
	}
	out := map[string]kindFile{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file kindFile
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(manifesttest.Object(t, string(data)).Object, &file, true); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		out[strings.TrimSuffix(filepath.Base(path), ".yaml")] = file
	}
	return out
}

// TestKinds compares what the scripts make of the objects of testdata/kinds with testdata/golden, which
// is for people to review; `go test -update` writes it anew.
func TestKinds(t *testing.T) {
	for name, file := range kindFiles(t) {
		t.Run(name, func(t *testing.T) {
			got, err := yaml.Marshal(file.answers(t))
			if err != nil {
				t.Fatal(err)
			}
			path := "testdata/golden/" + name + ".yaml"
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// answers are the answers to all questions about an object.
func (f kindFile) answers(t *testing.T) map[configv1alpha1.InterpreterOperation]any {
	out := map[configv1alpha1.InterpreterOperation]any{}
	for _, operation := range promised[f.member().GroupVersionKind()] {
		switch operation {
		case aggregate:
			sums := map[string]any{}
			for says, reports := range f.Reports {
				sums[says] = f.sum(t, reports)
			}
			out[operation] = sums
		case retain:
			desired := manifesttest.Merged(f.member(), f.Desired)
			retained, err := interpreter().Retain(desired.DeepCopy(), f.member())
			out[operation] = difference(t, desired, retained, err)
		case revise, status:
			out[operation] = f.ask(t, operation, f.member())
		default:
			states := map[string]any{"as it is": f.ask(t, operation, f.member())}
			for says, change := range f.States {
				answer := f.ask(t, operation, manifesttest.Merged(f.member(), change))
				// a state is mostly about one question; that it changes nothing else needs no line
				if operation == health || cmp.Diff(answer, states["as it is"]) != "" {
					states[says] = answer
				}
			}
			out[operation] = states
		}
	}
	return out
}

// sum is the status that reports make together.
func (f kindFile) sum(t *testing.T, reports []any) any {
	template := f.template(t)
	summed, err := interpreter().AggregateStatus(template, f.items(t, reports))
	if err != nil {
		t.Fatal(err)
	}
	if summed == template {
		return "unchanged"
	}
	return summed.Object["status"]
}

// ask puts a question about one object.
func (f kindFile) ask(t *testing.T, operation configv1alpha1.InterpreterOperation, obj *unstructured.Unstructured) any {
	t.Helper()
	switch i := interpreter(); operation {
	case replica:
		replicas, needs, err := i.Replicas(obj)
		return plain(t, map[string]any{"replicas": replicas, "requirements": needs}, err)
	case component:
		components, err := i.Components(obj)
		return plain(t, components, err)
	case revise:
		revised, err := i.ReviseReplica(obj.DeepCopy(), 7)
		return difference(t, obj, revised, err)
	case status:
		home, err := i.Status(obj)
		return plain(t, home, err)
	case health:
		answer, err := i.Health(obj)
		return plain(t, answer, err)
	case dependency:
		references, err := i.Dependencies(obj)
		if err != nil {
			t.Fatal(err)
		}
		names := []any{}
		for _, r := range references {
			if r.APIVersion != "v1" {
				t.Errorf("%+v: want a core kind", r)
			}
			names = append(names, strings.Join([]string{r.Kind, r.Namespace, r.Name}, "/"))
		}
		return names
	}
	t.Fatalf("operation %s", operation)
	return nil
}

func plain(t *testing.T, value any, err error) any {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := utiljson.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// difference is what was changed in the spec of an object and in its status. Nothing else may change.
func difference(t *testing.T, before, after *unstructured.Unstructured, err error) any {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	for _, field := range []string{"apiVersion", "kind", "metadata"} {
		if diff := cmp.Diff(before.Object[field], after.Object[field]); diff != "" {
			t.Errorf("%s changed:\n%s", field, diff)
		}
	}
	for _, field := range []string{"spec", "status"} {
		if changed := changes(before.Object[field], after.Object[field]); changed != nil {
			out[field] = changed
		}
	}
	return out
}

// changes are the fields that differ, with their new values.
func changes(before, after any) any {
	b, isObject := before.(map[string]any)
	a, wasObject := after.(map[string]any)
	if !isObject || !wasObject {
		if cmp.Equal(before, after) {
			return nil
		}
		return after
	}
	out := map[string]any{}
	for field := range a {
		if changed := changes(b[field], a[field]); changed != nil {
			out[field] = changed
		}
	}
	for field := range b {
		if _, there := a[field]; !there {
			out[field] = "removed"
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
