package controller

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/sets"
)

func TestSelected(t *testing.T) {
	without := func(names ...string) []string {
		return sets.List(sets.New(known()...).Delete(names...))
	}
	for name, tc := range map[string]struct {
		flags []string
		want  []string
		err   string
	}{
		"all":                             {flags: []string{"*"}, want: without()},
		"none":                            {want: []string{}},
		"one":                             {flags: []string{"failover"}, want: []string{"failover"}},
		"two":                             {flags: []string{"failover", "health"}, want: []string{"failover", "health"}},
		"one without what it needs":       {flags: []string{"*", "-health"}, err: "traffic does not work without health"},
		"all but one":                     {flags: []string{"*", "-failover"}, want: without("failover")},
		"all but one, in any order":       {flags: []string{"-failover", "*"}, want: without("failover")},
		"all and one is all":              {flags: []string{"*", "traffic"}, want: without()},
		"off alone is none":               {flags: []string{"-failover"}, want: []string{}},
		"the last word on a name counts":  {flags: []string{"traffic", "-traffic"}, want: []string{}},
		"a name that does not exist":      {flags: []string{"*", "trafic"}, err: `there is no controller "trafic"`},
		"one that does not exist off":     {flags: []string{"*", "-trafic"}, err: `there is no controller "trafic"`},
		"an empty name":                   {flags: []string{""}, err: `there is no controller ""`},
		"a name in capitals is not known": {flags: []string{"Traffic"}, err: `there is no controller "Traffic"`},
	} {
		t.Run(name, func(t *testing.T) {
			on, err := selected(tc.flags)
			if tc.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), "--controllers: "+tc.err) || !strings.Contains(err.Error(), strings.Join(known(), ", ")) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, sets.List(on)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Users write these names: they do not change.
func TestTheNamesOfTheControllers(t *testing.T) {
	want := []string{"cluster", "taint", "remedy", "namespace", "quota", "template", "dependency", "scheduler", "rebalance", "deschedule", "binding", "execution", "status", "discovery", "health", "traffic", "failover", "evict", "drill", "zonekeys"}
	if diff := cmp.Diff(want, known()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, c := range contents {
		if c.setup == nil {
			t.Errorf("%s has no setup", c.name)
		}
	}
	sorted := slices.Sorted(slices.Values(known()))
	if len(slices.Compact(sorted)) != len(contents) {
		t.Error("a name is there twice")
	}
	if usage := Command().Flags().Lookup("controllers").Usage; !strings.Contains(usage, strings.Join(want, ", ")) {
		t.Errorf("the flag does not name them: %s", usage)
	}
}

func TestWebhookBase(t *testing.T) {
	for name, tc := range map[string]struct {
		url, dir string
		port     int // 0: refused
	}{
		"as it should be":      {"https://hub.example.com:9443", "/certs", 9443},
		"an IPv6 address":      {"https://[2001:db8::1]:8443", "/certs", 8443},
		"without a port":       {"https://hub.example.com", "/certs", 0},
		"not over TLS":         {"http://hub.example.com:9443", "/certs", 0},
		"no folder":            {"https://hub.example.com:9443", "", 0},
		"no URL at all":        {"https://hub example:x", "/certs", 0},
		"a host name, no more": {"hub.example.com:9443", "/certs", 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := options{webhookURL: tc.url, webhookCertDir: tc.dir}
			_, port, err := o.webhookBase()
			if (err == nil) != (tc.port != 0) || port != tc.port {
				t.Errorf("port %d, error %v", port, err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "--webhook-url: want https://HOST:PORT") {
				t.Errorf("error %v", err)
			}
		})
	}
}
