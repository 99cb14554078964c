package placement

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/affinity"
)

// cluster finds a cluster of the input; nil when there is none.
func (in *Input) cluster(name string) *clusterv1alpha1.Cluster {
	members := in.members()
	i := slices.IndexFunc(members, func(m memberView) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return members[i].Cluster
}

// withCluster is the input with another version of a cluster.
func (in *Input) withCluster(c *clusterv1alpha1.Cluster) Input {
	out := *in
	out.Snapshot, out.Clusters = nil, nil
	for _, m := range in.members() {
		if m.Name == c.Name {
			m.Cluster = c
		}
		out.Clusters = append(out.Clusters, m.Cluster)
	}
	return out
}

// withPolicy is the input with a changed placement.
func (in *Input) withPolicy(change func(*policyv1alpha1.Placement)) Input {
	out, spec := *in, *in.Spec
	spec.Placement = in.Spec.Placement.DeepCopy()
	change(spec.Placement)
	out.Spec = &spec
	return out
}

// groupTrials allow one more group of each constraint that bounds them.
func groupTrials(in *Input) (out []trial) {
	for i, c := range in.Spec.Placement.SpreadConstraints {
		if c.MaxGroups == 0 || c.MaxGroups == math.MaxInt {
			continue
		}
		by := "label " + c.SpreadByLabel
		if c.SpreadByLabel == "" {
			by = string(spreadField(&c))
		}
		out = append(out, trial{in.withPolicy(func(p *policyv1alpha1.Placement) { p.SpreadConstraints[i].MaxGroups++ }),
			fmt.Sprintf("maxGroups by %s were %d", by, c.MaxGroups+1)})
	}
	return out
}

func pluginTrials(in *Input, v *Verdict) []trial {
	out := *in
	out.Advice = slices.Clone(in.Advice)
	for i := range out.Advice {
		if a := &out.Advice[i]; FilterPluginPrefix+Filter(a.Plugin) == v.Filter {
			a.Opinions = maps.Clone(a.Opinions)
			o := a.Opinions[v.Cluster]
			o.Excluded = false
			a.Opinions[v.Cluster] = o
			return []trial{{out, string(v.Filter) + " did not exclude it"}}
		}
	}
	return nil
}

// peerTrials move the one workload that stands in the way.
func peerTrials(in *Input, c *clusterv1alpha1.Cluster, by Filter) []trial {
	out := *in
	runs := func(p Peer) bool { return slices.Contains(p.Clusters, c.Name) }
	if by == FilterWorkloadAffinity {
		out.Groups.Affinity = slices.Clone(in.Groups.Affinity)
		i := slices.IndexFunc(out.Groups.Affinity, func(p Peer) bool { return len(p.Clusters) > 0 && !runs(p) })
		if i < 0 {
			return nil
		}
		p := &out.Groups.Affinity[i]
		p.Clusters = append(slices.Clone(p.Clusters), c.Name)
		return []trial{{out, p.Name + " ran there too"}}
	}
	out.Groups.AntiAffinity = slices.Clone(in.Groups.AntiAffinity)
	i := slices.IndexFunc(out.Groups.AntiAffinity, runs)
	if i < 0 {
		return nil
	}
	p := &out.Groups.AntiAffinity[i]
	p.Clusters = slices.DeleteFunc(slices.Clone(p.Clusters), func(name string) bool { return name == c.Name })
	return []trial{{out, p.Name + " did not run there"}}
}

// taintTrials tolerate all taints of a cluster that keep workloads away.
func taintTrials(in *Input, c *clusterv1alpha1.Cluster) []trial {
	var more []corev1.Toleration
	var named []string
	for i := range c.Spec.Taints {
		t := &c.Spec.Taints[i]
		if untolerated(c.Spec.Taints[i:i+1], in.Spec.Placement.ClusterTolerations) == nil {
			continue
		}
		toleration := corev1.Toleration{Key: t.Key, Operator: corev1.TolerationOpEqual, Value: t.Value, Effect: t.Effect}
		more, named = append(more, toleration), append(named, t.ToString())
	}
	taints := "taint"
	if len(named) > 1 {
		taints = "taints"
	}
	return []trial{{in.withPolicy(func(p *policyv1alpha1.Placement) { p.ClusterTolerations = append(p.ClusterTolerations, more...) }),
		fmt.Sprintf("its %s %s were tolerated", taints, strings.Join(named, " and "))}}
}

// spreadTrials put a cluster that is in no group of a constraint into that of a cluster that is in one.
func spreadTrials(in *Input, t *TermDiagnosis, c *clusterv1alpha1.Cluster) (out []trial) {
	s := newSpread(in.Spec.Placement)
	for i := range s.groupings {
		g := &s.groupings[i]
		if g.has(c) {
			continue
		}
		value := ""
		for j := range t.Clusters {
			if other := in.cluster(t.Clusters[j].Cluster); other != nil && !t.Clusters[j].Filter.ofOne() {
				if groups := g.groupsOf(other, nil); len(groups) > 0 {
					value = groups[0]
					break
				}
			}
		}
		if value == "" {
			return nil
		}
		placed := c.DeepCopy()
		switch g.by {
		case policyv1alpha1.SpreadByFieldProvider:
			placed.Spec.Provider = value
		case policyv1alpha1.SpreadByFieldRegion:
			placed.Spec.Region = value
		case policyv1alpha1.SpreadByFieldZone:
			placed.Spec.Zones = []string{value}
		default:
			metav1.SetMetaDataLabel(&placed.ObjectMeta, g.label, value)
		}
		return []trial{{in.withCluster(placed), fmt.Sprintf("its %s were %s", g, value)}}
	}
	return nil
}

// affinityTrials change the one thing about a cluster, or an affinity, that keeps it out.
func affinityTrials(in *Input, term string, c *clusterv1alpha1.Cluster) []trial {
	source := affinityIn(in.Spec.Placement, term)
	if source == nil {
		return nil
	}
	change := func(how func(a *policyv1alpha1.ClusterAffinity), text string) []trial {
		return []trial{{in.withPolicy(func(p *policyv1alpha1.Placement) { how(affinityIn(p, term)) }), text}}
	}
	switch affinity.New(source).Mismatch(c) {
	case affinity.MismatchExclude:
		return change(func(a *policyv1alpha1.ClusterAffinity) {
			a.ExcludeClusters = slices.DeleteFunc(a.ExcludeClusters, func(name string) bool { return name == c.Name })
		}, "it were not listed in exclude")
	case affinity.MismatchNames:
		return change(func(a *policyv1alpha1.ClusterAffinity) { a.ClusterNames = append(a.ClusterNames, c.Name) }, "it were listed in clusterNames")
	case affinity.MismatchFields:
		failing := slices.IndexFunc(source.FieldSelector.MatchExpressions, func(e corev1.NodeSelectorRequirement) bool { return !affinity.MatchesField(c, &e) })
		return change(func(a *policyv1alpha1.ClusterAffinity) {
			a.FieldSelector.MatchExpressions = slices.Delete(a.FieldSelector.MatchExpressions, failing, failing+1)
		}, fmt.Sprintf("fieldSelector allowed its %s", source.FieldSelector.MatchExpressions[failing].Key))
	case affinity.MismatchLabels:
		return labelTrials(in, source, c)
	}
	return nil
}

// affinityIn is the affinity of a term; nil without one.
func affinityIn(p *policyv1alpha1.Placement, term string) *policyv1alpha1.ClusterAffinity {
	for i := range p.ClusterAffinities {
		if p.ClusterAffinities[i].AffinityName == term {
			return &p.ClusterAffinities[i].ClusterAffinity
		}
	}
	return p.ClusterAffinity
}

// labelTrials set or remove the one label that a cluster fails by.
func labelTrials(in *Input, source *policyv1alpha1.ClusterAffinity, c *clusterv1alpha1.Cluster) []trial {
	selector, err := metav1.LabelSelectorAsSelector(source.LabelSelector)
	if err != nil {
		return nil
	}
	requirements, _ := selector.Requirements()
	labelled := c.DeepCopy()
	for i := range requirements {
		r := &requirements[i]
		if r.Matches(labels.Set(c.Labels)) {
			continue
		}
		values := slices.Sorted(maps.Keys(r.Values()))
		value, has := c.Labels[r.Key()]
		if !has {
			value = "true"
			if len(values) > 0 {
				value = values[0]
			}
			metav1.SetMetaDataLabel(&labelled.ObjectMeta, r.Key(), value)
			return []trial{{in.withCluster(labelled), fmt.Sprintf("its label %s were %s", r.Key(), value)}}
		}
		if len(values) > 0 && !slices.Contains(values, value) {
			metav1.SetMetaDataLabel(&labelled.ObjectMeta, r.Key(), values[0])
			return []trial{{in.withCluster(labelled), fmt.Sprintf("its label %s were %s, not %s", r.Key(), values[0], value)}}
		}
		delete(labelled.Labels, r.Key())
		return []trial{{in.withCluster(labelled), fmt.Sprintf("it had no label %s=%s", r.Key(), value)}}
	}
	return nil
}

func apiTrials(in *Input, c *clusterv1alpha1.Cluster) []trial {
	ref, serving := &in.Spec.Resource, c.DeepCopy()
	serving.Status.APIEnablements = append(serving.Status.APIEnablements, clusterv1alpha1.APIEnablement{
		GroupVersion: ref.APIVersion, Resources: []clusterv1alpha1.APIResource{{Kind: ref.Kind}}})
	return []trial{{in.withCluster(serving), fmt.Sprintf("it served %s %s", ref.APIVersion, ref.Kind)}}
}

func lostTrials(in *Input, c *clusterv1alpha1.Cluster) []trial {
	out := *in
	out.Exclude, out.Frozen = in.Exclude.Clone(), in.Frozen.Clone()
	out.Exclude.Delete(c.Name)
	out.Frozen.Delete(c.Name)
	return []trial{{out, "it were not lost"}}
}
