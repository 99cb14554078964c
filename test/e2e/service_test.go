//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/test/demo"
	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// answerWithin is how long name servers may answer with a cluster that is gone. make bench-failover measures
// it; here other tests may have left the machine something to do.
const answerWithin = 4 * time.Second

// service is an application with clients near fra.
type service struct {
	*story
	host     string
	gateways map[string]netip.Addr
	app      *unstructured.Unstructured
	client   *demo.Steady
	trail    *trail
}

// opens makes an application of six replicas in three clusters, with the failover of its TrafficPolicy, and
// waits until everybody is sent to the nearest. When the story ends everything that was broken is mended.
func (s *story) opens(failover string) *service {
	s.Helper()
	s.hub = s.clusters["hub"] // from inside, whatever its network suffers from
	s.Cleanup(s.mend)
	v := &service{story: s, host: s.room + "." + install.Domain, gateways: map[string]netip.Addr{}, app: s.deployment("web")}
	s.apply(policyFor("web", divided("fra:1 iad:1 sin:1"), "apps/v1/Deployment/web", "v1/Service/web"))
	s.apply(deploymentOf("web", 6, `containers: [{name: app, image: "registry.example/app:1", ports: [{containerPort: 8080}], resources: {requests: {cpu: 10m}}}]`))
	s.apply(`{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}}`)
	s.apply(`
apiVersion: traffic.seaway.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: web}
spec:
  hostnames: [` + v.host + `]
  targetRefs: [{kind: Service, name: web, sectionName: http}]
  health: {probe: {http: {path: /healthz}}}
  failover: ` + failover)
	for _, m := range members {
		s.eventually("the load balancer in "+m, func(ctx context.Context) error {
			lb := s.object("v1", "Service", "web")
			err := s.clusters[m].Get(ctx, client.ObjectKeyFromObject(lb), lb)
			if err == nil {
				v.gateways[m], err = netip.ParseAddr(fmt.Sprint(at(lb.Object, strings.Fields("status loadBalancer ingress 0 ip"))))
			}
			return err
		})
	}
	s.see("hub", v.app, fields{"status readyReplicas": 6})
	for _, m := range members {
		v.state(m, trafficv1alpha1.EndpointServing)
		v.sentTo(m, m, 30*time.Second)
	}
	v.wellSeen()
	v.trail = v.follow()
	v.client = demo.StartSteady(context.Background(), s.in.Client, s.in.NameServers, v.host, demo.ClientsNear("fra"))
	s.Cleanup(func() { v.client.End() })
	v.passes(time.Second)
	return v
}

var members = []string{"fra", "iad", "sin"}

// Failovers that nobody has to wait for long. What can only be told from all clusters together needs the hub
// to have noticed all of them first: it takes up to eleven seconds for an API server that does not answer.
const (
	quick   = "{moveWorkloadsAfter: 3s, failback: {stableFor: 3s, stepPercent: 100, stepEvery: 1s}}"
	careful = "{moveWorkloadsAfter: 10s, failback: {stableFor: 3s, stepPercent: 100, stepEvery: 1s}}"
)

// mend undoes every fault and waits until the hub has all clusters back.
func (s *story) mend() {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	for _, c := range s.in.Fleet.Clusters() {
		if err := errors.Join(c.Heal(), c.Revive(ctx)); err != nil {
			s.Errorf("mend %s: %v", c.Name, err)
		}
	}
	if err := install.Await(ctx, time.Minute, func(ctx context.Context) error {
		for _, m := range members {
			c, err := s.seen(ctx, m)
			if err != nil {
				return err
			}
			if !install.Ready(c) {
				return fmt.Errorf("%s is not Ready", m)
			}
		}
		return nil
	}); err != nil {
		s.Error(err)
	}
}

// seen is a Cluster as the hub has it.
func (s *story) seen(ctx context.Context, name string) (*clusterv1alpha1.Cluster, error) {
	c := &clusterv1alpha1.Cluster{}
	return c, s.clusters["hub"].Get(ctx, client.ObjectKey{Name: name}, c)
}

// wellSeen waits until the hub says of every cluster that both of its signals are up.
func (v *service) wellSeen() {
	v.Helper()
	v.signal(clusterv1alpha1.ClusterConditionReady)
	v.signal(trafficv1alpha1.ClusterConditionDataPath)
}

