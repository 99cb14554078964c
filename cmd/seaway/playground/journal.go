//go:build linux

package playground

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// journal keeps the lines of a start for everyone who wants to read along, also from the beginning.
type journal struct {
	mu      sync.Mutex
	lines   []string
	closed  bool
	err     error
	changed chan struct{} // closed and replaced at every change
	readers sync.WaitGroup
}

func newJournal() *journal { return &journal{changed: make(chan struct{})} }

// add writes a line, here and into the supervisor's own log.
func (j *journal) add(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	fmt.Fprintln(os.Stderr, line)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	j.announce()
}

// close says how the start went.
func (j *journal) close(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed, j.err = true, err
	j.announce()
}

func (j *journal) announce() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// read calls the function with every line until the journal is closed, and returns how the start went.
func (j *journal) read(ctx context.Context, line func(string)) error {
	j.readers.Add(1)
	defer j.readers.Done()
	for seen := 0; ; {
		j.mu.Lock()
		news, closed, err, changed := j.lines[seen:], j.closed, j.err, j.changed
		j.mu.Unlock()
		for _, l := range news {
			line(l)
		}
		seen += len(news)
		if closed {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// awaitReaders gives those who read along a moment to get to the end.
func (j *journal) awaitReaders() {
	done := make(chan struct{})
	go func() { j.readers.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
}
