package crowd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// watcher is one watch. Events wait in a list, for a slow reader must not hold up the member.
type watcher struct {
	namespace string
	selector  labels.Selector
	partial   bool

	mu     sync.Mutex
	events [][]byte
	news   chan struct{} // holds one
}

func (w *watcher) see(what string, s *stored) {
	if (w.namespace != "" && s.namespace != w.namespace) || !w.selector.Matches(labels.Set(s.labels)) {
		return
	}
	raw := s.raw
	if w.partial {
		raw = partial(raw)
	}
	w.add(event(what, raw))
}

func event(what string, raw []byte) []byte {
	out := make([]byte, 0, len(raw)+40)
	out = append(out, `{"type":"`+what+`","object":`...)
	out = append(out, raw...)
	return append(out, "}\n"...)
}

func (w *watcher) add(event []byte) {
	w.mu.Lock()
	w.events = append(w.events, event)
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *watcher) take() [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.events
	w.events = nil
	return events
}

// watch serves a watch until the client goes or the crowd closes.
func (m *Member) watch(out http.ResponseWriter, r *http.Request, k *kind, namespace string, selector labels.Selector) error {
	flusher, ok := out.(http.Flusher)
	if !ok {
		return apierrors.NewInternalError(fmt.Errorf("no streaming"))
	}
	w := &watcher{namespace: namespace, selector: selector, partial: wantsPartial(r), news: make(chan struct{}, 1)}
	query := r.URL.Query()
	since, _ := strconv.ParseInt(query.Get("resourceVersion"), 10, 64)
	m.mu.Lock()
	c := m.kinds[k.groupResource()]
	switch {
	case query.Get("sendInitialEvents") == "true":
		for _, s := range c.objects {
			w.see("ADDED", s)
		}
		w.add(event("BOOKMARK", k.bookmark(m.version, w.partial)))
	case since < c.changed:
		m.mu.Unlock()
		return apierrors.NewResourceExpired("the past is not kept; list again")
	}
	c.watchers[w] = struct{}{}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(c.watchers, w)
	}()

	out.Header().Set("Content-Type", "application/json")
	out.WriteHeader(http.StatusOK)
	flusher.Flush()
	for {
		for _, e := range w.take() {
			if _, err := out.Write(e); err != nil {
				return nil // the client is gone
			}
		}
		flusher.Flush()
		select {
		case <-w.news:
		case <-r.Context().Done():
			return nil
		case <-m.crowd.closed:
			return nil
		}
	}
}

// bookmark ends the initial events of a watch.
func (k *kind) bookmark(version int64, partial bool) []byte {
	obj := metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: k.groupVersion().String(), Kind: k.name},
		ObjectMeta: metav1.ObjectMeta{ResourceVersion: strconv.FormatInt(version, 10), Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"}},
	}
	if partial {
		obj.TypeMeta = metav1.TypeMeta{APIVersion: metav1.SchemeGroupVersion.String(), Kind: "PartialObjectMetadata"}
	}
	raw, err := json.Marshal(obj)
	if err != nil {
		panic(err) // a fixed type
	}
	return raw
}
