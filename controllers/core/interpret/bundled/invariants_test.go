package bundled

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"pgregory.net/rapid"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/interpret/lua"
)

func eachKind(t *testing.T, check func(t *testing.T, of schema.GroupVersionKind, file kindFile)) {
	for name, file := range kindFiles(t) {
		t.Run(name, func(t *testing.T) { check(t, file.member().GroupVersionKind(), file) })
	}
}

func has(of schema.GroupVersionKind, operation configv1alpha1.InterpreterOperation) bool {
	return slices.Contains(promised[of], operation)
}

// TestAggregatingAgainChangesNothing: the same reports make the same status, to the last bit, whatever
// there was before. Otherwise the hub would write for ever.
func TestAggregatingAgainChangesNothing(t *testing.T) {
	eachKind(t, func(t *testing.T, of schema.GroupVersionKind, file kindFile) {
		for says, reports := range file.Reports {
			first, err := interpreter().AggregateStatus(file.template(t), file.items(t, reports))
			if err != nil {
				t.Fatal(err)
			}
			second, err := interpreter().AggregateStatus(first.DeepCopy(), file.items(t, reports))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first.Object, second.Object); diff != "" {
				t.Errorf("%s (-first +second):\n%s", says, diff)
			}
		}
	})
}

// TestASumHasTheFieldsOfTheKind: what a member's definition does not have, the hub's would drop, and the
// hub would write it again for ever. Nothing but the status changes.
func TestASumHasTheFieldsOfTheKind(t *testing.T) {
	eachKind(t, func(t *testing.T, of schema.GroupVersionKind, file kindFile) {
		known := map[string]bool{"observedGeneration": true}
		for field := range file.Member["status"].(map[string]any) {
			known[field] = true
		}
		for _, reports := range file.Reports {
			for _, report := range reports {
				fields, _ := report.(map[string]any)
				for field := range fields {
					known[field] = known[field] || field != "resourceTemplateGeneration" && field != "generation"
				}
			}
		}
		for says, reports := range file.Reports {
			template := file.template(t)
			summed, err := interpreter().AggregateStatus(template, file.items(t, reports))
			if err != nil {
				t.Fatal(err)
			}
			sum, _ := summed.Object["status"].(map[string]any)
			for field := range sum {
				if !known[field] && !(field == "conditions" && of.Kind == "BroadcastJob") {
					t.Errorf("%s: the sum has a field %s, which is not in the object", says, field)
				}
			}
			delete(summed.Object, "status")
			if diff := cmp.Diff(file.template(t).Object, summed.Object); diff != "" {
				t.Errorf("%s: changed:\n%s", says, diff)
			}
		}
	})
}

// TestNobodyIsToldTooEarly: as long as one cluster has not seen what became of the present template there,
// the sum has an older generation; when all have, it has the template's.
func TestNobodyIsToldTooEarly(t *testing.T) {
	eachKind(t, func(t *testing.T, of schema.GroupVersionKind, file kindFile) {
		template := file.template(t)
		template.SetGeneration(9)
		template.Object["status"] = map[string]any{"observedGeneration": int64(8)}
		if _, there := file.Member["status"].(map[string]any)["observedGeneration"]; !there || !has(of, aggregate) || of.Kind == "SidecarSet" {
			return
		}
		current := map[string]any{"generation": int64(3), "observedGeneration": int64(3), "resourceTemplateGeneration": int64(9)}
		for says, c := range map[string]struct {
			second map[string]any
			want   int64
		}{
			"all have seen it":            {current, 9},
			"a controller is behind":      {map[string]any{"generation": int64(3), "observedGeneration": int64(2), "resourceTemplateGeneration": int64(9)}, 8},
			"an older template is there":  {map[string]any{"generation": int64(3), "observedGeneration": int64(3), "resourceTemplateGeneration": int64(8)}, 8},
			"nothing is known of a third": {map[string]any{"generation": nil, "observedGeneration": nil, "resourceTemplateGeneration": nil}, 8},
		} {
			summed, err := interpreter().AggregateStatus(template.DeepCopy(), file.items(t, []any{current, c.second}))
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := unstructured.NestedInt64(summed.Object, "status", "observedGeneration"); got != c.want {
				t.Errorf("%s: observed generation %d, want %d", says, got, c.want)
			}
		}
	})
}

