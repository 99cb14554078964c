// Package fresh lets a controller see its own writes through a cache that lags behind them. Without
// that, a controller that takes a decision back within the lag would compare with the old state,
// find nothing to do, and leave the decision standing.
package fresh

import (
	"context"
	"reflect"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Reader reads objects from the cache, or live while the cache is known to be behind. It remembers
// a write only until the cache has caught up with it.
type Reader struct {
	cached, live client.Reader

	mu      sync.Mutex
	written map[id]string
}

type id struct {
	kind reflect.Type
	key  client.ObjectKey
}

// New returns a reader that has seen no writes.
func New(cached, live client.Reader) *Reader {
	return &Reader{cached: cached, live: live, written: map[id]string{}}
}

// Get reads an object that is at least as new as the last write told to Wrote. The object may be
// shared with the cache: copy it before changing it.
func (r *Reader) Get(ctx context.Context, key client.ObjectKey, obj client.Object) error {
	at := id{reflect.TypeOf(obj), key}
	if err := r.cached.Get(ctx, key, obj, client.UnsafeDisableDeepCopy); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(at)
		}
		return err
	}
	if !r.behind(at, obj.GetResourceVersion()) {
		return nil
	}
	// into a new object: what the old one has and the new one has not would stay
	current := reflect.New(reflect.TypeOf(obj).Elem())
	if err := r.live.Get(ctx, key, current.Interface().(client.Object)); err != nil {
		return err
	}
	reflect.ValueOf(obj).Elem().Set(current.Elem())
	return nil
}

// Wrote remembers the version of an object that came back from a write.
func (r *Reader) Wrote(obj client.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written[id{reflect.TypeOf(obj), client.ObjectKeyFromObject(obj)}] = obj.GetResourceVersion()
}

func (r *Reader) behind(at id, version string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	written, ok := r.written[at]
	if !ok {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(version, written)
	if err != nil {
		// versions that cannot be ordered: only the very same one is known to be there
		if version != written {
			return true
		}
	} else if order < 0 {
		return true
	}
	delete(r.written, at)
	return false
}

func (r *Reader) forget(at id) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.written, at)
}
