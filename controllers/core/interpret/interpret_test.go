package interpret

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/seaway-io/seaway/api/manifest/manifesttest"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

type fixed Hooks

func (f fixed) Hooks(schema.GroupVersionKind) Hooks { return Hooks(f) }

func TestLayers(t *testing.T) {
	health := func(h workv1alpha2.ResourceHealth, err error) fixed {
		return fixed{Health: func(*unstructured.Unstructured) (workv1alpha2.ResourceHealth, error) { return h, err }}
	}
	pod := manifesttest.Object(t, `{apiVersion: v1, kind: Pod, metadata: {name: p}, status: {phase: Succeeded}}`)
	tests := map[string]struct {
		layers  []Layer
		want    workv1alpha2.ResourceHealth
		wantErr bool
	}{
		"the native kinds answer without layers": {want: workv1alpha2.ResourceHealthy},
		"a layer in front answers first":         {layers: []Layer{health("Unhealthy", nil)}, want: "Unhealthy"},
		"the first of two layers answers":        {layers: []Layer{health("Unknown", nil), health("Unhealthy", nil)}, want: "Unknown"},
		"a layer without the hook is passed by":  {layers: []Layer{fixed{}}, want: workv1alpha2.ResourceHealthy},
		"a failing hook is not passed by":        {layers: []Layer{health("", errors.New("no"))}, want: workv1alpha2.ResourceUnknown, wantErr: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := New(tt.layers...).Health(pod)
			if got != tt.want || (err != nil) != tt.wantErr {
				t.Errorf("Health = %s, %v, want %s, error %v", got, err, tt.want, tt.wantErr)
			}
		})
	}
}

