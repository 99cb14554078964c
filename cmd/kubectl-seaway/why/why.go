// Package why is `kubectl seaway why`: the way of an application from what a person wrote to what a
// name server answers, link by link, the first one that is broken, and the command that tells more of
// it. It goes by what the hub has, asks no member, and writes nothing.
package why

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/app"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/nameserver"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
	"github.com/seaway-io/seaway/dns/core/geo"
)

// inquiry is what is asked.
type inquiry struct {
	hub    hubclient.Flags
	geo    nameserver.Geo
	from   string
	output string
}

// Command is `kubectl seaway why`.
func Command() *cobra.Command {
	var q inquiry
	cmd := &cobra.Command{
		Use:   "why APP",
		Short: "Say which link is broken between an application and its clients",
		Long: `Walk an application link by link: policy, target, binding, Work, member object, pods,
endpoints, plan, zone, and the name server's answer. The first broken link is named, with the
command that tells more of it.

APP is the name of a TrafficPolicy, or KIND/NAME of a workload. Everything is read from the hub:
what members have is what they reported last.`,
		Example: `  kubectl seaway why web -n shop
  kubectl seaway why deploy/web -n shop --from 193.0.6.1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return q.run(cmd.Context(), cmd.OutOrStdout(), args[0])
		},
	}
	fs := cmd.Flags()
	q.hub.Add(fs)
	q.hub.AddNamespace(fs)
	q.geo.Add(fs)
	fs.StringVar(&q.from, "from", "", "address of the client whose answer is worked out; one of unknown whereabouts when not given")
	output.Add(fs, &q.output)
	return cmd
}

func (q *inquiry) run(ctx context.Context, w io.Writer, name string) error {
	if err := output.Check(q.output); err != nil {
		return err
	}
	var from netip.Addr
	if q.from != "" {
		var err error
		if from, err = netip.ParseAddr(q.from); err != nil {
			return fmt.Errorf("--from: %q is no IP address", q.from)
		}
	}
	source, _, err := q.geo.Open()
	if err != nil {
		return err
	}
	h, err := q.hub.Hub()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*q.hub.Timeout) // it asks more than once
	defer cancel()
	facts, err := gather(ctx, h, name, time.Now())
	if err != nil {
		return err
	}
	facts.Client, facts.Places = from, geo.Compile(source)
	a := Walk(facts)
	return output.Show(w, q.output, a, a.text)
}

// Facts are what an application is judged by.
type Facts struct {
	App *app.App
	// View has the clusters, the zones, the region maps, the reports of the name servers, and of the
	// plans those of the application.
	View view.View
	// Client whose answer is worked out; one of unknown whereabouts when not valid.
	Client netip.Addr
	Places *geo.Places
}

// gather reads what there is to know of an application.
func gather(ctx context.Context, h hubclient.Hub, name string, now time.Time) (Facts, error) {
	a, err := app.Find(ctx, h, name)
	if err != nil {
		return Facts{}, err
	}
	f := Facts{App: a, View: view.View{Now: now}}
	for i := range a.Policies {
		var plan trafficv1alpha1.TrafficPlan
		err := h.Get(ctx, client.ObjectKeyFromObject(&a.Policies[i]), &plan)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return Facts{}, fmt.Errorf("get traffic plan: %w", err)
		}
		f.View.Plans = append(f.View.Plans, plan)
	}
	for _, read := range []func() error{
		func() error {
			return all(ctx, h, &clusterv1alpha1.ClusterList{}, func(l *clusterv1alpha1.ClusterList) { f.View.Clusters = append(f.View.Clusters, l.Items...) })
		},
		func() error {
			return all(ctx, h, &trafficv1alpha1.ZoneList{}, func(l *trafficv1alpha1.ZoneList) { f.View.Zones = append(f.View.Zones, l.Items...) })
		},
		func() error {
			return all(ctx, h, &trafficv1alpha1.RegionMapList{}, func(l *trafficv1alpha1.RegionMapList) { f.View.RegionMaps = append(f.View.RegionMaps, l.Items...) })
		},
		func() error {
			return all(ctx, h, &trafficv1alpha1.EndpointHealthList{}, func(l *trafficv1alpha1.EndpointHealthList) { f.View.Health = append(f.View.Health, l.Items...) })
		},
	} {
		if err := read(); err != nil {
			return Facts{}, err
		}
	}
	return f, nil
}

func all[L client.ObjectList](ctx context.Context, h hubclient.Hub, empty L, take func(L)) error {
	if err := hubclient.Pages(ctx, h, empty, func(l L) bool { take(l); return true }); err != nil {
		return fmt.Errorf("list %T: %w", empty, err)
	}
	return nil
}
