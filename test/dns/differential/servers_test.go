package differential

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
	"k8s.io/client-go/rest"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/feed"
)

// required reports whether a missing server fails the test.
func required() bool { return os.Getenv("SEAWAY_REAL") == "required" }

// find finds a daemon, also where the path of an ordinary user does not lead.
func find(t *testing.T, name string) string {
	for _, p := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	if required() {
		t.Fatalf("%s is missing: make nameservers", name)
	}
	t.Skipf("%s is missing: make nameservers", name)
	return ""
}

// startOurs serves the zones without a hub.
func startOurs(t *testing.T, zones []*zoneMaker) netip.AddrPort {
	dir := t.TempDir()
	state := &feed.State{Saved: zonetest.Now}
	for _, m := range zones {
		state.Zones = append(state.Zones, m.zone)
		state.Records = append(state.Records, m.more)
	}
	state.Plans, state.RegionMaps = []*v1.TrafficPlan{}, []*v1.RegionMap{}
	if err := feed.SaveState(dir, state); err != nil {
		t.Fatal(err)
	}
	s, err := dns.New(dns.Options{
		Name: "ns1", Config: func() (*rest.Config, error) { return &rest.Config{Host: "http://127.0.0.1:1"}, nil },
		Listen: []string{"127.0.0.1:0"}, StateDir: dir, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s.Addresses()[0]
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

// daemon runs a server in the foreground until the test ends, and waits until it serves all zones.
func daemon(t *testing.T, zones []*zoneMaker, port uint16, path string, args ...string) netip.AddrPort {
	var log bytes.Buffer
	c := exec.Command(path, args...)
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	stop := func() {
		_ = c.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = c.Process.Kill()
			<-ended
		}
	}
	t.Cleanup(stop)
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
	waiting := slices.Clone(zones)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		for len(waiting) > 0 && serves(to, waiting[0]) {
			waiting = waiting[1:]
		}
		if len(waiting) == 0 {
			return to
		}
		select {
		case <-ended:
			t.Fatalf("%s ended:\n%s", path, log.String())
		default:
		}
	}
	stop()
	t.Fatalf("%s does not serve %s:\n%s", path, waiting[0].zone.Spec.Domain, log.String())
	return to
}

// serves reports whether a server has loaded a zone.
func serves(to netip.AddrPort, m *zoneMaker) bool {
	q := new(miekg.Msg)
	q.SetQuestion(m.zone.Spec.Domain+".", miekg.TypeSOA)
	client := miekg.Client{Timeout: 200 * time.Millisecond}
	a, _, err := client.Exchange(q, to.String())
	return err == nil && a.Rcode == miekg.RcodeSuccess
}

// writeZones writes the zone files, with the starts of authority that we serve.
func writeZones(t *testing.T, ours netip.AddrPort, zones []*zoneMaker) string {
	dir := t.TempDir()
	for _, m := range zones {
		q := new(miekg.Msg)
		q.SetQuestion(m.zone.Spec.Domain+".", miekg.TypeSOA)
		a, err := miekg.Exchange(q, ours.String())
		if err != nil || len(a.Answer) != 1 {
			t.Fatalf("%s has no SOA: %v, %v", m.zone.Spec.Domain, a, err)
		}
		if err := os.WriteFile(filepath.Join(dir, m.zone.Spec.Domain+".zone"), []byte(m.file(a.Answer[0].String())), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func startNSD(t *testing.T, files string, zones []*zoneMaker) netip.AddrPort {
	path, port, dir := find(t, "nsd"), freePort(t), t.TempDir()
	var b strings.Builder
	fmt.Fprintf(&b, `server:
  ip-address: 127.0.0.1@%d
  port: %d
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: %q
  database: ""
  logfile: ""
  pidfile: %q
  xfrdfile: %q
  xfrdir: %q
  zonelistfile: %q
  ipv4-edns-size: 1232
  minimal-responses: yes
  round-robin: no
  refuse-any: no
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
`, port, port, files, dir+"/pid", dir+"/xfrd", dir, dir+"/zones")
	for _, m := range zones {
		fmt.Fprintf(&b, "zone:\n  name: %q\n  zonefile: %q\n", m.zone.Spec.Domain, m.zone.Spec.Domain+".zone")
	}
	config := filepath.Join(dir, "nsd.conf")
	if err := os.WriteFile(config, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return daemon(t, zones, port, path, "-d", "-c", config)
}

func startKnot(t *testing.T, files string, zones []*zoneMaker) netip.AddrPort {
	path, port, dir := find(t, "knotd"), freePort(t), t.TempDir()
	var b strings.Builder
	fmt.Fprintf(&b, `server:
    listen: 127.0.0.1@%d
    rundir: %q
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: 1232
    tcp-idle-timeout: 120
log:
  - target: stderr
    any: warning
database:
    storage: %q
template:
  - id: default
    storage: %q
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
zone:
`, port, dir, dir, files)
	for _, m := range zones {
		fmt.Fprintf(&b, "  - domain: %q\n    file: %q\n", m.zone.Spec.Domain, m.zone.Spec.Domain+".zone")
	}
	config := filepath.Join(dir, "knot.conf")
	if err := os.WriteFile(config, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return daemon(t, zones, port, path, "-c", config)
}

// asker asks one server, over one socket of each transport.
type asker struct {
	name     string
	to       netip.AddrPort
	udp, tcp net.Conn
}

// ask returns the answer and its size.
func (a *asker) ask(query []byte, overTCP bool) (*miekg.Msg, int, error) {
	var err error
	for range 3 {
		var b []byte
		if overTCP {
			b, err = a.overTCP(query)
		} else {
			b, err = a.overUDP(query)
		}
		if err != nil {
			continue
		}
		m := new(miekg.Msg)
		if err := m.Unpack(b); err != nil {
			return nil, 0, fmt.Errorf("%s: the answer cannot be read: %w: %x", a.name, err, b)
		}
		return m, len(b), nil
	}
	return nil, 0, fmt.Errorf("%s: %w", a.name, err)
}

func (a *asker) overUDP(query []byte) (b []byte, err error) {
	if a.udp == nil {
		if a.udp, err = net.Dial("udp", a.to.String()); err != nil {
			return nil, err
		}
	}
	if _, err := a.udp.Write(query); err != nil {
		return nil, err
	}
	buf := make([]byte, 65535)
	for {
		if err := a.udp.SetReadDeadline(time.Now().Add(3 * time.Second)); err != nil {
			return nil, err
		}
		n, err := a.udp.Read(buf)
		if err != nil {
			return nil, err
		}
		if n > 2 && bytes.Equal(buf[:2], query[:2]) { // no late answer to another
			return buf[:n], nil
		}
	}
}

func (a *asker) overTCP(query []byte) (b []byte, err error) {
	defer func() {
		if err != nil && a.tcp != nil {
			a.tcp.Close()
			a.tcp = nil
		}
	}()
	if a.tcp == nil {
		if a.tcp, err = net.Dial("tcp", a.to.String()); err != nil {
			return nil, err
		}
	}
	if err := a.tcp.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := a.tcp.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return nil, err
	}
	var head [2]byte
	if _, err := io.ReadFull(a.tcp, head[:]); err != nil {
		return nil, err
	}
	b = make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err = io.ReadFull(a.tcp, b)
	return b, err
}
