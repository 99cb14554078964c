package dns

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/dnssec"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// dnsviz asks a server everything that there is to ask about a zone, and finds no fault.
func TestDNSVizFindsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("asks a lot")
	}
	program := tool(t, "dnsviz")
	l := startLive(t, strings.Replace(signedZone, "addresses: [192.0.2.53]", "addresses: [127.0.0.1]", 1))
	ring := l.use(t, zonetest.KeyData(t, "apps.example.com",
		dnssec.Kind{Role: dnssec.KSK, Algorithm: miekg.ECDSAP256SHA256}, dnssec.Kind{Role: dnssec.ZSK, Algorithm: miekg.ECDSAP256SHA256}))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte(ring.Entry[0].DNSKEY.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	server := fmt.Sprintf("ns1.apps.example.com=%s:%d", l.address.Addr(), l.address.Port())
	ds := strings.Join(strings.Fields(ring.Entry[0].DS().String())[4:], " ")
	probe := exec.CommandContext(ctx, program, "probe", "-4", "-A", "-x", "apps.example.com+:"+server,
		"-N", "apps.example.com:"+server, "-D", "apps.example.com:"+ds,
		"apps.example.com", "www.apps.example.com", "alias2.apps.example.com", "shop.apps.example.com", "x.wild.apps.example.com", "nope.apps.example.com")
	probe.Stderr = &stderr
	found, err := probe.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	show := exec.CommandContext(ctx, program, "print", "-P", "-t", keys)
	show.Stdin = bytes.NewReader(found)
	out, err := show.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// [.] is secure and without an error; [-] insecure, [!] invalid, E and W errors and warnings.
	for line := range strings.Lines(string(out)) {
		for _, bad := range []string{"[-]", "[!]", "[?]", " E:", " W:", "ERROR", "WARN"} {
			if strings.Contains(line, bad) {
				t.Errorf("%s", line)
			}
		}
	}
	if n := strings.Count(string(out), "[.]"); n < 50 || t.Failed() {
		t.Errorf("%d good marks in:\n%s", n, out)
	}
}
