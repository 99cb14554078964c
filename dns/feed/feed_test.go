package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/verdict"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
	"github.com/seaway-io/seaway/dns/engine"
)

// rig is a feed and an engine at a hub.
type rig struct {
	t      *testing.T
	hub    *hub
	feed   *Feed
	engine *engine.Engine
	stop   func()
}

func newRig(t *testing.T, h *hub, dir string) *rig {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	r := &rig{t: t, hub: h}
	r.engine = engine.New(engine.Options{VantagePoint: "ns1", Places: zonetest.Places(), Log: log, Changed: func() {
		if r.feed != nil {
			r.feed.Changed()
		}
	}}, nil)
	r.feed = New(Options{
		Config:       func() (*rest.Config, error) { return &rest.Config{Host: "http://hub", Transport: h}, nil },
		VantagePoint: "ns1", Dir: dir, KeysNamespace: "keys", Engine: r.engine, Apply: r.engine.SetObjects, Log: log,
	})
	r.feed.Load()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.feed.Run(ctx)
	}()
	r.stop = func() {
		cancel()
		h.become("gone")
		<-done
		r.engine.Close()
	}
	return r
}

// serves checks what is served after a time.
func (r *rig) serves(after time.Duration, want string) {
	r.t.Helper()
	time.Sleep(after)
	synctest.Wait()
	s := r.engine.Snapshot()
	var got []string
	for _, z := range s.Zones {
		got = append(got, z.Name)
	}
	for _, p := range s.Plans {
		got = append(got, fmt.Sprintf("%s.%d", p.Name, p.Generation))
	}
	if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
		r.t.Errorf("%s: %s", time.Now().Format(time.TimeOnly), diff)
	}
}

func (r *rig) status(want string, live bool) {
	r.t.Helper()
	if s := r.feed.Status(); s.Source != want || s.Live != live {
		r.t.Errorf("%s: %+v, want %s, live %v", time.Now().Format(time.TimeOnly), s, want, live)
	}
}

func stored(t *testing.T) *hub {
	h := newHub()
	in := zonetest.Input(t, zonetest.Demo)
	for _, z := range in.Zones {
		z.UID = "z"
		h.store(zoneResource, z)
	}
	for _, p := range in.Plans {
		p.UID = "p"
		h.store(planResource, p)
	}
	return h
}

const soon = 100 * time.Millisecond

func TestFeed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := stored(t)
		r := newRig(t, h, dir)
		defer r.stop()
		r.status(SourceNothing, false)
		r.serves(soon, "apps shop.7 single.1")
		time.Sleep(time.Second)
		r.status(SourceHub, true)

		changed := zonetest.Input(t, zonetest.Demo).Plans[0]
		changed.UID, changed.Generation = "p", 8
		h.store(planResource, changed)
		r.serves(soon, "apps shop.8 single.1")

		older := changed.DeepCopy()
		older.Generation = 7
		h.store(planResource, older)
		r.serves(soon, "apps shop.8 single.1")
		r.serves(29*time.Second, "apps shop.8 single.1")
		h.store(planResource, changed)
		r.serves(time.Minute, "apps shop.8 single.1")

		h.remove(planResource, "single")
		r.serves(soon, "apps shop.8")

		h.become("errors")
		r.serves(time.Minute, "apps shop.8")
		r.status(SourceHub, false)
		h.become("hangs")
		r.serves(time.Minute, "apps shop.8")

		// It returns empty, and with what it had a little later.
		before := h.objects
		h.forget()
		h.become("")
		r.serves(20*time.Second, "apps shop.8")
		r.status(SourceHub, true)
		h.mu.Lock()
		h.objects = before
		h.mu.Unlock()
		h.become("")
		r.serves(2*time.Minute, "apps shop.8")

		// A plan was deleted while nobody watched: half a minute later it is believed.
		h.become("gone")
		time.Sleep(time.Second)
		h.mu.Lock()
		delete(h.objects[planResource], "shop")
		h.mu.Unlock()
		h.become("")
		r.serves(25*time.Second, "apps shop.8")
		r.serves(10*time.Second, "apps")
	})
}

// A server that was stopped serves what it had before it hears anything, and does not believe a hub
// that has lost everything.
func TestFeedStartsFromDisk(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		first := newRig(t, stored(t), dir)
		first.serves(2*time.Second, "apps shop.7 single.1")
		serials := first.engine.Serials()
		iad := verdict.Key{Namespace: "shop", Plan: "shop", Cluster: "iad"}
		first.engine.SetVerdict(iad, verdict.State{Verdict: trafficv1alpha1.VerdictUnhealthy, Message: "refused"})
		first.stop()

		h := newHub()
		h.mode = "gone"
		r := newRig(t, h, dir)
		defer r.stop()
		r.serves(0, "apps shop.7 single.1")
		r.status(SourceDisk, false)
		if diff := cmp.Diff(serials, r.engine.Serials()); diff != "" {
			t.Error(diff)
		}
		if got := r.engine.Votes(iad)[0].Verdict; got != trafficv1alpha1.VerdictUnhealthy {
			t.Errorf("what was dead before the restart is %s", got)
		}
		r.serves(time.Minute, "apps shop.7 single.1")
		h.become("") // empty
		r.serves(20*time.Second, "apps shop.7 single.1")
		in := zonetest.Input(t, zonetest.Demo)
		in.Zones[0].UID, in.Plans[0].UID = "z", "p"
		h.store(zoneResource, in.Zones[0])
		h.store(planResource, in.Plans[0])
		// What is not there after half a minute is gone.
		r.serves(20*time.Second, "apps shop.7")
		r.status(SourceHub, true)
	})
}

