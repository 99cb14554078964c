package verdict

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/seaway-io/seaway/api/traffic/quorum"
	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
)

const (
	healthy   = trafficv1alpha1.VerdictHealthy
	unhealthy = trafficv1alpha1.VerdictUnhealthy
	unknown   = trafficv1alpha1.VerdictUnknown
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestRiseAndFall(t *testing.T) {
	for name, c := range map[string]struct {
		rise, fall int32
		results    string // + and -
		want       string // verdict after each: U, H or D
	}{
		"it takes a run to fall":                  {3, 2, "+++--", "UUHHD"},
		"and a run to rise":                       {3, 2, "--+++", "UDDDH"},
		"a run that is broken starts anew":        {3, 2, "+++-+-+--", "UUHHHHHHD"},
		"an unknown endpoint needs its run too":   {3, 2, "+-+-+-", "UUUUUU"},
		"one is enough where one is asked for":    {1, 1, "+-+-", "HDHD"},
		"a threshold below one is one":            {0, -5, "+-+-", "HDHD"},
		"a long run is remembered no longer":      {2, 2, "+++++++++--++", "UHHHHHHHHHDDH"},
		"healthy stays healthy through one error": {3, 2, "+++-+++", "UUHHHHH"},
	} {
		t.Run(name, func(t *testing.T) {
			var s State
			got := ""
			for i, r := range c.results {
				before, now := s, start.Add(time.Duration(i)*time.Second)
				var changed bool
				s, changed = s.Observe(r == '+', "refused", now, Thresholds{UnhealthyAfter: c.fall, HealthyAfter: c.rise})
				got += map[trafficv1alpha1.Verdict]string{"": "U", unknown: "U", healthy: "H", unhealthy: "D"}[s.Verdict]
				if changed != (s.Verdict != before.Verdict) {
					t.Errorf("result %d: changed %v, but %q became %q", i, changed, before.Verdict, s.Verdict)
				}
				if changed && !s.Since.Equal(now) || !changed && !s.Since.Equal(before.Since) {
					t.Errorf("result %d: since %v", i, s.Since)
				}
				if (s.Message != "") != (s.Verdict == unhealthy) {
					t.Errorf("result %d: %s with message %q", i, s.Verdict, s.Message)
				}
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// The verdict is that of the last complete run, by a plain reading of the whole history. The results come so
// slowly that no fall holds up what follows: damping is tested by itself.
func TestStateIsTheLastCompleteRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		th := Thresholds{rapid.Int32Range(1, 5).Draw(t, "fall"), rapid.Int32Range(1, 5).Draw(t, "rise")}
		results := rapid.SliceOf(rapid.Bool()).Draw(t, "results")
		var s State
		for i, r := range results {
			s, _ = s.Observe(r, "no", start.Add(time.Duration(i+1)*FallForgotten), th)
		}
		want := trafficv1alpha1.Verdict("")
		run := int32(0)
		for i, r := range results {
			if i == 0 || results[i-1] != r {
				run = 0
			}
			run++
			switch {
			case r && run >= th.HealthyAfter:
				want = healthy
			case !r && run >= th.UnhealthyAfter:
				want = unhealthy
			}
		}
		if s.Verdict != want {
			t.Fatalf("got %q, want %q", s.Verdict, want)
		}
	})
}

var web = Key{"shop", "web", "fra"}

func reportOf(vantage string, renewed time.Time, v trafficv1alpha1.Verdict) *trafficv1alpha1.EndpointHealth {
	return &trafficv1alpha1.EndpointHealth{
		ObjectMeta: metav1.ObjectMeta{Name: vantage},
		Spec: trafficv1alpha1.EndpointHealthSpec{
			VantagePoint:         vantage,
			RenewTime:            metav1.NewMicroTime(renewed),
			LeaseDurationSeconds: 30,
			Plans: []trafficv1alpha1.PlanHealth{{
				Namespace: "shop", Name: "web",
				Endpoints: []trafficv1alpha1.EndpointVerdict{{Cluster: "fra", Verdict: v}},
			}},
		},
	}
}

func TestPeersCountWhileFresh(t *testing.T) {
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	p := NewPeers("ns1")
	if p.Observe(reportOf("ns1", at(0), unhealthy), at(0)) {
		t.Error("the server's own report is no peer's")
	}
	if !p.Observe(reportOf("ns2", at(0), unhealthy), at(0)) || !p.Observe(reportOf("ns3", at(0), unhealthy), at(0)) {
		t.Error("a new report changes votes")
	}
	if got := p.Decide(healthy, web, at(1)); got != unhealthy {
		t.Errorf("two of three: %s", got)
	}
	if p.Observe(reportOf("ns2", at(10), unhealthy), at(10)) {
		t.Error("a heartbeat changes no vote")
	}
	if p.Observe(reportOf("ns3", at(0), unhealthy), at(25)) {
		t.Error("the same report seen again changes no vote")
	}
	changed, next := p.Expire(at(29))
	if changed || !next.Equal(at(30)) {
		t.Errorf("nothing is old at 29 s: %v, %v", changed, next)
	}
	// ns3 was last renewed at 0 s, ns2 at 10 s.
	changed, next = p.Expire(at(30))
	if !changed || !next.Equal(at(40)) {
		t.Errorf("ns3 is silent from 30 s: %v, %v", changed, next)
	}
	if got := p.Decide(healthy, web, at(31)); got != healthy {
		t.Errorf("one of two: %s", got)
	}
	if diff := cmp.Diff([]string{"ns2"}, p.Fresh(at(31))); diff != "" {
		t.Error(diff)
	}
	if changed, next = p.Expire(at(50)); !changed || !next.IsZero() {
		t.Errorf("all are silent: %v, %v", changed, next)
	}
	if got := p.Decide(unknown, web, at(51)); got != unknown {
		t.Errorf("nobody has an opinion: %s", got)
	}
	if !p.Observe(reportOf("ns3", at(60), healthy), at(60)) {
		t.Error("a peer that returns changes votes")
	}
}

func TestOldReportsFoundAtStartDoNotCount(t *testing.T) {
	p := NewPeers("ns1")
	if p.Observe(reportOf("ns2", start.Add(-time.Hour), unhealthy), start) {
		t.Error("a report an hour old came first")
	}
	if got := p.Decide(healthy, web, start); got != healthy {
		t.Errorf("got %s", got)
	}
	// Its writer's clock is an hour slow; renewals are seen to move all the same.
	if !p.Observe(reportOf("ns2", start.Add(-time.Hour+time.Second), unhealthy), start.Add(time.Second)) {
		t.Error("it was renewed")
	}
	if got := p.Decide(unhealthy, web, start.Add(2*time.Second)); got != unhealthy {
		t.Errorf("got %s", got)
	}
}

func TestSilentPeersHaveNoVote(t *testing.T) {
	p := NewPeers("ns1")
	p.Observe(reportOf("ns2", start, unhealthy), start)
	p.Observe(reportOf("ns3", start, unhealthy), start)
	if !p.Silence(true) || p.Silence(true) {
		t.Error("silence is a change once")
	}
	if got := p.Decide(healthy, web, start); got != healthy {
		t.Errorf("got %s", got)
	}
	p.Silence(false)
	if got := p.Decide(healthy, web, start); got != unhealthy {
		t.Errorf("got %s", got)
	}
}

func TestAVantagePointHasOneVote(t *testing.T) {
	p := NewPeers("ns1")
	second := reportOf("ns2", start.Add(time.Second), unhealthy)
	second.Name = "ns2-1"
	p.Observe(reportOf("ns2", start, healthy), start)
	p.Observe(second, start)
	if diff := cmp.Diff([]Vote{{"ns2", unhealthy}}, p.Votes(web, start)); diff != "" {
		t.Error(diff)
	}
	if !p.Forget("ns2-1") || p.Forget("ns2-1") {
		t.Error("a report is forgotten once")
	}
	if diff := cmp.Diff([]Vote{{"ns2", healthy}}, p.Votes(web, start)); diff != "" {
		t.Error(diff)
	}
}

// Decide is quorum.Decide over self and the fresh.
func TestDecideIsQuorum(t *testing.T) {
	verdicts := rapid.SampledFrom([]trafficv1alpha1.Verdict{healthy, unhealthy, unknown})
	rapid.Check(t, func(t *rapid.T) {
		own := verdicts.Draw(t, "own")
		votes := []trafficv1alpha1.Verdict{own}
		p := NewPeers("self")
		for i, v := range rapid.SliceOfN(verdicts, 0, 6).Draw(t, "peers") {
			fresh := rapid.Bool().Draw(t, "fresh")
			r := reportOf(string(rune('a'+i)), start, v)
			p.Observe(r, start)
			if fresh {
				r = reportOf(r.Name, start.Add(20*time.Second), v)
				p.Observe(r, start.Add(20*time.Second))
				votes = append(votes, v)
			}
		}
		if got, want := p.Decide(own, web, start.Add(40*time.Second)), quorum.Decide(votes); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

// The reports that count are those that have a vote.
func TestTestimoniesAgreeWithVotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, now := NewPeers("ns0"), start
		key := Key{"shop", "web", "fra"}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				p.Silence(rapid.Bool().Draw(t, "silent"))
			case 1:
				p.Forget(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "object"))
			default:
				h := &trafficv1alpha1.EndpointHealth{}
				h.Name = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "object")
				h.Spec = trafficv1alpha1.EndpointHealthSpec{
					VantagePoint: rapid.SampledFrom([]string{"ns0", "ns1", "ns2"}).Draw(t, "vantage point"), LeaseDurationSeconds: 30,
					RenewTime: metav1.NewMicroTime(now.Add(time.Duration(rapid.IntRange(-40, 5).Draw(t, "clock")) * time.Second)),
					Plans: []trafficv1alpha1.PlanHealth{{Namespace: "shop", Name: "web", Endpoints: []trafficv1alpha1.EndpointVerdict{
						{Cluster: "fra", Verdict: rapid.SampledFrom([]trafficv1alpha1.Verdict{healthy, unhealthy, unknown}).Draw(t, "verdict"), Message: "refused"}}}},
				}
				p.Observe(h, now)
			}
			votes := map[string]bool{}
			for _, v := range p.Votes(key, now) {
				votes[v.VantagePoint] = true
			}
			for _, said := range p.Testimonies(key, now) {
				if said.Counts != votes[said.VantagePoint] && said.Counts {
					t.Fatalf("%+v counts and has no vote", said)
				}
				if said.Counts {
					if said.Left <= 0 {
						t.Fatalf("%+v counts and is not fresh", said)
					}
					delete(votes, said.VantagePoint)
				}
				if (said.Message != "") != (said.Verdict != healthy) {
					t.Fatalf("%+v", said)
				}
			}
			if len(votes) > 0 {
				t.Fatalf("the votes of %v come from nowhere", votes)
			}
		}
	})
}
