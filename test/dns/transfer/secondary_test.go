package transfer

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// slow leaves tests that start other name servers out of the quick loop.
func slow(t *testing.T) {
	if testing.Short() && os.Getenv("SEAWAY_REAL") != "required" {
		t.Skip("it takes a while")
	}
}

// find finds a program, also where the path of an ordinary user does not lead.
func find(t *testing.T, name string) string {
	for _, p := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	if os.Getenv("SEAWAY_REAL") == "required" {
		t.Fatalf("%s is missing: make nameservers", name)
	}
	t.Skipf("%s is missing: make nameservers", name)
	return ""
}

// freePort is a port that is free for UDP and TCP at the moment.
func freePort(t *testing.T) uint16 {
	for range 50 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		u, err := net.ListenPacket("udp", l.Addr().String())
		l.Close()
		if err == nil {
			u.Close()
			return l.Addr().(*net.TCPAddr).AddrPort().Port()
		}
	}
	t.Fatal("no port is free")
	return 0
}

// daemon runs a server in the foreground until the test ends.
func daemon(t *testing.T, path string, args ...string) *journal {
	log, _ := process(t, path, args...)
	return log
}

func process(t *testing.T, path string, args ...string) (*journal, *os.Process) {
	log := &journal{}
	c := exec.Command(path, args...)
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = c.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("%s:\n%s", path, log)
		}
	})
	return log, c.Process
}

func write(t *testing.T, path, format string, args ...any) string {
	t.Helper()
	if err := os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Secondaries of a primary on a port, with the key xfr.
var secondaries = map[string]func(t *testing.T, primary, port uint16) *journal{
	"nsd": func(t *testing.T, primary, port uint16) *journal {
		path, dir := find(t, "nsd"), t.TempDir()
		return daemon(t, path, "-d", "-c", write(t, filepath.Join(dir, "nsd.conf"), `server:
  ip-address: 127.0.0.1@%d
  port: %d
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: %q
  database: ""
  logfile: ""
  verbosity: 2
  pidfile: %q
  xfrdfile: %q
  xfrdir: %q
  zonelistfile: %q
remote-control:
  control-enable: no
key:
  name: xfr
  algorithm: hmac-sha256
  secret: %q
zone:
  name: apps.example.com
  zonefile: apps.zone
  request-xfr: 127.0.0.1@%d xfr
  allow-notify: 127.0.0.1 xfr
  provide-xfr: 127.0.0.1 NOKEY
`, port, port, dir, dir+"/pid", dir+"/xfrd", dir, dir+"/zones", key1, primary))
	},
	"knot": func(t *testing.T, primary, port uint16) *journal {
		path, dir := find(t, "knotd"), t.TempDir()
		return daemon(t, path, "-c", write(t, filepath.Join(dir, "knot.conf"), `server:
    listen: 127.0.0.1@%d
    rundir: %q
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: %q
key:
  - id: xfr
    algorithm: hmac-sha256
    secret: %s
remote:
  - id: ours
    address: 127.0.0.1@%d
    key: xfr
acl:
  - id: told
    address: 127.0.0.1
    key: xfr
    action: notify
  - id: us
    address: 127.0.0.1
    action: transfer
zone:
  - domain: apps.example.com
    storage: %q
    master: ours
    acl: [told, us]
`, port, dir, dir, key1, primary, dir))
	},
	"bind": func(t *testing.T, primary, port uint16) *journal {
		path, dir := find(t, "named"), t.TempDir()
		return daemon(t, path, "-g", "-n", "1", "-c", write(t, filepath.Join(dir, "named.conf"), `options {
  directory %q;
  listen-on port %d { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  dnssec-validation no;
  allow-transfer { 127.0.0.1; };
  notify no;
  pid-file none;
  session-keyfile none;
  transfer-source 127.0.0.1;
  min-refresh-time 60;
};
controls { };
key xfr { algorithm hmac-sha256; secret %q; };
zone "apps.example.com" {
  type secondary;
  primaries { 127.0.0.1 port %d key xfr; };
  allow-notify { key xfr; };
  file "apps.db";
  masterfile-format text;
};
`, dir, port, key1, primary))
	},
}

// A secondary has the whole zone, and follows what changes, told of it and with the changes alone.
func TestRealSecondariesFollow(t *testing.T) {
	slow(t)
	for name, begin := range secondaries {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			to := fmt.Sprintf("127.0.0.1:%d", port)
			p := start(t, zonetest.Demo, func(z *v1.Zone) {
				open(z)
				z.Spec.Transfers.Notify = []v1.TransferServer{{Address: to, Key: tsigKey("xfr", "one", "")}}
			})
			eventually(t, "the first serial stays", func() error { return quiet(p) })
			begin(t, p.port(), port)
			same := func() error {
				theirs, err := tryAXFR(to, apex)
				if err != nil {
					return err
				}
				if diff := cmp.Diff(axfr(t, p.address(), apex), theirs); diff != "" {
					return errors.New(diff)
				}
				return nil
			}
			eventually(t, "the secondary has the zone", same)
			for i := range 3 {
				p.put(v1.Record{Name: "new", Type: "A", Values: []string{fmt.Sprintf("192.0.2.%d", 90+i)}},
					v1.Record{Name: fmt.Sprintf("text-%d", i), Type: "TXT", Values: []string{`odd "text" \ ` + "\x01\xff;", strings.Repeat("long", 100)}},
					v1.Record{Name: "Upper", Type: "MX", Values: []string{"10 MAIL.Example.NET"}})
				eventually(t, "the secondary follows a change", same)
			}
			for _, cluster := range []string{"fra", "iad", "sin"} {
				p.flip(cluster, v1.VerdictHealthy)
			}
			eventually(t, "the secondary follows", same)
			before := axfr(t, p.address(), apex)
			at := slices.IndexFunc(before, func(l string) bool { return strings.HasPrefix(l, "shop.") && strings.Contains(l, "\ta\t198.51.100.") })
			p.flip(map[byte]string{'1': "fra", '2': "iad", '3': "sin"}[before[at][len(before[at])-1]], v1.VerdictUnhealthy)
			eventually(t, "another cluster is answered", func() error {
				if now := axfr(t, p.address(), apex); slices.Contains(now, before[at]) {
					return errors.New("not yet")
				}
				return nil
			})
			eventually(t, "the secondary follows a verdict", same)
			if log := p.log.String(); !strings.Contains(log, "type=IXFR") || !strings.Contains(log, "msg=notified") {
				t.Errorf("no IXFR or no NOTIFY:\n%s", log)
			}
		})
	}
}

