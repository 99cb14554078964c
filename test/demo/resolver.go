//go:build linux

package demo

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/seaway-io/seaway/test/fleet"
	"github.com/seaway-io/seaway/test/fleet/install"
)

// parent is the zone above ours; the resolver holds a copy of it with the delegation.
const parent = "example.com"

// throughAResolver lets a recursive resolver follow the delegation that `dns delegation` prints.
func (d *demo) throughAResolver(ctx context.Context) {
	d.Step("A recursive resolver (unbound) with %s delegated to us in its copy of %s", install.Domain, parent)
	unbound, err := exec.LookPath("unbound")
	if err != nil {
		unbound, err = exec.LookPath("/usr/sbin/unbound")
	}
	if !d.CheckNoError(err, "unbound is installed") {
		return
	}
	delegation, err := d.in.Kubectl(ctx, "dns", "delegation", "apps")
	if !d.CheckNoError(err, "kubectl seaway dns delegation apps") {
		d.Say("%s", delegation)
		return
	}
	d.Say("%s", delegation)
	host, err := d.startResolver(unbound, delegation)
	if !d.CheckNoError(err, "unbound starts") {
		return
	}
	var answer Answer
	err = d.await(ctx, 20*time.Second, func(ctx context.Context) error {
		var err error
		answer, err = Ask(ctx, d.in.Client, Port53(host), Host, netip.Prefix{}, 2*time.Second)
		if err == nil && !answer.Address.IsValid() {
			err = fmt.Errorf("no address in %v", answer.Message.Answer)
		}
		return err
	})
	if !d.CheckNoError(err, "it resolves %s", Host) {
		return
	}
	pod, err := Get(ctx, d.in.Client, answer.Address, Host, 2*time.Second)
	d.CheckNoError(err, "to %s, where pod %s in %s answers", answer.Address, pod.Pod, pod.Cluster)
}

func (d *demo) startResolver(unbound, delegation string) (*fleet.Host, error) {
	host, err := d.fleet.AddHost(fleet.HostSpec{Name: "resolver"})
	if err != nil {
		return nil, err
	}
	zone := fmt.Sprintf("$ORIGIN %s.\n@ 3600 IN SOA ns.%s. hostmaster.%s. 1 3600 600 86400 60\n@ 3600 IN NS ns.%s.\nns 3600 IN A %s\n%s",
		parent, parent, parent, parent, host.Addr(), delegation)
	config := fmt.Sprintf(`server:
  directory: %[1]q
  chroot: ""
  username: ""
  pidfile: %[2]q
  use-syslog: no
  interface: %[3]s
  port: 53
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  num-threads: 1
  module-config: "iterator"
  do-not-query-localhost: no
auth-zone:
  name: %[4]q
  zonefile: %[5]q
  for-upstream: yes
  for-downstream: no
  fallback-enabled: no
`, host.Dir(), filepath.Join(host.Dir(), "unbound.pid"), host.Addr(), parent, filepath.Join(host.Dir(), "parent.zone"))
	for name, text := range map[string]string{"parent.zone": zone, "unbound.conf": config} {
		if err := os.WriteFile(filepath.Join(host.Dir(), name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	_, err = host.Run("unbound", []string{unbound, "-d", "-c", filepath.Join(host.Dir(), "unbound.conf")})
	return host, err
}
