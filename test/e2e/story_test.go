//go:build linux

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seaway-io/seaway/api/names"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// hall is where stories are told: tests of how objects reach the members and what comes back. What they
// write is written as users write it, in YAML, and what they want to see is named field by field.
type hall struct {
	in *install.Installation
	// clusters are the hub and the members by name.
	clusters map[string]client.WithWatch
	rooms    int
	left     []string // rooms that may still be there
}

// open makes a hall. When the test ends, nothing of its stories is left.
func open(t *testing.T, in *install.Installation) *hall {
	h := &hall{in: in, clusters: map[string]client.WithWatch{}}
	for _, c := range in.Fleet.Clusters() {
		config := c.InsideConfig()
		config.QPS = -1
		var err error
		if h.clusters[c.Name], err = client.NewWithWatch(config, client.Options{Scheme: in.Hub.Scheme()}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { h.clear(t) })
	return h
}

// clear waits until nothing is left of the stories told so far.
func (h *hall) clear(t *testing.T) {
	for _, room := range h.left {
		awaitGone(t, h.in, room)
	}
	h.left = nil
}

// tell tells stories, each in a namespace of its own. What one left does not run beside the next; that it is
// all gone is awaited when all are told.
func (h *hall) tell(t *testing.T, stories map[string]func(*story)) {
	for _, name := range slices.Sorted(maps.Keys(stories)) {
		space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "story-" + strconv.Itoa(h.rooms)}}
		h.rooms++
		h.left = append(h.left, space.Name)
		must(t, h.in.Hub.Create(t.Context(), space))
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			stories[name](&story{T: t, in: h.in, hub: h.in.Hub, clusters: h.clusters, room: space.Name})
			t.Logf("told in %.1f s", time.Since(began).Seconds())
		})
		if err := h.in.Hub.Delete(context.Background(), space); err != nil {
			t.Error(err)
		}
	}
}

// story is one of the tests. It has a namespace of its own.
type story struct {
	*testing.T
	in  *install.Installation
	hub client.Client
	// clusters are the hub and the members by name.
	clusters map[string]client.WithWatch
	// room is the namespace.
	room string
}

// fields are what an object is to say, by path: "spec replicas", "metadata labels app", "spec ports 0 port".
// nil means that it is not there, same that it is what is at another path.
type fields map[string]any

type same string

// object names an object; one that lives in a namespace lives in that of the story.
func (s *story) object(apiVersion, kind, name string) *unstructured.Unstructured {
	s.Helper()
	obj := &unstructured.Unstructured{}
	obj.SetGroupVersionKind(schema.FromAPIVersionAndKind(apiVersion, kind))
	obj.SetName(name)
	s.home(obj)
	return obj
}

func (s *story) deployment(name string) *unstructured.Unstructured {
	return s.object("apps/v1", "Deployment", name)
}

func (s *story) configMap(name string) *unstructured.Unstructured {
	return s.object("v1", "ConfigMap", name)
}

// home puts an object into the namespace of the story if it lives in one.
func (s *story) home(obj *unstructured.Unstructured) {
	s.Helper()
	if slices.Contains([]string{"", "apps", "batch", "policy"}, obj.GroupVersionKind().Group) && !slices.Contains([]string{"Namespace", "PersistentVolume"}, obj.GetKind()) {
		obj.SetNamespace(s.room) // needs no question
		return
	}
	s.eventually("the scope of "+obj.GetKind(), func(context.Context) error {
		namespaced, err := s.hub.IsObjectNamespaced(obj)
		if err == nil && namespaced {
			obj.SetNamespace(s.room)
		}
		return err
	})
}

// read reads manifests. ROOM in them is the namespace of the story.
func (s *story) read(manifests string) []*unstructured.Unstructured {
	s.Helper()
	var out []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewBufferString(strings.ReplaceAll(manifests, "ROOM", s.room)), 4096)
	for {
		obj := &unstructured.Unstructured{}
		err := decoder.Decode(&obj.Object)
		if errors.Is(err, io.EOF) {
			return out
		}
		must(s.T, err)
		s.home(obj)
		out = append(out, obj)
	}
}

// apply creates objects on the hub, or changes what they name of those that are there. Those outside the
// namespace are deleted in the end.
func (s *story) apply(manifests string) {
	s.Helper()
	for _, obj := range s.read(manifests) {
		s.put("hub", obj)
	}
}

