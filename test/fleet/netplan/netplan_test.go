package netplan

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var compareNetip = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func TestMember(t *testing.T) {
	shared := netip.MustParsePrefix("10.10.3.4/16")
	tests := map[string]struct {
		n              int
		pods, services netip.Prefix
		want           Cluster
	}{
		"the second member has ranges of its own": {
			n: 2,
			want: Cluster{
				Address:  netip.MustParseAddr("10.77.2.1"),
				Gateways: Range{netip.MustParseAddr("10.77.2.100"), netip.MustParseAddr("10.77.2.250")},
				Pods:     netip.MustParsePrefix("10.102.0.0/16"),
				Services: netip.MustParsePrefix("10.152.0.0/16"),
			},
		},
		"a chosen pod range is kept, without its host bits": {
			n: 1, pods: shared,
			want: Cluster{
				Address:  netip.MustParseAddr("10.77.1.1"),
				Gateways: Range{netip.MustParseAddr("10.77.1.100"), netip.MustParseAddr("10.77.1.250")},
				Pods:     netip.MustParsePrefix("10.10.0.0/16"),
				Services: netip.MustParsePrefix("10.151.0.0/16"),
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Member(test.n, test.pods, test.services), compareNetip); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoTwoClustersShareAnything(t *testing.T) {
	clusters := []Cluster{Hub()}
	for n := 1; n <= MaxMembers; n++ {
		clusters = append(clusters, Member(n, netip.Prefix{}, netip.Prefix{}))
	}
	var prefixes []netip.Prefix
	for i, c := range clusters {
		if !Network.Contains(c.Address) || c.Address == Switch {
			t.Errorf("cluster %d has address %s", i, c.Address)
		}
		if c.Gateways.Contains(c.Address) {
			t.Errorf("cluster %d: its own address %s is in its gateway range", i, c.Address)
		}
		prefixes = append(prefixes, c.Pods, c.Services)
	}
	prefixes = append(prefixes, Network)
	for i, a := range prefixes {
		for _, b := range prefixes[:i] {
			if a.Overlaps(b) {
				t.Errorf("%s overlaps %s", a, b)
			}
		}
	}
}

func TestHosts(t *testing.T) {
	var hosts Hosts
	if err := hosts.Take(netip.MustParseAddr("10.77.0.10")); err != nil {
		t.Fatal(err)
	}
	got, err := hosts.Next()
	if err != nil || got != netip.MustParseAddr("10.77.0.11") {
		t.Errorf("after .10 is taken: %s, %v", got, err)
	}
	for name, addr := range map[string]string{
		"taken already":          "10.77.0.10",
		"the hub's":              "10.77.0.2",
		"a member's gateway":     "10.77.3.101",
		"not of this family":     "fd00::1",
		"taken by Next just now": "10.77.0.11",
	} {
		if err := hosts.Take(netip.MustParseAddr(addr)); err == nil {
			t.Errorf("%s: %s was given out", name, addr)
		}
	}
	if err := hosts.Take(netip.MustParseAddr("203.0.113.7")); err != nil {
		t.Errorf("an address outside the segment: %v", err)
	}
	for {
		if _, err := hosts.Next(); err != nil {
			return
		}
	}
}

func TestNodePodsAreInsideAndApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(12, 24).Draw(t, "bits")
		pods := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 15).Draw(t, "b") << 4), 0, 0}), bits)
		room := 1 << (24 - bits)
		i, j := rapid.IntRange(0, room-1).Draw(t, "i"), rapid.IntRange(0, room-1).Draw(t, "j")
		a, err := NodePods(pods, i)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := NodePods(pods, j)
		if !pods.Overlaps(a) || a.Bits() < pods.Bits() {
			t.Fatalf("%s is not inside %s", a, pods)
		}
		if a.Overlaps(b) != (i == j) {
			t.Fatalf("nodes %d and %d have %s and %s", i, j, a, b)
		}
		if _, err := NodePods(pods, room); err == nil {
			t.Fatalf("%s gave node %d a range", pods, room)
		}
	})
}

func TestParseRange(t *testing.T) {
	want := Range{netip.MustParseAddr("10.77.1.100"), netip.MustParseAddr("10.77.1.250")}
	got, err := ParseRange(want.String())
	if err != nil || got != want {
		t.Errorf("ParseRange(%q) = %v, %v", want, got, err)
	}
	for _, bad := range []string{"", "10.77.1.1", "10.77.1.2-10.77.1.1", "x-10.77.1.1", "10.77.1.1-x", "10.77.1.1-fd00::1"} {
		if got, err := ParseRange(bad); err == nil {
			t.Errorf("ParseRange(%q) = %v", bad, got)
		}
	}
}

func TestDataRanges(t *testing.T) {
	member := Member(3, netip.MustParsePrefix("10.10.128.0/18"), netip.Prefix{})
	want := []Range{
		{netip.MustParseAddr("10.10.128.0"), netip.MustParseAddr("10.10.191.255")},
		{netip.MustParseAddr("10.153.0.0"), netip.MustParseAddr("10.153.255.255")},
		{netip.MustParseAddr("10.77.3.100"), netip.MustParseAddr("10.77.3.250")},
	}
	if diff := cmp.Diff(want, member.DataRanges(), compareNetip); diff != "" {
		t.Error(diff)
	}
	for _, r := range member.DataRanges() {
		if r.Contains(member.Address) {
			t.Errorf("%v holds the address of the API server", r)
		}
	}
}
