package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/app"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/nameserver"
	"github.com/seaway-io/seaway/controllers/core/affinity"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/dns/core/verdict"
)

// What people order by annotations.
const (
	singletonAnnotation = "traffic.seaway.dev/singleton"
	fencedAnnotation    = "traffic.seaway.dev/fenced"
	holdUntilAnnotation = "traffic.seaway.dev/hold-until"
	residencyAnnotation = "traffic.seaway.dev/residency"
)

// workloadJudge judges one workload.
type workloadJudge struct {
	in     failoverInput
	part   *app.Part
	survey failover.Survey
	terms  failover.Terms
}

// judge says whether its pods would leave a cluster now.
func (j *workloadJudge) judge(cluster string, replicas int32) ClusterFailover {
	out := ClusterFailover{Cluster: cluster, Replicas: replicas}
	for _, c := range j.survey.Conditions(cluster, j.terms) {
		if c.Name == failover.ConditionDataPath {
			c.Detail += j.witnesses(cluster)
		}
		if c.Name == failover.ConditionHubConnected {
			out.Conditions = append(out.Conditions, j.hold())
		}
		out.Conditions = append(out.Conditions, FailoverCondition{c.Name, ptr.To(c.Met), c.Detail})
	}
	out.Conditions = append(out.Conditions, j.fence(cluster), j.residency(cluster), j.room(cluster, replicas))
	out.WouldMove = true
	for _, c := range out.Conditions {
		if c.Met != nil && !*c.Met {
			out.WouldMove = false
			out.Conclusion = fmt.Sprintf("would not move, since %q does not hold: %s", c.Name, c.Detail)
			return out
		}
	}
	out.Conclusion = "would move now"
	if i := slices.IndexFunc(out.Conditions, func(c FailoverCondition) bool { return c.Met == nil }); i >= 0 {
		out.Conclusion += fmt.Sprintf(", if %q holds: %s", out.Conditions[i].Name, out.Conditions[i].Detail)
	}
	return out
}

// away are the clusters that its pods have left.
func (j *workloadJudge) away() []ClusterFailover {
	var out []ClusterFailover
	spec := j.part.Binding.GetBindingSpec()
	for i := range spec.GracefulEvictionTasks {
		t := &spec.GracefulEvictionTasks[i]
		c := ClusterFailover{Cluster: t.FromCluster, Replicas: ptr.Deref(t.Replicas, 0), Away: true}
		since := ""
		if t.CreationTimestamp != nil {
			since = " " + ago(j.in.view.Now, t.CreationTimestamp.Time)
		}
		c.Conclusion = fmt.Sprintf("pods have left%s, by %s (%s): %s", since, t.Producer, t.Reason, orDash(t.Message))
		if t.Producer == workv1alpha2.EvictionProducerFailover {
			c.Conclusion += "; " + j.wayBack(t.FromCluster)
		}
		out = append(out, c)
	}
	return out
}

// wayBack says when they may return.
func (j *workloadJudge) wayBack(cluster string) string {
	d := j.survey.Decide(failover.Binding{Away: []string{cluster}, Terms: j.terms})
	switch {
	case len(d.Return) > 0:
		return "they may return as soon as their requests have: " + d.Return[0].Message
	case !d.RetryAt.IsZero():
		return "they may return at " + d.RetryAt.UTC().Format(time.RFC3339) + " if the cluster stays whole"
	}
	return "they return when the cluster is whole again"
}

// witnesses say whose votes count about a cluster.
func (j *workloadJudge) witnesses(cluster string) string {
	votes := nameserver.Votes(j.in.view)
	var down, up []string
	for i := range j.in.Policies {
		p := &j.in.Policies[i]
		for _, t := range votes.Testimonies(verdict.Key{Namespace: p.Namespace, Plan: p.Name, Cluster: cluster}, j.in.view.Now) {
			switch {
			case !t.Counts:
			case t.Verdict == trafficv1alpha1.VerdictUnhealthy:
				down = append(down, t.VantagePoint)
			case t.Verdict == trafficv1alpha1.VerdictHealthy:
				up = append(up, t.VantagePoint)
			}
		}
	}
	var parts []string
	for _, side := range []struct {
		of   []string
		text string
	}{{down, "unhealthy by "}, {up, "healthy by "}} {
		slices.Sort(side.of)
		if of := slices.Compact(side.of); len(of) > 0 {
			parts = append(parts, side.text+strings.Join(of, ", "))
		}
	}
	if len(parts) == 0 {
		return "; no name server that reports has a verdict on this application"
	}
	return "; this application " + strings.Join(parts, "; ")
}

func (j *workloadJudge) hold() FailoverCondition {
	const name = "no hold"
	if len(j.in.holds) == 0 {
		return FailoverCondition{name, ptr.To(true), "nobody holds the automation of this application"}
	}
	return FailoverCondition{name, ptr.To(false), strings.Join(j.in.holds, "; ")}
}

// holdOf is the hold of a policy in words; empty when none is in force.
func holdOf(p *unstructured.Unstructured, now time.Time) string {
	until, reason := p.GetAnnotations()[holdUntilAnnotation], ""
	if spec, found, _ := unstructured.NestedMap(p.Object, "spec", "hold"); found {
		until, _ = spec["until"].(string)
		reason, _ = spec["reason"].(string)
	}
	end, err := time.Parse(time.RFC3339, until)
	if err != nil || !now.Before(end) {
		return ""
	}
	text := fmt.Sprintf("TrafficPolicy %s holds everything until %s", p.GetName(), end.UTC().Format(time.RFC3339))
	if reason != "" {
		text += ": " + reason
	}
	return text
}

