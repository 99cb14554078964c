//go:build linux

package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/test/bench/crowd"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// RescueOptions say how much is in the cluster that is lost.
type RescueOptions struct {
	// Bindings is how many workloads there are. Each has a replica in every member.
	Bindings int
	// Members is how many clusters there are, in memory; at least three, or the loss of one is held for
	// being too large.
	Members int
}

// Run starts a hub with members in memory, puts workloads into all of them, loses one, and measures how
// long it takes until everything that was in it is placed elsewhere and asked for there.
//
// The hub and its controllers are real; what a name server would report of the data path is written here.
// No TrafficPolicy speaks for the workloads: they are moved on the default terms.
func (o RescueOptions) Run(ctx context.Context, out io.Writer) error {
	return install.Run(ctx, install.RunOptions{Name: "bench", HubOnly: true}, out, func(ctx context.Context, in *install.Installation) error {
		b, err := worksOptions{share: o.Members, writers: 16}.bench(in, out)
		if err != nil {
			return err
		}
		r := &rescue{worksBench: b, RescueOptions: o, left: map[string]time.Time{}, asked: map[string]time.Time{}}
		for i := range o.Members {
			r.members = append(r.members, fmt.Sprintf("c%d", i))
		}
		return r.run(ctx)
	})
}

// rescue is one run.
type rescue struct {
	*worksBench
	RescueOptions
	members []string

	mu   sync.Mutex
	lost string // the member that was lost; empty before
	// left is when each binding was first seen without the lost member, asked when a survivor was first
	// asked for more replicas of each Deployment.
	left, asked map[string]time.Time
}

func (r *rescue) run(ctx context.Context) error {
	c := crowd.New(r.members, crowd.Options{Wrote: func(member string, obj map[string]any) {
		r.arrivals.wrote(member, obj)
		r.wrote(member, obj)
	}})
	endpoint, stop, err := r.serve(ctx, c)
	if err != nil {
		return err
	}
	defer stop()
	if err := r.join(ctx, r.members, endpoint); err != nil {
		return err
	}
	if err := r.namespaces(ctx); err != nil {
		return err
	}
	if err := everyMember(ctx, c, r.members, schema.GroupResource{Resource: "namespaces"}, namespaces); err != nil {
		return err
	}
	if err := r.report(ctx, ""); err != nil {
		return err
	}
	r.say("\nRESCUE  %d Deployments with a replica in each of %d members in memory, static weights:", r.Bindings, r.Members)
	if err := r.hub.Create(ctx, everywhere("all", nil, r.weights())); err != nil {
		return err
	}
	var all []*appsv1.Deployment
	for i := range r.Bindings {
		all = append(all, r.template(i, 0, r.Members))
	}
	if err := r.carry(ctx, all, r.Members); err != nil {
		return err
	}
	if err := r.calm(ctx); err != nil {
		return err
	}
	return r.lose(ctx, c, r.members[0])
}

func (r *rescue) weights() *policyv1alpha1.ClusterPreferences {
	out := &policyv1alpha1.ClusterPreferences{}
	for _, m := range r.members {
		out.StaticWeightList = append(out.StaticWeightList, policyv1alpha1.StaticClusterWeight{
			TargetCluster: policyv1alpha1.ClusterAffinity{ClusterNames: []string{m}}, Weight: 1})
	}
	return out
}

