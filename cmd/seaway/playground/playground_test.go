//go:build linux

package playground

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/binaries"
	"github.com/seaway-io/seaway/test/fleet/netspace"
)

// underTest is the playground the tests start: one member and a DNS server that knows one name.
var underTest = Options{
	Members: []fleet.MemberSpec{{Name: "fra", Region: "eu-central-1", Nodes: 1}},
	Install: func(ctx context.Context, f *fleet.Fleet) error {
		f.Options().Log("installing a DNS server")
		host, err := f.AddHost(fleet.HostSpec{Name: "ns1"})
		if err != nil {
			return err
		}
		at := netip.AddrPortFrom(host.Addr(), 53).String()
		packets, err := host.ListenPacket(ctx, "udp", at)
		if err != nil {
			return err
		}
		go dns.ActivateAndServe(nil, packets, dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
			answer := new(dns.Msg).SetReply(question)
			if q := question.Question[0]; q.Name == "api.example.org." && q.Qtype == dns.TypeA {
				answer.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5}, A: f.Members["fra"].Addr().AsSlice()}}
			}
			w.WriteMsg(answer)
		}))
		_, err = f.Forward(fleet.Forward{Name: DNSForward, Networks: []string{"udp", "tcp"}, To: at})
		return err
	},
}

// TestMain is `seaway` when it is called as such: the playground starts its own program again.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "playground" {
		os.Exit(m.Run())
	}
	root := &cobra.Command{Use: "seaway"}
	root.AddCommand(Command(underTest))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root.ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

