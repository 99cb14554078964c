package execution

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
)

// Retries of one Work start fast, as many errors pass by themselves (a namespace that is on its way),
// and slow down for those that need a person.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Minute
)

// priorities of a Work in its lane: what users do goes before what a restart brings up again.
const (
	urgent  = 0
	routine = handler.LowPriority
)

// lanes gives every cluster a queue and workers of its own. A worker that waits for a member waits in
// the lane of that member, so a member that is slow or dead takes nothing from the others, however
// many of them there are; a pool of workers shared by all could not promise that. The number of
// workers in a lane is the bound on parallel writes to its member.
type lanes struct {
	reconcile func(context.Context, types.NamespacedName) (ctrl.Result, error)
	workers   int
	log       logr.Logger

	mu   sync.Mutex
	ctx  context.Context // nil before the start and after the end
	open map[string]*lane
	wg   sync.WaitGroup
}

type lane struct {
	queue priorityqueue.PriorityQueue[types.NamespacedName]
}

// start lets Works be added until the context ends.
func (l *lanes) start(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ctx, l.open = ctx, map[string]*lane{}
}

// wait returns when the context has ended and the workers with it.
func (l *lanes) wait(ctx context.Context) {
	<-ctx.Done()
	l.mu.Lock()
	l.ctx = nil
	for _, lane := range l.open {
		lane.queue.ShutDown()
	}
	l.mu.Unlock()
	l.wg.Wait()
}

// add queues Works of a cluster. Before the start it does nothing: all Works are seen then.
func (l *lanes) add(cluster string, priority int, works ...types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil || len(works) == 0 {
		return
	}
	current := l.open[cluster]
	if current == nil {
		current = &lane{queue: priorityqueue.New("", func(o *priorityqueue.Opts[types.NamespacedName]) {
			o.Log = l.log
			o.RateLimiter = workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstRetry, lastRetry)
		})}
		l.open[cluster] = current
		for range l.workers {
			l.wg.Add(1)
			go l.work(l.ctx, cluster, current)
		}
	}
	current.queue.AddWithOpts(priorityqueue.AddOpts{Priority: &priority}, works...)
}

// close ends the lane of a cluster that is gone. Another Work would open a new one.
func (l *lanes) close(cluster string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lane := l.open[cluster]; lane != nil {
		lane.queue.ShutDown()
		delete(l.open, cluster)
	}
}

func (l *lanes) work(ctx context.Context, cluster string, lane *lane) {
	defer l.wg.Done()
	for {
		key, priority, shutdown := lane.queue.GetWithPriority()
		if shutdown {
			return
		}
		l.handle(ctrl.LoggerInto(ctx, l.log.WithValues("cluster", cluster, "work", key.Name)), lane, key, priority)
	}
}

func (l *lanes) handle(ctx context.Context, lane *lane, key types.NamespacedName, priority int) {
	defer lane.queue.Done(key)
	result, err := l.safely(ctx, key)
	switch {
	case err != nil:
		if ctx.Err() == nil {
			// not as an error: it is in the Work's status, and mostly a matter between a user and a member
			ctrl.LoggerFrom(ctx).Info("Work is not carried out; trying again", "reason", err.Error())
		}
		// what failed gives way to what has not been tried: a member that refuses a thousand Works, each
		// after a while, must not keep the next one waiting
		late := min(priority, routine)
		lane.queue.AddWithOpts(priorityqueue.AddOpts{RateLimited: true, Priority: &late}, key)
	case result.RequeueAfter > 0:
		lane.queue.Forget(key)
		lane.queue.AddWithOpts(priorityqueue.AddOpts{After: result.RequeueAfter, Priority: &priority}, key)
	default:
		lane.queue.Forget(key)
	}
}

// safely turns a panic into an error: one Work must not stop the others.
func (l *lanes) safely(ctx context.Context, key types.NamespacedName) (result ctrl.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return l.reconcile(ctx, key)
}
