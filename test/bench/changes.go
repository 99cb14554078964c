//go:build linux

package bench

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// changesOptions are the flags of bench-dns-change.
type changesOptions struct {
	names, plans, zones, rate, alone, writers int
	during                                    time.Duration
}

func changes() *cobra.Command {
	o := changesOptions{}
	cmd := &cobra.Command{
		Use: "bench-dns-change", Short: "Change TrafficPlans in a hub with thousands of names and measure until every name server answers by them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			// The plans are written here: the planner must not run.
			return install.Run(cmd.Context(), install.RunOptions{Name: "bench", ControllerFlags: []string{"--controllers=template"}}, out,
				func(ctx context.Context, in *install.Installation) error { return o.run(ctx, in, out) })
		},
	}
	cmd.Flags().IntVar(&o.names, "names", 10000, "how many host names there are")
	cmd.Flags().IntVar(&o.plans, "plans", 5000, "how many TrafficPlans they are divided among")
	cmd.Flags().IntVar(&o.zones, "zones", 100, "how many Zones they are divided among")
	cmd.Flags().IntVar(&o.rate, "rate", 100, "how many plans are changed a second")
	cmd.Flags().DurationVar(&o.during, "during", 30*time.Second, "for how long")
	cmd.Flags().IntVar(&o.alone, "alone", 20, "how many plans are changed one after the other before that")
	cmd.Flags().IntVar(&o.writers, "writers", 48, "how many objects are written at a time")
	return cmd
}

// changesBench is one run on one fleet.
type changesBench struct {
	*bench
	changesOptions
	plans     []*trafficv1alpha1.TrafficPlan
	addresses map[string]netip.Addr // of the application, by cluster
	seen      *answers
}

func (o changesOptions) run(ctx context.Context, in *install.Installation, out io.Writer) error {
	config := in.Fleet.Hub.RESTConfig()
	config.QPS = -1
	hub, err := client.NewWithWatch(config, client.Options{Scheme: in.Hub.Scheme()})
	if err != nil {
		return err
	}
	b := &changesBench{bench: &bench{in: in, hub: hub, out: out}, changesOptions: o, addresses: map[string]netip.Addr{}}
	if err := b.serveApplication(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b.seen = newAnswers()
	go b.seen.follow(ctx, hub)
	for i, ns := range in.NameServers {
		go b.seen.poll(ctx, i, in.Client, netip.AddrPortFrom(ns.Addr(), 53))
	}
	if err := b.create(ctx); err != nil {
		return err
	}
	one := make([]*flip, 0, o.alone)
	for i := range o.alone {
		c, err := b.change(ctx, i)
		if err == nil {
			err = b.seen.await(ctx)
		}
		if err != nil {
			return err
		}
		one = append(one, c)
	}
	b.say("\n%d names of %d TrafficPlans in %d Zones, %d name servers; from the write being sent until …", o.names, o.plans, o.zones, len(in.NameServers))
	b.say("%-30s  %19s  %19s  %19s  %19s", "ms p50 / p99", "WRITTEN", "SEEN BY A WATCH", "ANSWERED BY ALL", "OF THAT AFTER WATCH")
	b.print("one change after the other", one)
	return b.many(ctx)
}

// applicationPort is where the application answers.
const applicationPort = 8080

// clusters of the application. Traffic goes to the first or to the second.
var clusters = []string{"fra", "iad", "sin"}

// serveApplication takes the connections of probes.
func (b *changesBench) serveApplication(ctx context.Context) error {
	for _, name := range clusters {
		host, err := b.in.Fleet.AddHost(fleet.HostSpec{Name: "app-" + name})
		if err != nil {
			return err
		}
		l, err := host.Listen(ctx, "tcp", fmt.Sprintf("%s:%d", host.Addr(), applicationPort))
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Close()
			}
		}()
		b.addresses[name] = host.Addr()
	}
	return nil
}

