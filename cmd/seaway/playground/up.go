//go:build linux

package playground

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/binaries"
)

func (p *playground) up() *cobra.Command {
	var flat, bare bool
	command := &cobra.Command{
		Use: "up", Short: "Start the playground in the background and print how to reach it", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			command.SilenceUsage = true
			return p.runUp(command, flat, bare)
		},
	}
	addFleetFlags(command, &flat, &bare)
	return command
}

func (p *playground) runUp(command *cobra.Command, flat, bare bool) error {
	ctx, out := command.Context(), command.OutOrStdout()
	state, err := p.state()
	if err != nil {
		return err
	}
	supervisor := dial(state)
	r, err := supervisor.report(ctx)
	switch {
	case err == nil:
		fmt.Fprintf(out, "the playground is %s already\n\n", r.Phase)
		r.printAccess(out, p.name)
		return nil
	case !errors.Is(err, errNotRunning):
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	kubeall, err := binaries.Kubeall(ctx, say)
	if err != nil {
		return err
	}
	start := time.Now()
	ended, err := p.spawn(state, kubeall, flat, bare)
	if err != nil {
		return err
	}
	if err := awaitStart(ctx, supervisor, ended, func(line string) { say("%s", line) }); err != nil {
		if ctx.Err() != nil {
			// The person has given up; what was begun goes away with it.
			err = errors.Join(err, supervisor.order(context.WithoutCancel(ctx), "/down", nil))
		}
		if errors.Is(err, errSupervisorEnded) { // before it could say why
			err = fmt.Errorf("%w: %s", err, lastLines(state.log()))
		}
		return fmt.Errorf("%w\n(the supervisor's log is %s)", err, state.log())
	}
	if r, err = supervisor.report(ctx); err != nil {
		return err
	}
	say("\nready after %.0f s\n", time.Since(start).Seconds())
	r.printHosts(out)
	say("")
	r.printAccess(out, p.name)
	return nil
}

var errSupervisorEnded = errors.New("the supervisor has ended")

// logTail is how much of a log is quoted, in bytes.
const logTail = 4096

// lastLines is the end of a log file, empty if it can not be read.
func lastLines(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data[max(0, len(data)-logTail):]))
}

// spawn starts the supervisor in a session of its own. The channel is closed when it has ended.
func (p *playground) spawn(state state, kubeall string, flat, bare bool) (ended <-chan struct{}, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(state.dir(), 0o755); err != nil {
		return nil, err
	}
	log, err := os.Create(state.log())
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(self, "playground", "supervise", "--name="+p.name, "--binaries="+kubeall,
		fmt.Sprintf("--flat=%t", flat), fmt.Sprintf("--bare=%t", bare))
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the supervisor: %w", err)
	}
	done := make(chan struct{})
	go func() {
		_ = command.Wait() // how it ended is in its log
		close(done)
	}()
	return done, nil
}

// awaitStart waits until the supervisor listens and then follows its progress.
func awaitStart(ctx context.Context, supervisor *remote, ended <-chan struct{}, line func(string)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := supervisor.follow(ctx, line)
		if !errors.Is(err, errNotRunning) {
			return err
		}
		select {
		case <-tick.C:
		case <-ended:
			return errSupervisorEnded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *playground) down() *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "Stop the playground and remove everything but its logs", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			command.SilenceUsage = true
			return p.runDown(command)
		},
	}
}

func (p *playground) runDown(command *cobra.Command) error {
	ctx := command.Context()
	state, err := p.state()
	if err != nil {
		return err
	}
	supervisor := dial(state)
	err = supervisor.order(ctx, "/down", nil)
	if errors.Is(err, errNotRunning) {
		// A supervisor that crashed leaves namespaces behind if it was root's; a user's went with it.
		if os.Geteuid() == 0 {
			err = fleet.Clean(p.name)
		} else {
			err = nil
		}
		if err == nil {
			fmt.Fprintln(command.OutOrStdout(), "no playground was running")
		}
		return err
	}
	if err != nil {
		return err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := supervisor.report(ctx); errors.Is(err, errNotRunning) {
			fmt.Fprintln(command.OutOrStdout(), "the playground is stopped")
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *playground) status() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the clusters, what is wrong with them, and how to reach them", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			command.SilenceUsage = true
			state, err := p.state()
			if err != nil {
				return err
			}
			r, err := dial(state).report(command.Context())
			if err != nil {
				return err
			}
			out := command.OutOrStdout()
			fmt.Fprintf(out, "the playground is %s; supervisor %d, files in %s\n\n", r.Phase, r.Pid, state.dir())
			r.printHosts(out)
			fmt.Fprintln(out)
			r.printAccess(out, p.name)
			return nil
		},
	}
}