// Nothing is served while a part is missing: names of plans that are not known yet must not be
// denied.
func TestFeedWaitsForAllKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := stored(t)
		h.broken = planResource
		r := newRig(t, h, "")
		defer r.stop()
		r.serves(10*time.Second, "")
		r.status(SourceNothing, true)
		h.mu.Lock()
		h.broken = ""
		h.mu.Unlock()
		r.serves(3*time.Second, "apps shop.7 single.1")
	})
}

func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := stored(t)
		r := newRig(t, h, "")
		defer r.stop()
		r.serves(5*time.Second, "apps shop.7 single.1")
		h.writes()

		// Without a change there is one report in ten seconds.
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(h.writes()); n != 6 {
			t.Errorf("%d reports in a minute", n)
		}
		// A verdict is reported at once.
		r.engine.SetVerdict(verdict.Key{Namespace: "shop", Plan: "shop", Cluster: "fra"},
			verdict.State{Verdict: trafficv1alpha1.VerdictUnhealthy, Message: "refused", Since: time.Now()})
		synctest.Wait()
		writes := h.writes()
		if len(writes) != 1 {
			t.Fatalf("%d reports", len(writes))
		}
		var got trafficv1alpha1.EndpointHealth
		if err := json.Unmarshal([]byte(writes[0]), &got); err != nil {
			t.Fatal(err)
		}
		fra := got.Spec.Plans[0].Endpoints[0]
		if got.Name != "ns1" || got.Spec.VantagePoint != "ns1" || got.Spec.Kind != trafficv1alpha1.VantageNameServer ||
			got.Spec.LeaseDurationSeconds != 30 || got.Spec.Plans[0].Generation != 7 ||
			fra.Cluster != "fra" || fra.Verdict != trafficv1alpha1.VerdictUnhealthy || fra.Message != "refused" ||
			len(got.Spec.Zones) != 1 || got.Spec.Zones[0].Domain != "apps.example.com" || !got.Spec.RenewTime.Time.Equal(time.Now()) {
			t.Errorf("%s", writes[0])
		}
		// So is that the server is cut off, where it can be.
		time.Sleep(time.Second)
		cut := time.Now().Truncate(time.Microsecond)
		r.engine.SetCutOff(cut)
		synctest.Wait()
		if writes = h.writes(); len(writes) != 1 {
			t.Fatalf("%d reports", len(writes))
		}
		got = trafficv1alpha1.EndpointHealth{}
		if err := json.Unmarshal([]byte(writes[0]), &got); err != nil {
			t.Fatal(err)
		}
		if since := got.Spec.CutOffSince; since == nil || !since.Time.Equal(cut) || got.Spec.Plans[0].Endpoints[0].Verdict != trafficv1alpha1.VerdictUnknown {
			t.Errorf("%s", writes[0])
		}
		r.engine.SetCutOff(time.Time{})
		// Many at once are few reports.
		for i := range 100 {
			v := trafficv1alpha1.VerdictHealthy
			if i%2 == 0 {
				v = trafficv1alpha1.VerdictUnhealthy
			}
			r.engine.SetVerdict(verdict.Key{Namespace: "shop", Plan: "shop", Cluster: "iad"}, verdict.State{Verdict: v})
			time.Sleep(5 * time.Millisecond)
		}
		synctest.Wait()
		if n := len(h.writes()); n > 10 {
			t.Errorf("%d reports in half a second", n)
		}
		// While the hub is away nothing is lost: it hears the last word soon after it returns.
		h.become("gone")
		time.Sleep(time.Minute)
		h.become("")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(h.writes()) == 0 {
			t.Error("no report after the hub returned")
		}
	})
}

