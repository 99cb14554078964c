package template

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// catchUp bounds how long the cache is waited for. It is behind by milliseconds; a binding that was
// deleted while the watch was broken never shows.
const catchUp = 5 * time.Second

// written remembers the versions of the bindings this process wrote until the cache shows them. What
// is decided in between would be decided about the past: a binding would be created twice, and a
// patch would be made against what is no longer there.
type written struct {
	last sync.Map // of Key to write
}

type write struct {
	version string
	until   time.Time
}

func (w *written) note(key Key, b workv1alpha2.Binding, now time.Time) {
	w.last.Store(key, write{version: b.GetResourceVersion(), until: now.Add(catchUp)})
}

func (w *written) forget(key Key) { w.last.Delete(key) }

// awaited says whether the cache, which has the binding b or none, is known to be behind.
func (w *written) awaited(key Key, b workv1alpha2.Binding, exists bool, now time.Time) bool {
	found, ok := w.last.Load(key)
	if !ok {
		return false
	}
	last := found.(write)
	if now.Before(last.until) && (!exists || older(b.GetResourceVersion(), last.version)) {
		return true
	}
	w.last.Delete(key)
	return false
}

func older(version, than string) bool {
	order, err := resourceversion.CompareResourceVersion(version, than)
	if err != nil { // versions that can not be ordered
		return version != than
	}
	return order < 0
}
