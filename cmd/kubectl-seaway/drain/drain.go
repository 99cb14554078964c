// Package drain is `kubectl seaway drain` and `kubectl seaway undrain`: a person takes requests out of a
// cluster, for all applications or for one, and lets them back in. Workloads stay.
package drain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/forecast"
	"github.com/seaway-io/seaway/controllers/core/drill"
	"github.com/seaway-io/seaway/controllers/hub"
)

// wish is what a person wants.
type wish struct {
	hub     hubclient.Flags
	undrain bool
	cluster string
	reason  string
	dryRun  bool
	force   bool
}

// Command is `kubectl seaway drain`.
func Command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "Take requests out of a cluster; workloads stay",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(cluster(false), app(false))
	return cmd
}

// Undrain is `kubectl seaway undrain`.
func Undrain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "undrain",
		Short: "Let requests back into a cluster that was drained",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(cluster(true), app(true))
	return cmd
}

const effect = `

First it shows who would be sent where, and what each application would then get of what it takes, as far as
the policies declare a capacity and somebody measures the demand.`

func cluster(undrain bool) *cobra.Command {
	o := wish{undrain: undrain}
	cmd := &cobra.Command{
		Use:   "cluster NAME",
		Short: "Take the requests of all applications out of a cluster",
		Long: `Take the requests of all applications out of a cluster, while others can take them: the planner counts the
cluster out until it is undrained.` + effect + `

It is refused where an application is in no other cluster, or another one would get more than it takes.`,
		Example: "  kubectl seaway drain cluster fra --reason 'new load balancers'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, func(ctx context.Context, c client.Client, w io.Writer) error {
				return o.drainCluster(ctx, c, w, args[0])
			})
		},
	}
	if undrain {
		cmd.Short = "Let the requests of all applications back into a cluster"
		cmd.Long = cmd.Short + ". They return in the steps of each application's failback." + effect
		cmd.Example = "  kubectl seaway undrain cluster fra"
	}
	o.addFlags(cmd)
	return cmd
}

func app(undrain bool) *cobra.Command {
	o := wish{undrain: undrain}
	cmd := &cobra.Command{
		Use:     "app NAMESPACE/POLICY --cluster NAME",
		Short:   "Take the requests of one application out of a cluster",
		Long:    "Take the requests of one application, named by its TrafficPolicy, out of a cluster (spec.drain)." + effect,
		Example: "  kubectl seaway drain app shop/web --cluster fra --reason 'a bad release'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, func(ctx context.Context, c client.Client, w io.Writer) error { return o.drainApp(ctx, c, w, args[0]) })
		},
	}
	use := "cluster that requests are taken out of"
	if undrain {
		cmd.Use = "app NAMESPACE/POLICY [--cluster NAME]"
		cmd.Short = "Let the requests of one application back into a cluster"
		cmd.Long = cmd.Short + ", or into all that it was drained from." + effect
		cmd.Example = "  kubectl seaway undrain app shop/web"
		use = "cluster that requests are let back into; all when not given"
	}
	o.addFlags(cmd)
	o.hub.AddNamespace(cmd.Flags())
	cmd.Flags().StringVar(&o.cluster, "cluster", "", use)
	return cmd
}

func (o *wish) addFlags(cmd *cobra.Command) {
	fs := cmd.Flags()
	o.hub.Add(fs)
	fs.BoolVar(&o.dryRun, "dry-run", false, "only show what would happen")
	if !o.undrain {
		fs.StringVar(&o.reason, "reason", "", "why; told to whoever asks why the cluster receives nothing")
		fs.BoolVar(&o.force, "force", false, "drain also where somebody would be left in no other cluster, or another would get more than it takes")
	}
}

func (o *wish) run(cmd *cobra.Command, do func(context.Context, client.Client, io.Writer) error) error {
	c, err := o.hub.Client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 4*o.hub.Timeout) // it asks more than once
	defer cancel()
	return do(ctx, c, cmd.OutOrStdout())
}

func (o *wish) drainCluster(ctx context.Context, c client.Client, w io.Writer, name string) error {
	if strings.HasPrefix(o.reason, names.DrillDrainPrefix) {
		return fmt.Errorf("--reason: one that begins with %s is a drill's; write another, or use `kubectl seaway drill`", names.DrillDrainPrefix)
	}
	target := &clusterv1alpha1.Cluster{}
	if err := c.Get(ctx, client.ObjectKey{Name: name}, target); apierrors.IsNotFound(err) {
		return fmt.Errorf("there is no cluster %s; `kubectl seaway status` shows them all", name)
	} else if err != nil {
		return fmt.Errorf("get cluster %s: %w", name, err)
	}
	why, drained := target.Annotations[names.DrainAnnotation]
	by, drilled := drill.Marker(target)
	switch {
	case o.undrain && !drained:
		fmt.Fprintf(w, "cluster %s is not drained\n", name)
		return nil
	case drilled && o.undrain:
		fmt.Fprintf(w, "drill %s has requests out of it, and ends with this\n", by)
	case drilled:
		fmt.Fprintf(w, "drill %s has requests out of it: it ends, and they stay out\n", by)
	case drained && !o.undrain:
		fmt.Fprintf(w, "it is drained already (%s): only the reason changes\n", why)
	}
	world, err := forecast.Read(ctx, c)
	if err != nil {
		return err
	}
	change := drill.Drain
	if o.undrain {
		change = drill.Undrain
	}
	p := drill.Predict(world, []string{name}, change)
	return o.decide(w, &p, "cluster "+name, func() error {
		_, err := hub.Patch(ctx, c, target, func(t *clusterv1alpha1.Cluster) {
			if o.undrain {
				delete(t.Annotations, names.DrainAnnotation)
				return
			}
			if t.Annotations == nil {
				t.Annotations = map[string]string{}
			}
			t.Annotations[names.DrainAnnotation] = o.reason
		})
		return err
	})
}

