//go:build linux

package netspace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

var missing error // why namespaces cannot be made here

func TestMain(m *testing.M) {
	missing = EnsurePrivileges()
	os.Exit(m.Run())
}

// lan is a switch with two namespaces, a (10.77.0.11) and b (10.77.0.12).
type lan struct {
	*Switch
	a, b *Namespace
}

var serverAddr = netip.MustParseAddr("10.77.0.12")

func newLAN(t *testing.T) lan {
	t.Helper()
	if missing != nil {
		t.Skip(missing)
	}
	prefix := fmt.Sprintf("netspacetest%d.", os.Getpid())
	s, err := NewSwitch(prefix+"switch", netip.MustParsePrefix("10.77.0.1/16"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNamespace(t, s.Namespace) })
	l := lan{Switch: s}
	for _, host := range []struct {
		name, addr string
		to         **Namespace
	}{{"a", "10.77.0.11/16", &l.a}, {"b", "10.77.0.12/16", &l.b}} {
		n, err := Create(prefix + host.name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closeNamespace(t, n) })
		if err := s.Attach(n, host.name, netip.MustParsePrefix(host.addr)); err != nil {
			t.Fatal(err)
		}
		*host.to = n
	}
	return l
}

func closeNamespace(t *testing.T, n *Namespace) {
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(Path(n.Name())); !os.IsNotExist(err) {
		t.Errorf("%s is still there after Close: %v", n.Name(), err)
	}
}

// echo serves a line "hello" to every connection on the address.
func echo(t *testing.T, n *Namespace, address string) {
	t.Helper()
	listener, err := n.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, "hello")
			conn.Close()
		}
	}()
}

// hear connects and returns what was said, within the time.
func hear(t *testing.T, n *Namespace, address string, within time.Duration) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	conn, err := n.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	data, err := io.ReadAll(conn)
	return string(data), err
}

func (l lan) mustHear(t *testing.T, address string) time.Duration {
	t.Helper()
	start := time.Now()
	said, err := hear(t, l.a, address, 5*time.Second)
	if err != nil || said != "hello" {
		t.Fatalf("%s: %q, %v", address, said, err)
	}
	return time.Since(start)
}

func (l lan) mustNotHear(t *testing.T, address string) {
	t.Helper()
	if said, err := hear(t, l.a, address, 200*time.Millisecond); err == nil {
		t.Fatalf("%s answered %q", address, said)
	}
}

func TestNamespacesTalkOverTheSwitch(t *testing.T) {
	l := newLAN(t)
	echo(t, l.b, "10.77.0.12:80")
	l.mustHear(t, "10.77.0.12:80")
	if _, err := hear(t, l.Namespace, "10.77.0.12:80", time.Second); err != nil {
		t.Errorf("from the switch: %v", err)
	}
}

func TestLocalRangeIsReachableFromInsideOnly(t *testing.T) {
	l := newLAN(t)
	if err := l.b.AddLocal(netip.MustParsePrefix("10.101.0.0/16")); err != nil {
		t.Fatal(err)
	}
	echo(t, l.b, "10.101.3.7:8080")
	if said, err := hear(t, l.b, "10.101.3.7:8080", time.Second); err != nil || said != "hello" {
		t.Errorf("from inside: %q, %v", said, err)
	}
	l.mustNotHear(t, "10.101.3.7:8080")

	if err := l.a.AddRoute(netip.MustParsePrefix("10.101.0.0/16"), serverAddr); err != nil {
		t.Fatal(err)
	}
	l.mustHear(t, "10.101.3.7:8080")
}

