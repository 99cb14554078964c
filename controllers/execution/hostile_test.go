package execution

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"pgregory.net/rapid"

	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
)

var things = schema.GroupResource{Resource: "configmaps"}

// TestRefusals: whatever a member answers ends in the condition, with what to do about it, is tried
// again, and heals by itself once the member thinks better of it.
func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		answer error
		says   []string
	}{
		"a webhook of the member refuses": {
			apierrors.NewForbidden(things, "settings", errors.New(`admission webhook "policy.example.com" denied the request: no owner label`)),
			[]string{"ConfigMap shop/settings", `admission webhook "policy.example.com" denied the request: no owner label`}},
		"a webhook of the member does not answer": {
			apierrors.NewInternalError(errors.New(`failed calling webhook "policy.example.com": context deadline exceeded`)),
			[]string{`failed calling webhook "policy.example.com"`}},
		"the namespace is not there": {
			apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop"),
			[]string{`namespace "shop" is not in cluster "fra"; create it on the hub`}},
		"the definition of the kind has vanished": {
			apierrors.NewGenericServerResponse(http.StatusNotFound, "create", things, "", "404 page not found", 0, true),
			[]string{`cluster "fra" no longer serves v1 ConfigMap; install what defines it there`}},
		"it is too large for the request": {
			apierrors.NewRequestEntityTooLargeError("limit is 3145728"),
			[]string{`larger than the API server of cluster "fra" stores; make it smaller`}},
		"it is too large for the store": {
			&apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: 500, Message: "etcdserver: request is too large"}},
			[]string{`larger than the API server of cluster "fra" stores; make it smaller`}},
		"it is invalid": {
			apierrors.NewInvalid(schema.GroupKind{Kind: "ConfigMap"}, "settings", field.ErrorList{field.Invalid(field.NewPath("data"), "x", "must be a map")}),
			[]string{"data: Invalid value"}},
		"a field cannot be changed": {
			apierrors.NewInvalid(schema.GroupKind{Kind: "ConfigMap"}, "settings", field.ErrorList{field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set")}),
			[]string{"delete the object there to have it made anew"}},
		"it quotes the whole object": {
			apierrors.NewInvalid(schema.GroupKind{Kind: "Lamp"}, "settings", field.ErrorList{field.Invalid(field.NewPath("spec"), strings.Repeat("x", 1<<20), "field is immutable")}),
			[]string{"ConfigMap shop/settings: a field that was changed cannot be changed", ": field is immutable"}},
		"the credentials do not suffice": {
			apierrors.NewForbidden(things, "settings", errors.New(`User "system:serviceaccount:karmada-cluster:karmada-fra" cannot create resource`)),
			[]string{"cannot create resource"}},
		"it is asked too often": {
			apierrors.NewTooManyRequests("slow down", 1), []string{"too busy to answer; this is tried again"}},
		"it is shutting down": {
			apierrors.NewServiceUnavailable("apiserver is shutting down"), []string{"too busy to answer; this is tried again"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, workWith(t, configMap))
			w.member.Fail = func(verb, _ string) error {
				if verb == "create" {
					return tt.answer
				}
				return nil
			}
			_, _, _, result, err := w.sync()
			if err == nil && result.RequeueAfter == 0 {
				t.Error("it is not tried again")
			}
			applied := w.condition(workv1alpha1.WorkApplied)
			if applied.Status != metav1.ConditionFalse || applied.Reason != workv1alpha1.ReasonAppliedFailed || applied.ObservedGeneration != 1 {
				t.Errorf("Applied = %+v", applied)
			}
			if len(applied.Message) > 2000 {
				t.Errorf("Applied says %d bytes; bindings quote it for every cluster", len(applied.Message))
			}
			for _, text := range tt.says {
				if !strings.Contains(applied.Message, text) {
					t.Errorf("Applied says %q, want %q in it", applied.Message, text)
				}
			}
			_, onHub, reasons, _, _ := w.sync()
			expect(t, "told a second time", []string(nil), slices.Concat(onHub, reasons))
			w.member.Fail = nil
			w.settle()
			if w.condition(workv1alpha1.WorkApplied).Status != metav1.ConditionTrue {
				t.Error("it does not heal")
			}
		})
	}
}