// TestWhatIsSetIsRead: an object that is given a number of replicas has that number. A RayService is a
// head at least.
func TestWhatIsSetIsRead(t *testing.T) {
	eachKind(t, func(t *testing.T, of schema.GroupVersionKind, file kindFile) {
		if !has(of, replica) || !has(of, revise) {
			return
		}
		rapid.Check(t, func(t *rapid.T) {
			least := int32(0)
			obj := file.member()
			if of.Kind == "RayService" {
				least = 1
				groups := make([]any, rapid.IntRange(1, 5).Draw(t, "groups"))
				for i := range groups {
					groups[i] = map[string]any{"replicas": int64(rapid.IntRange(0, 6).Draw(t, "replicas of a group"))}
				}
				if err := unstructured.SetNestedSlice(obj.Object, groups, "spec", "rayClusterConfig", "workerGroupSpecs"); err != nil {
					t.Fatal(err)
				}
			}
			want := rapid.Int32Range(least, 10_000).Draw(t, "replicas")
			revised, err := interpreter().ReviseReplica(obj, want)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, err := interpreter().Replicas(revised); err != nil || got != want {
				t.Fatalf("want %d, have %d, %v", want, got, err)
			}
			groups, _, _ := unstructured.NestedSlice(revised.Object, "spec", "rayClusterConfig", "workerGroupSpecs")
			for _, group := range groups {
				if n := group.(map[string]any)["replicas"].(int64); n < 0 {
					t.Fatalf("a group has %d replicas", n)
				}
			}
		})
	})
}

// odd are values that no field of the kinds may have everywhere.
var odd = []any{nil, "", "odd", int64(-1), 0.5, true, []any{}, []any{nil, "x", map[string]any{}}, map[string]any{}, map[string]any{"odd": []any{nil}}}

// TestOddPartsAreErrors: where an object should be there is something else, and that is said.
func TestOddPartsAreErrors(t *testing.T) {
	eachKind(t, func(t *testing.T, of schema.GroupVersionKind, file kindFile) {
		obj := file.member()
		obj.Object["spec"], obj.Object["status"] = "odd", "odd"
		items := []workv1alpha2.AggregatedStatusItem{{ClusterName: "fra", Status: &runtime.RawExtension{Raw: []byte(`"odd"`)}}}
		for _, operation := range promised[of] {
			err := ask(operation, obj, file.member(), items)
			if constant := of.Kind == "SidecarSet" && (operation == replica || operation == retain); (err == nil) != constant {
				t.Errorf("%s: want an error, have %v", operation, err)
			}
		}
	})
}

// TestOddFieldsDoNoHarm: whatever a field holds, a script answers or says what is wrong; it is not cut off
// and the machine does not fail.
func TestOddFieldsDoNoHarm(t *testing.T) {
	crashed := regexp.MustCompile("machine failed|cut off|runtime error|panic")
	eachKind(t, func(t *testing.T, of schema.GroupVersionKind, file kindFile) {
		try := func(says string, obj *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) {
			for _, operation := range promised[of] {
				if err := ask(operation, obj, file.member(), items); err != nil && crashed.MatchString(err.Error()) {
					t.Errorf("%s: %s: %v", operation, says, err)
				}
			}
		}
		var two []workv1alpha2.AggregatedStatusItem
		if has(of, aggregate) {
			two = file.items(t, []any{map[string]any{}, map[string]any{}})
		}
		try("an empty object", &unstructured.Unstructured{Object: map[string]any{"apiVersion": of.GroupVersion().String(), "kind": of.Kind}}, two)
		paths := fields(file.Member, nil)
		for i, at := range slices.Sorted(maps.Keys(paths)) {
			obj := file.member()
			replaceField(obj.Object, paths[at], odd[i%len(odd)])
			obj.SetGroupVersionKind(of)
			try(at, obj, two)
		}
		if len(two) == 0 {
			return
		}
		var home map[string]any
		if err := utiljson.Unmarshal(two[0].Status.Raw, &home); err != nil {
			t.Fatal(err)
		}
		paths = fields(home, nil)
		for i, at := range slices.Sorted(maps.Keys(paths)) {
			for _, value := range []any{odd[i%len(odd)], odd[(i+4)%len(odd)]} {
				status := runtime.DeepCopyJSON(home)
				replaceField(status, paths[at], value)
				data, err := utiljson.Marshal(status)
				if err != nil {
					t.Fatal(err)
				}
				item := workv1alpha2.AggregatedStatusItem{ClusterName: "iad", Status: &runtime.RawExtension{Raw: data}}
				if err := ask(aggregate, file.template(t), nil, []workv1alpha2.AggregatedStatusItem{two[0], item}); err != nil && crashed.MatchString(err.Error()) {
					t.Errorf("a report with an odd %s: %v", at, err)
				}
			}
		}
	})
}

