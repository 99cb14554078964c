package claim

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/seaway-io/seaway/api/names"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
)

func toleration(operator corev1.TolerationOperator) corev1.Toleration {
	return corev1.Toleration{Key: "x", Operator: operator}
}

func gvk(group, version, kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group, Version: version, Kind: kind}
}

func TestSkippedKinds(t *testing.T) {
	rules, err := ParseRules([]string{"example.com", "batch/v1beta1", "extensions/v1/Ingress,Scale", "/v1/Node"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[schema.GroupVersionKind]bool{
		gvk("policy.karmada.io", "v1alpha1", "PropagationPolicy"):     true,
		gvk("traffic.seaway.dev", "v1alpha1", "EndpointHealth"):       true,
		gvk("coordination.k8s.io", "v1", "Lease"):                     true,
		gvk("", "v1", "Event"):                                        true,
		gvk("", "v1", "Node"):                                         true,
		gvk("", "v1", "ConfigMap"):                                    false,
		gvk("apps", "v1", "Deployment"):                               false,
		gvk("multicluster.x-k8s.io", "v1alpha1", "ServiceExport"):     false,
		gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition"): false,
		gvk("example.com", "v2", "Anything"):                          true,
		gvk("batch", "v1beta1", "CronJob"):                            true,
		gvk("batch", "v1", "CronJob"):                                 false,
		gvk("extensions", "v1", "Ingress"):                            true,
		gvk("extensions", "v1", "Other"):                              false,
	} {
		if got := rules.SkipsKind(kind); got != want {
			t.Errorf("%v: skipped %v, want %v", kind, got, want)
		}
	}
}

func TestSkippedObjects(t *testing.T) {
	rules, err := ParseRules(nil, append(DefaultSkippedNamespaces, "private"))
	if err != nil {
		t.Fatal(err)
	}
	in := func(namespace, name string) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	}
	owned := in("shop", "web")
	owned.Labels = map[string]string{names.ClaimedByLabel: "MultiClusterService"}
	dying := in("shop", "web")
	dying.DeletionTimestamp = &metav1.Time{}
	config, namespace := gvk("", "v1", "ConfigMap"), gvk("", "v1", "Namespace")
	tests := map[string]struct {
		kind schema.GroupVersionKind
		obj  metav1.Object
		want bool
	}{
		"an object of a user":              {config, in("shop", "web"), false},
		"a cluster-scoped object":          {config, in("", "kube-root"), false},
		"in kube-system":                   {config, in("kube-system", "x"), true},
		"in a namespace that begins alike": {config, in("kubernetes", "x"), false},
		"in an execution namespace":        {config, in("karmada-es-m1", "x"), true},
		"in a namespace of our own choice": {config, in("private", "x"), true},
		"expressions match whole names":    {config, in("privateer", "x"), false},
		"the namespace itself":             {namespace, in("", "karmada-es-m1"), true},
		"a user's namespace":               {namespace, in("", "shop"), false},
		"owned by something else":          {config, owned, true},
		"being deleted":                    {config, dying, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := rules.Skips(tt.kind, tt.obj); got != tt.want {
				t.Errorf("skipped %v, want %v", got, tt.want)
			}
		})
	}
}

// Also when a user skips no namespace at all.
func TestTheAuthenticationOfTheHubIsNeverATemplate(t *testing.T) {
	rules, err := ParseRules(nil, []string{})
	if err != nil {
		t.Fatal(err)
	}
	config := gvk("", "v1", "ConfigMap")
	for name, want := range map[string]bool{"extension-apiserver-authentication": true, "other": false} {
		obj := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name}}
		if got := rules.Skips(config, obj); got != want {
			t.Errorf("%s: skipped %v, want %v", name, got, want)
		}
	}
}

func TestRulesThatMakeNoSense(t *testing.T) {
	for name, tt := range map[string]struct{ apis, namespaces []string }{
		`skipped namespace "("`:  {namespaces: []string{"("}},
		`skipped API ""`:         {apis: []string{""}},
		`skipped API "apps/"`:    {apis: []string{"apps/"}},
		`skipped API "apps/v1/"`: {apis: []string{"apps/v1/"}},
		`skipped API "a/b/c/d"`:  {apis: []string{"a/b/c/d"}},
	} {
		if _, err := ParseRules(tt.apis, tt.namespaces); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func body(generation int64, change func(map[string]any)) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "b"},
		"status": map[string]any{"x": int64(1)},
	}}
	u.SetName("web")
	u.SetUID("1")
	u.SetGeneration(generation)
	if change != nil {
		change(u.Object)
	}
	return u
}

func stamp(t *testing.T, obj metav1.Object, p policyv1alpha1.Propagation) Stamp {
	t.Helper()
	s, ok := NewStamp(obj, Prepare(p))
	if !ok {
		t.Fatal("no stamp")
	}
	return s
}

