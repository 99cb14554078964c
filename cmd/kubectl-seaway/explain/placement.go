package explain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
)

// inquiry is what is asked about placements.
type inquiry struct {
	hub     hubclient.Flags
	output  string
	history bool
	dryRun  bool
	files   []string
	limit   int
}

func (q *inquiry) addFlags(fs *pflag.FlagSet) {
	q.hub.Add(fs)
	q.hub.AddNamespace(fs)
	fs.StringVarP(&q.output, "output", "o", output.Text, "text, json or yaml")
	fs.BoolVar(&q.history, "history", false, "list the earlier decisions too")
	fs.BoolVar(&q.dryRun, "dry-run", false, "explain the policies of -f as if they were applied")
	fs.StringArrayVarP(&q.files, "filename", "f", nil, "file with policies, and templates if you like; - is the standard input")
	fs.IntVar(&q.limit, "limit", 20, "with --dry-run: of how many templates the placement is worked out")
}

func placed() *cobra.Command {
	var q inquiry
	cmd := &cobra.Command{
		Use:   "placement KIND/NAME | --dry-run -f FILE [KIND/NAME ...]",
		Short: "Say where an application runs and why, or what a policy would do",
		Long: "Say where an application runs and why: the last decision about it, cluster by cluster. With --dry-run, say which templates\n" +
			"the policies of a file would claim, and where each would be placed. Nothing is written.",
		Example: "  kubectl seaway explain placement deploy/web -n shop --history\n" +
			"  kubectl seaway explain placement --dry-run -f policy.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return q.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), args)
		},
	}
	q.addFlags(cmd.Flags())
	return cmd
}

func (q *inquiry) run(ctx context.Context, stdin io.Reader, w io.Writer, args []string) error {
	if err := q.check(args); err != nil {
		return err
	}
	cfg, err := q.hub.Config()
	if err != nil {
		return err
	}
	namespace, err := q.hub.Namespace()
	if err != nil {
		return err
	}
	h, err := connect(cfg, namespace)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*q.hub.Timeout) // it asks more than once
	defer cancel()
	if !q.dryRun {
		return q.explainOne(ctx, w, h, args)
	}
	files, err := readFiles(q.files, stdin)
	if err != nil {
		return err
	}
	return q.rehearse(ctx, w, h, files, args)
}

func (q *inquiry) check(args []string) error {
	q.dryRun = q.dryRun || len(q.files) > 0
	switch {
	case !slices.Contains([]string{output.Text, output.JSON, output.YAML}, q.output):
		return fmt.Errorf("--output: there is no format %q; there are: text, json, yaml", q.output)
	case q.dryRun && len(q.files) == 0:
		return errors.New("--dry-run explains a policy that is not applied yet: name its file with -f")
	case !q.dryRun && (len(args) == 0 || len(args) > 2 || len(args) == 2 && strings.Contains(args[0]+args[1], "/")):
		return errors.New("name one object as KIND/NAME, for example deploy/web; or ask about a policy with --dry-run -f FILE")
	}
	return nil
}

// hub is where everything is read from.
type hub struct {
	hubclient.Hub
	now func() time.Time
}

func connect(cfg *rest.Config, namespace string) (*hub, error) {
	h, err := hubclient.Connect(cfg, namespace)
	if err != nil {
		return nil, err
	}
	return &hub{Hub: h, now: time.Now}, nil
}
