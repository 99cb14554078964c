// Package status is `kubectl seaway status`: the whole federation on one screen.
package status

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
)

// Command is `kubectl seaway status`.
func Command() *cobra.Command {
	var hub hubclient.Flags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show clusters, health, capacity, applications, traffic and name servers on one screen",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := hub.Client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), hub.Timeout)
			defer cancel()
			v, err := view.Read(ctx, c)
			if err != nil {
				return err
			}
			return Print(cmd.OutOrStdout(), v)
		},
	}
	hub.Add(cmd.Flags())
	return cmd
}

// Print writes the screen.
func Print(w io.Writer, v view.View) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	clusters(tw, v)
	applications(tw, v)
	servers(tw, v)
	zones(tw, v)
	return tw.Flush()
}

func clusters(w io.Writer, v view.View) {
	fmt.Fprintln(w, "CLUSTER\tREGION\tAPI\tDATA PATH\tNODES\tCPU USED\tMEMORY USED\tPODS\tVERSION\tNOTES")
	for i := range v.Clusters {
		c := &v.Clusters[i]
		nodes := "-"
		if n := c.Status.NodeSummary; n != nil {
			nodes = fmt.Sprintf("%d/%d", n.ReadyNum, n.TotalNum)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, dash(c.Spec.Region), ready(c), dataPath(c), nodes,
			used(c, corev1.ResourceCPU), used(c, corev1.ResourceMemory), used(c, corev1.ResourcePods), dash(c.Status.KubernetesVersion), notes(v, c))
	}
	if len(v.Clusters) == 0 {
		fmt.Fprintln(w, "none: kubectl seaway join NAME --cluster-kubeconfig FILE")
	}
	fmt.Fprintln(w)
}

func ready(c *clusterv1alpha1.Cluster) string {
	cond := view.Condition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady)
	if cond.Status == metav1.ConditionTrue {
		return "Ready"
	}
	return cond.Reason
}

func dataPath(c *clusterv1alpha1.Cluster) string {
	switch view.Condition(c.Status.Conditions, trafficv1alpha1.ClusterConditionDataPath).Status {
	case metav1.ConditionTrue:
		return "up"
	case metav1.ConditionFalse:
		return "DOWN"
	}
	return "not probed"
}

func used(c *clusterv1alpha1.Cluster, name corev1.ResourceName) string {
	s := c.Status.ResourceSummary
	if s == nil {
		return "-"
	}
	have, ok := s.Allocatable[name]
	if !ok || have.IsZero() {
		return "-"
	}
	taken := s.Allocated[name]
	if name == corev1.ResourcePods {
		return fmt.Sprintf("%d/%d", taken.Value(), have.Value())
	}
	percent := 100 * taken.AsApproximateFloat64() / have.AsApproximateFloat64()
	return fmt.Sprintf("%.0f%% of %s", percent, short(have, name))
}

func short(q resource.Quantity, name corev1.ResourceName) string {
	if name == corev1.ResourceMemory {
		return fmt.Sprintf("%.0fGi", q.AsApproximateFloat64()/(1<<30))
	}
	return fmt.Sprintf("%.0f", q.AsApproximateFloat64())
}

// notes say what a person should know of a cluster beyond its numbers.
func notes(v view.View, c *clusterv1alpha1.Cluster) string {
	var out []string
	if c.DeletionTimestamp != nil {
		out = append(out, "leaving")
	}
	if why, drained := c.Annotations[names.DrainAnnotation]; drained {
		out = append(out, strings.TrimSpace("drained "+why))
	}
	for _, t := range c.Spec.Taints {
		out = append(out, fmt.Sprintf("tainted %s:%s", t.Key, t.Effect))
	}
	away := 0
	for _, b := range v.Bindings {
		for _, t := range b.Spec.GracefulEvictionTasks {
			if t.FromCluster == c.Name {
				away++
			}
		}
	}
	if away > 0 {
		out = append(out, fmt.Sprintf("%d workloads moved away", away))
	}
	return strings.Join(out, ", ")
}

