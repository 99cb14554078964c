package traffic

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

func created(after time.Duration) metav1.Time { return metav1.NewTime(noon.Add(after)) }

func policy(namespace, name string, age time.Duration, hosts ...string) *v1.TrafficPolicy {
	return &v1.TrafficPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, CreationTimestamp: created(age)},
		Spec:       v1.TrafficPolicySpec{Hostnames: hosts},
	}
}

func zone(name, domain string, age time.Duration) *v1.Zone {
	return &v1.Zone{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: created(age)}, Spec: v1.ZoneSpec{Domain: domain}}
}

func TestResolveHostnames(t *testing.T) {
	open := zone("apps", "apps.example.com", 0)
	open.Spec.Records = []v1.Record{
		{Name: "static", Type: "A", Values: []string{"192.0.2.1"}},
		{Name: "text", Type: "TXT", Values: []string{"x"}},
		{Name: "far", Type: "NS", Values: []string{"ns.example.net"}},
		{Name: "", Type: "AAAA", Values: []string{"2001:db8::1"}},
	}
	open.Spec.NameServers = []v1.NameServer{{Name: "NS1.apps.example.com", Addresses: []string{"192.0.2.53"}}}
	closed := zone("team", "team.example.net", 0)
	closed.Spec.AllowedNamespaces = &v1.AllowedNamespaces{
		Names:    []string{"team"},
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"dns": "yes"}},
	}
	none := zone("none", "none.example.net", 0)
	none.Spec.AllowedNamespaces = &v1.AllowedNamespaces{}
	namespaces := map[string]labels.Set{"labelled": {"dns": "yes"}, "shop": {"dns": "no"}}

	refused := func(p *v1.TrafficPolicy, all []*v1.TrafficPolicy) (won []string, lost []string) {
		r := ResolveHostnames(all, []*v1.Zone{open, closed, none}, namespaces)[key(p)]
		for _, x := range r.Refused {
			lost = append(lost, x.Reason+" "+x.Message)
		}
		return r.Hostnames, lost
	}
	older := policy("shop", "old", 0, "a.apps.example.com", "*.b.apps.example.com")
	for name, tc := range map[string]struct {
		policy *v1.TrafficPolicy
		others []*v1.TrafficPolicy
		won    []string
		lost   []string
	}{
		"alone": {policy: policy("shop", "x", 0, "shop.apps.example.com", "*.shop.apps.example.com"),
			won: []string{"shop.apps.example.com", "*.shop.apps.example.com"}},
		"outside every zone": {policy: policy("shop", "x", 0, "apps.example.com.evil.org", "xapps.example.com"),
			lost: []string{
				`NoZone spec.hostnames[0]: "apps.example.com.evil.org" lies in no accepted Zone; make a Zone for its domain or use a name inside one`,
				`NoZone spec.hostnames[1]: "xapps.example.com" lies in no accepted Zone; make a Zone for its domain or use a name inside one`,
			}},
		"the older wins, name by name": {policy: policy("shop", "x", time.Second, "a.apps.example.com", "c.apps.example.com"), others: []*v1.TrafficPolicy{older},
			won:  []string{"c.apps.example.com"},
			lost: []string{`HostnameConflict spec.hostnames[0]: "a.apps.example.com" belongs to TrafficPolicy shop/old, which is older; remove the host name from one of the two`}},
		"of two equally old the first by namespace and name": {policy: policy("shop", "x", 0, "a.apps.example.com"), others: []*v1.TrafficPolicy{older, policy("abc", "z", 0, "a.apps.example.com")},
			lost: []string{`HostnameConflict spec.hostnames[0]: "a.apps.example.com" belongs to TrafficPolicy abc/z, which is older; remove the host name from one of the two`}},
		"a wildcard and a name below it are two names": {policy: policy("shop", "x", time.Second, "c.b.apps.example.com"), others: []*v1.TrafficPolicy{older},
			won: []string{"c.b.apps.example.com"}},
		"a namespace that is not allowed": {policy: policy("shop", "x", 0, "a.team.example.net", "a.none.example.net"),
			lost: []string{
				`NamespaceNotAllowed spec.hostnames[0]: "a.team.example.net" lies in Zone team, which does not let namespace shop claim names; see spec.allowedNamespaces of the Zone`,
				`NamespaceNotAllowed spec.hostnames[1]: "a.none.example.net" lies in Zone none, which does not let namespace shop claim names; see spec.allowedNamespaces of the Zone`,
			}},
		"a namespace allowed by name":  {policy: policy("team", "x", 0, "a.team.example.net"), won: []string{"a.team.example.net"}},
		"a namespace allowed by label": {policy: policy("labelled", "x", 0, "a.team.example.net"), won: []string{"a.team.example.net"}},
		"who may not claim a name stands in nobody's way": {policy: policy("team", "x", time.Hour, "a.team.example.net"), others: []*v1.TrafficPolicy{policy("shop", "squatter", 0, "a.team.example.net")},
			won: []string{"a.team.example.net"}},
		"who is leaving stands in nobody's way": {policy: policy("shop", "x", time.Hour, "a.apps.example.com"), others: []*v1.TrafficPolicy{func() *v1.TrafficPolicy {
			p := older.DeepCopy()
			p.DeletionTimestamp = &metav1.Time{Time: noon}
			return p
		}()}, won: []string{"a.apps.example.com"}},
		"the zone's own names come first": {policy: policy("shop", "x", 0, "static.apps.example.com", "text.apps.example.com", "a.far.apps.example.com", "apps.example.com", "ns1.apps.example.com"),
			won: []string{"text.apps.example.com"},
			lost: []string{
				`HostnameConflict spec.hostnames[0]: "static.apps.example.com" is used by Zone apps itself (spec.records[0] of type A); remove one of the two`,
				`HostnameConflict spec.hostnames[2]: "a.far.apps.example.com" is used by Zone apps itself (spec.records[2] of type NS); remove one of the two`,
				`HostnameConflict spec.hostnames[3]: "apps.example.com" is used by Zone apps itself (spec.records[3] of type AAAA); remove one of the two`,
				`HostnameConflict spec.hostnames[4]: "ns1.apps.example.com" is used by Zone apps itself (spec.nameServers[0]); remove one of the two`,
			}},
	} {
		t.Run(name, func(t *testing.T) {
			won, lost := refused(tc.policy, append([]*v1.TrafficPolicy{tc.policy}, tc.others...))
			if diff := cmp.Diff(tc.won, won); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.lost, lost); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every host name has at most one owner, whatever the order in which policies are listed, and the
// answer for one policy is the same when only those are listed that share a name with it.
func TestHostnamesHaveOneOwner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones := []*v1.Zone{zone("z", "z.org", 0)}
		var all []*v1.TrafficPolicy
		for i := range rapid.IntRange(1, 8).Draw(t, "policies") {
			hosts := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a.z.org", "b.z.org", "c.z.org", "d.org"}), 1, 3, rapid.ID).Draw(t, "hosts")
			all = append(all, policy("ns", string(rune('a'+i)), time.Duration(rapid.IntRange(0, 3).Draw(t, "age"))*time.Second, hosts...))
		}
		got := ResolveHostnames(all, zones, nil)
		if diff := cmp.Diff(got, ResolveHostnames(rapid.Permutation(all).Draw(t, "permutation"), zones, nil)); diff != "" {
			t.Fatalf("the order matters: %s", diff)
		}
		owners := map[string]string{}
		for name, r := range got {
			for _, h := range r.Hostnames {
				if owners[h] != "" {
					t.Fatalf("%s belongs to %s and %s", h, owners[h], name)
				}
				owners[h] = name.String()
			}
		}
		for _, p := range all {
			sharing := ResolveHostnames(sharingWith(p, all), zones, nil)
			if diff := cmp.Diff(got[key(p)], sharing[key(p)]); diff != "" {
				t.Fatalf("%s differs when only its rivals are asked: %s", p.Name, diff)
			}
		}
	})
}

