//go:build linux

// Package e2e tests the whole product on a fleet of real control planes: what bad input does and does
// not do, how objects reach the members, the story of package demo, and what follows when clusters are lost.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seaway-io/seaway/test/demo"
	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/binaries"
	"github.com/seaway-io/seaway/test/fleet/install"
)

var unprivileged error

func TestMain(m *testing.M) {
	unprivileged = fleet.EnsurePrivileges()
	log.SetLogger(logr.Discard()) // what clients of the test would say; the programs have logs of their own
	os.Exit(m.Run())
}

// start brings up a fleet with Seaway for one test, or skips the test where there can be none.
func start(t *testing.T) *install.Installation {
	t.Helper()
	if testing.Short() {
		t.Skip("real control planes are not started in short mode")
	}
	if unprivileged != nil {
		skip(t, unprivileged)
	}
	kubeall, err := binaries.Cached(t.Context())
	if errors.Is(err, binaries.ErrNotBuilt) {
		skip(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	seaway, plugin, err := install.Programs()
	if err != nil {
		skip(t, err)
	}
	dir, err := os.MkdirTemp("", "seaway-e2e")
	if err != nil {
		t.Fatal(err)
	}
	f, err := fleet.Start(context.Background(), fleet.Options{
		Name: fmt.Sprintf("e2e%d", os.Getpid()), Dir: dir, Binaries: kubeall, Seaway: seaway, Members: demo.Members(), Log: t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("logs are in %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	in, err := install.Install(t.Context(), f, install.Options{
		Seaway: seaway, Plugin: plugin, Log: t.Logf,
		ControllerFlags: []string{"--enable-no-execute-taint-eviction", "--feature-gates=StatefulFailoverInjection=true"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// skip skips a test that can not be run here, unless it must be: `make e2e` says so.
func skip(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("SEAWAY_REAL") == "required" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func TestSeaway(t *testing.T) {
	in := start(t)
	t.Run("bad input is told apart and disturbs nobody", func(t *testing.T) { badInput(t, in) })
	t.Run("policies place what they say", func(t *testing.T) { placing(t, in) })
	t.Run("objects reach the members as users say", func(t *testing.T) { telling(t, open(t, in)) })
	t.Run("the whole story", func(t *testing.T) {
		if failed := demo.Run(t.Context(), in, os.Stdout); failed > 0 {
			t.Errorf("%d checks failed", failed)
		}
	})
	t.Run("clusters and the hub are lost", func(t *testing.T) { losing(t, open(t, in)) })
}

// telling tells the stories of each part of the way into the members and back.
func telling(t *testing.T, h *hall) {
	t.Run("interpretation", func(t *testing.T) { interpreting(t, h) })
	t.Run("overrides", func(t *testing.T) { overriding(t, h) })
	t.Run("dependencies", func(t *testing.T) { depending(t, h) })
	t.Run("execution", func(t *testing.T) { executing(t, h) })
	t.Run("status", func(t *testing.T) { reporting(t, h) })
	t.Run("bounds", func(t *testing.T) { bounding(t, h) })
	t.Run("evictions", func(t *testing.T) { evicting(t, h) })
	t.Run("hostile input", func(t *testing.T) { enduring(t, h) })
	t.Run("drills", func(t *testing.T) { drilling(t, h) })
	t.Run("a restart", func(t *testing.T) { restarting(t, h) })
}

// eventually tries until done returns nil.
func eventually(t *testing.T, what string, done func(context.Context) error) {
	t.Helper()
	if err := install.Await(t.Context(), 30*time.Second, done); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}
