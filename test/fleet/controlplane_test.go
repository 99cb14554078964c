package fleet

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/seaway-io/seaway/test/fleet/netplan"
	"github.com/seaway-io/seaway/test/fleet/pki"
)

func planes() (hub, member controlPlane) {
	hub = controlPlane{name: HubName, plan: netplan.Hub(), files: &pki.Files{Dir: "/d/hub"}, binaries: "/bin", seaway: "/s/seaway", etcd: "unix:///r/etcd.sock", prefix: "/fleet/hub", hub: true}
	member = controlPlane{name: "fra", plan: netplan.Member(1, netip.Prefix{}, netip.Prefix{}), files: &pki.Files{Dir: "/d/fra"}, binaries: "/bin", seaway: "/s/seaway", etcd: "unix:///r/etcd.sock", prefix: "/fleet/fra"}
	return hub, member
}

func TestTheAPIServerComesFirstAndEveryProcessHasAProgram(t *testing.T) {
	hub, member := planes()
	for _, plane := range []controlPlane{hub, member} {
		processes := plane.processes()
		if processes[0] != APIServer {
			t.Errorf("%s starts with %s", plane.name, processes[0])
		}
		for _, process := range processes {
			argv := plane.argv(process)
			want := "/bin/" + process
			if process == DataPlane {
				want = "/s/seaway playground dataplane"
			}
			if !strings.HasPrefix(strings.Join(argv, " "), want+" --") {
				t.Errorf("%s of %s: %v", process, plane.name, argv)
			}
		}
	}
}

func TestTheHubHasNoControllerThatActsOnTemplates(t *testing.T) {
	hub, member := planes()
	for _, forbidden := range []string{"deployment-controller", "replicaset-controller", "job-controller", "endpointslice-controller", "endpoints-controller", "*"} {
		if slices.Contains(hubControllers, forbidden) {
			t.Errorf("the hub runs %s", forbidden)
		}
	}
	if !slices.Contains(hub.argv(APIServer), "--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection") {
		t.Error("the hub's API server changes pod templates")
	}
	if !slices.Contains(member.argv(ControllerManager), "--controllers=*") {
		t.Error("a member does not run every controller")
	}
}

func TestClustersShareEtcdAndNothingInIt(t *testing.T) {
	hub, member := planes()
	prefixes := map[string]bool{}
	for _, plane := range []controlPlane{hub, member} {
		argv := plane.argv(APIServer)
		if !slices.Contains(argv, "--etcd-servers=unix:///r/etcd.sock") {
			t.Errorf("%v", argv)
		}
		for _, argument := range argv {
			if strings.HasPrefix(argument, "--etcd-prefix=") {
				prefixes[argument] = true
			}
		}
	}
	if len(prefixes) != 2 {
		t.Errorf("%v", prefixes)
	}
}
