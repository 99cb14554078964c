package dns

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Another implementation's client gets along with every transport. It is skipped where kdig is not
// installed.
func TestKdig(t *testing.T) {
	if _, err := exec.LookPath("kdig"); err != nil {
		if os.Getenv("SEAWAY_DNS_TOOLS") == "required" {
			t.Fatal("kdig is missing: make nameservers")
		}
		t.Skip("kdig is missing: make nameservers")
	}
	s, _ := encrypted(t)
	plain, secured, https, quic := s.Addresses()[0], s.TLSAddresses()[0], s.HTTPSAddresses()[0], s.QUICAddresses()[0]
	kdig := func(to netip.AddrPort, args ...string) string {
		all := append([]string{"@" + to.Addr().String(), "-p", strings.TrimPrefix(to.String(), to.Addr().String()+":"), "+time=5", "+retry=0"}, args...)
		out, err := exec.Command("kdig", append(all, "www.apps.example.com", "AAAA")...).CombinedOutput()
		if err != nil {
			t.Fatalf("kdig %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for name, c := range map[string]struct {
		to   netip.AddrPort
		args []string
		want []string
	}{
		"UDP":         {plain, []string{"+edns", "+nsid"}, []string{"2001:db8::10", "NSID"}},
		"cookies":     {plain, []string{"+cookie"}, []string{"2001:db8::10", "COOKIE"}},
		"bad cookies": {plain, []string{"+cookie=0102030405060708090a0b0c0d0e0f10", "+badcookie"}, []string{"2001:db8::10", "COOKIE"}},
		"TCP":         {plain, []string{"+tcp", "+keepopen"}, []string{"2001:db8::10"}},
		"TLS":         {secured, []string{"+tls", "+padding"}, []string{"2001:db8::10", "PADDING", "TLS1.3"}},
		"HTTPS":       {https, []string{"+https"}, []string{"2001:db8::10", "HTTP/2"}},
		"QUIC":        {quic, []string{"+quic", "+padding"}, []string{"2001:db8::10", "PADDING", "QUIC"}},
		"HTTPS GET":   {https, []string{"+https", "+https-get"}, []string{"2001:db8::10", "HTTP/2"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := kdig(c.to, c.args...)
			for _, want := range append(c.want, "NOERROR") {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in:\n%s", want, out)
				}
			}
		})
	}
}
