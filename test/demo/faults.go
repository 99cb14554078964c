//go:build linux

package demo

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/seaway-io/seaway/test/fleet/install"
)

// Bounds that must hold.
const (
	answerWithin   = 3 * time.Second
	replicasWithin = 20 * time.Second
)

// loseACluster kills a whole cluster under a steady client and measures.
func (d *demo) loseACluster(ctx context.Context, name string, subnet netip.Prefix) {
	d.Step("SIGKILL to every process of %s, while a client near it resolves and requests every %s", name, pace)
	client := StartSteady(ctx, d.in.Client, d.in.NameServers, Host, subnet)
	d.settle(ctx, 2*time.Second)
	calm := client.Tally()
	d.Check(calm.Failed == 0 && calm.Empty == 0, "before: %d requests, %d failed, %d questions without an answer", calm.Sent, calm.Failed, calm.Empty)

	client.Watch(d.gateways[name])
	cluster, err := d.fleet.Cluster(name)
	if !d.CheckNoError(err, "find %s", name) {
		return
	}
	killed := time.Now()
	d.CheckNoError(cluster.Kill(), "%s is dead", name)

	err = d.await(ctx, 15*time.Second, func(context.Context) error { return d.allChanged(client) })
	t := client.Tally()
	slowest := slowestOf(t.Changed, killed)
	d.Check(err == nil && slowest <= answerWithin, "every name server answers without %s after %.2f s (at most %s): %s", name, slowest.Seconds(), answerWithin, perServer(t.Changed, killed))

	survivors := map[string]int32{}
	for _, m := range d.members() {
		if m != name {
			survivors[m] = Replicas / int32(len(d.members())-1)
		}
	}
	err = d.await(ctx, 40*time.Second, func(ctx context.Context) error { return d.placed(ctx, survivors) })
	moved := time.Since(killed)
	d.Check(err == nil && moved <= replicasWithin, "its replicas are placed on the survivors after %.1f s (at most %s) (error %v)", moved.Seconds(), replicasWithin, err)
	d.CheckNoError(d.await(ctx, 20*time.Second, func(ctx context.Context) error { return d.ready(ctx, Replicas) }), "and all %d replicas are ready again", Replicas)

	t = client.End()
	d.Check(t.Empty == 0, "no question was left without an answer (%d)", t.Empty)
	lastFail := "none"
	if t.Failed > 0 {
		lastFail = fmt.Sprintf("the last was sent %.2f s after the kill", t.LastFail.Sub(killed).Seconds())
	}
	d.Check(t.Failed == 0 || t.LastFail.Sub(killed) <= answerWithin, "requests: %d sent, %d failed; %s", t.Sent, t.Failed, lastFail)
}

func (d *demo) allChanged(s *Steady) error {
	t := s.Tally()
	for _, server := range d.in.NameServers {
		if _, ok := t.Changed[server.Name]; !ok {
			return fmt.Errorf("%s still answers with the dead cluster", server.Name)
		}
	}
	return nil
}

func slowestOf(changed map[string]time.Time, since time.Time) time.Duration {
	var out time.Duration
	for _, t := range changed {
		out = max(out, t.Sub(since))
	}
	return out
}

func perServer(changed map[string]time.Time, since time.Time) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		parts = append(parts, fmt.Sprintf("%s %.2f s", name, changed[name].Sub(since).Seconds()))
	}
	return strings.Join(parts, ", ")
}

