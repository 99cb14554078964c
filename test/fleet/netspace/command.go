//go:build linux

package netspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Command returns a command that runs inside the namespace. The program is looked up as exec.Command
// does.
func (n *Namespace) Command(ctx context.Context, argv ...string) *Command {
	return &Command{Cmd: exec.CommandContext(ctx, argv[0], argv[1:]...), namespace: n}
}

// Command is an exec.Cmd whose process runs inside a namespace.
type Command struct {
	*exec.Cmd
	namespace *Namespace
}

// Start starts the process.
func (c *Command) Start() error { return c.namespace.Start(c.Cmd) }

// Run starts the process and waits for its end.
func (c *Command) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the process and returns what it wrote to its standard output. Like exec.Cmd's, an
// exec.ExitError carries what it wrote to its standard error.
func (c *Command) Output() ([]byte, error) {
	var stdout, stderr bytes.Buffer
	c.Stdout = &stdout
	capture := c.Stderr == nil
	if capture {
		c.Stderr = &stderr
	}
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && capture {
		exit.Stderr = stderr.Bytes()
	}
	return stdout.Bytes(), err
}

// CombinedOutput runs the process and returns what it wrote to its standard output and error.
func (c *Command) CombinedOutput() ([]byte, error) {
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	err := c.Run()
	return output.Bytes(), err
}

// Start starts a command made by package os/exec inside the namespace. All are started by one thread
// that lives as long as the namespace, so that a parent-death signal in SysProcAttr means the death
// of this program: the kernel ties it to the thread.
func (n *Namespace) Start(command *exec.Cmd) error {
	n.starterOnce.Do(func() { go n.serveStarts() })
	result := make(chan error, 1)
	start := func(err error) {
		if err == nil {
			err = command.Start()
		}
		result <- err
	}
	select {
	case n.starter <- start:
		return <-result
	case <-n.closed:
		return fmt.Errorf("start %s: network namespace %s is closed", command.Path, n.name)
	}
}

// serveStarts runs on the namespace's thread until Close. If the thread cannot enter the namespace,
// it answers every start with that error.
func (n *Namespace) serveStarts() {
	runtime.LockOSThread()
	err := netns.Set(n.handle)
	if err == nil && n.resolvConf != "" {
		err = coverResolvConf(n.resolvConf)
	}
	for {
		select {
		case start := <-n.starter:
			start(err)
		case <-n.closed:
			return
		}
	}
}

// Enter moves the calling thread into a named namespace, with the file as its /etc/resolv.conf if one
// is given, and holds the goroutine to the thread. There is no way back: it is for a program that is
// about to become another one by exec.
func Enter(name, resolvConf string) error {
	runtime.LockOSThread()
	handle, err := netns.GetFromName(name)
	if err != nil {
		return fmt.Errorf("network namespace %s: %w", name, err)
	}
	if err := netns.Set(handle); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", name, err)
	}
	if resolvConf == "" {
		return nil
	}
	return coverResolvConf(resolvConf)
}

// coverResolvConf gives the thread a mount namespace of its own in which /etc/resolv.conf is the
// given file.
func coverResolvConf(file string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("resolv.conf: new mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("resolv.conf: mount propagation: %w", err)
	}
	if err := unix.Mount(file, "/etc/resolv.conf", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("resolv.conf: bind over /etc/resolv.conf: %w", err)
	}
	return nil
}
