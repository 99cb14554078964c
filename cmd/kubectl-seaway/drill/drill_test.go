package drill

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/goldentest"
	core "github.com/seaway-io/seaway/controllers/core/drill"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) *metav1.MicroTime {
	at := metav1.NewMicroTime(noon.Add(d))
	return &at
}

func rps(n int64) *resource.Quantity { return resource.NewQuantity(n, resource.DecimalSI) }

// stages are what a drill looks like as it goes on.
func stages(result v1.DrillPhase, reason, message string) []*v1.Drill {
	at := func(phase v1.DrillPhase, edit func(*v1.DrillRun)) *v1.Drill {
		d := &v1.Drill{ObjectMeta: metav1.ObjectMeta{Name: "fra-x"}, Spec: v1.DrillSpec{Clusters: []string{"fra"}}}
		if d.Status.Phase = phase; phase == "" {
			return d
		}
		d.Status.Run = &v1.DrillRun{Started: *after(0), Marked: after(0), Applications: 2, Survivors: []v1.DrillSurvivor{
			{Cluster: "iad", Applications: 2, Capacity: rps(300), Before: rps(90), Predicted: rps(180), Seen: rps(171)}, {Cluster: "sin", Applications: 1}}}
		edit(d.Status.Run)
		return d
	}
	changed := func(r *v1.DrillRun) {
		r.AnswersChanged, r.AnswersChangedAfter = after(time.Second), &metav1.Duration{Duration: 1234 * time.Millisecond}
	}
	known := func(r *v1.DrillRun) { changed(r); r.Result, r.Reason, r.Message = result, reason, message }
	return []*v1.Drill{
		at("", nil), at(v1.DrillDraining, func(*v1.DrillRun) {}), at(v1.DrillObserving, changed), at(v1.DrillObserving, changed),
		at(v1.DrillRestoring, known), at(result, func(r *v1.DrillRun) { known(r); r.Ended = after(time.Hour) }),
	}
}

var clock = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d`)

func TestFollow(t *testing.T) {
	for name, tc := range map[string]struct {
		stages []*v1.Drill
		fails  string
	}{
		"success": {stages(v1.DrillSucceeded, v1.DrillReasonCompleted, "requests were out for 5m0s"), ""},
		"abort":   {stages(v1.DrillAborted, v1.DrillReasonOverCapacity, "a survivor gets more than it may"), "drill aborted: OverCapacity: a survivor gets more than it may"},
	} {
		t.Run(name, func(t *testing.T) {
			ticks := make(chan time.Time, 10)
			for range 10 {
				ticks <- noon
			}
			i := -1
			var out bytes.Buffer
			err := follow(t.Context(), &out, ticks, "fra-x", func() (*v1.Drill, error) {
				if i++; i == 3 {
					return nil, errors.New("the hub is away")
				}
				return tc.stages[i], nil
			})
			if (err == nil) != (tc.fails == "") || err != nil && err.Error() != tc.fails {
				t.Errorf("error %v, want %q", err, tc.fails)
			}
			goldentest.Compare(t, name, clock.ReplaceAll(out.Bytes(), []byte("12:00:00")))
		})
	}
}

func TestFollowEnds(t *testing.T) {
	ticks := make(chan time.Time, 20)
	for range 20 {
		ticks <- noon
	}
	gone := apierrors.NewNotFound(v1.Resource("drills"), "fra-x")
	if err := follow(t.Context(), &bytes.Buffer{}, ticks, "fra-x", func() (*v1.Drill, error) { return nil, gone }); err == nil || !strings.Contains(err.Error(), "was deleted") {
		t.Errorf("deleted: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	looks := 0
	err := follow(ctx, &out, ticks, "fra-x", func() (*v1.Drill, error) {
		if looks++; looks > patience {
			cancel()
		}
		return &v1.Drill{}, nil
	})
	if err == nil || !strings.Contains(err.Error(), "kubectl delete drill fra-x") || !strings.Contains(out.String(), "no controller has taken it up") {
		t.Errorf("interrupted: %v\n%s", err, out.String())
	}
}

func TestOrders(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no cluster":    {[]string{}, "--cluster: name a cluster"},
		"a short while": {[]string{"--cluster=fra", "--for=1s"}, "spec.duration"},
		"no hub":        {[]string{"--cluster=fra", "--kubeconfig=/nowhere"}, "kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := Command()
			cmd.SetArgs(tc.args)
			cmd.SilenceUsage, cmd.SilenceErrors = true, true
			if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func TestADrillIsNamedForItsClusters(t *testing.T) {
	o := order{clusters: []string{"fra", "iad"}, span: time.Minute, utilization: 100, within: time.Second}
	if d := o.drill(); d.GenerateName != "fra-iad-" || d.Name != "" {
		t.Errorf("%q %q", d.Name, d.GenerateName)
	}
	o.name = "friday"
	if d := o.drill(); d.GenerateName != "" || d.Name != "friday" {
		t.Errorf("%q %q", d.Name, d.GenerateName)
	}
}

func TestJudge(t *testing.T) {
	var out bytes.Buffer
	o := order{clusters: []string{"fra"}, span: time.Minute, utilization: 100, within: time.Second}
	err := judge(&out, &core.World{Now: noon}, o.drill())
	if err == nil || !strings.Contains(err.Error(), "ClusterNotFound") || !strings.Contains(out.String(), "no application is in fra") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestTable(t *testing.T) {
	all := stages(v1.DrillAborted, v1.DrillReasonEndedByHand, "somebody took the mark off fra")
	scheduled := all[5].DeepCopy()
	scheduled.Name = "friday"
	scheduled.Status.NextRun = &metav1.Time{Time: noon.Add(24 * time.Hour)}
	scheduled.Status.History = []v1.DrillRun{{Started: *after(-7 * 24 * time.Hour), Result: v1.DrillFailed, Reason: v1.DrillReasonClusterNotWhole, Message: "cluster sin is lost"}}
	for name, drills := range map[string][]v1.Drill{"list": {*all[0], *all[2], *scheduled}, "list-empty": nil} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := table(&out, drills, noon.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			goldentest.Compare(t, name, out.Bytes())
		})
	}
}
