package explain

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/residency"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/app"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
	"github.com/seaway-io/seaway/controllers/core/failover"
	hubpolicies "github.com/seaway-io/seaway/controllers/hub/policies"
)

// FailoverAccount is what there is to tell about the failover of an application.
type FailoverAccount struct {
	App       string             `json:"app"`
	Workloads []WorkloadFailover `json:"workloads"`
	Notes     []string           `json:"notes,omitempty"`
}

// WorkloadFailover is one workload, with the terms that it is moved by.
type WorkloadFailover struct {
	Workload       string            `json:"workload"`
	MoveAfter      string            `json:"moveWorkloadsAfter"`
	MaxUnavailable string            `json:"maxUnavailableClusters"`
	Clusters       []ClusterFailover `json:"clusters"`
}

// ClusterFailover says whether the pods of a workload would leave a cluster now.
type ClusterFailover struct {
	Cluster  string `json:"cluster"`
	Replicas int32  `json:"replicas,omitempty"`
	// Away: they have left already.
	Away       bool                `json:"away,omitempty"`
	Conditions []FailoverCondition `json:"conditions,omitempty"`
	WouldMove  bool                `json:"wouldMove"`
	Conclusion string              `json:"conclusion"`
}

// FailoverCondition is one condition for pods to leave, and its present state.
type FailoverCondition struct {
	Name string `json:"name"`
	// Met is nil where that can not be told.
	Met    *bool  `json:"met,omitempty"`
	Detail string `json:"detail"`
}

func failedOver() *cobra.Command {
	var (
		hub    hubclient.Flags
		format string
	)
	cmd := &cobra.Command{
		Use:   "failover APP",
		Short: "Say for each cluster whether the pods of an application would leave it now, condition by condition",
		Long: `Say for each cluster that an application runs in whether its pods would leave it now: each
condition for it, and its present state. Requests leave a cluster sooner, and by the votes of the
name servers alone; kubectl seaway explain dns tells of them.

APP is the name of a TrafficPolicy, or KIND/NAME of a workload.`,
		Example: "  kubectl seaway explain failover web -n shop\n  kubectl seaway explain failover deploy/web -n shop",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := output.Check(format); err != nil {
				return err
			}
			h, err := hub.Hub()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 3*hub.Timeout) // it asks more than once
			defer cancel()
			facts, err := failoverFacts(ctx, h, args[0], time.Now())
			if err != nil {
				return err
			}
			a := judgeFailover(facts)
			return output.Show(cmd.OutOrStdout(), format, a, a.text)
		},
	}
	hub.Add(cmd.Flags())
	hub.AddNamespace(cmd.Flags())
	output.Add(cmd.Flags(), &format)
	return cmd
}

// failoverInput is what failover is judged by.
type failoverInput struct {
	*app.App
	// view has the clusters and the reports of the name servers.
	view view.View
	// wall is that around the namespace; unreadable says why it can not be read.
	wall       residency.Wall
	unreadable error
	// decisions are the newest about each workload, by its label.
	decisions map[string]*trafficv1alpha1.DecisionSpec
}

// failoverFacts gathers it.
func failoverFacts(ctx context.Context, hc hubclient.Hub, name string, now time.Time) (failoverInput, error) {
	a, err := app.Find(ctx, hc, name)
	if err != nil {
		return failoverInput{}, err
	}
	in := failoverInput{App: a, view: view.View{Now: now}, decisions: map[string]*trafficv1alpha1.DecisionSpec{}}
	if len(a.Workloads()) == 0 {
		return in, fmt.Errorf("%s has no workload on the hub; `kubectl seaway why %s -n %s` says where the chain breaks", a.Name, name, a.Namespace)
	}
	err = hubclient.Pages(ctx, hc, &clusterv1alpha1.ClusterList{}, func(l *clusterv1alpha1.ClusterList) bool {
		in.view.Clusters = append(in.view.Clusters, l.Items...)
		return true
	})
	if err != nil {
		return in, fmt.Errorf("list clusters: %w", err)
	}
	err = hubclient.Pages(ctx, hc, &trafficv1alpha1.EndpointHealthList{}, func(l *trafficv1alpha1.EndpointHealthList) bool {
		in.view.Health = append(in.view.Health, l.Items...)
		return true
	})
	if err != nil {
		return in, fmt.Errorf("list endpoint health: %w", err)
	}
	h := &hub{Hub: hc, now: func() time.Time { return now }}
	for _, p := range a.Workloads() {
		kept, err := h.decisions(ctx, trafficv1alpha1.DecisionSubject{
			APIVersion: p.Template.GetAPIVersion(), Kind: p.Template.GetKind(), Namespace: p.Template.GetNamespace(), Name: p.Template.GetName(),
		})
		if err != nil {
			return in, err
		}
		if len(kept) > 0 {
			in.decisions[p.Label()] = &kept[0]
		}
	}
	return in, in.readWall(ctx, hc)
}

