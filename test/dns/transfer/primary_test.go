package transfer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	miekg "github.com/miekg/dns"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// zoneFile is a zone at a serial, with a bit of everything.
func zoneFile(serial int) string {
	return fmt.Sprintf(`$ORIGIN apps.example.com.
$TTL 300
@ IN SOA ns1.example.net. hostmaster.example.net. %d 3600 60 86400 30
@ NS ns1.example.net.
@ NS ns.apps.example.com.
@ MX 10 MAIL.example.net.
@ TXT "v=spf1 -all" "and more"
@ CAA 0 issue "ca.example.net"
ns A 192.0.2.53
www 60 A 192.0.2.%d
www AAAA 2001:db8::10
alias CNAME www
*.wild TXT "wild"
a.b.ent A 192.0.2.20
_sip._tcp SRV 10 5 5060 www
svc HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1
child NS ns.child
child NS ns.example.org.
ns.child A 192.0.2.54
odd TYPE65280 \# 4 0a000001
serial-%d A 192.0.2.1
`, serial, serial%250+1, serial)
}

// Primaries on a port, which tell ours on another of changes, with the key xfr and a zone in a folder.
var primaries = map[string]func(t *testing.T, dir string, port, ours uint16) *os.Process{
	"nsd": func(t *testing.T, dir string, port, ours uint16) *os.Process {
		_, p := process(t, find(t, "nsd"), "-d", "-c", write(t, filepath.Join(dir, "nsd.conf"), `server:
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
remote-control:
  control-enable: no
key:
  name: xfr
  algorithm: hmac-sha256
  secret: %q
zone:
  name: apps.example.com
  zonefile: apps.zone
  notify: 127.0.0.1@%d xfr
  provide-xfr: 127.0.0.1 xfr
  create-ixfr: yes
`, port, port, dir, dir+"/pid", dir+"/xfrd", dir, dir+"/zones", key1, ours))
		return p
	},
	"knot": func(t *testing.T, dir string, port, ours uint16) *os.Process {
		_, p := process(t, find(t, "knotd"), "-c", write(t, filepath.Join(dir, "knot.conf"), `server:
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
  - id: us
    key: xfr
    action: transfer
zone:
  - domain: apps.example.com
    storage: %q
    file: apps.zone
    zonefile-load: difference
    zonefile-sync: -1
    notify: ours
    acl: us
`, port, dir, dir, key1, ours, dir))
		return p
	},
	"bind": func(t *testing.T, dir string, port, ours uint16) *os.Process {
		_, p := process(t, find(t, "named"), "-g", "-n", "1", "-c", write(t, filepath.Join(dir, "named.conf"), `options {
  directory %q;
  listen-on port %d { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  dnssec-validation no;
  notify explicit;
  notify-delay 0;
  pid-file none;
  session-keyfile none;
};
controls { };
key xfr { algorithm hmac-sha256; secret %q; };
zone "apps.example.com" {
  type primary;
  file "apps.zone";
  ixfr-from-differences yes;
  allow-transfer { key xfr; };
  also-notify { 127.0.0.1 port %d key xfr; };
};
`, dir, port, key1, ours))
		return p
	},
}

const copyOfApps = `
kind: Zone
metadata: {name: apps}
spec:
  domain: apps.example.com
  nameServers:
  - {name: ns1.example.net}
`

// A copy of a real primary's zone is that zone, on every transport, and follows when it is told.
func TestCopiesOfRealPrimaries(t *testing.T) {
	slow(t)
	for name, begin := range primaries {
		t.Run(name, func(t *testing.T) {
			port, dir := freePort(t), t.TempDir()
			theirs := fmt.Sprintf("127.0.0.1:%d", port)
			p := start(t, copyOfApps, func(z *v1.Zone) {
				z.Spec.Secondary = &v1.Secondary{Primaries: []v1.TransferServer{{Address: theirs, Key: tsigKey("xfr", "one", "")}}}
				z.Spec.Transfers = &v1.Transfers{Allow: []v1.TransferClient{{Networks: []string{"127.0.0.0/8"}}}}
			})
			if a, err := miekg.Exchange(question(miekg.TypeSOA), p.address()); err != nil || a.Rcode != miekg.RcodeServerFailure {
				t.Errorf("before anything is there: %v, %v", a, err)
			}
			serial := 1000
			write(t, filepath.Join(dir, "apps.zone"), "%s", zoneFile(serial))
			daemon := begin(t, dir, port, p.port())
			want := func() []string {
				var out []string
				parser := miekg.NewZoneParser(strings.NewReader(zoneFile(serial)), ".", "")
				for r, ok := parser.Next(); ok; r, ok = parser.Next() {
					out = append(out, strings.ToLower(r.String()))
				}
				slices.Sort(out)
				return out
			}
			same := func() error {
				got, err := tryAXFR(p.address(), apex)
				if err != nil {
					return err
				}
				if diff := cmp.Diff(want(), got); diff != "" {
					return errors.New(diff)
				}
				return nil
			}
			eventually(t, "the zone is copied", same)
			for range 3 {
				serial++
				write(t, filepath.Join(dir, "apps.zone"), "%s", zoneFile(serial))
				// Servers look at the times of files, some in whole seconds.
				at := fileTime(serial)
				if err := os.Chtimes(filepath.Join(dir, "apps.zone"), at, at); err != nil {
					t.Fatal(err)
				}
				if err := daemon.Signal(syscall.SIGHUP); err != nil {
					t.Fatal(err)
				}
				eventually(t, "the copy follows", same)
			}
			for _, network := range []string{"udp", "tcp", "tcp-tls"} {
				c, to := miekg.Client{Net: network}, p.address()
				if network == "tcp-tls" {
					c.TLSConfig, to = insecure(), p.sockets.TLSAddresses()[0].String()
				}
				q := new(miekg.Msg)
				q.SetQuestion("x.wild."+apex, miekg.TypeTXT)
				if a, _, err := c.Exchange(q, to); err != nil || len(a.Answer) != 1 || !a.Authoritative {
					t.Errorf("%s: %v, %v", network, a, err)
				}
			}
			// A stranger's word is worth nothing.
			m := new(miekg.Msg)
			m.SetNotify(apex)
			if a, err := miekg.Exchange(m, p.address()); err != nil || a.Rcode != miekg.RcodeRefused {
				t.Errorf("a notification without the key: %v, %v", a, err)
			}
		})
	}
}
