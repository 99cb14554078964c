package deps

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

func parse[T any](t *testing.T, text string) *T {
	t.Helper()
	out := new(T)
	if err := yaml.UnmarshalStrict([]byte(text), out); err != nil {
		t.Fatal(err)
	}
	return out
}

// parent is a binding of the Deployment web in the namespace shop.
func parent(t *testing.T, spec string) *workv1alpha2.ResourceBinding {
	t.Helper()
	b := &workv1alpha2.ResourceBinding{Spec: *parse[workv1alpha2.ResourceBindingSpec](t, spec)}
	b.Namespace, b.Name = "shop", "web-deployment"
	b.Labels = map[string]string{names.ResourceBindingPermanentID: "id"}
	b.Spec.Resource = workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	b.Spec.PropagateDeps = true
	return b
}

func TestReferences(t *testing.T) {
	for name, tc := range map[string]struct {
		found string
		// want are the accepted ones, refused a part of each error.
		want, refused []string
	}{
		"by name":                              {found: `{apiVersion: v1, kind: Secret, namespace: shop, name: a}`, want: []string{"Secret a"}},
		"by labels":                            {found: `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, namespace: shop, labelSelector: {matchLabels: {a: b}}}`, want: []string{"EndpointSlice.discovery.k8s.io a=b"}},
		"a name goes before labels":            {found: `{apiVersion: v1, kind: Secret, namespace: shop, name: a, labelSelector: {}}`, want: []string{"Secret a"}},
		"the template itself":                  {found: `{apiVersion: apps/v1, kind: Deployment, namespace: shop, name: web}`},
		"itself in another version":            {found: `{apiVersion: apps/v1beta1, kind: Deployment, namespace: shop, name: web}`},
		"another namespace":                    {found: `{apiVersion: v1, kind: Secret, namespace: kube-system, name: a}`, refused: []string{`dependency Secret kube-system/a: namespace must be "shop"`}},
		"another namespace, by labels":         {found: `{apiVersion: v1, kind: Secret, namespace: bank, labelSelector: {}}`, refused: []string{`dependency Secret bank: namespace must be "shop"`}},
		"no namespace":                         {found: `{apiVersion: v1, kind: Namespace, name: bank}`, refused: []string{`dependency Namespace bank: namespace must be "shop"`}},
		"neither name nor labels":              {found: `{apiVersion: v1, kind: Secret, namespace: shop}`, refused: []string{"name or labelSelector must be set"}},
		"no kind":                              {found: `{apiVersion: v1, kind: "", namespace: shop, name: a}`, refused: []string{"apiVersion and kind must be set"}},
		"an apiVersion that is none":           {found: `{apiVersion: a/b/c, kind: Secret, namespace: shop, name: a}`, refused: []string{"apiVersion: "}},
		"labels that make no sense":            {found: `{apiVersion: v1, kind: Secret, namespace: shop, labelSelector: {matchExpressions: [{key: a, operator: Like}]}}`, refused: []string{"labelSelector: "}},
		"one that is refused, one that is not": {found: `{apiVersion: v1, kind: Secret, namespace: bank, name: a}, {apiVersion: v1, kind: Secret, namespace: shop, name: b}`, want: []string{"Secret b"}, refused: []string{"Secret bank/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			accepted, refused := References(parent(t, "{}"), *parse[[]configv1alpha1.DependentObjectReference](t, "["+tc.found+"]"))
			var got []string
			for _, r := range accepted {
				what := r.Name
				if r.Selector != nil {
					what = r.Selector.String()
				}
				got = append(got, r.GroupKind.String()+" "+what)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("accepted (-want +got):\n%s", diff)
			}
			if len(refused) != len(tc.refused) {
				t.Fatalf("refused %v", refused)
			}
			for i, part := range tc.refused {
				if !strings.Contains(refused[i].Error(), part) {
					t.Errorf("refused %q, want %q", refused[i], part)
				}
			}
		})
	}
}

