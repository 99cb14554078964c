package interpreter

import (
	"context"
	"errors"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	configv1alpha1 "github.com/seaway-io/seaway/api/config/v1alpha1"
	"github.com/seaway-io/seaway/controllers/core/interpret"
	"github.com/seaway-io/seaway/controllers/core/interpret/lua"
)

// Reasons of events on a ResourceInterpreterCustomization.
const (
	// ReasonInvalidScript: a script is wrong and does not count.
	ReasonInvalidScript = "InvalidScript"
	// ReasonConflict: an older customization explains the same operation of the kind, and counts.
	ReasonConflict = "CustomizationConflict"
)

// customizations keeps a layer of all ResourceInterpreterCustomizations.
type customizations struct {
	client   client.Client
	recorder record.EventRecorder
	options  Options
	table    atomic.Pointer[lua.Table]
	said     said
}

// Hooks implements interpret.Layer.
func (c *customizations) Hooks(kind schema.GroupVersionKind) interpret.Hooks {
	return c.table.Load().Hooks(kind)
}

// Reconcile implements reconcile.Reconciler: whatever has changed, the layer is made anew. Scripts that
// were compiled before are kept.
func (c *customizations) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	return ctrl.Result{}, c.load(ctx, c.client)
}

// load makes the layer. It runs once before the controller does, and then in one worker.
func (c *customizations) load(ctx context.Context, reader client.Reader) error {
	var list configv1alpha1.ResourceInterpreterCustomizationList
	if err := reader.List(ctx, &list); err != nil {
		return err
	}
	before := c.table.Load()
	table := lua.Build(list.Items, c.options.Limits, before)
	c.table.Store(table)
	c.tell(list.Items, table.Faults())
	for _, kind := range table.Changed(before) {
		c.options.Changed(kind)
	}
	return nil
}

func (c *customizations) tell(items []configv1alpha1.ResourceInterpreterCustomization, faults []lua.Fault) {
	objects := make(map[types.UID]runtime.Object, len(items))
	for i := range items {
		objects[items[i].UID] = &items[i]
	}
	current := make(said, len(faults))
	for _, fault := range faults {
		reason := ReasonInvalidScript
		var conflict *lua.Conflict
		if errors.As(fault.Err, &conflict) {
			reason = ReasonConflict
		}
		if c.said.isNew(current, fault.UID, fault.Field+": "+fault.Err.Error()) {
			c.recorder.Event(objects[fault.UID], corev1.EventTypeWarning, reason, "spec.customizations."+fault.Field+": "+fault.Err.Error())
		}
	}
	c.said = current
}

// said are things that events say. An event is written when a thing becomes true, not each time somebody
// looks.
type said map[remark]struct{}

type remark struct {
	about types.UID
	text  string
}

// isNew adds a remark to the current ones and says whether it was not made before.
func (s said) isNew(current said, about types.UID, text string) bool {
	r := remark{about, text}
	current[r] = struct{}{}
	_, before := s[r]
	return !before
}
