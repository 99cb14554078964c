package update

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seaway-io/seaway/api/traffic/rdata"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
)

// sets are the records that are kept for updates, in the order in which they came.
type sets struct {
	all     []*set
	changed bool
}

// set is a record set: as it stands in the object, and what its values mean. A record that cannot be
// read is left as it is.
type set struct {
	key    setKey
	record trafficv1alpha1.Record
	data   []string // folded, by value
}

func (s *sets) list() []trafficv1alpha1.Record {
	out := make([]trafficv1alpha1.Record, 0, len(s.all))
	for _, set := range s.all {
		out = append(out, set.record)
	}
	return out
}

// read reads the records that are kept.
func (d *decision) read() *sets {
	out := &sets{}
	for i := range d.Current.Spec.Records {
		r := d.Current.Spec.Records[i].DeepCopy()
		s := &set{record: *r}
		out.all = append(out.all, s)
		rrtype, err := rdata.ParseType(r.Type)
		if err != nil {
			continue
		}
		name := d.apex
		if r.Name != "" && r.Name != "@" {
			if name, err = wire.ParseName(r.Name + "." + d.apex.String()); err != nil {
				continue
			}
		}
		s.key = setKey{name, rrtype}
		for _, v := range r.Values {
			b, err := rdata.Parse(rrtype, v)
			if err != nil {
				b = nil
			}
			s.data = append(s.data, fold(rrtype, b))
		}
	}
	return out
}

func (s *sets) find(key setKey) *set {
	for _, set := range s.all {
		if set.key == key {
			return set
		}
	}
	return nil
}

// drop drops the sets for which gone says so.
func (s *sets) drop(gone func(*set) bool) {
	before := len(s.all)
	s.all = slices.DeleteFunc(s.all, gone)
	s.changed = s.changed || len(s.all) != before
}

// apply makes the changes, one after the other (RFC 2136 section 3.4.2).
func (d *decision) apply() (*sets, error) {
	out := d.read()
	for _, rr := range d.Message.Ns {
		name, err := d.inside(rr)
		if err != nil {
			return nil, err
		}
		key := setKey{name, rr.Header().Rrtype}
		switch {
		case rr.Header().Class == dns.ClassINET:
			err = d.add(out, key, rr)
		case key.rrtype == dns.TypeANY:
			err = d.deleteName(out, name)
		case rr.Header().Class == dns.ClassANY:
			err = d.deleteSet(out, key)
		default:
			err = d.deleteRecord(out, key, rr)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// add adds a record. An alias is not added beside other data, nor other data beside an alias, and
// nothing is said of it, as the RFC has it.
func (d *decision) add(out *sets, key setKey, rr dns.RR) error {
	value, folded, err := valueOf(rr)
	if err != nil {
		return err
	}
	alias := key.rrtype == dns.TypeCNAME
	for _, s := range out.all {
		if s.key.name == key.name && (s.key.rrtype == dns.TypeCNAME) != alias {
			return nil
		}
	}
	ttl := time.Duration(min(max(rr.Header().Ttl, 1), 7*24*3600)) * time.Second
	s := out.find(key)
	switch {
	case s == nil:
		out.all = append(out.all, &set{key: key, data: []string{folded}, record: trafficv1alpha1.Record{
			Name: d.relative(key.name), Type: typeText(key.rrtype), TTL: &metav1.Duration{Duration: ttl}, Values: []string{value}}})
		out.changed = true
		return nil
	case alias && s.data[0] != folded:
		s.data, s.record.Values, out.changed = []string{folded}, []string{value}, true
	case !slices.Contains(s.data, folded):
		s.data, s.record.Values, out.changed = append(s.data, folded), append(s.record.Values, value), true
	}
	if s.record.TTL == nil || s.record.TTL.Duration != ttl {
		// One TTL for all of a set, the newest.
		s.record.TTL, out.changed = &metav1.Duration{Duration: ttl}, true
	}
	return nil
}

// deleteName deletes everything that updates have put at a name.
func (d *decision) deleteName(out *sets, name wire.Name) error {
	for _, s := range out.all {
		if s.key.name == name && !d.grants(name, s.key.rrtype) {
			return refuse(dns.RcodeRefused, "the key %s may not delete %s of %s", d.Key.Name, s.record.Type, name)
		}
	}
	before := len(out.all)
	out.drop(func(s *set) bool { return s.key.name == name })
	if len(out.all) == before && d.inUse(name) && name != d.apex {
		return d.fixed(name)
	}
	return nil
}

func (d *decision) deleteSet(out *sets, key setKey) error {
	if out.find(key) == nil && len(d.set(key)) > 0 {
		return d.fixed(key.name)
	}
	out.drop(func(s *set) bool { return s.key == key })
	return nil
}

func (d *decision) deleteRecord(out *sets, key setKey, rr dns.RR) error {
	_, folded, err := valueOf(rr)
	if err != nil {
		return err
	}
	s := out.find(key)
	at := -1
	if s != nil {
		at = slices.Index(s.data, folded)
	}
	if at < 0 {
		if slices.Contains(data(d.set(key)), folded) {
			return d.fixed(key.name)
		}
		return nil
	}
	s.data, s.record.Values = slices.Delete(s.data, at, at+1), slices.Delete(s.record.Values, at, at+1)
	out.changed = true
	out.drop(func(s *set) bool { return s.key == key && len(s.data) == 0 })
	return nil
}

// fixed refuses to delete what did not come by an update.
func (d *decision) fixed(name wire.Name) error {
	return refuse(dns.RcodeRefused, "the records of %s do not come from updates: change them in Zone %s, its ZoneRecords, or the TrafficPolicy", name, d.Zone.Name)
}

func (d *decision) relative(name wire.Name) string {
	if name == d.apex {
		return "@"
	}
	return strings.TrimSuffix(name.String(), "."+d.apex.String())
}

func typeText(rrtype uint16) string {
	if text := dns.Type(rrtype).String(); slices.Contains(rdata.Types(), text) {
		return text
	}
	return fmt.Sprintf("TYPE%d", rrtype)
}

// valueOf is the data of a record as it is written in an object, and folded.
func valueOf(rr dns.RR) (value, folded string, err error) {
	b, err := packed(rr)
	if err != nil {
		return "", "", refuse(dns.RcodeFormatError, "%v", err)
	}
	rrtype := rr.Header().Rrtype
	if _, err := rdata.ParseType(typeText(rrtype)); err != nil {
		return "", "", refuse(dns.RcodeRefused, "%v", err)
	}
	value = strings.TrimPrefix(rr.String(), rr.Header().String())
	if t, ok := rr.(*dns.TXT); ok {
		value = strings.Join(t.Txt, "")
	}
	generic := fmt.Sprintf(`\# %d %x`, len(b), b)
	if again, err := rdata.Parse(rrtype, value); err != nil || string(again) != string(b) {
		value = generic
	}
	if _, err := rdata.Parse(rrtype, value); err != nil {
		return "", "", refuse(dns.RcodeRefused, "%s %s: %v", rr.Header().Name, dns.Type(rrtype), err)
	}
	return value, fold(rrtype, b), nil
}
