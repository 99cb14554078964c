//go:build !linux

package playground

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/seaway-io/seaway/test/fleet"
)

// Options says what the playground is; see the documentation for Linux.
type Options struct {
	Members  []fleet.MemberSpec
	Install  func(ctx context.Context, f *fleet.Fleet) error
	Commands []*cobra.Command
}

// Command returns a command that says why there is no playground on this system.
func Command(Options) *cobra.Command {
	return &cobra.Command{
		Use:   "playground",
		Short: "A fleet of clusters on this machine (Linux only)",
		RunE:  func(*cobra.Command, []string) error { return fleet.EnsurePrivileges() },
	}
}
