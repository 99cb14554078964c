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

	corev1 "k8s.io/api/core/v1"

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
	// Keys of signed zones; nobody but the server may read it.
	keyFile         = "keys"
	previousKeyFile = "keys.previous"
)

// SaveState replaces the state in a directory. At every moment there is a whole one, and the one
// before is kept.
func SaveState(dir string, s *State) error {
	return replace(dir, stateFile, previousFile, s.Generation, s.encode)
}

// LoadState reads the newest whole state of a directory: that with the highest generation among those
// that are neither damaged nor of another make. It returns nil if there is none, and an error for each
// file that is there and cannot be used.
func LoadState(dir string) (*State, error) {
	var s *State
	generation, err := newest(dir, stateFile, previousFile, func(body []byte) error {
		s = &State{}
		return s.decode(body)
	})
	if generation == nil {
		return nil, err
	}
	s.Generation = *generation
	return s, err
}

// SaveKeys replaces the keys of zones in a directory.
func SaveKeys(dir string, generation uint64, secrets []*corev1.Secret) error {
	return replace(dir, keyFile, previousKeyFile, generation, func(w io.Writer) error { return json.NewEncoder(w).Encode(secrets) })
}

// LoadKeys reads the newest whole file of keys; none if there is none. The error is about files that are
// there and cannot be used, and tells nothing of keys.
func LoadKeys(dir string) (secrets []*corev1.Secret, generation uint64, err error) {
	found, err := newest(dir, keyFile, previousKeyFile, func(body []byte) error {
		secrets = nil
		if json.Unmarshal(body, &secrets) != nil {
			return errors.New("the content is not what it was") // the decoder's error has a part of it
		}
		return nil
	})
	if found == nil {
		return nil, 0, err
	}
	return secrets, *found, err
}

// replace replaces a file, and keeps what was in it in another.
func replace(dir, name, previous string, generation uint64, content func(io.Writer) error) error {
	path := filepath.Join(dir, name)
	return writeFile(path, generation, content, func() error {
		// A file that is not whole, or is newer than this one, is nothing to go back to.
		if held, err := generationOf(path); err != nil || held > generation {
			return nil
		}
		err := os.Rename(path, filepath.Join(dir, previous))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// newest reads that file of two which has the higher generation and is whole. It returns the generation,
// or nil if there is no such file, and an error for each that is there and cannot be used.
func newest(dir, name, previous string, content func([]byte) error) (*uint64, error) {
	type file struct {
		path       string
		generation uint64
	}
	var files []file
	var problems []error
	for _, name := range []string{name, previous} {
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
		generation, err := readFile(f.path, content)
		if err == nil {
			return &generation, errors.Join(problems...)
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
