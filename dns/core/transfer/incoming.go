package transfer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/seaway-io/seaway/dns/core/wire"
)

// Timers are those of a version's SOA (RFC 1035 section 3.3.13), within bounds that do no harm.
func (v *Version) Timers() (refresh, retry, expire time.Duration) {
	n := []byte(v.SOA.Data[len(v.SOA.Data)-20:])
	seconds := func(at int, least time.Duration) time.Duration {
		return max(least, time.Duration(binary.BigEndian.Uint32(n[at:]))*time.Second)
	}
	return min(seconds(4, 5*time.Second), 24*time.Hour), min(seconds(8, 2*time.Second), 24*time.Hour), seconds(12, 10*time.Second)
}

// Apply is the version that the answer to AXFR or IXFR leads to from one that is there, or from none.
// It is the same version where nothing is newer. An error says what is wrong with the answer.
func Apply(apex wire.Name, have *Version, answer []wire.Record) (*Version, error) {
	if len(answer) == 0 || !isSOA(answer[0], apex) {
		return nil, errors.New("the answer does not begin with the SOA of the zone")
	}
	first, last := answer[0], answer[len(answer)-1]
	switch {
	case have != nil && !newer(serialOf(first), have.Serial()):
		return have, nil
	case len(answer) == 1:
		return nil, errors.New("the answer is the SOA alone, which is newer")
	case !isSOA(last, apex) || serialOf(last) != serialOf(first):
		return nil, errors.New("the answer does not end with the SOA that it begins with")
	}
	v := &Version{SOA: first}
	if inner := answer[1 : len(answer)-1]; len(inner) > 0 && isSOA(inner[0], apex) {
		records, err := applyChanges(apex, have, inner, serialOf(first))
		if err != nil {
			return nil, err
		}
		v.Records = records
	} else {
		v.Records = slices.Clone(inner)
	}
	slices.SortFunc(v.Records, wire.Record.Compare)
	v.Records = slices.Compact(v.Records)
	return v, v.check(apex)
}

func isSOA(r wire.Record, apex wire.Name) bool {
	return r.Type == dns.TypeSOA && r.Name == apex && len(r.Data) >= 22
}

// applyChanges goes from one version through all changes of an incremental answer.
func applyChanges(apex wire.Name, have *Version, changes []wire.Record, newest uint32) ([]wire.Record, error) {
	if have == nil {
		return nil, errors.New("changes came where the whole zone was asked for")
	}
	set := make(map[wire.Record]bool, len(have.Records))
	for _, r := range have.Records {
		set[r] = true
	}
	at, removing := have.Serial(), false
	for _, r := range changes {
		switch {
		case isSOA(r, apex) && !removing:
			if serialOf(r) != at {
				return nil, fmt.Errorf("a change begins at serial %d, but %d comes before it", serialOf(r), at)
			}
			removing = true
		case isSOA(r, apex):
			at, removing = serialOf(r), false
		case removing && !set[r]:
			return nil, fmt.Errorf("a record of %s is removed that is not there", r.Name)
		case removing:
			delete(set, r)
		default:
			set[r] = true
		}
	}
	if at != newest || removing {
		return nil, fmt.Errorf("the changes end at serial %d, not at %d", at, newest)
	}
	out := make([]wire.Record, 0, len(set))
	for r := range set {
		out = append(out, r)
	}
	return out, nil
}

// check says why a version can not be served.
func (v *Version) check(apex wire.Name) error {
	ns := false
	for _, r := range v.Records {
		switch r.Type {
		case dns.TypeSOA:
			return fmt.Errorf("there is an SOA inside the zone, of %s", r.Name)
		case dns.TypeRRSIG, dns.TypeDNSKEY, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM:
			return fmt.Errorf("the zone is signed (%s of %s): copies of signed zones cannot be served here", dns.TypeToString[r.Type], r.Name)
		case dns.TypeDNAME:
			return fmt.Errorf("DNAME of %s cannot be served here", r.Name)
		case dns.TypeOPT, dns.TypeTSIG, dns.TypeTKEY, dns.TypeANY, dns.TypeAXFR, dns.TypeIXFR, dns.TypeMAILA, dns.TypeMAILB:
			return fmt.Errorf("type %d of %s is none of records", r.Type, r.Name)
		case dns.TypeNS:
			ns = ns || r.Name == apex
		}
		if !r.Name.Within(apex) {
			return fmt.Errorf("%s lies outside the zone", r.Name)
		}
	}
	if !ns {
		return errors.New("the zone has no NS records")
	}
	return nil
}
