//go:build linux

package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/test/bench"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// Parts of bench-failover.
const (
	partAnswers = "answers"
	partCrowd   = "crowd"
	partPlanner = "planner"
)

// failoverBench are the flags of bench-failover.
type failoverBench struct {
	parts     []string
	kills     int
	moveAfter time.Duration
	rescue    bench.RescueOptions
	planner   bench.PlannerOptions
}

func benchFailover() *cobra.Command {
	o := failoverBench{planner: bench.PlannerOptions{Runs: 20}}
	cmd := &cobra.Command{
		Use: "bench-failover", Short: "Lose clusters again and again and measure until answers, replicas and pods are elsewhere; and the planner", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	cmd.Flags().StringSliceVar(&o.parts, "part", []string{partPlanner, partCrowd, partAnswers}, "what is measured")
	cmd.Flags().IntVar(&o.kills, "kills", 20, "how many clusters are killed, in turn")
	cmd.Flags().DurationVar(&o.moveAfter, "move-after", 5*time.Second, "moveWorkloadsAfter of the application whose clusters are killed")
	cmd.Flags().IntVar(&o.rescue.Bindings, "bindings", 1000, "how many bindings are in the cluster in memory that is lost")
	cmd.Flags().IntVar(&o.rescue.Members, "members", 4, "how many clusters in memory there are")
	cmd.Flags().IntSliceVar(&o.planner.Clusters, "plan-clusters", []int{10, 30, 100}, "how many clusters the planner has, one series for each")
	cmd.Flags().IntVar(&o.planner.Apps, "plan-apps", 1000, "how many applications it plans")
	return cmd
}

func (o failoverBench) run(cmd *cobra.Command) error {
	for _, part := range o.parts {
		if !slices.Contains([]string{partAnswers, partCrowd, partPlanner}, part) {
			return fmt.Errorf("flag --part: %q is none of %s, %s and %s", part, partAnswers, partCrowd, partPlanner)
		}
	}
	out := cmd.OutOrStdout()
	if slices.Contains(o.parts, partPlanner) {
		if err := o.planner.Run(out); err != nil {
			return err
		}
	}
	if slices.Contains(o.parts, partCrowd) {
		if err := o.rescue.Run(cmd.Context(), out); err != nil {
			return err
		}
	}
	if !slices.Contains(o.parts, partAnswers) {
		return nil
	}
	// How soon a cluster counts as back is not measured; waiting for it is.
	quickReturn := []string{"--cluster-success-threshold=1s", "--cluster-status-update-frequency=1s"}
	return install.Run(cmd.Context(), install.RunOptions{Name: "bench", Members: Members(), ControllerFlags: quickReturn}, out,
		func(ctx context.Context, in *install.Installation) error {
			d := newDemo(in, out)
			if !d.openTheShop(ctx) {
				return fmt.Errorf("the shop does not open")
			}
			p99, err := d.measure(ctx, o)
			if err != nil {
				return err
			}
			failed := d.Close()
			d.Line("failover answer p99 %.2f s", p99.Seconds())
			if failed > 0 {
				return fmt.Errorf("%d checks failed", failed)
			}
			return nil
		})
}

// freeFalls is how many falls of an endpoint a name server lets pass before it damps it as one that flaps.
// With another policy the endpoints are others.
const freeFalls = 3

// losses are what was measured of all kills.
type losses struct {
	answers, placed, asked, ready, lastFail []time.Duration
	sent, failed, empty                     int
	failures                                []int // of each kill
}

// measure kills one cluster after the other and prints the figures.
func (d *demo) measure(ctx context.Context, o failoverBench) (p99 time.Duration, err error) {
	all := &losses{}
	policy := &trafficv1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "shop"}}
	for i := range o.kills {
		if i%(freeFalls*len(places)) == 0 {
			if policy, err = d.anotherPolicy(ctx, policy, i, o.moveAfter); err != nil {
				return 0, err
			}
		}
		name := places[i%len(places)].Nearest
		d.Step("kill %d of %d: %s", i+1, o.kills, name)
		if err := d.kill(ctx, name, all); err != nil {
			return 0, fmt.Errorf("kill %d, %s: %w", i+1, name, err)
		}
	}
	all.sort()
	d.Check(all.empty == 0, "%d questions without an answer", all.empty)
	d.Check(len(all.answers) == o.kills*len(d.in.NameServers) && percentile(all.answers, 99) <= answerWithin, "every answer changed within %s", answerWithin)
	d.tell(o, all)
	return percentile(all.answers, 99), nil
}

