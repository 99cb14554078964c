//go:build linux

package netspace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// insideUserNamespace marks the child that EnsurePrivileges starts.
const insideUserNamespace = "SEAWAY_FLEET_USER_NAMESPACE"

// EnsurePrivileges makes sure that the program may create network namespaces. With the rights of root
// it returns at once. Otherwise it starts the program again, with the same arguments, in a user and a
// mount namespace of its own where it has them, waits for it and exits with its code. To be called
// first thing in main or TestMain.
//
// The child stays in the network namespace it was started in, so that its loopback ports are
// everyone's; only what it creates is apart. In its mount namespace /run is private, since namespaces
// are bound below it; the given folders directly below /run are empty there, as Folder is, and the rest
// is what it was.
func EnsurePrivileges(fresh ...string) error {
	if os.Getenv(insideUserNamespace) != "" {
		if err := os.Unsetenv(insideUserNamespace); err != nil {
			return err
		}
		if err := privateRun(append(fresh, Folder)); err != nil {
			return fmt.Errorf("prepare /run in the user namespace: %w%s", err, restrictionHint())
		}
		return nil
	}
	if privileged() {
		return nil
	}
	code, err := runInUserNamespace()
	if err != nil {
		return fmt.Errorf("network namespaces need root or an unprivileged user namespace, and neither is to be had: %w%s", err, restrictionHint())
	}
	os.Exit(code)
	return nil
}

// privileged reports whether the process has the capabilities that namespaces, mounts, addresses and
// packet sockets take.
func privileged() bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		if name != "CapEff" {
			continue
		}
		have, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		const want = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW
		return err == nil && have&want == want
	}
	return false
}

func runInUserNamespace() (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	command := exec.Command(self, os.Args[1:]...)
	command.Args[0] = os.Args[0]
	command.Env = append(os.Environ(), insideUserNamespace+"=1")
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	// The kernel ties the parent-death signal to the thread that starts the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	command.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig:   syscall.SIGKILL,
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	if err := command.Start(); err != nil {
		return 0, err
	}
	go func() {
		for s := range signals {
			// An error means that the child has ended, which Wait reports.
			_ = command.Process.Signal(s)
		}
	}()
	err = command.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// privateRun covers /run by a folder in memory that shows what /run had, but for the fresh folders.
func privateRun(fresh []string) error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return err
	}
	old, err := os.Open("/run")
	if err != nil {
		return err
	}
	defer old.Close()
	entries, err := old.ReadDir(-1)
	if err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return err
	}
	for _, entry := range entries {
		if slices.Contains(fresh, filepath.Join("/run", entry.Name())) {
			continue
		}
		if err := carryOver(old, entry); err != nil {
			return err
		}
	}
	for _, folder := range fresh {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// carryOver shows one entry of the old /run in the new one.
func carryOver(old *os.File, entry os.DirEntry) error {
	source := fmt.Sprintf("/proc/self/fd/%d/%s", old.Fd(), entry.Name())
	target := filepath.Join("/run", entry.Name())
	switch {
	case entry.Type()&os.ModeSymlink != 0:
		to, err := os.Readlink(source)
		if err != nil {
			return err
		}
		return os.Symlink(to, target)
	case entry.IsDir():
		if err := os.Mkdir(target, 0o755); err != nil {
			return err
		}
	default:
		if err := os.WriteFile(target, nil, 0o600); err != nil {
			return err
		}
	}
	return unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, "")
}

// restrictionHint names the settings that forbid user namespaces, if one is set.
func restrictionHint() string {
	for _, setting := range []struct{ file, forbids, name string }{
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns is 1"},
		{"/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone is 0"},
		{"/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces is 0"},
	} {
		value, err := os.ReadFile(setting.file)
		if err == nil && strings.TrimSpace(string(value)) == setting.forbids {
			return " (" + setting.name + "; change it with sysctl, or run as root)"
		}
	}
	return " (run as root)"
}
