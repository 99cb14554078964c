//go:build linux

package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/seaway-io/seaway/test/fleet/binaries"
	"github.com/seaway-io/seaway/test/fleet/dataplane"
	"github.com/seaway-io/seaway/test/fleet/netspace"
)

// unprivileged says why there can be no fleet here.
var unprivileged error

func TestMain(m *testing.M) {
	// The fleets under test start this program as their data plane.
	if len(os.Args) > 2 && os.Args[1] == "playground" && os.Args[2] == "dataplane" {
		command := dataplane.Command()
		command.SetArgs(os.Args[3:])
		if err := command.ExecuteContext(context.Background()); err != nil {
			os.Exit(1)
		}
		return
	}
	unprivileged = EnsurePrivileges()
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// requirements returns the binaries, or skips the test.
func requirements(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("real control planes are not started in short mode")
	}
	skip := t.Skip
	if os.Getenv("SEAWAY_REAL") == "required" { // as `make e2e` says
		skip = t.Fatal
	}
	if unprivileged != nil {
		skip(unprivileged)
	}
	dir, err := binaries.Cached(t.Context())
	if errors.Is(err, binaries.ErrNotBuilt) {
		skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// shared is the fleet that most tests use: a hub and two members with the same pod range.
var shared struct {
	once  sync.Once
	fleet *Fleet
	dir   string
	err   error
}

func sharedFleet(t *testing.T) *Fleet {
	t.Helper()
	dir := requirements(t)
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "fleettest"); shared.err != nil {
			return
		}
		shared.fleet, shared.err = Start(context.Background(), Options{
			Name: fmt.Sprintf("fleettest%d", os.Getpid()), Dir: shared.dir, Binaries: dir,
			Members: []MemberSpec{
				{Name: "fra", Region: "eu-central-1", Zones: []string{"eu-central-1a", "eu-central-1b"}, Provider: "aws", PodCIDR: "10.10.0.0/16"},
				{Name: "iad", Region: "us-east-1", Zones: []string{"us-east-1a"}, Provider: "aws", PodCIDR: "10.10.0.0/16"},
			},
			Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
		})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.fleet
}

// stopShared stops the shared fleet and looks for what it left behind.
func stopShared() error {
	if shared.fleet == nil {
		return nil
	}
	err := shared.fleet.Stop()
	names, namesErr := netspace.Names(namespacePrefix(shared.fleet.Name))
	if len(names) > 0 {
		err = errors.Join(err, fmt.Errorf("namespaces left behind: %v", names))
	}
	if err == nil {
		err = os.RemoveAll(shared.dir)
	}
	return errors.Join(err, namesErr)
}
