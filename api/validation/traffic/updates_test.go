package traffic

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func TestValidateUpdates(t *testing.T) {
	key := func(edit func(*v1.UpdateKey)) []v1.UpdateKey {
		k := v1.UpdateKey{Name: "acme.example.com", SecretRef: v1.SecretKeyRef{Name: "acme", Key: "secret"}}
		edit(&k)
		return []v1.UpdateKey{k}
	}
	grant := func(names, types string) []v1.UpdateKey {
		return key(func(k *v1.UpdateKey) {
			k.Grants = []v1.UpdateGrant{{Names: strings.Fields(names), Types: strings.Fields(types)}}
		})
	}
	const at = "spec.updates.keys[0]."
	for name, tc := range map[string]struct {
		keys []v1.UpdateKey
		want []string
	}{
		"a plain key":          {key(func(*v1.UpdateKey) {}), nil},
		"grants":               {grant("www *.dev _acme-challenge.* @ *", "A TXT TYPE65280"), nil},
		"a name that is none":  {key(func(k *v1.UpdateKey) { k.Name = "ACME." }), []string{"FieldValueInvalid " + at + "name"}},
		"a weak algorithm":     {key(func(k *v1.UpdateKey) { k.Algorithm = "HMAC-MD5" }), []string{"FieldValueNotSupported " + at + "algorithm"}},
		"no Secret":            {key(func(k *v1.UpdateKey) { k.SecretRef.Name = "" }), []string{"FieldValueRequired " + at + "secretRef.name"}},
		"a grant of nothing":   {grant("", ""), []string{"FieldValueRequired " + at + "grants[0].names"}},
		"names that are none":  {grant("www. a.*.b www.apps.example.com", ""), []string{"FieldValueInvalid " + at + "grants[0].names[0]", "FieldValueInvalid " + at + "grants[0].names[1]", "FieldValueInvalid " + at + "grants[0].names[2]"}},
		"types that are never": {grant("www", "NS SOA TXT DS"), []string{"FieldValueInvalid " + at + "grants[0].types[0]", "FieldValueInvalid " + at + "grants[0].types[1]", "FieldValueInvalid " + at + "grants[0].types[3]"}},
		"one key twice":        {append(key(func(*v1.UpdateKey) {}), key(func(*v1.UpdateKey) {})...), []string{"FieldValueDuplicate spec.updates.keys[1].name"}},
	} {
		t.Run(name, func(t *testing.T) {
			z := &v1.Zone{Spec: v1.ZoneSpec{Domain: "apps.example.com", NameServers: []v1.NameServer{{Name: "ns1.example.net"}}, Updates: &v1.Updates{Keys: tc.keys}}}
			if diff := cmp.Diff(tc.want, found(ValidateZone(z, nil))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValidateTransfers(t *testing.T) {
	key := &v1.TSIGKey{Name: "xfr", SecretRef: v1.SecretKeyRef{Name: "xfr"}}
	for name, tc := range map[string]struct {
		transfers v1.Transfers
		want      []string
	}{
		"networks and a key": {v1.Transfers{
			Allow:  []v1.TransferClient{{Networks: []string{"192.0.2.0/24", "2001:db8::1/128"}, Key: key}, {Key: key}},
			Notify: []v1.TransferServer{{Address: "192.0.2.1", Key: key}, {Address: "192.0.2.1:5353"}, {Address: "2001:db8::1"}, {Address: "[2001:db8::1]:5353"}},
		}, nil},
		"everybody":        {v1.Transfers{Allow: []v1.TransferClient{{}}}, []string{"FieldValueRequired spec.transfers.allow[0]"}},
		"no networks":      {v1.Transfers{Allow: []v1.TransferClient{{Networks: []string{"192.0.2.1", "192.0.2.1/24", "x"}}}}, []string{"FieldValueInvalid spec.transfers.allow[0].networks[0]", "FieldValueInvalid spec.transfers.allow[0].networks[1]", "FieldValueInvalid spec.transfers.allow[0].networks[2]"}},
		"a key without":    {v1.Transfers{Allow: []v1.TransferClient{{Key: &v1.TSIGKey{Name: "XFR.", Algorithm: "HMAC-MD5"}}}}, []string{"FieldValueInvalid spec.transfers.allow[0].key.name", "FieldValueNotSupported spec.transfers.allow[0].key.algorithm", "FieldValueRequired spec.transfers.allow[0].key.secretRef.name"}},
		"no addresses":     {v1.Transfers{Notify: []v1.TransferServer{{Address: "ns1.example.net"}, {Address: "0.0.0.0"}, {Address: "192.0.2.1:0"}}}, []string{"FieldValueInvalid spec.transfers.notify[0].address", "FieldValueInvalid spec.transfers.notify[1].address", "FieldValueInvalid spec.transfers.notify[2].address"}},
		"one server twice": {v1.Transfers{Notify: []v1.TransferServer{{Address: "192.0.2.1"}, {Address: "192.0.2.1:53"}}}, []string{"FieldValueDuplicate spec.transfers.notify[1].address"}},
	} {
		t.Run(name, func(t *testing.T) {
			z := &v1.Zone{Spec: v1.ZoneSpec{Domain: "apps.example.com", NameServers: []v1.NameServer{{Name: "ns1.example.net"}}, Transfers: &tc.transfers}}
			if diff := cmp.Diff(tc.want, found(ValidateZone(z, nil))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValidateSecondary(t *testing.T) {
	z := &v1.Zone{Spec: v1.ZoneSpec{Domain: "apps.example.com", NameServers: []v1.NameServer{{Name: "ns1.example.net"}},
		Secondary: &v1.Secondary{Primaries: []v1.TransferServer{{Address: "192.0.2.1"}}}}}
	if diff := cmp.Diff([]string(nil), found(ValidateZone(z, nil))); diff != "" {
		t.Error(diff)
	}
	z.Spec.Secondary.Primaries = nil
	z.Spec.Records = []v1.Record{{Name: "www", Type: "A", Values: []string{"192.0.2.1"}}}
	z.Spec.Updates, z.Spec.SOA, z.Spec.DNSSEC, z.Spec.Transfers = &v1.Updates{}, &v1.SOA{}, &v1.ZoneDNSSEC{}, &v1.Transfers{}
	got := found(ValidateZone(z, nil))
	slices.Sort(got)
	want := []string{"FieldValueForbidden spec.dnssec", "FieldValueForbidden spec.records", "FieldValueForbidden spec.soa", "FieldValueForbidden spec.transfers", "FieldValueForbidden spec.updates", "FieldValueRequired spec.secondary.primaries"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestValidateZoneRecords(t *testing.T) {
	records := func(zone string, records ...v1.Record) *v1.ZoneRecords {
		return &v1.ZoneRecords{Spec: v1.ZoneRecordsSpec{Zone: zone, Records: records}}
	}
	fine := v1.Record{Name: "www", Type: "TLSA", Values: []string{"3 1 1 " + strings.Repeat("00", 32)}}
	for name, tc := range map[string]struct {
		new, old *v1.ZoneRecords
		want     []string
	}{
		"fine":         {records("apps", fine), nil, nil},
		"no zone":      {records("", fine), nil, []string{"FieldValueRequired spec.zone"}},
		"another zone": {records("apps", fine), records("other"), []string{"FieldValueForbidden spec.zone"}},
		"bad records": {records("apps", v1.Record{Name: "a.", Type: "A", Values: []string{"x"}}, v1.Record{Name: "b", Type: "DNAME", Values: []string{"a.b"}}), nil,
			[]string{"FieldValueInvalid spec.records[0].name", "FieldValueInvalid spec.records[0].values[0]", "FieldValueInvalid spec.records[1].type"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, found(ValidateZoneRecords(tc.new, tc.old))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
