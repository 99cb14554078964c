// Package timeline is `kubectl seaway timeline`: what happened to applications, from everything that
// the hub keeps of it: Decisions, events, the last changes of conditions and endpoints, evictions and
// edits. It writes nothing and keeps nothing.
package timeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
)

// inquiry is what is asked.
type inquiry struct {
	hub     hubclient.Flags
	all     bool
	since   time.Duration
	cluster string
	limit   int
	watch   bool
	every   time.Duration
	output  string
}

// Command is `kubectl seaway timeline`.
func Command() *cobra.Command {
	var q inquiry
	cmd := &cobra.Command{
		Use:   "timeline [APP] | -A",
		Short: "Show what happened: failovers, spills, failbacks, evictions and what people did, by time",
		Long: `Show what happened to an application, to a namespace, or with -A to all: decisions, events,
changes of conditions and endpoints, evictions and edits, merged by time.

APP is the name of a TrafficPolicy, or KIND/NAME of a workload. Of a condition and of an
endpoint the hub keeps the last change only; of decisions ten for each object, for a week;
of events what the API server keeps, which is an hour unless it says otherwise.`,
		Example: `  kubectl seaway timeline web -n shop --since 24h
  kubectl seaway timeline -A --cluster iad --watch`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return q.run(cmd.Context(), cmd.OutOrStdout(), args)
		},
	}
	fs := cmd.Flags()
	q.hub.Add(fs)
	q.hub.AddNamespace(fs)
	fs.BoolVarP(&q.all, "all-namespaces", "A", false, "all namespaces, and what is in none")
	fs.DurationVar(&q.since, "since", time.Hour, "how far to look back")
	fs.StringVar(&q.cluster, "cluster", "", "only what is about this cluster")
	fs.IntVar(&q.limit, "limit", 200, "show so many lines, the newest; 0 is all")
	fs.BoolVarP(&q.watch, "watch", "w", false, "go on, and show what happens")
	fs.DurationVar(&q.every, "every", 5*time.Second, "with --watch: how often to ask the hub")
	output.Add(fs, &q.output)
	return cmd
}

func (q *inquiry) check(args []string) error {
	switch {
	case q.all && len(args) > 0:
		return errors.New("-A shows all applications; name one without it")
	case q.since <= 0:
		return errors.New("--since: say how far to look back, as in 90m")
	case q.watch && q.every < time.Second:
		return errors.New("--every: at least a second")
	case q.watch && q.output == output.YAML:
		return errors.New("--watch writes text or json")
	}
	return output.Check(q.output)
}

func (q *inquiry) run(ctx context.Context, w io.Writer, args []string) error {
	if err := q.check(args); err != nil {
		return err
	}
	h, err := q.hub.Hub()
	if err != nil {
		return err
	}
	tick := (<-chan time.Time)(nil)
	if q.watch {
		t := time.NewTicker(q.every)
		defer t.Stop()
		tick = t.C
	}
	return q.follow(ctx, w, h, args, time.Now, tick)
}

// follow shows what happened and, when there are ticks, with each what has happened since.
func (q *inquiry) follow(ctx context.Context, w io.Writer, h hubclient.Hub, args []string, now func() time.Time, tick <-chan time.Time) error {
	from := now().Add(-q.since)
	shown := map[string]bool{}
	for first := true; ; first = false {
		entries, notes, err := q.read(ctx, h, args, from)
		if err != nil && (first || ctx.Err() != nil) {
			return orNil(ctx, err)
		}
		if first && q.limit > 0 && len(entries) > q.limit {
			notes = append(notes, fmt.Sprintf("%d earlier lines are not shown; --limit and --since say which", len(entries)-q.limit))
			entries = entries[len(entries)-q.limit:]
		}
		fresh := slices.DeleteFunc(entries, func(e Entry) bool { return shown[e.key()] })
		for _, e := range fresh {
			shown[e.key()] = true
		}
		if first || len(fresh) > 0 {
			if err := q.print(w, fresh, notes, first); err != nil {
				return err
			}
		}
		if tick == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
			from = now().Add(-lookBack)
			if limit := now().Add(-q.since); from.Before(limit) {
				from = limit
			}
		}
	}
}

// lookBack is how much of the time that was shown already is read again while watching: events and
// decisions may be written down a little after they happened.
const lookBack = 10 * time.Minute

// orNil is no error when a person has ended the command.
func orNil(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (e *Entry) key() string {
	return strings.Join([]string{e.Time.UTC().Format(time.RFC3339Nano), string(e.Source), e.Subject, e.What}, "\x00")
}

// read asks the hub.
func (q *inquiry) read(ctx context.Context, h hubclient.Hub, args []string, from time.Time) ([]Entry, []string, error) {
	ctx, cancel := context.WithTimeout(ctx, 6*max(q.hub.Timeout, time.Second)) // it reads several kinds
	defer cancel()
	g := gatherer{Hub: h, since: from, namespace: h.Namespace}
	if q.all {
		g.namespace = ""
	}
	records, err := g.gather(ctx, args, q.cluster)
	if err != nil {
		return nil, nil, err
	}
	return Merge(records, Filter{Since: from, Cluster: q.cluster}), g.notes, nil
}

func (q *inquiry) print(w io.Writer, entries []Entry, notes []string, first bool) error {
	switch {
	case q.output == output.JSON && q.watch: // one document for each, so that a pipe has it at once
		enc := json.NewEncoder(w)
		for _, e := range entries {
			if err := enc.Encode(e); err != nil {
				return err
			}
		}
		return nil
	case q.output != output.Text && q.output != "":
		doc := struct {
			Entries []Entry  `json:"entries"`
			Notes   []string `json:"notes,omitempty"`
		}{append([]Entry{}, entries...), notes}
		return output.Show(w, q.output, doc, nil)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if first && len(entries) > 0 {
		fmt.Fprintln(tw, "TIME\tSUBJECT\tWHAT\tWHY\tWHO")
	}
	for i := range entries {
		e := &entries[i]
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", e.Time.UTC().Format(time.RFC3339), output.Plain(e.Subject), output.Plain(e.What), orDash(clip(output.Plain(e.Why))), orDash(output.Plain(e.Who)))
	}
	if first && len(entries) == 0 {
		fmt.Fprintln(tw, "Nothing that the hub still knows of.")
	}
	for _, n := range notes {
		fmt.Fprintf(tw, "note: %s\n", n)
	}
	return tw.Flush()
}

// clip keeps a line readable; -o json has it all.
func clip(text string) string {
	const most = 160
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