// signal waits until the hub says that a condition of every cluster is true.
func (v *service) signal(condition string) {
	v.Helper()
	v.eventually(condition+" of all clusters", func(ctx context.Context) error {
		for _, m := range members {
			c, err := v.seen(ctx, m)
			if err != nil {
				return err
			}
			if !meta.IsStatusConditionTrue(c.Status.Conditions, condition) {
				return fmt.Errorf("%s is not", m)
			}
		}
		return nil
	})
}

// passes lets time pass that is part of the story.
func (v *service) passes(long time.Duration) {
	v.Helper()
	select {
	case <-v.Context().Done():
		v.Fatal(v.Context().Err())
	case <-time.After(long):
	}
}

// answered says where every name server sends the clients near a cluster.
func (v *service) answered(ctx context.Context, near, to string) error {
	for _, server := range v.in.NameServers {
		a, err := demo.Ask(ctx, v.in.Client, demo.Port53(server), v.host, demo.ClientsNear(near), time.Second)
		if err != nil {
			return err
		}
		if a.Address != v.gateways[to] {
			return fmt.Errorf("%s sends clients near %s to %s, want %s (%s)", server.Name, near, a.Address, v.gateways[to], to)
		}
	}
	return nil
}

// sentTo waits until every name server sends the clients near a cluster to a cluster.
func (v *service) sentTo(near, to string, within time.Duration) {
	v.Helper()
	began := time.Now()
	if err := install.Await(v.Context(), within, func(ctx context.Context) error { return v.answered(ctx, near, to) }); err != nil {
		v.Fatal(err)
	}
	if took := time.Since(began); took > time.Second {
		v.Logf("clients near %s go to %s after %.1f s", near, to, took.Seconds())
	}
}

// leave waits until no name server answers with a cluster, and returns when the last changed. It is about the
// clients near fra.
func (v *service) leave(cluster string, since time.Time) {
	v.Helper()
	err := install.Await(v.Context(), 20*time.Second, func(context.Context) error {
		changed := v.client.Tally().Changed
		for _, server := range v.in.NameServers {
			at, ok := changed[server.Name]
			if !ok {
				return fmt.Errorf("%s still answers with %s", server.Name, cluster)
			}
			if took := at.Sub(since); took > answerWithin {
				v.Errorf("%s answered with %s for %.1f s", server.Name, cluster, took.Seconds())
			}
		}
		return nil
	})
	if err != nil {
		v.Fatal(err)
	}
	v.Logf("requests have left %s after %.1f s", cluster, time.Since(since).Seconds())
}

// unharmed wants that no question was left without an answer and that every request after since has come
// through; zero means all.
func (v *service) unharmed(since time.Time) {
	v.Helper()
	got := v.client.Tally()
	if got.Empty > 0 || got.Failed > 0 && !got.LastFail.Before(since) {
		v.Errorf("%d requests, %d failed, the last at %s, %d questions without an answer\n%s",
			got.Sent, got.Failed, got.LastFail.Format("15:04:05.000"), got.Empty, strings.Join(got.Errors, "\n"))
	}
}

// state waits until the plan says that an endpoint is in one of some states.
func (v *service) state(cluster string, want ...trafficv1alpha1.EndpointState) {
	v.Helper()
	v.eventually(fmt.Sprintf("%s is %s", cluster, want), func(ctx context.Context) error {
		plan := &trafficv1alpha1.TrafficPlan{}
		if err := v.hub.Get(ctx, client.ObjectKey{Namespace: v.room, Name: "web"}, plan); err != nil {
			return err
		}
		for _, e := range plan.Spec.Endpoints {
			if e.Cluster != cluster {
				continue
			}
			if !slices.Contains(want, e.State) {
				return fmt.Errorf("it is %s: %s", e.State, e.Message)
			}
			return nil
		}
		return fmt.Errorf("it is not in the plan")
	})
}

