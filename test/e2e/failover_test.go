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
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// losing shows what follows when clusters, networks and the hub are lost: where requests go, and where pods
// run. The plain death of a cluster, and of a name server without the hub, is in the story of package demo;
// outages of hours are told in virtual time by test/sim.
func losing(t *testing.T, h *hall) {
	h.tell(t, map[string]func(*story){
		"a cluster that hangs is left and returned to":                      (*story).hangs,
		"an API server that is cut off moves nothing":                       (*story).apiCut,
		"a data path that is cut moves requests and no pods":                (*story).dataCut,
		"a hub that is cut off moves no pods and stops no answers":          (*story).hubCut,
		"a region of two clusters is too much for pods, not for requests":   (*story).regionLost,
		"a cluster that flaps is left at most once":                         (*story).flaps,
		"the hub is killed in the middle of a failover, which is made once": (*story).hubKilled,
	})
}

func (s *story) hangs() {
	v := s.opens(quick)
	v.client.Watch(v.gateways["fra"])
	began := time.Now()
	must(v.T, v.cluster("fra").Freeze())
	v.leave("fra", began)
	v.went(30*time.Second, everywhere, withoutFra)
	v.Logf("placed elsewhere after %.1f s", time.Since(began).Seconds())
	v.ready(6, "iad", "sin")
	must(v.T, v.cluster("fra").Thaw())
	thawed := time.Now()
	v.went(time.Minute, everywhere, withoutFra, everywhere)
	v.sentTo("fra", "fra", 30*time.Second)
	v.Logf("as before after %.1f s", time.Since(thawed).Seconds())
	v.ready(6, members...)
	v.unharmed(began.Add(answerWithin)) // also while everything went back
	v.went(time.Second, everywhere, withoutFra, everywhere)
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

// flaps is ten seconds up and ten down in short: up and down are as long, down is long enough to move the pods,
// and what is stable takes several rounds.
func (s *story) flaps() {
	const rounds, half = 4, 8 * time.Second
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
