package diff

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/interpret/bundled"
	"github.com/seaway-io/seaway/controllers/core/interpret/lua"
)

// asked are the operations that a difference may depend on.
var asked = []configv1alpha1.InterpreterOperation{
	configv1alpha1.InterpreterOperationReviseReplica, configv1alpha1.InterpreterOperationRetain,
}

// interpreter knows the kind as the hub does, by the scripts that are there. Webhooks are for the hub to
// ask: they are where it reaches them, and they trust it.
func (d *differ) interpreter(ctx context.Context, e *effective) error {
	kind := e.template.GroupVersionKind()
	var scripts configv1alpha1.ResourceInterpreterCustomizationList
	var webhooks configv1alpha1.ResourceInterpreterWebhookConfigurationList
	for _, list := range []client.ObjectList{&scripts, &webhooks} {
		err := d.List(ctx, list)
		switch {
		case apierrors.IsForbidden(err), meta.IsNoMatchError(err):
			e.note("interpreters on the hub cannot be read; should one be about %s, the hub makes something else: %v", kind.Kind, err)
		case err != nil:
			return fmt.Errorf("list interpreters: %w", err)
		}
	}
	table := lua.Build(scripts.Items, lua.DefaultLimits, nil)
	e.interpreter = interpret.New(table, bundled.Table())
	for _, operation := range asked {
		if name := webhookFor(webhooks.Items, kind, operation); name != "" && len(table.Scripts(kind, operation)) == 0 {
			e.note("the hub asks the webhook %s for %s of %s, and nobody asks it here: what it changes is not shown", name, operation, kind.Kind)
		}
	}
	return nil
}

// webhookFor names a webhook that is asked about a kind; "" if there is none.
func webhookFor(configurations []configv1alpha1.ResourceInterpreterWebhookConfiguration, kind schema.GroupVersionKind, operation configv1alpha1.InterpreterOperation) string {
	for i := range configurations {
		for _, w := range configurations[i].Webhooks {
			for _, r := range w.Rules {
				if among(r.Operations, operation) && among(r.APIGroups, kind.Group) && among(r.APIVersions, kind.Version) && among(r.Kinds, kind.Kind) {
					return w.Name
				}
			}
		}
	}
	return ""
}

func among[S ~string](list []S, value S) bool {
	return slices.Contains(list, value) || slices.Contains(list, "*")
}
