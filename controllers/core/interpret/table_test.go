package interpret

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/manifest/manifesttest"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

const (
	opReplica      = configv1alpha1.InterpreterOperationInterpretReplica
	opComponent    = configv1alpha1.InterpreterOperationInterpretComponent
	opRevise       = configv1alpha1.InterpreterOperationReviseReplica
	opRetain       = configv1alpha1.InterpreterOperationRetain
	opAggregate    = configv1alpha1.InterpreterOperationAggregateStatus
	opStatus       = configv1alpha1.InterpreterOperationInterpretStatus
	opHealth       = configv1alpha1.InterpreterOperationInterpretHealth
	opDependencies = configv1alpha1.InterpreterOperationInterpretDependency
)

var operations = []configv1alpha1.InterpreterOperation{opReplica, opComponent, opRevise, opRetain, opAggregate, opStatus, opHealth, opDependencies}

// features says which operations are known for which kinds; Karmada's users count on them. The
// autoscaler of autoscaling/v1 is known besides: it is the same object.
var features = map[schema.GroupVersionKind][]configv1alpha1.InterpreterOperation{
	kind("apps", "v1", "Deployment"):                           {opReplica, opRevise, opRetain, opAggregate, opStatus, opHealth, opDependencies},
	kind("apps", "v1", "ReplicaSet"):                           {opReplica, opRevise, opAggregate, opStatus, opHealth, opDependencies},
	kind("apps", "v1", "StatefulSet"):                          {opReplica, opRevise, opAggregate, opStatus, opHealth, opDependencies},
	kind("apps", "v1", "DaemonSet"):                            {opAggregate, opStatus, opHealth, opDependencies},
	kind("batch", "v1", "Job"):                                 {opReplica, opRevise, opRetain, opAggregate, opStatus, opDependencies},
	kind("batch", "v1", "CronJob"):                             {opAggregate, opDependencies},
	kind("", "v1", "Pod"):                                      {opReplica, opRetain, opAggregate, opHealth, opDependencies},
	kind("", "v1", "Service"):                                  {opRetain, opAggregate, opStatus, opHealth},
	kind("networking.k8s.io", "v1", "Ingress"):                 {opAggregate, opStatus, opHealth, opDependencies},
	kind("", "v1", "PersistentVolumeClaim"):                    {opRetain, opAggregate, opHealth},
	kind("", "v1", "PersistentVolume"):                         {opRetain, opAggregate},
	kind("", "v1", "ServiceAccount"):                           {opRetain},
	kind("", "v1", "Secret"):                                   {opRetain},
	kind("policy", "v1", "PodDisruptionBudget"):                {opAggregate, opStatus, opHealth},
	kind("autoscaling", "v2", "HorizontalPodAutoscaler"):       {opAggregate, opStatus},
	kind("autoscaling", "v1", "HorizontalPodAutoscaler"):       {opAggregate, opStatus},
	kind("multicluster.x-k8s.io", "v1alpha1", "ServiceImport"): {opDependencies},
}

// kindFile is a file of testdata/kinds: an object as a member has it, and what is to be made of it.
type kindFile struct {
	Member map[string]any `json:"member"`
	Rows   []row          `json:"rows"`
}

// row is one question about the object and its answer, which is worked out by hand:
//
//   - InterpretReplica: the replicas and requirements;
//   - InterpretComponent: the components;
//   - ReviseReplica: what setting seven replicas changes in the object, as a merge patch;
//   - Retain: what is changed in desired, as a merge patch;
//   - AggregateStatus: the status that the items of the clusters fra, iad and sin make together, of
//     which null has not reported, or "unchanged";
//   - InterpretStatus: the status;
//   - InterpretHealth: the health;
//   - InterpretDependency: the dependencies, as Kind/name.
type row struct {
	Operation configv1alpha1.InterpreterOperation `json:"operation"`
	// Says is what the row is about.
	Says string `json:"says"`
	// Change is a merge patch of the object for this row.
	Change  map[string]any `json:"change"`
	Desired map[string]any `json:"desired"`
	Items   []any          `json:"items"`
	Want    any            `json:"want"`
}

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

