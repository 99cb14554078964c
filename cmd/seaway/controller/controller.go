// Package controller is `seaway controller`: the federation's controllers, the planner and admission
// in one process. The list of Setup calls below is the table of contents of the program.
package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	kubediscovery "k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	webhookserver "sigs.k8s.io/controller-runtime/pkg/webhook"

	clusterv1alpha1 "github.com/seaway-io/seaway/api/cluster/v1alpha1"
	"github.com/seaway-io/seaway/api/names"
	"github.com/seaway-io/seaway/api/scheme"
	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	"github.com/seaway-io/seaway/controllers/binding"
	"github.com/seaway-io/seaway/controllers/binding/works"
	"github.com/seaway-io/seaway/controllers/cluster"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/interpret/bundled"
	"github.com/seaway-io/seaway/controllers/core/placement"
	"github.com/seaway-io/seaway/controllers/decision"
	"github.com/seaway-io/seaway/controllers/demand"
	"github.com/seaway-io/seaway/controllers/dependency"
	"github.com/seaway-io/seaway/controllers/deschedule"
	"github.com/seaway-io/seaway/controllers/discovery"
	"github.com/seaway-io/seaway/controllers/drill"
	"github.com/seaway-io/seaway/controllers/estimate"
	"github.com/seaway-io/seaway/controllers/evict"
	"github.com/seaway-io/seaway/controllers/execution"
	"github.com/seaway-io/seaway/controllers/execution/managed"
	"github.com/seaway-io/seaway/controllers/execution/reports"
	"github.com/seaway-io/seaway/controllers/failover"
	"github.com/seaway-io/seaway/controllers/health"
	"github.com/seaway-io/seaway/controllers/hub"
	"github.com/seaway-io/seaway/controllers/hub/yield"
	"github.com/seaway-io/seaway/controllers/interpreter"
	"github.com/seaway-io/seaway/controllers/leader"
	"github.com/seaway-io/seaway/controllers/member"
	"github.com/seaway-io/seaway/controllers/namespace"
	"github.com/seaway-io/seaway/controllers/plugin"
	"github.com/seaway-io/seaway/controllers/quota"
	"github.com/seaway-io/seaway/controllers/rebalance"
	"github.com/seaway-io/seaway/controllers/remedy"
	"github.com/seaway-io/seaway/controllers/scheduler"
	"github.com/seaway-io/seaway/controllers/status"
	"github.com/seaway-io/seaway/controllers/taint"
	"github.com/seaway-io/seaway/controllers/template"
	"github.com/seaway-io/seaway/controllers/traffic"
	"github.com/seaway-io/seaway/dns/keys"
	"github.com/seaway-io/seaway/dns/parent"
)

// options are the command's flags.
type options struct {
	kubeconfig     string
	controllers    []string
	leaderElect    bool
	term           *leader.Term // nil without leader election
	metricsAddress string
	probeAddress   string
	webhookURL     string
	webhookCertDir string
	failbackAfter  time.Duration
	descheduler    bool
	estimatorAddr  string
	estimatorCerts string
	remote         bool
	allowNoExecute bool
	eviction       eviction
	cluster        cluster.Options
	template       template.Options
	keys           keys.Options
	demand         demand.Options
}

