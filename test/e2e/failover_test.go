//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/test/fleet"
)

// losing shows what follows when clusters, networks and the hub are lost: where requests go, and where pods
// run. What a name server does without the hub is in the story of package demo too.
func losing(t *testing.T, h *hall) {
	h.tell(t, map[string]func(*story){
		"a cluster that dies is left and returned to":                       (*story).dies,
		"a cluster that hangs is left and returned to":                      (*story).hangs,
		"a cluster that is back after hours gets what is wanted by then":    (*story).backAfterHours,
		"an API server that is cut off moves nothing":                       (*story).apiCut,
		"a data path that is cut moves requests and no pods":                (*story).dataCut,
		"a hub that is cut off moves no pods and stops no answers":          (*story).hubCut,
		"a region of two clusters is too much for pods, not for requests":   (*story).regionLost,
		"a cluster that flaps is left at most once":                         (*story).flaps,
		"the hub is killed in the middle of a failover, which is made once": (*story).hubKilled,
	})
}

func (s *story) dies() {
	s.thereAndBack(func(c *fleet.Cluster) error { return c.Kill() }, func(c *fleet.Cluster) error { return c.Revive(s.Context()) })
}

func (s *story) hangs() {
	s.thereAndBack(func(c *fleet.Cluster) error { return c.Freeze() }, func(c *fleet.Cluster) error { return c.Thaw() })
}

// thereAndBack is a cluster that is lost and comes back.
func (s *story) thereAndBack(lose, mend func(*fleet.Cluster) error) {
	v := s.opens(quick)
	v.client.Watch(v.gateways["fra"])
	began := time.Now()
	must(v.T, lose(v.cluster("fra")))
	v.leave("fra", began)
	v.went(30*time.Second, everywhere, withoutFra)
	v.Logf("placed elsewhere after %.1f s", time.Since(began).Seconds())
	v.ready(6, "iad", "sin")
	must(v.T, mend(v.cluster("fra")))
	mended := time.Now()
	v.went(time.Minute, everywhere, withoutFra, everywhere)
	v.sentTo("fra", "fra", 30*time.Second)
	v.Logf("as before after %.1f s", time.Since(mended).Seconds())
	v.ready(6, members...)
	v.unharmed(began.Add(answerWithin)) // also while everything went back
	v.went(time.Second, everywhere, withoutFra, everywhere)
}

// backAfterHours lets the hours pass in what is written down, and the hub start again with nothing else to go by.
func (s *story) backAfterHours() {
	const more, image = "iad:6 sin:6", "registry.example/app:2"
	v := s.opens(quick)
	v.client.Watch(v.gateways["fra"])
	began := time.Now()
	must(v.T, v.cluster("fra").Kill())
	v.leave("fra", began)
	v.went(30*time.Second, everywhere, withoutFra)
	v.edit("hub", v.app, func(got *unstructured.Unstructured) {
		must(v.T, unstructured.SetNestedField(got.Object, int64(12), "spec", "replicas"))
		containers, _, _ := unstructured.NestedSlice(got.Object, "spec", "template", "spec", "containers")
		containers[0].(map[string]any)["image"] = image
		must(v.T, unstructured.SetNestedSlice(got.Object, containers, "spec", "template", "spec", "containers"))
	})
	v.went(30*time.Second, everywhere, withoutFra, more)
	v.ready(12, "iad", "sin")
	v.ages("fra", 4*time.Hour)
	must(v.T, v.cluster("hub").Kill())
	must(v.T, v.cluster("hub").Revive(v.Context()))
	v.passes(5 * time.Second)
	v.went(time.Second, everywhere, withoutFra, more)
	must(v.T, v.cluster("fra").Revive(v.Context()))
	revived := time.Now()
	v.went(time.Minute, everywhere, withoutFra, more, "fra:4 iad:4 sin:4")
	v.sentTo("fra", "fra", 30*time.Second)
	v.Logf("as before after %.1f s", time.Since(revived).Seconds())
	v.ready(12, members...)
	v.see("fra", v.app, fields{"spec replicas": 4, "spec template spec containers 0 image": image})
	v.unharmed(began.Add(answerWithin))
	v.went(time.Second, everywhere, withoutFra, more, "fra:4 iad:4 sin:4")
}

func (s *story) apiCut() {
	v := s.opens(quick)
	must(v.T, v.cluster("fra").CutAPI())
	v.state("fra", trafficv1alpha1.EndpointSuspect)
	v.passes(6 * time.Second) // twice moveWorkloadsAfter
	must(v.T, v.answered(v.Context(), "fra", "fra"))
	v.stayed()
	must(v.T, v.cluster("fra").RestoreAPI())
	v.state("fra", trafficv1alpha1.EndpointServing)
	v.wellSeen()
	v.stayed()
	v.unharmed(time.Time{})
}

func (s *story) dataCut() {
	v := s.opens(quick)
	v.client.Watch(v.gateways["fra"])
	began := time.Now()
	must(v.T, v.cluster("fra").CutData())
	v.leave("fra", began)
	v.state("fra", trafficv1alpha1.EndpointDown)
	v.passes(6 * time.Second)
	v.stayed()
	v.ready(6, members...)
	must(v.T, v.cluster("fra").RestoreData())
	v.sentTo("fra", "fra", 30*time.Second)
	v.stayed()
	v.unharmed(began.Add(answerWithin))
}

