//go:build linux

package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// worksOptions are the flags of bench-works.
type worksOptions struct {
	deployments, replicas int
	crowds                []int
	works, share          int
	rate                  int
	during                time.Duration
	writers               int
}

func works() *cobra.Command {
	o := worksOptions{}
	cmd := &cobra.Command{
		Use: "bench-works", Short: "Carry thousands of Works into members, real ones and a crowd in memory, and measure", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if o.deployments > 0 {
				err := install.Run(cmd.Context(), install.RunOptions{Name: "bench", Members: realMembers()}, out,
					func(ctx context.Context, in *install.Installation) error { return o.onRealMembers(ctx, in, out) })
				if err != nil {
					return err
				}
			}
			for _, members := range o.crowds {
				if members == 0 {
					continue
				}
				err := install.Run(cmd.Context(), install.RunOptions{Name: "bench", HubOnly: true}, out,
					func(ctx context.Context, in *install.Installation) error { return o.onCrowd(ctx, in, members, out) })
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&o.deployments, "deployments", 500, "how many Deployments go to three real members; 0 leaves this part out")
	cmd.Flags().IntVar(&o.replicas, "replicas", 3, "how many replicas each has, over all members")
	cmd.Flags().IntSliceVar(&o.crowds, "crowd", []int{100, 1000}, "how many members in memory there are, one run for each; 0 leaves this part out")
	cmd.Flags().IntVar(&o.works, "works", 10000, "how many Works the crowd gets")
	cmd.Flags().IntVar(&o.share, "share", 3, "how many members of the crowd each Deployment goes to")
	cmd.Flags().IntVar(&o.rate, "rate", 20, "how many templates are changed a second to measure latency")
	cmd.Flags().DurationVar(&o.during, "during", 30*time.Second, "for how long")
	cmd.Flags().IntVar(&o.writers, "writers", 16, "how many templates are written at a time")
	return cmd
}

// worksBench is one run on one fleet.
type worksBench struct {
	*bench
	worksOptions
	arrivals *arrivals
}

func (o worksOptions) bench(in *install.Installation, out io.Writer) (*worksBench, error) {
	config := in.Fleet.Hub.RESTConfig()
	config.QPS = -1
	hub, err := client.NewWithWatch(config, client.Options{Scheme: in.Hub.Scheme()})
	if err != nil {
		return nil, err
	}
	return &worksBench{bench: &bench{in: in, hub: hub, out: out}, worksOptions: o, arrivals: newArrivals()}, nil
}

func realMembers() []fleet.MemberSpec {
	var specs []fleet.MemberSpec
	for _, name := range []string{"fra", "iad", "sin"} {
		specs = append(specs, fleet.MemberSpec{Name: name, Region: name, Provider: "bench", Nodes: 2,
			Capacity: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("2000"), corev1.ResourceCPU: resource.MustParse("64"), corev1.ResourceMemory: resource.MustParse("256Gi")}})
	}
	return specs
}

// onRealMembers carries Deployments into three real members.
func (o worksOptions) onRealMembers(ctx context.Context, in *install.Installation, out io.Writer) error {
	b, err := o.bench(in, out)
	if err != nil {
		return err
	}
	for _, c := range in.Fleet.Clusters() {
		if c == in.Fleet.Hub {
			continue
		}
		stop, err := b.arrivals.follow(ctx, c)
		if err != nil {
			return err
		}
		defer stop()
	}
	weights := &policyv1alpha1.ClusterPreferences{}
	for _, m := range realMembers() {
		weights.StaticWeightList = append(weights.StaticWeightList, policyv1alpha1.StaticClusterWeight{
			TargetCluster: policyv1alpha1.ClusterAffinity{ClusterNames: []string{m.Name}}, Weight: 1})
	}
	if err := b.namespaces(ctx); err != nil {
		return err
	}
	if err := b.hub.Create(ctx, everywhere("all", nil, weights)); err != nil {
		return err
	}
	b.say("\n%d Deployments to 3 real members under one ClusterPropagationPolicy, static weights, %d replicas each", o.deployments, o.replicas)
	var all []*appsv1.Deployment
	for i := range o.deployments {
		all = append(all, b.template(i, 0, o.replicas))
	}
	if err := b.carry(ctx, all, 3); err != nil {
		return err
	}
	b.rate = min(b.rate, 10) // pods are replaced, and all of it on one machine
	return b.changing(ctx, all, 3)
}