func (o *options) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig of the hub; inside a pod of the hub none is needed")
	fs.StringSliceVar(&o.controllers, "controllers", []string{"*"}, "which controllers run: '*' for all, 'name' for one, '-name' for all but one. All: "+strings.Join(known(), ", "))
	fs.BoolVar(&o.leaderElect, "leader-elect", false, "run several replicas, of which one works at a time")
	fs.StringVar(&o.metricsAddress, "metrics-bind-address", ":8080", "address of /metrics; 0 for none")
	fs.StringVar(&o.probeAddress, "health-probe-bind-address", ":10357", "address of /healthz and /readyz; 0 for none")
	fs.StringVar(&o.webhookURL, "webhook-url", "", "https URL (host and port) at which the hub's API server reaches this process for admission; none: no admission, the controllers check alone")
	fs.StringVar(&o.webhookCertDir, "webhook-cert-dir", "", "folder with tls.crt and tls.key for admission; a self-signed pair is made there when it is empty")
	fs.DurationVar(&o.failbackAfter, "affinity-failback-after", 5*time.Minute, "how long an earlier group of clusterAffinities must have had room for a workload before it goes back there, where no TrafficPolicy says otherwise; 0 turns it off")
	fs.BoolVar(&o.descheduler, "enable-descheduler", false, "take replicas that no node of their cluster takes, so that they are placed elsewhere")
	fs.StringVar(&o.estimatorAddr, "estimator-bind-address", "", "HOST:PORT at which others may ask how many replicas members have room for, as of Karmada's estimators; none: nobody may. Needs --estimator-cert-dir")
	fs.BoolVar(&o.remote, "enable-scheduler-estimator", false, "ask Karmada's estimators (Services karmada-scheduler-estimator-CLUSTER) too. Needs --estimator-cert-dir")
	fs.StringVar(&o.estimatorCerts, "estimator-cert-dir", "", "folder with ca.crt, tls.crt and tls.key for both")
	fs.BoolVar(&o.allowNoExecute, "allow-no-execute-taint-policy", false, "let ClusterTaintPolicies set taints with the effect NoExecute")
	fs.StringVar(&o.demand.URL, "demand-prometheus-url", "", "Prometheus that knows the requests per second of every cluster, for spillover and for explanations; none: nothing is spilled")
	fs.StringVar(&o.demand.CAFile, "demand-prometheus-ca-file", "", "certificates that the Prometheus' own is checked against (default the host's)")
	fs.StringVar(&o.demand.TokenFile, "demand-prometheus-token-file", "", "file with a bearer token for the Prometheus; read each time")
	fs.StringVar(&o.demand.Query, "demand-query", demand.DefaultQuery, "template of the one query for all applications; {{.Namespace}} and {{.Service}} are regular expressions for their names")
	fs.StringVar(&o.keys.Resolver, "dns-resolver", "", "recursive resolver, ADDRESS or ADDRESS:PORT, through which the parents of signed zones are found (default the host's)")
	fs.StringVar(&o.keys.Namespace, "zone-keys-namespace", names.SystemNamespace, "namespace of the Secrets with the keys of signed zones; as of seaway dns")
	o.eviction.addFlags(fs)
	o.cluster.AddFlags(fs)
	o.template.AddFlags(fs)
}

// Command is `seaway controller`.
func Command() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "controller",
		Short: "Run the federation's controllers, the traffic planner and admission",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func (o *options) run(ctx context.Context) error {
	on, err := selected(o.controllers)
	if err != nil {
		return err
	}
	if err := o.eviction.check(); err != nil {
		return err
	}
	if o.keys.Resolver != "" {
		if o.keys.Resolver, err = parent.ParseAddress(o.keys.Resolver); err != nil {
			return fmt.Errorf("--dns-resolver: %w", err)
		}
	}
	config, err := o.restConfig()
	if err != nil {
		return err
	}
	if err := awaitAPIs(ctx, config); err != nil {
		return err
	}
	mgr, err := o.manager(config)
	if err != nil {
		return err
	}
	for _, index := range []func(context.Context, client.FieldIndexer) error{hub.SetupIndexes, works.SetupIndex} {
		if err := index(ctx, mgr.GetFieldIndexer()); err != nil {
			return err
		}
	}
	shared, err := o.parts(ctx, mgr, on)
	if err != nil {
		return err
	}
	for _, c := range contents {
		if !on.Has(c.name) {
			continue
		}
		if err := c.setup(mgr, shared); err != nil {
			return fmt.Errorf("controller %s: %w", c.name, err)
		}
	}
	if err := o.admission(ctx, mgr, shared); err != nil {
		return fmt.Errorf("admission: %w", err)
	}
	return mgr.Start(ctx)
}

