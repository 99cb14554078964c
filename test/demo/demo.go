//go:build linux

package demo

import (
	"context"
	"io"
	"net/netip"

	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// Members are the three clusters of the demo.
func Members() []fleet.MemberSpec {
	return []fleet.MemberSpec{
		{Name: "fra", Region: "eu-central-1", Zones: []string{"eu-central-1a", "eu-central-1b"}, Provider: "aws"},
		{Name: "iad", Region: "us-east-1", Zones: []string{"us-east-1a", "us-east-1b"}, Provider: "aws"},
		{Name: "sin", Region: "ap-southeast-1", Zones: []string{"ap-southeast-1a", "ap-southeast-1b"}, Provider: "aws"},
	}
}

// demo is one run.
type demo struct {
	*Report
	in    *install.Installation
	fleet *fleet.Fleet
	// gateways are the addresses at which clients reach the shop, by cluster.
	gateways map[string]netip.Addr
}

// Run walks through the whole story on a fleet of Members with Seaway installed, and returns how many
// checks failed. A step that fails does not stop the next, except where nothing could come of it.
func Run(ctx context.Context, in *install.Installation, out io.Writer) (failed int) {
	d := newDemo(in, out)
	d.theFleet(ctx)
	if d.openTheShop(ctx) {
		d.nearest(ctx)
		d.throughAResolver(ctx)
		d.explained(ctx)
		d.idle(ctx)
		d.loseACluster(ctx, "fra", places[0].Subnet)
		d.itReturns(ctx, "fra", places[0].Subnet)
		d.loseTheHub(ctx)
	}
	d.closeTheShop(ctx)
	return d.Close()
}

func newDemo(in *install.Installation, out io.Writer) *demo {
	return &demo{Report: NewReport(out), in: in, fleet: in.Fleet, gateways: map[string]netip.Addr{}}
}

func (d *demo) cluster(address netip.Addr) string {
	for name, a := range d.gateways {
		if a == address {
			return name
		}
	}
	if !address.IsValid() {
		return "nobody"
	}
	return address.String()
}
