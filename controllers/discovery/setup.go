package discovery

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seaway-io/seaway/controllers/member"
)

var (
	servicesResource = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	slicesResource   = schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}
)

// Setup fills the table from all members while this process is the leader.
func Setup(mgr ctrl.Manager, t *Table) error {
	err := mgr.Add(&follower{
		table:     t,
		subscribe: t.pool.Subscribe,
		connect:   func(name string) (connection, error) { return t.pool.Member(name) },
		current:   map[string]connection{},
	})
	if err != nil {
		return fmt.Errorf("set up discovery: %w", err)
	}
	return nil
}

// connection is what is needed of a *member.Member.
type connection interface {
	Watch(schema.GroupVersionResource, member.WatchOptions, cache.ResourceEventHandler) (member.Lister, error)
	Done() <-chan struct{}
}

// follower watches every member through its present connection.
type follower struct {
	table     *Table
	subscribe func(func(name string))
	connect   func(name string) (connection, error)

	mu      sync.Mutex
	current map[string]connection
}

// Start follows the members until ctx is done.
func (f *follower) Start(ctx context.Context) error {
	f.subscribe(func(name string) {
		if ctx.Err() == nil {
			f.follow(ctx, name)
		}
	})
	<-ctx.Done()
	return nil
}

// follow looks at the present connection of a member and begins to watch it when it is a new one.
func (f *follower) follow(ctx context.Context, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	connected, err := f.connect(name)
	if err != nil {
		if f.current[name] != nil {
			delete(f.current, name)
			f.table.put(name, nil)
		}
		return
	}
	if f.current[name] == connected {
		return // lost or regained: the watches go on
	}
	f.current[name] = connected
	s := newShard(name, f.table.tell)
	f.table.put(name, s)
	if err := watch(ctx, connected, s); err != nil {
		// The connection was closed meanwhile; its successor is announced.
		log.FromContext(ctx).V(1).Info("cannot watch a member", "cluster", name, "err", err.Error())
	}
}

// watch fills a shard and marks it as known when all that was there has arrived.
func watch(ctx context.Context, c connection, s *shard) error {
	services, err := c.Watch(servicesResource, member.WatchOptions{View: "discovery", Transform: reduceService}, cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { with(obj, s.setService) },
		UpdateFunc: func(_, obj any) { with(obj, s.setService) },
		DeleteFunc: func(obj any) { with(obj, s.removeService) },
	})
	if err != nil {
		return fmt.Errorf("watch services: %w", err)
	}
	slices, err := c.Watch(slicesResource, member.WatchOptions{View: "discovery", Transform: reduceSlice}, cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { with(obj, func(sl *slice) { s.setSlice(nil, sl) }) },
		UpdateFunc: func(old, obj any) {
			with(obj, func(sl *slice) { before, _ := old.(*slice); s.setSlice(before, sl) })
		},
		DeleteFunc: func(obj any) { with(obj, s.removeSlice) },
	})
	if err != nil {
		services.Close()
		return fmt.Errorf("watch endpoint slices: %w", err)
	}
	go func() {
		arrived := func() bool { return ctx.Err() != nil || services.HasSynced() && slices.HasSynced() }
		if cache.WaitForCacheSync(c.Done(), arrived) && ctx.Err() == nil {
			s.read()
		}
	}()
	return nil
}

// with calls do with an object of a handler, or with the last state of one that is gone.
func with[T any](obj any, do func(T)) {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	if o, ok := obj.(T); ok {
		do(o)
	}
}
