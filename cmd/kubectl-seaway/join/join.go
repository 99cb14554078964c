// Package join is `kubectl seaway join` and `kubectl seaway unjoin`: clusters become
// members of the federation, and leave it.
package join

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/controllers/join"
)

// memberFlags say how a member is reached, by the names Karmada's client uses.
type memberFlags struct {
	kubeconfig string
	context    string
}

func (f *memberFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.kubeconfig, "cluster-kubeconfig", "", "kubeconfig of the cluster, with the rights of a cluster-admin")
	cmd.Flags().StringVar(&f.context, "cluster-context", "", "context of that kubeconfig; its current context when not given")
}

// Join is `kubectl seaway join`.
func Join() *cobra.Command {
	var (
		hub    hubclient.Flags
		member memberFlags
		place  join.Place
		dryRun bool
	)
	cmd := &cobra.Command{
		Use:   "join NAME --cluster-kubeconfig FILE",
		Short: "Make a cluster a member, to which the hub writes",
		Long: `Make a cluster a member, to which the hub writes (push mode).

In the cluster it makes two service accounts with their tokens, and the rights they
need; in the hub, the Secrets with those tokens and the Cluster. Provider, region and
zones are taken from the cluster's nodes where you do not state them. Joining a member
again renews its credentials and repairs what is missing.`,
		Example: `  kubectl seaway join fra --cluster-kubeconfig fra.kubeconfig
  kubectl seaway join fra --cluster-kubeconfig all.kubeconfig --cluster-context fra --dry-run`,
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := join.LoadMember(member.kubeconfig, member.context)
			if err != nil {
				return err
			}
			c, err := hub.Client()
			if err != nil {
				return err
			}
			report, err := join.Join(cmd.Context(), join.Options{Name: args[0], Member: m, Hub: c, Place: place, DryRun: dryRun})
			if err != nil {
				return fmt.Errorf("cluster(%s) is not joined: %w", args[0], err)
			}
			return printJoined(cmd.OutOrStdout(), args[0], report, dryRun)
		},
	}
	hub.Add(cmd.Flags())
	member.add(cmd)
	cmd.Flags().StringVar(&place.Provider, "cluster-provider", "", "provider of the cluster, for example aws")
	cmd.Flags().StringVar(&place.Region, "cluster-region", "", "region of the cluster, for example eu-central-1")
	cmd.Flags().StringSliceVar(&place.Zones, "cluster-zone", nil, "zones of the cluster, separated by commas")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would be written, and where")
	return cmd
}

func printJoined(w io.Writer, name string, report *join.Report, dryRun bool) error {
	if dryRun {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "WHERE\tOBJECT\tWHY")
		for _, p := range report.Member {
			fmt.Fprintf(table, "cluster\t%s\t%s\n", join.Describe(p.Object), p.Why)
		}
		for _, p := range report.Hub {
			fmt.Fprintf(table, "hub\t%s\t%s\n", join.Describe(p.Object), p.Why)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	for _, note := range report.Notes {
		fmt.Fprintln(w, note)
	}
	verb := "is joined successfully"
	if dryRun {
		verb = "would be joined (dry run)"
	}
	_, err := fmt.Fprintf(w, "cluster(%s) %s\n", name, verb)
	return err
}
