//go:build linux

package netspace

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Folder is where namespaces are bound by name, the place iproute2 uses.
const Folder = "/run/netns"

// Namespace is a network namespace. It is safe for use by several goroutines.
type Namespace struct {
	name   string
	handle netns.NsHandle

	starterOnce sync.Once
	starter     chan func(error)
	closed      chan struct{}

	nameserver atomic.Pointer[netip.Addr]
	resolvConf string
}

// Create makes a namespace with its loopback interface up and binds it under Folder. A name that is
// in use is an error.
func Create(name string) (*Namespace, error) {
	n := &Namespace{name: name, starter: make(chan func(error)), closed: make(chan struct{})}
	err := onThread(func() (err error) {
		if n.handle, err = netns.NewNamed(name); err != nil {
			return err
		}
		loopback, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(loopback)
	})
	if err != nil {
		return nil, fmt.Errorf("network namespace %s: %w", name, err)
	}
	return n, nil
}

// Names lists the namespaces whose name begins with the prefix.
func Names(prefix string) ([]string, error) {
	entries, err := os.ReadDir(Folder)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("network namespaces: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), prefix) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Path returns the file a namespace is bound to.
func Path(name string) string { return filepath.Join(Folder, name) }

// Remove takes the name of a namespace away. The namespace itself ends with its last process and
// handle. A name that is absent is no error.
func Remove(name string) error {
	err := unix.Unmount(Path(name), unix.MNT_DETACH)
	// EINVAL: a file with no mount on it, left by a machine that went down.
	if err != nil && err != unix.ENOENT && err != unix.EINVAL {
		return fmt.Errorf("network namespace %s: unmount: %w", name, err)
	}
	if err := os.Remove(Path(name)); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("network namespace %s: %w", name, err)
	}
	return nil
}

// Name returns the name the namespace was made with.
func (n *Namespace) Name() string { return n.name }

// Close ends the namespace: its starter thread, its handle and its name. Processes that were started
// with a parent-death signal get it. It is to be called once.
func (n *Namespace) Close() error {
	close(n.closed)
	if err := n.handle.Close(); err != nil {
		return fmt.Errorf("network namespace %s: %w", n.name, err)
	}
	return Remove(n.name)
}

// Do runs the function on a thread inside the namespace. Sockets it opens stay in the namespace.
// Goroutines it starts are outside.
func (n *Namespace) Do(fn func() error) error {
	return onThread(func() error {
		if err := netns.Set(n.handle); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", n.name, err)
		}
		return fn()
	})
}

// onThread runs the function on a thread of its own that ends with it. A thread that has changed its
// namespace is never given back to the scheduler: it could not be trusted, and inside a user
// namespace it could not return to where it came from.
func onThread(fn func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		err := fmt.Errorf("the function ended its goroutine")
		defer func() { result <- err }()
		err = fn()
	}()
	return <-result
}
