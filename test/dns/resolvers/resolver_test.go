//go:build linux

package resolvers

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// resolver is one that runs, and knows the root alone.
type resolver struct {
	internet *internet
	addr     string
	log      string
}

// unbound runs Unbound at an address with options of its own in the section `server`.
func (n *internet) unbound(t *testing.T, addr, modules, options string) *resolver {
	t.Helper()
	dir := n.folder(t, "unbound")
	write(t, dir, "root.hints", hints)
	write(t, dir, "unbound.conf", fmt.Sprintf(`server:
  directory: %[1]q
  chroot: ""
  username: ""
  pidfile: "%[1]s/unbound.pid"
  use-syslog: no
  verbosity: 2
  num-threads: 1
  interface: %[2]s
  outgoing-interface: %[2]s
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  root-hints: "root.hints"
  do-not-query-localhost: no
  local-zone: "test." nodefault
  module-config: %[3]q
%[4]s
remote-control:
  control-enable: no
`, dir, addr, modules, indent(options)))
	log := n.run(t, dir, program(t, "unbound"), "-d", "-c", filepath.Join(dir, "unbound.conf"))
	n.await(t, addr, "test", miekg.TypeNS)
	return &resolver{n, addr, log}
}

// bind runs BIND at an address with options of its own.
func (n *internet) bind(t *testing.T, addr, options string) *resolver {
	t.Helper()
	dir := n.folder(t, "bind")
	write(t, dir, "root.hints", hints)
	write(t, dir, "named.conf", fmt.Sprintf(`options {
  directory %[1]q;
  pid-file "%[1]s/named.pid";
  listen-on port 53 { %[2]s; };
  listen-on-v6 { none; };
  query-source address %[2]s;
  allow-query { any; };
  recursion yes;
  allow-recursion { any; };
  dnssec-validation no;
  empty-zones-enable no;
%[3]s
};
controls { };
zone "." { type hint; file "root.hints"; };
`, dir, addr, indent(options)))
	log := n.run(t, dir, program(t, "named"), "-4", "-n", "1", "-g", "-c", filepath.Join(dir, "named.conf"))
	n.await(t, addr, "test", miekg.TypeNS)
	return &resolver{n, addr, log}
}

var hints = "$TTL 3600000\n. IN NS root.test.\n" + host("root.test", rootAddr)

func indent(lines string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n  ")
}

// askAgain is how long a client waits before it asks again.
const askAgain = 2500 * time.Millisecond

// resolve asks the resolver from the address of a client, more than once as clients do.
func (r *resolver) resolve(t testing.TB, client, name string, rrtype uint16) *miekg.Msg {
	t.Helper()
	q := question(name, rrtype)
	q.SetEdns0(1232, false)
	began := time.Now()
	for {
		m, err := r.internet.exchange(r.addr, client, q, askAgain)
		if err == nil {
			return m
		}
		if time.Since(began) > patience {
			t.Fatalf("%s %s: %v", name, miekg.TypeToString[rrtype], err)
		}
	}
}

// address is the answer to a question of type A.
func (r *resolver) address(t testing.TB, client, name string) string {
	t.Helper()
	return joined(r.resolve(t, client, name, miekg.TypeA))
}

func joined(m *miekg.Msg) string { return strings.Join(lines(m), ", ") }

// faults are words with which Unbound and BIND speak of bad answers, and of asking in a simpler way
// because of them.
var faults = []string{"lame", "formerr", "unexpected", "throwaway", "misformatted", "mismatch", "capsforid", "0x20", "disabling", "reducing", "not improving"}

// complaints are what the resolver wrote in its log about name servers that answer badly.
func (r *resolver) complaints(t testing.TB) (out []string) {
	t.Helper()
	b, err := os.ReadFile(r.log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		lower := strings.ToLower(line)
		if slices.ContainsFunc(faults, func(word string) bool { return strings.Contains(lower, word) }) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// lines are an answer's records without their names and TTLs, sorted.
func lines(m *miekg.Msg) (out []string) {
	for _, r := range m.Answer {
		out = append(out, miekg.TypeToString[r.Header().Rrtype]+" "+strings.TrimPrefix(r.String(), r.Header().String()))
	}
	slices.Sort(out)
	return out
}