// A hub that takes its time hears of verdicts at once, and now and then of what is in force.
func TestReportsWaitForASlowHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := stored(t)
		h.slow = 300 * time.Millisecond
		r := newRig(t, h, "")
		defer r.stop()
		r.serves(6*time.Second, "apps shop.7 single.1")
		h.writes()
		generation := int64(7)
		change := func() {
			generation++
			h.mu.Lock()
			p := h.objects[planResource]["shop"].(*trafficv1alpha1.TrafficPlan).DeepCopy()
			h.mu.Unlock()
			p.Generation = generation
			h.store(planResource, p)
		}
		reported := func() (out []trafficv1alpha1.PlanHealth) {
			for _, text := range h.writes() {
				var got trafficv1alpha1.EndpointHealth
				if err := json.Unmarshal([]byte(text), &got); err != nil {
					t.Fatal(err)
				}
				out = append(out, got.Spec.Plans[0])
			}
			return out
		}
		for range 100 { // for ten seconds
			change()
			time.Sleep(100 * time.Millisecond)
		}
		if during := reported(); len(during) > 5 {
			t.Errorf("%d reports of 100 changes", len(during))
		}
		time.Sleep(4 * time.Second)
		if after := reported(); len(after) == 0 || after[len(after)-1].Generation != generation {
			t.Errorf("generation %d was not reported in the end: %v", generation, after)
		}
		change()
		time.Sleep(time.Second)
		change()
		r.engine.SetVerdict(verdict.Key{Namespace: "shop", Plan: "shop", Cluster: "fra"},
			verdict.State{Verdict: trafficv1alpha1.VerdictUnhealthy, Message: "refused", Since: time.Now()})
		time.Sleep(time.Second) // a report may be under way
		now := reported()
		if len(now) == 0 || now[len(now)-1].Endpoints[0].Verdict != trafficv1alpha1.VerdictUnhealthy {
			t.Errorf("a verdict waits: %v", now)
		}
	})
}

// The reports of peers count while they come through, and not for longer than three seconds after.
func TestPeersAreSilentWithoutTheHub(t *testing.T) {
	for _, mode := range []string{"gone", "hangs", "errors"} {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := stored(t)
				r := newRig(t, h, "")
				defer r.stop()
				peer := func() {
					p := &trafficv1alpha1.EndpointHealth{}
					p.Name = "ns2"
					p.Spec = trafficv1alpha1.EndpointHealthSpec{VantagePoint: "ns2", RenewTime: metav1.NewMicroTime(time.Now()), LeaseDurationSeconds: 30}
					h.store(reportResource, p)
				}
				fresh := func(after time.Duration, want int) {
					t.Helper()
					time.Sleep(after)
					synctest.Wait()
					if got := len(r.engine.FreshPeers()); got != want {
						t.Errorf("%d fresh peers, want %d", got, want)
					}
				}
				r.serves(time.Second, "apps shop.7 single.1")
				peer()
				fresh(soon, 1)
				h.become(mode)
				fresh(2*time.Second, 1)
				fresh(2500*time.Millisecond, 0) // a ping a second, looked at four times a second
				fresh(time.Second, 0)
				h.become("")
				fresh(4*time.Second, 1)
				fresh(30*time.Second, 0) // it has not renewed
				peer()
				fresh(soon, 1)
				h.remove(reportResource, "ns2")
				fresh(soon, 0)
			})
		})
	}
}

func TestStateSurvivesAWriteThatFails(t *testing.T) {
	dir := t.TempDir()
	in := zonetest.Input(t, zonetest.Demo)
	if err := SaveState(dir, &State{Saved: zonetest.Now, Zones: in.Zones}); err != nil {
		t.Fatal(err)
	}
	if err := SaveState(filepath.Join(dir, "none"), &State{}); err == nil {
		t.Error("saved into a directory that does not exist")
	}
	s, err := LoadState(dir)
	if err != nil || len(s.Zones) != 1 {
		t.Errorf("%v %v", s, err)
	}
	// Only the current one, as after a stop between the two renames.
	if err := os.Rename(filepath.Join(dir, stateFile), filepath.Join(dir, previousFile)); err != nil {
		t.Fatal(err)
	}
	if s, err = LoadState(dir); err != nil || len(s.Zones) != 1 {
		t.Errorf("%v %v", s, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("something is left over: %v %v", files, err)
	}
	if s, err := LoadState(t.TempDir()); s != nil || err != nil {
		t.Errorf("an empty directory: %v %v", s, err)
	}
}

// No copy with a flipped bit is taken for a state.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	dir := t.TempDir()
	in := zonetest.Input(t, zonetest.Demo)
	if err := SaveState(dir, &State{Saved: zonetest.Now, Zones: in.Zones}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, stateFile)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(content); i += 7 {
		content[i] ^= 1 << (i % 8)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		content[i] ^= 1 << (i % 8)
		if s, err := LoadState(dir); s != nil || err == nil {
			t.Fatalf("octet %d: %v", i, err)
		}
	}
}

func TestReportsAreDivided(t *testing.T) {
	var plans []trafficv1alpha1.PlanHealth
	for i := range 3000 {
		plans = append(plans, trafficv1alpha1.PlanHealth{Name: fmt.Sprint(i), Endpoints: make([]trafficv1alpha1.EndpointVerdict, 3)})
	}
	parts := divide(plans)
	var again []trafficv1alpha1.PlanHealth
	for _, p := range parts {
		again = append(again, p...)
		if len(p) > perReport/4 || len(p) == 0 {
			t.Errorf("a part with %d plans", len(p))
		}
	}
	if diff := cmp.Diff(plans, again); diff != "" || len(parts) != 12 {
		t.Errorf("%d parts: %s", len(parts), diff)
	}
	if parts := divide(nil); len(parts) != 1 || len(parts[0]) != 0 {
		t.Errorf("an empty report is one object: %v", parts)
	}
}