// ages lets everything that is written down of the loss of a cluster be so much longer ago.
func (v *service) ages(cluster string, by time.Duration) {
	v.Helper()
	v.eventually("the loss of "+cluster+" ages", func(ctx context.Context) error {
		c, err := v.seen(ctx, cluster)
		if err != nil {
			return err
		}
		for i := range c.Status.Conditions {
			at := &c.Status.Conditions[i].LastTransitionTime
			*at = metav1.NewTime(at.Add(-by))
		}
		return v.hub.Status().Update(ctx, c)
	})
	v.eventually("the leave of "+cluster+" ages", func(ctx context.Context) error {
		b := &workv1alpha2.ResourceBinding{}
		if err := v.hub.Get(ctx, client.ObjectKeyFromObject(v.binding(v.app)), b); err != nil {
			return err
		}
		tasks := b.Spec.GracefulEvictionTasks
		if len(tasks) != 1 || tasks[0].FromCluster != cluster || tasks[0].CreationTimestamp == nil {
			return fmt.Errorf("the tasks are %+v", tasks)
		}
		tasks[0].CreationTimestamp = ptr.To(metav1.NewTime(tasks[0].CreationTimestamp.Add(-by)))
		return v.hub.Update(ctx, b)
	})
}

// ready waits until so many pods are ready in clusters together.
func (v *service) ready(pods int, clusters ...string) {
	v.Helper()
	v.eventually(fmt.Sprintf("%d pods ready in %s", pods, clusters), func(ctx context.Context) error {
		sum := int64(0)
		for _, name := range clusters {
			got := v.app.DeepCopy()
			if err := v.clusters[name].Get(ctx, client.ObjectKeyFromObject(got), got); err != nil {
				return err
			}
			n, _, _ := unstructured.NestedInt64(got.Object, "status", "readyReplicas")
			sum += n
		}
		if sum != int64(pods) {
			return fmt.Errorf("%d are", sum)
		}
		return nil
	})
}

// held waits until the binding says that something holds its move, for one of some reasons, and returns it.
func (v *service) held(within time.Duration, reasons ...string) (reason string) {
	v.Helper()
	err := install.Await(v.Context(), within, func(ctx context.Context) error {
		b := &workv1alpha2.ResourceBinding{}
		if err := v.hub.Get(ctx, client.ObjectKeyFromObject(v.binding(v.app)), b); err != nil {
			return err
		}
		c := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.ConditionFailoverHeld)
		if c == nil || !slices.Contains(reasons, c.Reason) {
			return fmt.Errorf("FailoverHeld is %+v, want a reason of %s", c, reasons)
		}
		reason = c.Reason
		return nil
	})
	if err != nil {
		v.Fatal(err)
	}
	return reason
}

// trail is every placement that a binding was seen to have, in order.
type trail struct {
	mu     sync.Mutex
	places []string
}

// follow looks at the placement again and again until the story ends; it may miss looks while the hub is away,
// but no look takes long.
func (v *service) follow() *trail {
	tr := &trail{}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			b := &workv1alpha2.ResourceBinding{}
			look, enough := context.WithTimeout(ctx, time.Second)
			if v.clusters["hub"].Get(look, client.ObjectKeyFromObject(v.binding(v.app)), b) == nil {
				tr.add(placedAs(b))
			}
			enough()
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	})
	v.Cleanup(func() { stop(); done.Wait() })
	return tr
}

// placedAs is a placement in words: "fra:2 iad:2 sin:2".
func placedAs(b *workv1alpha2.ResourceBinding) string {
	var parts []string
	for _, t := range b.Spec.Clusters {
		parts = append(parts, fmt.Sprintf("%s:%d", t.Name, t.Replicas))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func (tr *trail) add(place string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if n := len(tr.places); n == 0 || tr.places[n-1] != place {
		tr.places = append(tr.places, place)
	}
}

func (tr *trail) seen() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.Clone(tr.places)
}

// Placements of the stories.
const (
	everywhere = "fra:2 iad:2 sin:2"
	withoutFra = "iad:3 sin:3"
)

// went waits until the placements have been these, in order and no others.
func (v *service) went(within time.Duration, want ...string) {
	v.Helper()
	err := install.Await(v.Context(), within, func(context.Context) error {
		if got := v.trail.seen(); !slices.Equal(got, want) {
			return fmt.Errorf("placements were %q, want %q", got, want)
		}
		return nil
	})
	if err != nil {
		v.Fatal(err)
	}
}

// stayed wants that no placement was seen but the first.
func (v *service) stayed() {
	v.Helper()
	if got := v.trail.seen(); !slices.Equal(got, []string{everywhere}) {
		v.Errorf("placements were %q", got)
	}
}

func (v *service) cluster(name string) *fleet.Cluster {
	v.Helper()
	c, err := v.in.Fleet.Cluster(name)
	must(v.T, err)
	return c
}
