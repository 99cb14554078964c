package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// hub stands in for an API server that misbehaves: it can be out of reach, hang, answer with errors,
// or have lost what it had. It is no model of one that works; that is for tests with a real one.
type hub struct {
	mu      sync.Mutex
	mode    string        // "", "gone", "hangs", "errors"
	slow    time.Duration // that a write takes
	broken  string        // a resource that cannot be read
	version int
	objects map[string]map[string]any // by resource and name
	watches map[*io.PipeWriter]string
	written []string // objects that were applied
	lists   int
	secrets int // requests for Secrets
	// compacted is the oldest version that a watch may begin at.
	compacted string
}

var kinds = map[string]string{zoneResource: "Zone", recordResource: "ZoneRecords", planResource: "TrafficPlan", regionResource: "RegionMap", reportResource: "EndpointHealth", secretResource: "Secret"}

func newHub() *hub {
	return &hub{version: 100, objects: map[string]map[string]any{}, watches: map[*io.PipeWriter]string{}}
}

// RoundTrip implements http.RoundTripper.
func (h *hub) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch h.mode {
	case "gone":
		return nil, errors.New("connection refused")
	case "hangs":
		h.mu.Unlock()
		<-r.Context().Done()
		h.mu.Lock()
		return nil, r.Context().Err()
	case "errors":
		return answer(http.StatusInternalServerError, metav1.Status{Status: "Failure", Code: 500, Message: "etcd is away"}), nil
	}
	resource := strings.TrimPrefix(r.URL.Path, "/apis/traffic.seaway.dev/v1alpha1/")
	version := "traffic.seaway.dev/v1alpha1"
	if r.URL.Path == "/api/v1/namespaces/keys/secrets" && r.URL.Query().Get("labelSelector") == trafficv1alpha1.ZoneKeysLabel {
		resource, version = secretResource, "v1"
		h.secrets++
	}
	switch {
	case resource == h.broken:
		return answer(http.StatusForbidden, metav1.Status{Status: "Failure", Code: 403, Message: "not allowed"}), nil
	case r.URL.Path == "/readyz":
		return answer(http.StatusOK, "ok"), nil
	case r.Method == http.MethodPatch:
		body, _ := io.ReadAll(r.Body)
		h.mu.Unlock()
		time.Sleep(h.slow)
		h.mu.Lock()
		var o trafficv1alpha1.EndpointHealth
		if err := json.Unmarshal(body, &o); err != nil {
			return nil, err
		}
		h.written = append(h.written, string(body))
		h.storeLocked(reportResource, o.Name, &o)
		return answer(http.StatusOK, &o), nil
	case r.URL.Query().Get("watch") != "":
		if r.URL.Query().Get("resourceVersion") < h.compacted {
			return answer(http.StatusGone, metav1.Status{Status: "Failure", Code: 410, Reason: metav1.StatusReasonExpired, Message: "too old"}), nil
		}
		pr, pw := io.Pipe()
		h.watches[pw] = resource
		context.AfterFunc(r.Context(), func() { pr.CloseWithError(r.Context().Err()) })
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: pr}, nil
	default:
		h.lists++
		items := []any{}
		for _, name := range slices.Sorted(keys(h.objects[resource])) {
			items = append(items, h.objects[resource][name])
		}
		return answer(http.StatusOK, map[string]any{"kind": kinds[resource] + "List", "apiVersion": version,
			"metadata": map[string]any{"resourceVersion": fmt.Sprint(h.version)}, "items": items}), nil
	}
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func answer(code int, body any) *http.Response {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(b))}
}

func (h *hub) store(resource string, o metav1.Object) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.storeLocked(resource, o.GetName(), o)
}

func (h *hub) storeLocked(resource, name string, o metav1.Object) {
	h.version++
	o.SetResourceVersion(fmt.Sprint(h.version))
	version := trafficv1alpha1.GroupVersion
	if resource == secretResource {
		version = corev1.SchemeGroupVersion
	}
	o.(runtime.Object).GetObjectKind().SetGroupVersionKind(version.WithKind(kinds[resource]))
	if h.objects[resource] == nil {
		h.objects[resource] = map[string]any{}
	}
	event := "MODIFIED"
	if h.objects[resource][name] == nil {
		event = "ADDED"
	}
	h.objects[resource][name] = o
	h.tell(resource, event, o)
}

func (h *hub) remove(resource, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.objects[resource][name]
	delete(h.objects[resource], name)
	h.version++
	h.tell(resource, "DELETED", o)
}

func (h *hub) tell(resource, event string, o any) {
	b, err := json.Marshal(map[string]any{"type": event, "object": o})
	if err != nil {
		panic(err)
	}
	for w, r := range h.watches {
		if r == resource {
			go w.Write(b)
		}
	}
}

// become changes how the hub behaves, and breaks all connections unless it merely hangs.
func (h *hub) become(mode string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mode = mode
	if mode == "hangs" {
		return
	}
	if mode == "" { // what happened meanwhile cannot be told
		h.version++
		h.compacted = fmt.Sprint(h.version)
	}
	for w := range h.watches {
		w.CloseWithError(io.ErrUnexpectedEOF)
		delete(h.watches, w)
	}
}

// forget loses everything that was stored.
func (h *hub) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.objects = map[string]map[string]any{}
}

func (h *hub) writes() (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out = h.written
	h.written = nil
	return out
}
