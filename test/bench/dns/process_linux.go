package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server under test.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	port int
}

// The core of the servers; the load, which is this process, has the other.
const serverCore, loadCore = "0", "1"

func pinned(core string, args ...string) *exec.Cmd {
	cmd := exec.Command("taskset", append([]string{"-c", core}, args...)...)
	cmd.Stderr = os.Stderr
	// A server that outlives its test would be in the way of the next.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// startSelf starts a server that is in this program.
func startSelf(name string, w world, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := append([]string{self, "-serve", name, "-names", strconv.Itoa(w.names), "-zones", strconv.Itoa(w.zones)}, args...)
	p := &process{name: name, cmd: pinned(serverCore, all...)}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := p.line("ready"); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// line reads a line that begins with a word, and returns the number behind it.
func (p *process) line(word string) (int, error) {
	if !p.out.Scan() {
		return 0, fmt.Errorf("%s ended", p.name)
	}
	text, ok := strings.CutPrefix(p.out.Text(), word+" ")
	n, err := strconv.Atoi(text)
	if !ok || err != nil {
		return 0, fmt.Errorf("%s says %q", p.name, p.out.Text())
	}
	if word == "ready" {
		p.port = n
	}
	return n, nil
}

func (p *process) mallocs() int {
	fmt.Fprintln(p.in, "stats")
	n, _ := p.line("mallocs")
	return n
}

func (p *process) stop() {
	if p.in != nil {
		p.in.Close()
	} else {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.cmd.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-ended
	}
}

func freePort() (int, error) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port, nil
}

// startForeign starts NSD or Knot with the same names.
func startForeign(name, dir string, w world) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, fmt.Sprintf("%s-%d", name, w.names))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := w.zoneFiles(dir); err != nil {
		return nil, err
	}
	var conf strings.Builder
	path := filepath.Join(dir, name+".conf")
	p := &process{name: name, port: port}
	switch name {
	case "nsd":
		fmt.Fprintf(&conf, "server:\n  server-count: 1\n  ip-address: 127.0.0.1@%d\n  username: \"\"\n  zonesdir: %q\n  database: \"\"\n"+
			"  pidfile: %q\n  xfrdfile: %q\n  zonelistfile: %q\n  xfrdir: %q\n  answer-cookie: yes\n  verbosity: 0\n  logfile: %q\nremote-control:\n  control-enable: no\n",
			port, dir, dir+"/pid", dir+"/xfrd.state", dir+"/zone.list", dir, dir+"/log")
		for i := range w.zones {
			fmt.Fprintf(&conf, "zone:\n  name: %s\n  zonefile: %s.zone\n", w.zone(i), w.zone(i))
		}
		p.cmd = pinned(serverCore, "/usr/sbin/nsd", "-d", "-c", path)
	case "knot":
		fmt.Fprintf(&conf, "server:\n  rundir: %q\n  listen: 127.0.0.1@%d\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"+
			"database:\n  storage: %q\nlog:\n  - target: %q\n    any: error\ntemplate:\n  - id: default\n    storage: %q\n    zonefile-sync: -1\n    journal-content: none\n    semantic-checks: off\nzone:\n", dir, port, dir, dir+"/log", dir)
		for i := range w.zones {
			fmt.Fprintf(&conf, "  - domain: %s\n    file: %s.zone\n", w.zone(i), w.zone(i))
		}
		p.cmd = pinned(serverCore, "/usr/sbin/knotd", "-c", path)
	}
	if err := os.WriteFile(path, []byte(conf.String()), 0o644); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	return p, nil
}

// wait waits until a server gives right answers.
func (p *process) wait(s set) error {
	for range 600 {
		l, err := newLoad(p.port, s)
		if err != nil {
			return err
		}
		r := l.closed(20*time.Millisecond, 4)
		l.close()
		if r.answered > 0 {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("%s does not answer", p.name)
}

// family are the ids of a process and its descendants.
func (p *process) family() []int {
	parents := map[int]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if f := stat(pid); len(f) > 2 {
				parents[pid], _ = strconv.Atoi(f[1])
			}
		}
	}
	var out []int
	for pid := range parents {
		for at := pid; at > 1; at = parents[at] {
			if at == p.cmd.Process.Pid {
				out = append(out, pid)
				break
			}
		}
	}
	return out
}

// stat is /proc/PID/stat from the state on.
func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	text := string(b)
	return strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
}

// cpu is the CPU time that a server has had, in the kernel and out of it.
func (p *process) cpu(family []int) (user, system time.Duration) {
	const tick = 10 * time.Millisecond // USER_HZ is 100 everywhere
	for _, pid := range family {
		if f := stat(pid); len(f) > 13 {
			u, _ := strconv.Atoi(f[11])
			s, _ := strconv.Atoi(f[12])
			user, system = user+time.Duration(u)*tick, system+time.Duration(s)*tick
		}
	}
	return user, system
}

// memory is the share of the machine's memory that a server holds, in MB.
func (p *process) memory() float64 {
	total := 0
	for _, pid := range p.family() {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
				kb, _ := strconv.Atoi(f[1])
				total += kb
			}
		}
	}
	return float64(total) / 1024
}
