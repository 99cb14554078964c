// Package dns is `seaway dns`: flags, options, start.
package dns

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/dns"
	"github.com/seaway-io/seaway/dns/geodb"
)

// Command is `seaway dns`.
func Command() *cobra.Command {
	var o dns.Options
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
	f.StringVar(&o.StateDir, "state-dir", "/var/lib/seaway/dns", "folder for what is needed to start without the hub; empty keeps nothing")
	f.StringVar(&o.KeysNamespace, "zone-keys-namespace", names.SystemNamespace, "namespace of the Secrets with the keys of signed zones; as of seaway controller")
	f.IntVar(&o.Signatures, "signatures-per-second", 0, "signatures a second for names that do not exist and those that wildcards stand for, which can not be signed ahead; as many again over TCP (default 4000 for each CPU)")
	f.StringSliceVar(&o.GeoDatabases, "geo-database", nil, "geo database in the MaxMind format; may be repeated (default a built-in coarse table of countries)")
	f.Var(geoField{&o.GeoFields}, "geo-field", "where in the records of the database something is, such as country=location.iso; may be repeated")
	f.StringVar(&o.MetricsAddress, "metrics-address", "127.0.0.1:9153", "address of /metrics, /healthz and /readyz; empty serves none")
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
