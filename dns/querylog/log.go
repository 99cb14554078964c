package querylog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options of a Log.
type Options struct {
	// File for lines of JSON; "-" is the standard output, and empty for none. It is opened anew when it
	// was moved away, as programs that rotate logs do.
	File string
	// Dnstap is where a collector listens: unix:PATH or tcp:HOST:PORT; empty for none.
	Dnstap string
	// Every: one in so many queries is taken down; all if 1 or less.
	Every int
	// Identity and Version are what the server says of itself to the collector.
	Identity, Version string
	Log               *slog.Logger
}

// sink is where entries go. Its methods are called by one goroutine.
type sink interface {
	// write takes an entry over and reports whether it did.
	write(*entry) bool
	flush()
	close()
}

// Log takes down queries.
type Log struct {
	options   Options
	recorders []*Recorder
	sinks     []sink
	written   atomic.Uint64
	failed    atomic.Uint64
	end       sync.Once
}

// New returns a log, nil if there is nothing to log to. Recorders are made before Run.
func New(o Options) (*Log, error) {
	if o.File == "" && o.Dnstap == "" {
		return nil, nil
	}
	o.Every = max(o.Every, 1)
	l := &Log{options: o}
	if o.File != "" {
		f, err := openLines(o.File, o.Log)
		if err != nil {
			return nil, fmt.Errorf("--query-log: %w", err)
		}
		l.sinks = append(l.sinks, f)
	}
	if o.Dnstap != "" {
		t, err := newTap(o)
		if err != nil {
			l.Close()
			return nil, fmt.Errorf("--dnstap: %w", err)
		}
		l.sinks = append(l.sinks, t)
	}
	return l, nil
}

// Recorder is one more, for one worker or for all connections of a kind; nil if the log is.
func (l *Log) Recorder(t Transport) *Recorder {
	if l == nil {
		return nil
	}
	r := &Recorder{transport: t, every: uint64(l.options.Every), ring: make([]entry, ringSize)}
	l.recorders = append(l.recorders, r)
	return r
}

// Run writes what is taken down until the context ends.
func (l *Log) Run(ctx context.Context) {
	if l == nil {
		return
	}
	defer l.Close()
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			l.drain()
			return
		case <-tick.C:
			l.drain()
		}
	}
}

// drain writes what is there; what comes meanwhile waits for the next time.
func (l *Log) drain() {
	var e entry
	n := 0
	for _, r := range l.recorders {
		for range ringSize {
			if !r.take(&e) {
				break
			}
			n++
			for _, s := range l.sinks {
				if s.write(&e) {
					l.written.Add(1)
				} else {
					l.failed.Add(1)
				}
			}
		}
	}
	if n > 0 {
		for _, s := range l.sinks {
			s.flush()
		}
	}
}

// Close gives back what New opened. Run has done so when it returns; it may be called more than once.
func (l *Log) Close() {
	if l == nil {
		return
	}
	l.end.Do(func() {
		for _, s := range l.sinks {
			s.close()
		}
	})
}

var entriesDesc = prometheus.NewDesc("seaway_dns_query_log_total",
	"Queries to be taken down, by what became of them: written to a log, lost because the worker's ring was full or being drained, or failed because a log could not be written.",
	[]string{"result"}, nil)

// Describe implements prometheus.Collector.
func (l *Log) Describe(ch chan<- *prometheus.Desc) { ch <- entriesDesc }

// Collect implements prometheus.Collector.
func (l *Log) Collect(ch chan<- prometheus.Metric) {
	lost := uint64(0)
	for _, r := range l.recorders {
		lost += r.lost.Load()
	}
	for result, n := range map[string]uint64{"written": l.written.Load(), "lost": lost, "failed": l.failed.Load()} {
		ch <- prometheus.MustNewConstMetric(entriesDesc, prometheus.CounterValue, float64(n), result)
	}
}

// parseAddress reads unix:PATH or tcp:HOST:PORT.
func parseAddress(text string) (network, address string, err error) {
	network, address, _ = strings.Cut(text, ":")
	switch network {
	case "unix":
		if address != "" {
			return network, address, nil
		}
	case "tcp":
		if _, _, err := net.SplitHostPort(address); err == nil {
			return network, address, nil
		}
	}
	return "", "", errors.New("use unix:PATH or tcp:HOST:PORT")
}