// parts are what controllers share.
type parts struct {
	clock       clock.Clock
	cluster     cluster.Options
	following   *managed.Watcher
	yield       *yield.Places
	reports     *reports.Desk
	interpreter *interpret.Interpreter
	// interpretations tells who has used the interpreter what it explains in another way than before.
	interpretations *hub.Interpretations
	endpoints       *discovery.Table
	view            *health.View
	term            *leader.Term
	placer          *scheduler.Placer
	demand          *demand.Table
	estimator       *estimate.Estimator
	decisions       *decision.Recorder

	// template fills template.Objects, which dependency reads.
	template template.Options
	// dependencies is false without the controller that brings them: nobody waits for them then.
	dependencies  bool
	enforceQuotas bool
	failbackAfter time.Duration
	descheduler   bool
	// allowNoExecute is told to admission and to the controller that acts when admission is away.
	allowNoExecute bool
	eviction       *eviction
	keys           keys.Options
}

func (o *options) parts(ctx context.Context, mgr ctrl.Manager, on sets.Set[string]) (*parts, error) {
	clk := clock.RealClock{}
	members := member.NewPool(member.Options{Clock: clk})
	placer, err := scheduler.NewPlacer(mgr)
	if err != nil {
		return nil, err
	}
	estimator, err := estimate.Setup(mgr, o.estimation(members, clk))
	if err != nil {
		return nil, err
	}
	placer.Estimate = func(ctx context.Context, clusters []string, spec *workv1alpha2.ResourceBindingSpec, assumed map[string]corev1.ResourceList) map[string]int32 {
		return estimator.Estimates(ctx, clusters, estimate.Request{Spec: spec, Assumed: assumed})
	}
	advisor, err := plugin.Setup(mgr, plugin.Options{Changed: placer.Wake, Clock: clk})
	if err != nil {
		return nil, err
	}
	placer.Advise = advisor.Advise
	decisions, err := decision.Setup(mgr, decision.Options{
		Clock: clk, InputHash: placement.InputHash, Steps: (*placement.Diagnosis).Steps, Counterfactual: placement.Counterfactual,
	})
	if err != nil {
		return nil, err
	}
	o.demand.Clock = clk
	measured, err := demand.Setup(mgr, o.demand)
	if err != nil {
		return nil, err
	}
	places := yield.New(clk)
	desk, err := reports.Setup(mgr, places)
	if err != nil {
		return nil, err
	}
	o.cluster.Members = members
	interpretations := &hub.Interpretations{}
	layers, err := interpreter.Setup(ctx, mgr, interpreter.Options{Clock: clk, Changed: interpretations.Changed})
	if err != nil {
		return nil, err
	}
	kinds := interpret.New(append(layers, bundled.Table())...)
	o.template.Interpreter, o.template.Interpretations, o.template.Objects = kinds, interpretations, &template.Objects{}
	return &parts{
		estimator:     estimator,
		decisions:     decisions,
		template:      o.template,
		dependencies:  on.Has("dependency"),
		enforceQuotas: o.webhookURL != "" && on.Has("quota"),
		failbackAfter: o.failbackAfter,
		descheduler:   o.descheduler,
		keys:          o.keys,

		allowNoExecute: o.allowNoExecute,
		eviction:       &o.eviction,

		clock:           clk,
		cluster:         o.cluster,
		following:       managed.New(managed.Pool(members), clk),
		yield:           places,
		reports:         desk,
		interpreter:     kinds,
		interpretations: interpretations,
		endpoints:       discovery.New(members),
		view:            health.NewView(clk),
		term:            o.term,
		placer:          placer,
		demand:          measured,
	}, nil
}

// estimation is how the room of members is found out: from their nodes and pods, and from Karmada's
// estimators if asked for.
func (o *options) estimation(members *member.Pool, clk clock.PassiveClock) estimate.Options {
	out := estimate.Options{Members: members, Clock: clk}
	if o.estimatorAddr != "" {
		out.Serve = &estimate.Serve{Address: o.estimatorAddr, CertDir: o.estimatorCerts}
	}
	if o.remote {
		out.Remote = &estimate.Remote{CertDir: o.estimatorCerts}
	}
	return out
}