// anotherPolicy replaces the shop's policy.
func (d *demo) anotherPolicy(ctx context.Context, old *trafficv1alpha1.TrafficPolicy, number int, moveAfter time.Duration) (*trafficv1alpha1.TrafficPolicy, error) {
	var policy *trafficv1alpha1.TrafficPolicy
	for _, obj := range shop(trafficv1alpha1.Failback{
		StableFor: &metav1.Duration{Duration: 2 * time.Second}, StepPercent: ptr.To[int32](100), StepEvery: &metav1.Duration{Duration: time.Second},
	}) {
		if p, ok := obj.(*trafficv1alpha1.TrafficPolicy); ok {
			policy = p
		}
	}
	policy.Name = fmt.Sprintf("shop-%d", number)
	policy.Spec.Failover.MoveWorkloadsAfter = &metav1.Duration{Duration: moveAfter}
	if err := d.in.Hub.Delete(ctx, old); err != nil {
		return nil, err
	}
	if err := d.in.Hub.Create(ctx, policy); err != nil {
		return nil, err
	}
	err := d.await(ctx, time.Minute, func(ctx context.Context) error {
		var now trafficv1alpha1.TrafficPlan
		if err := d.in.Hub.Get(ctx, client.ObjectKeyFromObject(policy), &now); err != nil {
			return err
		}
		for _, e := range now.Spec.Endpoints {
			if e.State != trafficv1alpha1.EndpointServing || e.FirstHealthy == nil {
				return fmt.Errorf("%s is %s", e.Cluster, e.State)
			}
		}
		return d.answeredBy(ctx, nil)
	})
	return policy, err
}

// kill kills one cluster under load, and lets it come back when everything has moved.
func (d *demo) kill(ctx context.Context, name string, all *losses) error {
	cluster, err := d.fleet.Cluster(name)
	if err != nil {
		return err
	}
	witness := StartSteady(ctx, d.in.Client, d.in.NameServers, Host, ClientsNear(name))
	crowd := startAudience(ctx, d.in.Client, d.in.NameServers, Host, ClientsNear(name))
	d.settle(ctx, time.Second)
	witness.Watch(d.gateways[name])
	killed := time.Now()
	if err := cluster.Kill(); err != nil {
		return err
	}
	err = d.await(ctx, 20*time.Second, func(context.Context) error { return d.allChanged(witness) })
	seen := witness.End()
	all.empty += seen.Empty
	for _, at := range seen.Changed {
		all.answers = append(all.answers, at.Sub(killed))
	}
	if !d.Check(err == nil, "answers: %s", perServer(seen.Changed, killed)) {
		d.Say("%v", err)
	}
	placed, asked, ready, err := d.moved(ctx, name, killed)
	if !d.CheckNoError(err, "placed elsewhere after %.2f s, asked for there after %.2f s, ready after %.2f s", placed.Seconds(), asked.Seconds(), ready.Seconds()) {
		return err
	}
	all.placed, all.asked, all.ready = append(all.placed, placed), append(all.asked, asked), append(all.ready, ready)
	d.settle(ctx, time.Until(killed.Add(slowestOf(seen.Changed, killed)+answerTTL+500*time.Millisecond)))
	heard := crowd.end()
	all.sent, all.failed = all.sent+heard.Sent, all.failed+heard.Failed
	all.failures = append(all.failures, heard.Failed)
	if heard.Failed > 0 {
		all.lastFail = append(all.lastFail, heard.LastFail.Sub(killed))
	}
	d.Say("%d clients that honour the TTL: %d requests, %d failed, the last of them sent %.1f s after the kill", listeners, heard.Sent, heard.Failed, max(0, heard.LastFail.Sub(killed)).Seconds())
	if err := cluster.Revive(ctx); err != nil {
		return err
	}
	if err := d.await(ctx, 2*time.Minute, func(ctx context.Context) error { return d.allBack(ctx, name) }); err != nil {
		return fmt.Errorf("%s does not return: %w", name, err)
	}
	return nil
}

