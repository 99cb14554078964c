//go:build linux

package bench

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// Commands are the sub-commands of the playground that measure.
func Commands() []*cobra.Command { return []*cobra.Command{schedule(), works(), changes()} }

func schedule() *cobra.Command {
	o := options{}
	cmd := &cobra.Command{
		Use: "bench-schedule", Short: "Schedule thousands of bindings on a real API server and measure", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			// Of the controllers only those between a template and its placement run: the clusters have no
			// control planes behind them.
			return install.Run(cmd.Context(), install.RunOptions{
				Name: "bench", HubOnly: true, ControllerFlags: []string{"--controllers=" + strings.Join(o.controllers, ",")},
			}, out, func(ctx context.Context, in *install.Installation) error { return o.run(ctx, in, out) })
		},
	}
	cmd.Flags().IntSliceVar(&o.stages, "bindings", []int{1000, 5000, 10000}, "how many bindings there are after each stage")
	cmd.Flags().IntVar(&o.clusters, "clusters", 20, "how many clusters there are")
	cmd.Flags().IntVar(&o.writers, "writers", 16, "how many templates are created at a time")
	cmd.Flags().IntVar(&o.alone, "alone", 50, "how many templates are created one after the other on a quiet hub")
	cmd.Flags().StringSliceVar(&o.controllers, "controllers", []string{"template", "scheduler"}, "which controllers run")
	return cmd
}

type options struct {
	stages                   []int
	clusters, writers, alone int
	controllers              []string
}

// bench is one run.
type bench struct {
	options
	in     *install.Installation
	hub    client.WithWatch
	out    io.Writer
	placed *placements
}

func (o options) run(ctx context.Context, in *install.Installation, out io.Writer) error {
	config := in.Fleet.Hub.RESTConfig()
	config.QPS = -1
	hub, err := client.NewWithWatch(config, client.Options{Scheme: in.Hub.Scheme()})
	if err != nil {
		return err
	}
	b := &bench{options: o, in: in, hub: hub, out: out}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if b.placed, err = follow(ctx, hub); err != nil {
		return err
	}
	defer b.placed.stop()
	b.say("\n%d clusters, replicas divided by available room, %d writers", b.clusters, b.writers)
	b.say("BINDINGS      SECONDS  PER SECOND  TEMPLATE TO PLACED p50      p99  WRITES PER BINDING  REFUSED  CONTROLLER CPU  API SERVER CPU  MEMORY")
	have := 0
	for _, n := range b.stages {
		if err := b.burst(ctx, have, n); err != nil {
			return err
		}
		have = n
	}
	if err := b.quiet(ctx); err != nil {
		return err
	}
	return b.restart(ctx, have)
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }

// burst creates templates as fast as the API server takes them and waits until all are placed.
func (b *bench) burst(ctx context.Context, from, to int) error {
	before, err := b.in.Fleet.Hub.Writes(ctx)
	if err != nil {
		return err
	}
	usedBefore := b.cpu()
	began := time.Now()
	created := make([]time.Time, to-from)
	writers, writing := errgroup.WithContext(ctx)
	writers.SetLimit(b.writers)
	for i := range created {
		writers.Go(func() error {
			created[i] = time.Now()
			return b.hub.Create(writing, template(from+i))
		})
	}
	if err := writers.Wait(); err != nil {
		return err
	}
	var took []time.Duration
	for i, at := range created {
		placed, err := b.placed.await(ctx, binding(from+i), 10*time.Minute)
		if err != nil {
			return err
		}
		took = append(took, placed.Sub(at))
	}
	all := time.Since(began)
	after, err := b.in.Fleet.Hub.Writes(ctx)
	if err != nil {
		return err
	}
	n := to - from
	writes, list := written(before, after, n)
	slices.Sort(took)
	used := b.cpu()
	b.say("%8d  %11.1f  %10.0f  %21.2f s  %5.2f s  %18.2f  %7d  %12.1f s  %12.1f s  %4d MB",
		to, all.Seconds(), float64(n)/all.Seconds(), percentile(took, 50).Seconds(), percentile(took, 99).Seconds(),
		writes, b.conflicts(ctx), used[install.Controller]-usedBefore[install.Controller],
		used[fleet.APIServer]-usedBefore[fleet.APIServer], memory(b.in.Fleet.Hub.Process(install.Controller)))
	b.say("          a binding's writes: %s", list)
	return nil
}

// written says how many writes there were for each of n bindings, besides those of the templates' author,
// and which.
func written(before, after map[string]float64, n int) (each float64, list string) {
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(after)) {
		count := after[what] - before[what]
		if what == "POST deployments" {
			count -= float64(n)
		}
		if count > 0 {
			parts = append(parts, fmt.Sprintf("%s %.2f", what, count/float64(n)))
			each += count / float64(n)
		}
	}
	return each, strings.Join(parts, ", ")
}

// quiet creates templates one by one and waits for each: the latency a user sees.
func (b *bench) quiet(ctx context.Context) error {
	var took []time.Duration
	for i := range b.alone {
		began := time.Now()
		obj := template(i)
		obj.Name = fmt.Sprintf("alone-%05d", i)
		if err := b.hub.Create(ctx, obj); err != nil {
			return err
		}
		placed, err := b.placed.await(ctx, obj.Namespace+"/"+obj.Name+"-deployment", time.Minute)
		if err != nil {
			return err
		}
		took = append(took, placed.Sub(began))
	}
	slices.Sort(took)
	b.say("one at a time: template to placed p50 %.0f ms, p99 %.0f ms", ms(percentile(took, 50)), ms(percentile(took, 99)))
	return nil
}