func applications(w io.Writer, v view.View) {
	if len(v.Policies) == 0 {
		return
	}
	fmt.Fprintln(w, "APPLICATION\tHOST\tCLUSTER\tTRAFFIC\tREADY\tCLIENTS OF\tSINCE\tWHY")
	for i := range v.Policies {
		p := &v.Policies[i]
		name, host := p.Namespace+"/"+p.Name, strings.Join(p.Spec.Hostnames, ",")
		plan := v.Plan(p)
		if accepted := view.Condition(p.Status.Conditions, trafficv1alpha1.ConditionAccepted); accepted.Status != metav1.ConditionTrue {
			fmt.Fprintf(w, "%s\t%s\t-\t%s\t-\t-\t-\t%s\n", name, host, accepted.Reason, accepted.Message)
			continue
		}
		if plan == nil || len(plan.Spec.Endpoints) == 0 {
			resolved := view.Condition(p.Status.Conditions, trafficv1alpha1.ConditionResolvedRefs)
			fmt.Fprintf(w, "%s\t%s\t-\t%s\t-\t-\t-\t%s\n", name, host, resolved.Reason, resolved.Message)
			continue
		}
		if plan.Spec.FailOpen {
			host += " (FAIL OPEN)"
		}
		for _, e := range plan.Spec.Endpoints {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", name, host, e.Cluster, state(e), e.ReadyReplicas,
				dash(strings.Join(Clients(plan, e.Cluster), " ")), duration.HumanDuration(v.Now.Sub(e.Since.Time)), e.Reason)
			name, host = "", ""
		}
	}
	fmt.Fprintln(w)
}

func state(e trafficv1alpha1.PlanEndpoint) string {
	if e.State == trafficv1alpha1.EndpointRecovering {
		return fmt.Sprintf("%s %d%%", e.State, e.SharePercent)
	}
	return string(e.State)
}

// Clients are the regions whose clients a plan sends to a cluster, with the share of them where it
// is not all.
func Clients(plan *trafficv1alpha1.TrafficPlan, cluster string) []string {
	var out []string
	for _, r := range plan.Spec.Regions {
		if share := firstTierShare(r.Tiers, cluster); share != "" {
			out = append(out, r.Name+share)
		}
	}
	if share := firstTierShare(plan.Spec.Tiers, cluster); share != "" {
		out = append(out, "elsewhere"+share)
	}
	return out
}

func firstTierShare(tiers []trafficv1alpha1.PlanTier, cluster string) string {
	if len(tiers) == 0 {
		return ""
	}
	var sum, mine int64
	for _, c := range tiers[0].Clusters {
		sum += int64(c.Weight)
		if c.Name == cluster {
			mine = int64(c.Weight)
		}
	}
	if mine == 0 {
		return ""
	}
	if mine == sum {
		return "=100%"
	}
	return fmt.Sprintf("=%.0f%%", 100*float64(mine)/float64(sum))
}

func servers(w io.Writer, v view.View) {
	fmt.Fprintln(w, "NAME SERVER\tSEEN\tPLANS IN FORCE\tZONES\tSEES DOWN")
	all := v.Servers()
	for _, s := range all {
		seen := s.Age.Round(time.Second).String() + " ago"
		if !s.Fresh {
			seen += " (SILENT)"
		}
		var zones, down []string
		for _, z := range s.Zones {
			zones = append(zones, fmt.Sprintf("%s serial %d", z.Domain, z.Serial))
		}
		for _, p := range s.Plans {
			for _, e := range p.Endpoints {
				if e.Verdict == trafficv1alpha1.VerdictUnhealthy {
					down = append(down, fmt.Sprintf("%s in %s", p.Namespace+"/"+p.Name, e.Cluster))
				}
			}
		}
		slices.Sort(down)
		fmt.Fprintf(w, "%s\t%s\t%d/%d\t%s\t%s\n", s.Name, seen, s.InForce(v.Plans), len(v.Plans), dash(strings.Join(zones, ", ")), dash(strings.Join(down, ", ")))
	}
	if len(all) == 0 {
		fmt.Fprintln(w, "none has reported: is `seaway dns` running?")
	}
	fmt.Fprintln(w)
}

func zones(w io.Writer, v view.View) {
	fmt.Fprintln(w, "ZONE\tACCEPTED\tPROGRAMMED\tHOSTS")
	for _, z := range v.Zones {
		accepted := view.Condition(z.Status.Conditions, trafficv1alpha1.ConditionAccepted)
		text := string(accepted.Status)
		if accepted.Status != metav1.ConditionTrue {
			text = accepted.Reason + ": " + accepted.Message
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", z.Spec.Domain, text, view.Condition(z.Status.Conditions, trafficv1alpha1.ConditionProgrammed).Reason, z.Status.Hosts)
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
