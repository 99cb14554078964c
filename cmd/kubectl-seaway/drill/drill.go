// Package drill is `kubectl seaway drill`: what the loss of clusters would do to requests is predicted, or
// tried out for a while.
package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/forecast"
	core "github.com/seaway-io/seaway/controllers/core/drill"
)

// order is what a person wants.
type order struct {
	hub         hubclient.Flags
	name        string
	clusters    []string
	span        time.Duration
	utilization int32
	within      time.Duration
	force       bool
	concurrent  bool
	dryRun      bool
}

// Command is `kubectl seaway drill`.
func Command() *cobra.Command {
	var o order
	cmd := &cobra.Command{
		Use:   "drill --cluster NAME",
		Short: "Rehearse the loss of clusters: take their requests away for a while, watch, and give them back",
		Long: `Rehearse the loss of clusters: a Drill takes all requests out of them, watches what becomes of those who take
over, and brings the requests back in the steps of each application's failback. Workloads stay where they are.

A Drill does not begin while a cluster is lost, while workloads that should move are held, or when one that is
left would get more than it takes. It ends early, and gives everything back, when that is so later on, when an
application has no healthy endpoint elsewhere, or when the name servers do not follow. With --dry-run it only
says what would happen.

The exit code is 0 when the drill went through. Interrupting the command does not end the drill; deleting the
Drill does.`,
		Example: `  kubectl seaway drill --cluster fra --dry-run
  kubectl seaway drill --cluster fra --for 5m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	fs := cmd.Flags()
	o.hub.Add(fs)
	fs.StringSliceVar(&o.clusters, "cluster", nil, "cluster whose requests are taken away; may be given more than once")
	fs.DurationVar(&o.span, "for", validation.DefaultDrillDuration, "how long requests stay away")
	fs.StringVar(&o.name, "name", "", "name of the Drill; made from those of the clusters when not given")
	fs.Int32Var(&o.utilization, "abort-above", validation.DefaultUtilizationAbove, "percentage of its capacity that no cluster that is left may get more than")
	fs.DurationVar(&o.within, "answers-within", validation.DefaultAnswersWithin, "how long all name servers may take to follow")
	fs.BoolVar(&o.force, "force", false, "begin although the prediction speaks against it; what is then measured still ends it")
	fs.BoolVar(&o.concurrent, "allow-concurrent", false, "begin although another Drill is in progress for other clusters")
	fs.BoolVar(&o.dryRun, "dry-run", false, "only show what would happen")
	cmd.AddCommand(list())
	return cmd
}

func (o *order) run(ctx context.Context, w io.Writer) error {
	d := o.drill()
	if errs := validation.ValidateDrill(d, nil); len(errs) > 0 {
		if len(o.clusters) == 0 {
			return errors.New("--cluster: name a cluster")
		}
		return errs.ToAggregate()
	}
	c, err := o.hub.Client()
	if err != nil {
		return err
	}
	if err := o.predict(ctx, c, w, d); err != nil || o.dryRun {
		return err
	}
	if err := c.Create(ctx, d); err != nil {
		return fmt.Errorf("make the Drill: %w", err)
	}
	fmt.Fprintf(w, "drill %s of %s for %s\n", d.Name, strings.Join(d.Spec.Clusters, ", "), d.Spec.Duration.Duration)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	return follow(ctx, w, ticker.C, d.Name, func() (*trafficv1alpha1.Drill, error) {
		now := &trafficv1alpha1.Drill{}
		return now, c.Get(ctx, client.ObjectKey{Name: d.Name}, now)
	})
}

// drill is the object that is wanted.
func (o *order) drill() *trafficv1alpha1.Drill {
	d := &trafficv1alpha1.Drill{
		ObjectMeta: metav1.ObjectMeta{Name: o.name},
		Spec: trafficv1alpha1.DrillSpec{
			Clusters: o.clusters, Duration: &metav1.Duration{Duration: o.span}, Force: o.force, AllowConcurrent: o.concurrent,
			Abort: trafficv1alpha1.DrillAbort{UtilizationAbove: &o.utilization, AnswersWithin: &metav1.Duration{Duration: o.within}},
		},
	}
	if o.name == "" {
		const longest = 200 // of 253, with what the server adds
		base := strings.Join(o.clusters, "-")
		d.GenerateName = strings.TrimRight(base[:min(len(base), longest)], "-.") + "-"
	}
	validation.DefaultDrill(d)
	return d
}

// predict shows what would happen, and fails when the drill would not begin.
func (o *order) predict(ctx context.Context, c client.Client, w io.Writer, d *trafficv1alpha1.Drill) error {
	ctx, cancel := context.WithTimeout(ctx, 4*o.hub.Timeout) // it asks more than once
	defer cancel()
	world, err := forecast.Read(ctx, c)
	if err != nil {
		return err
	}
	return judge(w, world, d)
}

func judge(w io.Writer, world *core.World, d *trafficv1alpha1.Drill) error {
	p := core.Predict(world, d.Spec.Clusters, core.Drain)
	if err := forecast.Print(w, &p); err != nil {
		return err
	}
	if why := core.Check(world, d, &p); why != nil {
		return fmt.Errorf("the drill would not begin: %s: %s", why.Reason, why.Message)
	}
	_, err := fmt.Fprintln(w, "nothing speaks against the drill; nobody is pre-empted, since workloads stay where they are")
	return err
}

// patience is how many looks at a Drill that nobody takes up are made before that is said.
const patience = 10

// follow prints what becomes of a Drill until it has ended.
func follow(ctx context.Context, w io.Writer, ticks <-chan time.Time, name string, get func() (*trafficv1alpha1.Drill, error)) error {
	said, looks := trafficv1alpha1.DrillPhase(""), 0
	for {
		d, err := get()
		switch {
		case ctx.Err() != nil:
		case client.IgnoreNotFound(err) != nil:
			fmt.Fprintf(w, "the hub does not answer: %v\n", err) // it may soon
		case err != nil:
			return fmt.Errorf("drill %s was deleted; its marks are taken away", name)
		default:
			if phase := d.Status.Phase; phase != said && phase != "" {
				said = phase
				fmt.Fprintf(w, "%s  %s\n", time.Now().Format(time.TimeOnly), step(d))
			}
			if run := d.Status.Run; run != nil && run.Ended != nil {
				return report(w, run)
			}
			if looks++; looks == patience && said == "" {
				fmt.Fprintln(w, "no controller has taken it up yet: is `seaway controller` running?")
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the drill goes on; `kubectl delete drill %s` ends it", name)
		case <-ticks:
		}
	}
}

// step says where a Drill stands.
func step(d *trafficv1alpha1.Drill) string {
	run := d.Status.Run
	switch {
	case run == nil:
		return string(d.Status.Phase)
	case d.Status.Phase == trafficv1alpha1.DrillObserving && run.AnswersChangedAfter != nil:
		return fmt.Sprintf("Observing: all name servers answered without %s after %s", strings.Join(d.Spec.Clusters, ", "), run.AnswersChangedAfter.Duration)
	case run.Message != "":
		return fmt.Sprintf("%s: %s (%s)", d.Status.Phase, run.Message, run.Reason)
	}
	return fmt.Sprintf("%s: %d applications", d.Status.Phase, run.Applications)
}

// report sums a run up. It fails when the run did.
func report(w io.Writer, run *trafficv1alpha1.DrillRun) error {
	if err := survivors(w, run); err != nil {
		return err
	}
	if run.Result != trafficv1alpha1.DrillSucceeded {
		return fmt.Errorf("drill %s: %s: %s", strings.ToLower(string(run.Result)), run.Reason, run.Message)
	}
	_, err := fmt.Fprintln(w, "drill succeeded: everything is back")
	return err
}
