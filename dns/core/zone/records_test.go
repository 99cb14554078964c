package zone_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/wire"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

// A few names and types, so that records get into each other's way.
var (
	crowded = []string{"@", "a", "b", "a.b", "*.b", "x.a.b", "c", "ns.c", "x.c", "*", "www", "shop", "ns1"}
	values  = map[string][]string{
		"A":     {"192.0.2.1", "192.0.2.2"},
		"TXT":   {"one", "two"},
		"CNAME": {"a.apps.example.com", "b.apps.example.com", "x.b.apps.example.com", "www.apps.example.com", "www.example.net"},
		"NS":    {"ns.c.apps.example.com", "ns.example.net", "www.apps.example.com"},
		"DS":    {"1 13 1 0000000000000000000000000000000000000000"},
		"MX":    {"10 a.apps.example.com"},
		"HTTPS": {"1 . alpn=h2", "0 www.example.net", "1 . ipv4hint=192.0.2.9"},
	}
)

func drawRecords(t *rapid.T, label string) []trafficv1alpha1.Record {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) trafficv1alpha1.Record {
		kinds := []string{"A", "CNAME", "DS", "HTTPS", "MX", "NS", "TXT"}
		kind := rapid.SampledFrom(kinds).Draw(t, "type")
		return trafficv1alpha1.Record{
			Name: rapid.SampledFrom(crowded).Draw(t, "name"), Type: kind,
			Values: rapid.SliceOfNDistinct(rapid.SampledFrom(values[kind]), 1, 1, rapid.ID[string]).Draw(t, "values"),
		}
	}), 0, 8).Draw(t, label)
}

func object(name string, age int, records []trafficv1alpha1.Record) *trafficv1alpha1.ZoneRecords {
	return &trafficv1alpha1.ZoneRecords{
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(zonetest.Now.Add(-time.Duration(age) * time.Hour))},
		Spec:       trafficv1alpha1.ZoneRecordsSpec{Zone: "apps", Records: records},
	}
}

func drawZone(t *rapid.T) zone.Input {
	in := zonetest.Input(t, zonetest.Demo)
	in.Zones[0].Spec.Records = drawRecords(t, "of the zone")
	for i := range rapid.IntRange(0, 2).Draw(t, "objects") {
		in.Records = append(in.Records, object(fmt.Sprint("r", i), 10-i, drawRecords(t, "of an object")))
	}
	return in
}

// What stands in a zone stays there, whatever younger objects want.
func TestYoungerRecordsTakeNothingFromOlderOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawZone(t)
		before := zone.Compile(in)
		in.Records = append(in.Records, object("young", 1, drawRecords(t, "of the youngest")))
		after := zone.Compile(in)
		for _, text := range crowded {
			name, _ := wire.ParseName(text + ".apps.example.com")
			if text == "@" {
				name, _ = wire.ParseName("apps.example.com")
			}
			was, above := before.Lookup(name)
			if above > 0 {
				continue
			}
			is, above := after.Lookup(name)
			if above > 0 {
				t.Fatalf("%s is gone; problems: %v", name, after.Problems)
			}
			for _, set := range was.Sets {
				if set.Type == dns.TypeSOA {
					continue
				}
				if now := is.Set(set.Type); now == nil || !bytes.HasPrefix(now.Bytes(), set.Bytes()) {
					t.Fatalf("%s %s is not what it was; problems: %v", name, dns.Type(set.Type), after.Problems)
				}
			}
			if was.Alias != nil && (is.Alias == nil || is.Alias.Target != was.Alias.Target) {
				t.Fatalf("the alias %s is gone; problems: %v", name, after.Problems)
			}
			if (was.Cut != nil) != (is.Cut != nil) && (was.Cut != nil || len(was.Sets) > 0) {
				t.Fatalf("%s is delegated or not any more; problems: %v", name, after.Problems)
			}
		}
		for _, p := range before.Problems {
			// A younger object may put right what was missing: with glue, or with a record at a name at which a
			// wildcard's alias led back to itself. Nothing else changes.
			righted := strings.Contains(p.Message, "without its address") || strings.Contains(p.Message, "the record belongs there") ||
				strings.Contains(p.Message, "leads back to itself")
			if p.Object.Name != "young" && !slices.Contains(after.Problems, p) && !righted {
				t.Fatalf("a problem of an older object is gone: %v", p)
			}
		}
	})
}

// An object of which nothing can be used leaves no trace but its problems, however old it is.
func TestABadObjectChangesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawZone(t)
		before := zone.Compile(in)
		bad := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) trafficv1alpha1.Record {
			r := trafficv1alpha1.Record{Name: rapid.SampledFrom(crowded).Draw(t, "name"), Type: "A", Values: []string{"192.0.2.1"}}
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				r.Type = rapid.SampledFrom([]string{"SOA", "", "DNAME", "TYPE0", "ANY", "RRSIG"}).Draw(t, "type")
			case 1:
				r.Values = []string{rapid.SampledFrom([]string{"", "::1", "x", `\# 1 00`}).Draw(t, "value")}
			case 2:
				r.Name = rapid.SampledFrom([]string{"a..b", "www.", "ns1"}).Draw(t, "bad name")
			default:
				r.Name, r.Type, r.Values = "@", "CNAME", []string{"a.b"}
			}
			return r
		}), 1, 4).Draw(t, "bad")
		o := object("bad", rapid.IntRange(0, 20).Draw(t, "age"), bad)
		in.Records = append(in.Records, o)
		after := zone.Compile(in)
		if diff := cmp.Diff(fingerprint(before), fingerprint(after)); diff != "" {
			t.Fatal(diff)
		}
		others := slices.DeleteFunc(slices.Clone(after.Problems), func(p zone.Problem) bool { return p.Object.Name == "bad" })
		if len(others) == len(after.Problems) {
			t.Fatal("nothing is said of the bad object")
		}
		if diff := cmp.Diff(append([]zone.Problem{}, before.Problems...), append([]zone.Problem{}, others...)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// The order of the input and what was compiled before are of no consequence.
func TestCompileDependsOnTheObjectsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawZone(t)
		first := zone.Compile(in)
		again := in
		again.Records = rapid.Permutation(in.Records).Draw(t, "order")
		again.Plans = rapid.Permutation(in.Plans).Draw(t, "order of plans")
		again.Previous = zone.Compile(drawZone(t))
		second := zone.Compile(again)
		if diff := cmp.Diff(fingerprint(first), fingerprint(second)); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(first.Problems, second.Problems); diff != "" {
			t.Fatal(diff)
		}
	})
}
