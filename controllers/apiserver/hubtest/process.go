package hubtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// binary returns the path of kubeall, one binary with the Kubernetes programs in it. It
// is looked for in the folder $SEAWAY_KUBEALL, then in the project's cache ($SEAWAY_CACHE,
// or "seaway" in the user's), where `make kubeall` puts it.
func binary(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a real control plane; not in short mode")
	}
	for _, path := range candidates() {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	skip := t.Skip
	if os.Getenv("SEAWAY_REAL") == "required" { // as `make e2e` says
		skip = t.Fatal
	}
	skip("no Kubernetes binaries: run `make kubeall`, or set SEAWAY_KUBEALL to the folder of kubeall")
	return ""
}

func candidates() []string {
	if dir := os.Getenv("SEAWAY_KUBEALL"); dir != "" {
		return []string{filepath.Join(dir, "kubeall")}
	}
	cache := os.Getenv("SEAWAY_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil
		}
		cache = filepath.Join(base, "seaway")
	}
	built, err := filepath.Glob(filepath.Join(cache, "kubeall-*", "kubeall"))
	if err != nil {
		return nil
	}
	return built
}

// process is a running program.
type process struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
	err   error
}

// start runs a program until the test ends, with its output in a file.
func start(t testing.TB, log, program string, args ...string) *process {
	t.Helper()
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p := &process{cmd: exec.Command(program, args...), log: log, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = file, file
	// It dies with the test, however the test dies.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
}

// tail returns the end of the program's output.
func (p *process) tail() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}

// freePort returns a port nobody listens on now.
func freePort(t testing.TB, address string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func get(ctx context.Context, c *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}