// itReturns revives a cluster: pods first, then requests, then the stand-ins go.
func (d *demo) itReturns(ctx context.Context, name string, subnet netip.Prefix) {
	d.Step("%s comes back on its old store: pods are ready before requests return, step by step; then the stand-ins go", name)
	cluster, err := d.fleet.Cluster(name)
	if !d.CheckNoError(err, "find %s", name) {
		return
	}
	client := StartSteady(ctx, d.in.Client, d.in.NameServers, Host, subnet)
	defer client.End()
	began := time.Now()
	if !d.CheckNoError(cluster.Revive(ctx), "%s runs again", name) {
		return
	}
	member, err := d.member(name)
	if !d.CheckNoError(err, "connect to %s", name) {
		return
	}
	var podsReady, firstAnswer time.Duration
	err = d.await(ctx, 90*time.Second, func(ctx context.Context) error {
		if podsReady == 0 {
			if pods, err := readyPods(ctx, member); err == nil && len(pods) >= 2 {
				podsReady = time.Since(began)
			}
		}
		for _, server := range d.in.NameServers {
			if a, err := Ask(ctx, d.in.Client, Port53(server), Host, subnet, time.Second); err == nil && a.Address == d.gateways[name] && firstAnswer == 0 {
				firstAnswer = time.Since(began)
			}
		}
		return d.answeredBy(ctx, nil)
	})
	d.CheckNoError(err, "clients near %s are sent there again", name)
	d.Check(podsReady > 0 && podsReady < firstAnswer, "pods ready after %.1f s, first request back after %.1f s", podsReady.Seconds(), firstAnswer.Seconds())
	d.CheckNoError(d.await(ctx, time.Minute, func(ctx context.Context) error { return d.placed(ctx, map[string]int32{"fra": 2, "iad": 2, "sin": 2}) }),
		"placed 2:2:2 again after %.1f s", time.Since(began).Seconds())
	d.CheckNoError(d.await(ctx, 20*time.Second, func(ctx context.Context) error { return d.ready(ctx, Replicas) }), "%d replicas are ready", Replicas)
	t := client.End()
	if !d.Check(t.Failed == 0 && t.Empty == 0, "on the way back: %d requests, %d failed, %d questions without an answer", t.Sent, t.Failed, t.Empty) {
		d.Say("%s", strings.Join(t.Errors, "\n"))
	}
}

// loseTheHub kills the hub, then a cluster, then restarts a name server: answers go on.
func (d *demo) loseTheHub(ctx context.Context) {
	d.Step("SIGKILL to the whole hub: name servers go on answering, still fail over, and start without it")
	if !d.CheckNoError(d.fleet.Hub.Kill(), "the hub is dead") {
		return
	}
	d.settle(ctx, 6*time.Second)
	d.CheckNoError(d.answeredBy(ctx, nil), "every name server answers as before")

	lost := "sin"
	client := StartSteady(ctx, d.in.Client, d.in.NameServers, Host, places[2].Subnet)
	client.Watch(d.gateways[lost])
	cluster, err := d.fleet.Cluster(lost)
	if !d.CheckNoError(err, "find %s", lost) {
		return
	}
	killed := time.Now()
	d.CheckNoError(cluster.Kill(), "now %s is dead too", lost)
	err = d.await(ctx, 15*time.Second, func(context.Context) error { return d.allChanged(client) })
	t := client.End()
	slowest := slowestOf(t.Changed, killed)
	if !d.Check(err == nil && slowest <= answerWithin && t.Empty == 0, "without the hub, every name server answers without %s after %.2f s, %d questions without an answer", lost, slowest.Seconds(), t.Empty) {
		d.Say("%s", strings.Join(t.Errors, "\n"))
	}

	ns := d.in.NameServers[0]
	d.CheckNoError(ns.Kill(install.NameServer), "%s is killed", ns.Name)
	began := time.Now()
	d.CheckNoError(ns.Revive(ctx), "%s is started with the hub still gone", ns.Name)
	err = d.await(ctx, 10*time.Second, func(ctx context.Context) error {
		a, err := Ask(ctx, d.in.Client, Port53(ns), Host, places[2].Subnet, time.Second)
		if err == nil && (!a.Address.IsValid() || a.Address == d.gateways[lost]) {
			err = fmt.Errorf("answers %s", d.cluster(a.Address))
		}
		return err
	})
	d.CheckNoError(err, "%s answers from its disk, without %s, after %.1f s", ns.Name, lost, time.Since(began).Seconds())

	d.CheckNoError(d.fleet.Hub.Revive(ctx), "the hub is started again")
	d.CheckNoError(cluster.Revive(ctx), "%s is started again", lost)
	d.CheckNoError(d.await(ctx, 90*time.Second, func(ctx context.Context) error { return d.answeredBy(ctx, nil) }), "everybody is sent to the nearest cluster again")
	d.CheckNoError(d.await(ctx, time.Minute, func(ctx context.Context) error {
		return d.placed(ctx, map[string]int32{"fra": 2, "iad": 2, "sin": 2})
	}), "placed 2:2:2")
}

// settle lets time pass that is part of the story.
func (d *demo) settle(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}