// create makes all objects and waits until all name servers serve them and have settled.
func (b *changesBench) create(ctx context.Context) error {
	began := time.Now()
	const namespace = "bench"
	if err := b.hub.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return err
	}
	for i := range b.zones {
		z := &trafficv1alpha1.Zone{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("z%d", i)}}
		z.Spec.Domain = b.domain(i)
		for _, ns := range b.in.NameServers {
			z.Spec.NameServers = append(z.Spec.NameServers, trafficv1alpha1.NameServer{Name: ns.Name + "." + install.Domain})
		}
		if err := b.hub.Create(ctx, z); err != nil {
			return err
		}
	}
	writers, writing := errgroup.WithContext(ctx)
	writers.SetLimit(b.writers)
	for i := range b.changesOptions.plans {
		p := b.plan(namespace, i)
		b.plans = append(b.plans, p)
		writers.Go(func() error { return b.hub.Create(writing, p) })
	}
	if err := writers.Wait(); err != nil {
		return err
	}
	b.say("%d TrafficPlans written in %.1f s", len(b.plans), time.Since(began).Seconds())
	for _, p := range b.plans {
		b.seen.add(&flip{plan: p.Name, name: p.Spec.Hostnames[0], cluster: clusters[0], want: b.addresses[clusters[0]], sent: began, watched: time.Now()})
	}
	if err := b.seen.await(ctx); err != nil {
		return err
	}
	b.say("all are answered after %.1f s", time.Since(began).Seconds())
	return b.settle(ctx)
}

// settle waits until the name servers have little to do.
func (b *changesBench) settle(ctx context.Context) error {
	used := func() (sum float64) {
		for _, ns := range b.in.NameServers {
			sum += processorTime(ns.Process(install.NameServer))
		}
		return sum
	}
	for range 60 {
		before := used()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		if used()-before < 0.1 {
			return nil
		}
	}
	b.say("the name servers have not settled within a minute")
	return nil
}

func (b *changesBench) domain(i int) string { return fmt.Sprintf("z%d.bench.example", i%b.zones) }

// plan answers its names from the first cluster.
func (b *changesBench) plan(namespace string, i int) *trafficv1alpha1.TrafficPlan {
	p := &trafficv1alpha1.TrafficPlan{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("app%d", i)}}
	for n := i; n < b.names; n += b.changesOptions.plans {
		p.Spec.Hostnames = append(p.Spec.Hostnames, fmt.Sprintf("host%d.%s", n, b.domain(i)))
	}
	p.Spec.TTLSeconds, p.Spec.MaxAnswers = 10, 1
	// Probes are not what is measured: the longest interval there is.
	p.Spec.Check = trafficv1alpha1.Check{Protocol: trafficv1alpha1.CheckTCP, Interval: metav1.Duration{Duration: 10 * time.Minute},
		Timeout: metav1.Duration{Duration: time.Second}, UnhealthyAfter: 2, HealthyAfter: 1}
	for _, name := range clusters {
		p.Spec.Endpoints = append(p.Spec.Endpoints, trafficv1alpha1.PlanEndpoint{
			Cluster: name, Addresses: []string{b.addresses[name].String()}, Port: applicationPort, ReadyReplicas: 3,
			State: trafficv1alpha1.EndpointServing, Reason: "Healthy", Since: metav1.Now(), SharePercent: 100,
		})
	}
	p.Spec.Tiers = tiers(clusters[0])
	for _, region := range []string{"eu-central-1", "us-east-1", "ap-southeast-1"} {
		p.Spec.Regions = append(p.Spec.Regions, trafficv1alpha1.PlanRegion{Name: region, Tiers: tiers(clusters[0])})
	}
	return p
}