// namespaces makes the namespaces of the templates.
func (b *worksBench) namespaces(ctx context.Context) error {
	for i := range namespaces {
		if err := b.hub.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace(i)}}); err != nil {
			return err
		}
	}
	return nil
}

const groupLabel = "bench.seaway.dev/group"

// template is a Deployment of a group of members.
func (b *worksBench) template(i, group, replicas int) *appsv1.Deployment {
	d := template(i)
	d.Labels[groupLabel] = fmt.Sprintf("g%03d", group)
	d.Spec.Replicas = ptr.To(int32(replicas))
	return d
}

// everywhere divides the replicas of Deployments over the clusters it selects. selector nil selects all,
// of both.
func everywhere(name string, selector *metav1.LabelSelector, weights *policyv1alpha1.ClusterPreferences) *policyv1alpha1.ClusterPropagationPolicy {
	p := &policyv1alpha1.ClusterPropagationPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: policyv1alpha1.PropagationSpec{
			ResourceSelectors: []policyv1alpha1.ResourceSelector{{APIVersion: "apps/v1", Kind: "Deployment", LabelSelector: selector}},
			Placement: policyv1alpha1.Placement{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
				ReplicaSchedulingType:     policyv1alpha1.ReplicaSchedulingTypeDivided,
				ReplicaDivisionPreference: policyv1alpha1.ReplicaDivisionPreferenceWeighted,
				WeightPreference:          weights,
			}},
		},
	}
	if selector != nil {
		p.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{LabelSelector: selector}
	}
	return p
}

