package feed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/seaway-io/seaway/dns/core/held"
)

const (
	listTimeout = 10 * time.Second
	listPage    = 500
	// Waiting after an error grows from the first to the second: the hub must be found again soon
	// after it has returned.
	leastWait = 200 * time.Millisecond
	mostWait  = 2 * time.Second
)

// watcher follows one kind of objects. It is written out rather than borrowed, since what it may
// believe is the point of this package: lists are consistent reads, a list takes the place of the
// watch and never runs beside it, and every doubt leads to another list.
type watcher[T metav1.Object] struct {
	client   rest.Interface
	resource string
	newList  func() runtime.Object
	// namespace and selector of the objects; all if empty.
	namespace, selector string

	// What was read, in the order in which the hub did it. Each may ask for another list: replace
	// after held.ConfirmAfter, put at once.
	replace func([]T) (doubts bool)
	put     func(T) (suspicious bool)
	remove  func(T)
	// failed is told of errors, and of nil once the watch is open.
	failed func(error)

	due time.Time // when another list is to be read; zero: never

	mu     sync.Mutex
	hangUp context.CancelCauseFunc // ends the present request
}

var (
	errAgain   = errors.New("another list is due")
	errDropped = errors.New("given up, since the hub was not heard for a while")
)

// run lists and watches until the context ends.
func (w *watcher[T]) run(ctx context.Context) {
	version := "" // empty: list
	wait := leastWait
	for ctx.Err() == nil {
		next, err := w.once(ctx, version)
		version = next
		switch {
		case err == nil:
			wait = leastWait
			continue
		case errors.Is(err, errAgain):
			version = ""
			continue
		case ctx.Err() != nil:
			return
		}
		w.failed(err)
		// A little chance keeps a fleet of servers from returning in one moment.
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait/2 + rand.N(wait/2)):
		}
		wait = min(2*wait, mostWait)
	}
}

// drop ends the present request: it may be waiting on a connection that is dead.
func (w *watcher[T]) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hangUp != nil {
		w.hangUp(errDropped)
	}
}

// once lists, if there is no version to go on from, and watches. It returns the version to go on
// from; empty if the list must be read again.
func (w *watcher[T]) once(ctx context.Context, version string) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w.mu.Lock()
	w.hangUp = cancel
	w.mu.Unlock()
	if version == "" {
		objects, at, err := w.list(ctx)
		if err != nil {
			return "", err
		}
		version, w.due = at, time.Time{}
		if w.replace(objects) {
			w.due = time.Now().Add(held.ConfirmAfter)
		}
	}
	return w.watch(ctx, version)
}

// list reads everything, as it is at that moment: no resource version allows the server to answer
// from a cache that lags.
func (w *watcher[T]) list(ctx context.Context) (objects []T, version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	options := metav1.ListOptions{Limit: listPage, LabelSelector: w.selector}
	for {
		list := w.newList()
		if err := w.client.Get().NamespaceIfScoped(w.namespace, w.namespace != "").Resource(w.resource).VersionedParams(&options, parameters).Do(ctx).Into(list); err != nil {
			return nil, "", fmt.Errorf("listing %s: %w", w.resource, cause(ctx, err))
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			return nil, "", fmt.Errorf("listing %s: %w", w.resource, err)
		}
		for _, item := range items {
			o, ok := item.(T)
			if !ok {
				return nil, "", fmt.Errorf("listing %s: got a %T", w.resource, item)
			}
			objects = append(objects, o)
		}
		head, err := meta.ListAccessor(list)
		if err != nil {
			return nil, "", fmt.Errorf("listing %s: %w", w.resource, err)
		}
		if options.Continue = head.GetContinue(); options.Continue == "" {
			return objects, head.GetResourceVersion(), nil
		}
	}
}

// watch follows changes from a version on. It ends without an error when the server ends it, which
// it does now and then.
func (w *watcher[T]) watch(ctx context.Context, version string) (string, error) {
	seconds := int64(300 + rand.IntN(300))
	// A watch is answered at once, with the head of an answer that goes on. Only that is waited for.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answered := time.AfterFunc(listTimeout, cancel)
	events, err := w.client.Get().NamespaceIfScoped(w.namespace, w.namespace != "").Resource(w.resource).VersionedParams(&metav1.ListOptions{
		LabelSelector: w.selector, Watch: true, ResourceVersion: version, AllowWatchBookmarks: true, TimeoutSeconds: &seconds,
	}, parameters).Watch(ctx)
	answered.Stop()
	if err != nil {
		return restartAt(version, err), fmt.Errorf("watching %s: %w", w.resource, cause(ctx, err))
	}
	defer events.Stop()
	w.failed(nil)
	var due <-chan time.Time
	if !w.due.IsZero() {
		timer := time.NewTimer(time.Until(w.due))
		defer timer.Stop()
		due = timer.C
	}
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			return version, fmt.Errorf("watching %s: %w", w.resource, context.Cause(ctx))
		case <-due:
			return "", errAgain
		case e, ok := <-events.ResultChan():
			if !ok {
				if time.Since(began) < time.Second {
					return version, fmt.Errorf("watching %s: the connection was closed at once", w.resource)
				}
				return version, nil
			}
			next, err := w.event(e)
			if err != nil {
				return restartAt(version, err), err
			}
			version = next
		}
	}
}

// event takes one event and returns its version.
func (w *watcher[T]) event(e watch.Event) (string, error) {
	if e.Type == watch.Error {
		return "", fmt.Errorf("watching %s: %w", w.resource, apierrors.FromObject(e.Object))
	}
	o, ok := e.Object.(T)
	if !ok {
		return "", fmt.Errorf("watching %s: got a %T", w.resource, e.Object)
	}
	switch e.Type {
	case watch.Added, watch.Modified:
		if w.put(o) {
			return "", errAgain
		}
	case watch.Deleted:
		w.remove(o)
	}
	return o.GetResourceVersion(), nil
}

// cause is why a request failed, without its URL, which is different every time and says little.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// restartAt is the version to go on from after an error: none, if the server does not know it any
// more or never did.
func restartAt(version string, err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		switch status.Status().Code {
		case http.StatusGone, http.StatusBadRequest, http.StatusNotFound, http.StatusGatewayTimeout:
			return ""
		}
	}
	return version
}
