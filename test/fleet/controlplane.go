package fleet

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/seaway-io/seaway/test/fleet/kwok"
	"github.com/seaway-io/seaway/test/fleet/netplan"
	"github.com/seaway-io/seaway/test/fleet/pki"
)

// Names of the processes of a cluster, for Kill, Freeze and Process.
const (
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kwok              = "kwok"
	DataPlane         = "dataplane"
)

const (
	// APIPort is the port of every API server.
	APIPort = 6443

	managerPort   = 10257
	schedulerPort = 10259

	// leaseSeconds is the length of a node's lease. kube-controller-manager gives a silent node as long
	// before it is not ready.
	leaseSeconds = 20
)

// hubControllers are the controllers of the hub. It has no nodes: templates of workloads and Services
// are never acted on there.
var hubControllers = []string{
	"namespace-controller", "garbage-collector-controller", "serviceaccount-token-controller", "serviceaccount-controller",
	"root-ca-certificate-publisher-controller", "clusterrole-aggregation-controller", "ttl-after-finished-controller",
	"bootstrap-signer-controller", "token-cleaner-controller",
	"certificatesigningrequest-signing-controller", "certificatesigningrequest-cleaner-controller",
}

// controlPlane is what the arguments of a cluster's processes are made from.
type controlPlane struct {
	name     string
	plan     netplan.Cluster
	files    *pki.Files
	binaries string
	seaway   string
	etcd     string // URL of etcd
	prefix   string // where in etcd the cluster's objects are
	hub      bool
}

// processes lists the cluster's processes in the order they start. The first is the API server.
func (c controlPlane) processes() []string {
	if c.hub {
		return []string{APIServer, ControllerManager}
	}
	return []string{APIServer, ControllerManager, Scheduler, Kwok, DataPlane}
}

// argv returns the program and arguments of a process.
func (c controlPlane) argv(process string) []string {
	arguments := map[string]func() []string{
		APIServer:         c.apiServer,
		ControllerManager: c.controllerManager,
		Scheduler:         c.scheduler,
		Kwok:              c.kwok,
		DataPlane:         c.dataPlane,
	}[process]()
	if process == DataPlane {
		return append([]string{c.seaway}, arguments...)
	}
	return append([]string{filepath.Join(c.binaries, process)}, arguments...)
}

// env returns variables for a process. An API server turns over its memory several times a second for every
// client that is busy; to collect less often costs memory, of which a machine for tests has more than of
// processors.
func (c controlPlane) env(process string) []string {
	if process != APIServer {
		return nil
	}
	return []string{"GOGC=400"}
}

func (c controlPlane) apiServer() []string {
	// As in a real cluster the issuer is a name that only the cluster itself can look up.
	issuer := "https://kubernetes.default.svc." + c.name + ".local"
	arguments := []string{
		"--etcd-servers=" + c.etcd,
		"--etcd-prefix=" + c.prefix,
		"--bind-address=0.0.0.0",
		fmt.Sprintf("--secure-port=%d", APIPort),
		"--advertise-address=" + c.plan.Address.String(),
		"--tls-cert-file=" + c.files.Path(pki.ServingCertificate),
		"--tls-private-key-file=" + c.files.Path(pki.ServingKey),
		"--client-ca-file=" + c.files.Path(pki.CACertificate),
		"--service-account-issuer=" + issuer,
		"--api-audiences=" + issuer,
		"--service-account-key-file=" + c.files.Path(pki.TokenPublicKey),
		"--service-account-signing-key-file=" + c.files.Path(pki.TokenPrivateKey),
		"--service-cluster-ip-range=" + c.plan.Services.String(),
		"--authorization-mode=Node,RBAC",
		"--requestheader-client-ca-file=" + c.files.Path(pki.FrontProxyCACertificate),
		"--requestheader-allowed-names=" + pki.FrontProxyUser,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + c.files.Path(pki.FrontProxyCertificate),
		"--proxy-client-key-file=" + c.files.Path(pki.FrontProxyKey),
		"--enable-bootstrap-token-auth=true",
		"--event-ttl=15m",
		"--profiling=false",
		"--shutdown-delay-duration=0s",
	}
	if c.hub {
		// Pod templates are stored as the user wrote them, and no volume is ever in use here.
		arguments = append(arguments, "--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection")
	}
	return arguments
}