func sharingWith(p *v1.TrafficPolicy, all []*v1.TrafficPolicy) (out []*v1.TrafficPolicy) {
	for _, q := range all {
		for _, h := range q.Spec.Hostnames {
			if h == p.Spec.Hostnames[0] || len(p.Spec.Hostnames) > 1 && h == p.Spec.Hostnames[1] || len(p.Spec.Hostnames) > 2 && h == p.Spec.Hostnames[2] {
				out = append(out, q)
				break
			}
		}
	}
	return out
}

func TestOverlappingZones(t *testing.T) {
	for name, tc := range map[string]struct {
		zones []*v1.Zone
		want  map[string]string
	}{
		"apart": {[]*v1.Zone{zone("a", "a.org", 0), zone("b", "b.org", 0), zone("ba", "xb.org", 0)}, map[string]string{}},
		"the same domain": {[]*v1.Zone{zone("new", "a.org", 1), zone("old", "a.org", 0)}, map[string]string{
			"new": `spec.domain: "a.org" overlaps Zone old (a.org), which is older; delete one of the two`}},
		"one inside the other": {[]*v1.Zone{zone("new", "a.b.org", 1), zone("old", "b.org", 0)}, map[string]string{
			"new": `spec.domain: "a.b.org" overlaps Zone old (b.org), which is older; delete one of the two`}},
		"one around the other": {[]*v1.Zone{zone("new", "b.org", 1), zone("old", "c.a.b.org", 0)}, map[string]string{
			"new": `spec.domain: "b.org" overlaps Zone old (c.a.b.org), which is older; delete one of the two`}},
		"who is refused stands in nobody's way": {[]*v1.Zone{zone("1", "a.b.org", 0), zone("2", "b.org", 1), zone("3", "c.b.org", 2)}, map[string]string{
			"2": `spec.domain: "b.org" overlaps Zone 1 (a.b.org), which is older; delete one of the two`}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, OverlappingZones(tc.zones)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMergeRegionMaps(t *testing.T) {
	regionMap := func(name string, age time.Duration, regions ...v1.Region) *v1.RegionMap {
		return &v1.RegionMap{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: created(age)}, Spec: v1.RegionMapSpec{Regions: regions}}
	}
	first := v1.Region{Name: "a", Location: &v1.Coordinates{Latitude: "1", Longitude: "1"}}
	regions, unused := MergeRegionMaps([]*v1.RegionMap{
		regionMap("new", time.Hour, v1.Region{Name: "b"}, v1.Region{Name: "a"}),
		regionMap("old", 0, first),
	})
	if diff := cmp.Diff(Regions{"a": first, "b": {Name: "b"}}, regions); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string][]string{"new": {`spec.regions[1]: "a" is defined by RegionMap old, which is older`}}, unused); diff != "" {
		t.Error(diff)
	}
}