func TestSnapshot(t *testing.T) {
	for name, tc := range map[string]struct {
		spec string
		want []workv1alpha2.TargetCluster
	}{
		"nowhere":       {`{}`, nil},
		"with replicas": {`{clusters: [{name: fra, replicas: 2}, {name: iad, replicas: 1}]}`, []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 2}, {Name: "iad", Replicas: 1}}},
		"left gracefully": {`{clusters: [{name: iad}], gracefulEvictionTasks: [{fromCluster: fra, purgeMode: Gracefully, replicas: 2, reason: x, producer: y}]}`,
			[]workv1alpha2.TargetCluster{{Name: "iad"}, {Name: "fra", Replicas: 2}}},
		"left directly":                     {`{clusters: [{name: iad}], gracefulEvictionTasks: [{fromCluster: fra, purgeMode: Directly, reason: x, producer: y}]}`, []workv1alpha2.TargetCluster{{Name: "iad"}}},
		"kept for ever":                     {`{gracefulEvictionTasks: [{fromCluster: fra, purgeMode: Never, reason: x, producer: y}]}`, []workv1alpha2.TargetCluster{{Name: "fra"}}},
		"left and back":                     {`{clusters: [{name: fra, replicas: 3}], gracefulEvictionTasks: [{fromCluster: fra, replicas: 2, reason: x, producer: y}]}`, []workv1alpha2.TargetCluster{{Name: "fra", Replicas: 3}}},
		"required by others does not count": {`{requiredBy: [{namespace: shop, name: x, clusters: [{name: fra}]}]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, anywhere := Snapshot(parent(t, tc.spec))
			if diff := cmp.Diff(tc.want, got.Clusters); diff != "" || anywhere != (len(tc.want) > 0) {
				t.Errorf("anywhere %v (-want +got):\n%s", anywhere, diff)
			}
		})
	}
}

var settings = Key{schema.GroupKind{Kind: "ConfigMap"}, types.NamespacedName{Namespace: "shop", Name: "settings"}}

func meta(text string, t *testing.T) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: *parse[metav1.ObjectMeta](t, text)}
}

func TestAttach(t *testing.T) {
	const object = `{namespace: shop, name: settings, uid: u1, resourceVersion: "7"}`
	own := `{namespace: shop, name: settings-configmap, labels: {resourcebinding.karmada.io/permanent-id: new}, finalizers: [karmada.io/binding-controller],
		ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: settings, uid: u1, controller: true, blockOwnerDeletion: true}]}`
	const resource = `resource: {apiVersion: v1, kind: ConfigMap, namespace: shop, name: settings, uid: u1, resourceVersion: "7"}`
	label := names.DependedByLabelKey("shop", "web-deployment")
	labelled := strings.Replace(own, "permanent-id: new", "permanent-id: new, "+label+": id", 1)
	for name, tc := range map[string]struct {
		object, present string
		parents, unread []string
		// want is the binding to write; empty for none.
		want   string
		create bool
		err    string
	}{
		"a new one": {
			object: object, parents: []string{`{clusters: [{name: fra}]}`}, create: true,
			want: `{metadata: ` + labelled + `, spec: {` + resource + `, conflictResolution: Abort, requiredBy: [{namespace: shop, name: web-deployment, clusters: [{name: fra}]}]}}`,
		},
		"the object is not on the hub": {parents: []string{`{clusters: [{name: fra}]}`}},
		"the object is being deleted":  {object: `{namespace: shop, name: settings, uid: u1, deletionTimestamp: "2026-01-01T00:00:00Z"}`, parents: []string{`{clusters: [{name: fra}]}`}},
		"nobody needs it":              {object: object},
		"who needs it is nowhere":      {object: object, parents: []string{`{}`}},
		"all is as it should be": {
			object: object, parents: []string{`{clusters: [{name: fra}]}`},
			present: `{metadata: ` + labelled + `, spec: {` + resource + `, conflictResolution: Abort, requiredBy: [{namespace: shop, name: web-deployment, clusters: [{name: fra}]}]}}`,
		},
		"its end is waited for": {
			object: object, parents: []string{`{clusters: [{name: fra}]}`},
			present: `{metadata: {namespace: shop, name: settings-configmap, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: [x]}, spec: {` + resource + `}}`,
		},
		"it belongs to an earlier object: no parent is added, one that is gone is taken off": {
			object: `{namespace: shop, name: settings, uid: u2, resourceVersion: "9"}`, parents: []string{`{clusters: [{name: fra}]}`},
			present: `{metadata: ` + own + `, spec: {` + resource + `, requiredBy: [{namespace: shop, name: dead, clusters: [{name: fra}]}]}}`,
			want:    `{metadata: ` + own + `, spec: {` + resource + `}}`,
		},
		"it belongs to another kind": {
			object: object, parents: []string{`{clusters: [{name: fra}]}`},
			present: `{metadata: {namespace: shop, name: settings-configmap}, spec: {resource: {apiVersion: example.com/v1, kind: ConfigMap, namespace: shop, name: settings}}}`,
			err:     "belongs to another object",
		},
		"a parent that has not been read keeps what it has": {
			object: object, unread: []string{`{clusters: [{name: iad}]}`},
			present: `{metadata: ` + labelled + `, spec: {` + resource + `, conflictResolution: Abort, requiredBy: [{namespace: shop, name: web-deployment, clusters: [{name: fra}]}]}}`,
		},
		"one with a policy: only the snapshot": {
			object: `{namespace: shop, name: settings, uid: u1, resourceVersion: "9"}`, parents: []string{`{clusters: [{name: fra}], conflictResolution: Overwrite}`},
			present: `{metadata: {namespace: shop, name: settings-configmap, labels: {propagationpolicy.karmada.io/permanent-id: p}}, spec: {` + resource + `, conflictResolution: Abort, placement: {}, clusters: [{name: sin}]}}`,
			want: `{metadata: {namespace: shop, name: settings-configmap, labels: {propagationpolicy.karmada.io/permanent-id: p, ` + label + `: id}}, spec: {` + resource +
				`, conflictResolution: Abort, placement: {}, clusters: [{name: sin}], requiredBy: [{namespace: shop, name: web-deployment, clusters: [{name: fra}]}]}}`,
		},
		"one that a policy let go: its template is followed again, its policy's word stays": {
			object: `{namespace: shop, name: settings, uid: u1, resourceVersion: "9"}`, parents: []string{`{clusters: [{name: fra}], conflictResolution: Overwrite}`},
			present: `{metadata: ` + labelled + `, spec: {` + resource + `, conflictResolution: Abort, placement: {}, requiredBy: [{namespace: shop, name: web-deployment, clusters: [{name: fra}]}]}}`,
			want: `{metadata: ` + labelled + `, spec: {` + strings.Replace(resource, `"7"`, `"9"`, 1) +
				`, conflictResolution: Abort, placement: {}, requiredBy: [{namespace: shop, name: web-deployment, clusters: [{name: fra}]}]}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{Dependency: settings, Kind: settings.WithVersion("v1"), NewID: "new"}
			if tc.object != "" {
				in.Object = meta(tc.object, t)
			}
			if tc.present != "" {
				in.Present = parse[workv1alpha2.ResourceBinding](t, tc.present)
			}
			before := in.Present.DeepCopy()
			for _, spec := range tc.parents {
				in.Parents = append(in.Parents, parent(t, spec))
			}
			for _, spec := range tc.unread {
				in.Unread = append(in.Unread, parent(t, spec))
			}
			got := Attach(in)
			var want *workv1alpha2.ResourceBinding
			if tc.want != "" {
				want = parse[workv1alpha2.ResourceBinding](t, tc.want)
			}
			if diff := cmp.Diff(want, got.Binding); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Create != tc.create || (got.Err == nil) != (tc.err == "") || got.Err != nil && !strings.Contains(got.Err.Error(), tc.err) {
				t.Errorf("create %v, error %v", got.Create, got.Err)
			}
			if diff := cmp.Diff(before, in.Present); diff != "" {
				t.Errorf("the input changed:\n%s", diff)
			}
			if got.Binding != nil && in.Object != nil {
				in.Present = got.Binding
				if again := Attach(in); again.Binding != nil {
					t.Errorf("again: %s", cmp.Diff(got.Binding, again.Binding))
				}
			}
		})
	}
}