// The tools of those who run name servers agree on the zone.
func TestToolsTransfer(t *testing.T) {
	p := start(t, zonetest.Demo, open)
	eventually(t, "the first serial stays", func() error { return quiet(p) })
	want := len(axfr(t, p.address(), apex)) + 1 // the SOA is there twice
	tlsPort, quicPort := fmt.Sprint(p.sockets.TLSAddresses()[0].Port()), fmt.Sprint(p.sockets.QUICAddresses()[0].Port())
	for name, args := range map[string][]string{
		"dig":             {"dig", "@127.0.0.1", "-p", fmt.Sprint(p.port()), "axfr", apex, "+noall", "+answer"},
		"dig, signed":     {"dig", "@127.0.0.1", "-p", fmt.Sprint(p.port()), "-y", "hmac-sha256:xfr:" + key1, "axfr", apex, "+noall", "+answer"},
		"kdig":            {"kdig", "@127.0.0.1", "-p", fmt.Sprint(p.port()), "-t", "axfr", apex, "+noall", "+answer"},
		"kdig, signed":    {"kdig", "@127.0.0.1", "-p", fmt.Sprint(p.port()), "-y", "hmac-sha256:xfr:" + key1, "-t", "axfr", apex, "+noall", "+answer"},
		"kdig, over TLS":  {"kdig", "@127.0.0.1", "-p", tlsPort, "+tls", "-y", "hmac-sha256:xfr:" + key1, "-t", "axfr", apex, "+noall", "+answer"},
		"kdig, over QUIC": {"kdig", "@127.0.0.1", "-p", quicPort, "+quic", "-y", "hmac-sha256:xfr:" + key1, "-t", "axfr", apex, "+noall", "+answer"},
		"kdig, from zero": {"kdig", "@127.0.0.1", "-p", fmt.Sprint(p.port()), "-t", "ixfr=1", apex, "+noall", "+answer"},
	} {
		out, err := exec.Command(find(t, args[0]), args[1:]...).CombinedOutput()
		got := 0
		for l := range bytes.Lines(out) {
			if len(bytes.TrimSpace(l)) > 0 && l[0] != ';' && !bytes.Contains(l, []byte("\tTSIG\t")) && !bytes.Contains(l, []byte("\tANY\t")) {
				got++
			}
		}
		if err != nil || got != want {
			t.Errorf("%s: %d records, want %d: %v\n%s", name, got, want, err, out)
		}
	}
}
