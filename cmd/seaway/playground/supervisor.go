//go:build linux

package playground

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/seaway-io/seaway/test/fleet"
)

// apiForward begins the names of the ports that lead to API servers.
const apiForward = "API of "

// supervisor holds the fleet and takes orders.
type supervisor struct {
	state   state
	options Options
	journal *journal
	ctx     context.Context // ends when the playground is to go
	cancel  context.CancelFunc

	mu     sync.Mutex
	report report
	fleet  *fleet.Fleet
}

// supervise is the hidden command that `up` runs in the background.
func (p *playground) supervise() *cobra.Command {
	var binaries string
	var flat, bare bool
	command := &cobra.Command{
		Use:    "supervise",
		Short:  "Hold a playground until it is told to stop",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			command.SilenceUsage = true
			if err := fleet.EnsurePrivileges(); err != nil {
				return err
			}
			state, err := p.state()
			if err != nil {
				return err
			}
			options := p.options
			if bare {
				options.Install = nil
			}
			return supervise(command.Context(), state, options, fleet.Options{
				Name: p.name, Dir: state.fleet(), Binaries: binaries, Members: options.Members, Flat: flat,
			})
		},
	}
	command.Flags().StringVar(&binaries, "binaries", "", "folder with the Kubernetes binaries")
	addFleetFlags(command, &flat, &bare)
	return command
}

func addFleetFlags(command *cobra.Command, flat, bare *bool) {
	command.Flags().BoolVar(flat, "flat", false, "let pods of different members reach each other")
	command.Flags().BoolVar(bare, "bare", false, "start the clusters alone, with nothing installed on them")
}

// supervise returns when the playground has been stopped, or could not be started.
func supervise(ctx context.Context, state state, options Options, fleetOptions fleet.Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &supervisor{state: state, options: options, journal: newJournal(), ctx: ctx, cancel: cancel}
	s.report = report{Phase: starting, Pid: os.Getpid(), Kubeconfig: state.kubeconfig(), Inside: state.inside(), Binaries: fleetOptions.Binaries}
	if err := os.Remove(state.socket()); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", state.socket())
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	server := s.serve(listener)
	defer server.Close()
	fleetOptions.Log = s.journal.add
	if err := s.start(fleetOptions); err != nil {
		err = errors.Join(err, s.stopFleet())
		s.setPhase(failed, err)
		s.journal.close(err)
		s.journal.awaitReaders()
		shutdown(server)
		return err
	}
	s.setPhase(ready, nil)
	s.journal.close(nil)
	<-ctx.Done()
	s.setPhase(stopping, nil)
	err = s.stopFleet()
	shutdown(server)
	return err
}

func (s *supervisor) start(options fleet.Options) error {
	f, err := fleet.Start(s.ctx, options)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.fleet = f
	s.mu.Unlock()
	if err := s.openAPIs(); err != nil {
		return err
	}
	if s.options.Install != nil {
		if err := s.options.Install(s.ctx, f); err != nil {
			return err
		}
	}
	return s.openClient()
}

// openAPIs opens a port to every API server and writes the kubeconfigs that use them.
func (s *supervisor) openAPIs() error {
	ports := map[string]netip.AddrPort{}
	for _, c := range s.fleet.Clusters() {
		at, err := s.fleet.Forward(fleet.Forward{Name: apiForward + c.Name, To: netip.AddrPortFrom(c.Addr(), fleet.APIPort).String()})
		if err != nil {
			return err
		}
		ports[c.Name] = at
	}
	return writeKubeconfigs(s.fleet.Clusters(), ports, s.state)
}

// openClient sees to it that there is a host for a person, and opens an HTTP proxy that connects from it.
func (s *supervisor) openClient() error {
	client, err := s.fleet.Host(ClientHost)
	if err != nil {
		if client, err = s.fleet.AddHost(fleet.HostSpec{Name: ClientHost}); err != nil {
			return err
		}
	}
	for _, f := range s.fleet.Forwards() {
		if f.Name != DNSForward {
			continue
		}
		server, err := netip.ParseAddrPort(f.To)
		if err != nil {
			return fmt.Errorf("the forward %s leads to %q: %w", f.Name, f.To, err)
		}
		if !client.HasNameserver() {
			if err := client.SetNameserver(server.Addr()); err != nil {
				return err
			}
		}
	}
	_, err = s.fleet.Forward(fleet.Forward{Name: "HTTP proxy", From: client})
	return err
}

func (s *supervisor) stopFleet() error {
	s.mu.Lock()
	f := s.fleet
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f.Stop()
}

func (s *supervisor) setPhase(phase string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Phase = phase
	if err != nil {
		s.report.Error = err.Error()
	}
}

// current returns the report of this moment.
func (s *supervisor) current() report {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.report
	if s.fleet != nil {
		r.Hosts, r.Forwards = describe(s.fleet), s.fleet.Forwards()
	}
	return r
}

// started returns the fleet once it is ready.
func (s *supervisor) started() (*fleet.Fleet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.report.Phase != ready {
		return nil, fmt.Errorf("the playground is %s", s.report.Phase)
	}
	return s.fleet, nil
}