// TestNoObject: a layer that answers with nothing has failed, and nobody behind it has to ask.
func TestNoObject(t *testing.T) {
	lamp := manifesttest.Object(t, `{apiVersion: example.com/v1, kind: Lamp, metadata: {namespace: shop, name: l}}`)
	for name, answer := range map[string]*unstructured.Unstructured{"nothing": nil, "an object that has none": {}} {
		t.Run(name, func(t *testing.T) {
			i := New(fixed{
				ReviseReplica: func(*unstructured.Unstructured, int32) (*unstructured.Unstructured, error) { return answer, nil },
				Retain:        func(_, _ *unstructured.Unstructured) (*unstructured.Unstructured, error) { return answer, nil },
				AggregateStatus: func(*unstructured.Unstructured, []workv1alpha2.AggregatedStatusItem) (*unstructured.Unstructured, error) {
					return answer, nil
				},
			})
			_, revise := i.ReviseReplica(lamp, 1)
			_, retain := i.Retain(lamp, lamp)
			_, aggregate := i.AggregateStatus(lamp, nil)
			for _, err := range []error{revise, retain, aggregate} {
				if err == nil || !strings.Contains(err.Error(), "Lamp shop/l: the answer is no object at all") {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestKindWithoutHooks(t *testing.T) {
	obj := manifesttest.Object(t, `{apiVersion: example.com/v1, kind: Lamp, metadata: {name: l}, spec: {replicas: 3}, status: {lit: true, by: [a]}}`)
	i := New()
	if n, requirements, err := i.Replicas(obj); n != 0 || requirements != nil || err != nil {
		t.Errorf("Replicas = %d, %v, %v, want none", n, requirements, err)
	}
	if h, err := i.Health(obj); h != workv1alpha2.ResourceHealthy || err != nil {
		t.Errorf("Health = %s, %v, want Healthy", h, err)
	}
	if got, err := i.Retain(obj, nil); got != obj || err != nil {
		t.Errorf("Retain = %v, %v, want the desired object", got, err)
	}
	if got, err := i.ReviseReplica(obj, 7); got != obj || err != nil {
		t.Errorf("ReviseReplica = %v, %v, want the object", got, err)
	}
	if got, err := i.AggregateStatus(obj, nil); got != obj || err != nil {
		t.Errorf("AggregateStatus = %v, %v, want the template", got, err)
	}
	status, err := i.Status(obj)
	if err != nil || string(status.Raw) != `{"by":["a"],"lit":true}` {
		t.Errorf("Status = %v, %v, want the whole status", status, err)
	}
	for _, text := range []string{`{apiVersion: example.com/v1, kind: Lamp}`, `{apiVersion: example.com/v1, kind: Lamp, status: {}}`} {
		if status, err := i.Status(manifesttest.Object(t, text)); status != nil || err != nil {
			t.Errorf("Status of %s = %v, %v, want none", text, status, err)
		}
	}
}

// allOperations asks everything about an object. It returns the errors.
func allOperations(i *Interpreter, obj, other *unstructured.Unstructured) []error {
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	_, _, err := i.Replicas(obj)
	note(err)
	_, err = i.Components(obj)
	note(err)
	_, err = i.Dependencies(obj)
	note(err)
	status, err := i.Status(obj)
	note(err)
	_, err = i.Health(obj)
	note(err)
	items := []workv1alpha2.AggregatedStatusItem{{ClusterName: "none"}, {ClusterName: "own", Status: status}}
	if whole, err := raw(other.Object["status"]); err == nil {
		items = append(items, workv1alpha2.AggregatedStatusItem{ClusterName: "other", Status: whole})
	}
	_, err = i.AggregateStatus(obj, items)
	note(err)
	_, err = i.Retain(obj.DeepCopy(), other)
	note(err)
	_, err = i.ReviseReplica(obj.DeepCopy(), 3)
	note(err)
	return errs
}

func FuzzAllOperations(f *testing.F) {
	seeds := []string{
		`{}`, `{"spec":null}`, `{"spec":[],"status":[]}`, `{"spec":{"replicas":"3"},"status":{"replicas":1.5}}`,
		`{"metadata":"x","spec":{"template":{"spec":{"containers":[null,3,{"name":4}]}}}}`,
		`{"spec":{"ports":[{"port":80},null]},"status":{"loadBalancer":{"ingress":[null,{"ip":7}]}}}`,
		`{"status":{"conditions":[{"type":"Failed","status":"True"}],"startTime":"yesterday"}}`,
		`{"spec":{"template":{"spec":{"containers":[{"resources":{"requests":{"cpu":"a lot"}}}]}}}}`,
		`{"spec":{"type":"LoadBalancer"},"data":[1],"secrets":{"a":1},"type":"kubernetes.io/service-account-token"}`,
		`{"metadata":{"labels":{"resourcetemplate.karmada.io/retain-replicas":"true"},"generation":1e300},"spec":{"replicas":-1}}`,
	}
	for _, a := range seeds {
		f.Add([]byte(a), []byte(seeds[3]))
		f.Add([]byte(seeds[5]), []byte(a))
	}
	for _, file := range kindFiles(f) {
		member, err := utiljson.Marshal(file.Member)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(member, []byte(seeds[3]))
		f.Add(member, member)
	}
	interpreter := New()
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var objects [2]*unstructured.Unstructured
		for i, data := range [][]byte{a, b} {
			objects[i] = &unstructured.Unstructured{}
			if utiljson.Unmarshal(data, &objects[i].Object) != nil || objects[i].Object == nil {
				return
			}
		}
		for kind := range native {
			objects[0].Object["apiVersion"], objects[0].Object["kind"] = kind.GroupVersion().String(), kind.Kind
			before := [2]*unstructured.Unstructured{objects[0].DeepCopy(), objects[1].DeepCopy()}
			allOperations(interpreter, objects[0], objects[1])
			if diff := cmp.Diff(before[0].Object, objects[0].Object) + cmp.Diff(before[1].Object, objects[1].Object); diff != "" {
				t.Fatalf("%s: reading changed an object: %s", kind, diff)
			}
		}
	})
}

func statusOf(t *testing.T, extension *runtime.RawExtension) any {
	t.Helper()
	if extension == nil {
		return nil
	}
	var out any
	if err := utiljson.Unmarshal(extension.Raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