func (s *story) hubCut() {
	v := s.opens(careful)
	v.client.Watch(v.gateways["fra"])
	began := time.Now()
	must(v.T, v.cluster("fra").CutData())
	v.leave("fra", began)
	v.eventually("the hub hears of it", func(ctx context.Context) error {
		c, err := v.seen(ctx, "fra")
		if err == nil && !meta.IsStatusConditionFalse(c.Status.Conditions, trafficv1alpha1.ClusterConditionDataPath) {
			err = errors.New("its data path counts as well")
		}
		return err
	})
	// For the hub both signals of fra are lost now, and those of nobody else are both there.
	must(v.T, v.cluster("hub").Cut())
	v.held(30*time.Second, "HubIsolated")
	v.stayed()
	// The name servers go on by themselves: another cluster dies for clients.
	lost := time.Now()
	must(v.T, v.cluster("iad").CutData())
	v.sentTo("iad", "sin", answerWithin)
	v.Logf("clients near iad go to sin after %.1f s, without the hub", time.Since(lost).Seconds())
	must(v.T, v.answered(v.Context(), "sin", "sin"))
	v.stayed()
	must(v.T, v.cluster("iad").RestoreData())
	must(v.T, v.cluster("hub").Restore())
	// The hub sees one API server after the other again; that it saw none of them was no loss of fra.
	v.signal(clusterv1alpha1.ClusterConditionReady)
	v.passes(2 * time.Second)
	v.stayed()
	must(v.T, v.cluster("fra").RestoreData())
	v.wellSeen()
	for _, m := range members {
		v.sentTo(m, m, 30*time.Second)
	}
	v.eventually("nothing is held any more", func(ctx context.Context) error {
		b := &workv1alpha2.ResourceBinding{}
		err := v.hub.Get(ctx, client.ObjectKeyFromObject(v.binding(v.app)), b)
		if c := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.ConditionFailoverHeld); err == nil && c != nil {
			err = fmt.Errorf("%+v", *c)
		}
		return err
	})
	v.stayed()
	v.unharmed(lost.Add(answerWithin))
}

func (s *story) regionLost() {
	v := s.opens(careful)
	v.client.Watch(v.gateways["fra"])
	began := time.Now()
	for _, m := range []string{"fra", "iad"} {
		must(v.T, v.cluster(m).Freeze())
	}
	v.leave("fra", began)
	v.sentTo("fra", "sin", answerWithin)
	v.sentTo("iad", "sin", answerWithin)
	// For a minute it may as well be the hub that has lost its network, unless sin has just come back, as it has
	// after the story of the hub that was cut off; then it is the clusters.
	first := v.held(30*time.Second, "HubIsolated", "TooManyClustersLost")
	v.Logf("held after %.1f s: %s", time.Since(began).Seconds(), first)
	v.held(90*time.Second, "TooManyClustersLost")
	v.Logf("TooManyClustersLost after %.1f s", time.Since(began).Seconds())
	v.stayed()
	must(v.T, v.answered(v.Context(), "sin", "sin"))
	for _, m := range []string{"fra", "iad"} {
		must(v.T, v.cluster(m).Thaw())
	}
	v.wellSeen()
	for _, m := range members {
		v.sentTo(m, m, 30*time.Second)
	}
	v.stayed()
	v.unharmed(began.Add(answerWithin))
}

// flaps is ten seconds up and ten down in short: up and down are as long, down is as long as it may take the hub
// to see that an API server hangs, and what is stable takes several rounds.
func (s *story) flaps() {
	const rounds, half = 4, 11 * time.Second
	v := s.opens("{moveWorkloadsAfter: 4s, failback: {stableFor: 30s, stepPercent: 100, stepEvery: 1s}}")
	for range rounds {
		must(v.T, v.cluster("fra").Freeze())
		v.passes(half)
		must(v.T, v.cluster("fra").Thaw())
		v.passes(half)
	}
	switch got := v.trail.seen(); {
	case slices.Equal(got, []string{everywhere}), slices.Equal(got, []string{everywhere, withoutFra}):
		v.Logf("placements: %q", got)
	default:
		v.Errorf("placements were %q", got)
	}
	if got := v.client.Tally(); got.Empty > 0 {
		v.Errorf("%d questions without an answer\n%s", got.Empty, strings.Join(got.Errors, "\n"))
	}
	must(v.T, v.answered(v.Context(), "iad", "iad"))
	must(v.T, v.answered(v.Context(), "sin", "sin"))
}

func (s *story) hubKilled() {
	v := s.opens(quick)
	v.client.Watch(v.gateways["fra"])
	began := time.Now()
	must(v.T, v.cluster("fra").Kill())
	v.leave("fra", began)
	// The placement is written; most of what follows from it is not.
	v.went(30*time.Second, everywhere, withoutFra)
	must(v.T, v.cluster("hub").Kill())
	v.Logf("the hub is killed after %.1f s", time.Since(began).Seconds())
	v.sentTo("fra", "iad", answerWithin)
	must(v.T, v.cluster("hub").Revive(v.Context()))
	v.ready(6, "iad", "sin")
	v.Logf("all replicas are ready after %.1f s", time.Since(began).Seconds())
	v.went(time.Second, everywhere, withoutFra)
	must(v.T, v.cluster("fra").Revive(v.Context()))
	v.went(time.Minute, everywhere, withoutFra, everywhere)
	v.sentTo("fra", "fra", 30*time.Second)
	v.ready(6, members...)
	v.unharmed(began.Add(answerWithin))
	v.went(time.Second, everywhere, withoutFra, everywhere)
}