// TestAttachedFrom: of a kind with a generation, a change of the status alone is none.
func TestAttachedFrom(t *testing.T) {
	in := Input{Dependency: settings, Kind: settings.WithVersion("v1"), Parents: []*workv1alpha2.ResourceBinding{parent(t, `{clusters: [{name: fra}]}`)},
		Object: meta(`{namespace: shop, name: settings, uid: u1, generation: 1, resourceVersion: "7"}`, t)}
	in.Present = Attach(in).Binding
	for name, tc := range map[string]struct {
		object  string
		changed bool
	}{
		"status":     {`{namespace: shop, name: settings, uid: u1, generation: 1, resourceVersion: "8"}`, false},
		"spec":       {`{namespace: shop, name: settings, uid: u1, generation: 2, resourceVersion: "8"}`, true},
		"a label":    {`{namespace: shop, name: settings, uid: u1, generation: 1, resourceVersion: "8", labels: {a: b}}`, true},
		"annotation": {`{namespace: shop, name: settings, uid: u1, generation: 1, resourceVersion: "8", annotations: {a: b}}`, true},
	} {
		in.Object = meta(tc.object, t)
		if got := Attach(in).Binding; (got != nil) != tc.changed {
			t.Errorf("%s: changed %v", name, got != nil)
		} else if got != nil && got.Spec.Resource.ResourceVersion != "8" {
			t.Errorf("%s: resource %v", name, got.Spec.Resource)
		}
	}
}

