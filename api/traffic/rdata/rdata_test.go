package rdata

import (
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestExamplesAreRead(t *testing.T) {
	for rrtype, value := range examples {
		if got, err := ParseType(dns.TypeToString[rrtype]); err != nil || got != rrtype {
			t.Errorf("%s: type %d, %v", dns.TypeToString[rrtype], got, err)
		}
		data, err := Parse(rrtype, value)
		if err != nil {
			t.Errorf("%s %s: %v", dns.TypeToString[rrtype], value, err)
			continue
		}
		again, err := Parse(rrtype, `\# `+strconv.Itoa(len(data))+" "+hex.EncodeToString(data))
		if err != nil || string(again) != string(data) {
			t.Errorf("%s in the generic form: %x, %v; want %x", dns.TypeToString[rrtype], again, err, data)
		}
	}
}

func TestTypes(t *testing.T) {
	for text, want := range map[string]string{
		"A": "", "TYPE1": "", "TYPE65280": "", "TYPE99": "",
		"":          "is no record type",
		"a":         "is no record type",
		"TYPE":      "is no record type",
		"TYPE01":    "is no record type",
		"TYPE65536": "is no record type",
		"TYPE-1":    "is no record type",
		"SOA":       "spec.soa",
		"TYPE6":     "spec.soa",
		"TYPE39":    "DNAME is not served",
		"ANY":       "no type of records but of questions",
		"TYPE255":   "no type of records but of questions",
		"AXFR":      "no type of records but of questions",
		"OPT":       "no record of a name",
		"TYPE0":     "no record of a name",
		"RRSIG":     "who sign",
		"EUI48":     "type TYPE108, values such as",
	} {
		_, err := ParseType(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	for _, c := range []struct {
		rrtype uint16
		value  string
		want   string
	}{
		{dns.TypeA, "2001:db8::1", "such as 192.0.2.1"},
		{dns.TypeA, "::ffff:192.0.2.1", "such as 192.0.2.1"},
		{dns.TypeAAAA, "192.0.2.1", "such as 2001:db8::1"},
		{dns.TypeAAAA, "::ffff:192.0.2.1", "such as 2001:db8::1"},
		{dns.TypeAAAA, "fe80::1%eth0", "such as 2001:db8::1"},
		{dns.TypeA, `\# 5 0102030405`, "generic form"},
		{dns.TypeA, `\# 4 010203`, "generic form"},
		{dns.TypeMX, "mail.example.net", `"10 mail.example.net"`},
		{dns.TypeMX, "10 mail.example.net 20", `"10 mail.example.net"`},
		{dns.TypeMX, "65536 mail", "MX record"},
		{dns.TypeCAA, "0 issue ca.example.net; account=1", "CAA record"},
		{dns.TypeCAA, `0 is-sue "x"`, "letters and digits"},
		{dns.TypeTLSA, "3 1 1 00FF", "has 32 octets, this one has 2"},
		{dns.TypeTLSA, "3 1 1 0FF", "TLSA record"},
		{dns.TypeSSHFP, "4 2 00FF", "has 32 octets, this one has 2"},
		{dns.TypeDS, "1 13 2 00FF", "has 32 octets, this one has 2"},
		{dns.TypeHTTPS, "0 www.example.net alpn=h2", "leave them out"},
		{dns.TypeHTTPS, "1 . mandatory=alpn", "alpn is mandatory and not there"},
		{dns.TypeHTTPS, "1 . no-default-alpn", "needs alpn"},
		{dns.TypeHTTPS, "1 . port=443 port=444", "HTTPS record"},
		{dns.TypeURI, `10 1 ""`, "not empty"},
		{dns.TypeSRV, "10 5 443 www.example.net\nx. 0 IN A 192.0.2.1", "control character"},
		{dns.TypeSRV, "", "SRV record"},
		{dns.TypeOPENPGPKEY, " ", "OPENPGPKEY record"},
		{dns.TypeA, `\#`, "generic form"},
		{dns.TypeNS, "a..b", "NS record"},
		{dns.TypeCNAME, strings.Repeat("long.", 60), "CNAME record"},
		{dns.TypeTXT, strings.Repeat("x", 4097), "at most 4096"},
		{65280, "192.0.2.1", "generic form"},
		{65280, `\# 2 0aa`, "generic form"},
		{65280, `\# 60000 ` + strings.Repeat("00", 60000), "at most 16384"},
	} {
		_, err := Parse(c.rrtype, c.value)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.40q: %v, want %q", dns.Type(c.rrtype), c.value, err, c.want)
		}
	}
}

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "\x00",
		`v=spf1 "quoted"; -all`:  "\x15" + `v=spf1 "quoted"; -all`,
		strings.Repeat("x", 256): "\xff" + strings.Repeat("x", 255) + "\x01x",
		"line\nline":             "\x09line\nline",
	} {
		if data, err := Parse(dns.TypeTXT, text); err != nil || string(data) != want {
			t.Errorf("%.30q: %.40q, %v", text, data, err)
		}
	}
}

// Whatever is read can be read again in the generic form, and is the same.
func FuzzParse(f *testing.F) {
	for rrtype, value := range examples {
		f.Add(rrtype, value)
	}
	f.Add(uint16(65280), `\# 4 0a000001`)
	f.Fuzz(func(t *testing.T, rrtype uint16, value string) {
		if _, err := ParseType(dns.Type(rrtype).String()); err != nil {
			return
		}
		data, err := Parse(rrtype, value)
		if err != nil {
			return
		}
		again, err := Parse(rrtype, `\# `+strconv.Itoa(len(data))+" "+hex.EncodeToString(data))
		if err != nil || string(again) != string(data) {
			t.Errorf("TYPE%d %q is %x; in the generic form %x, %v", rrtype, value, data, again, err)
		}
	})
}
