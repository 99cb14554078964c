package evict

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/seaway-io/seaway/api/policy/v1alpha1"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/core/failover"
)

var update = flag.Bool("update", false, "write the golden stories anew")

// An application of two replicas in fra fails there; sin takes it. Each story is told for a purge mode, a line
// for each moment at which something changes.
func TestStoriesOfApplicationFailover(t *testing.T) {
	modes := []policyv1alpha1.PurgeMode{policyv1alpha1.PurgeModeDirectly, policyv1alpha1.PurgeModeGracefully, policyv1alpha1.PurgeModeNever}
	for _, mode := range modes {
		for ending, comesUp := range map[string]bool{"comes up in sin": true, "fails in sin too": false} {
			name := strings.ToLower(string(mode)) + " and " + ending
			t.Run(name, func(t *testing.T) {
				golden(t, strings.ReplaceAll(name, " ", "-"), tell(mode, comesUp))
			})
		}
	}
}

// tell plays half an hour in steps of ten seconds.
func tell(mode policyv1alpha1.PurgeMode, comesUp bool) string {
	var out strings.Builder
	in := input(on("fra", 2), cluster("fra"), cluster("sin"))
	b := in.Binding.(*workv1alpha2.ResourceBinding)
	app := &policyv1alpha1.ApplicationFailoverBehavior{PurgeMode: mode}
	app.StatePreservation = &policyv1alpha1.StatePreservation{Rules: []policyv1alpha1.StatePreservationRule{{AliasLabelName: "job-id", JSONPath: "{.jobID}"}}}
	if mode == policyv1alpha1.PurgeModeGracefully {
		app.GracePeriodSeconds = ptr.To[int32](120)
	}
	app.DecisionConditions.TolerationSeconds = ptr.To[int32](60)
	b.Spec.Failover = &policyv1alpha1.FailoverBehavior{Application: app}
	in.State = func([]policyv1alpha1.StatePreservationRule, []byte) (map[string]string, error) {
		return map[string]string{"job-id": "0a1b"}, nil
	}
	in.UnhealthySince = map[string]time.Time{}
	said := ""
	for s := 0; s <= 1800; s += 10 {
		in.Now = t0.Add(time.Duration(s) * time.Second)
		inSin := b.Spec.Clusters[0].Name == "sin"
		b.Status.AggregatedStatus = nil
		if !inSin || holdsWork(&b.Spec, "fra") {
			in.reports("fra", unhealthy, 2, 1)
		}
		if inSin && !(comesUp && s >= 120) {
			in.reports("sin", unhealthy, 2, 0)
		} else if inSin {
			in.reports("sin", healthy, 2, 2)
		}
		for _, c := range Unhealthy(b) {
			if _, seen := in.UnhealthySince[c]; !seen {
				in.UnhealthySince[c] = in.Now
			}
		}
		d := Decide(in)
		to := on("sin", 2)
		if len(d.Evict) > 0 && d.Evict[0].FromCluster == "sin" {
			d.Held, d.Evict = append(d.Held, Hold{Cluster: "sin", Reason: failover.ReasonNoClusterFits, Message: ""}), nil // fra is being left
		}
		if len(d.Evict) > 0 {
			b.Generation++
			b.Status.SchedulerObservedGeneration = b.Generation
		}
		d.Apply(&b.Spec, to, in.Now)
		d.RetryAt = time.Time{}
		line := fmt.Sprintf("placed on %s", b.Spec.Clusters[0].Name)
		for _, t := range b.Spec.GracefulEvictionTasks {
			line += "\n      " + taskLine(t)
		}
		for _, what := range brief(d) {
			line += "\n      " + what
		}
		if line != said {
			fmt.Fprintf(&out, "%4ds %s\n", s, line)
			said = line
		}
	}
	return out.String()
}

func taskLine(t workv1alpha2.GracefulEvictionTask) string {
	line := fmt.Sprintf("task from %s, %s, written at %.0fs, of %d replicas, before on %s, with %v", t.FromCluster, t.PurgeMode,
		t.CreationTimestamp.Sub(t0).Seconds(), *t.Replicas, strings.Join(t.ClustersBeforeFailover, " "), t.PreservedLabelState)
	if t.GracePeriodSeconds != nil {
		line += fmt.Sprintf(", waits %ds", *t.GracePeriodSeconds)
	}
	if t.SuppressDeletion != nil {
		line += fmt.Sprintf(", suppressDeletion %v", *t.SuppressDeletion)
	}
	return line
}

// holdsWork says whether the Work in a cluster that is being left is there.
func holdsWork(spec *workv1alpha2.ResourceBindingSpec, cluster string) bool {
	return slices.ContainsFunc(spec.GracefulEvictionTasks, func(t workv1alpha2.GracefulEvictionTask) bool {
		return t.FromCluster == cluster && t.PurgeMode != policyv1alpha1.PurgeModeDirectly
	})
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
