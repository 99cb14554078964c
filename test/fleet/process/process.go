//go:build linux

// Package process runs one program as a child that can be killed, frozen and started again on the
// same terms, with its output in a file. A test decides what dies and what comes back; a program that
// ends by itself stays ended, unless it was started to be kept running.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// tailLines is how much of a log an error quotes.
const tailLines = 15

// Starter starts a command, for example inside a network namespace. The thread it starts it from must
// live as long as the process should: children get SIGKILL when it ends.
type Starter interface{ Start(*exec.Cmd) error }

// Spec says what to run.
type Spec struct {
	// Name is the process's, and On where it runs; messages name both.
	Name, On string
	// Argv is the program, by path or by name, and its arguments.
	Argv []string
	// Env is added to the environment. Variables that would send clients through a proxy or to another
	// cluster are always taken out.
	Env []string
	// Log is the file that gets standard output and error. Its folder is made if absent.
	Log string
	// Starter starts it.
	Starter Starter
	// KeepAfter is how long after an end that nobody asked for it is started again, as the kubelet does
	// with a container; zero leaves it ended.
	KeepAfter time.Duration
}

// Process is one program. It is safe for use by several goroutines.
type Process struct {
	spec    Spec
	restart sync.Mutex // held during a restart

	mu      sync.Mutex
	command *exec.Cmd
	ended   chan struct{} // closed when the current run has ended
	err     error         // how it ended
	frozen  bool
	asked   bool // Kill, Term or Stop was called since the last start
	kept    int  // how often KeepAfter started it again
}

// Start runs the program.
func Start(spec Spec) (*Process, error) {
	p := &Process{spec: spec}
	if err := p.run(); err != nil {
		return nil, err
	}
	return p, nil
}

// Name returns the name the process was given.
func (p *Process) Name() string { return p.spec.Name }

// title is what messages call the process.
func (p *Process) title() string {
	if p.spec.On == "" {
		return p.spec.Name
	}
	return p.spec.Name + " of " + p.spec.On
}

// Log returns the path of its log.
func (p *Process) Log() string { return p.spec.Log }

// Restart runs the program again with the same arguments. One that still runs is killed first.
func (p *Process) Restart() error {
	p.restart.Lock()
	defer p.restart.Unlock()
	p.Kill()
	<-p.Done()
	p.mu.Lock()
	p.asked = false
	p.mu.Unlock()
	return p.run()
}

// keep starts the program again after an end that nobody asked for.
func (p *Process) keep() {
	time.Sleep(p.spec.KeepAfter)
	p.restart.Lock()
	defer p.restart.Unlock()
	p.mu.Lock()
	wanted := !p.asked && p.over()
	p.mu.Unlock()
	if !wanted || p.run() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept++
	if p.asked { // in between
		p.send(syscall.SIGKILL)
	}
}

// Kept returns how often the program was started again because it had ended by itself.
func (p *Process) Kept() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept
}

func (p *Process) run() error {
	log, err := openLog(p.spec.Log)
	if err != nil {
		return fmt.Errorf("%s: %w", p.title(), err)
	}
	defer log.Close()
	command := exec.Command(p.spec.Argv[0], p.spec.Argv[1:]...)
	command.Env = append(Environment(), p.spec.Env...)
	command.Stdout, command.Stderr = log, log
	// A group of its own: a signal reaches what the program started too, and Ctrl-C in the terminal does
	// not end it before its turn.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.spec.Starter.Start(command); err != nil {
		return fmt.Errorf("%s: start: %w", p.title(), err)
	}
	ended := make(chan struct{})
	p.mu.Lock()
	p.command, p.ended, p.err, p.frozen = command, ended, nil, false
	p.mu.Unlock()
	go func() {
		err := command.Wait()
		p.mu.Lock()
		p.err, p.frozen = err, false
		close(ended)
		keep := p.spec.KeepAfter > 0 && !p.asked
		p.mu.Unlock()
		if keep {
			p.keep()
		}
	}()
	return nil
}

// Pid returns the process id of the current or last run.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.command.Process.Pid
}

// Done returns a channel that is closed when the current run ends.
func (p *Process) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// Running reports whether the process is alive, frozen or not.
func (p *Process) Running() bool {
	select {
	case <-p.Done():
		return false
	default:
		return true
	}
}

// Frozen reports whether the process is stopped by Freeze.
func (p *Process) Frozen() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frozen
}

// Wait waits for the end of the current run and returns how it ended: nil for exit code 0.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("%s is still running: %w", p.title(), context.Cause(ctx))
	}
}

// Kill ends the process and what it started, at once and without warning.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Term asks the process to end.
func (p *Process) Term() { p.end(syscall.SIGTERM) }

// Freeze stops the process where it stands. The kernel still accepts connections for it.
func (p *Process) Freeze() { p.signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (p *Process) Thaw() { p.signal(syscall.SIGCONT) }

// Stop asks the process to end and kills it when it has not within the grace period.
func (p *Process) Stop(grace time.Duration) {
	p.Thaw()
	p.Term()
	select {
	case <-p.Done():
	case <-time.After(grace):
		p.Kill()
		<-p.Done()
	}
}

// end signals a run that shall not be followed by another.
func (p *Process) end(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = true
	p.send(s)
}

func (p *Process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.send(s)
}

// send reaches the whole process group of a run that has not ended. The caller holds mu.
func (p *Process) send(s syscall.Signal) {
	if p.over() {
		return
	}
	if err := syscall.Kill(-p.command.Process.Pid, s); err != nil {
		return // it has just ended
	}
	switch s {
	case syscall.SIGSTOP:
		p.frozen = true
	case syscall.SIGCONT:
		p.frozen = false
	}
}

// over reports whether the current run has ended. The caller holds mu.
func (p *Process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// NotReady describes a process that runs but does not do what it should, with the last lines of the log.
func (p *Process) NotReady(why error) error {
	return fmt.Errorf("%s is not ready: %w\n%s", p.title(), why, p.Tail(tailLines))
}

// Failure describes an end that was not asked for, with the last lines of the log.
func (p *Process) Failure() error {
	p.mu.Lock()
	err := p.err
	p.mu.Unlock()
	if err == nil {
		err = errors.New("exit status 0")
	}
	return fmt.Errorf("%s ended: %w\n%s", p.title(), err, p.Tail(tailLines))
}

// Tail returns the last lines of the log under a line with its path.
func (p *Process) Tail(lines int) string {
	const most = 16 << 10
	file, err := os.Open(p.spec.Log)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > most {
		if _, err := file.Seek(-most, 2); err != nil {
			return err.Error()
		}
	}
	buffer := make([]byte, most)
	n, _ := file.Read(buffer) // an empty log has an empty tail
	all := strings.Split(strings.TrimRight(string(buffer[:n]), "\n"), "\n")
	return "--- last lines of " + p.spec.Log + "\n" + strings.Join(all[max(0, len(all)-lines):], "\n")
}

func openLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// Environment is the environment processes start with: that of this program without what would send
// their clients through a proxy or to another cluster.
func Environment() []string { return cleanEnvironment(os.Environ()) }

// cleanEnvironment takes out what must not leak from the caller's shell into a cluster.
func cleanEnvironment(env []string) []string {
	var kept []string
	for _, variable := range env {
		name, _, _ := strings.Cut(variable, "=")
		switch strings.ToUpper(name) {
		case "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT":
		default:
			kept = append(kept, variable)
		}
	}
	return kept
}