// ask puts a question, of which only the error counts.
func ask(operation configv1alpha1.InterpreterOperation, obj, other *unstructured.Unstructured, items []workv1alpha2.AggregatedStatusItem) (err error) {
	switch i := interpreter(); operation {
	case replica:
		_, _, err = i.Replicas(obj)
	case component:
		_, err = i.Components(obj)
	case revise:
		_, err = i.ReviseReplica(obj.DeepCopy(), 3)
	case retain:
		_, err = i.Retain(other.DeepCopy(), obj)
	case aggregate:
		_, err = i.AggregateStatus(obj, items)
	case status:
		_, err = i.Status(obj)
	case health:
		_, err = i.Health(obj)
	case dependency:
		_, err = i.Dependencies(obj)
	}
	return err
}

// fields are the paths of all fields of an object, items of lists included.
func fields(value any, at []string) map[string][]string {
	out := map[string][]string{}
	add := func(name string, v any) {
		path := append(slices.Clone(at), name)
		out[fmt.Sprint(path)] = path
		maps.Copy(out, fields(v, path))
	}
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			add(name, field)
		}
	case []any:
		for i, item := range v {
			add(fmt.Sprint(i), item)
		}
	}
	return out
}

// replaceField puts a value at a path.
func replaceField(in any, path []string, value any) {
	switch v := in.(type) {
	case map[string]any:
		if len(path) == 1 {
			v[path[0]] = value
			return
		}
		replaceField(v[path[0]], path[1:], value)
	case []any:
		i, _ := strconv.Atoi(path[0])
		if len(path) == 1 {
			v[i] = value
			return
		}
		replaceField(v[i], path[1:], value)
	}
}

// TestAThousandClustersFitIn: a sum over many clusters, each with something to say, stays below the limits
// by far, and below what a condition holds.
func TestAThousandClustersFitIn(t *testing.T) {
	eachKind(t, func(t *testing.T, of schema.GroupVersionKind, file kindFile) {
		if !has(of, aggregate) {
			return
		}
		one := file.items(t, []any{map[string]any{}})[0]
		items := make([]workv1alpha2.AggregatedStatusItem, 1000)
		for i := range items {
			items[i] = one
			items[i].ClusterName = fmt.Sprintf("member-of-the-federation-%04d", i)
		}
		var most lua.Usage
		observed := interpret.New(Table().Observe(func(_, _ string, used lua.Usage) { most = used }))
		summed, err := observed.AggregateStatus(file.template(t), items)
		if err != nil {
			t.Fatal(err)
		}
		if limits := lua.DefaultLimits; most.Steps > limits.Steps*2/3 || most.Bytes > limits.Bytes*2/3 {
			t.Errorf("uses %d steps and %d bytes, too near to %+v", most.Steps, most.Bytes, limits)
		}
		conditions, _, _ := unstructured.NestedSlice(summed.Object, "status", "conditions")
		for _, condition := range conditions {
			if message, _, _ := unstructured.NestedString(condition.(map[string]any), "message"); len(message) > 32768 {
				t.Errorf("a message of %d bytes", len(message))
			}
		}
	})
}

// TestUsersComeFirst: a customization answers before the bundled script, and for its operation only.
func TestUsersComeFirst(t *testing.T) {
	custom := configv1alpha1.ResourceInterpreterCustomization{}
	custom.Name = "mine"
	custom.Spec.Target = configv1alpha1.CustomizationTarget{APIVersion: "apps.kruise.io/v1alpha1", Kind: "CloneSet"}
	custom.Spec.Customizations.ReplicaResource = &configv1alpha1.ReplicaResourceRequirement{LuaScript: "function GetReplicas(obj) return 42 end"}
	i := interpret.New(lua.Build([]configv1alpha1.ResourceInterpreterCustomization{custom}, lua.DefaultLimits, nil), Table())
	obj := kindFiles(t)["apps.kruise.io-CloneSet"].member()
	if n, _, err := i.Replicas(obj); err != nil || n != 42 {
		t.Errorf("want the 42 replicas of the customization, have %d, %v", n, err)
	}
	if health, err := i.Health(obj); err != nil || health != workv1alpha2.ResourceHealthy {
		t.Errorf("want the health of the bundled script, have %s, %v", health, err)
	}
}
