package fleet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seaway-io/seaway/test/fleet/binaries"
)

// options are valid ones, with stand-ins for the binaries.
func options(t *testing.T, members ...MemberSpec) Options {
	t.Helper()
	dir := t.TempDir()
	for _, name := range binaries.Names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return Options{Dir: t.TempDir(), Binaries: dir, Members: members}
}

func TestDefaults(t *testing.T) {
	o := options(t, MemberSpec{Name: "fra"}, MemberSpec{Name: "iad", Nodes: 1, PodCIDR: "10.10.0.0/20"})
	plans, err := o.complete()
	if err != nil {
		t.Fatal(err)
	}
	want := []MemberSpec{
		{Name: "fra", Nodes: 2, PodCIDR: "10.101.0.0/16", ServiceCIDR: "10.151.0.0/16"},
		{Name: "iad", Nodes: 1, PodCIDR: "10.10.0.0/20", ServiceCIDR: "10.152.0.0/16"},
	}
	if diff := cmp.Diff(want, o.Members); diff != "" {
		t.Error(diff)
	}
	if len(plans) != 2 || plans[1].Address.String() != "10.77.2.1" {
		t.Errorf("%v", plans)
	}
	if o.Name != "seaway" || o.Seaway == "" || o.Log == nil || o.StartTimeout == 0 {
		t.Errorf("%+v", o)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	tests := map[string]struct {
		change func(*Options)
		want   []string // all of these, in the error
	}{
		"a name that is no label": {func(o *Options) { o.Name = "my.fleet" }, []string{`Name "my.fleet"`}},
		"no folder":               {func(o *Options) { o.Dir = "" }, []string{"Dir"}},
		"no binaries":             {func(o *Options) { o.Binaries = t.TempDir() }, []string{"Binaries", "etcd"}},
		"no data plane":           {func(o *Options) { o.Seaway = "/nowhere/seaway" }, []string{"Seaway"}},
		"a member called hub":     {func(o *Options) { o.Members[1].Name = "hub" }, []string{`Members[1].Name "hub": is taken`}},
		"two members of one name": {func(o *Options) { o.Members[1].Name = "fra" }, []string{`Members[1].Name "fra": is taken`}},
		"a negative number":       {func(o *Options) { o.Members[0].Nodes = -1 }, []string{"Members[0].Nodes"}},
		"no range":                {func(o *Options) { o.Members[0].PodCIDR = "10.0.0.0" }, []string{"Members[0] (fra): field PodCIDR"}},
		"a range on the segment":  {func(o *Options) { o.Members[0].ServiceCIDR = "10.77.3.0/24" }, []string{"ServiceCIDR", "10.77.0.0/16"}},
		"too many nodes for the range": {
			func(o *Options) { o.Members[0].PodCIDR, o.Members[0].Nodes = "10.1.0.0/24", 2 }, []string{"PodCIDR", "10.1.0.0/24", "node 1"},
		},
		"pods among the Services": {func(o *Options) { o.Members[0].PodCIDR = "10.151.0.0/16" }, []string{"PodCIDR", "overlaps ServiceCIDR"}},
		"a flat fleet whose pods overlap": {
			func(o *Options) {
				o.Flat, o.Members[0].PodCIDR, o.Members[1].PodCIDR = true, "10.10.0.0/16", "10.10.0.0/16"
			},
			[]string{"Flat", "iad", "fra"},
		},
		"two mistakes are both named": {
			func(o *Options) { o.Members[0].PodCIDR, o.Members[1].ServiceCIDR = "x", "y" }, []string{"Members[0]", "Members[1]"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(t, MemberSpec{Name: "fra"}, MemberSpec{Name: "iad"})
			test.change(&o)
			_, err := o.complete()
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in %q", want, err)
				}
			}
		})
	}
}

func TestOverlappingPodsAreAllowedUnlessFlat(t *testing.T) {
	o := options(t, MemberSpec{Name: "fra", PodCIDR: "10.10.0.0/16"}, MemberSpec{Name: "iad", PodCIDR: "10.10.0.0/16"})
	if _, err := o.complete(); err != nil {
		t.Error(err)
	}
}
