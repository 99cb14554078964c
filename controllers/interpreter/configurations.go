package interpreter

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/api/validation"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/interpret/lua"
)

// ReasonInvalidWebhook is the reason of an event on a ResourceInterpreterWebhookConfiguration with a
// webhook that can not be called.
const ReasonInvalidWebhook = "InvalidWebhook"

// configurations keeps a layer of all ResourceInterpreterWebhookConfigurations.
type configurations struct {
	client   client.Client
	recorder record.EventRecorder
	options  Options
	webhooks atomic.Pointer[webhooks]
	said     said
}

// Hooks implements interpret.Layer.
func (c *configurations) Hooks(kind schema.GroupVersionKind) interpret.Hooks {
	return c.webhooks.Load().hooks(kind)
}

// Reconcile implements reconcile.Reconciler: whatever has changed, the layer is made anew. Webhooks that
// have not changed keep their connections and what is known of their health.
func (c *configurations) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	return ctrl.Result{}, c.load(ctx, c.client)
}

func (c *configurations) load(ctx context.Context, reader client.Reader) error {
	var list configv1alpha1.ResourceInterpreterWebhookConfigurationList
	if err := reader.List(ctx, &list); err != nil {
		return err
	}
	slices.SortFunc(list.Items, func(a, b configv1alpha1.ResourceInterpreterWebhookConfiguration) int {
		return cmp.Compare(a.UID, b.UID)
	})
	before := c.webhooks.Load()
	after, current := &webhooks{}, said{}
	for i := range list.Items {
		configuration := &list.Items[i]
		for n := range configuration.Webhooks {
			w := &configuration.Webhooks[n]
			hook, err := c.webhook(before, configuration, n)
			if err != nil {
				if c.said.isNew(current, configuration.UID, w.Name+": "+err.Error()) {
					c.recorder.Event(configuration, corev1.EventTypeWarning, ReasonInvalidWebhook, "webhook "+w.Name+": "+err.Error())
				}
				continue
			}
			after.list = append(after.list, hook)
		}
	}
	c.webhooks.Store(after)
	c.said = current
	before.replacedBy(after, c.options.Changed)
	return nil
}

// webhook is the one before when it is still the same.
func (c *configurations) webhook(before *webhooks, configuration *configv1alpha1.ResourceInterpreterWebhookConfiguration, n int) (*webhook, error) {
	spec := &configuration.Webhooks[n]
	if before != nil {
		for _, w := range before.list {
			if w.owner == configuration.UID && w.is(spec) {
				return w, nil
			}
		}
	}
	if errs := validation.ValidateInterpreterWebhook(spec); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	return newWebhook(configuration.UID, spec, c.options)
}

// webhooks are all webhooks, in the order in which they are asked. The list does not change; the kinds
// are filled as they are asked for.
type webhooks struct {
	list  []*webhook
	kinds sync.Map // of schema.GroupVersionKind to chosen
}

// chosen are the webhooks for the operations of a kind, in the order of lua.Operations; nil where there
// is none.
type chosen struct {
	by    []*webhook
	hooks interpret.Hooks
}

func (w *webhooks) hooks(kind schema.GroupVersionKind) interpret.Hooks {
	if len(w.list) == 0 {
		w.kinds.LoadOrStore(kind, chosen{})
		return interpret.Hooks{}
	}
	if known, ok := w.kinds.Load(kind); ok {
		return known.(chosen).hooks
	}
	c := w.choose(kind)
	w.kinds.Store(kind, c)
	return c.hooks
}

// choose picks for each operation the first webhook that wants it.
func (w *webhooks) choose(kind schema.GroupVersionKind) chosen {
	c := chosen{by: make([]*webhook, len(lua.Operations))}
	for i, operation := range lua.Operations {
		at := slices.IndexFunc(w.list, func(h *webhook) bool { return h.wants(kind, operation) })
		if at >= 0 {
			c.by[i] = w.list[at]
			w.list[at].hook(operation, &c.hooks)
		}
	}
	return c
}

// replacedBy tells of each kind that was asked for and has other webhooks now.
func (w *webhooks) replacedBy(after *webhooks, changed func(schema.GroupVersionKind)) {
	if w == nil {
		return
	}
	w.kinds.Range(func(key, value any) bool {
		kind := key.(schema.GroupVersionKind)
		after.hooks(kind) // the kind stays known
		was, is := value.(chosen).by, after.choose(kind).by
		if len(was) == 0 {
			was = make([]*webhook, len(is))
		}
		if !slices.Equal(was, is) {
			changed(kind)
		}
		return true
	})
}