func TestConflicts(t *testing.T) {
	const (
		overwrite = "ConflictResolution conflicted (Overwrite vs Abort)"
		preserve  = "PreserveResourcesOnDeletion conflicted (true vs false)"
	)
	for name, tc := range map[string]struct {
		parents   []string
		want      []string
		overwrite bool
		preserve  bool
	}{
		"one parent":            {[]string{`{conflictResolution: Overwrite, preserveResourcesOnDeletion: true}`}, nil, true, true},
		"they agree":            {[]string{`{conflictResolution: Overwrite}`, `{conflictResolution: Overwrite}`}, nil, true, false},
		"nothing said is Abort": {[]string{`{}`, `{conflictResolution: Abort}`}, nil, false, false},
		"nothing said is false": {[]string{`{}`, `{preserveResourcesOnDeletion: false}`}, nil, false, false},
		"Overwrite wins":        {[]string{`{conflictResolution: Abort}`, `{conflictResolution: Overwrite}`}, []string{overwrite}, true, false},
		"preserving wins":       {[]string{`{preserveResourcesOnDeletion: true}`, `{preserveResourcesOnDeletion: false}`}, []string{preserve}, false, true},
		"both":                  {[]string{`{conflictResolution: Overwrite}`, `{preserveResourcesOnDeletion: true}`}, []string{overwrite, preserve}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			in := Input{Dependency: settings, Kind: settings.WithVersion("v1"), Object: meta(`{namespace: shop, name: settings, uid: u1, resourceVersion: "7"}`, t)}
			for i, spec := range tc.parents {
				p := parent(t, spec)
				p.Name += string(rune('a' + i))
				p.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "fra"}}
				in.Parents = append(in.Parents, p)
			}
			got := Attach(in)
			if diff := cmp.Diff(tc.want, got.Conflicts); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if overwrites(got.Binding) != tc.overwrite || preserves(got.Binding) != tc.preserve {
				t.Errorf("%s, %v", got.Binding.Spec.ConflictResolution, got.Binding.Spec.PreserveResourcesOnDeletion)
			}
		})
	}
}

func TestGraph(t *testing.T) {
	g := NewGraph()
	b := parent(t, "{}")
	refs, _ := References(b, *parse[[]configv1alpha1.DependentObjectReference](t,
		`[{apiVersion: v1, kind: ConfigMap, namespace: shop, name: settings}, {apiVersion: v1, kind: Secret, namespace: shop, labelSelector: {matchLabels: {app: web}}}, {apiVersion: apps/v1, kind: Deployment, namespace: shop, labelSelector: {}}]`))
	g.Set(b, refs)
	secret := Key{schema.GroupKind{Kind: "Secret"}, types.NamespacedName{Namespace: "shop", Name: "any"}}
	elsewhere := secret
	elsewhere.Namespace = "bank"
	for name, tc := range map[string]struct {
		key      Key
		labels   labels.Set
		needed   bool
		possible bool
	}{
		"by name":                         {settings, nil, true, true},
		"by labels":                       {secret, labels.Set{"app": "web"}, true, true},
		"other labels":                    {secret, labels.Set{"app": "api"}, false, true},
		"the labels in another namespace": {elsewhere, labels.Set{"app": "web"}, false, false},
		"the template itself":             {KeyOf(b), nil, false, true},
		"another kind":                    {Key{schema.GroupKind{Kind: "Service"}, secret.NamespacedName}, labels.Set{"app": "web"}, false, false},
	} {
		if got := len(g.Parents(tc.key, tc.labels)) == 1; got != tc.needed || g.Concerns(tc.key, nil, tc.labels) != tc.needed || g.Concerns(tc.key, tc.labels, nil) != tc.needed {
			t.Errorf("%s: needed %v", name, got)
		}
		if got := g.May(NameOf(b), tc.key); got != tc.possible {
			t.Errorf("%s: possible %v", name, got)
		}
	}
	if _, read := g.References(b); !read {
		t.Error("the template has been read")
	}
	b.Spec.Resource.ResourceVersion = "9"
	if _, read := g.References(b); read {
		t.Error("the new version of the template has not been read")
	}
	g.Drop(NameOf(b))
	if len(g.parents)+len(g.named)+len(g.selecting) > 0 {
		t.Errorf("something is left: %+v", g)
	}
	if !g.May(NameOf(b), settings) {
		t.Error("of a parent that has not been read nothing is known")
	}
}

func TestRecord(t *testing.T) {
	b := parent(t, "{}")
	found := *parse[[]configv1alpha1.DependentObjectReference](t, `[{apiVersion: v1, kind: Secret, namespace: shop, name: b}, {apiVersion: v1, kind: ConfigMap, namespace: shop, name: a}]`)
	for range 2 {
		if err := Record(b, found); err != nil {
			t.Fatal(err)
		}
	}
	const want = `[{"apiVersion":"v1","kind":"ConfigMap","namespace":"shop","name":"a"},{"apiVersion":"v1","kind":"Secret","namespace":"shop","name":"b"}]`
	if got := b.Annotations[names.DependenciesAnnotation]; got != want || len(b.Finalizers) != 1 || !Marked(b) {
		t.Errorf("annotation %s, finalizers %v", got, b.Finalizers)
	}
	if err := Record(b, nil); err != nil || Marked(b) {
		t.Errorf("marks stay: %v", b.ObjectMeta)
	}
}
