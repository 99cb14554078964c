//go:build linux

package playground

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/seaway-io/seaway/test/fleet"
)

// faultOrder asks for one fault or its end.
type faultOrder struct {
	// Action is a key of actions.
	Action string `json:"action"`
	// Host is a cluster or another host.
	Host string `json:"host"`
	// Processes limits kill, freeze and thaw to some processes.
	Processes []string `json:"processes,omitempty"`
	// Link is for slow.
	Link fleet.Link `json:"link"`
}

// action is a sub-command that breaks or repairs something.
type action struct {
	short string
	// processes: it can be limited to some processes of the host.
	processes bool
	// link: it takes the flags that describe a link.
	link bool
	do   func(ctx context.Context, f *fleet.Fleet, h *fleet.Host, o faultOrder) error
}

var actions = map[string]action{
	"kill": {short: "Kill every process of a cluster or host (SIGKILL), or some", processes: true,
		do: func(_ context.Context, _ *fleet.Fleet, h *fleet.Host, o faultOrder) error {
			return h.Kill(o.Processes...)
		}},
	"revive": {short: "Start again what was killed, on the same store, and wait until it is ready", do: revive},
	"freeze": {short: "Stop every process of a cluster or host where it stands (SIGSTOP), or some", processes: true,
		do: func(_ context.Context, _ *fleet.Fleet, h *fleet.Host, o faultOrder) error {
			return h.Freeze(o.Processes...)
		}},
	"thaw": {short: "Let frozen processes go on", processes: true,
		do: func(_ context.Context, _ *fleet.Fleet, h *fleet.Host, o faultOrder) error {
			return h.Thaw(o.Processes...)
		}},
	"cut": {short: "Unplug the cable of a cluster or host",
		do: func(_ context.Context, _ *fleet.Fleet, h *fleet.Host, _ faultOrder) error { return h.Cut() }},
	"restore": {short: "Plug the cable in again",
		do: func(_ context.Context, _ *fleet.Fleet, h *fleet.Host, _ faultOrder) error { return h.Restore() }},
	"cut-api":      {short: "Make a cluster's API server unreachable; its data path lives", do: onCluster((*fleet.Cluster).CutAPI)},
	"restore-api":  {short: "Make the API server reachable again", do: onCluster((*fleet.Cluster).RestoreAPI)},
	"cut-data":     {short: "Make a cluster's gateway addresses unreachable; its API server lives", do: onCluster((*fleet.Cluster).CutData)},
	"restore-data": {short: "Make the gateway addresses reachable again", do: onCluster((*fleet.Cluster).RestoreData)},
	"slow": {short: "Make the cable of a cluster or host slow or lossy", link: true,
		do: func(_ context.Context, _ *fleet.Fleet, h *fleet.Host, o faultOrder) error { return h.Slow(o.Link) }},
	"heal": {short: "Undo every fault of a cluster's or host's network",
		do: func(_ context.Context, _ *fleet.Fleet, h *fleet.Host, _ faultOrder) error { return h.Heal() }},
}

func revive(ctx context.Context, f *fleet.Fleet, h *fleet.Host, _ faultOrder) error {
	if cluster, err := f.Cluster(h.Name); err == nil {
		return cluster.Revive(ctx)
	}
	return h.Revive(ctx)
}

func onCluster(do func(*fleet.Cluster) error) func(context.Context, *fleet.Fleet, *fleet.Host, faultOrder) error {
	return func(_ context.Context, f *fleet.Fleet, h *fleet.Host, _ faultOrder) error {
		cluster, err := f.Cluster(h.Name)
		if err != nil {
			return err
		}
		return do(cluster)
	}
}

// apply carries the order out.
func (o faultOrder) apply(ctx context.Context, f *fleet.Fleet) error {
	action, known := actions[o.Action]
	if !known {
		return fmt.Errorf("no action %q", o.Action)
	}
	host, err := f.Host(o.Host)
	if err != nil {
		return err
	}
	return action.do(ctx, f, host, o)
}

// faults returns a sub-command for every action.
func (p *playground) faults() []*cobra.Command {
	var commands []*cobra.Command
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		commands = append(commands, p.fault(name, actions[name]))
	}
	return commands
}

func (p *playground) fault(name string, action action) *cobra.Command {
	order := faultOrder{Action: name}
	command := &cobra.Command{
		Use: name + " HOST", Short: action.short, Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			command.SilenceUsage = true
			order.Host, order.Processes = args[0], args[1:]
			return p.send(command, order)
		},
	}
	if action.processes {
		command.Use, command.Args = name+" HOST [PROCESS]...", cobra.MinimumNArgs(1)
	}
	if action.link {
		command.Flags().DurationVar(&order.Link.Delay, "delay", 0, "time one packet spends on the cable")
		command.Flags().Int64Var(&order.Link.Rate, "rate", 0, "capacity in bytes a second; 0 is without limit")
		command.Flags().Float64Var(&order.Link.Loss, "loss", 0, "share of packets that vanish, from 0 to 1")
	}
	return command
}

func (p *playground) send(command *cobra.Command, order faultOrder) error {
	state, err := p.state()
	if err != nil {
		return err
	}
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := dial(state).order(command.Context(), "/faults", bytes.NewReader(body)); err != nil {
		return err
	}
	fmt.Fprintf(command.OutOrStdout(), "%s %s: done (%.1f s)\n", order.Action, order.Host, time.Since(start).Seconds())
	return nil
}
