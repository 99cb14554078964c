package webhook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha1 "github.com/seaway-io/seaway/api/work/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/charts"
	"github.com/seaway-io/seaway/controllers/apiserver/hubtest"
)

// TestOnARealAPIServer has an API server ask the webhooks, and refuse by itself.
func TestOnARealAPIServer(t *testing.T) {
	home := hubtest.Start(t, hubtest.Options{})
	asked := serve(t, home)
	ctx := t.Context()
	binding := func(name string, change func(*workv1alpha2.ResourceBinding)) *workv1alpha2.ResourceBinding {
		b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
			Spec: workv1alpha2.ResourceBindingSpec{Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "web"}}}
		if change != nil {
			change(b)
		}
		return b
	}
	// It takes the API server a moment to hear of the webhooks.
	home.Eventually("a new binding is given its permanent id", func(ctx context.Context) error {
		b := binding("by-hand", nil)
		if err := home.Client.Create(ctx, b); err != nil {
			return err
		}
		if b.Labels[names.ResourceBindingPermanentID] == "" {
			return fmt.Errorf("labels %v: %w", b.Labels, home.Client.Delete(ctx, b))
		}
		return nil
	})

	t.Run("a binding that our controllers make is spared the round trip", func(t *testing.T) {
		before := asked.Load()
		b := binding("complete", func(b *workv1alpha2.ResourceBinding) {
			b.Labels = map[string]string{names.ResourceBindingPermanentID: "i"}
		})
		if err := home.Client.Create(ctx, b); err != nil {
			t.Fatal(err)
		}
		b.Spec.Replicas = 3
		if err := home.Client.Update(ctx, b); err != nil {
			t.Fatal(err)
		}
		if got := asked.Load() - before; got != 0 {
			t.Errorf("the webhooks were asked %d times", got)
		}
	})

	t.Run("a Work is asked about when its spec or its id is written, and only then", func(t *testing.T) {
		work := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "by-hand"}}
		work.Spec.Workload.Manifests = []workv1alpha1.Manifest{{RawExtension: runtime.RawExtension{Raw: []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"}}`)}}}
		for _, step := range []struct {
			what  string
			write func() error
			asked bool
		}{
			{"it is made", func() error { return home.Client.Create(ctx, work) }, true},
			{"it gets a finalizer and an annotation", func() error {
				work.Finalizers, work.Annotations = []string{"karmada.io/execution-controller"}, map[string]string{"a": "b"}
				return home.Client.Update(ctx, work)
			}, false},
			{"its status is written", func() error {
				work.Status.Conditions = []metav1.Condition{{Type: "Applied", Status: "True", Reason: "x", LastTransitionTime: metav1.Now()}}
				return home.Client.Status().Update(ctx, work)
			}, false},
			{"its manifests change", func() error {
				work.Spec.Workload.Manifests[0].Raw = []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"a":"b"}}`)
				return home.Client.Update(ctx, work)
			}, true},
			{"it is suspended", func() error {
				work.Spec.SuspendDispatching = ptr.To(true)
				return home.Client.Update(ctx, work)
			}, true},
		} {
			before := asked.Load()
			if err := step.write(); err != nil {
				t.Fatalf("%s: %v", step.what, err)
			}
			// The API server asks again when its cache is behind the write before.
			if got := asked.Load() - before; (got > 0) != step.asked {
				t.Errorf("%s: asked %d times, want any: %t", step.what, got, step.asked)
			}
		}
		work.Labels[names.WorkPermanentID] = "another"
		if err := home.Client.Update(ctx, work.DeepCopy()); !apierrors.IsInvalid(err) && !strings.Contains(fmt.Sprint(err), "permanent-id") {
			t.Errorf("another id: %v", err)
		}
		work.Labels = map[string]string{}
		if err := home.Client.Update(ctx, work); err == nil && work.Labels[names.WorkPermanentID] == "" {
			t.Error("it has lost its id")
		}
	})

	t.Run("a refusal names the webhook and the field", func(t *testing.T) {
		home.Eventually("components twice are refused", func(ctx context.Context) error {
			err := home.Client.Create(ctx, binding("twice", func(b *workv1alpha2.ResourceBinding) {
				b.Spec.Components = []workv1alpha2.Component{{Name: "a", Replicas: 1}, {Name: "a", Replicas: 1}}
			}))
			if err == nil {
				return home.Client.Delete(ctx, binding("twice", nil))
			}
			if !strings.Contains(err.Error(), `admission webhook "resourcebinding.karmada.io" denied the request`) || !strings.Contains(err.Error(), "spec.components[1].name") {
				return err
			}
			return nil
		})
	})

	t.Run("what is protected stays until its label goes", func(t *testing.T) {
		config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "dear",
			Labels: map[string]string{names.DeletionProtectedLabel: names.DeletionProtectionAlways}}}
		home.Eventually("it is protected", func(ctx context.Context) error {
			if err := home.Client.Create(ctx, config.DeepCopy()); err != nil && !apierrors.IsAlreadyExists(err) {
				return err
			}
			err := home.Client.Delete(ctx, config)
			if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), names.DeletionProtectedLabel) {
				return fmt.Errorf("deletion: %w", err)
			}
			return nil
		})
		if err := home.Client.DeleteAllOf(ctx, &corev1.ConfigMap{}, client.InNamespace("default")); !apierrors.IsForbidden(err) {
			t.Errorf("deletion of all: %v", err)
		}
		if err := home.Client.Get(ctx, client.ObjectKeyFromObject(config), config); err != nil {
			t.Fatal(err)
		}
		config.Labels = nil
		if err := home.Client.Update(ctx, config); err != nil {
			t.Fatal(err)
		}
		if err := home.Client.Delete(ctx, config); err != nil {
			t.Error(err)
		}
	})
}

// serve answers the hub's questions, and counts them.
func serve(t *testing.T, home *hubtest.ControlPlane) *atomic.Int32 {
	t.Helper()
	base, trusted, asked := answer(t, handlers(scheme.New(), home.Client, Options{}))
	install(t, home, "resourcebindings.work.karmada.io", "works.work.karmada.io")
	home.Eventually("bindings and Works are served", func(ctx context.Context) error {
		return errors.Join(home.Client.List(ctx, &workv1alpha2.ResourceBindingList{}), home.Client.List(ctx, &workv1alpha1.WorkList{}))
	})
	for _, obj := range Configurations(base, trusted, "") {
		if err := home.Client.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
	return asked
}

// answer starts a server, and says where it is, what to trust, and how often it was asked.
func answer(t *testing.T, handlers map[string]http.Handler) (base *url.URL, trusted []byte, asked *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base, dir := parse(t, "https://"+listener.Addr().String()), t.TempDir()
	trusted, err = Certificate(dir, base)
	if err != nil {
		t.Fatal(err)
	}
	asked = &atomic.Int32{}
	mux := http.NewServeMux()
	for path, h := range handlers {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			h.ServeHTTP(w, r)
		})
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.ServeTLS(listener, filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")) // ends with Close
	}()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	return base, trusted, asked
}

// install makes the hub know some of the kinds of the chart.
func install(t *testing.T, home *hubtest.ControlPlane, kinds ...string) {
	t.Helper()
	err := fs.WalkDir(charts.CRDs(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(charts.CRDs(), path)
		if err != nil {
			return err
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil || !slices.Contains(kinds, crd.GetName()) {
			return err
		}
		return home.Client.Create(t.Context(), crd)
	})
	if err != nil {
		t.Fatal(err)
	}
}