// tiers are all clusters, with one of them first.
func tiers(first string) (out []trafficv1alpha1.PlanTier) {
	add := func(name string) {
		out = append(out, trafficv1alpha1.PlanTier{Clusters: []trafficv1alpha1.WeightedCluster{{Name: name, Weight: 100}}})
	}
	add(first)
	for _, name := range clusters {
		if name != first {
			add(name)
		}
	}
	return out
}

// change sends the clients of a plan to the other cluster.
func (b *changesBench) change(ctx context.Context, i int) (*flip, error) {
	p := b.plans[i%len(b.plans)]
	to := clusters[0]
	if p.Spec.Tiers[0].Clusters[0].Name == to {
		to = clusters[1]
	}
	p.Spec.Tiers = tiers(to)
	for r := range p.Spec.Regions {
		p.Spec.Regions[r].Tiers = tiers(to)
	}
	c := &flip{plan: p.Name, name: p.Spec.Hostnames[0], cluster: to, want: b.addresses[to], sent: time.Now()}
	b.seen.add(c)
	err := b.hub.Update(ctx, p)
	c.written = time.Now()
	return c, err
}

// many changes plans at the rate that was asked for.
func (b *changesBench) many(ctx context.Context) error {
	var all []*flip
	collected := make(chan *flip, b.rate)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for c := range collected {
			all = append(all, c)
		}
	}()
	before, began := b.used(), time.Now()
	writers, writing := errgroup.WithContext(ctx)
	writers.SetLimit(b.writers)
	ticker := time.NewTicker(time.Second / time.Duration(b.rate))
	defer ticker.Stop()
	for i := range min(int(b.during.Seconds()*float64(b.rate)), len(b.plans)-b.alone) {
		<-ticker.C
		writers.Go(func() error {
			c, err := b.change(writing, b.alone+i)
			collected <- c
			return err
		})
	}
	err := writers.Wait()
	close(collected)
	<-done
	took := time.Since(began)
	if err == nil {
		err = b.seen.await(ctx)
	}
	if err != nil {
		return err
	}
	p99 := b.print(fmt.Sprintf("%.0f changes a second for %.0f s", float64(len(all))/took.Seconds(), took.Seconds()), all)
	after := b.used()
	for _, name := range slices.Sorted(keysOf(after)) {
		b.say("  %-34s  %.2f of a core, %d MB", name, (after[name].seconds-before[name].seconds)/time.Since(began).Seconds(), after[name].megabytes)
	}
	b.say("dns change p99 %.3f s", p99.Seconds())
	return nil
}

// use is what a process has used.
type use struct {
	seconds   float64
	megabytes int
}

// used is what the processes on the way of a change have used.
func (b *changesBench) used() map[string]use {
	out := map[string]use{}
	add := func(host string, p *fleet.Process) {
		out[host+" "+p.Name()] = use{processorTime(p), memory(p)}
	}
	for _, p := range b.in.Fleet.Hub.Processes() {
		if p.Name() != install.Controller {
			add("hub", p)
		}
	}
	for _, ns := range b.in.NameServers {
		add(ns.Name, ns.Process(install.NameServer))
	}
	return out
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// print prints how long changes took, and returns the last figure.
func (b *changesBench) print(what string, all []*flip) time.Duration {
	var written, watched, answered, served []time.Duration
	for _, c := range all {
		written = append(written, c.written.Sub(c.sent))
		watched = append(watched, c.watched.Sub(c.sent))
		var last time.Time
		for _, at := range c.answered {
			if at.After(last) {
				last = at
			}
		}
		answered = append(answered, last.Sub(c.sent))
		served = append(served, last.Sub(c.watched))
	}
	figures := []any{what}
	for _, d := range [][]time.Duration{written, watched, answered, served} {
		slices.Sort(d)
		figures = append(figures, fmt.Sprintf("%.1f / %.1f", ms(percentile(d, 50)), ms(percentile(d, 99))))
	}
	b.say("%-30s  %19s  %19s  %19s  %19s", figures...)
	return percentile(answered, 99)
}
