package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/sets"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/evict"
	"github.com/seaway-io/seaway/controllers/core/placement"
	evictor "github.com/seaway-io/seaway/controllers/evict"
	"github.com/seaway-io/seaway/controllers/scheduler"
)

// eviction are the flags about workloads that leave clusters. Their names are those of Karmada's controller
// manager.
type eviction struct {
	taints    bool
	purgeMode string
	timeout   time.Duration
	rate      float32
	gates     gates
}

// unpaced is the rate of evictions when none is asked for.
const unpaced = -1

func (e *eviction) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&e.taints, "enable-no-execute-taint-eviction", false, "let taints of clusters with the effect NoExecute drive out what does not tolerate them")
	fs.StringVar(&e.purgeMode, "no-execute-taint-eviction-purge-mode", string(policyv1alpha1.PurgeModeGracefully), "how they do, where a policy does not say: Gracefully (replacements first) or Directly")
	fs.DurationVar(&e.timeout, "graceful-eviction-timeout", evict.DefaultTimeout, "how long an evicted copy waits for its replacements, where a policy does not say")
	fs.Float32Var(&e.rate, "resource-eviction-rate", unpaced, "how many workloads leave clusters in a second, by taint or because they fail; 0: one in half an hour; below 0: as many as there is room for")
	fs.Var(&e.gates, "feature-gates", "Karmada's feature gates, as Gate=true,Other=false. Those with a meaning here: Failover (false: nothing leaves a cluster because of the cluster), StatefulFailoverInjection (state goes along), and AllAlpha and AllBeta for them")
	for name, instead := range map[string]string{
		"failover-eviction-timeout":        "write a ClusterTaintPolicy, or failover.moveWorkloadsAfter of a TrafficPolicy",
		"secondary-resource-eviction-rate": "evictions stop when too many clusters fail together: maxUnavailableClusters of a TrafficPolicy",
		"unhealthy-cluster-threshold":      "evictions stop when too many clusters fail together: maxUnavailableClusters of a TrafficPolicy",
		"large-cluster-num-threshold":      "evictions stop when too many clusters fail together: maxUnavailableClusters of a TrafficPolicy",
	} {
		fs.String(name, "", "of Karmada; has no effect")
		flag := fs.Lookup(name)
		flag.Deprecated, flag.Hidden = "it has no effect; "+instead, true
	}
}

func (e *eviction) check() error {
	switch policyv1alpha1.PurgeMode(e.purgeMode) {
	case policyv1alpha1.PurgeModeGracefully, policyv1alpha1.PurgeModeDirectly:
	default:
		return fmt.Errorf("--no-execute-taint-eviction-purge-mode: want Gracefully or Directly, not %q", e.purgeMode)
	}
	if e.timeout <= 0 {
		return fmt.Errorf("--graceful-eviction-timeout: must be greater than 0, is %s", e.timeout)
	}
	return nil
}

// options are those of the controller.
func (e *eviction) options() evictor.Options {
	o := evictor.Options{
		Taints: e.taints && e.gates.on("Failover"), TaintPurgeMode: policyv1alpha1.PurgeMode(e.purgeMode),
		Timeout: e.timeout, PreserveState: e.gates.on("StatefulFailoverInjection"),
	}
	if e.rate >= 0 {
		o.Rate = &e.rate
	}
	return o
}

// placeWithout lets evictions ask the scheduler's placer.
func placeWithout(p *scheduler.Placer) evictor.PlaceFunc {
	return func(ctx context.Context, b workv1alpha2.Binding, exclude sets.Set[string]) (placement.Result, string, error) {
		result, diagnosis, err := p.Place(ctx, b, exclude, false)
		if err != nil || diagnosis.Fits() {
			return result, "", err
		}
		return result, diagnosis.Message, nil
	}
}