// entry is one line of the table of contents.
type entry struct {
	name  string
	setup func(mgr ctrl.Manager, p *parts) error
}

// contents are all controllers, in the order in which an object meets them.
var contents = []entry{
	{"cluster", func(mgr ctrl.Manager, p *parts) error { return cluster.Setup(mgr, p.cluster) }},
	{"taint", func(mgr ctrl.Manager, p *parts) error {
		return taint.Setup(mgr, taint.Options{Clock: p.clock, AllowNoExecute: p.allowNoExecute})
	}},
	{"remedy", func(mgr ctrl.Manager, _ *parts) error { return remedy.Setup(mgr, remedy.Options{}) }},
	{"namespace", func(mgr ctrl.Manager, p *parts) error {
		return namespace.Setup(mgr, namespace.Options{SkippedNamespaces: p.template.SkippedNamespaces})
	}},
	{"quota", func(mgr ctrl.Manager, p *parts) error {
		return quota.Setup(mgr, quota.Options{Enforce: p.enforceQuotas})
	}},
	{"template", func(mgr ctrl.Manager, p *parts) error { return template.Setup(mgr, p.template) }},
	{"dependency", func(mgr ctrl.Manager, p *parts) error {
		return dependency.Setup(mgr, dependency.Options{Interpreter: p.interpreter, Interpretations: p.interpretations, Objects: p.template.Objects})
	}},
	{"scheduler", func(mgr ctrl.Manager, p *parts) error {
		return scheduler.Setup(mgr, scheduler.Options{
			Placer: p.placer, Record: p.decisions.Record, FailbackAfter: &p.failbackAfter, Quotas: p.enforceQuotas,
		})
	}},
	{"rebalance", func(mgr ctrl.Manager, p *parts) error {
		return rebalance.Setup(mgr, rebalance.Options{Clock: p.clock})
	}},
	{"deschedule", func(mgr ctrl.Manager, p *parts) error {
		if !p.descheduler {
			return nil
		}
		return deschedule.Setup(mgr, deschedule.Options{Clock: p.clock, Unschedulable: p.estimator.Unschedulable})
	}},
	{"binding", func(mgr ctrl.Manager, p *parts) error {
		o := binding.Options{Interpreter: p.interpreter, Interpretations: p.interpretations, Clock: p.clock}
		if p.dependencies {
			o.Before = dependency.Order{Client: mgr.GetClient(), Interpreter: p.interpreter, Objects: p.template.Objects}.Before
		}
		return binding.Setup(mgr, o)
	}},
	{"execution", func(mgr ctrl.Manager, p *parts) error {
		return execution.Setup(mgr, execution.Options{Managed: p.following, Reports: p.reports, Interpreter: p.interpreter, Interpretations: p.interpretations})
	}},
	{"status", func(mgr ctrl.Manager, p *parts) error {
		return status.Setup(mgr, status.Options{Managed: p.following, Reports: p.reports, Yield: p.yield, Interpreter: p.interpreter, Interpretations: p.interpretations})
	}},
	{"discovery", func(mgr ctrl.Manager, p *parts) error { return discovery.Setup(mgr, p.endpoints) }},
	{"health", func(mgr ctrl.Manager, p *parts) error { return health.Setup(mgr, p.view) }},
	{"traffic", func(mgr ctrl.Manager, p *parts) error {
		return traffic.Setup(mgr, traffic.Options{Clock: p.clock, Discovery: p.endpoints, Health: p.view, Demand: p.demand, Keep: p.decisions.Keep, Term: p.term})
	}},
	{"failover", func(mgr ctrl.Manager, p *parts) error {
		if !p.eviction.gates.on("Failover") {
			return nil
		}
		return failover.Setup(mgr, failover.Options{Clock: p.clock, Placer: failover.Through(p.placer, p.clock), Record: p.decisions.By("failover"), Health: p.view})
	}},
	{"evict", func(mgr ctrl.Manager, p *parts) error {
		o := p.eviction.options()
		o.Clock, o.Place, o.Keep = p.clock, placeWithout(p.placer), p.decisions.Keep
		return evict.Setup(mgr, o)
	}},
	{"drill", func(mgr ctrl.Manager, p *parts) error {
		return drill.Setup(mgr, drill.Options{Clock: p.clock, Health: p.view, Demand: p.demand, Keep: p.decisions.Keep})
	}},
	{"zonekeys", func(mgr ctrl.Manager, p *parts) error {
		p.keys.Clock = p.clock
		return keys.Setup(mgr, p.keys)
	}},
}

