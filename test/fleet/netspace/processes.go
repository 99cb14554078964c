//go:build linux

package netspace

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Processes lists the processes that live in a named namespace, except the caller. Since they are
// found by the namespace itself, a number that was given to another process is never among them.
func Processes(name string) ([]int, error) {
	var want unix.Stat_t
	if err := unix.Stat(Path(name), &want); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		var have unix.Stat_t
		// A process that has just ended, or is not ours to look at, is not in our namespace.
		if unix.Stat("/proc/"+entry.Name()+"/ns/net", &have) == nil && have.Dev == want.Dev && have.Ino == want.Ino {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
