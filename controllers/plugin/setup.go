package plugin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Plugin is an algorithm that is compiled in. It is asked about every binding, by several decisions at
// a time, under the same deadline as the others.
type Plugin interface {
	// Name is that of the plugin in diagnoses. A PlacementPlugin of the same name is not accepted.
	Name() string
	// Advise gives opinions on clusters by name; scores are from 0 to 100. It must not change what it
	// is given, nor keep it. A decision does not wait for it beyond the end of the context.
	Advise(ctx context.Context, binding workv1alpha2.Binding, clusters []*clusterv1alpha1.Cluster) (map[string]placement.Opinion, error)
}

// Options of the advisor.
type Options struct {
	// Compiled are asked besides the PlacementPlugins. Their weight is 1.
	Compiled []Plugin
	// Timeout is how long a decision waits for those of Compiled; 200ms when 0.
	Timeout time.Duration
	// Changed is called when PlacementPlugins were added, changed or removed, so that bindings that
	// wait can be looked at again. It must not block. nil for nothing.
	Changed func()
	// Clock is the real one when nil.
	Clock clock.PassiveClock
}

const controllerName = "placementplugin"

// Setup makes an Advisor that follows the PlacementPlugins of the manager's hub, and adds the
// controller that writes their status.
func Setup(mgr ctrl.Manager, o Options) (*Advisor, error) {
	a, err := newAdvisor(mgr.GetClient(), mgr.GetAPIReader(), o)
	if err != nil {
		return nil, err
	}
	r := &reconciler{client: mgr.GetClient(), recorder: hub.Recorder(mgr, controllerName), advisor: a, clock: a.clock}
	err = ctrl.NewControllerManagedBy(mgr).
		Named(controllerName).
		For(&trafficv1alpha1.PlacementPlugin{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(source.Func(a.reportTo)).
		Complete(r)
	if err != nil {
		return nil, fmt.Errorf("set up placement plugins: %w", err)
	}
	return a, nil
}

func checkNames(compiled []Plugin) error {
	var names []string
	for _, p := range compiled {
		name := p.Name()
		if name == "" || slices.Contains(names, name) {
			return fmt.Errorf("the compiled-in placement plugins %q: every one needs a name of its own", append(names, name))
		}
		names = append(names, name)
	}
	return nil
}