// known are the names of all controllers.
func known() []string {
	names := make([]string, len(contents))
	for i, c := range contents {
		names[i] = c.name
	}
	return names
}

// selected reads the --controllers flag as kube-controller-manager does.
func selected(flags []string) (sets.Set[string], error) {
	all := known()
	on := sets.New[string]()
	if slices.Contains(flags, "*") {
		on.Insert(all...)
	}
	for _, f := range flags {
		name, off := strings.CutPrefix(f, "-")
		switch {
		case f == "*":
		case !slices.Contains(all, name):
			return nil, fmt.Errorf("--controllers: there is no controller %q; there are: %s", name, strings.Join(all, ", "))
		case off:
			on.Delete(name)
		default:
			on.Insert(name)
		}
	}
	for _, name := range all {
		if missing := sets.New(needs[name]...).Difference(on); on.Has(name) && missing.Len() > 0 {
			return nil, fmt.Errorf("--controllers: %s does not work without %s: leave it out too, or add what is missing (all: %s)",
				name, strings.Join(sets.List(missing), ", "), strings.Join(all, ", "))
		}
	}
	return on, nil
}

// needs are the controllers without which another waits for ever: cluster makes the connections to
// members, and the planner reads what discovery and health have gathered.
var needs = map[string][]string{
	"dependency": {"template"}, "execution": {"cluster"}, "status": {"cluster", "execution"}, "discovery": {"cluster"}, "traffic": {"discovery", "health"},
	"drill": {"traffic"},
}

// awaitAPIs waits until the hub serves what the caches need: after a restart of the hub the aggregated
// API comes up later than the rest.
func awaitAPIs(ctx context.Context, config *rest.Config) error {
	kinds, err := kubediscovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, time.Second, true, func(context.Context) (bool, error) {
		_, err := kinds.ServerResourcesForGroupVersion(clusterv1alpha1.GroupVersion.String())
		return err == nil, nil
	})
}

func (o *options) restConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("--kubeconfig: %w", err)
	}
	config.UserAgent = rest.DefaultKubernetesUserAgent()
	config.QPS = -1 // the API server's priority and fairness decides
	return config, nil
}

func (o *options) manager(config *rest.Config) (ctrl.Manager, error) {
	managed := ctrl.Options{
		Scheme:                  scheme.New(),
		Metrics:                 metricsserver.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress:  o.probeAddress,
		LeaderElection:          o.leaderElect,
		LeaderElectionID:        "seaway-controller",
		LeaderElectionNamespace: names.SystemNamespace,
		Cache:                   cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		// Secrets are read one at a time and never held: they are credentials.
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
	}
	if o.webhookURL != "" {
		base, port, err := o.webhookBase()
		if err != nil {
			return nil, err
		}
		managed.WebhookServer = webhookserver.NewServer(webhookserver.Options{Host: base.Hostname(), Port: port, CertDir: o.webhookCertDir})
	}
	if o.leaderElect {
		lock, term, err := leader.Elect(config, names.SystemNamespace, managed.LeaderElectionID)
		if err != nil {
			return nil, err
		}
		managed.LeaderElectionResourceLockInterface, o.term = lock, term
	}
	mgr, err := ctrl.NewManager(config, managed)
	if err != nil {
		return nil, err
	}
	for _, add := range []func(string, healthz.Checker) error{mgr.AddHealthzCheck, mgr.AddReadyzCheck} {
		if err := add("ping", healthz.Ping); err != nil {
			return nil, err
		}
	}
	return mgr, nil
}
