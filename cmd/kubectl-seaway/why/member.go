package why

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/duration"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/app"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
)

// members: do the clusters have the objects? What a cluster that is not Ready had last proves nothing.
func (w *walker) members() {
	for i := range w.App.Parts {
		p := &w.App.Parts[i]
		var good []string
		for _, cluster := range sortedKeys(placed(p)) {
			if w.member(p, cluster) {
				good = append(good, cluster)
			}
		}
		if len(good) > 0 {
			w.ok(LinkMember, p.Label(), "applied in %s", few(good))
		}
	}
}

func (w *walker) member(p *app.Part, cluster string) bool {
	diff := "kubectl seaway diff " + p.Argument() + " --cluster " + cluster + w.inNamespace()
	describe := "kubectl describe cluster " + cluster
	c := w.cluster(cluster)
	if c == nil {
		w.broken(LinkMember, p.Label(), cluster, "kubectl get clusters", "it is placed in a cluster that is no member")
		return false
	}
	if ready := view.Condition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady); ready.Status != metav1.ConditionTrue {
		w.unknown(LinkMember, p.Label(), cluster, describe, "the cluster is not Ready%s (%s: %s); what it has is not known", w.since(ready), ready.Reason, ready.Message)
		return false
	}
	item := reported(p, cluster)
	switch {
	case item == nil:
		w.unknown(LinkMember, p.Label(), cluster, diff, "the cluster has not reported it yet")
	case !item.Applied:
		w.broken(LinkMember, p.Label(), cluster, diff, "it is not applied: %s", orElse(item.AppliedMessage, "the cluster does not say why"))
	default:
		return true
	}
	return false
}

// pods: are there pods that can take requests?
func (w *walker) pods() {
	for i := range w.App.Parts {
		p := &w.App.Parts[i]
		if !runs(p) {
			continue
		}
		var good []string
		targets := placed(p)
		for _, cluster := range sortedKeys(targets) {
			if text, ok := w.ready(p, cluster, targets[cluster]); ok {
				good = append(good, text)
			}
		}
		if len(good) > 0 {
			w.ok(LinkPods, p.Label(), "%s", few(good))
		}
	}
}

func (w *walker) ready(p *app.Part, cluster string, target workv1alpha2.TargetCluster) (text string, ok bool) {
	c, item := w.cluster(cluster), reported(p, cluster)
	if c == nil || item == nil || !item.Applied || !isReady(c) {
		return "", false // that has been told
	}
	var selector string
	if pods := podLabels(p); pods != "" {
		selector = " -l " + pods
	}
	next := "kubectl --context " + cluster + " get pods" + selector + w.inNamespace()
	wanted, ready, counted := replicas(item, target)
	switch {
	case !counted:
		if item.Health == workv1alpha2.ResourceUnhealthy {
			w.broken(LinkPods, p.Label(), cluster, next, "it is unhealthy")
			return "", false
		}
		if item.Health != workv1alpha2.ResourceHealthy {
			w.unknown(LinkPods, p.Label(), cluster, next, "the cluster has not reported how many are ready")
			return "", false
		}
		return cluster + " healthy", true
	case ready == 0 && wanted > 0:
		w.broken(LinkPods, p.Label(), cluster, next, "none of %d is ready", wanted)
		return "", false
	}
	return fmt.Sprintf("%s %d of %d ready", cluster, ready, wanted), true
}

// replicas reads the status of the usual kinds: Deployments and their like, and DaemonSets.
func replicas(item *workv1alpha2.AggregatedStatusItem, target workv1alpha2.TargetCluster) (wanted, ready int64, counted bool) {
	if item.Status == nil {
		return 0, 0, false
	}
	var s struct {
		Replicas      *int64 `json:"replicas"`
		ReadyReplicas *int64 `json:"readyReplicas"`
		Desired       *int64 `json:"desiredNumberScheduled"`
		NumberReady   *int64 `json:"numberReady"`
	}
	if json.Unmarshal(item.Status.Raw, &s) != nil {
		return 0, 0, false
	}
	get := func(n *int64) int64 {
		if n == nil {
			return 0
		}
		return *n
	}
	if s.Desired != nil {
		return *s.Desired, get(s.NumberReady), true
	}
	if s.Replicas == nil && s.ReadyReplicas == nil && target.Replicas == 0 {
		return 0, 0, false
	}
	return max(int64(target.Replicas), get(s.Replicas)), get(s.ReadyReplicas), true
}

func podLabels(p *app.Part) string {
	spec, _ := p.Template.Object["spec"].(map[string]any)
	selector, _ := spec["selector"].(map[string]any)
	match, _ := selector["matchLabels"].(map[string]any)
	set := labels.Set{}
	for k, v := range match {
		set[k] = fmt.Sprint(v)
	}
	return set.String()
}

func reported(p *app.Part, cluster string) *workv1alpha2.AggregatedStatusItem {
	items := p.Binding.GetBindingStatus().AggregatedStatus
	for i := range items {
		if items[i].ClusterName == cluster {
			return &items[i]
		}
	}
	return nil
}

func (w *walker) cluster(name string) *clusterv1alpha1.Cluster {
	for i := range w.View.Clusters {
		if w.View.Clusters[i].Name == name {
			return &w.View.Clusters[i]
		}
	}
	return nil
}

func isReady(c *clusterv1alpha1.Cluster) bool {
	return view.Condition(c.Status.Conditions, clusterv1alpha1.ClusterConditionReady).Status == metav1.ConditionTrue
}

func (w *walker) since(c metav1.Condition) string {
	if c.LastTransitionTime.IsZero() {
		return ""
	}
	return " for " + duration.HumanDuration(w.View.Now.Sub(c.LastTransitionTime.Time))
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
