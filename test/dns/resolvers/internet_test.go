//go:build linux

package resolvers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/seaway-io/seaway/test/fleet/netspace"
	"github.com/seaway-io/seaway/test/fleet/process"
)

var unprivileged error // why namespaces cannot be made here

func TestMain(m *testing.M) {
	unprivileged = netspace.EnsurePrivileges()
	os.Exit(m.Run())
}

// Addresses. Those in 10.0.0.0/8 have the places of zonetest.Places: 10.1 is in Germany, 10.2 in
// Virginia, 10.3 in Singapore; and so have those in 2001:db8:1::/48 and so on. Name servers have an IPv6
// address too, see six.
const (
	rootAddr  = "192.0.2.1"
	tldAddr   = "192.0.2.2"
	childAddr = "192.0.2.3"
	ns1Addr   = "203.0.113.1"
	ns2Addr   = "203.0.113.2"

	american    = "10.2.0.53" // where Unbound runs
	american6   = "2001:db8:2::53"
	singaporean = "10.3.0.53" // where BIND runs

	// Clients.
	german       = "10.1.2.3"
	german6      = "2001:db8:1::1"
	german6Far   = "2001:db8:1:5500::1"
	virginian6   = "2001:db8:2::1"
	singaporean6 = "2001:db8:3::1"
)

// patience is how long anything may take that is expected to happen soon.
const patience = 10 * time.Second

// six is the IPv6 address of a name server.
func six(addr string) string { return "2001:db8:ff::" + strings.ReplaceAll(addr, ".", ":") }

// internet is a private one: a root, a top-level domain, a zone below ours, and our own two name servers.
type internet struct {
	*netspace.Namespace
	dir      string
	folders  int // that were made
	ns1, ns2 *authority
}

// program finds one of the distribution's. Without it the test is skipped, or fails where everything
// is required, as `make e2e` says.
func program(t testing.TB, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("runs real resolvers; not in short mode")
	}
	for _, p := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(p); err == nil {
			return found
		}
	}
	missing(t, fmt.Errorf("%s is not installed: run `make resolvers`", name))
	return ""
}

func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("SEAWAY_REAL") == "required" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// newInternet starts everything but resolvers. The documents are what our name servers serve.
func newInternet(t *testing.T, documents string) *internet {
	t.Helper()
	program(t, "nsd")
	if unprivileged != nil {
		missing(t, unprivileged)
	}
	space, err := netspace.Create(fmt.Sprintf("resolvers-%d", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := space.Close(); err != nil {
			t.Error(err)
		}
	})
	n := &internet{Namespace: space, dir: t.TempDir()}
	err = space.Do(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		// BIND looks for its addresses on interfaces, and Linux binds no others of IPv6.
		all := []string{singaporean + "/32", "10.3.0.54/32", "10.3.0.55/32",
			american6 + "/128", german6 + "/128", german6Far + "/128", virginian6 + "/128", singaporean6 + "/128"}
		for _, a := range []string{rootAddr, tldAddr, childAddr, ns1Addr, ns2Addr} {
			all = append(all, a+"/32", six(a)+"/128")
		}
		for _, a := range all {
			addr, err := netlink.ParseAddr(a)
			if err != nil {
				return err
			}
			if addr.IP.To4() == nil {
				addr.Flags = unix.IFA_F_NODAD // nobody else can have it
			}
			if err := netlink.AddrAdd(lo, addr); err != nil {
				return fmt.Errorf("address %s: %w", a, err)
			}
		}
		return nil
	})
	if err == nil {
		err = space.AddLocal(netip.MustParsePrefix("10.0.0.0/8")) // clients, and Unbound
	}
	if err != nil {
		t.Fatal(err)
	}
	n.ns1, n.ns2 = n.newAuthority(t, ns1Addr, documents), n.newAuthority(t, ns2Addr, documents)
	n.nsd(t, "root", rootAddr, ".", "root.test. admin.test.", `
. IN NS root.test.
test. IN NS ns.test.
`+host("root.test", rootAddr)+host("ns.test", tldAddr))
	n.nsd(t, "tld", tldAddr, "test.", "ns.test. admin.test.", `
test. IN NS ns.test.
www.elsewhere.test. IN A 192.0.2.80
orphan.test. IN NS ns1.apps.test.
orphan.test. IN NS ns2.apps.test.
`+host("root.test", rootAddr)+host("ns.test", tldAddr)+n.ns1.delegations())
	n.nsd(t, "child", childAddr, "child.apps.test.", "ns.child.apps.test. admin.test.", `
child.apps.test. IN NS ns.child.apps.test.
www.child.apps.test. IN A 192.0.2.90
`+host("ns.child.apps.test", childAddr))
	return n
}

