package dataplane

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// writeTimeout bounds one write, so that a frozen API server holds up no more than that.
const writeTimeout = 5 * time.Second

// statusWriter writes the addresses of LoadBalancer Services into their status, apart from the data
// path: an API server that does not answer must not keep a pod from being served.
type statusWriter struct {
	client corev1client.ServicesGetter
	log    *slog.Logger
	// failed is notified some time after a write has failed; whoever listens computes anew what to write.
	failed chan<- struct{}

	changed  chan struct{}
	mu       sync.Mutex
	outdated map[types.NamespacedName]netip.Addr
}

// outdated returns the Services whose status does not name the address they have.
func outdated(services []*corev1.Service, gateways map[types.NamespacedName]netip.Addr) map[types.NamespacedName]netip.Addr {
	found := map[types.NamespacedName]netip.Addr{}
	for _, service := range services {
		name := types.NamespacedName{Namespace: service.Namespace, Name: service.Name}
		if addr, ok := gateways[name]; ok && IngressAddr(service) != addr {
			found[name] = addr
		}
	}
	return found
}

func (w *statusWriter) set(outdated map[types.NamespacedName]netip.Addr) {
	w.mu.Lock()
	w.outdated = outdated
	w.mu.Unlock()
	if len(outdated) > 0 {
		notify(w.changed)
	}
}

func (w *statusWriter) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.changed:
		}
		w.mu.Lock()
		outdated := w.outdated
		w.mu.Unlock()
		for name, addr := range outdated {
			if err := w.write(ctx, name, addr); err != nil && !apierrors.IsNotFound(err) {
				w.log.Error("status of a Service not written; trying again", "service", name, "err", err)
				time.AfterFunc(retryAfter, func() { notify(w.failed) })
			}
		}
	}
}

func (w *statusWriter) write(ctx context.Context, name types.NamespacedName, addr netip.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	patch := fmt.Appendf(nil, `{"status":{"loadBalancer":{"ingress":[{"ip":%q}]}}}`, addr)
	_, err := w.client.Services(name.Namespace).Patch(ctx, name.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}
