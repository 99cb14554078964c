// Package binaries finds or builds the Kubernetes binaries of a fleet: one multi-call binary, compiled
// from the pinned module test/kubeall into a cache outside the checkout. The first build takes about
// twelve minutes on two cores; after that it is a lookup, until the module or the Go version changes.
package binaries

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Names are the programs in the multi-call binary.
var Names = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok", "metrics-server"}

// Environment variables that move things.
const (
	// DirVariable names a folder with ready binaries. Nothing is built then.
	DirVariable = "SEAWAY_KUBEALL"
	// CacheVariable names the cache folder.
	CacheVariable = "SEAWAY_CACHE"
	// SourceVariable names a checkout of this project, for programs that run outside one.
	SourceVariable = "SEAWAY_SOURCE"
)

const program = "kubeall"

// ErrNotBuilt says that the binaries are not in the cache.
var ErrNotBuilt = errors.New("the Kubernetes binaries are not built yet")

// Cached returns the folder with the binaries if they are built. Otherwise the error is ErrNotBuilt
// or says why they cannot be looked for.
func Cached(ctx context.Context) (dir string, err error) {
	if dir := os.Getenv(DirVariable); dir != "" {
		return dir, checkComplete(dir)
	}
	_, dir, err = locate(ctx)
	if err != nil {
		return "", err
	}
	if checkComplete(dir) != nil {
		return "", fmt.Errorf("%w: nothing in %s", ErrNotBuilt, dir)
	}
	return dir, nil
}

// Kubeall returns the folder with the binaries and builds them if they are not there. A build reports
// its progress every 15 s. Of several calls at a time, also by several processes, one builds and the
// others wait.
func Kubeall(ctx context.Context, log func(format string, args ...any)) (dir string, err error) {
	if dir, err = Cached(ctx); err == nil || !errors.Is(err, ErrNotBuilt) {
		return dir, err
	}
	source, dir, err := locate(ctx)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("cache of the Kubernetes binaries: %w", err)
	}
	unlock, err := lock(ctx, dir+".lock", log)
	if err != nil {
		return "", err
	}
	defer unlock()
	if checkComplete(dir) == nil {
		return dir, nil // built while we waited
	}
	if err := install(ctx, source, dir, log); err != nil {
		return "", err
	}
	return dir, nil
}

// CacheDir is the project's cache folder. It may not exist.
func CacheDir() (string, error) {
	if dir := os.Getenv(CacheVariable); dir != "" {
		return filepath.Abs(dir)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder (set %s): %w", CacheVariable, err)
	}
	return filepath.Join(base, "seaway"), nil
}

// locate returns the folder of the module's source and the folder its build belongs in.
func locate(ctx context.Context) (source, dir string, err error) {
	if source, err = findSource(); err != nil {
		return "", "", err
	}
	toolchain, err := toolchainOf(ctx, source)
	if err != nil {
		return "", "", err
	}
	hash, err := Hash(source, toolchain)
	if err != nil {
		return "", "", err
	}
	cache, err := CacheDir()
	if err != nil {
		return "", "", err
	}
	return source, filepath.Join(cache, program+"-"+hash), nil
}

// findSource looks for test/kubeall in the checkout the variable names, else in the working folder
// and those above it.
func findSource() (string, error) {
	start := os.Getenv(SourceVariable)
	if start == "" {
		var err error
		if start, err = os.Getwd(); err != nil {
			return "", err
		}
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		source := filepath.Join(dir, "test", program)
		if _, err := os.Stat(filepath.Join(source, "go.mod")); err == nil {
			return source, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no test/%s in %s or above: run inside a checkout of the project, or name one in %s", program, start, SourceVariable)
		}
	}
}

// toolchainOf describes the Go toolchain that would build the module.
func toolchainOf(ctx context.Context, source string) (string, error) {
	command := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOOS", "GOARCH")
	command.Dir = source
	command.Env = buildEnvironment()
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("the go command is needed to find and build the Kubernetes binaries (or name a folder that has them in %s): %w%s", DirVariable, err, stderrOf(err))
	}
	return strings.Join(strings.Fields(string(output)), " "), nil
}

func stderrOf(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		return "\n" + strings.TrimSpace(string(exit.Stderr))
	}
	return ""
}

// checkComplete reports the first program that is missing in a folder.
func checkComplete(dir string) error {
	for _, name := range Names {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("look for the Kubernetes binaries: %w", err)
		}
		if info.Mode()&0o111 == 0 {
			return fmt.Errorf("look for the Kubernetes binaries: %s is not executable", path)
		}
	}
	return nil
}

// lock waits until this process is the only one that builds.
func lock(ctx context.Context, path string, log func(string, ...any)) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for waited := 0; ; waited++ {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if waited%15 == 0 {
			log("another process is building the Kubernetes binaries; waiting (%d s)", waited)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("wait for another build of the Kubernetes binaries: %w", context.Cause(ctx))
		}
	}
}
