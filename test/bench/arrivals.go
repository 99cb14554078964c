//go:build linux

package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/test/fleet"
)

// arrivals are when the Deployments of each version first were in each member.
type arrivals struct {
	mu    sync.Mutex
	first map[arrival]time.Time
	count map[string]int // of members, by version
}

// arrival is one object in one member. The image tells the versions of the object apart.
type arrival struct{ cluster, name, image string }

func newArrivals() *arrivals {
	return &arrivals{first: map[arrival]time.Time{}, count: map[string]int{}}
}

func (a *arrivals) see(cluster, name, image string) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	at := arrival{cluster, name, image}
	if _, seen := a.first[at]; !seen {
		a.first[at] = now
		a.count[name+" "+image]++
	}
}

// wrote is for the handler of a crowd.
func (a *arrivals) wrote(cluster string, obj map[string]any) {
	if obj["kind"] != "Deployment" {
		return
	}
	meta, _ := obj["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	a.see(cluster, name, imageOf(obj))
}

func imageOf(obj map[string]any) string {
	at := obj
	for _, field := range []string{"spec", "template", "spec"} {
		at, _ = at[field].(map[string]any)
	}
	containers, _ := at["containers"].([]any)
	if len(containers) == 0 {
		return ""
	}
	first, _ := containers[0].(map[string]any)
	image, _ := first["image"].(string)
	return image
}

// follow sees the Deployments of a real member until stop.
func (a *arrivals) follow(ctx context.Context, c *fleet.Cluster) (stop func(), err error) {
	member, err := client.NewWithWatch(c.RESTConfig(), client.Options{})
	if err != nil {
		return nil, err
	}
	return watched(ctx, member, &appsv1.DeploymentList{}, func(obj runtime.Object) {
		if d, ok := obj.(*appsv1.Deployment); ok {
			a.see(c.Name, d.Name, d.Spec.Template.Spec.Containers[0].Image)
		}
	})
}

// watched shows every object until stop. A watch that an overloaded API server ends is begun anew.
func watched(ctx context.Context, c client.WithWatch, list client.ObjectList, see func(runtime.Object)) (stop func(), err error) {
	ctx, stop = context.WithCancel(ctx)
	w, err := c.Watch(ctx, list)
	if err != nil {
		stop()
		return nil, fmt.Errorf("watch %T: %w", list, err)
	}
	go func() {
		for ctx.Err() == nil {
			for e := range w.ResultChan() {
				see(e.Object)
			}
			for ctx.Err() == nil {
				if w, err = c.Watch(ctx, list); err == nil {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
		}
	}()
	return stop, nil
}

// follow watches bindings until stop.
func follow(ctx context.Context, hub client.WithWatch) (*placements, error) {
	p := &placements{first: map[string]time.Time{}, now: map[string]int32{}, news: make(chan struct{})}
	stop, err := watched(ctx, hub, &workv1alpha2.ResourceBindingList{}, func(obj runtime.Object) {
		if b, ok := obj.(*workv1alpha2.ResourceBinding); ok {
			p.see(b)
		}
	})
	p.stop = stop
	return p, err
}

// change is a version of a template that was written at a time.
type change struct {
	name, image string
	at          time.Time
	// members is how many get it.
	members int
}

// await waits until every change is in every member it goes to. It returns how long each took to
// each member, sorted, and when the last arrived.
func (a *arrivals) await(ctx context.Context, changes []change, within time.Duration) (took []time.Duration, last time.Time, err error) {
	deadline := time.After(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for missing := changes; ; {
		if missing = a.missing(missing); len(missing) == 0 {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, last, ctx.Err()
		case <-deadline:
			return nil, last, fmt.Errorf("after %s %d of %d changes have not arrived everywhere, %s among them", within, len(missing), len(changes), missing[0].name)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	written := map[string]time.Time{}
	for _, c := range changes {
		written[c.name+" "+c.image] = c.at
	}
	for at, seen := range a.first {
		if began, ok := written[at.name+" "+at.image]; ok {
			took = append(took, seen.Sub(began))
			if seen.After(last) {
				last = seen
			}
		}
	}
	slices.Sort(took)
	return took, last, nil
}

func (a *arrivals) missing(of []change) []change {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []change
	for _, c := range of {
		if a.count[c.name+" "+c.image] < c.members {
			out = append(out, c)
		}
	}
	return out
}
