//go:build linux

package demo

import (
	"context"
	"fmt"
	"io"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// Commands are the sub-commands of the playground that bring a fleet of their own.
func Commands() []*cobra.Command {
	return []*cobra.Command{story(), benchFailover()}
}

func story() *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "Show the whole product on a fleet of its own, step by step", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withFleet(cmd.Context(), "demo", cmd.OutOrStdout(), func(ctx context.Context, in *install.Installation) error {
				if failed := Run(ctx, in, cmd.OutOrStdout()); failed > 0 {
					return fmt.Errorf("%d checks failed", failed)
				}
				return nil
			})
		},
	}
}

// withFleet brings up a fleet of Members with Seaway.
func withFleet(ctx context.Context, name string, out io.Writer, use func(context.Context, *install.Installation) error) error {
	return install.Run(ctx, install.RunOptions{Name: name, Members: Members()}, out, use)
}

// Playground puts Seaway and the shop on a fleet that is left running for a person.
func Playground(ctx context.Context, f *fleet.Fleet) error {
	seaway, plugin, err := install.Programs()
	if err != nil {
		return err
	}
	in, err := install.Install(ctx, f, install.Options{Seaway: seaway, Plugin: plugin, Log: func(format string, args ...any) {
		fmt.Printf(format+"\n", args...)
	}})
	if err != nil {
		return err
	}
	for _, obj := range shop(quickFailback()) {
		if err := in.Hub.Create(ctx, obj); err != nil {
			return fmt.Errorf("open the shop: %w", err)
		}
	}
	_, err = f.Forward(fleet.Forward{Name: "dns", Networks: []string{"udp", "tcp"}, From: in.Client, To: netip.AddrPortFrom(in.NameServers[0].Addr(), 53).String()})
	return err
}
