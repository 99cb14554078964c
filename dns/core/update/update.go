// Package update decides what a DNS UPDATE (RFC 2136) makes of the records that are kept for a zone:
// whether its prerequisites hold, whether the key that signed it may change what it names, and what
// the records are afterwards. It is all or nothing.
//
// It neither checks signatures nor stores anything: that is for package dns/update.
package update

import (
	"fmt"

	"github.com/miekg/dns"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// Request is a well-signed update.
type Request struct {
	// Message with one question, which names the zone.
	Message *dns.Msg
	// Zone that is to be changed, and the key of it that signed.
	Zone *trafficv1alpha1.Zone
	Key  *trafficv1alpha1.UpdateKey
	// Current is the object that updates of the zone are kept in, as it was read just now. It has no
	// UID where there is none yet.
	Current *trafficv1alpha1.ZoneRecords
	// Input holds everything else that the zone is made of. Its Records must not hold Current.
	Input zone.Input
}

// Outcome of an update.
type Outcome struct {
	Rcode int
	// Text says why, unless Rcode is success.
	Text string
	// Records that Current is to hold from now on, if Changed.
	Records []trafficv1alpha1.Record
	Changed bool
}

// refusal is an error with the rcode that it makes.
type refusal struct {
	rcode int
	text  string
}

func (r *refusal) Error() string { return r.text }

func refuse(rcode int, format string, args ...any) error {
	return &refusal{rcode, fmt.Sprintf(format, args...)}
}

// mostRecords is how many record sets an object holds.
const mostRecords = 4096

// Decide decides an update.
func Decide(r Request) Outcome {
	d := decision{Request: r, before: compile(r, r.Current)}
	apex, err := wire.ParseName(r.Zone.Spec.Domain)
	if err != nil {
		return Outcome{Rcode: dns.RcodeNotAuth, Text: err.Error()}
	}
	d.apex = apex
	records, err := d.decide()
	if err != nil {
		why, ok := err.(*refusal)
		if !ok {
			why = &refusal{dns.RcodeServerFailure, err.Error()}
		}
		return Outcome{Rcode: why.rcode, Text: why.text}
	}
	return Outcome{Records: records.list(), Changed: records.changed}
}

type decision struct {
	Request
	apex   wire.Name
	before *zone.Snapshot
}

// decide goes through the stages of RFC 2136 section 3 in their order.
func (d *decision) decide() (*sets, error) {
	if err := d.prerequisites(); err != nil {
		return nil, err
	}
	if err := d.prescan(); err != nil {
		return nil, err
	}
	if err := d.permitted(); err != nil {
		return nil, err
	}
	after, err := d.apply()
	if err != nil || !after.changed {
		return after, err
	}
	if len(after.all) > mostRecords {
		return nil, refuse(dns.RcodeRefused, "%s holds as many record sets as it can: %d", d.Current.Name, mostRecords)
	}
	return after, d.stands(after)
}

// stands refuses what could not be served beside everything else.
func (d *decision) stands(after *sets) error {
	changed := d.Current.DeepCopy()
	changed.Spec.Records = after.list()
	own := zone.Ref{Kind: "ZoneRecords", Name: changed.Name}
	before := map[string]bool{}
	for _, p := range d.before.Problems {
		before[p.Message] = true
	}
	for _, p := range compile(d.Request, changed).Problems {
		if p.Object == own && !before[p.Message] {
			return refuse(dns.RcodeRefused, "%s", p.Message)
		}
	}
	return nil
}

// compile is the zone with its updates as they are given.
func compile(r Request, updates *trafficv1alpha1.ZoneRecords) *zone.Snapshot {
	in := r.Input
	in.Zones = []*trafficv1alpha1.Zone{r.Zone}
	in.Records = append(append([]*trafficv1alpha1.ZoneRecords{}, in.Records...), updates)
	return zone.Compile(in)
}

// inside is the name of a record, which must lie in the zone.
func (d *decision) inside(rr dns.RR) (wire.Name, error) {
	name, err := wire.ParseName(rr.Header().Name)
	if err != nil {
		return "", refuse(dns.RcodeFormatError, "%v", err)
	}
	if !name.Within(d.apex) {
		return "", refuse(dns.RcodeNotZone, "%s is not in the zone %s", name, d.Zone.Spec.Domain)
	}
	return name, nil
}

// meta reports whether a type is one of questions only.
func meta(rrtype uint16) bool { return rrtype >= 128 && rrtype < 256 || rrtype == dns.TypeOPT }
