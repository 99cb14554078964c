package estimate

import (
	"context"
	"fmt"
	"math"
	"net"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	corev1 "k8s.io/api/core/v1"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	coreestimate "github.com/seaway-io/seaway/controllers/core/estimate"
	"github.com/seaway-io/seaway/controllers/estimate/wire"
)

// Where Karmada's installers put the estimator of a cluster.
const (
	DefaultServicePrefix = "karmada-scheduler-estimator"
	DefaultPort          = 10352
)

// Remote says where external estimators are: Karmada's own, or whatever speaks their protocol.
type Remote struct {
	// CertDir holds ca.crt, tls.crt and tls.key: who is trusted, and what is shown to them.
	CertDir string
	// Namespace of the Services; empty means the namespace this process runs in.
	Namespace string
	// ServicePrefix comes before the dash and the cluster's name in the name of its Service.
	ServicePrefix string
	// Port of the Services.
	Port int
	// Address returns host and port of a cluster's estimator, or nothing for a cluster that has none.
	// When it is set, the three fields above do not count.
	Address func(cluster string) string
}

func (r Remote) withDefaults() Remote {
	if r.ServicePrefix == "" {
		r.ServicePrefix = DefaultServicePrefix
	}
	if r.Port == 0 {
		r.Port = DefaultPort
	}
	if r.Address == nil {
		r.Address = func(cluster string) string {
			host := r.ServicePrefix + "-" + cluster
			if r.Namespace != "" {
				host += "." + r.Namespace + ".svc"
			}
			return net.JoinHostPort(host, strconv.Itoa(r.Port))
		}
	}
	return r
}

// remotes holds a connection to the estimator of each cluster that was asked about. Nil has none.
type remotes struct {
	remote      Remote
	credentials *mutual

	mu          sync.Mutex
	connections map[string]*grpc.ClientConn
}

// mostBackoff bounds how long an estimator that comes back is not tried.
const mostBackoff = 10 * time.Second

func newRemotes(r Remote) (*remotes, error) {
	rs := &remotes{remote: r.withDefaults(), credentials: &mutual{dir: r.CertDir}, connections: map[string]*grpc.ClientConn{}}
	if _, _, err := rs.credentials.load(); err != nil {
		return nil, fmt.Errorf("certificates for external estimators: %w", err)
	}
	return rs, nil
}

func (rs *remotes) has(cluster string) bool {
	return rs != nil && rs.remote.Address(cluster) != ""
}

// client does not dial; the first question does.
func (rs *remotes) client(cluster string) (wire.Client, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if c := rs.connections[cluster]; c != nil {
		return wire.Client{Connection: c}, nil
	}
	slower := backoff.DefaultConfig
	slower.MaxDelay = mostBackoff
	c, err := grpc.NewClient(rs.remote.Address(cluster),
		grpc.WithTransportCredentials(rs.credentials),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: slower, MinConnectTimeout: mostBackoff}))
	if err != nil {
		return wire.Client{}, err
	}
	rs.connections[cluster] = c
	return wire.Client{Connection: c}, nil
}

// forget closes the connection for a cluster that has left.
func (rs *remotes) forget(cluster string) {
	if rs == nil {
		return
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if c := rs.connections[cluster]; c != nil {
		_ = c.Close() // only fails when it is closed already
		delete(rs.connections, cluster)
	}
}

// estimates asks the external estimators, and returns at once; the collector waits.
func (rs *remotes) estimates(ctx context.Context, clusters []string, w workload, assumed map[string]corev1.ResourceList) collector {
	var asked []string
	for _, cluster := range clusters {
		if rs.has(cluster) {
			asked = append(asked, cluster)
		}
	}
	if len(asked) == 0 {
		return func() map[string]int32 { return nil }
	}
	q, err := questionOf(w)
	if err != nil {
		return func() map[string]int32 { return nil } // a request that can not be sent has no answer
	}
	return gather(ctx, asked, func(ctx context.Context, cluster string) (int32, error) {
		client, err := rs.client(cluster)
		if err != nil {
			return 0, err
		}
		coming, err := assumedWorkloads(assumed[cluster])
		if err != nil {
			return 0, err
		}
		return q.ask(ctx, client, cluster, coming)
	})
}

// question is a workload on the wire; it is the same for every cluster.
type question struct {
	workload
	requirements *wire.ReplicaRequirements
	components   []*wire.Component
}

func questionOf(w workload) (q question, err error) {
	q.workload = w
	if len(w.components) > 0 {
		q.components, err = wire.Components(w.components)
		return q, err
	}
	if q.requirements, err = wire.Requirements(w.requirements); err != nil {
		return q, err
	}
	if q.requirements == nil {
		q.requirements = &wire.ReplicaRequirements{}
	}
	q.requirements.Namespace = w.namespace
	return q, nil
}

func (q *question) ask(ctx context.Context, client wire.Client, cluster string, assumed []*wire.AssumedWorkload) (int32, error) {
	if len(q.components) > 0 {
		answer, err := client.MaxAvailableComponentSets(ctx, &wire.MaxAvailableComponentSetsRequest{
			Cluster: cluster, Components: q.components, Namespace: q.namespace, AssumedWorkloads: assumed,
		})
		return answer.GetMaxSets(), err
	}
	answer, err := client.MaxAvailableReplicas(ctx, &wire.MaxAvailableReplicasRequest{
		Cluster: cluster, ReplicaRequirements: q.requirements, AssumedWorkloads: assumed,
	})
	return answer.GetMaxReplicas(), err
}

// assumedWorkloads says on the wire what is known: so many pods, and what they ask for together.
func assumedWorkloads(sum corev1.ResourceList) ([]*wire.AssumedWorkload, error) {
	if len(sum) == 0 {
		return nil, nil
	}
	a := coreestimate.AssumedOf("", sum)
	components, err := wire.Components([]workv1alpha2.Component{{
		Name: "assumed", Replicas: int32(min(a.Pods, math.MaxInt32)), ReplicaRequirements: &workv1alpha2.ComponentReplicaRequirements{ResourceRequest: a.Each.List()},
	}})
	return []*wire.AssumedWorkload{{Components: components}}, err
}

func (rs *remotes) unschedulable(ctx context.Context, cluster string, ref workv1alpha2.ObjectReference, longerThan time.Duration) (int32, error) {
	client, err := rs.client(cluster)
	if err != nil {
		return 0, fmt.Errorf("estimator of cluster %q: %w", cluster, err)
	}
	answer, err := client.GetUnschedulableReplicas(ctx, &wire.UnschedulableReplicasRequest{
		Cluster:                cluster,
		Resource:               &wire.ObjectReference{ApiVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name},
		UnschedulableThreshold: longerThan.Nanoseconds(),
	})
	if err != nil {
		return 0, fmt.Errorf("estimator of cluster %q: %w", cluster, err)
	}
	return max(answer.GetUnschedulableReplicas(), 0), nil
}
