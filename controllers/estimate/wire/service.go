// Package wire is Karmada's estimator service as it goes over the network: the messages, generated from
// estimator.proto, the gRPC service, and the way between the messages and the API's own types. It
// estimates nothing.
package wire

import (
	"context"

	"google.golang.org/grpc"
)

// ServiceName is the name of the service.
const ServiceName = "github.com.karmada_io.karmada.pkg.estimator.service.Estimator"

// Methods of the service.
const (
	MaxAvailableReplicas      = "MaxAvailableReplicas"
	MaxAvailableComponentSets = "MaxAvailableComponentSets"
	GetUnschedulableReplicas  = "GetUnschedulableReplicas"
)

// Server answers the service's questions.
type Server interface {
	MaxAvailableReplicas(context.Context, *MaxAvailableReplicasRequest) (*MaxAvailableReplicasResponse, error)
	MaxAvailableComponentSets(context.Context, *MaxAvailableComponentSetsRequest) (*MaxAvailableComponentSetsResponse, error)
	GetUnschedulableReplicas(context.Context, *UnschedulableReplicasRequest) (*UnschedulableReplicasResponse, error)
}

// Register lets a gRPC server serve s.
func Register(to grpc.ServiceRegistrar, s Server) {
	to.RegisterService(&grpc.ServiceDesc{
		ServiceName: ServiceName,
		HandlerType: (*Server)(nil),
		Methods: []grpc.MethodDesc{
			method(MaxAvailableReplicas, Server.MaxAvailableReplicas),
			method(MaxAvailableComponentSets, Server.MaxAvailableComponentSets),
			method(GetUnschedulableReplicas, Server.GetUnschedulableReplicas),
		},
		Metadata: "service.proto",
	}, s)
}

func method[Request, Response any](name string, call func(Server, context.Context, *Request) (*Response, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(server any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := new(Request)
		if err := decode(in); err != nil {
			return nil, err
		}
		answer := func(ctx context.Context, in any) (any, error) { return call(server.(Server), ctx, in.(*Request)) }
		if interceptor == nil {
			return answer(ctx, in)
		}
		return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: server, FullMethod: "/" + ServiceName + "/" + name}, answer)
	}}
}

// Client asks a server. It is itself a Server: one that is elsewhere.
type Client struct{ Connection grpc.ClientConnInterface }

var _ Server = Client{}

// MaxAvailableReplicas implements Server.
func (c Client) MaxAvailableReplicas(ctx context.Context, in *MaxAvailableReplicasRequest) (*MaxAvailableReplicasResponse, error) {
	return ask[MaxAvailableReplicasResponse](ctx, c, MaxAvailableReplicas, in)
}

// MaxAvailableComponentSets implements Server.
func (c Client) MaxAvailableComponentSets(ctx context.Context, in *MaxAvailableComponentSetsRequest) (*MaxAvailableComponentSetsResponse, error) {
	return ask[MaxAvailableComponentSetsResponse](ctx, c, MaxAvailableComponentSets, in)
}

// GetUnschedulableReplicas implements Server.
func (c Client) GetUnschedulableReplicas(ctx context.Context, in *UnschedulableReplicasRequest) (*UnschedulableReplicasResponse, error) {
	return ask[UnschedulableReplicasResponse](ctx, c, GetUnschedulableReplicas, in)
}

func ask[Response any](ctx context.Context, c Client, name string, in any) (*Response, error) {
	out := new(Response)
	if err := c.Connection.Invoke(ctx, "/"+ServiceName+"/"+name, in, out, grpc.StaticMethod()); err != nil {
		return nil, err
	}
	return out, nil
}
