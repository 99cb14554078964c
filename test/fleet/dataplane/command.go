//go:build linux

package dataplane

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seaway-io/seaway/test/fleet/netplan"
)

// Command returns the hidden command by which a fleet starts its data planes.
func Command() *cobra.Command {
	var kubeconfig, cluster, gateways, uplink string
	command := &cobra.Command{
		Use:    "dataplane",
		Short:  "Serve the pods and Services of one cluster of a fleet",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			command.SilenceUsage = true
			addrs, err := netplan.ParseRange(gateways)
			if err != nil {
				return fmt.Errorf("--gateways: %w", err)
			}
			client, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return fmt.Errorf("--kubeconfig: %w", err)
			}
			client.ContentType = "application/vnd.kubernetes.protobuf"
			client.UserAgent = "seaway-fleet-dataplane"
			ctx, stop := signal.NotifyContext(command.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return Run(ctx, Config{
				Cluster: cluster, Client: client, Gateways: addrs, Uplink: uplink,
				Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&kubeconfig, "kubeconfig", "", "how to reach the cluster's API server")
	flags.StringVar(&cluster, "cluster", "", "the cluster's name")
	flags.StringVar(&gateways, "gateways", "", "addresses for LoadBalancer Services, as FIRST-LAST")
	flags.StringVar(&uplink, "uplink", "eth0", "the interface that carries the gateway addresses")
	for _, required := range []string{"kubeconfig", "cluster", "gateways"} {
		_ = command.MarkFlagRequired(required) // the flag exists: it was declared above
	}
	return command
}
