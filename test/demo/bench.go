//go:build linux

package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/seaway-io/seaway/test/fleet/install"
)

func benchFailover() *cobra.Command {
	var kills int
	cmd := &cobra.Command{
		Use: "bench-failover", Short: "Kill clusters again and again and measure how long it takes until the answers change", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withFleet(cmd.Context(), "bench", cmd.OutOrStdout(), func(ctx context.Context, in *install.Installation) error {
				d := newDemo(in, cmd.OutOrStdout())
				if !d.openTheShop(ctx) {
					return fmt.Errorf("the shop does not open")
				}
				p99, err := d.measure(ctx, kills)
				if err != nil {
					return err
				}
				failed := d.Close()
				d.Line("failover answer p99 %.2f s", p99.Seconds())
				if failed > 0 {
					return fmt.Errorf("%d checks failed", failed)
				}
				return nil
			})
		},
	}
	cmd.Flags().IntVar(&kills, "kills", 10, "how many clusters are killed, in turn")
	return cmd
}

// measure kills one cluster after the other and prints how long every name server went on answering
// with it.
func (d *demo) measure(ctx context.Context, kills int) (p99 time.Duration, err error) {
	var took []time.Duration
	empty := 0
	for i := range kills {
		place := places[i%len(places)]
		name := place.Nearest
		d.Step("kill %d of %d: %s", i+1, kills, name)
		client := startSteady(ctx, d.in.Client, d.in.NameServers, place.Subnet)
		client.watch(d.gateways[name])
		cluster, err := d.fleet.Cluster(name)
		if err != nil {
			return 0, err
		}
		killed := time.Now()
		if err := cluster.Kill(); err != nil {
			return 0, err
		}
		err = d.await(ctx, 20*time.Second, func(context.Context) error { return d.allChanged(client) })
		t := client.end()
		empty += t.Empty
		for _, at := range t.Changed {
			took = append(took, at.Sub(killed))
		}
		d.Check(err == nil, "%s; %d requests, %d failed", perServer(t.Changed, killed), t.Sent, t.Failed)
		if err := cluster.Revive(ctx); err != nil {
			return 0, err
		}
		if err := d.await(ctx, 90*time.Second, func(ctx context.Context) error { return d.answeredBy(ctx, nil) }); err != nil {
			return 0, fmt.Errorf("%s does not return: %w", name, err)
		}
	}
	slices.Sort(took)
	d.Check(empty == 0, "%d questions without an answer", empty)
	d.Check(len(took) == kills*len(d.in.NameServers) && percentile(took, 99) <= answerWithin, "every answer changed within %s", answerWithin)
	d.Say("failover answer p50 %.2f s, p90 %.2f s, longest %.2f s over %d kills and %d name servers",
		percentile(took, 50).Seconds(), percentile(took, 90).Seconds(), percentile(took, 100).Seconds(), kills, len(d.in.NameServers))
	return percentile(took, 99), nil
}

// percentile of sorted values by the nearest rank; 0 for none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}
