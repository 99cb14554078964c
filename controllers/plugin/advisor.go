package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/core/plugin"
)

// Advisor asks the algorithms. It is safe for concurrent use; a decision without algorithms costs it
// one look at a pointer.
type Advisor struct {
	reader  client.Reader
	secrets client.Reader
	changed func()
	clock   clock.PassiveClock
	views   views
	queue   atomic.Pointer[queue]

	// inUse are the algorithms in the order of their names; nil before they were read for the first
	// time.
	inUse atomic.Pointer[[]*algorithm]

	mu       sync.Mutex
	compiled []*algorithm
	applied  map[string]*algorithm
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

func newAdvisor(reader, secrets client.Reader, o Options) (*Advisor, error) {
	if err := checkNames(o.Compiled); err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Timeout == 0 {
		o.Timeout = validation.MaxPluginTimeout
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	a := &Advisor{reader: reader, secrets: secrets, changed: o.Changed, clock: o.Clock, applied: map[string]*algorithm{}}
	for _, p := range o.Compiled {
		a.compiled = append(a.compiled, &algorithm{
			name: p.Name(), weight: validation.DefaultPluginWeight, timeout: o.Timeout, asker: compiledIn{p},
			open: make(chan struct{}, maxOpen), clock: o.Clock, report: func() {},
		})
	}
	return a, nil
}

// Advise asks every algorithm that selects the binding's template, all at the same time, and returns
// what they said in the order of their names. It takes no longer than the longest of their timeouts,
// 200ms at most. Neither the binding nor the clusters may change meanwhile.
func (a *Advisor) Advise(ctx context.Context, b workv1alpha2.Binding, clusters []*clusterv1alpha1.Cluster) []placement.Advice {
	all, err := a.algorithms(ctx)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "decide without placement plugins")
		return nil
	}
	var chosen []*algorithm
	for _, alg := range all {
		if plugin.Selects(alg.selectors, b.GetBindingSpec().Resource) {
			chosen = append(chosen, alg)
		}
	}
	if len(chosen) == 0 {
		return nil
	}
	advice := make([]placement.Advice, len(chosen))
	seen, err := a.views.of(clusters)
	if err != nil {
		for i, alg := range chosen {
			advice[i] = placement.Advice{Plugin: alg.name, Weight: alg.weight, Failed: err.Error()}
		}
		return advice
	}
	q := &question{binding: b, objects: clusters, view: plugin.NewBinding(b), clusters: seen}
	q.body = sync.OnceValues(func() ([]byte, error) { return plugin.Question(q.view, q.clusters) })
	var wait sync.WaitGroup
	for i, alg := range chosen {
		wait.Go(func() { advice[i] = alg.advise(ctx, q) })
	}
	wait.Wait()
	return advice
}

// algorithms are those in use. The first decision reads them from the cache, which has synced by then:
// it must not be made without them because their reconciler has not come to it.
func (a *Advisor) algorithms(ctx context.Context) ([]*algorithm, error) {
	if all := a.inUse.Load(); all != nil {
		return *all, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if all := a.inUse.Load(); all != nil {
		return *all, nil
	}
	var list trafficv1alpha1.PlacementPluginList
	if err := a.reader.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list placement plugins: %w", err)
	}
	for i := range list.Items {
		p := &list.Items[i]
		if known := a.applied[p.Name]; known == nil || !known.madeFrom(p) {
			a.applied[p.Name] = a.make(ctx, p)
		}
	}
	a.publish()
	return *a.inUse.Load(), nil
}

// put takes a plugin into use as it is now, and returns what became of it. The token of its endpoint is
// read anew each time.
func (a *Advisor) put(ctx context.Context, p *trafficv1alpha1.PlacementPlugin) *algorithm {
	made, isNew := a.replace(ctx, p)
	if isNew {
		a.changed()
	}
	return made
}

func (a *Advisor) replace(ctx context.Context, p *trafficv1alpha1.PlacementPlugin) (made *algorithm, isNew bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.applied[p.Name]
	if known != nil && known.madeFrom(p) {
		a.authorize(ctx, known, p)
		return known, false
	}
	made = a.make(ctx, p)
	a.applied[p.Name] = made
	a.publishAgain()
	if known != nil {
		known.retire()
	}
	return made, true
}

// drop takes a plugin out of use.
func (a *Advisor) drop(name string) {
	if a.remove(name) {
		a.changed()
	}
}

func (a *Advisor) remove(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.applied[name]
	if known == nil {
		return false
	}
	delete(a.applied, name)
	a.publishAgain()
	known.retire()
	if !a.isCompiled(name) {
		forget(name)
	}
	return true
}

