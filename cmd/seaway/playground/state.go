//go:build linux

package playground

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/seaway-io/seaway/test/fleet/binaries"
)

// maxSocketPath is the kernel's limit for the path of a unix socket.
const maxSocketPath = 107

// state is the folder of a playground.
type state string

func stateOf(name string) (state, error) {
	cache, err := binaries.CacheDir()
	if err != nil {
		return "", err
	}
	s := state(filepath.Join(cache, "playground", name))
	if len(s.socket()) > maxSocketPath {
		return "", fmt.Errorf("the path %s is too long for a unix socket: set %s to a folder with a shorter path", s.socket(), binaries.CacheVariable)
	}
	return s, nil
}

func (s state) dir() string    { return string(s) }
func (s state) socket() string { return filepath.Join(s.dir(), "control.sock") }
func (s state) log() string    { return filepath.Join(s.dir(), "supervisor.log") }
func (s state) fleet() string  { return filepath.Join(s.dir(), "fleet") }

// kubeconfig is for use outside the namespaces, inside for processes on the fleet's hosts. Both have a
// context for every cluster.
func (s state) kubeconfig() string { return filepath.Join(s.dir(), "kubeconfig") }
func (s state) inside() string     { return filepath.Join(s.dir(), "inside.kubeconfig") }

func invalidName(name string, problems []string) error {
	return fmt.Errorf("--name %q: %s", name, strings.Join(problems, "; "))
}
