package sim

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden stories anew")

var (
	threeSites = []string{"fra/eu", "iad/us", "sin/ap"}
	fiveSites  = []string{"fra/eu", "ber/eu", "iad/us", "pdx/west", "sin/ap"}
)

// stories are the classic cases. Each begins in a world in which all is well, and is followed for some
// time after its last fault.
var stories = map[string]struct {
	sites   []string
	history []Fault
	then    time.Duration
}{
	"cluster-killed-and-back": {threeSites, []Fault{
		{At: "fra", Kind: Kill}, {After: 10 * time.Minute, At: "fra", Kind: Revive}}, 8 * time.Minute},
	"cluster-hangs": {threeSites, []Fault{
		{At: "fra", Kind: Stop}, {After: time.Minute, At: "fra", Kind: Continue}}, 8 * time.Minute},
	"api-cut": {threeSites, []Fault{
		{At: "fra", Kind: CutAPI}, {After: 20 * time.Minute, At: "fra", Kind: MendAPI}}, 2 * time.Minute},
	"data-path-cut": {threeSites, []Fault{
		{At: "fra", Kind: CutData}, {After: 20 * time.Minute, At: "fra", Kind: MendData}}, 8 * time.Minute},
	"hub-cut-off": {threeSites, []Fault{
		{Kind: CutHub}, {After: 2 * time.Minute, At: "fra", Kind: Kill}, {After: 5 * time.Minute, Kind: MendHub}}, 2 * time.Minute},
	"hub-gone": {threeSites, []Fault{
		{Kind: StopHub}, {After: time.Minute, At: "fra", Kind: Kill}, {After: 10 * time.Second, At: "ns1", Kind: KillNS},
		{After: time.Second, At: "ns1", Kind: StartNS}, {After: 20 * time.Minute, At: "fra", Kind: Revive}}, time.Minute},
	"flapping": {threeSites, []Fault{
		{At: "fra", Kind: Flap, N: 20}}, 16 * time.Minute},
	"region-lost": {fiveSites, []Fault{
		{At: "fra", Kind: Kill}, {At: "ber", Kind: Kill}, {After: 20 * time.Minute, At: "fra", Kind: Revive}, {At: "ber", Kind: Revive}}, 8 * time.Minute},
	"back-after-hours": {threeSites, []Fault{
		{At: "fra", Kind: Kill}, {After: 4 * time.Hour, At: "fra", Kind: Revive}}, 8 * time.Minute},
	"hub-restarted-in-the-middle": {threeSites, []Fault{
		{At: "fra", Kind: Kill}, {After: 12 * time.Second, Kind: NewHub}, {After: 10 * time.Minute, At: "fra", Kind: Revive},
		{After: 3 * time.Minute, Kind: NewHub}, {After: 2*time.Minute + 35*time.Second, Kind: NewHub}}, 4 * time.Minute},
	"late-leader": {threeSites, []Fault{
		{Kind: LateHub}, {After: 5 * time.Second, At: "fra", Kind: Kill}, {After: 30 * time.Second, Kind: EndLate}}, 10 * time.Second},
	"name-server-loses-its-network": {threeSites, []Fault{
		{At: "ns1", Kind: CutNS}, {After: 2 * time.Minute, At: "ns1", Kind: MendNS}}, time.Minute},
}

// told lets a story happen in an order of simultaneous events; the fixed one without a seed.
func told(t *testing.T, name string, seed uint64) string {
	s := stories[name]
	w := New(Options{Sites: s.sites, Replicas: int32(2 * len(s.sites)), Seed: seed, Shuffled: seed > 0}).Watch(Invariants()...)
	err := w.Run(time.Minute)
	w.Forget()
	if err == nil {
		err = w.Play(s.history)
	}
	if err == nil {
		err = w.Run(s.then)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, w.Story())
	}
	return w.Story()
}

// The stories go as they are told in testdata/stories, in whatever order simultaneous events are
// handled.
func TestStories(t *testing.T) {
	for name := range stories {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "stories", name+".txt")
			fixed := told(t, name, 0)
			if *update {
				if err := os.WriteFile(path, []byte(fixed), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), fixed); diff != "" {
				t.Errorf("the story goes differently (run with -update to accept):\n%s", diff)
			}
			orders := uint64(3)
			if testing.Short() {
				orders = 1
			}
			for seed := range orders {
				if diff := cmp.Diff(fixed, told(t, name, seed+1)); diff != "" {
					t.Fatalf("order %d of simultaneous events makes a difference:\n%s", seed+1, diff)
				}
			}
		})
	}
}