// carry creates the templates as fast as the hub takes them, and says how long it took until they were
// in all of their members.
func (b *worksBench) carry(ctx context.Context, all []*appsv1.Deployment, members int) error {
	var err error
	if b.placed, err = follow(ctx, b.hub); err != nil {
		return err
	}
	defer b.placed.stop()
	before, err := b.begin(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	changes := make([]change, len(all))
	writers, writing := errgroup.WithContext(ctx)
	writers.SetLimit(b.writers)
	for i, d := range all {
		writers.Go(func() error {
			changes[i] = change{name: d.Name, image: d.Spec.Template.Spec.Containers[0].Image, at: time.Now(), members: members}
			return b.hub.Create(writing, d)
		})
	}
	if err := writers.Wait(); err != nil {
		return err
	}
	created := time.Since(began)
	took, last, err := b.arrivals.await(ctx, changes, 15*time.Minute)
	if err != nil {
		return err
	}
	var placed time.Time
	for _, d := range all {
		at, err := b.placed.await(ctx, d.Namespace+"/"+d.Name+"-deployment", time.Minute)
		if err != nil {
			return err
		}
		if at.After(placed) {
			placed = at
		}
	}
	applied, err := b.applied(ctx, all, began)
	if err != nil {
		return err
	}
	whole, n, works := last.Sub(began).Seconds(), float64(len(all)), float64(len(took))
	b.say("templates created in %.1f s; placed after %.1f s (%.0f bindings/s); in all members after %.1f s: %.0f Works/s; applied as the hub's status says after %.1f s",
		created.Seconds(), placed.Sub(began).Seconds(), n/placed.Sub(began).Seconds(), whole, works/whole, applied.Seconds())
	b.say("template to member: p50 %.2f s, p99 %.2f s", percentile(took, 50).Seconds(), percentile(took, 99).Seconds())
	return b.end(ctx, before, len(all), "template")
}

// applied waits until the hub says of every template that it is applied everywhere.
func (b *worksBench) applied(ctx context.Context, all []*appsv1.Deployment, began time.Time) (time.Duration, error) {
	err := install.Await(ctx, 10*time.Minute, func(ctx context.Context) error {
		var list workv1alpha2.ResourceBindingList
		if err := b.hub.List(ctx, &list); err != nil {
			return err
		}
		n := 0
		for i := range list.Items {
			if meta.IsStatusConditionTrue(list.Items[i].Status.Conditions, workv1alpha2.FullyApplied) {
				n++
			}
		}
		if n < len(all) {
			return fmt.Errorf("%d of %d bindings are fully applied", n, len(all))
		}
		return nil
	})
	return time.Since(began), err
}

// changing writes new versions of templates at a steady rate.
func (b *worksBench) changing(ctx context.Context, all []*appsv1.Deployment, members int) error {
	if err := b.calm(ctx); err != nil {
		return err
	}
	before, err := b.begin(ctx)
	if err != nil {
		return err
	}
	total := int(b.during.Seconds()) * b.rate
	changes := make([]change, total)
	tick := time.NewTicker(time.Second / time.Duration(b.rate))
	defer tick.Stop()
	writers, writing := errgroup.WithContext(ctx)
	for i := range total {
		<-tick.C
		d := all[i%len(all)]
		writers.Go(func() error {
			image := fmt.Sprintf("registry.example/web:v%d", i)
			patch := fmt.Appendf(nil, `[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":%q}]`, image)
			changes[i] = change{name: d.Name, image: image, at: time.Now(), members: members}
			return b.hub.Patch(writing, d.DeepCopy(), client.RawPatch("application/json-patch+json", patch))
		})
	}
	if err := writers.Wait(); err != nil {
		return err
	}
	took, _, err := b.arrivals.await(ctx, changes, 5*time.Minute)
	if err != nil {
		return err
	}
	b.say("%d changes/s for %s, %d members each: template to member p50 %.0f ms, p99 %.0f ms, longest %.0f ms",
		b.rate, b.during, members, ms(percentile(took, 50)), ms(percentile(took, 99)), ms(took[len(took)-1]))
	// whether it keeps up, or a queue grows
	var medians []string
	for part := range slices.Chunk(changes, max(1, total/6)) {
		if took, _, err = b.arrivals.await(ctx, part, time.Minute); err != nil {
			return err
		}
		medians = append(medians, fmt.Sprintf("%.0f", ms(percentile(took, 50))))
	}
	b.say("  p50 in the course of that: %s ms", strings.Join(medians, ", "))
	if err := b.calm(ctx); err != nil {
		return err
	}
	return b.end(ctx, before, total, "change")
}

// calm waits until the controllers have had nothing to do for a second.
func (b *worksBench) calm(ctx context.Context) error {
	still := 0
	return install.Await(ctx, 10*time.Minute, func(ctx context.Context) error {
		depth, err := b.queued(ctx)
		if err != nil || depth > 0 {
			still = 0
			return fmt.Errorf("%d are queued (%v)", depth, err)
		}
		if still++; still < 20 {
			return fmt.Errorf("still looking")
		}
		return nil
	})
}

// measured is what is measured before and after a stage.
type measured struct {
	at     time.Time
	writes map[string]float64
	cpu    map[string]float64
	self   float64
	memory int
	heap   float64
}

func (b *worksBench) begin(ctx context.Context) (measured, error) {
	writes, err := b.in.Fleet.Hub.Writes(ctx)
	return measured{at: time.Now(), writes: writes, cpu: b.cpu(), self: ownTime(), memory: memory(b.in.Fleet.Hub.Process(install.Controller)), heap: b.heap(ctx)}, err
}

func (b *worksBench) end(ctx context.Context, before measured, n int, what string) error {
	after, err := b.begin(ctx)
	if err != nil {
		return err
	}
	each, list := written(before.writes, after.writes, n)
	used := func(name string) float64 { return after.cpu[name] - before.cpu[name] }
	b.say("  in %.0f s: controller %.1f s of CPU, API server %.1f s, this program %.1f s; controller holds %d MB (%+d), heap %.0f MB",
		after.at.Sub(before.at).Seconds(), used(install.Controller), used(fleet.APIServer), after.self-before.self, after.memory, after.memory-before.memory, after.heap)
	b.say("  writes on the hub per %s: %.1f, %d refused so far: %s", what, each, b.conflicts(ctx), list)
	return nil
}
