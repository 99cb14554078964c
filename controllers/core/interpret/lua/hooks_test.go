package lua

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
)

var fleet = schema.GroupVersionKind{Group: "example.io", Version: "v1", Kind: "Fleet"}

const fleetYAML = `
apiVersion: example.io/v1
kind: Fleet
metadata: {name: web, namespace: shop, uid: u1, generation: 9007199254740993, labels: {}, annotations: {note: ""}}
spec:
  replicas: 3
  paused: false
  ratio: 1.0
  empty: {}
  none: []
  hidden: null
  nested: [{list: [], map: {}}, [], "x"]
  template:
    spec:
      serviceAccountName: runner
      containers:
      - name: main
        resources: {requests: {cpu: 250m, memory: 64Mi}}
        envFrom: [{configMapRef: {name: settings}}]
status: {ready: 3, conditions: [], observedGeneration: 9007199254740993}
`

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return obj
}

func bundled(t testing.TB) *interpret.Interpreter {
	t.Helper()
	table, err := Bundle(os.DirFS("testdata/bundle"), DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]schema.GroupVersionKind{fleet}, table.Kinds()); diff != "" {
		t.Fatal(diff)
	}
	return interpret.New(table)
}

func TestBundledScriptAnswersEverything(t *testing.T) {
	i := bundled(t)
	obj := object(t, fleetYAML)
	before := obj.DeepCopy()
	for _, operation := range Operations {
		if !i.Handles(fleet, operation) {
			t.Errorf("%s is not handled", operation)
		}
	}
	wantRequirements := &workv1alpha2.ReplicaRequirements{ResourceRequest: map[corev1.ResourceName]resource.Quantity{"cpu": resource.MustParse("250m"), "memory": resource.MustParse("64Mi")}}

	replicas, requirements, err := i.Replicas(obj)
	if err != nil || replicas != 3 || cmp.Diff(wantRequirements, requirements) != "" {
		t.Errorf("replicas %d, %s, %v", replicas, cmp.Diff(wantRequirements, requirements), err)
	}
	components, err := i.Components(obj)
	wantComponents := []workv1alpha2.Component{{Name: "main", Replicas: 3, ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: wantRequirements.ResourceRequest}}, {Name: "idle"}}
	if diff := cmp.Diff(wantComponents, components); err != nil || diff != "" {
		t.Errorf("components: %s, %v", diff, err)
	}
	health, err := i.Health(obj)
	if err != nil || health != workv1alpha2.ResourceHealthy {
		t.Errorf("health %s, %v", health, err)
	}
	status, err := i.Status(obj)
	if err != nil || string(status.Raw) != `{"conditions":[],"ready":3}` {
		t.Errorf("status %s, %v", status.Raw, err)
	}
	dependencies, err := i.Dependencies(obj)
	wantDependencies := []configv1alpha1.DependentObjectReference{
		{APIVersion: "v1", Kind: "ConfigMap", Namespace: "shop", Name: "settings"},
		{APIVersion: "v1", Kind: "ServiceAccount", Namespace: "shop", Name: "runner"},
	}
	if diff := cmp.Diff(wantDependencies, dependencies); err != nil || diff != "" {
		t.Errorf("dependencies: %s, %v", diff, err)
	}
	if diff := cmp.Diff(before, obj); diff != "" {
		t.Errorf("a script changed its argument: %s", diff)
	}
}

// TestChangedObjectsKeepEverythingElse: what a script does not touch comes back as it was, save nulls.
func TestChangedObjectsKeepEverythingElse(t *testing.T) {
	i := bundled(t)
	want := object(t, fleetYAML)
	delete(want.Object["spec"].(map[string]any), "hidden")

	revised, err := i.ReviseReplica(object(t, fleetYAML), 7)
	if err != nil {
		t.Fatal(err)
	}
	want.Object["spec"].(map[string]any)["replicas"] = int64(7)
	if diff := cmp.Diff(want, revised); diff != "" {
		t.Errorf("revise: %s", diff)
	}
	observed := object(t, fleetYAML)
	observed.Object["spec"].(map[string]any)["paused"] = true
	retained, err := i.Retain(object(t, fleetYAML), observed)
	if err != nil {
		t.Fatal(err)
	}
	want.Object["spec"].(map[string]any)["replicas"] = int64(3)
	want.Object["spec"].(map[string]any)["paused"] = true
	if diff := cmp.Diff(want, retained); diff != "" {
		t.Errorf("retain: %s", diff)
	}
}