// readWall reads the wall around the namespace. Who may not read namespaces is told of none.
func (in *failoverInput) readWall(ctx context.Context, hc hubclient.Hub) error {
	ns := &unstructured.Unstructured{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := hc.Get(ctx, client.ObjectKey{Name: in.Namespace}, ns)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get namespace %s: %w", in.Namespace, err)
	}
	in.wall, in.unreadable = residency.Of(ns.GetAnnotations())
	return nil
}

// judgeFailover judges every workload in every cluster, with the hub's own rules.
func judgeFailover(in failoverInput) *FailoverAccount {
	out := &FailoverAccount{App: in.Name}
	var clusters []failover.Cluster
	for i := range in.view.Clusters {
		clusters = append(clusters, failover.ClusterOf(&in.view.Clusters[i]))
	}
	survey := failover.NewSurvey(in.view.Now, clusters)
	speaking := make([]*trafficv1alpha1.TrafficPolicy, len(in.Policies))
	for i := range in.Policies {
		speaking[i] = &in.Policies[i]
	}
	if len(in.Policies) == 0 {
		out.Notes = append(out.Notes, "no TrafficPolicy sends requests to it: the default terms count, and nobody probes it")
	}
	for _, p := range in.Workloads() {
		if p.Binding == nil {
			out.Notes = append(out.Notes, p.Label()+" is placed nowhere")
			continue
		}
		ordered := hubpolicies.Orders(p.Binding, speaking, len(clusters))
		ordered.Singleton = hubpolicies.IsSingleton(p.Template)
		w := WorkloadFailover{Workload: p.Label(), MoveAfter: ordered.Terms.MoveAfter.String(), MaxUnavailable: ordered.Terms.MaxUnavailable.String()}
		j := workloadJudge{in: in, part: p, survey: survey, ordered: ordered}
		for _, t := range p.Binding.GetBindingSpec().Clusters {
			w.Clusters = append(w.Clusters, j.judge(t.Name, t.Replicas))
		}
		w.Clusters = append(w.Clusters, j.away()...)
		slices.SortStableFunc(w.Clusters, func(a, b ClusterFailover) int { return strings.Compare(a.Cluster, b.Cluster) })
		out.Workloads = append(out.Workloads, w)
	}
	out.Notes = append(out.Notes, "a hub that was started a moment ago waits until it has seen a loss for itself")
	return out
}

func (a *FailoverAccount) text(w io.Writer) {
	fmt.Fprintln(w, a.App)
	for _, wl := range a.Workloads {
		fmt.Fprintf(w, "\n%s: moveWorkloadsAfter %s, maxUnavailableClusters %s\n", wl.Workload, wl.MoveAfter, wl.MaxUnavailable)
		fmt.Fprintln(w, "CLUSTER\tCONDITION\tNOW\tDETAIL")
		for _, c := range wl.Clusters {
			name := strings.TrimSpace(c.Cluster + " " + countText(c.Replicas))
			for _, condition := range c.Conditions {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", name, condition.Name, met(condition.Met), output.Plain(condition.Detail))
				name = ""
			}
		}
		fmt.Fprintln(w)
		for _, c := range wl.Clusters {
			fmt.Fprintf(w, "%s: %s\n", c.Cluster, output.Plain(c.Conclusion))
		}
	}
	for i, n := range a.Notes {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "note: %s\n", n)
	}
}

func countText(n int32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func met(b *bool) string {
	switch {
	case b == nil:
		return "unknown"
	case *b:
		return "yes"
	}
	return "no"
}
