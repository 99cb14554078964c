package drill

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/duration"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/forecast"
)

func list() *cobra.Command {
	var hub hubclient.Flags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the Drills and their last runs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := hub.Client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), hub.Timeout)
			defer cancel()
			var drills trafficv1alpha1.DrillList
			if err := c.List(ctx, &drills); err != nil {
				return fmt.Errorf("list drills: %w", err)
			}
			return table(cmd.OutOrStdout(), drills.Items, time.Now())
		},
	}
	hub.Add(cmd.Flags())
	return cmd
}

// table writes a line for each run, those of a Drill below each other, the newest first.
func table(w io.Writer, drills []trafficv1alpha1.Drill, now time.Time) error {
	if len(drills) == 0 {
		_, err := fmt.Fprintln(w, "there are no drills; kubectl seaway drill --cluster NAME makes one")
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "DRILL\tCLUSTERS\tNEXT\tSTARTED\tPHASE\tREASON\tANSWERS CHANGED AFTER\tMESSAGE")
	for i := range drills {
		d := &drills[i]
		name, clusters, next := d.Name, strings.Join(d.Spec.Clusters, ","), "-"
		if d.Status.NextRun != nil {
			next = d.Status.NextRun.UTC().Format(time.RFC3339)
		}
		if d.Status.Run == nil {
			fmt.Fprintf(tw, "%s\t%s\t%s\t-\t%s\t-\t-\t-\n", name, clusters, next, forecast.Dash(string(d.Status.Phase)))
			continue
		}
		line(tw, name, clusters, next, string(d.Status.Phase), d.Status.Run, now)
		for j := range d.Status.History {
			line(tw, "", "", "", string(d.Status.History[j].Result), &d.Status.History[j], now)
		}
	}
	return tw.Flush()
}

func line(w io.Writer, name, clusters, next, phase string, run *trafficv1alpha1.DrillRun, now time.Time) {
	after := "-"
	if run.AnswersChangedAfter != nil {
		after = run.AnswersChangedAfter.Duration.String()
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s ago\t%s\t%s\t%s\t%s\n", name, clusters, next, duration.HumanDuration(now.Sub(run.Started.Time)), phase,
		forecast.Dash(run.Reason), after, forecast.Dash(run.Message))
}

// survivors writes what those who were left were to get, and got.
func survivors(w io.Writer, run *trafficv1alpha1.DrillRun) error {
	if len(run.Survivors) == 0 {
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "CLUSTER\tAPPLICATIONS\tBEFORE\tPREDICTED\tSEEN\tCAPACITY")
	for _, s := range run.Survivors {
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t%s\t%s\n", s.Cluster, s.Applications, rate(s.Before), rate(s.Predicted), rate(s.Seen), rate(s.Capacity))
	}
	for _, o := range run.Over {
		what := "got"
		if o.Predicted {
			what = "was to get"
		}
		fmt.Fprintf(tw, "WARNING: %s %s %s in %s, which takes %s\n", o.Application, what, rate(&o.RequestsPerSecond), o.Cluster, rate(&o.Capacity))
	}
	return tw.Flush()
}

func rate(q *resource.Quantity) string {
	if q == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f/s", q.AsApproximateFloat64())
}