// seaway runs this program as `seaway playground …` and returns what it printed.
func seaway(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(ctx, self, append([]string{"playground"}, args...)...)
	output, err := command.CombinedOutput()
	return string(output), err
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	output, err := seaway(t, args...)
	if err != nil {
		t.Fatalf("seaway playground %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

// skip skips a test that can not be run here, unless it must be: `make e2e` says so.
func skip(t *testing.T, why any) {
	t.Helper()
	if os.Getenv("SEAWAY_REAL") == "required" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// scratch gives the test a cache of its own with the Kubernetes binaries of the real one, and a name.
func scratch(t *testing.T) (name string) {
	t.Helper()
	if testing.Short() {
		t.Skip("real control planes are not started in short mode")
	}
	dir, err := binaries.Cached(t.Context())
	if errors.Is(err, binaries.ErrNotBuilt) {
		skip(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.MkdirTemp("", "playground") // short: it holds a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(cache) })
	t.Setenv(binaries.DirVariable, dir)
	t.Setenv(binaries.CacheVariable, cache)
	return fmt.Sprintf("pg%d", os.Getpid())
}

func TestAPlaygroundFromUpToDown(t *testing.T) {
	name := scratch(t)
	output, err := seaway(t, "up", "--name", name)
	if err != nil && strings.Contains(output, "user namespace") {
		skip(t, output)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	t.Cleanup(func() {
		if output, err := seaway(t, "down", "--name", name); err != nil {
			t.Errorf("down: %v\n%s", err, output)
		}
	})
	for _, want := range []string{"installing a DNS server", "fra is ready", "export KUBECONFIG=", "API of fra", "dig @127.0.0.1", "curl -x http://127.0.0.1", "kill fra"} {
		if !strings.Contains(output, want) {
			t.Errorf("up does not print %q:\n%s", want, output)
		}
	}
	state, err := stateOf(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the kubeconfig works from outside", func(t *testing.T) { outside(t, state) })
	t.Run("the client host has kubectl and a nameserver", func(t *testing.T) {
		nodes := must(t, "shell", "--name", name, "--", "kubectl", "--context", "fra", "get", "nodes", "-o", "name")
		if strings.TrimSpace(nodes) != "node/fra-0" {
			t.Errorf("kubectl get nodes: %q", nodes)
		}
		if conf := must(t, "shell", "--name", name, "--", "cat", "/etc/resolv.conf"); !strings.Contains(conf, "nameserver 10.77.0.10") {
			t.Errorf("resolv.conf: %q", conf)
		}
		if address := must(t, "shell", "--name", name, "fra", "--", "cat", "/proc/net/fib_trie"); !strings.Contains(address, "10.77.1.1") {
			t.Errorf("the shell on fra is elsewhere: %q", address)
		}
	})
	t.Run("the proxy resolves names and connects from inside", func(t *testing.T) { throughProxy(t, state) })
	t.Run("faults", func(t *testing.T) { faults(t, name) })
	t.Run("a second up finds it running", func(t *testing.T) {
		if output := must(t, "up", "--name", name); !strings.Contains(output, "ready already") {
			t.Error(output)
		}
	})
	if output := must(t, "down", "--name", name); !strings.Contains(output, "stopped") {
		t.Error(output)
	}
	if names, err := netspace.Names(name + "."); err != nil || len(names) > 0 {
		t.Errorf("namespaces %v, %v", names, err)
	}
	if output, err := seaway(t, "status", "--name", name); err == nil || !strings.Contains(output, "no playground is running") {
		t.Errorf("status: %v %s", err, output)
	}
	must(t, "down", "--name", name) // once more does no harm
}

func outside(t *testing.T, state state) {
	for _, context := range []string{"", "fra"} {
		config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			&clientcmd.ClientConfigLoadingRules{ExplicitPath: state.kubeconfig()},
			&clientcmd.ConfigOverrides{CurrentContext: context}).ClientConfig()
		if err != nil {
			t.Fatal(err)
		}
		config.Timeout = 10 * time.Second
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if want := len(context) / 3; len(nodes.Items) != want { // the hub has none, fra has one
			t.Errorf("context %q has %d nodes", context, len(nodes.Items))
		}
	}
}

func throughProxy(t *testing.T, state state) {
	r, err := dial(state).report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	proxy := &url.URL{Scheme: "http"}
	for _, f := range r.Forwards {
		if f.To == "" {
			proxy.Host = f.Address
		}
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}
	response, err := client.Get("http://api.example.org:6443/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadRequest { // plain HTTP to a port that speaks TLS
		t.Errorf("%s", response.Status)
	}
}

func faults(t *testing.T, name string) {
	must(t, "kill", "fra", "--name", name)
	if status := must(t, "status", "--name", name); !strings.Contains(status, "kube-apiserver ended") {
		t.Errorf("after kill:\n%s", status)
	}
	must(t, "revive", "fra", "--name", name)
	must(t, "freeze", "fra", "kwok", "--name", name)
	must(t, "cut-api", "fra", "--name", name)
	must(t, "slow", "ns1", "--delay", "20ms", "--name", name)
	status := must(t, "status", "--name", name)
	for _, want := range []string{"kwok frozen", "api cut", "delay 20ms"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	must(t, "thaw", "fra", "--name", name)
	must(t, "heal", "fra", "--name", name)
	for wrong, args := range map[string][]string{
		`no cluster "ns1"`:        {"cut-api", "ns1"},
		`no host "nowhere"`:       {"kill", "nowhere"},
		`no process "kubelet" on`: {"kill", "fra", "kubelet"},
	} {
		if output, err := seaway(t, append(args, "--name", name)...); err == nil || !strings.Contains(output, wrong) {
			t.Errorf("%v: %v %s", args, err, output)
		}
	}
}

func TestTheSupervisorsDeathIsTheFleets(t *testing.T) {
	name := scratch(t)
	output, err := seaway(t, "up", "--bare", "--name", name)
	if err != nil && strings.Contains(output, "user namespace") {
		skip(t, output)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	state, err := stateOf(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := dial(state).report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(r.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, host := range r.Hosts {
		for _, p := range host.Processes {
			pids = append(pids, p.Pid)
		}
	}
	if len(pids) < 7 {
		t.Errorf("%d processes of a hub and a member", len(pids))
	}
	for _, pid := range pids {
		awaitEnd(t, pid)
	}
	must(t, "down", "--name", name)
	if names, err := netspace.Names(name + "."); err != nil || len(names) > 0 {
		t.Errorf("namespaces %v, %v", names, err)
	}
}

func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); syscall.Kill(pid, 0) == nil; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Errorf("process %d outlived the supervisor", pid)
			return
		}
	}
}

func TestAFailedStartIsReported(t *testing.T) {
	name := scratch(t)
	broken := t.TempDir()
	for _, program := range binaries.Names {
		if err := os.Symlink("/bin/false", filepath.Join(broken, program)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(binaries.DirVariable, broken)
	output, err := seaway(t, "up", "--name", name)
	if err == nil || !(strings.Contains(output, "etcd ended") || strings.Contains(output, "user namespace")) {
		t.Errorf("%v\n%s", err, output)
	}
	if names, err := netspace.Names(name + "."); err != nil || len(names) > 0 {
		t.Errorf("namespaces %v, %v", names, err)
	}
}

func TestNames(t *testing.T) {
	t.Setenv(binaries.CacheVariable, "/tmp/"+strings.Repeat("x", 100))
	var out bytes.Buffer
	for wrong, args := range map[string][]string{
		"--name":               {"status", "--name", "My.Fleet"},
		binaries.CacheVariable: {"status"},
	} {
		command := Command(Options{})
		command.SetArgs(args)
		command.SetOut(&out)
		command.SetErr(&out)
		if err := command.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
