//go:build linux

package fleet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seaway-io/seaway/test/fleet/netspace"
)

// runDir holds a lock and a folder of sockets for every fleet. Paths of sockets must be short.
const runDir = "/run/seaway-fleet"

// claim is a fleet's right to its name on this machine. It ends with the program that holds it.
type claim struct {
	name string
	dir  string // for sockets
	lock *os.File
}

// namespacePrefix begins the names of a fleet's namespaces. Names of fleets hold no dot, so that no
// fleet's prefix is another's.
func namespacePrefix(name string) string { return name + "." }

// claimName takes a name. A fleet that has it but whose program is gone is removed.
func claimName(name string) (*claim, error) {
	c := &claim{name: name, dir: filepath.Join(runDir, name)}
	if err := os.MkdirAll(runDir, 0o755); err != nil {
		return nil, fmt.Errorf("claim fleet %s: %w (is EnsurePrivileges called?)", name, err)
	}
	lock, err := os.OpenFile(c.dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("claim fleet %s: %w", name, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(lock.Name()) // it only makes the message better
		lock.Close()
		return nil, fmt.Errorf("fleet %s is running already, in process %s: stop that first, or choose another name", name, strings.TrimSpace(string(holder)))
	}
	c.lock = lock
	if err := c.prepare(); err != nil {
		c.release()
		return nil, fmt.Errorf("claim fleet %s: %w", name, err)
	}
	return c, nil
}

// Clean removes what a fleet left behind when its program crashed. One that runs is an error.
func Clean(name string) error {
	c, err := claimName(name)
	if err != nil {
		return err
	}
	defer c.release()
	return c.clean()
}

func (c *claim) prepare() error {
	if err := c.lock.Truncate(0); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(c.lock, os.Getpid()); err != nil {
		return err
	}
	if err := c.clean(); err != nil {
		return err
	}
	return os.MkdirAll(c.dir, 0o700)
}

// clean removes the fleet's namespaces, what lives in them, and its sockets.
func (c *claim) clean() error {
	names, err := netspace.Names(namespacePrefix(c.name))
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, endProcesses(name), netspace.Remove(name))
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}

// release gives the name back. The lock's file stays: removing it would let two hold it.
func (c *claim) release() { c.lock.Close() }

// endProcesses kills all that lives in a namespace and waits until it is gone. Only a process of the
// fleet, or one that a person started there, can be in it.
func endProcesses(namespace string) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		pids, err := netspace.Processes(namespace)
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		if err != nil || len(pids) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v in namespace %s do not end", pids, namespace)
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // one that has just ended is no error
		}
		time.Sleep(20 * time.Millisecond)
	}
}
