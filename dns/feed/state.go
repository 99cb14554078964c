package feed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone"
)

// State is what a server needs to serve without the hub.
type State struct {
	// Saved is when, by this server's clock.
	Saved      time.Time                      `json:"saved"`
	Zones      []*trafficv1alpha1.Zone        `json:"zones"`
	Plans      []*trafficv1alpha1.TrafficPlan `json:"plans"`
	RegionMaps []*trafficv1alpha1.RegionMap   `json:"regionMaps"`
	Serials    map[string]zone.Serial         `json:"serials"`
}

// Files of a state directory. The second is the one before, for when the first is damaged.
const (
	stateFile    = "state.json"
	previousFile = "state.previous.json"
)

// magic begins the first line of a state file, which goes on with the SHA-256 sum of the rest. The
// number is that of the format.
const magic = "seaway-dns-state 1 "

// SaveState replaces the state in a directory. At every moment there is a whole one.
func SaveState(dir string, s *State) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	temporary, err := os.CreateTemp(dir, stateFile+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = fmt.Fprintf(temporary, "%s%s\n%s", magic, hex.EncodeToString(sum[:]), body)
	if err == nil {
		err = temporary.Sync()
	}
	if e := temporary.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	current := filepath.Join(dir, stateFile)
	if err := os.Rename(current, filepath.Join(dir, previousFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(temporary.Name(), current); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes renames in a directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// LoadState reads the newest whole state of a directory. It returns nil if there is none, and an
// error for each file that is there and cannot be used.
func LoadState(dir string) (*State, error) {
	var problems []error
	for _, name := range []string{stateFile, previousFile} {
		s, err := readState(filepath.Join(dir, name))
		switch {
		case err == nil:
			return s, errors.Join(problems...)
		case !errors.Is(err, fs.ErrNotExist):
			problems = append(problems, err)
		}
	}
	return nil, errors.Join(problems...)
}

func readState(path string) (*State, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	head, body, ok := bytes.Cut(content, []byte("\n"))
	sum, isState := bytes.CutPrefix(head, []byte(magic))
	if !ok || !isState {
		return nil, fmt.Errorf("%s is not a state of this version of seaway dns", path)
	}
	if actual := sha256.Sum256(body); hex.EncodeToString(actual[:]) != string(sum) {
		return nil, fmt.Errorf("%s is damaged: its checksum is wrong", path)
	}
	s := &State{}
	if err := json.Unmarshal(body, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
