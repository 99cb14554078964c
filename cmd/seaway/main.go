// Command seaway is the server side of Seaway, one process for each failure domain.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/seaway-io/seaway/cmd/seaway/apiserver"
	"github.com/seaway-io/seaway/cmd/seaway/controller"
	"github.com/seaway-io/seaway/cmd/seaway/dns"
	"github.com/seaway-io/seaway/cmd/seaway/playground"
	"github.com/seaway-io/seaway/cmd/version"
	"github.com/seaway-io/seaway/test/bench"
	"github.com/seaway-io/seaway/test/demo"
)

func main() {
	ctrl.SetLogger(zap.New())
	root := &cobra.Command{
		Use:           "seaway",
		Short:         "Traffic-led federation for Kubernetes",
		Version:       version.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		controller.Command(),
		apiserver.Command(),
		dns.Command(),
		playground.Command(playground.Options{Members: demo.Members(), Install: demo.Playground, Commands: append(demo.Commands(), bench.Commands()...)}),
	)
	if err := root.ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, "seaway:", err)
		os.Exit(1)
	}
}
