package feed

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/engine"
)

// State is what a server needs to serve without the hub.
type State struct {
	// Generation grows with every state that a server saves.
	Generation uint64 `json:"-"`
	// Saved is when, by this server's clock.
	Saved      time.Time                      `json:"saved"`
	Zones      []*trafficv1alpha1.Zone        `json:"-"`
	Records    []*trafficv1alpha1.ZoneRecords `json:"-"`
	Plans      []*trafficv1alpha1.TrafficPlan `json:"-"`
	RegionMaps []*trafficv1alpha1.RegionMap   `json:"-"`
	Serials    map[string]zone.Serial         `json:"serials"`
}

// Files of a state directory. The second is the state before, for when the first is damaged. Verdicts
// change often and are worth little for long, so they have a file of their own.
const (
	stateFile    = "state"
	previousFile = "state.previous"
	verdictFile  = "verdicts"
)

// SaveState replaces the state in a directory. At every moment there is a whole one, and the one
// before is kept.
func SaveState(dir string, s *State) error {
	path := filepath.Join(dir, stateFile)
	return writeFile(path, s.Generation, s.encode, func() error {
		// A file that is not whole, or is newer than this one, is no state to go back to.
		if generation, err := generationOf(path); err != nil || generation > s.Generation {
			return nil
		}
		err := os.Rename(path, filepath.Join(dir, previousFile))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// LoadState reads the newest whole state of a directory: that with the highest generation among those
// that are neither damaged nor of another make. It returns nil if there is none, and an error for each
// file that is there and cannot be used.
func LoadState(dir string) (*State, error) {
	type file struct {
		path       string
		generation uint64
	}
	var files []file
	var problems []error
	for _, name := range []string{stateFile, previousFile} {
		path := filepath.Join(dir, name)
		generation, err := generationOf(path)
		switch {
		case err == nil:
			files = append(files, file{path, generation})
		case !errors.Is(err, fs.ErrNotExist):
			problems = append(problems, err)
		}
	}
	slices.SortStableFunc(files, func(a, b file) int { return cmp.Compare(b.generation, a.generation) })
	for _, f := range files {
		s := &State{}
		generation, err := readFile(f.path, s.decode)
		if err == nil {
			s.Generation = generation
			return s, errors.Join(problems...)
		}
		problems = append(problems, err)
	}
	return nil, errors.Join(problems...)
}

// saveVerdicts replaces the verdicts in a directory.
func saveVerdicts(dir string, known []engine.Known) error {
	return writeFile(filepath.Join(dir, verdictFile), 0, func(w io.Writer) error { return json.NewEncoder(w).Encode(known) }, nil)
}

// loadVerdicts reads them; none if there are none.
func loadVerdicts(dir string) (known []engine.Known, err error) {
	_, err = readFile(filepath.Join(dir, verdictFile), func(body []byte) error { return json.Unmarshal(body, &known) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return known, err
}
