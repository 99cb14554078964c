package scheduler

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// own remembers the versions of bindings that this process has written, until the cache has them.
// Deciding from what the cache had before would end in a conflict at best, and in a second placement
// of a reschedule at worst; and the events of our own writes tell nothing new.
type own struct {
	mu      sync.Mutex
	written map[types.NamespacedName]string
}

func newOwn() *own { return &own{written: map[types.NamespacedName]string{}} }

func (o *own) wrote(key types.NamespacedName, version string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.written[key] = version
}

func (o *own) forget(key types.NamespacedName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.written, key)
}

// behind says whether a version is older than the last one written.
func (o *own) behind(key types.NamespacedName, version string) bool {
	return o.compare(key, version) < 0
}

// told says whether a version holds nothing that was not known when the last one was written.
func (o *own) told(key types.NamespacedName, version string) bool {
	return o.compare(key, version) <= 0
}

// compare is negative for a version older than the last one written, 0 for that one, and positive
// for a newer one and when nothing was written. The cache never goes back: once it has the version
// it is forgotten.
func (o *own) compare(key types.NamespacedName, version string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	written, ok := o.written[key]
	if !ok {
		return 1
	}
	order, err := resourceversion.CompareResourceVersion(version, written)
	if err != nil { // versions without an order: only equality is known
		if order = 1; version == written {
			order = 0
		}
	}
	if order >= 0 {
		delete(o.written, key)
	}
	return order
}
