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

	corev1 "k8s.io/api/core/v1"

	trafficv1alpha1 "github.com/seaway-io/seaway/api/traffic/v1alpha1"
	"github.com/seaway-io/seaway/dns/core/zone"
	"github.com/seaway-io/seaway/dns/engine"
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

// Files of a state directory. The second is the state before, for when the first is damaged. Verdicts
// change often and are worth little for long, so they have a file of their own.
const (
	stateFile    = "state.json"
	previousFile = "state.previous.json"
	verdictFile  = "verdicts.json"
	// Keys of signed zones; nobody but the server may read it.
	keyFile         = "keys.json"
	previousKeyFile = "keys.previous.json"
)

// magic begins the first line of a file, which goes on with the SHA-256 sum of the rest. The number
// is that of the format.
const magic = "seaway-dns-state 1 "

// SaveState replaces the state in a directory. At every moment there is a whole one.
func SaveState(dir string, s *State) error {
	return replaceFile(dir, stateFile, previousFile, s)
}

// replaceFile replaces a file, and keeps what was in it in another.
func replaceFile(dir, name, previous string, v any) error {
	path := filepath.Join(dir, name)
	return writeFile(path, v, func() error {
		err := os.Rename(path, filepath.Join(dir, previous))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// SaveKeys replaces the keys of zones in a directory.
func SaveKeys(dir string, secrets []*corev1.Secret) error {
	return replaceFile(dir, keyFile, previousKeyFile, secrets)
}

// LoadKeys reads the newest whole file of keys; none if there is none. The error is about files that are
// there and cannot be used, and tells nothing of keys.
func LoadKeys(dir string) (secrets []*corev1.Secret, err error) {
	var problems []error
	for _, name := range []string{keyFile, previousKeyFile} {
		secrets = nil
		err := readFile(filepath.Join(dir, name), &secrets)
		switch {
		case err == nil:
			return secrets, errors.Join(problems...)
		case !errors.Is(err, fs.ErrNotExist):
			problems = append(problems, err)
		}
	}
	return nil, errors.Join(problems...)
}

// LoadState reads the newest whole state of a directory. It returns nil if there is none, and an
// error for each file that is there and cannot be used.
func LoadState(dir string) (*State, error) {
	var problems []error
	for _, name := range []string{stateFile, previousFile} {
		s := &State{}
		err := readFile(filepath.Join(dir, name), s)
		switch {
		case err == nil:
			return s, errors.Join(problems...)
		case !errors.Is(err, fs.ErrNotExist):
			problems = append(problems, err)
		}
	}
	return nil, errors.Join(problems...)
}

// saveVerdicts replaces the verdicts in a directory.
func saveVerdicts(dir string, known []engine.Known) error {
	return writeFile(filepath.Join(dir, verdictFile), known, func() error { return nil })
}

// loadVerdicts reads them; none if there are none.
func loadVerdicts(dir string) ([]engine.Known, error) {
	var known []engine.Known
	err := readFile(filepath.Join(dir, verdictFile), &known)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return known, err
}

// writeFile replaces a file with what v is in JSON, in one step. Just before that aside may put the
// old one away.
func writeFile(path string, v any, aside func() error) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	// One name for all time: what a killed process left is written over, not kept.
	temporary, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
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
	if err == nil {
		err = aside()
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
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

// readFile reads what writeFile wrote.
func readFile(path string, v any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, body, ok := bytes.Cut(content, []byte("\n"))
	sum, isState := bytes.CutPrefix(head, []byte(magic))
	if !ok || !isState {
		return fmt.Errorf("%s was not written by this version of seaway dns", path)
	}
	if actual := sha256.Sum256(body); hex.EncodeToString(actual[:]) != string(sum) {
		return fmt.Errorf("%s is damaged: its checksum is wrong", path)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
