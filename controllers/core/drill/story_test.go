package drill

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden stories anew")

// story tells how a drill goes, in words.
type story struct {
	*fleet
	strings.Builder
	t *testing.T
}

func tell(t *testing.T, clusters ...string) *story {
	s := &story{fleet: newFleet(t, clusters...), t: t}
	s.fleet.tell = func(format string, args ...any) {
		fmt.Fprintf(s, "%s    %s\n", s.time(), fmt.Sprintf(format, args...))
	}
	return s
}

func (s *story) time() string { return "+" + s.now.Sub(noon).String() }

// then says what happens, lets it happen, and says how things are after a time.
func (s *story) then(what string, happens func(), d time.Duration) {
	fmt.Fprintf(s, "%s  %s\n", s.time(), what)
	happens()
	s.pass(d)
	var all []string
	for _, a := range s.apps {
		all = append(all, a.policy.Name+": "+a.shares())
	}
	fmt.Fprintf(s, "%s    %s; %s\n", s.time(), s.drill.Status.Phase, strings.Join(all, "; "))
}

func (s *story) end(name string) {
	s.t.Helper()
	if run := s.drill.Status.Run; run != nil {
		fmt.Fprintf(s, "%s %s (%s)\n", run.Result, run.Reason, run.Message)
		if run.AnswersChangedAfter != nil {
			fmt.Fprintf(s, "  answers changed after %s\n", run.AnswersChangedAfter.Duration)
		}
		for _, v := range run.Survivors {
			fmt.Fprintf(s, "  %s: %d applications, before %v, predicted %v, seen %v, capacity %v\n", v.Cluster, v.Applications, v.Before, v.Predicted, v.Seen, v.Capacity)
		}
		for _, o := range run.Over {
			fmt.Fprintf(s, "  over: %s in %s %s of %s, predicted %t\n", o.Application, o.Cluster, o.RequestsPerSecond.String(), o.Capacity.String(), o.Predicted)
		}
	}
	for _, c := range s.drill.Status.Conditions {
		fmt.Fprintf(s, "  %s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	if left := s.marked(); len(left) > 0 {
		s.t.Errorf("still marked: %v", left)
	}
	path := filepath.Join("testdata", "stories", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(s.String()), 0o644); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(s.String(), "\n")); diff != "" {
		s.t.Errorf("the story goes differently (run with -update to accept):\n%s", diff)
	}
}

// two is a fleet with an application in two clusters and one in three, a few minutes after both began.
func two(t *testing.T) *story {
	s := tell(t, "fra", "iad", "sin")
	s.deploy("web", "fra", "iad").asks(map[string]float64{"fra": 60, "iad": 60})
	s.deploy("api", "fra", "iad", "sin").asks(map[string]float64{"fra": 30, "iad": 30, "sin": 30})
	s.now = noon.Add(10 * time.Minute)
	s.plan()
	return s
}

func TestStoryOfASuccess(t *testing.T) {
	s := two(t)
	s.then("somebody orders a drill of fra for a minute", func() { s.order("fra") }, 5*time.Second)
	s.then("requests are out", func() {}, 54*time.Second)
	s.then("the time is over", func() {}, 4*time.Minute)
	s.end("success")
}

func TestStoryOfARefusal(t *testing.T) {
	s := two(t)
	s.apps[0].asks(map[string]float64{"fra": 100, "iad": 60})
	s.then("somebody orders a drill of fra; iad would get 160 of 150 requests/s for web", func() { s.order("fra") }, 10*time.Second)
	s.end("refusal")
}

func TestStoryOfAForcedDrillThatIsTooMuch(t *testing.T) {
	s := two(t)
	s.apps[0].asks(map[string]float64{"fra": 100, "iad": 60})
	s.then("somebody forces the drill", func() { s.order("fra").Spec.Force = true }, 5*time.Second)
	s.then("and requests return", func() {}, 4*time.Minute)
	s.end("forced")
}

func TestStoryOfDemandThatGrows(t *testing.T) {
	s := two(t)
	s.then("somebody orders a drill of fra", func() { s.order("fra") }, 30*time.Second)
	s.then("twice as many people ask for web", func() { s.apps[0].asks(map[string]float64{"fra": 120, "iad": 120}) }, 4*time.Minute)
	s.end("demand-grows")
}

func TestStoryOfANameServerThatDoesNotFollow(t *testing.T) {
	s := two(t)
	s.then("ns2 hears nothing, and somebody orders a drill", func() {
		s.servers["ns2"] = false
		s.order("fra")
	}, 40*time.Second)
	s.then("ns2 hears again", func() { s.servers["ns2"] = true }, 4*time.Minute)
	s.end("no-follower")
}

func TestStoryOfASurvivorThatDies(t *testing.T) {
	s := two(t)
	s.then("somebody orders a drill of fra", func() { s.order("fra") }, 30*time.Second)
	s.then("iad dies", func() { s.set("iad", false, false) }, 10*time.Second)
	s.then("requests return to fra, where web is alone", func() {}, 4*time.Minute)
	s.end("survivor-dies")
}

func TestStoryOfAPersonWhoEndsIt(t *testing.T) {
	s := two(t)
	s.then("somebody orders a drill of fra", func() { s.order("fra") }, 30*time.Second)
	s.then("somebody takes the mark away", func() { s.drain("fra", "") }, 4*time.Minute)
	s.end("by-hand")
}

func TestStoryOfAPersonWhoDrainsMeanwhile(t *testing.T) {
	s := two(t)
	s.then("somebody orders a drill of fra", func() { s.order("fra") }, 30*time.Second)
	s.then("somebody drains fra for a reason: it stays drained", func() { s.drain("fra", "new load balancers") }, 4*time.Minute)
	s.end("by-hand-drained")
}

func TestStoryOfARestart(t *testing.T) {
	s := two(t)
	s.then("somebody orders a drill of fra", func() { s.order("fra") }, 30*time.Second)
	s.then("the controller is away for two minutes and forgets", func() {
		for range 120 {
			s.plan()
			s.now = s.now.Add(time.Second)
		}
		s.followers = &Followers{}
	}, 4*time.Minute)
	s.end("restart")
}

func TestStoryOfASchedule(t *testing.T) {
	s := two(t)
	s.pace = 10 * time.Second
	s.then("a drill is scheduled for every hour at 20 past, in Berlin", func() {
		d := s.order("fra")
		d.Spec.Schedule, d.Spec.TimeZone = "20 * * * *", "Europe/Berlin"
		*d.Spec.HistoryLimit = 1
	}, 30*time.Second)
	s.then("the first comes", func() {}, 15*time.Minute)
	s.then("an hour later a cluster is lost", func() { s.set("sin", false, false) }, time.Hour)
	s.then("it is back", func() { s.set("sin", true, true) }, 50*time.Minute)
	s.then("nobody wants it any more", func() { s.drill.Spec.Suspend = true }, 2*time.Hour)
	for _, run := range s.drill.Status.History {
		fmt.Fprintf(s, "before: %s %s at %s\n", run.Result, run.Reason, run.Started.UTC().Format(time.TimeOnly))
	}
	s.end("schedule")
}

func TestStoryOfAHold(t *testing.T) {
	s := two(t)
	s.then("somebody orders a drill of fra", func() { s.order("fra") }, 30*time.Second)
	s.then("somebody holds web for an hour", func() {
		s.apps[0].policy.Spec.Hold = &v1.Hold{Until: metav1.NewTime(s.now.Add(time.Hour))}
	}, 4*time.Minute)
	s.end("hold")
}
