// Command kubectl-seaway is Seaway's plugin for kubectl: `kubectl seaway …`.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/check"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/diff"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/dns"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/drain"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/drill"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/explain"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/interpret"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/join"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/status"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/timeline"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/why"
	"github.com/seaway-io/seaway/cmd/version"
)

func main() {
	ctrl.SetLogger(logr.Discard())
	root := &cobra.Command{
		Use:           "kubectl-seaway",
		Short:         "See and run a Seaway federation",
		Version:       version.Version(),
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl seaway"},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		join.Join(),
		join.Unjoin(),
		status.Command(),
		check.Command(),
		explain.Command(),
		why.Command(),
		timeline.Command(),
		diff.Command(),
		interpret.Command(),
		dns.Command(),
		drain.Command(),
		drain.Undrain(),
		drill.Command(),
	)
	if err := root.ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		if !errors.Is(err, diff.ErrDiffers) {
			fmt.Fprintln(os.Stderr, "error:", err)
		}
		os.Exit(exitCode(err))
	}
}

// exitCode is 1, unless a command has a meaning for others.
func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return 1
}
