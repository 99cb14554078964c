package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Report prints steps and checks, and counts.
type Report struct {
	mu             sync.Mutex
	out            io.Writer
	start          time.Time
	passed, failed int
}

// NewReport prints to out.
func NewReport(out io.Writer) *Report { return &Report{out: out, start: time.Now()} }

// Step begins a step.
func (r *Report) Step(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "\n[%5.1f s] %s\n", time.Since(r.start).Seconds(), fmt.Sprintf(format, args...))
}

// Say prints a line that is no check.
func (r *Report) Say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.Lines(strings.TrimRight(fmt.Sprintf(format, args...), "\n")) {
		fmt.Fprintf(r.out, "          %s\n", strings.TrimRight(line, "\n"))
	}
}

// Line prints a line as it is, for programs that read the output.
func (r *Report) Line(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, format+"\n", args...)
}

// Check counts and prints one thing that must hold; it returns whether it does.
func (r *Report) Check(ok bool, format string, args ...any) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	mark := "ok  "
	if ok {
		r.passed++
	} else {
		r.failed++
		mark = "FAIL"
	}
	fmt.Fprintf(r.out, "    %s  %s\n", mark, fmt.Sprintf(format, args...))
	return ok
}

// CheckNoError is Check for something that must succeed; the error is printed when it does not.
func (r *Report) CheckNoError(err error, format string, args ...any) bool {
	text := fmt.Sprintf(format, args...)
	if err != nil {
		text += ": " + err.Error()
	}
	return r.Check(err == nil, "%s", text)
}

// Close prints the last line and returns how many checks failed.
func (r *Report) Close() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "\n%d passed, %d failed\n", r.passed, r.failed)
	return r.failed
}
