// Package interpreter holds the part of interpretation that users bring: the Lua scripts of
// ResourceInterpreterCustomizations and the webhooks of ResourceInterpreterWebhookConfigurations. It
// follows both kinds and keeps a layer of the interpreter for each. What a script may do is decided by
// controllers/core/interpret/lua; this package knows objects, connections and time.
//
// Neither kind has a status, so what is wrong with an object is said in events on it.
package interpreter

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/interpret/lua"
	"github.com/seaway-io/seaway/controllers/hub"
)

// Options of the layers.
type Options struct {
	// Changed is told of each kind that is explained in another way than before: its objects need to be
	// interpreted again. It must not block. nil tells nobody.
	Changed func(schema.GroupVersionKind)
	// Limits are what one run of a script may use; lua.DefaultLimits when zero.
	Limits lua.Limits
	// Resolve returns the host and port at which a Service of the hub answers. When nil, it is
	// NAME.NAMESPACE.svc, or the external name of a Service of that type.
	Resolve func(ctx context.Context, namespace, name string, port int32) (address string, err error)
	// Clock is the real one when nil.
	Clock clock.PassiveClock
}

func (o Options) withDefaults(reader client.Reader) Options {
	if o.Changed == nil {
		o.Changed = func(schema.GroupVersionKind) {}
	}
	if o.Limits == (lua.Limits{}) {
		o.Limits = lua.DefaultLimits
	}
	if o.Resolve == nil {
		o.Resolve = services{reader}.resolve
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return o
}

// setupTimeout is how long Setup waits for the hub.
const setupTimeout = 30 * time.Second

// Setup adds the controllers that follow customizations and webhooks, and returns the layers they keep,
// in the order of precedence: scripts, then webhooks. Both are read once before it returns, so that
// nothing is interpreted without them after a restart.
func Setup(ctx context.Context, mgr ctrl.Manager, o Options) ([]interpret.Layer, error) {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	o = o.withDefaults(mgr.GetAPIReader())
	recorder := hub.Recorder(mgr, "interpreter")
	scripts := &customizations{client: mgr.GetClient(), recorder: recorder, options: o}
	webhooks := &configurations{client: mgr.GetClient(), recorder: recorder, options: o}
	for _, c := range []struct {
		name  string
		kind  client.Object
		load  func(context.Context, client.Reader) error
		layer reconcile.Reconciler
	}{
		{"interpreter-customization", &configv1alpha1.ResourceInterpreterCustomization{}, scripts.load, scripts},
		{"interpreter-webhook", &configv1alpha1.ResourceInterpreterWebhookConfiguration{}, webhooks.load, webhooks},
	} {
		if err := c.load(ctx, mgr.GetAPIReader()); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		err := ctrl.NewControllerManagedBy(mgr).
			Named(c.name).
			Watches(c.kind, handler.EnqueueRequestsFromMapFunc(all)).
			WithOptions(controller.Options{
				// a standby keeps its layers up to date as well
				NeedLeaderElection: ptr.To(false),
				RateLimiter:        workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](50*time.Millisecond, time.Minute),
			}).
			Complete(c.layer)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return []interpret.Layer{scripts, webhooks}, nil
}

// all stands for all objects of a kind: what they say together is one layer.
func all(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{{}} }

// services knows the Services of the hub.
type services struct{ reader client.Reader }

func (s services) resolve(ctx context.Context, namespace, name string, port int32) (string, error) {
	var service corev1.Service
	if err := s.reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &service); err != nil {
		return "", fmt.Errorf("service %s/%s: %w", namespace, name, err)
	}
	host := name + "." + namespace + ".svc"
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		host = service.Spec.ExternalName
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port))), nil
}