// TestBusyMember: an API server that is busy takes nothing back that was applied.
func TestBusyMember(t *testing.T) {
	w := newWorld(t, workWith(t, configMap))
	w.settle()
	if err := w.member.Remove(w.member.Get("configmaps", "shop", "settings")); err != nil {
		t.Fatal(err)
	}
	w.member.Fail = func(string, string) error { return apierrors.NewTooManyRequests("slow down", 1) }
	_, onHub, _, _, err := w.sync()
	expect(t, "written", []string(nil), onHub)
	if err == nil {
		t.Error("it is not tried again")
	}
	w.member.Fail = nil
	inMember, _, _, _, _ := w.sync()
	expect(t, "once it has time", []string{"create shop/settings"}, inMember)
}

// TestPanic: a bug that one manifest brings to light is told of that manifest, and stops no other.
func TestPanic(t *testing.T) {
	w := newWorld(t, workWith(t, configMap))
	w.member.Default = func(*unstructured.Unstructured) { panic("on purpose") }
	if _, _, _, _, err := w.sync(); err == nil {
		t.Error("it is not tried again")
	}
	if applied := w.condition(workv1alpha1.WorkApplied); !strings.Contains(applied.Message, "internal error, please report it") || !strings.Contains(applied.Message, "on purpose") {
		t.Errorf("Applied = %+v", applied)
	}
}

// TestLargeObject: an object of nearly the largest size goes out and is compared as any other.
func TestLargeObject(t *testing.T) {
	w := newWorld(t, workWith(t, fmt.Sprintf(`{apiVersion: v1, kind: ConfigMap, metadata: {namespace: shop, name: settings}, data: {a: %q}}`, strings.Repeat("x", 1400<<10))))
	w.settle()
	obj := w.member.Get("configmaps", "shop", "settings")
	obj.Object["status"] = map[string]any{"report": strings.Repeat("y", 300<<10)}
	if err := w.member.Put(obj); err != nil {
		t.Fatal(err)
	}
	w.change(func(*workv1alpha1.Work) {})
	w.settle()
	if applied := w.condition(workv1alpha1.WorkApplied); applied.Status != metav1.ConditionTrue || applied.ObservedGeneration != 2 {
		t.Errorf("Applied = %+v", applied)
	}
}

// TestAnyManifest: manifests of any shape, with nulls and wrong types everywhere, never panic, always
// end in a condition, and once applied are not written again.
func TestAnyManifest(t *testing.T) {
	value := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"null", "[]", "{}", `""`, "0", "1.5", "true", `[null]`, `{x: null}`, `"text"`, `{matchLabels: [1]}`, `{metadata: null, spec: {containers: [null, {name: 3}]}}`}).Draw(t, "value")
	})
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom([]string{"{apiVersion: v1, kind: ConfigMap", "{apiVersion: v1, kind: Service", "{apiVersion: apps/v1, kind: Deployment"}).Draw(rt, "kind")
		text := kind + ", metadata: {namespace: shop, name: settings"
		for _, key := range []string{"finalizers", "ownerReferences", "creationTimestamp", "generation"} {
			if rapid.Bool().Draw(rt, key) {
				text += ", " + key + ": " + value.Draw(rt, key)
			}
		}
		text += "}"
		for _, key := range []string{"spec", "status", "data", "type", "secrets"} {
			if rapid.Bool().Draw(rt, key) {
				text += ", " + key + ": " + value.Draw(rt, key)
			}
		}
		w := newWorld(t, workWith(t, text+"}"))
		_, _, _, _, err := w.sync()
		applied := w.condition(workv1alpha1.WorkApplied)
		if applied.Status == "" || (err == nil) != (applied.Status == metav1.ConditionTrue) || strings.Contains(applied.Message, "internal error") {
			rt.Fatalf("%s}: %v, Applied = %+v", text, err, applied)
		}
		if err == nil {
			w.sync()
			if inMember, onHub, _, _, _ := w.sync(); len(inMember)+len(onHub) > 0 {
				rt.Fatalf("%s}: written again: %v %v", text, inMember, onHub)
			}
		}
	})
}