// TestKinds goes through the table of what is known about Kubernetes' own kinds.
func TestKinds(t *testing.T) {
	for name, file := range kindFiles(t) {
		for _, r := range file.Rows {
			t.Run(name+"/"+string(r.Operation)+"/"+r.Says, func(t *testing.T) {
				member := manifesttest.Merged(&unstructured.Unstructured{Object: file.Member}, r.Change)
				before := member.DeepCopy()
				got, want := r.ask(t, member), r.Want
				switch r.Operation {
				case opRevise:
					want = manifesttest.Merged(before, r.patch(t)).Object
				case opRetain:
					want = manifesttest.Merged(&unstructured.Unstructured{Object: r.Desired}, r.patch(t)).Object
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(before.Object, member.Object); diff != "" {
					t.Errorf("the object changed:\n%s", diff)
				}
			})
		}
	}
}

func (r row) patch(t *testing.T) map[string]any {
	t.Helper()
	patch, ok := r.Want.(map[string]any)
	if !ok {
		t.Fatalf("want: must be a merge patch, is %T", r.Want)
	}
	return patch
}

// ask returns the answer in the form it has in the table.
func (r row) ask(t *testing.T, member *unstructured.Unstructured) any {
	t.Helper()
	switch i := New(); r.Operation {
	case opReplica:
		replicas, requirements, err := i.Replicas(member)
		return answer(t, map[string]any{"replicas": replicas, "requirements": requirements}, err)
	case opComponent:
		components, err := i.Components(member)
		return answer(t, append([]workv1alpha2.Component{}, components...), err)
	case opRevise:
		revised, err := i.ReviseReplica(member.DeepCopy(), 7)
		return answer(t, revised.Object, err)
	case opRetain:
		desired := &unstructured.Unstructured{Object: r.Desired}
		retained, err := i.Retain(desired.DeepCopy(), member)
		return answer(t, retained.Object, err)
	case opAggregate:
		aggregated, err := i.AggregateStatus(member, r.reports(t))
		if aggregated == member {
			return answer(t, "unchanged", err)
		}
		return answer(t, aggregated.Object["status"], err)
	case opStatus:
		status, err := i.Status(member)
		return answer(t, statusOf(t, status), err)
	case opHealth:
		health, err := i.Health(member)
		return answer(t, health, err)
	case opDependencies:
		dependencies, err := i.Dependencies(member)
		return answer(t, briefly(t, member.GetNamespace(), dependencies), err)
	}
	t.Fatalf("operation %q: want one of %v", r.Operation, operations)
	return nil
}

// reports are what the clusters reported.
func (r row) reports(t *testing.T) []workv1alpha2.AggregatedStatusItem {
	t.Helper()
	clusters := []string{"fra", "iad", "sin"}
	var out []workv1alpha2.AggregatedStatusItem
	for i, status := range r.Items {
		item := workv1alpha2.AggregatedStatusItem{ClusterName: clusters[i]}
		if status != nil {
			data, err := utiljson.Marshal(status)
			if err != nil {
				t.Fatal(err)
			}
			item.Status = &runtime.RawExtension{Raw: data}
		}
		out = append(out, item)
	}
	return out
}

// briefly names dependencies, all of them in one namespace.
func briefly(t *testing.T, namespace string, dependencies []configv1alpha1.DependentObjectReference) []string {
	t.Helper()
	out := []string{}
	for _, d := range dependencies {
		if d.Namespace != namespace || d.APIVersion == "" {
			t.Errorf("%+v: want it in the namespace %q, with its version", d, namespace)
		}
		id := d.Name
		if d.LabelSelector != nil {
			id = metav1.FormatLabelSelector(d.LabelSelector)
		}
		out = append(out, d.Kind+"/"+id)
	}
	return out
}

// answer turns a value into what YAML would have been read into.
func answer(t *testing.T, value any, err error) any {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	out, err := plain(value)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTheTableIsComplete: there are rows for all that is promised and for all that is built, and
// nothing is built that is not promised.
func TestTheTableIsComplete(t *testing.T) {
	rows := map[schema.GroupVersionKind]map[configv1alpha1.InterpreterOperation]bool{}
	for name, file := range kindFiles(t) {
		of := (&unstructured.Unstructured{Object: file.Member}).GroupVersionKind()
		if rows[of] != nil {
			t.Errorf("%s: there is another file about %s", name, of)
		}
		rows[of] = map[configv1alpha1.InterpreterOperation]bool{}
		said := map[string]bool{}
		for _, r := range file.Rows {
			if key := string(r.Operation) + r.Says; r.Says == "" || said[key] {
				t.Errorf("%s: a row of %s says %q: want something that no other says", name, r.Operation, r.Says)
			} else {
				said[key] = true
			}
			rows[of][r.Operation] = true
		}
	}
	interpreter := New()
	for of := range native {
		if features[of] == nil {
			t.Errorf("%s is built and not promised", of)
		}
	}
	for of, promised := range features {
		for _, operation := range operations {
			want := slices.Contains(promised, operation)
			if got := interpreter.Handles(of, operation); got != want {
				t.Errorf("%s of %s is handled: %v, want %v", operation, of, got, want)
			}
			if want && !rows[of][operation] {
				t.Errorf("%s of %s has no row in testdata/kinds", operation, of)
			}
		}
	}
}

// TestTheTableIsDocumented: users read the table in docs/kinds.md.
func TestTheTableIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/kinds.md")
	if err != nil {
		t.Fatal(err)
	}
	columns := slices.DeleteFunc(slices.Clone(operations), func(o configv1alpha1.InterpreterOperation) bool { return o == opComponent })
	var lines []string
	for of, promised := range features {
		line := "| " + of.Kind + " `" + of.GroupVersion().String() + "` |"
		for _, operation := range columns {
			if slices.Contains(promised, operation) {
				line += " yes |"
			} else {
				line += " |"
			}
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	head := "| kind |"
	for _, operation := range columns {
		head += " " + string(operation) + " |"
	}
	table := head + "\n" + strings.Repeat("|---", len(columns)+1) + "|\n" + strings.Join(lines, "\n") + "\n"
	if !strings.Contains(string(doc), table) {
		t.Errorf("docs/kinds.md must have this table:\n%s", table)
	}
}
