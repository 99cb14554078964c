// Package dns is `seaway dns`: flags, options, start.
package dns

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/geodb"
)

// Command is `seaway dns`.
func Command() *cobra.Command {
	o := dns.Options{Guard: dns.DefaultGuard()}
	var kubeconfig, nsid string
	cmd := &cobra.Command{
		Use:   "dns",
		Short: "Answer for the zones of the hub, and watch over the endpoints",
		Long: `Answer for the Zones of the hub with what its TrafficPlans say, probe the endpoints, and report
their health. Once it has heard the hub, the server goes on without it, and starts without it from
its state directory.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
			o.Config = func() (*rest.Config, error) { return config(kubeconfig) }
			if o.Name == "" {
				host, err := os.Hostname()
				if err != nil {
					return fmt.Errorf("--name: the host has no name (%w): give one", err)
				}
				o.Name = strings.ToLower(host)
			}
			o.NSID = nsid
			if !cmd.Flags().Changed("nsid") {
				o.NSID = o.Name
			}
			s, err := dns.New(o)
			if err != nil {
				return err
			}
			return s.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Name, "name", "", "name of this vantage point, its own among all name servers (default the host's name)")
	f.StringVar(&kubeconfig, "kubeconfig", "", "file that says how to reach the hub (default $KUBECONFIG, or the service account of the pod)")
	f.StringSliceVar(&o.Listen, "listen", []string{":53"}, "address to answer on, by UDP and TCP; may be repeated")
	f.StringSliceVar(&o.TLSListen, "tls-listen", nil, "address for DNS over TLS, such as :853; may be repeated (default none)")
	f.StringSliceVar(&o.HTTPSListen, "https-listen", nil, "address for DNS over HTTPS, such as :443; may be repeated (default none)")
	f.StringSliceVar(&o.QUICListen, "quic-listen", nil, "address for DNS over QUIC, by UDP, such as :853; may be repeated (default none)")
	f.StringVar(&o.CertificateFile, "tls-cert-file", "", "certificate for DNS over TLS, HTTPS and QUIC; read again when it changes")
	f.StringVar(&o.KeyFile, "tls-key-file", "", "key of the certificate")
	f.StringVar(&o.CookieSecretFile, "cookie-secret-file", "", "secrets of DNS cookies, one of 32 hexadecimal digits in each line: the first makes cookies, all are believed; read again when it changes (default one that no other server knows)")
	f.BoolVar(&o.Guard.RequireCookie, "require-cookie", false, "answer clients that speak DNS cookies over UDP only with a good one")
	f.IntVar(&o.Guard.Rate, "rate-limit", o.Guard.Rate, "answers a second over UDP to one network (/24, /56) and the same question; 0 limits nothing")
	f.IntVar(&o.Guard.PrefixRate, "rate-limit-prefix", o.Guard.PrefixRate, "answers a second over UDP to one network altogether; 0 for no such limit")
	f.IntVar(&o.Guard.Slip, "rate-limit-slip", o.Guard.Slip, "one of so many answers over the limit sends the client to TCP or gives it a cookie, the others are not sent; 0 sends none")
	f.StringSliceVar(&o.Guard.Exempt, "rate-limit-exempt", o.Guard.Exempt, "network that is never limited; may be repeated")
	f.IntVar(&o.Guard.Amplification, "max-amplification", o.Guard.Amplification, "how many times its query's size an answer over UDP may have without a good cookie; 0 for any")
	f.StringSliceVar(&o.Proxies, "proxy-from", nil, "network of load balancers whose PROXY protocol (version 2) headers are believed; may be repeated")
	f.IntVar(&o.TCP.Total, "tcp-connections", 4096, "connections at the same time, by TCP (those for TLS and HTTPS among them) and QUIC")
	f.IntVar(&o.TCP.PerClient, "tcp-connections-per-client", 64, "connections of one IPv4 address or IPv6 /64 network")
	f.DurationVar(&o.TCP.Idle, "tcp-idle", 10*time.Second, "how long a connection may be idle while there is room; less when more than half of the connections are taken")
	f.StringVar(&o.StateDir, "state-dir", "/var/lib/seaway/dns", "folder for what is needed to start without the hub; empty keeps nothing")
	f.StringVar(&o.KeysNamespace, "zone-keys-namespace", names.SystemNamespace, "namespace of the Secrets with the keys of signed zones; as of seaway controller")
	f.IntVar(&o.Signatures, "signatures-per-second", 0, "signatures a second for names that do not exist and those that wildcards stand for, which can not be signed ahead; as many again over TCP (default 4000 for each CPU)")
	f.StringSliceVar(&o.GeoDatabases, "geo-database", nil, "geo database in the MaxMind format; may be repeated (default a built-in coarse table of countries)")
	f.Var(geoField{&o.GeoFields}, "geo-field", "where in the records of the database something is, such as country=location.iso; may be repeated")
	f.StringVar(&o.MetricsAddress, "metrics-address", "127.0.0.1:9153", "address of /metrics, /healthz, /readyz and, for this host itself, /decision; empty serves none")
	f.StringVar(&o.QueryLog.File, "query-log", "", "file that queries are taken down in, as lines of JSON; - is the standard output (default none)")
	f.StringVar(&o.QueryLog.Dnstap, "dnstap", "", "dnstap collector that gets queries and answers: unix:PATH or tcp:HOST:PORT (default none)")
	f.IntVar(&o.QueryLog.Every, "query-log-sample", 1, "one in so many queries is taken down in the query log and sent to the dnstap collector")
	f.StringVar(&o.DiagnosticsAddress, "diagnostics-address", "", "address where `kubectl seaway dns answer` asks for decisions from afar, by TLS with the certificate of --tls-cert-file (default none; this host itself may ask at the metrics address)")
	f.StringVar(&o.DiagnosticsTokenFile, "diagnostics-token-file", "", "token that those must have who ask there; read for each request")
	f.StringVar(&o.Version, "version-string", "Seaway", "answer to version.bind; empty refuses it")
	f.StringVar(&nsid, "nsid", "", "identifier for NSID and id.server; empty sends none (default the name)")
	return cmd
}

// config reads how to reach the hub, anew each time: files may be mended while the server runs.
func config(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{}).ClientConfig()
}

// geoField is the flag of geodb.Fields.
type geoField struct{ *geodb.Fields }

// Type is what the flag's value looks like.
func (geoField) Type() string { return "FIELD=PATH" }
