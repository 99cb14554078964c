package plugin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/core/plugin"
)

// maxOpen bounds the questions to one algorithm that are open at a time. One that does not heed its
// deadline can not hold more goroutines than this.
const maxOpen = 16

// question is what a decision asks of every algorithm.
type question struct {
	binding  workv1alpha2.Binding
	objects  []*clusterv1alpha1.Cluster
	view     *plugin.Binding
	clusters []*plugin.Cluster
	// body is the question as JSON, made when the first algorithm wants it.
	body func() ([]byte, error)
}

// asker is one way to ask. The context ends with the deadline.
type asker interface {
	ask(ctx context.Context, q *question) (map[string]placement.Opinion, error)
}

// algorithm is one plugin as decisions use it.
type algorithm struct {
	name      string
	weight    int64
	timeout   time.Duration
	selectors []policyv1alpha1.ResourceSelector
	// uid and generation are those of the object it was made from.
	uid        types.UID
	generation int64
	// refused is why the object was not accepted; the zero value when it was.
	refused plugin.State
	asker   asker
	open    chan struct{}
	clock   clock.PassiveClock
	// report is called when the status should say something else.
	report func()

	mu     sync.Mutex
	health plugin.Health
	// unavailable is why it can not be asked at present, such as a missing Secret.
	unavailable string
}

// advise asks, unless the algorithm is to be passed over.
func (a *algorithm) advise(ctx context.Context, q *question) placement.Advice {
	advice := placement.Advice{Plugin: a.name, Weight: a.weight}
	if why := a.passOver(); why != "" {
		advice.Failed = why
		questions.WithLabelValues(a.name, resultPassedOver).Inc()
		return advice
	}
	start := a.clock.Now()
	opinions, failure, err := a.ask(ctx, q)
	if err != nil { // the decision itself has ended: that says nothing about the algorithm
		advice.Failed = "the decision was cancelled"
		return advice
	}
	now := a.clock.Now()
	duration.WithLabelValues(a.name).Observe(now.Sub(start).Seconds())
	a.note(now, failure)
	if failure != nil {
		advice.Failed = failure.Message
		return advice
	}
	advice.Opinions = opinions
	return advice
}

// passOver says why the algorithm is not asked at all; "" when it is.
func (a *algorithm) passOver() string {
	if a.refused.Reason != "" {
		return "not accepted: " + a.refused.Message
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.unavailable != "" {
		return a.unavailable
	}
	if ok, why := a.health.Ask(a.clock.Now()); !ok {
		return "not asked after several failures: " + why.Message
	}
	return ""
}

// note keeps what came of a question and reports news.
func (a *algorithm) note(now time.Time, failure *plugin.Failure) {
	result := resultAnswered
	a.mu.Lock()
	if failure == nil {
		a.health.Answered(now)
	} else {
		a.health.Failed(now, *failure)
		result = resultFailed
		if failure.Reason == trafficv1alpha1.ReasonPluginSlow {
			result = resultSlow
		}
	}
	_, news := a.health.State(now)
	a.mu.Unlock()
	questions.WithLabelValues(a.name, result).Inc()
	if news {
		a.report()
	}
}

// ask asks once and does not wait beyond the deadline. An error is that of the parent context.
func (a *algorithm) ask(parent context.Context, q *question) (map[string]placement.Opinion, *plugin.Failure, error) {
	ctx, cancel := context.WithTimeout(parent, a.timeout)
	defer cancel()
	select {
	case a.open <- struct{}{}:
	case <-ctx.Done():
		busy := fmt.Sprintf("%d earlier questions were not answered yet after %s", maxOpen, a.timeout)
		return nil, &plugin.Failure{Reason: trafficv1alpha1.ReasonPluginSlow, Message: busy}, parent.Err()
	}
	type outcome struct {
		opinions map[string]placement.Opinion
		err      error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-a.open }()
		var o outcome
		o.opinions, o.err = a.safely(ctx, q)
		done <- o
	}()
	var o outcome
	select {
	case o = <-done:
	case <-ctx.Done():
		o.err = plugin.ErrSlow
	}
	if o.err == nil {
		return o.opinions, nil, nil
	}
	return nil, a.failure(o.err), parent.Err()
}

// safely turns a panic of an algorithm into an error.
func (a *algorithm) safely(ctx context.Context, q *question) (opinions map[string]placement.Opinion, err error) {
	defer func() {
		if r := recover(); r != nil {
			opinions, err = nil, fmt.Errorf("it panicked: %v", r)
		}
	}()
	return a.asker.ask(ctx, q)
}

func (a *algorithm) failure(err error) *plugin.Failure {
	f := plugin.TooSlow(a.timeout)
	if !errors.Is(err, plugin.ErrSlow) && !errors.Is(err, context.DeadlineExceeded) {
		_, cheap := a.asker.(expressions)
		f = plugin.Failing(err, !cheap)
	}
	return &f
}

// expressions asks compiled CEL.
type expressions struct{ *plugin.Program }

func (e expressions) ask(ctx context.Context, q *question) (map[string]placement.Opinion, error) {
	return e.Evaluate(q.view, q.clusters, func() bool { return ctx.Err() != nil })
}

// compiledIn asks Go code.
type compiledIn struct{ Plugin }

func (c compiledIn) ask(ctx context.Context, q *question) (map[string]placement.Opinion, error) {
	said, err := c.Advise(ctx, q.binding, q.objects)
	if err != nil {
		return nil, err
	}
	return plugin.Opinions(said, q.clusters), nil
}

// madeFrom says whether the algorithm is that of the object as it is now.
func (a *algorithm) madeFrom(p *trafficv1alpha1.PlacementPlugin) bool {
	return a.uid == p.UID && a.generation == p.Generation
}

// retire lets go of what the algorithm holds. Decisions that still use it go on.
func (a *algorithm) retire() {
	if e, ok := a.asker.(*endpoint); ok {
		e.close()
	}
}
