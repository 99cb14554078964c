package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/app"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/nameserver"
	"github.com/seaway-io/seaway/controllers/core/affinity"
	"github.com/seaway-io/seaway/controllers/core/failover"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/core/some"
	"github.com/seaway-io/seaway/dns/core/verdict"
)

// Conditions of which the survey of the fleet knows nothing.
const (
	conditionResidency = "residency allows it"
	conditionRoom      = "room on survivors"
)

// workloadJudge judges one workload.
type workloadJudge struct {
	in     failoverInput
	part   *app.Part
	survey failover.Survey
	// ordered is what people say of it.
	ordered failover.Binding
}

// judge says whether its pods would leave a cluster now.
func (j *workloadJudge) judge(cluster string, replicas int32) ClusterFailover {
	out := ClusterFailover{Cluster: cluster, Replicas: replicas}
	for _, c := range j.survey.Conditions(cluster, j.ordered) {
		if c.Name == failover.ConditionDataPath {
			c.Detail += j.witnesses(cluster)
		}
		out.Conditions = append(out.Conditions, FailoverCondition{c.Name, ptr.To(c.Met), c.Detail})
	}
	out.Conditions = append(out.Conditions, j.residency(cluster), j.room(cluster, replicas))
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
	away := j.ordered
	away.Away = []string{cluster}
	d := j.survey.Decide(away)
	switch {
	case away.Hold.InForce(j.in.view.Now):
		return "they stay away for now: " + away.Hold.Why
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

// survivors are the other clusters that can be reached, and how many of them are inside the wall.
func (j *workloadJudge) survivors(cluster string) (all, inside []string) {
	for i := range j.in.view.Clusters {
		c := &j.in.view.Clusters[i]
		if c.Name == cluster || c.DeletionTimestamp != nil || failover.ClusterOf(c).ControlPlane.State != failover.Up {
			continue
		}
		all = append(all, c.Name)
		if j.in.wall.Inside(c) {
			inside = append(inside, c.Name)
		}
	}
	return all, inside
}

// residency goes by the wall around the namespace: pods mind no other. A policy's own wall is about answers,
// and pods outside of it get no requests.
func (j *workloadJudge) residency(cluster string) FailoverCondition {
	all, inside := j.survivors(cluster)
	wall := "the wall around namespace " + j.in.Namespace
	switch {
	case len(all) == 0:
		return FailoverCondition{conditionResidency, ptr.To(false), "there is no other cluster that the hub reaches"}
	case j.in.unreadable != nil:
		return FailoverCondition{conditionResidency, ptr.To(false), fmt.Sprintf("%s can not be read, and lets it go nowhere: %v", wall, j.in.unreadable)}
	case len(inside) == 0:
		return FailoverCondition{conditionResidency, ptr.To(false), fmt.Sprintf("%s (%s) lets it go to none of %s", wall, j.in.wall, few(all))}
	case j.in.wall.Stands():
		return FailoverCondition{conditionResidency, ptr.To(true), fmt.Sprintf("inside %s are %s%s", wall, few(inside), j.answered(inside))}
	}
	return FailoverCondition{conditionResidency, ptr.To(true), fmt.Sprintf("there is no wall; %s could be gone to%s", few(all), j.answered(all))}
}

// answered says which of the clusters get requests, where policies have walls of their own.
func (j *workloadJudge) answered(clusters []string) string {
	var out string
	for i := range j.in.Policies {
		p := &j.in.Policies[i]
		if p.Spec.Residency == nil {
			continue
		}
		wall := affinity.New(&p.Spec.Residency.ClusterAffinity)
		var with []string
		for k := range j.in.view.Clusters {
			if c := &j.in.view.Clusters[k]; slices.Contains(clusters, c.Name) && wall.Matches(c) {
				with = append(with, c.Name)
			}
		}
		out += fmt.Sprintf("; TrafficPolicy %s answers with %s", p.Name, cmp.Or(few(with), "none of them"))
	}
	return out
}

// room goes by what failover last tried, and by what the last decision knew of the survivors.
func (j *workloadJudge) room(cluster string, replicas int32) FailoverCondition {
	const name = conditionRoom
	status := j.part.Binding.GetBindingStatus()
	if held := meta.FindStatusCondition(status.Conditions, workv1alpha2.ConditionFailoverHeld); held != nil && held.Status == metav1.ConditionTrue &&
		(held.Reason == failover.ReasonNoClusterFits || held.Reason == failover.ReasonNoRoom) {
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
func few(all []string) string { return some.Of(all, 8) }
