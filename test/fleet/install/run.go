//go:build linux

package install

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/binaries"
)

// RunOptions says what Run brings up.
type RunOptions struct {
	// Name tells fleets on one machine apart.
	Name string
	// Members are the clusters besides the hub.
	Members []fleet.MemberSpec
	// HubOnly and ControllerFlags are those of Options.
	HubOnly         bool
	ControllerFlags []string
}

// Run starts a fleet, installs Seaway and stops everything when use returns. The logs stay when something
// went wrong.
func Run(ctx context.Context, o RunOptions, out io.Writer, use func(context.Context, *Installation) error) (err error) {
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
	dir, err := os.MkdirTemp("", "seaway-"+o.Name)
	if err != nil {
		return err
	}
	began := time.Now()
	f, err := fleet.Start(ctx, fleet.Options{Name: o.Name, Dir: dir, Binaries: kubeall, Seaway: seaway, Members: o.Members, Log: say})
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
	in, err := Install(ctx, f, Options{Seaway: seaway, Plugin: plugin, HubOnly: o.HubOnly, ControllerFlags: o.ControllerFlags, Log: say})
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
