package crowd

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/version"
)

// Options of a Crowd.
type Options struct {
	// Wrote is told each object as it was stored, under the lock of its member: it must be quick and
	// must not keep the object. It may be nil.
	Wrote func(member string, obj map[string]any)
}

// Fault is how a member misbehaves.
type Fault struct {
	// Hang keeps every request open until the client gives up.
	Hang bool
	// Cut drops the connection of every request.
	Cut bool
	// Status, when not 0, is the answer to every request but those for health.
	Status int
	// Delay is added to every request.
	Delay time.Duration
	// Refuse, when set, is the message with which an admission webhook refuses every write.
	Refuse string
}

// Crowd is a handler: the API of the member NAME is at /NAME.
type Crowd struct {
	options Options
	closed  chan struct{}
	once    sync.Once
	members map[string]*Member
}

// New returns a crowd of the members with the given names.
func New(names []string, o Options) *Crowd {
	c := &Crowd{options: o, closed: make(chan struct{}), members: map[string]*Member{}}
	for _, name := range names {
		c.members[name] = newMember(name, c)
	}
	return c
}

// Member returns a member, nil if there is none of that name.
func (c *Crowd) Member(name string) *Member { return c.members[name] }

// Close ends all watches.
func (c *Crowd) Close() { c.once.Do(func() { close(c.closed) }) }

// ServeHTTP implements http.Handler.
func (c *Crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	segments := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	m := c.members[segments[0]]
	if m == nil {
		http.NotFound(w, r)
		return
	}
	if m.misbehaves(w, r, segments[1:]) {
		return
	}
	if err := m.serve(w, r, segments[1:]); err != nil {
		answer(w, err)
	}
}

// misbehaves says whether a fault has answered the request.
func (m *Member) misbehaves(w http.ResponseWriter, r *http.Request, path []string) bool {
	f := m.fault.Load()
	if f == nil {
		return false
	}
	health := len(path) == 1 && path[0] == "readyz"
	writes := r.Method != http.MethodGet
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-m.crowd.closed:
		}
		panic(http.ErrAbortHandler)
	case f.Cut:
		panic(http.ErrAbortHandler)
	case f.Status != 0 && !health:
		w.Header().Set("Retry-After", "1")
		answer(w, apierrors.NewGenericServerResponse(f.Status, r.Method, namespaces, "", "as told", 1, true))
		return true
	case f.Refuse != "" && writes:
		answer(w, apierrors.NewForbidden(namespaces, "", errorString(`admission webhook "policy.example.com" denied the request: `+f.Refuse)))
		return true
	}
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
		}
	}
	return false
}

type errorString string

func (e errorString) Error() string { return string(e) }

func (m *Member) serve(w http.ResponseWriter, r *http.Request, path []string) error {
	switch {
	case slices.Equal(path, []string{"readyz"}), slices.Equal(path, []string{"healthz"}):
		_, err := io.WriteString(w, "ok")
		return err
	case slices.Equal(path, []string{"version"}):
		return encode(w, http.StatusOK, version.Info{Major: "1", Minor: "37", GitVersion: "v1.37.2"})
	case len(path) < 2 || path[0] == "apis" && len(path) < 3:
		return discover(w, path)
	}
	group, rest := "", path[1:]
	if path[0] == "apis" {
		group, rest = path[1], path[2:]
	}
	if len(rest) == 1 {
		return resources(w, group, rest[0])
	}
	return m.objects(w, r, group, rest[1:])
}

// objects serves [namespaces/NS/]RESOURCE[/NAME[/status]].
func (m *Member) objects(w http.ResponseWriter, r *http.Request, group string, path []string) error {
	namespace := ""
	if path[0] == "namespaces" && len(path) > 2 {
		namespace, path = path[1], path[2:]
	}
	k := find(group, path[0])
	if k == nil {
		return apierrors.NewGenericServerResponse(http.StatusNotFound, r.Method, namespaces, "", "404 page not found", 0, true)
	}
	if len(path) == 1 {
		return m.collection(w, r, k, namespace)
	}
	return m.one(w, r, k, namespace, path[1], len(path) > 2 && path[2] == "status")
}

func (m *Member) collection(w http.ResponseWriter, r *http.Request, k *kind, namespace string) error {
	query := r.URL.Query()
	selector, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	switch {
	case r.Method == http.MethodPost:
		obj, err := decode(r)
		if err != nil {
			return err
		}
		raw, err := m.create(k, namespace, obj)
		return reply(w, http.StatusCreated, raw, err)
	case r.Method != http.MethodGet:
		return apierrors.NewMethodNotSupported(k.groupResource(), r.Method)
	case query.Get("watch") == "true" || query.Get("watch") == "1":
		return m.watch(w, r, k, namespace, selector)
	}
	items, at := m.list(k, namespace, selector)
	list := map[string]any{
		"apiVersion": k.groupVersion().String(), "kind": k.name + "List", "items": items,
		"metadata": map[string]any{"resourceVersion": strconv.FormatInt(at, 10)},
	}
	if wantsPartial(r) {
		for i := range items {
			items[i] = partial(items[i])
		}
		list["apiVersion"], list["kind"] = metav1.SchemeGroupVersion.String(), "PartialObjectMetadataList"
	}
	if items == nil {
		list["items"] = []any{}
	}
	return encode(w, http.StatusOK, list)
}

func (m *Member) one(w http.ResponseWriter, r *http.Request, k *kind, namespace, name string, status bool) error {
	switch r.Method {
	case http.MethodGet:
		raw, err := m.get(k, namespace, name)
		return reply(w, http.StatusOK, raw, err)
	case http.MethodPut:
		obj, err := decode(r)
		if err != nil {
			return err
		}
		raw, err := m.update(k, namespace, name, status, func(object) (object, error) { return obj, nil })
		return reply(w, http.StatusOK, raw, err)
	case http.MethodPatch:
		patch, err := io.ReadAll(r.Body)
		if err != nil {
			return apierrors.NewBadRequest(err.Error())
		}
		raw, err := m.update(k, namespace, name, status, func(present object) (object, error) { return merge(present, patch) })
		return reply(w, http.StatusOK, raw, err)
	case http.MethodDelete:
		var options metav1.DeleteOptions
		_ = json.NewDecoder(r.Body).Decode(&options) // an empty body asks for nothing special
		var uid = options.Preconditions
		if uid == nil || uid.UID == nil {
			return done(w, m.remove(k, namespace, name, ""))
		}
		return done(w, m.remove(k, namespace, name, *uid.UID))
	}
	return apierrors.NewMethodNotSupported(k.groupResource(), r.Method)
}

func decode(r *http.Request) (object, error) {
	var obj object
	if err := json.NewDecoder(r.Body).Decode(&obj); err != nil || obj == nil {
		return nil, apierrors.NewBadRequest("the body is no JSON object")
	}
	return obj, nil
}

func done(w http.ResponseWriter, err error) error {
	if err != nil {
		return err
	}
	return encode(w, http.StatusOK, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess})
}

func reply(w http.ResponseWriter, code int, raw []byte, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, err = w.Write(raw)
	return err
}

func encode(w http.ResponseWriter, code int, v any) error {
	raw, err := json.Marshal(v)
	return reply(w, code, raw, err)
}

func answer(w http.ResponseWriter, err error) {
	status := metav1.Status{Status: metav1.StatusFailure, Message: err.Error(), Code: http.StatusInternalServerError}
	if known, ok := err.(apierrors.APIStatus); ok {
		status = known.Status()
	}
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	_ = encode(w, int(status.Code), status) // a client that is gone needs no answer
}
