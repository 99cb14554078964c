package join

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/controllers/join"
)

// Unjoin is `kubectl seaway unjoin`.
func Unjoin() *cobra.Command {
	var (
		hub    hubclient.Flags
		member memberFlags
		force  bool
		wait   time.Duration
	)
	cmd := &cobra.Command{
		Use:   "unjoin NAME",
		Short: "End a cluster's membership and take everything of the hub out of it",
		Long: `End a cluster's membership and take everything of the hub out of it.

What the hub runs in the cluster is removed first, then the Cluster and its credentials,
then the accounts in the cluster. A cluster that is lost for good cannot be emptied: use
--force, and the hub forgets what it put there.`,
		Example: `  kubectl seaway unjoin fra
  kubectl seaway unjoin fra --force`,
		Args:         cobra.ExactArgs(1),
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			options := join.UnjoinOptions{Name: args[0], Wait: wait, Force: force}
			if member.kubeconfig != "" {
				m, err := join.LoadMember(member.kubeconfig, member.context)
				if err != nil {
					return err
				}
				options.Member = &m
			}
			var err error
			if options.Hub, err = hub.Client(); err != nil {
				return err
			}
			report, err := join.Unjoin(cmd.Context(), options)
			if report != nil {
				for _, note := range report.Notes {
					fmt.Fprintln(cmd.OutOrStdout(), note)
				}
			}
			if err != nil {
				return fmt.Errorf("cluster(%s) is not unjoined: %w", args[0], err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "cluster(%s) is unjoined successfully\n", args[0])
			return err
		},
	}
	hub.Add(cmd.Flags())
	member.add(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "give up what the hub put into a cluster that cannot be emptied")
	cmd.Flags().DurationVar(&wait, "wait", join.DefaultUnjoinWait, "how long to wait until the cluster is emptied")
	return cmd
}