func TestAForeignAddressIsReachableOnceItIsOnTheSegment(t *testing.T) {
	l := newLAN(t)
	foreign := netip.MustParsePrefix("203.0.113.7/32")
	if err := l.a.AddAddress(foreign); err != nil {
		t.Fatal(err)
	}
	if err := l.b.AddRoute(foreign, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	listener, err := l.b.Listen(t.Context(), "tcp", "10.77.0.12:80")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, err := l.a.DialFrom(ctx, foreign.Addr(), "tcp", "10.77.0.12:80")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if from := accepted.RemoteAddr().(*net.TCPAddr).IP.String(); from != "203.0.113.7" {
		t.Errorf("the server sees %s", from)
	}
}

func TestACutCableHealsWithItsAddresses(t *testing.T) {
	l := newLAN(t)
	echo(t, l.b, "10.77.0.12:80")
	l.mustHear(t, "10.77.0.12:80")
	if err := l.SetPort("b", false); err != nil {
		t.Fatal(err)
	}
	l.mustNotHear(t, "10.77.0.12:80")
	if said, err := hear(t, l.b, "10.77.0.12:80", time.Second); err != nil || said != "hello" {
		t.Errorf("to itself: %q, %v", said, err)
	}
	if err := l.SetPort("b", true); err != nil {
		t.Fatal(err)
	}
	l.mustHear(t, "10.77.0.12:80")
}

func TestFilterDropsWhatItDescribesAndNothingElse(t *testing.T) {
	l := newLAN(t)
	gateway := netip.MustParseAddr("10.77.0.112")
	if err := l.b.AddAddress(netip.PrefixFrom(gateway, 32)); err != nil {
		t.Fatal(err)
	}
	const api, web, other = "10.77.0.12:6443", "10.77.0.112:80", "10.77.0.12:80"
	for _, address := range []string{api, web, other} {
		echo(t, l.b, address)
	}
	tests := map[string]struct {
		drops    []Drop
		lost     []string
		reaching []string
	}{
		"nothing":          {nil, nil, []string{api, web, other}},
		"a port":           {[]Drop{{Port: 6443}}, []string{api}, []string{web, other}},
		"a range":          {[]Drop{{First: gateway.Prev(), Last: gateway.Next()}}, []string{web}, []string{api, other}},
		"both":             {[]Drop{{Port: 6443}, {First: gateway, Last: gateway}}, []string{api, web}, []string{other}},
		"another port out": {[]Drop{{Out: true, Port: 6443}}, nil, []string{api, web, other}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := l.b.Filter(test.drops...); err != nil {
				t.Fatal(err)
			}
			for _, address := range test.reaching {
				l.mustHear(t, address)
			}
			for _, address := range test.lost {
				l.mustNotHear(t, address)
				if _, err := hear(t, l.b, address, time.Second); err != nil {
					t.Errorf("%s from inside: %v", address, err)
				}
			}
		})
	}
	t.Run("what leaves", func(t *testing.T) {
		if err := l.b.Filter(); err != nil {
			t.Fatal(err)
		}
		if err := l.a.Filter(Drop{Out: true, Port: 6443}); err != nil {
			t.Fatal(err)
		}
		l.mustNotHear(t, api)
		l.mustHear(t, web)
	})
}

func TestSlowLink(t *testing.T) {
	l := newLAN(t)
	echo(t, l.b, "10.77.0.12:80")
	l.mustHear(t, "10.77.0.12:80")
	const delay = 60 * time.Millisecond
	if err := l.SetLink("b", Link{Delay: delay}); err != nil {
		t.Fatal(err)
	}
	// Two round trips: one to connect, one to read.
	if took := l.mustHear(t, "10.77.0.12:80"); took < 3*delay {
		t.Errorf("with a delay of %s each way the exchange took %s", delay, took)
	}
	if err := l.SetLink("b", Link{Loss: 1}); err != nil {
		t.Fatal(err)
	}
	l.mustNotHear(t, "10.77.0.12:80")
	if err := l.SetLink("b", Link{}); err != nil {
		t.Fatal(err)
	}
	if took := l.mustHear(t, "10.77.0.12:80"); took > delay {
		t.Errorf("after the link is perfect again the exchange took %s", took)
	}
}

