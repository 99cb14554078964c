//go:build linux

package playground

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/seaway-io/seaway/test/fleet/netspace"
	"github.com/seaway-io/seaway/test/fleet/process"
)

func (p *playground) shell() *cobra.Command {
	var inside bool
	command := &cobra.Command{
		Use:   "shell [HOST] [-- COMMAND [ARGUMENT]...]",
		Short: "Open a shell, or run a command, on a host of the fleet",
		Long: `Open a shell, or run a command, on a host of the fleet: the host "client" if none is named.

kubectl and KUBECONFIG are set up for the addresses inside. Where the playground runs without root,
this needs the command nsenter (util-linux).`,
		RunE: func(command *cobra.Command, args []string) error {
			command.SilenceUsage = true
			return p.runShell(command, args, inside)
		},
	}
	command.Flags().BoolVar(&inside, "inside", false, "the process is in the playground's user namespace already")
	if err := command.Flags().MarkHidden("inside"); err != nil {
		panic(err) // the flag was declared above
	}
	return command
}

func (p *playground) runShell(command *cobra.Command, args []string, inside bool) error {
	name, argv := ClientHost, args
	dash := command.ArgsLenAtDash()
	if dash < 0 {
		dash = len(args)
	}
	if dash > 1 {
		return fmt.Errorf("one host at most; a command comes after --")
	}
	if dash == 1 {
		name, argv = args[0], args[1:]
	}
	state, err := p.state()
	if err != nil {
		return err
	}
	r, err := dial(state).report(command.Context())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(r.Hosts, func(h hostReport) bool { return h.Name == name })
	if i < 0 {
		return fmt.Errorf("no host %q in the playground", name)
	}
	if !inside {
		same, err := sameUserNamespace(r.Pid)
		if err != nil {
			return err
		}
		if !same {
			return p.enterUserNamespace(r.Pid, name, argv)
		}
	}
	return become(r, r.Hosts[i], argv)
}

// sameUserNamespace reports whether a process lives in our user namespace, so that its namespaces are
// ours to enter.
func sameUserNamespace(pid int) (bool, error) {
	var ours, theirs unix.Stat_t
	if err := unix.Stat("/proc/self/ns/user", &ours); err != nil {
		return false, err
	}
	err := unix.Stat(fmt.Sprintf("/proc/%d/ns/user", pid), &theirs)
	if errors.Is(err, unix.EACCES) {
		return false, fmt.Errorf("the playground belongs to another user: use the same account, or sudo")
	}
	return ours.Dev == theirs.Dev && ours.Ino == theirs.Ino, err
}

// enterUserNamespace runs this command again inside. A Go program cannot enter a user namespace by
// itself: the kernel wants a single thread for that.
func (p *playground) enterUserNamespace(pid int, host string, argv []string) error {
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return fmt.Errorf("a playground without root is entered with nsenter (package util-linux): %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	arguments := append([]string{
		"nsenter", "--target=" + strconv.Itoa(pid), "--user", "--mount", "--preserve-credentials", "--wd=.", "--",
		self, "playground", "shell", "--name=" + p.name, "--inside", host, "--",
	}, argv...)
	return syscall.Exec(nsenter, arguments, os.Environ())
}

// become turns this process into the command, on the host.
func become(r *report, host hostReport, argv []string) error {
	if len(argv) == 0 {
		shell := os.Getenv("SHELL")
		if shell == "" {
			shell = "/bin/sh"
		}
		argv = []string{shell}
	}
	env := shellEnvironment(r, host.Name)
	program, err := lookPath(argv[0], env)
	if err != nil {
		return err
	}
	if err := netspace.Enter(host.Namespace, host.ResolvConf); err != nil {
		return fmt.Errorf("%w (is the playground root's? then use sudo)", err)
	}
	return syscall.Exec(program, argv, env)
}

// shellEnvironment has the playground's kubectl and kubeconfig.
func shellEnvironment(r *report, host string) []string {
	env := slices.DeleteFunc(process.Environment(), func(variable string) bool {
		return strings.HasPrefix(variable, "PATH=") || strings.HasPrefix(variable, "PS1=")
	})
	path := r.Binaries + ":" + os.Getenv("PATH")
	if self, err := os.Executable(); err == nil {
		path = filepath.Dir(self) + ":" + path
	}
	return append(env, "PATH="+path, "KUBECONFIG="+r.Inside, "PS1=["+host+" \\W]\\$ ")
}

// lookPath finds a program by the PATH of the environment it will have.
func lookPath(name string, env []string) (string, error) {
	for _, variable := range env {
		if path, found := strings.CutPrefix(variable, "PATH="); found {
			if err := os.Setenv("PATH", path); err != nil {
				return "", err
			}
		}
	}
	return exec.LookPath(name)
}
