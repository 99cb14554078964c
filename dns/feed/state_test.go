package feed

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/core/zone/zonetest"
)

func TestStateIsReadAsItWasWritten(t *testing.T) {
	in := zonetest.Input(t, zonetest.Demo)
	records := []*trafficv1alpha1.ZoneRecords{{ObjectMeta: metav1.ObjectMeta{Name: "acme"}, Spec: trafficv1alpha1.ZoneRecordsSpec{Zone: "apps"}}}
	for name, s := range map[string]*State{
		"nothing":  {},
		"the demo": {Generation: 7, Saved: zonetest.Now, Zones: in.Zones, Records: records, Plans: in.Plans, RegionMaps: in.RegionMaps, Serials: map[string]zone.Serial{"a.org": {Serial: 1, Digest: "d"}}},
		"chunks":   many(t, 3*perChunk+1, 2),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := SaveState(dir, s); err != nil {
				t.Fatal(err)
			}
			got, err := LoadState(dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// generations writes states of these generations, one over the other, and returns the directory.
func generations(t *testing.T, all ...uint64) string {
	dir := t.TempDir()
	for _, g := range all {
		if err := SaveState(dir, &State{Generation: g, Zones: []*trafficv1alpha1.Zone{{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint(g)}}}}); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTheNewestGoodStateIsUsed(t *testing.T) {
	file := func(t *testing.T, g uint64) []byte {
		content, err := os.ReadFile(filepath.Join(generations(t, g), stateFile))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	put := func(t *testing.T, dir, name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		do      func(t *testing.T) string
		want    uint64 // 0: none
		problem string
	}{
		"both are good":      {func(t *testing.T) string { return generations(t, 1, 2) }, 2, ""},
		"only one was saved": {func(t *testing.T) string { return generations(t, 1) }, 1, ""},
		"nothing was":        {func(t *testing.T) string { return t.TempDir() }, 0, ""},
		"a third was":        {func(t *testing.T) string { return generations(t, 1, 2, 3) }, 3, ""},
		"an older one was copied over it": {func(t *testing.T) string {
			dir := generations(t, 8, 9)
			put(t, dir, stateFile, file(t, 3))
			return dir
		}, 8, ""},
		"it is torn": {func(t *testing.T) string {
			dir := generations(t, 8, 9)
			put(t, dir, stateFile, file(t, 9)[:100])
			return dir
		}, 8, "damaged"},
		"its end is missing": {func(t *testing.T) string {
			dir := generations(t, 8, 9)
			put(t, dir, stateFile, file(t, 9)[:mostLine])
			return dir
		}, 8, "damaged"},
		"it is of another make": {func(t *testing.T) string {
			dir := generations(t, 8, 9)
			put(t, dir, stateFile, []byte("seaway-dns-state 1 abc\n{}"))
			return dir
		}, 8, "not written by this version"},
		"its line was changed": {func(t *testing.T) string {
			dir := generations(t, 8, 9)
			put(t, dir, stateFile, []byte(strings.Replace(string(file(t, 9)), " 9\n", " 99\n", 1)))
			return dir
		}, 8, "damaged"},
		"both are torn": {func(t *testing.T) string {
			dir := generations(t, 8, 9)
			put(t, dir, stateFile, file(t, 9)[:100])
			put(t, dir, previousFile, nil)
			return dir
		}, 0, "damaged"},
		"the current one is a directory": {func(t *testing.T) string {
			dir := generations(t, 8, 9)
			os.Remove(filepath.Join(dir, stateFile))
			os.Mkdir(filepath.Join(dir, stateFile), 0o700)
			return dir
		}, 8, "directory"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := c.do(t)
			s, err := LoadState(dir)
			switch {
			case c.want == 0 && s != nil:
				t.Errorf("generation %d was read", s.Generation)
			case c.want != 0 && (s == nil || s.Generation != c.want || s.Zones[0].Name != fmt.Sprint(c.want)):
				t.Errorf("read %+v, want generation %d (%v)", s, c.want, err)
			}
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("the problem is %v, want %q", err, c.problem)
			}
		})
	}
}

// A damaged file is written over, and never put where the good one before it stands.
func TestADamagedStateIsNotKeptInPlaceOfAGoodOne(t *testing.T) {
	dir := generations(t, 1, 2)
	if err := os.WriteFile(filepath.Join(dir, stateFile), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := SaveState(dir, &State{Generation: 3}); err != nil {
		t.Fatal(err)
	}
	if g, err := generationOf(filepath.Join(dir, previousFile)); g != 1 || err != nil {
		t.Errorf("the state before is of generation %d, %v", g, err)
	}
}

// A disk that is full stops nothing: what the hub says is served, what was on disk stays, and when
// there is room again the newest is there.
func TestAFullDiskStopsNothing(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("the system has no /dev/full")
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := stored(t)
		r := newRig(t, h, dir)
		defer r.stop()
		r.serves(5*time.Second, "apps shop.7 single.1")
		before, err := LoadState(dir)
		if err != nil || before == nil {
			t.Fatalf("%v %v", before, err)
		}
		for i := range 3 {
			if err := os.Symlink("/dev/full", filepath.Join(dir, stateFile+".new")); err != nil {
				t.Fatal(err)
			}
			p := zonetest.Input(t, zonetest.Demo).Plans[0]
			p.UID, p.Generation = "p", int64(8+i)
			h.store(planResource, p)
			r.serves(7*time.Second, fmt.Sprintf("apps shop.%d single.1", 8+i))
			s, err := LoadState(dir)
			if err != nil || s.Generation != before.Generation {
				t.Errorf("on disk: %+v, %v", s, err)
			}
		}
		time.Sleep(saveFailed + 5*time.Second)
		synctest.Wait()
		s, err := LoadState(dir)
		if err != nil || s.Generation <= before.Generation || s.Plans[0].Generation != 10 {
			t.Errorf("on disk in the end: %+v, %v", s, err)
		}
	})
}

// A server goes on counting where the one before it ended.
func TestGenerationsGrowOverRestarts(t *testing.T) {
	dir := t.TempDir()
	last := uint64(0)
	for range 3 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, stored(t), dir)
			r.serves(5*time.Second, "apps shop.7 single.1")
			r.stop()
		})
		s, err := LoadState(dir)
		if err != nil || s.Generation <= last {
			t.Fatalf("%+v after generation %d, %v", s, last, err)
		}
		last = s.Generation
	}
}
