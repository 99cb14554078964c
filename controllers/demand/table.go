package demand

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/demand"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

const (
	// every is how often is asked, and patience how long for an answer.
	every, patience = 10 * time.Second, 5 * time.Second
	// window is what rates are averages over, as in DefaultQuery.
	window = time.Minute
)

// Options of the package.
type Options struct {
	// URL of the Prometheus. None: nothing is measured.
	URL string
	// CAFile holds the certificates that its own is checked against; those of the host when empty.
	CAFile string
	// TokenFile holds a bearer token; none is sent when empty.
	TokenFile string
	// Query is a template of the query; DefaultQuery when empty. {{.Namespace}} and {{.Service}} are regular
	// expressions for the names of all Services that are asked about. Every series of the result has to
	// have the labels namespace, service and cluster, or those of DefaultQuery.
	Query string
	Clock clock.WithTicker
}

// Table is the demand of every policy that declares a capacity. It may be read from any goroutine.
type Table struct {
	source interface {
		rates(ctx context.Context, services []types.NamespacedName, at time.Time) (rates, error)
	}
	reader client.Reader
	clock  clock.WithTicker

	mu        sync.RWMutex
	known     map[types.NamespacedName]*traffic.Demand
	listeners []func(policies []types.NamespacedName)

	estimates map[types.NamespacedName]*demand.Estimate // of the one goroutine that measures
}

// Setup adds the measuring to the manager. Without a URL the table is nil, which knows nothing.
func Setup(mgr ctrl.Manager, o Options) (*Table, error) {
	if o.URL == "" {
		return nil, nil
	}
	source, err := newPrometheus(o)
	if err != nil {
		return nil, err
	}
	t := newTable(mgr.GetClient(), o.Clock)
	t.source = source
	return t, mgr.Add(manager.RunnableFunc(t.run))
}

func newTable(reader client.Reader, clk clock.WithTicker) *Table {
	return &Table{reader: reader, clock: clk, known: map[types.NamespacedName]*traffic.Demand{}, estimates: map[types.NamespacedName]*demand.Estimate{}}
}

// Of is the demand for a policy as it was measured last; nil when it never was. It must not be changed.
func (t *Table) Of(policy types.NamespacedName) *traffic.Demand {
	if t == nil {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.known[policy]
}

// Subscribe has a function called after every measurement with the policies it was about.
func (t *Table) Subscribe(f func(policies []types.NamespacedName)) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listeners = append(t.listeners, f)
}

func (t *Table) run(ctx context.Context) error {
	ticker := t.clock.NewTicker(every)
	defer ticker.Stop()
	failing := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		switch err := t.measure(ctx); {
		case err != nil && err.Error() != failing: // once is enough
			failing = err.Error()
			ctrl.LoggerFrom(ctx).Error(err, "the demand for applications can not be measured")
		case err == nil && failing != "":
			failing = ""
			ctrl.LoggerFrom(ctx).Info("the demand for applications is measured again")
		}
	}
}

// measure asks once, and tells.
func (t *Table) measure(ctx context.Context) error {
	policies, err := t.policies(ctx)
	if err != nil || len(policies) == 0 {
		t.forget(policies)
		return err
	}
	services := make([]types.NamespacedName, 0, len(policies))
	for name, p := range policies {
		services = append(services, service(name, p))
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now := t.clock.Now()
	measured, err := t.source.rates(ctx, services, now)
	if err != nil {
		return fmt.Errorf("ask prometheus: %w", err)
	}
	var about []types.NamespacedName
	fresh := map[types.NamespacedName]*traffic.Demand{}
	for name, p := range policies {
		load := measured[service(name, p)]
		if load == nil {
			continue
		}
		var plan trafficv1alpha1.TrafficPlan
		if err := t.reader.Get(ctx, name, &plan, client.UnsafeDisableDeepCopy); err != nil {
			continue // there is none yet
		}
		e := t.estimates[name]
		if e == nil || now.Sub(e.At()) > window {
			e = &demand.Estimate{}
			t.estimates[name] = e
		}
		e.Observe(now, load, demand.Told(&plan.Spec), window/2+time.Duration(plan.Spec.TTLSeconds)*time.Second/2)
		fresh[name] = &traffic.Demand{At: now, Clusters: e.Clusters(), Clients: e.Clients()}
		about = append(about, name)
	}
	t.forget(policies)
	t.mu.Lock()
	maps.Copy(t.known, fresh)
	listeners := slices.Clone(t.listeners)
	t.mu.Unlock()
	for _, tell := range listeners {
		tell(about)
	}
	return nil
}

// policies are those that declare a capacity. Nobody changes them.
func (t *Table) policies(ctx context.Context) (map[types.NamespacedName]*trafficv1alpha1.TrafficPolicy, error) {
	var list trafficv1alpha1.TrafficPolicyList
	if err := t.reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list traffic policies: %w", err)
	}
	out := map[types.NamespacedName]*trafficv1alpha1.TrafficPolicy{}
	for i := range list.Items {
		p := &list.Items[i]
		if p.Spec.Capacity != nil && len(p.Spec.TargetRefs) == 1 && traffic.IsService(p.Spec.TargetRefs[0]) {
			out[client.ObjectKeyFromObject(p)] = p
		}
	}
	return out, nil
}

func service(policy types.NamespacedName, p *trafficv1alpha1.TrafficPolicy) types.NamespacedName {
	return types.NamespacedName{Namespace: policy.Namespace, Name: p.Spec.TargetRefs[0].Name}
}

// forget drops what is known of policies that are gone.
func (t *Table) forget(policies map[types.NamespacedName]*trafficv1alpha1.TrafficPolicy) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name := range t.estimates {
		if policies[name] == nil {
			delete(t.estimates, name)
			delete(t.known, name)
		}
	}
}