func (c controlPlane) controllerManager() []string {
	kubeconfig := c.files.Path(pki.ManagerKubeconfig)
	arguments := []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", managerPort),
		"--tls-cert-file=" + c.files.Path(pki.ServingCertificate),
		"--tls-private-key-file=" + c.files.Path(pki.ServingKey),
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + c.files.Path(pki.TokenPrivateKey),
		"--root-ca-file=" + c.files.Path(pki.CACertificate),
		"--cluster-signing-cert-file=" + c.files.Path(pki.CACertificate),
		"--cluster-signing-key-file=" + c.files.Path(pki.CAKey),
		"--kube-api-qps=500", // with the default a new cluster is ready 4 s later
		"--kube-api-burst=1000",
		"--profiling=false",
	}
	if c.hub {
		return append(arguments, "--controllers="+strings.Join(hubControllers, ","))
	}
	return append(arguments,
		"--controllers=*",
		"--allocate-node-cidrs=true",
		"--cluster-cidr="+c.plan.Pods.String(),
		"--service-cluster-ip-range="+c.plan.Services.String(),
		fmt.Sprintf("--node-monitor-grace-period=%ds", leaseSeconds),
		"--node-monitor-period=2s",
		"--horizontal-pod-autoscaler-sync-period=5s",
	)
}

func (c controlPlane) scheduler() []string {
	kubeconfig := c.files.Path(pki.SchedulerKubeconfig)
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", schedulerPort),
		"--tls-cert-file=" + c.files.Path(pki.ServingCertificate),
		"--tls-private-key-file=" + c.files.Path(pki.ServingKey),
		"--leader-elect=false",
		"--profiling=false",
	}
}

// kwokConfig is the file with kwok's stages, in the cluster's folder.
const kwokConfig = "kwok.yaml"

func (c controlPlane) kwok() []string {
	return []string{
		"--kubeconfig=" + c.files.Path(pki.AdminKubeconfig),
		"--config=" + c.files.Path(kwokConfig),
		"--manage-all-nodes=false",
		"--manage-nodes-with-annotation-selector=" + kwok.ManagedAnnotation + "=" + kwok.ManagedValue,
		"--node-ip=" + c.plan.Address.String(),
		fmt.Sprintf("--node-lease-duration-seconds=%d", leaseSeconds),
	}
}

func (c controlPlane) dataPlane() []string {
	return []string{
		"playground", "dataplane",
		"--kubeconfig=" + c.files.Path(pki.AdminKubeconfig),
		"--cluster=" + c.name,
		"--gateways=" + c.plan.Gateways.String(),
	}
}

// etcdArguments are those of the one etcd. All it listens on are unix sockets in the folder.
func etcdArguments(binaries, data, sockets string) []string {
	client, peer := etcdURL(sockets), "unix://"+filepath.Join(sockets, "peer.sock")
	const name, advertised = "fleet", "http://localhost:2380" // a peer's URL must have a host; nobody dials it
	return []string{
		filepath.Join(binaries, "etcd"),
		"--name=" + name,
		"--data-dir=" + data,
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + advertised,
		"--initial-cluster=" + name + "=" + advertised,
		"--unsafe-no-fsync=true", // the store is thrown away after the test
		"--quota-backend-bytes=2147483648",
		"--auto-compaction-mode=periodic",
		"--auto-compaction-retention=5m",
		"--log-level=warn",
	}
}

func etcdURL(sockets string) string { return "unix://" + etcdSocket(sockets) }

func etcdSocket(sockets string) string { return filepath.Join(sockets, "etcd.sock") }