func TestStampTellsWhatCounts(t *testing.T) {
	plain := pp("a", nil)
	lazy := pp("a", func(s *spec) { s.ActivationPreference = policyv1alpha1.LazyActivation })
	newer := pp("a", func(s *spec) { s.PropagateDeps = true })
	wider := pp("a", priorityOf(7), anyDeployment())
	annotated := func(key string) func(map[string]any) {
		return func(o map[string]any) {
			(&unstructured.Unstructured{Object: o}).SetAnnotations(map[string]string{key: "x"})
		}
	}
	tests := map[string]struct {
		generation int64
		change     func(map[string]any)
		policy     policyv1alpha1.Propagation
		want, lazy bool // outdated, and outdated under a lazy policy
	}{
		"nothing":                             {policy: plain},
		"the status":                          {change: func(o map[string]any) { o["status"] = "new" }, policy: plain},
		"the resource version":                {change: func(o map[string]any) { (&unstructured.Unstructured{Object: o}).SetResourceVersion("9") }, policy: plain},
		"the content":                         {change: func(o map[string]any) { o["data"] = "new" }, policy: plain, want: true, lazy: true},
		"the generation":                      {generation: 3, policy: plain, want: true, lazy: true},
		"an annotation of a user":             {change: annotated("example.com/x"), policy: plain, want: true, lazy: true},
		"an annotation of the federation":     {change: annotated("work.karmada.io/conflict-resolution"), policy: plain, want: true},
		"the label that users set themselves": {change: annotated(names.SkipAutoPropagationLabel), policy: plain, want: true, lazy: true},
		"the policy":                          {policy: newer, want: true},
		"what the policy selects, and when":   {policy: wider},
		"another policy":                      {policy: pp("b", nil), want: true},
		"another object of the same name":     {change: func(o map[string]any) { (&unstructured.Unstructured{Object: o}).SetUID("2") }, policy: plain, want: true, lazy: true},
	}
	before := stamp(t, body(0, nil), plain)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			after := stamp(t, body(tt.generation, tt.change), tt.policy)
			if got := after.Outdated(before, Prepare(plain)); got != tt.want {
				t.Errorf("outdated %v, want %v", got, tt.want)
			}
			if got := after.Outdated(before, Prepare(lazy)); got != tt.lazy {
				t.Errorf("lazily outdated %v, want %v", got, tt.lazy)
			}
		})
	}
	if !before.Outdated(Stamp{}, Prepare(lazy)) {
		t.Error("a binding without a stamp is not outdated")
	}
}

func TestStampOfMetadata(t *testing.T) {
	p := pp("a", nil)
	whole := body(4, nil)
	partial := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "1", Generation: 4}}
	if stamp(t, whole, p) != stamp(t, partial, p) {
		t.Error("with a generation, metadata alone gives another stamp")
	}
	partial.Generation = 0
	if _, ok := NewStamp(partial, Prepare(p)); ok {
		t.Error("metadata without a generation cannot tell")
	}
	binding := &metav1.ObjectMeta{Annotations: map[string]string{names.BuiltFromAnnotation: stamp(t, whole, p).String()}}
	if StampOf(binding) != stamp(t, whole, p) {
		t.Error("the annotation does not come back")
	}
	binding.Annotations[names.BuiltFromAnnotation] = "nonsense"
	if StampOf(binding) != (Stamp{}) {
		t.Error("nonsense is a stamp")
	}
}

func TestCounts(t *testing.T) {
	meta := func(generation int64, version string, change func(*metav1.ObjectMeta)) metav1.Object {
		m := metav1.ObjectMeta{UID: "1", Generation: generation, ResourceVersion: version, Labels: map[string]string{"a": "b"}}
		if change != nil {
			change(&m)
		}
		return &metav1.PartialObjectMetadata{ObjectMeta: m}
	}
	tests := map[string]struct {
		before, after metav1.Object
		want          bool
	}{
		"status alone":                {meta(1, "1", nil), meta(1, "2", nil), false},
		"spec":                        {meta(1, "1", nil), meta(2, "2", nil), true},
		"a label":                     {meta(1, "1", nil), meta(1, "2", func(m *metav1.ObjectMeta) { m.Labels = nil }), true},
		"an annotation":               {meta(1, "1", nil), meta(1, "2", func(m *metav1.ObjectMeta) { m.Annotations = map[string]string{"x": "y"} }), true},
		"deletion begins":             {meta(1, "1", nil), meta(1, "2", func(m *metav1.ObjectMeta) { m.DeletionTimestamp = &metav1.Time{} }), true},
		"made anew":                   {meta(1, "1", nil), meta(1, "2", func(m *metav1.ObjectMeta) { m.UID = "2" }), true},
		"a resync":                    {meta(1, "1", nil), meta(1, "1", nil), false},
		"no generation: may be spec":  {meta(0, "1", nil), meta(0, "2", nil), true},
		"no generation, but a resync": {meta(0, "1", nil), meta(0, "1", nil), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Counts(tt.before, tt.after); got != tt.want {
				t.Errorf("counts %v, want %v", got, tt.want)
			}
		})
	}
}
