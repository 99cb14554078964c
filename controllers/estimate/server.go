package estimate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
	coreestimate "github.com/seaway-io/seaway/controllers/core/estimate"
	"github.com/seaway-io/seaway/controllers/estimate/wire"
)

// Serve says how the estimator service is offered to others, such as Karmada's scheduler. One address
// serves every member; the request names the cluster.
type Serve struct {
	// Address to listen on, as host:port; the host may be empty.
	Address string
	// CertDir holds ca.crt, tls.crt and tls.key: who may ask, and what is shown to them.
	CertDir string
}

// handshakeTime bounds how long a client may take to show who it is.
const handshakeTime = 10 * time.Second

// server serves an Estimator. It answers from what is known here and asks no other estimator.
type server struct {
	estimator   *Estimator
	address     string
	credentials *mutual
}

func newServer(e *Estimator, s Serve) (*server, error) {
	if _, _, err := net.SplitHostPort(s.Address); err != nil {
		return nil, fmt.Errorf("address of the estimator service: %w", err)
	}
	srv := &server{estimator: e, address: s.Address, credentials: &mutual{dir: s.CertDir}}
	if _, _, err := srv.credentials.load(); err != nil {
		return nil, fmt.Errorf("certificates of the estimator service: %w", err)
	}
	return srv, nil
}

// Start serves until ctx is done.
func (s *server) Start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.address)
	if err != nil {
		return fmt.Errorf("estimator service: %w", err)
	}
	return s.serve(ctx, listener)
}

func (s *server) serve(ctx context.Context, on net.Listener) error {
	g := grpc.NewServer(grpc.Creds(s.credentials), grpc.ConnectionTimeout(handshakeTime))
	wire.Register(g, s)
	// Answers take microseconds: nothing is lost by an abrupt end.
	stop := context.AfterFunc(ctx, g.Stop)
	defer stop()
	if err := g.Serve(on); err != nil && ctx.Err() == nil {
		return fmt.Errorf("estimator service: %w", err)
	}
	return nil
}

// MaxAvailableReplicas implements wire.Server.
func (s *server) MaxAvailableReplicas(_ context.Context, in *wire.MaxAvailableReplicasRequest) (*wire.MaxAvailableReplicasResponse, error) {
	requirements, err := in.GetReplicaRequirements().Read()
	if err != nil {
		return nil, invalid("replicaRequirements", err)
	}
	assumed, err := readAssumed(in.AssumedWorkloads)
	if err != nil {
		return nil, err
	}
	w := workload{namespace: in.GetReplicaRequirements().GetNamespace(), requirements: requirements}
	room, err := s.estimator.estimate(in.Cluster, w, assumed)
	if err != nil {
		return nil, s.unknown(in.Cluster, err)
	}
	return &wire.MaxAvailableReplicasResponse{MaxReplicas: room}, nil
}

// MaxAvailableComponentSets implements wire.Server.
func (s *server) MaxAvailableComponentSets(_ context.Context, in *wire.MaxAvailableComponentSetsRequest) (*wire.MaxAvailableComponentSetsResponse, error) {
	components, err := readComponents(in.Components)
	if err != nil {
		return nil, invalid("components", err)
	}
	if len(components) == 0 {
		return nil, status.Error(codes.InvalidArgument, "components: at least one is needed")
	}
	assumed, err := readAssumed(in.AssumedWorkloads)
	if err != nil {
		return nil, err
	}
	room, err := s.estimator.estimate(in.Cluster, workload{namespace: in.Namespace, components: components}, assumed)
	if err != nil {
		return nil, s.unknown(in.Cluster, err)
	}
	return &wire.MaxAvailableComponentSetsResponse{MaxSets: room}, nil
}

// GetUnschedulableReplicas implements wire.Server.
func (s *server) GetUnschedulableReplicas(_ context.Context, in *wire.UnschedulableReplicasRequest) (*wire.UnschedulableReplicasResponse, error) {
	ref := in.GetResource()
	n, err := s.estimator.unschedulable(in.Cluster, workv1alpha2.ObjectReference{
		APIVersion: ref.GetApiVersion(), Kind: ref.GetKind(), Namespace: ref.GetNamespace(), Name: ref.GetName(),
	}, time.Duration(in.UnschedulableThreshold))
	if err != nil {
		return nil, s.unknown(in.Cluster, err)
	}
	return &wire.UnschedulableReplicasResponse{UnschedulableReplicas: n}, nil
}

// unknown tells a cluster that will never be answered for from one that is not, just now.
func (s *server) unknown(cluster string, err error) error {
	if s.estimator.follower.ledger(cluster) == nil {
		return status.Errorf(codes.NotFound, "cluster %q is not followed here", cluster)
	}
	if errors.Is(err, ErrUnknown) {
		return status.Error(codes.Unavailable, err.Error())
	}
	return status.Error(codes.Internal, err.Error())
}

func invalid(field string, err error) error {
	return status.Errorf(codes.InvalidArgument, "%s: %v", field, err)
}

func readComponents(in []*wire.Component) ([]workv1alpha2.Component, error) {
	var out []workv1alpha2.Component
	for _, c := range in {
		component, err := c.Read()
		if err != nil {
			return nil, err
		}
		out = append(out, component)
	}
	return out, nil
}

// readAssumed keeps the workloads apart: of each, what its pods ask for is known.
func readAssumed(in []*wire.AssumedWorkload) ([]coreestimate.Assumed, error) {
	var out []coreestimate.Assumed
	for _, w := range in {
		components, err := readComponents(w.GetComponents())
		if err != nil {
			return nil, invalid("assumedWorkloads", err)
		}
		for _, c := range components {
			var each coreestimate.Assumed
			if c.ReplicaRequirements != nil {
				each = coreestimate.AssumedPods(w.GetNamespace(), c.Replicas, c.ReplicaRequirements.ResourceRequest)
			} else {
				each = coreestimate.AssumedPods(w.GetNamespace(), c.Replicas, nil)
			}
			out = append(out, each)
		}
	}
	return out, nil
}