// put applies one object in a cluster.
func (s *story) put(cluster string, obj *unstructured.Unstructured) {
	s.Helper()
	must(s.T, s.write(s.Context(), cluster, obj))
	if obj.GetNamespace() == "" {
		s.Cleanup(func() { _ = s.clusters[cluster].Delete(context.Background(), obj) })
	}
}

func (s *story) write(ctx context.Context, cluster string, obj *unstructured.Unstructured) error {
	return s.clusters[cluster].Apply(ctx, client.ApplyConfigurationFromUnstructured(obj.DeepCopy()), client.FieldOwner("e2e"), client.ForceOwnership)
}

// edit changes an object in a cluster until it is taken.
func (s *story) edit(cluster string, obj *unstructured.Unstructured, how func(*unstructured.Unstructured)) {
	s.Helper()
	s.eventually("edit "+named(cluster, obj), func(ctx context.Context) error {
		got := obj.DeepCopy()
		if err := s.clusters[cluster].Get(ctx, client.ObjectKeyFromObject(obj), got); err != nil {
			return err
		}
		how(got)
		return s.clusters[cluster].Update(ctx, got)
	})
}

// set is edit of one field, with a path as in fields.
func (s *story) set(cluster string, obj *unstructured.Unstructured, path string, value any) {
	s.Helper()
	s.edit(cluster, obj, func(got *unstructured.Unstructured) {
		must(s.T, unstructured.SetNestedField(got.Object, value, strings.Fields(path)...))
	})
}

func (s *story) remove(cluster string, obj *unstructured.Unstructured) {
	s.Helper()
	must(s.T, client.IgnoreNotFound(s.clusters[cluster].Delete(s.Context(), obj)))
}

// eventually is that of the package, and ends the story when it does not come true: the rest follows from it.
func (s *story) eventually(what string, done func(context.Context) error) {
	s.Helper()
	began := time.Now()
	if err := install.Await(s.Context(), 30*time.Second, done); err != nil {
		s.Fatalf("%s: %v", what, err)
	}
	if took := time.Since(began); took > 2*time.Second {
		s.Logf("%s: after %.1f s", what, took.Seconds())
	}
}

// see waits until an object in a cluster is as wanted, and returns it.
func (s *story) see(cluster string, obj *unstructured.Unstructured, want fields) *unstructured.Unstructured {
	s.Helper()
	got := obj.DeepCopy()
	s.eventually(named(cluster, obj), func(ctx context.Context) error {
		got = obj.DeepCopy()
		if err := s.clusters[cluster].Get(ctx, client.ObjectKeyFromObject(obj), got); err != nil {
			return err
		}
		return want.missing(got)
	})
	return got
}

// everywhere is see in several clusters.
func (s *story) everywhere(clusters []string, obj *unstructured.Unstructured, want fields) {
	s.Helper()
	for _, c := range clusters {
		s.see(c, obj, want)
	}
}

// gone waits until an object is not in a cluster.
func (s *story) gone(cluster string, obj *unstructured.Unstructured) {
	s.Helper()
	s.eventually(named(cluster, obj)+" goes", func(ctx context.Context) error {
		if err := s.clusters[cluster].Get(ctx, client.ObjectKeyFromObject(obj), obj.DeepCopy()); !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is there (%v)", err)
		}
		return nil
	})
}

func (s *story) is(cluster string, obj *unstructured.Unstructured) bool {
	return s.clusters[cluster].Get(s.Context(), client.ObjectKeyFromObject(obj), obj.DeepCopy()) == nil
}

// work is the Work of an object for a cluster.
func (s *story) work(cluster string, obj *unstructured.Unstructured) *unstructured.Unstructured {
	work := &unstructured.Unstructured{}
	work.SetGroupVersionKind(workv1alpha1.GroupVersion.WithKind("Work"))
	work.SetNamespace(names.ExecutionNamespace(cluster))
	work.SetName(names.WorkName(obj.GetKind(), obj.GetName(), obj.GetNamespace()))
	return work
}

// binding is the binding of an object.
func (s *story) binding(obj *unstructured.Unstructured) *unstructured.Unstructured {
	binding := &unstructured.Unstructured{}
	binding.SetGroupVersionKind(workv1alpha2.GroupVersion.WithKind("ResourceBinding"))
	if obj.GetNamespace() == "" {
		binding.SetKind("ClusterResourceBinding")
	}
	binding.SetNamespace(obj.GetNamespace())
	binding.SetName(names.BindingName(obj.GetKind(), obj.GetName()))
	return binding
}