// publishAgain does nothing before the first decision: that one reads all plugins, so that none is made
// with some of them.
func (a *Advisor) publishAgain() {
	if a.inUse.Load() != nil {
		a.publish()
	}
}

func (a *Advisor) isCompiled(name string) bool {
	return slices.ContainsFunc(a.compiled, func(c *algorithm) bool { return c.name == name })
}

// publish makes the set visible to decisions.
func (a *Advisor) publish() {
	all := slices.Clone(a.compiled)
	for _, alg := range slices.SortedFunc(maps.Values(a.applied), byName) {
		if alg.refused.Reason != trafficv1alpha1.ReasonPluginNameTaken {
			all = append(all, alg)
		}
	}
	slices.SortFunc(all, byName)
	a.inUse.Store(&all)
}

func byName(x, y *algorithm) int { return strings.Compare(x.name, y.name) }

func (a *Advisor) make(ctx context.Context, p *trafficv1alpha1.PlacementPlugin) *algorithm {
	p = p.DeepCopy()
	validation.DefaultPlacementPlugin(p)
	alg := &algorithm{
		name: p.Name, selectors: p.Spec.ResourceSelectors, uid: p.UID, generation: p.Generation,
		weight: int64(*p.Spec.Weight), timeout: p.Spec.Timeout.Duration,
		open: make(chan struct{}, maxOpen), clock: a.clock, report: func() { a.look(p.Name) },
	}
	if a.isCompiled(p.Name) {
		alg.refused = plugin.State{Reason: trafficv1alpha1.ReasonPluginNameTaken, Message: "an algorithm that is compiled in has this name; choose another"}
		return alg
	}
	if errs := plugin.Validate(p); len(errs) > 0 {
		alg.refused = plugin.State{Reason: trafficv1alpha1.ReasonInvalid, Message: errs.ToAggregate().Error()}
		return alg
	}
	if p.Spec.HTTP != nil {
		alg.asker = newEndpoint(p.Spec.HTTP)
		a.authorize(ctx, alg, p)
		return alg
	}
	program, _ := plugin.Compile(p.Spec.CEL, nil) // it was valid a moment ago
	alg.asker = expressions{program}
	return alg
}

// authorize reads the token of an endpoint, if it has one.
func (a *Advisor) authorize(ctx context.Context, alg *algorithm, p *trafficv1alpha1.PlacementPlugin) {
	e, ok := alg.asker.(*endpoint)
	if !ok || p.Spec.HTTP.TokenSecretRef == nil {
		return
	}
	ref := *p.Spec.HTTP.TokenSecretRef
	if ref.Key == "" {
		ref.Key = validation.DefaultTokenKey
	}
	token, why := a.token(ctx, ref)
	if why == "" {
		e.token.Store(&token)
	}
	alg.mu.Lock()
	defer alg.mu.Unlock()
	alg.unavailable = why
}

// token reads one value of one Secret, past the cache: credentials are not held there. why says what is
// wrong with it, without any of it.
func (a *Advisor) token(ctx context.Context, ref trafficv1alpha1.SecretKeyRef) (token, why string) {
	ctx, cancel := context.WithTimeout(ctx, secretTimeout)
	defer cancel()
	where := fmt.Sprintf("Secret %s in namespace %s", ref.Name, names.SystemNamespace)
	var secret corev1.Secret
	err := a.secrets.Get(ctx, types.NamespacedName{Namespace: names.SystemNamespace, Name: ref.Name}, &secret)
	switch {
	case apierrors.IsNotFound(err):
		return "", "its token can not be read: there is no " + where
	case err != nil:
		return "", fmt.Sprintf("its token can not be read: %s: %s", where, apierrors.ReasonForError(err))
	}
	token = strings.TrimSpace(string(secret.Data[ref.Key]))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Sprintf("its token can not be used: the key %s of %s must hold one word of ASCII", ref.Key, where)
	}
	return token, ""
}

// secretTimeout bounds the read of a Secret: decisions may wait for the first one.
const secretTimeout = 2 * time.Second

// reportTo takes the queue of the reconciler.
func (a *Advisor) reportTo(_ context.Context, q queue) error {
	a.queue.Store(&q)
	return nil
}

// look makes the reconciler look at a plugin. It does not block.
func (a *Advisor) look(name string) {
	if q := a.queue.Load(); q != nil {
		(*q).Add(reconcile.Request{NamespacedName: types.NamespacedName{Name: name}})
	}
}