// restart kills the controllers and starts them again, while a user changes a template.
func (b *bench) restart(ctx context.Context, bindings int) error {
	if err := b.in.Fleet.Hub.Kill(install.Controller); err != nil {
		return err
	}
	changed := template(0)
	if err := b.hub.Get(ctx, client.ObjectKeyFromObject(changed), changed); err != nil {
		return err
	}
	replicas := *changed.Spec.Replicas + 1
	before, err := b.in.Fleet.Hub.Writes(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := b.in.Fleet.Hub.Revive(ctx); err != nil {
		return err
	}
	// The change comes when the queues are full of what was there before.
	if err := install.Await(ctx, time.Minute, func(ctx context.Context) error {
		depth, err := b.queued(ctx)
		if err == nil && depth == 0 {
			err = fmt.Errorf("nothing is queued yet")
		}
		return err
	}); err != nil {
		return err
	}
	changed.Spec.Replicas = &replicas
	asked := time.Now()
	if err := b.hub.Update(ctx, changed); err != nil {
		return err
	}
	if err := install.Await(ctx, 10*time.Minute, func(context.Context) error {
		if got := b.placed.replicas(binding(0)); got != replicas {
			return fmt.Errorf("%d replicas are placed, not %d", got, replicas)
		}
		return nil
	}); err != nil {
		return err
	}
	served := time.Since(asked)
	calm := 0
	if err := install.Await(ctx, 10*time.Minute, func(ctx context.Context) error {
		depth, err := b.queued(ctx)
		if err != nil || depth > 0 {
			calm = 0
			return fmt.Errorf("%d are queued (%v)", depth, err)
		}
		if calm++; calm < 5 {
			return fmt.Errorf("still looking")
		}
		return nil
	}); err != nil {
		return err
	}
	after, err := b.in.Fleet.Hub.Writes(ctx)
	if err != nil {
		return err
	}
	_, list := written(before, after, 1)
	b.say("restart with %d bindings: steady after %.1f s; a user's change meanwhile was placed after %.2f s; writes: %s; %d MB",
		bindings, time.Since(began).Seconds(), served.Seconds(), list, memory(b.in.Fleet.Hub.Process(install.Controller)))
	return nil
}

// queued is how many objects wait in the controllers' queues or are worked on.
func (b *bench) queued(ctx context.Context) (int, error) {
	families, err := b.scrape(ctx)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, family := range []string{"workqueue_depth", "controller_runtime_active_workers"} {
		for _, m := range families[family].GetMetric() {
			sum += m.GetGauge().GetValue()
		}
	}
	return int(sum), nil
}

// conflicts is how many requests the API server has refused since its start because the object had
// changed meanwhile.
func (b *bench) conflicts(ctx context.Context) int {
	families, err := b.scrape(ctx)
	if err != nil {
		return -1
	}
	sum := 0.0
	for _, m := range families["rest_client_requests_total"].GetMetric() {
		if fleet.Labels(m)["code"] == strconv.Itoa(http.StatusConflict) {
			sum += m.GetCounter().GetValue()
		}
	}
	return int(sum)
}

// cpu is the processor time that each process of the hub has used, in seconds.
func (b *bench) cpu() map[string]float64 {
	used := map[string]float64{}
	for _, p := range b.in.Fleet.Hub.Processes() {
		used[p.Name()] = processorTime(p)
	}
	return used
}

// processorTime reads /proc/PID/stat: user and system time are its fields 14 and 15, in hundredths.
func processorTime(p *fleet.Process) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// memory is what a process holds, in megabytes.
func memory(p *fleet.Process) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid()))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(kb)[0])
			return n / 1024
		}
	}
	return 0
}

func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// placements is what a watch has seen of bindings: when each was placed first, and how many replicas it
// has now.
type placements struct {
	mu    sync.Mutex
	first map[string]time.Time
	now   map[string]int32
	news  chan struct{} // closed and replaced when something was placed
	stop  func()
}

func (p *placements) see(b *workv1alpha2.ResourceBinding) {
	if !apimeta.IsStatusConditionTrue(b.Status.Conditions, workv1alpha2.Scheduled) {
		return
	}
	var replicas int32
	for _, t := range b.Spec.Clusters {
		replicas += t.Replicas
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := b.Namespace + "/" + b.Name
	p.now[key] = replicas
	if _, seen := p.first[key]; !seen {
		p.first[key] = time.Now()
		close(p.news)
		p.news = make(chan struct{})
	}
}

// await returns when a binding was placed.
func (p *placements) await(ctx context.Context, key string, within time.Duration) (time.Time, error) {
	late := time.After(within)
	for {
		p.mu.Lock()
		at, seen := p.first[key]
		news := p.news
		p.mu.Unlock()
		if seen {
			return at, nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return at, ctx.Err()
		case <-late:
			return at, fmt.Errorf("%s is not placed after %s", key, within)
		}
	}
}

func (p *placements) replicas(key string) int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now[key]
}
