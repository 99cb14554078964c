//go:build linux

package playground

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/dataplane"
)

// ClientHost is the host a person works on: `shell` opens a shell there, and the HTTP proxy connects
// from there. Install may make it; otherwise the playground does.
const ClientHost = "client"

// DNSForward is the name of the forwarded port, opened by Install with Fleet.Forward, that leads to a DNS
// server. The client host resolves names by that server, unless Install gave it another.
const DNSForward = "dns"

// Options says what the playground is.
type Options struct {
	// Members are the clusters besides the hub.
	Members []fleet.MemberSpec
	// Install puts on the fleet what is to run there: definitions, controllers, DNS servers,
	// applications. Ports it opens with Fleet.Forward are printed by `up`. It may be nil.
	Install func(ctx context.Context, f *fleet.Fleet) error
	// Commands are further sub-commands.
	Commands []*cobra.Command
}

// Command returns `seaway playground`.
func Command(options Options) *cobra.Command {
	command := &cobra.Command{
		Use:   "playground",
		Short: "A hub and member clusters on this machine, to use and to break",
		Long: `A hub and member clusters on this machine, to use and to break.

Every cluster is a real control plane in a network namespace of its own; its nodes are simulated, and
its pods answer HTTP with their name. It needs Linux and either root or unprivileged user namespaces.
The first start builds the Kubernetes binaries, which takes about twelve minutes.`,
	}
	p := &playground{options: options}
	command.PersistentFlags().StringVar(&p.name, "name", "seaway", "which playground, if there are several on this machine")
	command.AddCommand(p.up(), p.down(), p.status(), p.shell(), p.supervise(), dataplane.Command())
	command.AddCommand(p.faults()...)
	command.AddCommand(options.Commands...)
	return command
}

// playground is what the commands share.
type playground struct {
	options Options
	name    string
}

// state returns the playground's state folder, which may not exist.
func (p *playground) state() (state, error) {
	if problems := validation.IsDNS1123Label(p.name); len(problems) > 0 {
		return "", invalidName(p.name, problems)
	}
	return stateOf(p.name)
}