// report is what a name server says of the data path to all members, and waits until the hub says it too.
func (r *rescue) report(ctx context.Context, down string) error {
	now := metav1.NowMicro()
	health := &trafficv1alpha1.EndpointHealth{ObjectMeta: metav1.ObjectMeta{Name: "bench"}}
	err := r.hub.Get(ctx, client.ObjectKeyFromObject(health), health)
	absent := client.IgnoreNotFound(err) == nil && err != nil
	if err != nil && !absent {
		return err
	}
	health.Spec = trafficv1alpha1.EndpointHealthSpec{VantagePoint: "bench", Kind: trafficv1alpha1.VantageNameServer, RenewTime: now, LeaseDurationSeconds: 3600}
	plan := trafficv1alpha1.PlanHealth{Namespace: namespace(0), Name: "bench", Generation: 1}
	for _, m := range r.members {
		v := trafficv1alpha1.EndpointVerdict{Cluster: m, Verdict: trafficv1alpha1.VerdictHealthy, Since: now}
		if m == down {
			v.Verdict, v.Message = trafficv1alpha1.VerdictUnhealthy, "connection refused"
		}
		plan.Endpoints = append(plan.Endpoints, v)
	}
	health.Spec.Plans = []trafficv1alpha1.PlanHealth{plan}
	write := func() error { return r.hub.Update(ctx, health) }
	if absent {
		write = func() error { return r.hub.Create(ctx, health) }
	}
	if err := write(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return install.Await(ctx, time.Minute, func(ctx context.Context) error {
		for _, m := range r.members {
			var cluster clusterv1alpha1.Cluster
			if err := r.hub.Get(ctx, client.ObjectKey{Name: m}, &cluster); err != nil {
				return err
			}
			if meta.IsStatusConditionTrue(cluster.Status.Conditions, trafficv1alpha1.ClusterConditionDataPath) == (m == down) {
				return fmt.Errorf("%s: %+v", m, cluster.Status.Conditions)
			}
		}
		return nil
	})
}

// wrote sees what a member is asked for.
func (r *rescue) wrote(member string, obj map[string]any) {
	if obj["kind"] != "Deployment" {
		return
	}
	metadata, _ := obj["metadata"].(map[string]any)
	spec, _ := obj["spec"].(map[string]any)
	name, _ := metadata["name"].(string)
	r.mu.Lock()
	defer r.mu.Unlock()
	if replicas, _ := spec["replicas"].(float64); r.lost == "" || member == r.lost || replicas < 2 {
		return
	}
	if _, seen := r.asked[name]; !seen {
		r.asked[name] = time.Now()
	}
}

// saw sees where a binding is placed.
func (r *rescue) saw(obj runtime.Object) {
	b, ok := obj.(*workv1alpha2.ResourceBinding)
	if !ok {
		return
	}
	key := b.Namespace + "/" + b.Name
	r.mu.Lock()
	defer r.mu.Unlock()
	in := func(t workv1alpha2.TargetCluster) bool { return t.Name == r.lost }
	if _, seen := r.left[key]; !seen && r.lost != "" && len(b.Spec.Clusters) > 0 && !slices.ContainsFunc(b.Spec.Clusters, in) {
		r.left[key] = time.Now()
	}
}

// lose takes a member away.
func (r *rescue) lose(ctx context.Context, c *crowd.Crowd, name string) error {
	stop, err := watched(ctx, r.hub, &workv1alpha2.ResourceBindingList{}, r.saw)
	if err != nil {
		return err
	}
	defer stop()
	before, err := r.begin(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.lost = name
	r.mu.Unlock()
	lost := time.Now()
	c.Member(name).Set(&crowd.Fault{Cut: true})
	if err := r.report(ctx, name); err != nil {
		return err
	}
	if err := install.Await(ctx, 3*time.Minute, func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.left) < r.Bindings || len(r.asked) < r.Bindings {
			return fmt.Errorf("of %d bindings %d have left the lost member and %d are asked for elsewhere", r.Bindings, len(r.left), len(r.asked))
		}
		return nil
	}); err != nil {
		return err
	}
	left, asked := after(lost, r.left), after(lost, r.asked)
	whole := left[len(left)-1] - left[0]
	r.say("%d bindings of a dead cluster re-placed in %.1f s (%.0f a second): the first %.1f s after the loss, of which 15 s are moveWorkloadsAfter, p50 %.1f s, p99 %.1f s, the last %.1f s",
		len(left), whole.Seconds(), float64(len(left))/max(whole.Seconds(), 0.001),
		left[0].Seconds(), percentile(left, 50).Seconds(), percentile(left, 99).Seconds(), left[len(left)-1].Seconds())
	r.say("replicas asked for in the survivors' API servers: first %.1f s after the loss, p50 %.1f s, p99 %.1f s, last %.1f s",
		asked[0].Seconds(), percentile(asked, 50).Seconds(), percentile(asked, 99).Seconds(), asked[len(asked)-1].Seconds())
	return r.end(ctx, before, r.Bindings, "binding")
}

// after are times since a moment, sorted.
func after(began time.Time, times map[string]time.Time) []time.Duration {
	var out []time.Duration
	for _, at := range times {
		out = append(out, at.Sub(began))
	}
	slices.Sort(out)
	return out
}
