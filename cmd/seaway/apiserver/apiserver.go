// Package apiserver is `seaway apiserver`: the aggregated API server of
// cluster.karmada.io as a process of its own.
package apiserver

import (
	"github.com/spf13/cobra"

	"github.com/seaway-io/seaway/controllers/apiserver"
)

// Command is `seaway apiserver`. It serves until its context ends.
func Command() *cobra.Command {
	options := apiserver.NewOptions()
	cmd := &cobra.Command{
		Use:   "apiserver",
		Short: "Serve cluster.karmada.io to the hub's API server",
		Long: `Serve cluster.karmada.io, the API of member clusters, to the hub's API server.

It stores Clusters in etcd (--etcd-servers, for example https://10.0.0.1:2379 or
unix:///run/etcd/etcd.sock) and asks the hub (--kubeconfig) who a caller is and what
it may do.`,
		Example: `  seaway apiserver --kubeconfig hub.kubeconfig --etcd-servers https://127.0.0.1:2379 \
    --etcd-cafile ca.crt --etcd-certfile client.crt --etcd-keyfile client.key \
    --tls-cert-file serving.crt --tls-private-key-file serving.key --secure-port 6444`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return options.Run(cmd.Context())
		},
	}
	options.AddFlags(cmd.Flags())
	return cmd
}