func TestRateLimitHoldsForLargeTransfers(t *testing.T) {
	l := newLAN(t)
	const size, rate = 300 << 10, 1 << 20
	listener, err := l.b.Listen(t.Context(), "tcp", "10.77.0.12:80")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			conn.Write(make([]byte, size))
			conn.Close()
		}
	}()
	if err := l.SetLink("b", Link{Rate: rate}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	said, err := hear(t, l.a, "10.77.0.12:80", 10*time.Second)
	if err != nil || len(said) != size {
		t.Fatalf("%d bytes, %v", len(said), err)
	}
	if took := time.Since(start); took < 250*time.Millisecond {
		t.Errorf("%d bytes at %d bytes a second took %s", size, rate, took)
	}
}

func TestAProcessSeesTheNamespaceAndItsNameserver(t *testing.T) {
	l := newLAN(t)
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := l.a.CoverResolvConf(conf); err != nil {
		t.Fatal(err)
	}
	if err := l.a.Command(t.Context(), "true").Run(); err != nil { // the thread that starts processes is there
		t.Fatal(err)
	}
	if err := l.a.SetNameserver(serverAddr); err != nil {
		t.Fatal(err)
	}
	output, err := l.a.Command(t.Context(), "cat", "/proc/net/fib_trie", "/etc/resolv.conf").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"10.77.0.11", "nameserver 10.77.0.12"} {
		if !strings.Contains(string(output), want) {
			t.Errorf("no %q in what the process sees:\n%s", want, output)
		}
	}
	if outside, err := os.ReadFile("/etc/resolv.conf"); err == nil && strings.Contains(string(outside), serverAddr.String()) {
		t.Error("the machine's own resolv.conf shows the nameserver")
	}
}

func TestAFailingCommandReportsItsErrorOutput(t *testing.T) {
	l := newLAN(t)
	output, err := l.a.Command(t.Context(), "sh", "-c", "echo out; echo why >&2; exit 3").CombinedOutput()
	if err == nil || string(output) != "out\nwhy\n" {
		t.Errorf("%q, %v", output, err)
	}
}

func TestNamesAreResolvedByTheNameserver(t *testing.T) {
	l := newLAN(t)
	packets, err := l.b.ListenPacket(t.Context(), "udp", "10.77.0.12:53")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
		answer := new(dns.Msg).SetReply(question)
		if q := question.Question[0]; q.Name == "shop.example.org." && q.Qtype == dns.TypeA {
			answer.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(10, 77, 0, 12)}}
		}
		w.WriteMsg(answer)
	})}
	go server.ActivateAndServe()
	defer server.Shutdown()
	echo(t, l.b, "10.77.0.12:80")
	if err := l.a.SetNameserver(serverAddr); err != nil {
		t.Fatal(err)
	}
	l.mustHear(t, "shop.example.org:80")
}

func TestNamesNeedANameserver(t *testing.T) {
	l := newLAN(t)
	_, err := l.a.DialContext(t.Context(), "tcp", "shop.example.org:80")
	if err == nil || !strings.Contains(err.Error(), "no nameserver") {
		t.Errorf("%v", err)
	}
}

func TestProcessesAreFoundByTheirNamespace(t *testing.T) {
	l := newLAN(t)
	command := l.a.Command(t.Context(), "sleep", "60")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	pids, err := Processes(l.a.Name())
	if err != nil || len(pids) != 1 || pids[0] != command.Process.Pid {
		t.Errorf("processes %v, %v; want %d", pids, err, command.Process.Pid)
	}
	command.Process.Kill()
	command.Wait()
}

func TestANameIsGivenOnce(t *testing.T) {
	l := newLAN(t)
	if n, err := Create(l.a.Name()); err == nil {
		n.Close()
		t.Error("a second namespace of the same name was made")
	}
	names, err := Names(strings.TrimSuffix(l.a.Name(), "a"))
	if err != nil || len(names) != 3 {
		t.Errorf("%v, %v", names, err)
	}
}

func TestRefusalIsSeenAsSuch(t *testing.T) {
	l := newLAN(t)
	_, err := hear(t, l.a, "10.77.0.12:81", time.Second)
	if !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("%v", err)
	}
}