// answerTTL is that of the shop's answers, the default.
const answerTTL = 10 * time.Second

// moved waits until the survivors have been asked for all replicas and all of their pods are ready.
func (d *demo) moved(ctx context.Context, lost string, killed time.Time) (placed, asked, ready time.Duration, err error) {
	survivors := map[string]int32{}
	members := map[string]client.Client{}
	for _, m := range d.members() {
		if m == lost {
			continue
		}
		survivors[m] = Replicas / int32(len(d.members())-1)
		if members[m], err = d.member(m); err != nil {
			return 0, 0, 0, err
		}
	}
	err = d.await(ctx, time.Minute, func(ctx context.Context) error {
		if placed == 0 {
			if err := d.placed(ctx, survivors); err != nil {
				return err
			}
			placed = time.Since(killed)
		}
		var want, have int32
		for name, c := range members {
			var deployment appsv1.Deployment
			if err := c.Get(ctx, client.ObjectKey{Namespace: Namespace, Name: App}, &deployment); err != nil {
				return err
			}
			pods, err := readyPods(ctx, c)
			if err != nil {
				return err
			}
			want, have = want+min(ptr.Deref(deployment.Spec.Replicas, 0), survivors[name]), have+int32(len(pods))
		}
		if want < Replicas {
			return fmt.Errorf("%d replicas are asked for in the survivors, want %d", want, Replicas)
		}
		if asked == 0 {
			asked = time.Since(killed)
		}
		if have < Replicas {
			return fmt.Errorf("%d pods are ready in the survivors, want %d", have, Replicas)
		}
		ready = time.Since(killed)
		return nil
	})
	return placed, asked, ready, err
}

// allBack says whether everything is as it was before the cluster was killed.
func (d *demo) allBack(ctx context.Context, name string) error {
	if err := d.placed(ctx, map[string]int32{"fra": 2, "iad": 2, "sin": 2}); err != nil {
		return err
	}
	c, err := d.member(name)
	if err != nil {
		return err
	}
	if pods, err := readyPods(ctx, c); err != nil || len(pods) < 2 {
		return fmt.Errorf("%d pods are ready (error %v)", len(pods), err)
	}
	return d.answeredBy(ctx, nil)
}

func (l *losses) sort() {
	for _, times := range [][]time.Duration{l.answers, l.placed, l.asked, l.ready, l.lastFail} {
		slices.Sort(times)
	}
	slices.Sort(l.failures)
}

// tell prints the figures.
func (d *demo) tell(o failoverBench, l *losses) {
	d.Step("%d kills, %d name servers; seconds after the kill", o.kills, len(d.in.NameServers))
	for _, row := range []struct {
		what  string
		times []time.Duration
	}{
		{"answer changed", l.answers},
		{fmt.Sprintf("replicas placed (moveWorkloadsAfter %s)", o.moveAfter), l.placed},
		{"replicas asked for in the survivors", l.asked},
		{"pods ready", l.ready},
		{fmt.Sprintf("last failed request (TTL %s)", answerTTL), l.lastFail},
	} {
		d.Say("%-46s p50 %6.2f  p99 %6.2f  longest %6.2f", row.what, percentile(row.times, 50).Seconds(), percentile(row.times, 99).Seconds(), percentile(row.times, 100).Seconds())
	}
	if len(l.failures) > 0 {
		d.Say("requests: %d sent by %d clients at %d a second, a new connection for each; failed for each kill: p50 %d, most %d",
			l.sent, listeners, audienceRate, l.failures[len(l.failures)/2], l.failures[len(l.failures)-1])
	}
}

// percentile of sorted values by the nearest rank; 0 for none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}
