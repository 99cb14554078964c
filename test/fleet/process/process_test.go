//go:build linux

package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// thread starts commands from one thread that lives until the test ends.
type thread struct{ starts chan func() }

func newThread(t *testing.T) thread {
	s := thread{starts: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for start := range s.starts {
			start()
		}
	}()
	t.Cleanup(func() { close(s.starts) })
	return s
}

func (s thread) Start(command *exec.Cmd) error {
	result := make(chan error)
	s.starts <- func() { result <- command.Start() }
	return <-result
}

func start(t *testing.T, script string, env ...string) *Process {
	t.Helper()
	return startSpec(t, script, Spec{Env: env})
}

func startSpec(t *testing.T, script string, spec Spec) *Process {
	t.Helper()
	spec.Name, spec.On, spec.Argv = "script", "fra", []string{"sh", "-c", script}
	spec.Log, spec.Starter = filepath.Join(t.TempDir(), "logs", "script.log"), newThread(t)
	p, err := Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill(); <-p.Done() })
	return p
}

func wait(t *testing.T, p *Process) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := p.Wait(ctx)
	if ctx.Err() != nil {
		t.Fatal(err)
	}
	return err
}

func TestOutputOfAllRunsIsInTheLog(t *testing.T) {
	p := start(t, "echo $GREETING; echo error >&2", "GREETING=hello")
	if err := wait(t, p); err != nil {
		t.Fatal(err)
	}
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, p); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(p.Log())
	if err != nil || string(log) != "hello\nerror\nhello\nerror\n" {
		t.Errorf("%q, %v", log, err)
	}
}

func TestFailureQuotesTheLog(t *testing.T) {
	p := start(t, "echo no such file; exit 7")
	if err := wait(t, p); err == nil {
		t.Fatal("exit code 7 is no error")
	}
	failure := p.Failure().Error()
	for _, want := range []string{"script of fra ended", "exit status 7", "no such file", p.Log()} {
		if !strings.Contains(failure, want) {
			t.Errorf("no %q in %q", want, failure)
		}
	}
}

func TestTailOfALongLogIsShort(t *testing.T) {
	p := start(t, `i=0; while [ $i -lt 5000 ]; do echo "line $i"; i=$((i+1)); done`)
	if err := wait(t, p); err != nil {
		t.Fatal(err)
	}
	want := "--- last lines of " + p.Log() + "\nline 4998\nline 4999"
	if diff := cmp.Diff(want, p.Tail(2)); diff != "" {
		t.Error(diff)
	}
}

func TestKillEndsWhatTheProcessStarted(t *testing.T) {
	p := start(t, "sleep 60 & echo $!; wait")
	child := awaitLog(t, p)
	p.Kill()
	if err := wait(t, p); err == nil {
		t.Error("a killed process ended well")
	}
	eventually(t, func() bool {
		status, err := os.ReadFile("/proc/" + child + "/stat")
		return err != nil || strings.Contains(string(status), ") Z ")
	})
	p.Kill() // once more does no harm
}

func TestAFrozenProcessIsAliveAndGoesOnWhenThawed(t *testing.T) {
	p := start(t, "echo up; read x < /dev/null; sleep 0.05; exit 4")
	awaitLog(t, p)
	p.Freeze()
	if !p.Running() || !p.Frozen() {
		t.Errorf("running %v, frozen %v", p.Running(), p.Frozen())
	}
	p.Thaw()
	var exit *exec.ExitError
	if err := wait(t, p); !errors.As(err, &exit) || exit.ExitCode() != 4 {
		t.Errorf("after thaw: %v", err)
	}
	if p.Frozen() || p.Running() {
		t.Errorf("at the end: running %v, frozen %v", p.Running(), p.Frozen())
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	p := start(t, "trap '' TERM; echo up; while :; do sleep 1; done")
	awaitLog(t, p)
	p.Freeze()
	p.Stop(10 * time.Millisecond)
	if p.Running() {
		t.Error("still running")
	}
}

func TestWhatIsKeptIsStartedAgainUntilItIsEnded(t *testing.T) {
	p := startSpec(t, "echo run; exit 1", Spec{KeepAfter: time.Millisecond})
	eventually(t, func() bool { return p.Kept() >= 3 })
	p.Stop(time.Second)
	<-p.Done()
	runs := p.Kept()
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return p.Kept() > runs })
}

func TestCleanEnvironment(t *testing.T) {
	got := cleanEnvironment([]string{"PATH=/bin", "https_proxy=http://p:1", "HTTP_PROXY=x", "KUBECONFIG=/x", "HOME=/h"})
	if diff := cmp.Diff([]string{"PATH=/bin", "HOME=/h"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAProgramThatIsAbsent(t *testing.T) {
	_, err := Start(Spec{Name: "etcd", Argv: []string{"/nowhere/etcd"}, Log: filepath.Join(t.TempDir(), "log"), Starter: newThread(t)})
	if err == nil || !strings.Contains(err.Error(), "etcd: start") {
		t.Errorf("%v", err)
	}
}

// awaitLog returns the first line of the log once it is there.
func awaitLog(t *testing.T, p *Process) (line string) {
	t.Helper()
	eventually(t, func() bool {
		data, err := os.ReadFile(p.Log())
		if err != nil {
			return false
		}
		var found bool
		line, _, found = strings.Cut(string(data), "\n")
		return found
	})
	return line
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.After(5 * time.Second)
	for tick := time.NewTicker(2 * time.Millisecond); ; {
		if condition() {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not happen within 5 s")
		}
	}
}
