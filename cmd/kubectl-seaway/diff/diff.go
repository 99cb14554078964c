// Package diff is `kubectl seaway diff`: what a cluster has of an object, and what the hub would make
// of it there, before anything is applied. It reads the hub and the cluster, and walks the object
// through the very code that renders Works and writes to clusters; what the cluster itself would add,
// it is asked for in a dry run. It changes nothing.
package diff

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
)

// ErrDiffers ends a diff that has shown a difference. There is nothing more to say about it.
var ErrDiffers error = &exit{1, errors.New("they differ")}

// exit is an error with the exit code that `kubectl diff` has for it: 1 for a difference, more for
// what went wrong.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string { return e.err.Error() }

func (e *exit) Unwrap() error { return e.err }

// ExitCode is what the process ends with.
func (e *exit) ExitCode() int { return e.code }

// wrong makes an error of a command into one that is no difference.
func wrong(err error) error {
	if err == nil || errors.Is(err, ErrDiffers) {
		return err
	}
	return &exit{2, err}
}

// question is what is asked.
type question struct {
	hub     hubclient.Flags
	cluster string
	files   []string
	hubOnly bool
	whole   bool
}

func (q *question) addFlags(fs *pflag.FlagSet) {
	q.hub.Add(fs)
	q.hub.AddNamespace(fs)
	fs.StringVar(&q.cluster, "cluster", "", "the cluster to look at")
	fs.StringArrayVarP(&q.files, "filename", "f", nil, "file with override policies to try, or with the object as it is to be; - is the standard input")
	fs.BoolVar(&q.whole, "whole", false, "show the object as it is to be in the cluster, whole, instead of the difference")
	fs.BoolVar(&q.hubOnly, "hub-only", false, "compare with the Work on the hub instead of the object in the cluster, for which no credentials are needed")
}

// Command is `kubectl seaway diff`.
func Command() *cobra.Command {
	var q question
	cmd := &cobra.Command{
		Use:   "diff KIND/NAME --cluster CLUSTER",
		Short: "Show what the hub would change of an object in a cluster",
		Long: `Show what the hub would change of an object in a cluster: the template with the cluster's
part of the replicas, the overrides and the marks, against what the cluster has.

With -f, override policies that are not applied yet take part, in the place of those of
their name. The cluster is asked in a dry run what it would add; nothing is written.
ResourceInterpreterCustomizations of the hub take part as well, its interpreter webhooks
do not. What a Secret holds is not shown.

The exit code is 0 when nothing would change, 1 when something would, and more when
something went wrong.`,
		Example: `  kubectl seaway diff deploy/web --cluster fra -n shop
  kubectl seaway diff deploy/web --cluster fra -n shop -f override.yaml
  kubectl seaway diff deploy/web --cluster fra -n shop --hub-only
  kubectl seaway diff deploy/web --cluster fra -n shop --whole`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(hubclient.Named(args)) != 1 {
				return wrong(errors.New("name one object as KIND/NAME, for example deploy/web"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return wrong(q.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args))
		},
	}
	q.addFlags(cmd.Flags())
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return wrong(err) })
	return cmd
}

func (q *question) run(ctx context.Context, stdin io.Reader, out, notes io.Writer, args []string) error {
	if q.cluster == "" {
		return errors.New("--cluster: name the cluster to look at")
	}
	cfg, err := q.hub.Config()
	if err != nil {
		return err
	}
	namespace, err := q.hub.Namespace()
	if err != nil {
		return err
	}
	files, err := readFiles(q.files, stdin)
	if err != nil {
		return err
	}
	h, err := hubclient.Connect(cfg, namespace)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 4*q.hub.Timeout) // it asks more than once
	defer cancel()
	name := hubclient.Named(args)[0]
	d := &differ{Hub: h, dial: q.dial, out: out, notes: notes, hubOnly: q.hubOnly, whole: q.whole}
	return d.diff(ctx, name[0], name[1], q.cluster, files)
}

// differ reads the hub and the cluster.
type differ struct {
	hubclient.Hub
	dial dialer
	out  io.Writer
	// notes is where everything goes that is no difference.
	notes          io.Writer
	hubOnly, whole bool
}

func (d *differ) diff(ctx context.Context, kind, name, cluster string, files *contents) error {
	e, err := d.effective(ctx, kind, name, cluster, files)
	if err != nil {
		return err
	}
	before, after, from := e.present, e.desired, "work"
	if !d.hubOnly {
		from = cluster
		if before, after, err = d.inCluster(ctx, e); err != nil {
			return err
		}
	}
	for _, note := range e.notes {
		fmt.Fprintln(d.notes, "note:", note)
	}
	if d.whole {
		return d.show(after)
	}
	text, err := unified(from, before, after)
	if err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	if _, err := io.WriteString(d.out, text); err != nil {
		return err
	}
	return ErrDiffers
}

// show writes an object as a whole.
func (d *differ) show(obj *unstructured.Unstructured) error {
	all := shown(obj)
	mask(all, nil)
	text, err := lines(all)
	if err != nil {
		return err
	}
	_, err = io.WriteString(d.out, strings.Join(text, ""))
	return err
}

// dial connects to a cluster as the hub does.
func (q *question) dial(ctx context.Context, e *effective, h hubclient.Hub) (api, func(), error) {
	return connect(ctx, e.cluster, h, max(q.hub.Timeout, time.Second))
}
