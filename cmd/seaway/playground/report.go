//go:build linux

package playground

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/seaway-io/seaway/test/fleet"
)

// Phases of a playground.
const (
	starting = "starting"
	ready    = "ready"
	failed   = "failed"
	stopping = "stopping"
)

// report is what the supervisor tells its clients.
type report struct {
	Phase string `json:"phase"`
	// Pid is the supervisor's.
	Pid   int    `json:"pid"`
	Error string `json:"error,omitempty"`
	// Kubeconfig is for use outside the namespaces, Inside for use on the hosts.
	Kubeconfig string            `json:"kubeconfig"`
	Inside     string            `json:"inside"`
	Binaries   string            `json:"binaries"`
	Hosts      []hostReport      `json:"hosts"`
	Forwards   []fleet.Forwarded `json:"forwards"`
}

type hostReport struct {
	Name       string          `json:"name"`
	Region     string          `json:"region,omitempty"`
	Addresses  []string        `json:"addresses"`
	Namespace  string          `json:"namespace"`
	Dir        string          `json:"dir"`
	ResolvConf string          `json:"resolvConf,omitempty"`
	Faults     string          `json:"faults,omitempty"`
	Processes  []processReport `json:"processes"`
}

type processReport struct {
	Name string `json:"name"`
	Pid  int    `json:"pid"`
	// State is "running", "frozen" or "ended".
	State string `json:"state"`
	// MemoryMB is its resident memory.
	MemoryMB int `json:"memoryMB"`
}

func describe(f *fleet.Fleet) []hostReport {
	var hosts []hostReport
	for _, host := range f.Hosts() {
		r := hostReport{Name: host.Name, Namespace: host.Namespace(), Dir: host.Dir(), Faults: host.Faults().String()}
		for _, addr := range host.Addrs() {
			r.Addresses = append(r.Addresses, addr.String())
		}
		if cluster, err := f.Cluster(host.Name); err == nil {
			r.Region = cluster.Spec.Region
		} else {
			r.ResolvConf = host.ResolvConf()
		}
		for _, p := range host.Processes() {
			r.Processes = append(r.Processes, describeProcess(p))
		}
		hosts = append(hosts, r)
	}
	return hosts
}

func describeProcess(p *fleet.Process) processReport {
	r := processReport{Name: p.Name(), Pid: p.Pid(), State: "ended"}
	switch {
	case p.Frozen():
		r.State = "frozen"
	case p.Running():
		r.State = "running"
	}
	if r.State != "ended" {
		r.MemoryMB = residentMB(r.Pid)
	}
	return r
}

// residentMB reads a process's memory; 0 if it has just ended.
func residentMB(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kilobytes, _ := strconv.Atoi(fields[1]) // the kernel writes a number
			return kilobytes / 1024
		}
	}
	return 0
}

// printHosts shows every host with its processes and faults.
func (r *report) printHosts(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "HOST\tREGION\tADDRESS\tPROCESSES\tNETWORK")
	for _, host := range r.Hosts {
		network := host.Faults
		if network == "" {
			network = "ok"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", host.Name, orDash(host.Region), strings.Join(host.Addresses, ","), host.summary(), network)
	}
	table.Flush()
}

// summary names the processes that do not run; if all do, it counts them.
func (h *hostReport) summary() string {
	var wrong []string
	memory := 0
	for _, p := range h.Processes {
		memory += p.MemoryMB
		if p.State != "running" {
			wrong = append(wrong, p.Name+" "+p.State)
		}
	}
	switch {
	case len(wrong) > 0:
		return strings.Join(wrong, ", ")
	case len(h.Processes) == 0:
		return "-"
	default:
		return fmt.Sprintf("%d running, %d MB", len(h.Processes), memory)
	}
}

// printAccess shows how to reach the playground from outside.
func (r *report) printAccess(out io.Writer, name string) {
	command := "seaway playground"
	if name != "seaway" {
		command += " --name " + name
	}
	fmt.Fprintf(out, "export KUBECONFIG=%s\n\n", r.Kubeconfig)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PORT\tLEADS TO\tFOR EXAMPLE")
	for _, f := range r.Forwards {
		fmt.Fprintf(table, "%s/%s\t%s\t%s\n", f.Address, strings.Join(f.Networks, "+"), f.Name, example(f))
	}
	table.Flush()
	fmt.Fprintln(out)
	fmt.Fprintf(table, "%s shell\ta shell on the host %q, inside the fleet's network\n", command, ClientHost)
	fmt.Fprintf(table, "%s kill %s\ta whole cluster dies; revive brings it back\n", command, r.exampleMember())
	fmt.Fprintf(table, "%s down\tstop and remove everything\n", command)
	table.Flush()
}

// example is what a person could type to use a port.
func example(f fleet.Forwarded) string {
	host, port, _ := strings.Cut(f.Address, ":")
	switch {
	case f.Name == DNSForward:
		return fmt.Sprintf("dig @%s -p %s NAME", host, port)
	case f.To == "":
		return fmt.Sprintf("curl -x http://%s http://NAME/", f.Address)
	case strings.HasPrefix(f.Name, apiForward):
		return "kubectl --context " + strings.TrimPrefix(f.Name, apiForward) + " get nodes"
	default:
		return ""
	}
}

func (r *report) exampleMember() string {
	for _, host := range r.Hosts {
		if host.Name != fleet.HubName && host.ResolvConf == "" {
			return host.Name
		}
	}
	return fleet.HubName
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