// host is the records of a name server, as lines of a zone file.
func host(name, addr string) string {
	return fmt.Sprintf("%s. IN A %s\n%[1]s. IN AAAA %[3]s\n", name, addr, six(addr))
}

// nsd serves one zone at one address.
func (n *internet) nsd(t testing.TB, name, addr, zone, soa, records string) {
	t.Helper()
	dir := n.folder(t, name)
	write(t, dir, "zone", fmt.Sprintf("$TTL 300\n%s IN SOA %s 1 3600 600 86400 5\n%s\n", zone, soa, records))
	write(t, dir, "nsd.conf", fmt.Sprintf(`server:
  ip-address: %[1]s
  ip-address: %[4]s
  username: ""
  chroot: ""
  database: ""
  zonesdir: "%[2]s"
  pidfile: "%[2]s/nsd.pid"
  xfrdfile: "%[2]s/xfrd.state"
  zonelistfile: "%[2]s/zone.list"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: %[3]q
  zonefile: "zone"
`, addr, dir, zone, six(addr)))
	n.run(t, dir, program(t, "nsd"), "-d", "-c", filepath.Join(dir, "nsd.conf"))
	n.await(t, addr, zone, miekg.TypeSOA)
}

// folder makes one for a process.
func (n *internet) folder(t testing.TB, name string) string {
	n.folders++
	dir := filepath.Join(n.dir, fmt.Sprintf("%02d-%s", n.folders, name))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs a program until the test ends, with its output in the file "log" of the folder.
func (n *internet) run(t testing.TB, dir string, argv ...string) (log string) {
	t.Helper()
	log = filepath.Join(dir, "log")
	p, err := process.Start(process.Spec{Name: filepath.Base(dir), Argv: argv, Log: log, Starter: n.Namespace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !p.Running() {
			t.Error(p.Failure())
		}
		p.Stop(patience)
		if t.Failed() {
			t.Log(p.Tail(40))
		}
	})
	return log
}

// await waits until a server answers a question.
func (n *internet) await(t testing.TB, server, name string, rrtype uint16) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		m, err := n.exchange(server, "", question(name, rrtype), time.Second)
		if err == nil && m.Rcode == miekg.RcodeSuccess {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer for %s: %v, %v", server, name, err, m)
		}
		time.Sleep(10 * time.Millisecond) // a server that starts can only be asked again
	}
}

func question(name string, rrtype uint16) *miekg.Msg {
	m := new(miekg.Msg)
	m.SetQuestion(miekg.Fqdn(name), rrtype)
	return m
}

// exchange asks a server from an address of the namespace, by UDP, and by TCP what is cut short.
func (n *internet) exchange(server, from string, q *miekg.Msg, limit time.Duration) (*miekg.Msg, error) {
	m, err := n.over("udp", server, from, q, limit)
	if err == nil && m.Truncated {
		m, err = n.over("tcp", server, from, q, limit)
	}
	return m, err
}

func (n *internet) over(network, server, from string, q *miekg.Msg, limit time.Duration) (*miekg.Msg, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var source netip.Addr
	if from != "" {
		source = netip.MustParseAddr(from)
	}
	c, err := n.DialFrom(ctx, source, network, net.JoinHostPort(server, "53"))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	conn := &miekg.Conn{Conn: c, UDPSize: 4096}
	if err := conn.WriteMsg(q); err != nil {
		return nil, err
	}
	m, err := conn.ReadMsg()
	if err == nil && m.Id != q.Id {
		err = errors.New("an answer to another query")
	}
	return m, err
}
