//go:build linux

package demo

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/binaries"
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

// withFleet starts a fleet of Members, installs Seaway and stops everything at the end. The logs stay
// when something went wrong.
func withFleet(ctx context.Context, name string, out io.Writer, use func(context.Context, *install.Installation) error) (err error) {
	if err := fleet.EnsurePrivileges(); err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	kubeall, err := binaries.Kubeall(ctx, say)
	if err != nil {
		return err
	}
	seaway, plugin, err := Programs()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "seaway-"+name)
	if err != nil {
		return err
	}
	began := time.Now()
	f, err := fleet.Start(ctx, fleet.Options{Name: name, Dir: dir, Binaries: kubeall, Seaway: seaway, Members: Members(), Log: say})
	if err != nil {
		return fmt.Errorf("%w (logs are in %s)", err, dir)
	}
	defer func() {
		f.Stop()
		if err == nil {
			os.RemoveAll(dir)
		} else {
			say("logs are in %s", dir)
		}
	}()
	in, err := install.Install(ctx, f, install.Options{Seaway: seaway, Plugin: plugin, Log: say})
	if err != nil {
		return err
	}
	say("a hub and %d clusters with Seaway, ready after %.1f s", len(f.Members), time.Since(began).Seconds())
	return use(ctx, in)
}

// Programs are the paths of seaway, which is the running program or the one in $SEAWAY_BIN, and of
// kubectl-seaway beside it.
func Programs() (seaway, plugin string, err error) {
	dir := os.Getenv("SEAWAY_BIN")
	if dir == "" {
		self, err := os.Executable()
		if err != nil {
			return "", "", err
		}
		dir = filepath.Dir(self)
	}
	seaway, plugin = filepath.Join(dir, "seaway"), filepath.Join(dir, "kubectl-seaway")
	for _, p := range []string{seaway, plugin} {
		if _, err := os.Stat(p); err != nil {
			return "", "", fmt.Errorf("%w: build it with `make bin`", err)
		}
	}
	return seaway, plugin, nil
}

// Playground puts Seaway and the shop on a fleet that is left running for a person.
func Playground(ctx context.Context, f *fleet.Fleet) error {
	seaway, plugin, err := Programs()
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