func (o *wish) drainApp(ctx context.Context, c client.Client, w io.Writer, arg string) error {
	key, err := o.policy(arg)
	if err != nil {
		return err
	}
	if o.cluster == "" && !o.undrain {
		return errors.New("--cluster: name the cluster that requests are taken out of")
	}
	world, err := forecast.Read(ctx, c)
	if err != nil {
		return err
	}
	policy := &trafficv1alpha1.TrafficPolicy{}
	if err := c.Get(ctx, key, policy); apierrors.IsNotFound(err) {
		return fmt.Errorf("there is no TrafficPolicy %s", key)
	} else if err != nil {
		return fmt.Errorf("get TrafficPolicy %s: %w", key, err)
	}
	clusters, err := o.clusters(world, policy)
	if err != nil {
		return err
	}
	if len(clusters) == 0 {
		fmt.Fprintf(w, "%s is not drained\n", key)
		return nil
	}
	world.Apps = slices.DeleteFunc(world.Apps, func(a drill.App) bool { return client.ObjectKeyFromObject(a.Policy) != key })
	for i := range world.Apps {
		o.edit(world.Apps[i].Policy, clusters)
	}
	p := drill.Predict(world, clusters, drill.Edited)
	return o.decide(w, &p, fmt.Sprintf("%s in %s", key, strings.Join(clusters, ", ")), func() error {
		_, err := hub.Patch(ctx, c, policy, func(t *trafficv1alpha1.TrafficPolicy) { o.edit(t, clusters) })
		return err
	})
}

// policy reads NAMESPACE/NAME, or a name in the namespace of the flags.
func (o *wish) policy(arg string) (types.NamespacedName, error) {
	namespace, name, both := strings.Cut(arg, "/")
	if !both {
		var err error
		if namespace, err = o.hub.Namespace(); err != nil {
			return types.NamespacedName{}, err
		}
		name = arg
	}
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return types.NamespacedName{}, fmt.Errorf("%q is no NAMESPACE/POLICY, such as shop/web", arg)
	}
	return types.NamespacedName{Namespace: namespace, Name: name}, nil
}

// clusters are those to drain or, when none was named, all to undrain.
func (o *wish) clusters(w *drill.World, p *trafficv1alpha1.TrafficPolicy) ([]string, error) {
	drained := func(name string) bool {
		return slices.ContainsFunc(p.Spec.Drain, func(d trafficv1alpha1.Drain) bool { return d.Cluster == name })
	}
	switch {
	case o.cluster == "":
		var out []string
		for _, d := range p.Spec.Drain {
			out = append(out, d.Cluster)
		}
		return out, nil
	case o.undrain && !drained(o.cluster):
		return nil, nil
	case !o.undrain && !slices.ContainsFunc(w.Clusters, func(c *clusterv1alpha1.Cluster) bool { return c.Name == o.cluster }):
		return nil, fmt.Errorf("--cluster: there is no cluster %s; `kubectl seaway status` shows them all", o.cluster)
	}
	return []string{o.cluster}, nil
}

// edit does to a policy what is wanted.
func (o *wish) edit(p *trafficv1alpha1.TrafficPolicy, clusters []string) {
	p.Spec.Drain = slices.DeleteFunc(p.Spec.Drain, func(d trafficv1alpha1.Drain) bool { return slices.Contains(clusters, d.Cluster) })
	if o.undrain {
		return
	}
	for _, name := range clusters {
		p.Spec.Drain = append(p.Spec.Drain, trafficv1alpha1.Drain{Cluster: name, Reason: o.reason})
	}
}

// decide shows a prediction, and does what is wanted unless something speaks against it.
func (o *wish) decide(w io.Writer, p *drill.Prediction, what string, do func() error) error {
	if err := forecast.Print(w, p); err != nil {
		return err
	}
	if !o.undrain && !o.force {
		if err := forecast.Refusal(p); err != nil {
			return err
		}
	}
	verb := "drained"
	if o.undrain {
		verb = "undrained"
	}
	if o.dryRun {
		_, err := fmt.Fprintf(w, "%s would be %s (dry run)\n", what, verb)
		return err
	}
	if err := do(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s %s\n", what, verb)
	return err
}