func TestAggregatedStatusIsAllThatIsTaken(t *testing.T) {
	i := bundled(t)
	template := object(t, fleetYAML)
	raw := func(s string) *runtime.RawExtension { return &runtime.RawExtension{Raw: []byte(s)} }
	aggregated, err := i.AggregateStatus(template, []workv1alpha2.AggregatedStatusItem{
		{ClusterName: "east", Status: raw(`{"ready":2}`)}, {ClusterName: "north"}, {ClusterName: "west", Status: raw(`{"ready":1}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := template.DeepCopy()
	want.Object["status"] = map[string]any{"ready": int64(3), "clusters": []any{"east", "west"}}
	if diff := cmp.Diff(want, aggregated); diff != "" {
		t.Error(diff)
	}
	again, err := i.AggregateStatus(aggregated, []workv1alpha2.AggregatedStatusItem{
		{ClusterName: "east", Status: raw(`{"ready":2}`)}, {ClusterName: "west", Status: raw(`{"ready":1}`)},
	})
	if err != nil || again != aggregated {
		t.Errorf("the same status is another object: %v", err)
	}
}

func hooks(t testing.TB, source string) interpret.Hooks {
	t.Helper()
	s, err := Compile("test.lua", source, DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	scripts := Scripts{}
	for i, operation := range Operations {
		if slices.Contains(s.Defines(), functionNames[i]) {
			scripts[operation] = []*Script{s}
		}
	}
	return scripts.Hooks()
}

func TestWrongAnswersSayWhatIsWrong(t *testing.T) {
	obj := object(t, fleetYAML)
	for name, test := range map[string]struct{ script, want string }{
		"replicas is no number":        {`function GetReplicas(o) return "3" end`, "test.lua: GetReplicas: replicas: must be a number, is a string"},
		"replicas is a fraction":       {`function GetReplicas(o) return 1.5 end`, "test.lua: GetReplicas: replicas: must be a whole number between 0 and 2147483647, is 1.5"},
		"replicas is negative":         {`function GetReplicas(o) return -1 end`, "test.lua: GetReplicas: replicas: must be a whole number between 0 and 2147483647, is -1"},
		"requirements are a list":      {`function GetReplicas(o) return 1, {1} end`, "test.lua: GetReplicas: requirements: must be a table with named fields, is a list"},
		"requirements do not decode":   {`function GetReplicas(o) return 1, {nodeClaim = 5} end`, "test.lua: GetReplicas: requirements: "},
		"a quantity takes for ever":    {`function GetReplicas(o) return 1, {resourceRequest = {cpu = "1e-999999999"}} end`, `test.lua: GetReplicas: requirements: resourceRequest.cpu: "1e-999999999" is not a quantity`},
		"health is no boolean":         {`function InterpretHealth(o) return 1 end`, "test.lua: InterpretHealth: health: must be true or false, is a number"},
		"a mistake in the script":      {"function InterpretHealth(o)\n  local s = o.status\n  return s.missing.field\nend", "test.lua:3: InterpretHealth: attempt to index a non-table object(nil) with key 'field'"},
		"an error of the script's own": {"function InterpretHealth(o)\n  error('not today')\nend", "test.lua:2: InterpretHealth: not today"},
		"an error that is a table":     {"function InterpretHealth(o) error({}) end", "test.lua: InterpretHealth: raised a table"},
		"a function in the status":     {`function ReflectStatus(o) return {a = {b = print}} end`, "test.lua: ReflectStatus: status.a.b: a function can not be part of an object"},
		"a status that has itself":     {`function ReflectStatus(o) local t = {} t.t = t return t end`, "nested more than 200 deep; does the table contain itself?"},
		"a status that grows as read":  {`function ReflectStatus(o) local t = {} for i = 1, 60 do t = {a = t, b = t} end return t end`, "cut off: it used up its"},
		"a list with a hole":           {`function ReflectStatus(o) return {a = {1, nil, 3}} end`, "test.lua: ReflectStatus: status.a: a list has items from 1 to its end, without holes; there is one at 3"},
		"a list with fields":           {`function ReflectStatus(o) return {a = {1, x = 2}} end`, "test.lua: ReflectStatus: status.a: is a list and an object at once"},
		"a key that is no name":        {`function ReflectStatus(o) return {[true] = 1} end`, "test.lua: ReflectStatus: status: a boolean can not be the name of a field"},
		"not a number":                 {`function ReflectStatus(o) return {a = 0/0} end`, "test.lua: ReflectStatus: status.a: is not a number that JSON can hold"},
		"bytes that are no text":       {`function ReflectStatus(o) return {a = string.char(255)} end`, "test.lua: ReflectStatus: status.a: is not valid UTF-8"},
		"another name":                 {`function ReviseReplica(o, n) o.metadata.name = "x" return o end`, "test.lua: ReviseReplica: metadata.name: was changed; an interpreter may change what an object says, not which one it is"},
		"another namespace":            {`function ReviseReplica(o, n) o.metadata.namespace = nil return o end`, "test.lua: ReviseReplica: metadata.namespace: was changed"},
		"another kind":                 {`function Retain(d, o) d.kind = "ClusterRoleBinding" return d end`, "test.lua: Retain: kind: was changed"},
		"another owner":                {`function Retain(d, o) d.metadata.labels = {["karmada.io/managed"] = "true"} return d end`, "test.lua: Retain: metadata.labels: a label was added that says whose the object is"},
		"no object":                    {`function Retain(d, o) end`, "test.lua: Retain: object: must be a table with named fields, is a nil"},
		"a dependency without a name":  {`function GetDependencies(o) return {{apiVersion = "v1", kind = "Secret"}} end`, "test.lua: GetDependencies: dependencies[0]: name or labelSelector is needed"},
		"dependencies are no list":     {`function GetDependencies(o) return {apiVersion = "v1"} end`, "test.lua: GetDependencies: dependencies: must be a list, is a table with named fields"},
	} {
		t.Run(name, func(t *testing.T) {
			h := hooks(t, test.script)
			var err error
			switch {
			case h.Replicas != nil:
				_, _, err = h.Replicas(obj)
			case h.Health != nil:
				_, err = h.Health(obj)
			case h.Status != nil:
				_, err = h.Status(obj)
			case h.ReviseReplica != nil:
				_, err = h.ReviseReplica(obj, 1)
			case h.Retain != nil:
				_, err = h.Retain(obj, obj)
			case h.Dependencies != nil:
				_, err = h.Dependencies(obj)
			}
			var fault *Error
			if !errors.As(err, &fault) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want %q, have %v", test.want, err)
			}
		})
	}
}

func TestScriptsThatDoNotCompileSayWhere(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"syntax":              {"x = 1\ny = = 2", "bad.lua:2: syntax error near '='"},
		"an end is missing":   {"function f()", "bad.lua: syntax error at the end"},
		"break outside":       {"break", "bad.lua:1: no loop to break"},
		"too long":            {strings.Repeat("x", maxSource+1), "bad.lua: is 65537 bytes long; at most 65536 are allowed"},
		"too deep":            {"x = " + strings.Repeat("{", 500) + strings.Repeat("}", 500), "nested more than 400 deep"},
		"a long chain":        {"x = " + strings.Repeat("not ", 15000) + "1", "nested more than 400 deep"},
		"fails when run":      {"local x = nil\nx.y = 1", "bad.lua:2: attempt to index a non-table object(nil) with key 'y'"},
		"never comes back":    {"while true do end", "bad.lua:1: cut off: it used up its 2000000 steps"},
		"too many local vars": {strings.Repeat("local a = 1\n", 300), "bad.lua"},
		"undefined label":     {"goto nowhere", "bad.lua"},
		"not text":            {"\x1bLua", "bad.lua:1"},
	} {
		if _, err := Compile("bad.lua", test.source, DefaultLimits); err == nil || !strings.HasPrefix(err.Error(), "bad.lua") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: want %q, have %v", name, test.want, err)
		}
	}
}

func customization(name string, age time.Duration, health, dependencies string) configv1alpha1.ResourceInterpreterCustomization {
	c := configv1alpha1.ResourceInterpreterCustomization{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(time.Unix(1e9, 0).Add(-age))}}
	c.Spec.Target = configv1alpha1.CustomizationTarget{APIVersion: "example.io/v1", Kind: "Fleet"}
	if health != "" {
		c.Spec.Customizations.HealthInterpretation = &configv1alpha1.HealthInterpretation{LuaScript: health}
	}
	if dependencies != "" {
		c.Spec.Customizations.DependencyInterpretation = &configv1alpha1.DependencyInterpretation{LuaScript: dependencies}
	}
	return c
}

func TestTableOfCustomizations(t *testing.T) {
	const (
		healthy   = `function InterpretHealth(o) return true end`
		unhealthy = `function InterpretHealth(o) return false end`
	)
	needs := func(names ...string) string {
		var list strings.Builder
		for _, n := range names {
			list.WriteString(`{apiVersion = "v1", kind = "Secret", namespace = "shop", name = "` + n + `"},`)
		}
		return `function GetDependencies(o) return {` + list.String() + `} end`
	}
	young, old := customization("a-young", time.Hour, healthy, needs("b", "c")), customization("z-old", 2*time.Hour, unhealthy, needs("a", "b"))
	broken := customization("broken", 3*time.Hour, "function (", "x = 1")
	table := Build([]configv1alpha1.ResourceInterpreterCustomization{young, broken, old}, DefaultLimits, nil)

	obj := object(t, fleetYAML)
	i := interpret.New(table)
	if health, err := i.Health(obj); err != nil || health != workv1alpha2.ResourceUnhealthy {
		t.Errorf("the older customization says unhealthy; have %s, %v", health, err)
	}
	dependencies, err := i.Dependencies(obj)
	var names []string
	for _, d := range dependencies {
		names = append(names, d.Name)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, names); err != nil || diff != "" {
		t.Errorf("dependencies of both: %s, %v", diff, err)
	}
	var faults []string
	for _, f := range table.Faults() {
		faults = append(faults, f.Customization+" "+f.Field+": "+f.Err.Error())
	}
	want := []string{
		"broken healthInterpretation: broken/healthInterpretation:1: syntax error near '('",
		"broken dependencyInterpretation: broken/dependencyInterpretation: defines no function GetDependencies",
		"a-young healthInterpretation: InterpretHealth of example.io/v1, Kind=Fleet is defined by the older customization z-old, which counts; remove one of the two",
	}
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Error(diff)
	}

	same := Build([]configv1alpha1.ResourceInterpreterCustomization{old, young, broken}, DefaultLimits, table)
	if changed := same.Changed(table); len(changed) != 0 {
		t.Errorf("nothing changed but %v", changed)
	}
	without := Build([]configv1alpha1.ResourceInterpreterCustomization{young}, DefaultLimits, same)
	if diff := cmp.Diff([]schema.GroupVersionKind{fleet}, without.Changed(same)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]schema.GroupVersionKind{fleet}, Build(nil, DefaultLimits, without).Changed(without)); diff != "" {
		t.Error(diff)
	}
	if health, _ := interpret.New(without).Health(obj); health != workv1alpha2.ResourceHealthy {
		t.Error("with the older one gone the younger counts")
	}
	if errs := Validate(&broken, DefaultLimits); len(errs) != 2 {
		t.Errorf("want two errors at admission, have %v", errs)
	}
}

func TestBundleRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"a GROUP/VERSION/KIND.lua":          {"Fleet.lua": {Data: []byte("x = 1")}},
		"defines none of GetReplicas":       {"a/v1/Fleet.lua": {Data: []byte("x = 1")}},
		"a/v1/Fleet.lua:1: syntax error":    {"a/v1/Fleet.lua": {Data: []byte("x = = 1")}},
		"a script belongs into GROUP/VERSI": {"a/v1/Fleet/health.lua": {Data: []byte("x = 1")}},
		"a/prelude.lua:1: syntax error":     {"a/prelude.lua": {Data: []byte("x = = 1")}, "a/v1/Fleet.lua": {Data: []byte("x = 1")}},
		"a/prelude.lua: defines Retain":     {"a/prelude.lua": {Data: []byte("function Retain() end")}, "a/v1/Fleet.lua": {Data: []byte("x = 1")}},
	} {
		if _, err := Bundle(files, DefaultLimits); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(name, "a GROUP")) {
			t.Errorf("want %q, have %v", name, err)
		}
	}
}

// TestPreludesAreBelowEachOther: a script has the globals of the preludes above it, and of no others.
func TestPreludesAreBelowEachOther(t *testing.T) {
	table, err := Bundle(fstest.MapFS{
		"prelude.lua":    {Data: []byte("function top() return 'top' end")},
		"a/prelude.lua":  {Data: []byte("function both() return top() == 'top' end")},
		"a/v1/Fleet.lua": {Data: []byte("function InterpretHealth() return both() end")},
		"b/v1/Fleet.lua": {Data: []byte("function InterpretHealth() return both == nil and top() == 'top' end")},
		"b/v1/Wrong.lua": {Data: []byte("function InterpretHealth() return both() end")},
	}, DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	i := interpret.New(table)
	for kind, want := range map[string]workv1alpha2.ResourceHealth{
		"{apiVersion: a/v1, kind: Fleet}": workv1alpha2.ResourceHealthy,
		"{apiVersion: b/v1, kind: Fleet}": workv1alpha2.ResourceHealthy,
		"{apiVersion: b/v1, kind: Wrong}": workv1alpha2.ResourceUnknown,
	} {
		if got, err := i.Health(object(t, kind)); got != want {
			t.Errorf("%s: want %s, have %s, %v", kind, want, got, err)
		}
	}
}

// TestWhatIsEmptyInReportsStaysWhatItWas: an empty table in a sum is a list or an object, as in the
// reports, when the template does not say.
func TestWhatIsEmptyInReportsStaysWhatItWas(t *testing.T) {
	script, err := Compile("x", "function AggregateStatus(obj, items) obj.status = items[1].status return obj end", DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	i := interpret.New(&Table{hooks: map[schema.GroupVersionKind]interpret.Hooks{fleet: Scripts{configv1alpha1.InterpreterOperationAggregateStatus: {script}}.Hooks()}})
	got, err := i.AggregateStatus(object(t, "{apiVersion: example.io/v1, kind: Fleet}"), []workv1alpha2.AggregatedStatusItem{
		{ClusterName: "fra", Status: &runtime.RawExtension{Raw: []byte(`{"list":[],"map":{}}`)}}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"list": []any{}, "map": map[string]any{}}, got.Object["status"]); diff != "" {
		t.Error(diff)
	}
}

// TestManyAtOnce: one script is run by many, each with an object of its own.
func TestManyAtOnce(t *testing.T) {
	i := bundled(t)
	var wait sync.WaitGroup
	for n := range int32(8) {
		wait.Go(func() {
			for k := range int32(50) {
				want := n*1000 + k
				revised, err := i.ReviseReplica(object(t, fleetYAML), want)
				if err != nil {
					t.Error(err)
					return
				}
				if got, _, _ := unstructured.NestedInt64(revised.Object, "spec", "replicas"); got != int64(want) {
					t.Errorf("want %d, have %d", want, got)
				}
			}
		})
	}
	wait.Wait()
}
