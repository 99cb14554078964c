//go:build linux

package playground

import (
	"fmt"
	"maps"
	"net/netip"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/seaway-io/seaway/test/fleet"
)

// writeKubeconfigs writes two files with a context for every cluster, the hub's being current: one for
// outside, by way of the ports, and one for inside.
func writeKubeconfigs(clusters []*fleet.Cluster, ports map[string]netip.AddrPort, state state) error {
	outside, inside := clientcmdapi.NewConfig(), clientcmdapi.NewConfig()
	for _, c := range clusters {
		own, err := clientcmd.LoadFromFile(c.Kubeconfig())
		if err != nil {
			return fmt.Errorf("kubeconfig of %s: %w", c.Name, err)
		}
		merge(inside, own)
		own = own.DeepCopy()
		for _, server := range own.Clusters {
			server.Server = "https://" + ports[c.Name].String()
			server.TLSServerName = c.Name
		}
		merge(outside, own)
	}
	for path, config := range map[string]*clientcmdapi.Config{state.kubeconfig(): outside, state.inside(): inside} {
		config.CurrentContext = fleet.HubName
		data, err := clientcmd.Write(*config)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func merge(into, from *clientcmdapi.Config) {
	maps.Copy(into.Clusters, from.Clusters)
	maps.Copy(into.AuthInfos, from.AuthInfos)
	maps.Copy(into.Contexts, from.Contexts)
}
