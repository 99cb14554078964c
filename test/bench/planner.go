//go:build linux

package bench

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	validation "github.com/seaway-io/seaway/api/validation/traffic"
	"github.com/seaway-io/seaway/controllers/core/traffic"
)

// PlannerOptions say how much is planned.
type PlannerOptions struct {
	// Clusters is how many there are, one series for each.
	Clusters []int
	// Apps is how many applications there are; each has an endpoint in every cluster.
	Apps int
	// Runs is how often a cluster is lost, or comes back, and everything is planned anew.
	Runs int
}

// plannerGoal is what planning for the largest fleet may take.
const plannerGoal = 200 * time.Millisecond

// Run measures the planner alone: no API server, no cache, one goroutine. A cluster is lost in every other
// run and is back in the next, and each time the plan of every application is computed. The time on the clock is
// held against the goal; processor time contains what the garbage collector does meanwhile on idle cores.
func (o PlannerOptions) Run(out io.Writer) error {
	fmt.Fprintf(out, "\nPLANNER  %d applications in every cluster, Geo, clusters in up to %d regions; one core of %d; %d runs\n", o.Apps, len(regions), runtime.GOMAXPROCS(0), o.Runs)
	fmt.Fprintln(out, "CLUSTERS      ALL PLANS p50       p99   PROCESSOR TIME p50  A PLAN p50  REGIONS IN IT")
	type point struct {
		clusters int
		took     time.Duration
	}
	var points []point
	var largest time.Duration
	for _, n := range o.Clusters {
		world := newPlannerWorld(n, o.Apps)
		if err := world.settle(); err != nil {
			return err
		}
		var took, used []time.Duration
		for run := range o.Runs {
			began, spent := time.Now(), ownTime()
			if err := world.turn(run); err != nil {
				return err
			}
			took = append(took, time.Since(began))
			used = append(used, time.Duration((ownTime()-spent)*float64(time.Second)))
			world.keep()
		}
		slices.Sort(took)
		slices.Sort(used)
		half := percentile(used, 50)
		largest = percentile(took, 50)
		fmt.Fprintf(out, "%8d  %12.1f ms  %7.1f ms  %16.1f ms  %7.1f µs  %13d\n", n, ms(percentile(took, 50)), ms(percentile(took, 99)), ms(half),
			float64(half.Nanoseconds())/1000/float64(o.Apps), min(n, len(regions)))
		points = append(points, point{n, half})
	}
	if len(points) < 2 {
		return nil
	}
	first, last := points[0], points[len(points)-1]
	power := math.Log(float64(last.took)/float64(first.took)) / math.Log(float64(last.clusters)/float64(first.clusters))
	verdict := "is met"
	if largest > plannerGoal {
		verdict = "is NOT met"
	}
	fmt.Fprintf(out, "planner: %d clusters x %d applications in %.0f ms, %.0f ms of processor time, which grows with clusters to the power %.2f; the goal of %s %s\n",
		last.clusters, o.Apps, ms(largest), ms(last.took), power, plannerGoal, verdict)
	return nil
}

// regions are those that the clusters are in, in turn.
var regions = []string{
	"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "mx-central-1", "sa-east-1", "eu-central-1", "eu-central-2",
	"eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1", "eu-south-2", "af-south-1", "il-central-1", "me-south-1", "me-central-1",
	"ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-east-1",
}

// plannerWorld is what the planner is given.
type plannerWorld struct {
	now    time.Time
	inputs []traffic.Input
	specs  []*trafficv1alpha1.TrafficPlanSpec
}

func newPlannerWorld(clusters, apps int) *plannerWorld {
	atlas := &traffic.Atlas{} // one for all plans, as the hub has it
	w := &plannerWorld{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), specs: make([]*trafficv1alpha1.TrafficPlanSpec, apps)}
	var all []*clusterv1alpha1.Cluster
	for i := range clusters {
		all = append(all, &clusterv1alpha1.Cluster{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("c%03d", i)},
			Spec:       clusterv1alpha1.ClusterSpec{Region: regions[i%len(regions)], Provider: "aws"},
			Status: clusterv1alpha1.ClusterStatus{Conditions: []metav1.Condition{
				{Type: clusterv1alpha1.ClusterConditionReady, Status: metav1.ConditionTrue, Reason: clusterv1alpha1.ReasonClusterReady},
			}},
		})
	}
	for i := range apps {
		p := &trafficv1alpha1.TrafficPolicy{
			ObjectMeta: metav1.ObjectMeta{Namespace: "bench", Name: fmt.Sprintf("app-%04d", i), Generation: 1},
			Spec: trafficv1alpha1.TrafficPolicySpec{
				Hostnames:  []string{fmt.Sprintf("app-%04d.apps.example.com", i)},
				TargetRefs: []trafficv1alpha1.TargetRef{{Kind: "Service", Name: "web"}},
			},
		}
		validation.DefaultPolicy(p)
		in := traffic.Input{Policy: p, Claims: traffic.HostnameResult{Hostnames: p.Spec.Hostnames}, VantagePoints: 3, Atlas: atlas}
		for j, c := range all {
			in.Clusters = append(in.Clusters, traffic.Member{Cluster: c, Verdict: trafficv1alpha1.VerdictHealthy, Discovered: traffic.Discovered{
				Known: true, Exists: true, Addresses: []string{fmt.Sprintf("192.0.%d.%d", i%250, j)}, Port: 80, ReadyReplicas: int32(1 + (i+j)%5),
			}})
		}
		w.inputs = append(w.inputs, in)
	}
	return w
}

// settle makes the plans that are there before anything happens.
func (w *plannerWorld) settle() error {
	if err := w.plan(); err != nil {
		return err
	}
	w.keep()
	return nil
}

// turn loses a cluster, or lets it come back, for all applications.
func (w *plannerWorld) turn(run int) error {
	verdict, message := trafficv1alpha1.VerdictUnhealthy, "connection refused"
	if run%2 == 1 {
		verdict, message = trafficv1alpha1.VerdictHealthy, ""
	}
	for i := range w.inputs {
		clusters := w.inputs[i].Clusters
		m := &clusters[run/2%len(clusters)]
		m.Verdict, m.VerdictMessage = verdict, message
	}
	return w.plan()
}

func (w *plannerWorld) plan() error {
	for i := range w.inputs {
		w.inputs[i].Now = w.now
		if w.specs[i] = traffic.Plan(w.inputs[i]).Spec; w.specs[i] == nil {
			return fmt.Errorf("there is no plan for %s", w.inputs[i].Policy.Name)
		}
	}
	return nil
}

// keep makes the plans the previous ones, some time later.
func (w *plannerWorld) keep() {
	for i := range w.inputs {
		w.inputs[i].Previous = w.specs[i]
	}
	w.now = w.now.Add(10 * time.Second)
}
