package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	mdns "github.com/miekg/dns"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/hubclient"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/nameserver"
	"github.com/seaway-io/seaway/cmd/kubectl-seaway/view"
	"github.com/seaway-io/seaway/dns/core/answer"
	"github.com/seaway-io/seaway/dns/core/decision"
	"github.com/seaway-io/seaway/dns/core/geo"
)

// inquiry is a question to a name server, or to the hub's objects.
type inquiry struct {
	hub            hubclient.Flags
	geo            nameserver.Geo
	server         remote
	from, resolver string
	output         string
}

func (q *inquiry) addFlags(fs *pflag.FlagSet) {
	q.hub.Add(fs)
	q.geo.Add(fs)
	q.server.add(fs)
	fs.StringVar(&q.from, "from", "", "address of the client")
	fs.StringVar(&q.resolver, "resolver", "", "address of the resolver that forwards the client's subnet; none: the client asks by itself")
	fs.StringVarP(&q.output, "output", "o", outputText, "text, json or yaml")
}

func answered() *cobra.Command {
	var q inquiry
	cmd := &cobra.Command{
		Use:   "answer NAME [TYPE] --from ADDRESS",
		Short: "Ask a running name server what it answers a client, and why",
		Long: `Ask a running name server what it answers a client for NAME, and why: where it takes the client
to be, the tiers, what each vantage point says of each cluster, and what the hash of the client's
network drew. The server decides with the very code and data by which it answers queries.

The server is asked over HTTP at its metrics address from its own host or through a port-forward,
and from afar over TLS at its diagnostics address, with the token of that.

Without --server, the answer is worked out from the hub's objects, with the votes of the servers
that report; that is what a server would say which has heard everything and probes nothing.`,
		Example: `  kubectl port-forward -n seaway-system pod/seaway-dns-0 9153 &
  kubectl seaway dns answer shop.apps.example.com --from 193.0.6.1 --server http://127.0.0.1:9153
  kubectl seaway dns answer shop.apps.example.com AAAA --from 193.0.6.1 --server https://ns1.example.net:9154 --server-token-file token
  kubectl seaway dns answer shop.apps.example.com --from 193.0.6.1`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return q.run(cmd.Context(), cmd.OutOrStdout(), append(args, "A"))
		},
	}
	q.addFlags(cmd.Flags())
	_ = cmd.MarkFlagRequired("from")
	return cmd
}

func (q *inquiry) run(ctx context.Context, w io.Writer, args []string) error {
	if err := checkOutput(q.output); err != nil {
		return err
	}
	ask, err := q.question(args[0], args[1])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, q.hub.Timeout)
	defer cancel()
	var d decision.Decision
	if q.server.url != "" {
		d, err = q.server.ask(ctx, ask)
	} else {
		d, err = q.rehearse(ctx, ask)
	}
	if err != nil {
		return err
	}
	return show(w, q.output, d, func(w io.Writer) error { return PrintDecision(w, d) })
}

func (q *inquiry) question(name, rrtype string) (answer.Question, error) {
	ask := answer.Question{Name: name}
	var ok bool
	if ask.Type, ok = mdns.StringToType[strings.ToUpper(rrtype)]; !ok {
		return ask, fmt.Errorf("there is no record type %q", rrtype)
	}
	var err error
	if ask.Client, err = netip.ParseAddr(q.from); err != nil {
		return ask, fmt.Errorf("--from: %q is no IP address", q.from)
	}
	if q.resolver != "" {
		if ask.Resolver, err = netip.ParseAddr(q.resolver); err != nil {
			return ask, fmt.Errorf("--resolver: %q is no IP address", q.resolver)
		}
	}
	return ask, nil
}

// rehearse works the answer out from the hub's objects.
func (q *inquiry) rehearse(ctx context.Context, ask answer.Question) (decision.Decision, error) {
	if q.server.tokenFile != "" || q.server.caFile != "" {
		return decision.Decision{}, errors.New("--server-token-file, --server-ca-file: name the server with --server")
	}
	source, databases, err := q.geo.Open()
	if err != nil {
		return decision.Decision{}, err
	}
	c, err := q.hub.Client()
	if err != nil {
		return decision.Decision{}, err
	}
	v, err := view.Read(ctx, c)
	if err != nil {
		return decision.Decision{}, err
	}
	d, err := decision.Make(nameserver.Snapshot(v, geo.Compile(source)), ask, nameserver.Witnesses(v))
	d.Time, d.Source = v.Now, "the hub's objects"
	if d.Steering != nil && d.Steering.Client.Located {
		for _, i := range databases {
			d.Steering.Client.Databases = append(d.Steering.Client.Databases, i.Short())
		}
	}
	return d, err
}