// says waits for a condition on an object of the hub whose message holds all texts, and is about the present
// generation when it says one.
func (s *story) says(obj *unstructured.Unstructured, condition, status, reason string, texts ...string) {
	s.Helper()
	s.eventually(named("hub", obj)+" says "+condition+"="+status, func(ctx context.Context) error {
		got := obj.DeepCopy()
		if err := s.hub.Get(ctx, client.ObjectKeyFromObject(obj), got); err != nil {
			return err
		}
		conditions, _, _ := unstructured.NestedSlice(got.Object, "status", "conditions")
		for _, c := range conditions {
			c := c.(map[string]any)
			if c["type"] != condition {
				continue
			}
			message := fmt.Sprint(c["message"])
			if c["status"] != status || c["reason"] != reason || slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(message, text) }) {
				return fmt.Errorf("%v, want %s, %s and %q", c, status, reason, texts)
			}
			return nil
		}
		return fmt.Errorf("no condition %s in %v", condition, conditions)
	})
}

// kubectl runs the plugin.
func (s *story) kubectl(args ...string) (string, error) {
	return s.in.Kubectl(s.Context(), args...)
}

// missing says what an object does not say as it should.
func (f fields) missing(obj *unstructured.Unstructured) error {
	var wrong []string
	for path, want := range f {
		if other, ok := want.(same); ok {
			want = at(obj.Object, strings.Fields(string(other)))
		}
		if got := at(obj.Object, strings.Fields(path)); fmt.Sprint(got) != fmt.Sprint(want) {
			wrong = append(wrong, fmt.Sprintf("%q is %v, want %v", path, got, want))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return errors.New(strings.Join(wrong, "; "))
}

// at is what is at a path, nil when nothing is.
func at(value any, path []string) any {
	for _, step := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

func named(cluster string, obj *unstructured.Unstructured) string {
	return fmt.Sprintf("%s %s in %s", obj.GetKind(), client.ObjectKeyFromObject(obj), cluster)
}

// policyFor is a PropagationPolicy for objects, each named as "apiVersion/Kind/name", with more lines of its
// spec.
func policyFor(name, spec string, objects ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: policy.karmada.io/v1alpha1\nkind: PropagationPolicy\nmetadata: {name: %s}\nspec:\n  resourceSelectors:\n%s", name, selectors(objects))
	fmt.Fprintln(&b, indent(spec))
	return b.String()
}

// clusterPolicyFor is policyFor for objects without a namespace.
func clusterPolicyFor(name, spec string, objects ...string) string {
	return strings.Replace(policyFor(name, spec, objects...), "kind: PropagationPolicy", "kind: ClusterPropagationPolicy", 1)
}

func selectors(objects []string) string {
	var b strings.Builder
	for _, o := range objects {
		parts := strings.Split(o, "/")
		n := len(parts)
		fmt.Fprintf(&b, "  - {apiVersion: %s, kind: %s, name: %s}\n", strings.Join(parts[:n-2], "/"), parts[n-2], parts[n-1])
	}
	return b.String()
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

// divided is the placement that divides by weights: "fra:2 iad:1".
func divided(weights string) string {
	var clusters, list []string
	for _, w := range strings.Fields(weights) {
		name, weight, _ := strings.Cut(w, ":")
		clusters = append(clusters, name)
		list = append(list, fmt.Sprintf("{targetCluster: {clusterNames: [%s]}, weight: %s}", name, weight))
	}
	return fmt.Sprintf(`placement:
  clusterAffinity: {clusterNames: [%s]}
  replicaScheduling:
    replicaSchedulingType: Divided
    replicaDivisionPreference: Weighted
    weightPreference: {staticWeightList: [%s]}`, strings.Join(clusters, ", "), strings.Join(list, ", "))
}

// placedIn is the placement in named clusters.
func placedIn(clusters ...string) string {
	return fmt.Sprintf("placement:\n  clusterAffinity: {clusterNames: [%s]}", strings.Join(clusters, ", "))
}

// deploymentOf is a Deployment.
func deploymentOf(name string, replicas int, podSpec string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, labels: {app: %[1]s}}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      %[3]s
---
`, name, replicas, strings.ReplaceAll(strings.TrimSpace(podSpec), "\n", "\n      "))
}

// plain is the pod of those who do not care.
const plain = "containers: [{name: app, image: registry.example/app:1, resources: {requests: {cpu: 10m}}}]"
