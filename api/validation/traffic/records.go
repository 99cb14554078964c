package traffic

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

// recordTypes maps each type to the check of one value; it returns what must be written instead.
var recordTypes = map[string]func(value string) (why string){
	"A": func(v string) string {
		if ip, err := netip.ParseAddr(v); err != nil || !ip.Is4() {
			return "must be an IPv4 address, such as 192.0.2.1"
		}
		return ""
	},
	"AAAA": func(v string) string {
		if ip, err := netip.ParseAddr(v); err != nil || !ip.Is6() || ip.Is4In6() || ip.Zone() != "" {
			return "must be an IPv6 address, such as 2001:db8::1"
		}
		return ""
	},
	"CNAME": notTarget,
	"NS":    notTarget,
	"MX": func(v string) string {
		const fix = "must be a preference and a host, such as 10 mail.example.com"
		f := strings.Fields(v)
		if len(f) != 2 || notUint(f[0], 16) || (f[1] != "." && notTarget(f[1]) != "") {
			return fix
		}
		return ""
	},
	"SRV": func(v string) string {
		const fix = "must be priority, weight, port and host, such as 10 5 443 shop.example.com"
		f := strings.Fields(v)
		if len(f) != 4 || notUint(f[0], 16) || notUint(f[1], 16) || notUint(f[2], 16) || (f[3] != "." && notTarget(f[3]) != "") {
			return fix
		}
		return ""
	},
	"TXT": func(v string) string {
		if len(v) > 4096 {
			return "must be at most 4096 bytes long"
		}
		return ""
	},
	"CAA": notCAA,
}

// notCAA checks flags, tag and value (RFC 8659 section 4.1.1).
func notCAA(v string) string {
	const fix = `must be flags, tag and quoted value, such as 0 issue "letsencrypt.org"`
	f := strings.SplitN(strings.TrimSpace(v), " ", 3)
	if len(f) != 3 || notUint(f[0], 8) || f[1] == "" || len(f[1]) > 15 {
		return fix
	}
	if strings.ContainsFunc(f[1], func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) {
		return fix
	}
	value := strings.TrimSpace(f[2])
	if quoted := strings.HasPrefix(value, `"`); quoted != strings.HasSuffix(value, `"`) || (quoted && len(value) < 2) {
		return fix
	}
	return ""
}

func notUint(s string, bits int) bool {
	_, err := strconv.ParseUint(s, 10, bits)
	return err != nil
}

// notTarget checks a host name in a record's data, which may end in a dot and may have underscores.
func notTarget(v string) string {
	return notHost(strings.ToLower(strings.TrimSuffix(v, ".")), true)
}

// notHost checks an absolute name in lower case without the trailing dot (RFC 1035 section 2.3.4).
// Underscores stand in names of services, not of hosts.
func notHost(name string, underscore bool) string {
	const fix = "must be an absolute host name in lower case without the trailing dot, such as ns1.example.com"
	if name == "" || len(name) > 253 {
		return fix
	}
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label, underscore) {
			return fix
		}
	}
	return ""
}

func isLabel(label string, underscore bool) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(label, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && (r != '_' || !underscore)
	})
}

func longLabel(name string) string {
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > 63 {
			return "each part between dots must be at most 63 characters long"
		}
	}
	return ""
}

type recordSet struct{ name, kind string }

func validateRecords(records []trafficv1alpha1.Record, domain string, path *field.Path) (errs field.ErrorList) {
	sets := map[recordSet]bool{}
	names := map[string]int{} // how many sets a name has
	for i := range records {
		r := &records[i]
		at := path.Index(i)
		set := recordSet{recordName(r), r.Type}
		if sets[set] {
			errs = append(errs, field.Duplicate(at, fmt.Sprintf("%s %s", r.Name, r.Type)))
		} else {
			names[set.name]++
		}
		sets[set] = true
		errs = append(errs, validateRecord(r, set.name, domain, at)...)
	}
	for i := range records {
		name := recordName(&records[i])
		if records[i].Type == "CNAME" && names[name] > 1 {
			errs = append(errs, field.Invalid(path.Index(i).Child("type"), records[i].Type, "a CNAME can not stand beside other records of its name; remove one or the other"))
		}
	}
	return errs
}

// recordName is the relative name in lower case, "@" for the apex.
func recordName(r *trafficv1alpha1.Record) string {
	if r.Name == "" {
		return "@"
	}
	return strings.ToLower(r.Name)
}

func validateRecord(r *trafficv1alpha1.Record, name, domain string, path *field.Path) (errs field.ErrorList) {
	errs = append(errs, validateRecordName(r, name, domain, path)...)
	if r.TTL != nil {
		errs = append(errs, validateTTL(r.TTL, time.Second, maxTTL, path.Child("ttl"))...)
	}
	check, known := recordTypes[r.Type]
	if !known {
		return append(errs, field.NotSupported(path.Child("type"), r.Type, sortedTypes()))
	}
	if len(r.Values) == 0 {
		errs = append(errs, field.Required(path.Child("values"), "write at least one value"))
	}
	if r.Type == "CNAME" && len(r.Values) > 1 {
		errs = append(errs, field.TooMany(path.Child("values"), len(r.Values), 1))
	}
	for i, v := range r.Values {
		at := path.Child("values").Index(i)
		if why := check(v); why != "" {
			errs = append(errs, field.Invalid(at, v, why))
		}
		if slices.Contains(r.Values[:i], v) {
			errs = append(errs, field.Duplicate(at, v))
		}
	}
	return errs
}

func validateRecordName(r *trafficv1alpha1.Record, name, domain string, path *field.Path) (errs field.ErrorList) {
	at := path.Child("name")
	if name == "@" {
		switch r.Type {
		case "CNAME":
			errs = append(errs, field.Invalid(path.Child("type"), r.Type, "the apex of a zone can not be an alias; write its addresses instead"))
		case "NS":
			errs = append(errs, field.Invalid(path.Child("type"), r.Type, "the zone's own servers stand in spec.nameServers"))
		}
		return errs
	}
	rest := strings.TrimPrefix(name, "*.")
	if name == "*" {
		rest = ""
	}
	if rest != "" && notHost(rest, true) != "" {
		errs = append(errs, field.Invalid(at, r.Name, `must be relative to the zone, such as www, *.dev or @, without the trailing dot`))
	}
	if len(name)+1+len(domain) > 253 {
		errs = append(errs, field.Invalid(at, r.Name, "is too long: a name has at most 253 characters with that of its zone"))
	}
	if inside(name, domain) {
		errs = append(errs, field.Invalid(at, r.Name, fmt.Sprintf("must be relative to the zone: leave out %s", domain)))
	}
	if r.Type == "NS" && strings.HasPrefix(name, "*") {
		errs = append(errs, field.Invalid(path.Child("type"), r.Type, "a wildcard can not be delegated; name the zone"))
	}
	return errs
}

func sortedTypes() []string {
	types := make([]string, 0, len(recordTypes))
	for t := range recordTypes {
		types = append(types, t)
	}
	slices.Sort(types)
	return types
}
