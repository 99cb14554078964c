package hub

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Interpretations spreads the news that kinds are explained in another way than before, from whoever
// keeps the explanations to those who have used them. The zero value is ready; nil has no news.
type Interpretations struct {
	mu        sync.Mutex
	versions  map[schema.GroupVersionKind]uint64
	followers map[*follower]struct{}
}

// follower is told of kinds in a goroutine of its own.
type follower struct {
	waiting map[schema.GroupVersionKind]struct{}
	news    chan struct{}
}

// Changed says that a kind is explained in another way from now on. It does not block.
func (i *Interpretations) Changed(kind schema.GroupVersionKind) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.versions == nil {
		i.versions = map[schema.GroupVersionKind]uint64{}
	}
	i.versions[kind]++
	for f := range i.followers {
		f.waiting[kind] = struct{}{}
		select {
		case f.news <- struct{}{}:
		default: // told already
		}
	}
}

// Version counts how often a kind was explained anew in the life of this process; 0 is never. What
// was made with one version and is kept is to be made again with another. It is read before the
// interpreter is asked.
func (i *Interpretations) Version(kind schema.GroupVersionKind) uint64 {
	if i == nil {
		return 0
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.versions[kind]
}

// Follow calls f for every kind that changes from now on until the context ends: one at a time, in
// another goroutine, and once for several changes that come before its turn. It returns at once.
func (i *Interpretations) Follow(ctx context.Context, f func(context.Context, schema.GroupVersionKind)) {
	if i == nil {
		return
	}
	me := &follower{waiting: map[schema.GroupVersionKind]struct{}{}, news: make(chan struct{}, 1)}
	i.mu.Lock()
	if i.followers == nil {
		i.followers = map[*follower]struct{}{}
	}
	i.followers[me] = struct{}{}
	i.mu.Unlock()
	go func() {
		defer i.unfollow(me)
		for {
			select {
			case <-ctx.Done():
				return
			case <-me.news:
			}
			for kind := range i.take(me) {
				f(ctx, kind)
			}
		}
	}()
}

func (i *Interpretations) take(f *follower) map[schema.GroupVersionKind]struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := f.waiting
	f.waiting = map[schema.GroupVersionKind]struct{}{}
	return out
}

func (i *Interpretations) unfollow(f *follower) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.followers, f)
}

// Reinterpreted is a source of what has to be looked at again when a kind is explained in another way.
// There may be very many of them: they are queued behind whatever comes up by itself.
func Reinterpreted[K comparable](i *Interpretations, concerned func(context.Context, schema.GroupVersionKind) ([]K, error)) source.TypedSource[K] {
	return source.TypedFunc[K](func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[K]) error {
		i.Follow(ctx, func(ctx context.Context, kind schema.GroupVersionKind) {
			keys, err := concerned(ctx, kind)
			if err != nil {
				if ctx.Err() == nil {
					ctrl.LoggerFrom(ctx).Error(err, "list what is explained in another way", "kind", kind)
				}
				return
			}
			AddBehind(queue, keys...)
		})
		return nil
	})
}

// AddBehind queues what comes in great numbers, behind everything else.
func AddBehind[K comparable](queue workqueue.TypedRateLimitingInterface[K], keys ...K) {
	if pq, ok := queue.(priorityqueue.PriorityQueue[K]); ok {
		low := handler.LowPriority
		pq.AddWithOpts(priorityqueue.AddOpts{Priority: &low}, keys...)
		return
	}
	for _, key := range keys {
		queue.Add(key)
	}
}
