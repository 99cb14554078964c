package traffic

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/seaway-io/seaway/api/traffic/rdata"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

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

// validateRecords checks the records of one object. domain is that of their zone; empty if that is
// not known.
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
		name, at := recordName(&records[i]), path.Index(i).Child("type")
		switch {
		case records[i].Type == "CNAME" && names[name] > 1:
			errs = append(errs, field.Invalid(at, records[i].Type, "a CNAME can not stand beside other records of its name; remove one or the other"))
		case records[i].Type == "DS" && name != "@" && !sets[recordSet{name, "NS"}] && domain != "":
			errs = append(errs, field.Invalid(at, records[i].Type, "a DS stands where a zone is delegated, beside NS records of its name; add them"))
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
	rrtype, err := rdata.ParseType(r.Type)
	if err != nil {
		return append(errs, field.Invalid(path.Child("type"), r.Type, err.Error()))
	}
	if len(r.Values) == 0 {
		errs = append(errs, field.Required(path.Child("values"), "write at least one value"))
	}
	if r.Type == "CNAME" && len(r.Values) > 1 {
		errs = append(errs, field.TooMany(path.Child("values"), len(r.Values), 1))
	}
	for i, v := range r.Values {
		at := path.Child("values").Index(i)
		if _, err := rdata.Parse(rrtype, v); err != nil {
			errs = append(errs, field.Invalid(at, v, err.Error()))
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
			errs = append(errs, field.Invalid(path.Child("type"), r.Type, "the apex of a zone can not be an alias; write its addresses instead, or name it in a TrafficPolicy"))
		case "NS":
			errs = append(errs, field.Invalid(path.Child("type"), r.Type, "the zone's own servers stand in spec.nameServers"))
		case "DS":
			errs = append(errs, field.Invalid(path.Child("type"), r.Type, "the zone's own DS stands in the zone above it"))
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
	if domain != "" && inside(name, domain) {
		errs = append(errs, field.Invalid(at, r.Name, fmt.Sprintf("must be relative to the zone: leave out %s", domain)))
	}
	if (r.Type == "NS" || r.Type == "DS") && strings.HasPrefix(name, "*") {
		errs = append(errs, field.Invalid(path.Child("type"), r.Type, "a wildcard can not be delegated; name the zone"))
	}
	return errs
}