func (j *workloadJudge) fence(cluster string) FailoverCondition {
	const name = "only copy fenced"
	if j.part.Template.GetAnnotations()[singletonAnnotation] != "true" {
		return FailoverCondition{name, ptr.To(true), "two copies for a while are no harm: the workload is no singleton"}
	}
	for i := range j.in.view.Clusters {
		if c := &j.in.view.Clusters[i]; c.Name == cluster && c.Annotations[fencedAnnotation] != "" {
			return FailoverCondition{name, ptr.To(true), "a person says that nothing runs there: " + c.Annotations[fencedAnnotation]}
		}
	}
	return FailoverCondition{name, ptr.To(false), fmt.Sprintf("it is a singleton, and its copy in %s may still run", cluster)}
}

// wall is residency: only clusters inside may be gone to.
type wall struct {
	name   string
	inside func(*clusterv1alpha1.Cluster) bool
}

// wallOf is the wall of a policy; nil when it has none.
func wallOf(p *unstructured.Unstructured) (*wall, error) {
	raw, found, _ := unstructured.NestedMap(p.Object, "spec", "residency", "clusterAffinity")
	if !found {
		return nil, nil
	}
	var a policyv1alpha1.ClusterAffinity
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &a); err != nil {
		return nil, fmt.Errorf("TrafficPolicy %s: spec.residency.clusterAffinity: %w", p.GetName(), err)
	}
	m := affinity.New(&a)
	return &wall{"TrafficPolicy " + p.GetName(), m.Matches}, nil
}

// namespaceWall is that of a namespace; nil when it has none. One that can not be read keeps
// everything out, as it does on the hub.
func namespaceWall(ns *unstructured.Unstructured) *wall {
	text := ns.GetAnnotations()[residencyAnnotation]
	if text == "" {
		return nil
	}
	selector, err := labels.Parse(text)
	if err != nil {
		selector = labels.Nothing()
	}
	return &wall{"Namespace " + ns.GetName(), func(c *clusterv1alpha1.Cluster) bool { return selector.Matches(labels.Set(c.Labels)) }}
}

// survivors are the other clusters that can be reached, and how many of them are inside every wall.
func (j *workloadJudge) survivors(cluster string) (all, inside []string) {
	for i := range j.in.view.Clusters {
		c := &j.in.view.Clusters[i]
		if c.Name == cluster || c.DeletionTimestamp != nil || failover.ClusterOf(c).ControlPlane.State != failover.Up {
			continue
		}
		all = append(all, c.Name)
		if !slices.ContainsFunc(j.in.walls, func(w wall) bool { return !w.inside(c) }) {
			inside = append(inside, c.Name)
		}
	}
	return all, inside
}

func (j *workloadJudge) residency(cluster string) FailoverCondition {
	const name = "residency allows it"
	all, inside := j.survivors(cluster)
	switch {
	case len(all) == 0:
		return FailoverCondition{name, ptr.To(false), "there is no other cluster that the hub reaches"}
	case len(j.in.walls) == 0:
		return FailoverCondition{name, ptr.To(true), fmt.Sprintf("there is no wall; %s could be gone to", few(all))}
	case len(inside) == 0:
		return FailoverCondition{name, ptr.To(false), fmt.Sprintf("%s lets it go to none of %s", j.in.walls[0].name, few(all))}
	}
	return FailoverCondition{name, ptr.To(true), "inside the wall are " + few(inside)}
}

// room goes by what failover last tried, and by what the last decision knew of the survivors.
func (j *workloadJudge) room(cluster string, replicas int32) FailoverCondition {
	const name = "room on survivors"
	status := j.part.Binding.GetBindingStatus()
	if held := meta.FindStatusCondition(status.Conditions, workv1alpha2.ConditionFailoverHeld); held != nil && held.Status == metav1.ConditionTrue && held.Reason == "NoClusterFits" {
		return FailoverCondition{name, ptr.To(false), "the last attempt found none: " + held.Message}
	}
	if !placement.IsWorkload(j.part.Binding.GetBindingSpec()) {
		return FailoverCondition{name, ptr.To(true), "it asks for none"}
	}
	d := j.in.decisions[j.part.Label()]
	if d == nil {
		return FailoverCondition{name, nil, "no decision is kept that knows; it is found out when it is needed"}
	}
	_, inside := j.survivors(cluster)
	var free int64
	var known []string
	for i := range d.Clusters {
		c := &d.Clusters[i]
		if c.Available == nil || !slices.Contains(inside, c.Cluster) {
			continue
		}
		known = append(known, c.Cluster)
		free += max(0, *c.Available-int64(ptr.Deref(c.After, 0)))
	}
	if len(known) == 0 {
		return FailoverCondition{name, nil, "the last decision did not ask for room; it is found out when it is needed"}
	}
	return FailoverCondition{name, ptr.To(free > 0), fmt.Sprintf("for %d of %d more, in %s, by the decision of %s", min(free, int64(replicas)), replicas, few(known), ago(j.in.view.Now, d.Time.Time))}
}

// few names some and counts the others.
func few(all []string) string {
	const most = 8
	if more := len(all) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), more)
	}
	return strings.Join(all, ", ")
}
